"""Where free units wait: what coverage costs, against an oracle, and what the core then says."""

from collections.abc import Callable
from fractions import Fraction
from math import inf
from typing import Any

import msgspec
import pytest
from dispatch_world import REGION, Journal, place, routers, unit
from hypothesis import given
from hypothesis import strategies as st

from dispatch import Region
from dispatch.costs import MICRO, Costs, milliseconds
from dispatch.coverage import Cover
from schemas import codes, effects, journal, wire
from schemas.admission import policy_fault
from schemas.policy import Base, Coverage, DemandCell, Joint, Policy
from schemas.records import Standby, Unit
from schemas.snapshot import Snapshot
from schemas.words import render

JOINT = Joint()
TRAVELS = st.one_of(st.floats(0.0, 2_000.0), st.just(inf))


def cells(*calls: float) -> tuple[DemandCell, ...]:
    return tuple(DemandCell(lon=121.4, lat=31.2, calls_a_day=number) for number in calls)


def expected(rules: Coverage, seconds: list[list[float]], counts: list[int]) -> float:
    """Return the cost by the formula: each unit by itself, nearest first, exact."""
    costs, busy = Costs(JOINT), Fraction(rules.busy_share)
    unserved = Fraction(rules.unserved_cost)
    total = Fraction(0)
    for cell, row in zip(rules.cells, seconds, strict=True):
        units = sorted(s for s, count in zip(row, counts, strict=True) for _ in range(count))
        a_call = busy ** len(units) * unserved
        for rank, travel in enumerate(units):
            late = unserved
            if travel < inf:
                waited = milliseconds(JOINT.turnout_s)
                late = Fraction(costs.arrival("P1", waited, milliseconds(travel)), MICRO)
            a_call += (1 - busy) * busy**rank * min(late, unserved)
        total += Fraction(cell.calls_a_day) * a_call
    return float(total * Fraction(rules.horizon_s) / 86_400)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Coverage, list[list[float]], list[int]]:
    bases, places = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    calls = draw(st.lists(st.floats(0.1, 50.0), min_size=places, max_size=places))
    rows = st.lists(TRAVELS, min_size=bases, max_size=bases)
    seconds = draw(st.lists(rows, min_size=places, max_size=places))
    counts = draw(st.lists(st.integers(0, 3), min_size=bases, max_size=bases))
    rules = Coverage(cells=cells(*calls), busy_share=draw(st.floats(0.05, 0.95)))
    return rules, seconds, counts


@given(cases())
def test_the_cost_is_that_of_the_formula(case: tuple[Coverage, list[list[float]], list[int]]):
    rules, seconds, counts = case
    cost = Cover(rules, JOINT, seconds).cost(counts) / MICRO
    calls = sum(cell.calls_a_day for cell in rules.cells) * rules.horizon_s / 86_400
    assert cost == pytest.approx(expected(rules, seconds, counts), abs=2e-3 * calls + 1e-5)


@given(cases())
def test_another_unit_never_makes_it_worse(case: tuple[Coverage, list[list[float]], list[int]]):
    rules, seconds, counts = case
    cover = Cover(rules, JOINT, seconds)
    for base in range(len(counts)):
        more = [count + (base == number) for number, count in enumerate(counts)]
        # The shares of ranks are rounded each by itself.
        calls = sum(cell.calls_a_day for cell in rules.cells) * rules.horizon_s / 86_400
        assert cover.cost(more) <= cover.cost(counts) + 1e-3 * MICRO * calls + 1
        assert cover.in_time(more) >= cover.in_time(counts) - 1e-3
        assert 0.0 <= cover.in_time(more) <= 1.0


# -- the core --------------------------------------------------------------------------------


def policy(coverage: dict[str, Coverage], assigner: Any = "joint") -> Policy:
    made = msgspec.structs.replace(
        codes.default_policy(), version="covered", assigner=assigner, coverage=coverage
    )
    assert policy_fault(made) is None
    return made


def demand(*places: tuple[float, float, float], **changes: Any) -> Coverage:
    """Return rules for a town of 1.4 km, where a minute counts as four would in a large one."""
    found = []
    for column, row, calls in places:
        at = place(column, row)
        found.append(DemandCell(lon=at.lon, lat=at.lat, calls_a_day=calls))
    return Coverage(cells=tuple(found), **({"drive_cost": 0.0} | changes))


WEST, EAST = (0, 0), (7, 7)


def station(name: str, of: Unit) -> Unit:
    return msgspec.structs.replace(of, station=name)


class Town:
    """Two ambulances at W and one at E, by default; more calls come from E."""

    def __init__(self, made: Policy | None = None, units: tuple[Unit, ...] = ()) -> None:
        self.log = Journal()
        self.region = Region(REGION, routers)
        self.units = units or (
            station("W", unit("A0", "ambulance", *WEST)),
            station("W", unit("A1", "ambulance", *WEST)),
            station("E", unit("A2", "ambulance", *EAST)),
        )
        self.apply(msgspec.structs.replace(self.log.fleet(), units=self.units))
        both = {"ambulance": demand((*WEST, 19.0), (*EAST, 21.0))}
        self.apply(self.log.policy(made or policy(both)))

    def apply(self, entry: journal.Entry, seconds: float = 1.0) -> tuple[effects.Effect, ...]:
        self.answers = self.region.apply(entry, self.log.wait(seconds))
        return self.answers

    def unit(self, name: str) -> Unit:
        return next(one for one in self.region.snapshot().units if one.id == name)

    def waits(self, name: str) -> str:
        standby = self.unit(name).standby
        return standby.station if isinstance(standby, Standby) else "at home"

    def ill(self, column: float, row: float) -> str:
        """Let somebody fall ill; return who is sent."""
        answers = self.apply(self.log.evidence("medical", "P1", place(column, row)))
        (sent,) = [a.assignment.unit for a in answers if isinstance(a, effects.AssignmentWritten)]
        return str(sent)

    def stamp(self, name: str, *statuses: str) -> None:
        for status in statuses:
            self.apply(self.log.stamp(name, status))

    def answer(self, name: str) -> None:
        self.stamp(name, "en_route", "on_scene", "returning")


def test_a_unit_that_clears_waits_where_nobody_does():
    town = Town()
    assert town.ill(*EAST) == "A2"
    (first, second) = town.ill(*WEST), town.ill(3, 0)
    town.answer(first)
    assert town.waits(first) == "E", "nobody else is free"
    town.answer(second)
    assert town.waits(second) == "at home"
    (why,) = town.unit(first).standby.reasons  # type: ignore[union-attr]
    assert render(why).startswith("wait at E, not at W: ")


def test_it_is_told_to_all_who_hear_of_units():
    town = Town()
    town.ill(*EAST)
    first = town.ill(*WEST)
    town.ill(3, 0)
    town.answer(first)
    (written,) = [a.unit for a in town.answers if isinstance(a, effects.UnitWritten)]
    assert written.standby == town.unit(first).standby
    assert written.state == "returning"


def test_at_base_it_goes_on_waiting_and_when_sent_it_is_over():
    town = Town()
    town.ill(*EAST)
    first = town.ill(*WEST)
    town.ill(3, 0)
    town.answer(first)
    town.stamp(first, "available")
    assert town.waits(first) == "E"
    assert town.ill(5, 5) == first
    assert town.unit(first).standby is msgspec.UNSET


def test_a_unit_that_the_fleet_names_again_waits_where_it_did():
    town = Town()
    town.ill(*EAST)
    first = town.ill(*WEST)
    town.ill(3, 0)
    town.answer(first)
    town.apply(msgspec.structs.replace(town.log.fleet(), units=town.units))
    assert town.waits(first) == "E"


def test_a_unit_called_back_is_told_where_to_wait():
    town = Town()
    town.ill(*EAST)
    first = town.ill(*WEST)
    town.ill(3, 0)
    incident = str(town.unit(first).incident)
    town.apply(town.log.command(incident, journal.Unassign(units=(first,), reason="false alarm")))
    assert town.unit(first).incident is None
    assert town.waits(first) == "E"


def test_driving_far_must_be_worth_it():
    costly = {"ambulance": demand((*WEST, 20.0), (*EAST, 20.0), drive_cost=50.0)}
    town = Town(policy(costly))
    town.ill(*EAST)
    first = town.ill(*WEST)
    town.answer(first)
    assert town.waits(first) == "at home"


def test_a_base_of_the_policy_is_none_of_the_fleet():
    at = place(4, 4)
    base = Base(station="Hospital", lon=at.lon, lat=at.lat)
    town = Town(policy({"ambulance": demand((4, 4, 40.0), bases=(base,))}))
    first = town.ill(*WEST)
    town.answer(first)
    assert town.waits(first) == "Hospital"


@pytest.mark.parametrize("assigner", ["fewest_seconds", "joint"])
def test_kinds_without_rules_go_home(assigner: str):
    town = Town(policy({"fire_engine": demand((*EAST, 9.0))}, assigner))
    first = town.ill(*WEST)
    town.answer(first)
    assert town.unit(first).standby is msgspec.UNSET
    assert b"standby" not in msgspec.json.encode(town.unit(first))


def test_without_a_map_straight_lines_tell():
    town = Town()
    town.region = Region.restore(town.region.snapshot(), lambda _: None)  # type: ignore[arg-type, return-value]
    town.ill(*EAST)
    first = town.ill(*WEST)
    town.ill(3, 0)
    town.answer(first)
    assert town.waits(first) == "E"


def test_a_core_that_goes_on_from_a_snapshot_says_the_same():
    def played(*, restored: bool) -> bytes:
        town, said = Town(), []
        for column, row in ((7, 7), (0, 0), (3, 0)):
            name = town.ill(column, row)
            if restored:
                kept = msgspec.json.encode(town.region.snapshot())
                town.region = Region.restore(msgspec.json.decode(kept, type=Snapshot), routers)
            for status in ("en_route", "on_scene", "returning"):
                said += town.apply(town.log.stamp(name, status))
        return b"\n".join(map(wire.encode, said))

    assert played(restored=False) == played(restored=True)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda c: {"lorry": c}, "policy.coverage names 'lorry', which is no kind of unit"),
        (lambda c: {"ambulance": _with(c, cells=())}, "policy.coverage[ambulance].cells are 0"),
        (
            lambda c: {"ambulance": _with(c, busy_share=1.0)},
            "policy.coverage[ambulance].busy_share is 1, not 0.05 to 0.95",
        ),
        (
            lambda c: {"ambulance": _with(c, cells=cells(0.0))},
            "policy.coverage[ambulance].cells[0].calls_a_day is 0",
        ),
        (
            lambda c: {"ambulance": _with(c, bases=(Base(station="X", lon=200.0, lat=0.0),))},
            "policy.coverage[ambulance].bases[0].lon is 200",
        ),
    ],
)
def test_rules_that_nobody_could_follow_are_refused(
    changed: Callable[[Coverage], dict[str, Coverage]], told: str
):
    rules = Coverage(cells=cells(1.0))
    made = msgspec.structs.replace(codes.default_policy(), coverage=changed(rules))
    assert told in str(policy_fault(made))


def _with(rules: Coverage, **changes: Any) -> Coverage:
    return msgspec.structs.replace(rules, **changes)
