"""Historic speeds in the core: the journal's clock says which hour of the week holds."""

from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import numpy as np
from dispatch_world import REGION, Journal, place, routers, streets
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch import Region
from dispatch.state import State
from dispatch.travel import conditions
from geo.routing.arc_speeds import ArcSpeeds
from geo.routing.compiled import CompiledRouter
from geo.routing.reference import OPEN, NetworkxRouter, Router
from schemas import codes, wire
from schemas.effects import AssignmentWritten, Effect
from schemas.snapshot import Snapshot

ZONE = "Asia/Shanghai"
TUESDAY = datetime(2026, 11, 24, tzinfo=UTC) - timedelta(hours=8)  # midnight in Shanghai


@cache
def speeds() -> ArcSpeeds:
    """30 km/h by the map; 10 at eight on Tuesday, 15 at eight on other working days."""
    arcs = len(streets().arcs)
    return ArcSpeeds.of_indices(
        streets(),
        ZONE,
        arc=np.repeat(np.arange(arcs), 3),
        hour=np.tile([8, 24 + 8, 24 + 9], arcs),
        kph=np.tile([15.0, 10.0, 30.0], arcs),
        samples=np.ones(3 * arcs, dtype=np.int64),
    )


@cache
def router(city: str) -> Router:
    if city == "grid":
        return CompiledRouter(streets(), "emergency", speeds=speeds())
    return routers(city)


def etas(effects: tuple[Effect, ...]) -> list[float]:
    return [e.assignment.eta_s for e in effects if isinstance(e, AssignmentWritten)]


def sent_at(at: datetime, of: object = router) -> list[float]:
    """Travel times of those sent to the same fire at a moment of the journal."""
    log, region = Journal(), Region(REGION, of)
    log.now = TUESDAY - timedelta(days=10)
    region.apply(log.policy(), log.now)
    region.apply(log.fleet(), log.now)
    log.now = at
    return etas(region.apply(log.evidence("fire", "P2", place(3.5, 3)), at))


def test_the_hour_changes_with_the_journals_clock() -> None:
    usual = sent_at(TUESDAY + timedelta(hours=8), routers)
    assert usual
    before, rush, last, after, monday = (
        sent_at(TUESDAY + timedelta(**time))
        for time in (
            {"hours": 7, "minutes": 59, "seconds": 59},  # nothing known: the whole week's mean
            {"hours": 8},
            {"hours": 8, "minutes": 59, "seconds": 59},
            {"hours": 9},
            {"days": -1, "hours": 8, "minutes": 30},
        )
    )
    assert rush == last
    assert after == usual
    assert all(a > b > c for a, b, c in zip(rush, monday, usual, strict=True))
    assert all(a > b > c for a, b, c in zip(rush, before, usual, strict=True))


def test_without_speeds_every_hour_is_as_before() -> None:
    state = State(Snapshot(region=REGION), codes.default_policy())
    for hours in range(200):
        state.begin(f"entry {hours}", TUESDAY + timedelta(hours=hours))
        assert conditions(state, routers("grid")) == OPEN
    assert sent_at(TUESDAY + timedelta(hours=8), routers) == sent_at(TUESDAY, routers)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 7_200)),
        min_size=2,
        max_size=6,
    ),
    st.data(),
)
def test_a_core_restored_between_any_two_entries_decides_the_same(script, data) -> None:
    log = Journal()
    log.now = TUESDAY + timedelta(hours=7)
    whole = Region(REGION, router)
    entries = [(log.policy(), log.now), (log.fleet(), log.now)]
    for column, row, wait in script:
        log.wait(wait)
        fire = log.evidence("traffic_crash", "P3", place(column / 2, row / 2))
        entries.append((fire, log.now))
    cut = data.draw(st.integers(2, len(entries) - 1))
    expected = [wire.encode(list(whole.apply(entry, at))) for entry, at in entries]
    half = Region(REGION, router)
    found = [wire.encode(list(half.apply(entry, at))) for entry, at in entries[:cut]]
    # Another process: fresh metrics, which have not seen the hours before.
    fresh = CompiledRouter(streets(), "emergency", speeds=speeds())
    saved = msgspec.json.decode(msgspec.json.encode(half.snapshot()), type=type(half.snapshot()))
    rest = Region.restore(saved, lambda _: fresh)
    found += [wire.encode(list(rest.apply(entry, at))) for entry, at in entries[cut:]]
    assert found == expected


def test_both_routers_tell_the_same_hour() -> None:
    plain = NetworkxRouter(streets(), speeds=speeds())
    at = TUESDAY + timedelta(hours=8, minutes=30)
    assert plain.hour_at(at) == router("grid").hour_at(at) == 24 + 8
    assert routers("grid").hour_at(at) is None
