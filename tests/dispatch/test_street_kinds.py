"""Closed lanes and water in the core: seen at once, over by themselves, remembered, replayed."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from dispatch_world import REGION, Journal, place, routers, streets

from dispatch import Region
from dispatch.travel import conditions
from schemas import effects, journal, wire
from schemas.records import Condition
from schemas.snapshot import Snapshot
from schemas.words import render

FIGURES: list[tuple[str, dict[str, Any], str]] = [
    ("lane_closure", {"lanes_closed": 1}, "lane_closure C1 (1 lane closed)"),
    ("lane_closure", {"lanes_closed": 3}, "lane_closure C1 (3 lanes closed)"),
    ("flood_depth", {"depth_m": 0.6}, "flood_depth C1 (0.6 m of water)"),
    ("flood_depth", {"depth_m": 0.45}, "flood_depth C1 (0.45 m of water)"),
]
kinds = pytest.mark.parametrize(("kind", "figure", "told"), FIGURES)


@pytest.fixture
def log() -> Journal:
    return Journal()


@pytest.fixture
def region(log: Journal) -> Region:
    """A region with one ambulance on its way."""
    core = Region(REGION, routers)
    core.apply(log.fleet(), log.now)
    core.apply(log.policy(), log.now)
    core.apply(log.evidence("medical", "P2", place(0.5, 2)), log.wait(1))
    return core


def on_its_way(region: Region) -> tuple[str, ...]:
    """Both directions of a street in the middle of the unit's way."""
    (assignment,) = region.snapshot().assignments
    assert assignment.route is not None
    return streets().both_ways(assignment.route.arcs[len(assignment.route.arcs) // 2])


def change(log: Journal, kind: str, arcs: tuple[str, ...], **more: Any) -> journal.StreetChanged:
    fields: dict[str, Any] = {"condition": "C1", "valid_from": log.now, "reason": "rain"} | more
    return journal.StreetChanged(
        id=log.entry_id(), region=REGION, kind=kind, segments=arcs, **fields
    )


def reasons(answers: tuple[effects.Effect, ...]) -> list[str]:
    return [
        render(reason)
        for answer in answers
        if isinstance(answer, effects.TimelineAppended) and answer.entry.kind == "rerouted"
        for reason in answer.entry.reasons
    ]


@kinds
def test_it_reroutes_with_its_figure_as_reason_and_expires_by_itself(
    region: Region, log: Journal, kind: str, figure: dict[str, Any], told: str
) -> None:
    (before,) = region.snapshot().assignments
    arcs = on_its_way(region)
    until = log.now + timedelta(seconds=60)
    answers = region.apply(change(log, kind, arcs, valid_until=until, **figure), log.wait(1))
    assert reasons(answers) == [f"{told}: rain"]
    (rerouted,) = region.snapshot().assignments
    assert rerouted.route is not None
    assert not set(arcs) & set(rerouted.route.arcs)
    assert region.next_due() == until
    log.wait(61)
    answers = region.apply(log.tick(), log.now)
    assert reasons(answers) == [f"{told} has expired"]
    assert region.snapshot().conditions == ()
    assert region.snapshot().assignments[0].route == before.route


@kinds
def test_one_to_come_begins_by_itself_and_can_be_replaced_and_cleared(
    region: Region, log: Journal, kind: str, figure: dict[str, Any], told: str
) -> None:
    arcs = on_its_way(region)
    later = log.now + timedelta(seconds=30)
    assert reasons(region.apply(change(log, kind, arcs, valid_from=later, **figure), log.now)) == []
    log.wait(31)
    assert reasons(region.apply(log.tick(), log.now)) == [f"{told} has begun"]
    milder = change(log, "flood_depth", arcs, depth_m=0.0)
    assert reasons(region.apply(milder, log.wait(1))) == ["flood_depth C1 (0 m of water): rain"]
    (condition,) = region.snapshot().conditions
    assert (condition.lanes_closed, condition.depth_m) == (None, 0.0)
    region.apply(change(log, "cleared", ()), log.wait(1))
    assert region.snapshot().conditions == ()
    assert region.next_due() is not None  # the incident's own timers go on


@kinds
def test_a_restart_and_a_replay_know_it(
    region: Region, log: Journal, kind: str, figure: dict[str, Any], told: str
) -> None:
    assert told
    kept = wire.encode(region.snapshot())
    first = change(
        log, kind, on_its_way(region), valid_until=log.now + timedelta(seconds=60), **figure
    )
    entries = [(first, log.wait(1))]
    entries += [(log.evidence("fire", "P2", place(6, 6)), log.wait(5)), (log.tick(), log.wait(90))]
    answers = [region.apply(entry, at) for entry, at in entries]
    for restart in range(len(entries)):
        again = Region.restore(wire.decode(kept, Snapshot), routers)
        for i, (entry, at) in enumerate(entries):
            if i == restart:
                remembered = wire.encode(again.snapshot())
                again = Region.restore(wire.decode(remembered, Snapshot), routers)
            heard = wire.decode(wire.encode(entry), journal.Entry)
            assert wire.encode(again.apply(heard, at)) == wire.encode(answers[i])
        assert again.snapshot() == region.snapshot()


@pytest.mark.parametrize(
    ("kind", "figure"),
    [
        ("lane_closure", {"lanes_closed": 0}),
        ("lane_closure", {"lanes_closed": 21}),
        ("flood_depth", {"depth_m": -0.1}),
        ("flood_depth", {"depth_m": 11.0}),
    ],
)
def test_what_no_street_can_have_changes_nothing(
    region: Region, log: Journal, kind: str, figure: dict[str, Any]
) -> None:
    assert region.apply(change(log, kind, on_its_way(region), **figure), log.wait(1)) == ()
    assert region.snapshot().conditions == ()


def test_of_several_on_a_street_the_gravest_holds(region: Region, log: Journal) -> None:
    one, two, *_ = streets().arcs.id
    for name, kind, figure in (
        ("A", "lane_closure", {"lanes_closed": 2}),
        ("B", "lane_closure", {"lanes_closed": 1}),
        ("C", "flood_depth", {"depth_m": 0.1}),
        ("D", "flood_depth", {"depth_m": 0.2}),
        ("E", "speed_factor", {"speed_factor": 0.5}),
        ("F", "closure", {}),
    ):
        arcs = (one,) if name == "F" else (one, two)
        region.apply(change(log, kind, arcs, condition=name, **figure), log.wait(1))
    held = conditions(region._state, routers("grid"))
    assert held.closed == {one}
    assert dict(held.lanes_closed) == {one: 2, two: 2}
    assert dict(held.flood_depths) == {one: 0.2, two: 0.2}
    assert dict(held.speed_factors) == {one: 0.5, two: 0.5}


def test_what_was_recorded_of_older_kinds_stays_the_same(log: Journal) -> None:
    closure = Condition(
        id="C1",
        kind="closure",
        segments=("a",),
        speed_factor=None,
        valid_from=log.now,
        valid_until=None,
        reason="",
    )
    written = msgspec.json.decode(wire.encode(closure))
    assert "lanes_closed" not in written
    assert "depth_m" not in written
    assert wire.decode(wire.encode(closure), Condition) == closure
