"""Units among fences: however it all began anew, the same is told, and terms are counted."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.city import CityData
from intake import IntakeLimits
from intake.fence_watch import FenceWatch
from intake.fencing import FollowedUnits, LastTerms, Told, fence_terms
from schemas.intake import Fix
from tests.city.toy import lonlat
from tests.intake.messages import AT
from tests.streams.fenced import fenced, zone


def watched(city: CityData, limits: IntakeLimits | None = None) -> FenceWatch:
    return FenceWatch(city, fence_terms(city, limits or IntakeLimits()))


@pytest.fixture(scope="module")
def watch(city: CityData) -> FenceWatch:
    return watched(city)


def fix(column: float, row: float, second: float) -> Fix:
    return Fix("u", AT + timedelta(seconds=second), *lonlat(column, row))


def kinds(told: Told) -> list[tuple[str, str]]:
    return [(event.fence, event.detect) for event, _ in told.events]


def again(units: FollowedUnits, told: Told, watch: FenceWatch) -> FollowedUnits:
    """Begin anew from what was kept, as another worker does."""
    last = LastTerms(units.number, watch.terms, units.until)
    return FollowedUnits(watch, 0, told.states, last)


@given(
    fixes=st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), min_size=1, max_size=12),
    cuts=st.sets(st.integers(1, 11)),
)
@settings(max_examples=40, deadline=None)
def test_restarts_change_nothing(watch: FenceWatch, fixes: list[tuple[int, int]], cuts: set[int]):
    drive = [fix(column, row, 40.0 * n) for n, (column, row) in enumerate(fixes)]
    straight = [event.id for event, _ in FollowedUnits(watch, 0).take(drive).events]
    units, told = FollowedUnits(watch, 0), []
    for n, one in enumerate(drive):
        now = units.take([one])
        told += [event.id for event, _ in now.events]
        if n in cuts:
            units = again(units, now, watch)
            assert not units.is_due(AT), "the terms are the same"
    assert told == straight
    assert units.number == 1


def test_another_city_begins_new_terms_and_ends_visits_with_their_names(
    watch: FenceWatch, city: CityData
):
    units = FollowedUnits(watch, 0)
    inside = units.take([fix(5, 5, 0)])
    assert inside.new_terms
    other = watched(fenced(city, [zone("new", 5, 5)]))
    last = LastTerms(units.number, watch.terms, None, watch.names)
    moved = FollowedUnits(other, 0, inside.states, last)
    assert moved.is_due(AT)
    told = moved.take([])
    assert {cause for _, cause in told.events} == {None}
    assert ("zone-a", "closed") in kinds(told)
    assert ("zone-new", "enter") in kinds(told)
    assert {e.fence_name for e, _ in told.events if e.fence == "zone-a"} == {"危险区a"}
    assert (told.new_terms, moved.number) == (True, 2)
    assert not moved.is_due(AT)


def test_a_fence_that_ends_closes_visits_and_stays_ended(city: CityData):
    end = AT + timedelta(seconds=10)
    watch = watched(fenced(city, [zone("short", 5, 5, valid_until=end.isoformat())]))
    units = FollowedUnits(watch, 0)
    assert ("zone-short", "enter") in kinds(units.take([fix(5, 5, 0)]))
    assert not units.is_due(end - timedelta(seconds=1))
    assert units.is_due(end)
    units.end_fences(end)
    told = units.take([])
    assert kinds(told) == [("zone-short", "closed")]
    assert (told.new_terms, units.until) == (True, end)
    later = again(units, told, watch)
    assert not later.is_due(end + timedelta(days=1))
    assert kinds(later.take([fix(5, 5, 5)])) == [], "a late fix finds the fence ended"
