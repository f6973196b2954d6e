"""Events of units among a city's fences: the same however it is cut, ids included."""

import random
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from geo.errors import BadFence
from intake.fence_watch import FenceTerms, FenceWatch
from tests.city.toy import lonlat, toy_city
from tests.streams.fenced import beats, fenced, zone

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
END = NOON + timedelta(seconds=40)
CITY = fenced(toy_city(), [*beats(), zone("a", 13, 13, 1_500, valid_until=END.isoformat())])
TERMS = FenceTerms(city=CITY.digest, dwell_s=5.0)


class Fix(NamedTuple):
    unit: str
    at: datetime
    lon: float
    lat: float
    accuracy_m: float | None = None


def drive(seed: int, count: int = 400) -> list[Fix]:
    rng = random.Random(seed)
    fixes = []
    for number in range(count):
        at = NOON + timedelta(milliseconds=number * 150 - rng.choice([0, 0, 0, 3_000]))
        place = lonlat(rng.gauss(13, 3), rng.gauss(13, 3))
        fixes.append(Fix(rng.choice("abc"), at, *place, rng.choice([None, 10.0, 100.0])))
    return fixes


def test_batches_and_restarts_change_nothing() -> None:
    watch, fixes = FenceWatch(CITY, TERMS), drive(1)
    follower, none = watch.follow()
    assert none == []
    whole = [event for event, _ in follower.observe(fixes)]
    assert {e.detect for e in whole} == {"enter", "exit", "cross", "closed", "dwell"}
    assert len({e.id for e in whole}) == len(whole)
    rng = random.Random(2)
    parts, follower = [], watch.follow()[0]
    while fixes:
        cut = rng.randrange(1, 30)
        parts += [event for event, _ in follower.observe(fixes[:cut])]
        fixes = fixes[cut:]
        follower, told = watch.follow(reversed(follower.units()))
        assert told == []
    assert parts == whole


def test_an_event_says_which_fix_where_and_in_what() -> None:
    follower, _ = FenceWatch(CITY, TERMS).follow()
    fix = Fix("a", NOON, *lonlat(13, 13), 3.0)
    told = follower.observe([Fix("b", NOON, *lonlat(0, 0)), fix])
    event = next(event for event, number in told if number == 1 and event.fence == "zone-a")
    assert (event.fence_kind, event.fence_name, event.detect) == ("hazard_zone", "危险区a", "enter")
    assert (event.unit, event.at, event.lon, event.lat, event.accuracy_m) == fix[:1] + fix[1:]


def test_a_fence_ends_for_units_that_are_silent_and_the_event_is_the_same() -> None:
    watch = FenceWatch(CITY, TERMS)
    inside, later = Fix("a", NOON, *lonlat(13, 13)), Fix("a", END, *lonlat(13, 13))
    silent, heard = watch.follow()[0], watch.follow()[0]
    for follower in (silent, heard):
        follower.observe([inside])
    assert not silent.has_ended(END - timedelta(seconds=1))
    assert silent.has_ended(END)
    (event,) = silent.expire(END)
    assert not silent.has_ended(END)
    ((same, _),) = [(e, n) for e, n in heard.observe([later]) if e.detect == "closed"]
    assert (event.id, event.at, event.detect) == (same.id, END, "closed")
    again, told = watch.follow(silent.units(), until=END)
    assert (told, again.observe([Fix("a", NOON + timedelta(seconds=1), *lonlat(13, 13))])) == (
        [],
        [],
    )


def test_other_fences_have_other_ids_for_the_same_time() -> None:
    follower, _ = FenceWatch(CITY, TERMS).follow()
    follower.observe([Fix("a", NOON, *lonlat(13, 13))])
    other = fenced(CITY, [zone("b", 13, 13)])
    watch = FenceWatch(other, FenceTerms(city=other.digest))
    told = [
        watch.follow(follower.units(), cause=cause, names={"zone-a": ("hazard_zone", "old")})[1]
        for cause in ("1", "2")
    ]
    assert [e.fence for e in told[0] if e.detect == "enter"] == ["zone-b"]
    closed = next(e for e in told[0] if e.fence == "zone-a")
    assert (closed.detect, closed.fence_name, closed.at) == ("closed", "old", NOON)
    assert not {e.id for e in told[0]} & {e.id for e in told[1]}


@pytest.mark.parametrize("text", ["soon", "2026-11-24T08:00:00", 7])
def test_an_end_that_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(BadFence, match="valid_until"):
        FenceWatch(fenced(CITY, [zone("odd", 5, 5, valid_until=text)]), TERMS)


def test_terms_must_make_sense() -> None:
    with pytest.raises(ValueError, match="unknown fence kind 'park'"):
        FenceWatch(CITY, FenceTerms(city="x", kinds=("park",)))
