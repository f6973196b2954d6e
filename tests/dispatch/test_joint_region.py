"""The core under a policy that assigns jointly: who is diverted, who never is, and what is said."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from dispatch_world import REGION, Journal, place, routers, unit
from test_region_properties import Watcher, entry_of

from dispatch import Region
from dispatch.assignment import Given, Move, View
from dispatch.errors import WrongMove
from dispatch.together import JointAssigner
from schemas import codes, effects, journal, wire
from schemas.admission import policy_fault
from schemas.kinds import Diversion
from schemas.policy import Base, Coverage, DemandCell, Joint, Policy
from schemas.records import Assignment, Incident, Standby, Unit
from schemas.snapshot import Snapshot
from schemas.words import each, render

TARGETS_S = {"P1": 120.0, "P2": 120.0, "P3": 600.0, "P4": 900.0}


def joint(**changes: Any) -> Policy:
    """Return a policy that assigns jointly; in the small town every way is short."""
    rules: dict[str, Any] = {"targets_s": TARGETS_S, "queue_wait_s": 150.0}
    rules |= {"lock_s": 10.0, "calm_s": 0.0} | changes
    default = codes.default_policy()
    made = msgspec.structs.replace(default, version="joint", assigner="joint", joint=Joint(**rules))
    assert policy_fault(made) is None
    return made


class Town:
    """A region with some ambulances; medical incidents of any severity want one."""

    def __init__(self, *ambulances: tuple[float, float], policy: Policy | None = None) -> None:
        self.log = Journal()
        self.region = Region(REGION, routers)
        self.staff(*ambulances)
        self.apply(self.log.policy(policy or joint()))

    def apply(self, entry: journal.Entry, seconds: float = 1.0) -> tuple[effects.Effect, ...]:
        return self.region.apply(entry, self.log.wait(seconds))

    def staff(self, *ambulances: tuple[float, float]) -> None:
        units = tuple(unit(f"A{i}", "ambulance", *at) for i, at in enumerate(ambulances))
        self.apply(msgspec.structs.replace(self.log.fleet(), units=units))

    def ill(self, severity: str, column: float, row: float, **about: Any) -> str:
        answers = self.apply(self.log.evidence("medical", severity, place(column, row), **about))
        (placed,) = [a for a in answers if isinstance(a, effects.EvidencePlaced)]
        assert placed.placed == "opened"
        self.answers = answers
        return str(placed.incident)

    def order(self, incident: str, action: journal.Action) -> None:
        self.answers = self.apply(self.log.command(incident, action))
        (told,) = [a for a in self.answers if isinstance(a, effects.CommandAnswered)]
        assert told.outcome == "accepted", told.reason

    def leave(self, name: str, column: float, row: float) -> None:
        """Let a unit be on the road, at some place."""
        self.apply(self.log.stamp(name, "en_route"))
        self.move(name, column, row)

    def move(self, name: str, column: float, row: float) -> None:
        at = place(column, row)
        moved = journal.UnitMoved(
            id=self.log.entry_id(), region=REGION, unit=name, point=at, time=self.log.now
        )
        self.apply(moved)

    def at(self) -> dict[str, str | None]:
        return {one.id: one.incident for one in self.region.snapshot().units}

    def unit(self, name: str) -> Unit:
        return next(one for one in self.region.snapshot().units if one.id == name)

    def incident(self, name: str) -> Incident:
        return next(one for one in self.region.snapshot().incidents if one.id == name)

    def left(self, incident: str) -> list[Assignment]:
        known = self.region.snapshot().assignments
        return [a for a in known if a.incident == incident and a.diversion]

    def lines(self, incident: str) -> list[str]:
        told = [a.entry for a in self.answers if isinstance(a, effects.TimelineAppended)]
        return [render(line.said) for line in told if line.incident == incident]

    def alerts(self, incident: str) -> set[str]:
        return {a.kind for a in self.region.snapshot().alerts if a.incident == incident}


def near_miss(policy: Policy | None = None) -> tuple[Town, str, str]:
    """A P3 far away has the near ambulance, and a P1 happens beside that one; another is far."""
    town = Town((0, 0), (7, 7), policy=policy)
    town.apply(town.log.stamp("A1", "out_of_service"))
    mild = town.ill("P3", 7, 1)
    town.apply(town.log.stamp("A1", "available"))
    town.leave("A0", 2, 1)
    return town, mild, town.ill("P1", 2, 0)


def test_a_unit_on_its_way_is_diverted_and_its_incident_gets_another():
    town, mild, grave = near_miss()
    assert town.at() == {"A0": grave, "A1": mild}
    (left,) = town.left(mild)
    assert (left.unit, left.ended, left.diversion) == ("A0", "cancelled", "diverted")
    assert town.unit("A0").state == town.unit("A1").state == "dispatched"
    number = town.incident(grave).number
    assert [line for line in town.lines(mild) if "instead" in line] == [
        f"救护车A0 (A0) goes to {number} instead"
    ]
    assert any("救护车A1 (A1)" in line for line in town.lines(mild))
    assert town.incident(mild).short == ()
    written = [a for a in town.answers if isinstance(a, effects.AssignmentWritten)]
    assert [(a.assignment.unit, a.change) for a in written] == [
        ("A0", "cancelled"),
        ("A0", "assigned"),
        ("A1", "assigned"),
    ]


def test_a_diversion_says_why_on_both_incidents_in_both_languages():
    town, mild, grave = near_miss()
    entries = [a.entry for a in town.answers if isinstance(a, effects.TimelineAppended)]
    (left,) = [e for e in entries if e.kind == "unassigned"]
    number, other = town.incident(grave).number, town.incident(mild).number
    said = " ".join(each(left.reasons))
    assert f"{number} (P1) needs it more" in said
    assert "A1 takes its place" in said
    assert "由 A1 接替" in " ".join(each(left.reasons, "zh"))
    (sent,) = [e for e in entries if e.kind == "recommended" and e.incident == grave]
    assert f"leaves {other} for this" in render(sent.said)
    assert "least lateness of 2 incidents together" in each(sent.reasons)


def test_the_usual_policy_diverts_nobody():
    town, mild, grave = near_miss(codes.default_policy())
    assert town.at() == {"A0": mild, "A1": grave}
    assert not town.left(mild)


def test_who_is_nearly_there_goes_on():
    town, mild, grave = near_miss(joint(lock_s=600.0))
    assert town.at() == {"A0": mild, "A1": grave}


def test_the_matrix_says_from_whom_units_are_taken():
    town, mild, grave = near_miss(joint(may_take={"P1": ("P1", "P2", "P4")}))
    assert town.at() == {"A0": mild, "A1": grave}


def test_with_nobody_else_the_milder_one_is_queued_and_its_operator_told():
    town = Town((0, 0))
    mild = town.ill("P2", 7, 7)
    town.leave("A0", 1, 1)
    grave = town.ill("P1", 0, 2)
    assert town.at() == {"A0": grave}
    record = town.incident(mild)
    assert [(one.capability, one.count) for one in record.short] == [("als", 1)]
    assert record.state == "pending"
    assert "unresourced" in town.alerts(mild)
    (line,) = [
        a.entry
        for a in town.answers
        if isinstance(a, effects.TimelineAppended) and a.entry.kind == "unassigned"
    ]
    assert "no unit with als takes its place yet" in each(line.reasons)
    town.apply(town.log.stamp("A0", "on_scene"))
    town.apply(town.log.stamp("A0", "available"))
    assert town.at() == {"A0": mild}


def test_an_equal_does_not_take_what_would_leave_the_other_with_nobody():
    town = Town((0, 0))
    first = town.ill("P1", 7, 7)
    town.leave("A0", 1, 1)
    second = town.ill("P1", 1, 2)
    assert town.at() == {"A0": first}
    assert town.incident(second).short


def test_a_nearer_unit_that_clears_takes_over():
    town = Town((0, 0), (7, 6))
    town.apply(town.log.stamp("A1", "out_of_service"))
    grave = town.ill("P1", 7, 7)
    town.apply(town.log.stamp("A0", "en_route"))
    town.answers = town.apply(town.log.stamp("A1", "available"))
    assert town.at() == {"A0": None, "A1": grave}
    (left,) = town.left(grave)
    assert left.diversion == "relieved"
    assert town.unit("A0").state == "available"
    assert "a nearer unit takes the place of 救护车A0 (A0)" in town.lines(grave)
    assert town.incident(grave).state == "en_route"


def test_nobody_is_taken_whom_an_operator_sent_or_who_has_arrived():
    for arrange in (
        lambda town, mild: town.order(mild, journal.Override(units=("A0",), reason="I know him")),
        lambda town, mild: town.apply(town.log.stamp("A0", "on_scene")),
        lambda town, mild: town.order(mild, journal.Hold(reason="wait")),
    ):
        town = Town((0, 0), (7, 7))
        town.apply(town.log.stamp("A1", "out_of_service"))
        mild = town.ill("P3", 7, 1)
        town.apply(town.log.stamp("A1", "available"))
        town.leave("A0", 2, 1)
        arrange(town, mild)
        grave = town.ill("P1", 2, 0)
        assert town.at() == {"A0": mild, "A1": grave}


def test_what_an_operator_is_to_confirm_takes_nobody():
    town = Town((0, 0), (7, 7))
    town.apply(town.log.stamp("A1", "out_of_service"))
    mild = town.ill("P3", 7, 1)
    town.apply(town.log.stamp("A1", "available"))
    town.leave("A0", 2, 1)
    rumour = town.ill("P1", 2, 0, confidence=0.4)
    assert town.at() == {"A0": mild, "A1": None}
    assert "confirm_dispatch" in town.alerts(rumour)
    town.order(rumour, journal.Assign())
    assert town.at() == {"A0": mild, "A1": rumour}, "as was shown to the operator"


def test_a_unit_is_not_sent_elsewhere_twice_within_the_calm():
    for calm_s, moved in ((0.0, True), (90.0, False)):
        town, *_ = near_miss(joint(calm_s=calm_s))
        town.move("A0", 7, 4)
        town.staff((0, 0), (7, 7), (2, 1))
        assert (town.at()["A0"] is None) is moved


def test_nothing_is_displaced_thrice():
    town = Town((0, 0), (7, 0), (0, 7), (7, 7), policy=joint(switch_cost=0.0, least_gain=0.0))
    mild = town.ill("P4", 3.5, 7)
    for number in range(6):
        (name,) = [name for name, at in town.at().items() if at == mild] or [None]
        if name is None:
            break
        town.leave(name, number, 0)
        town.ill("P1", number, 0.5, source_id=f"P{number}")
        for unit_ in town.region.snapshot().units:
            if unit_.incident not in (None, mild):
                town.apply(town.log.stamp(unit_.id, "on_scene"))
                town.apply(town.log.stamp(unit_.id, "available"))
    assert len(town.left(mild)) == 2


def steps(rng: Random, count: int, calls: int = 30) -> Sequence[tuple[Any, float]]:
    """A day in a small town: units that drive, operators, streets; 30 calls are a busy one."""

    def spot() -> Any:
        return place(rng.randrange(15) / 2, rng.randrange(15) / 2)

    def evidence() -> Any:
        category = rng.choice(("fire", "medical", "medical", "traffic_crash", "gas_leak"))
        severity = rng.choice(("P1", "P2", "P3", "P3", "P4"))
        confidence = rng.choice((0.95, 0.95, 0.95, 0.4))
        return "evidence", category, severity, spot(), confidence, "opened", 0

    makers: list[tuple[int, Any]] = [
        (calls, evidence),
        (30, lambda: ("next", rng.randrange(99), rng.choice((0, 0, 1, 2, 3)))),
        (20, lambda: ("move", f"U{rng.randrange(16):02d}", spot(), 0)),
        (6, lambda: ("command", rng.randrange(99), rng.randrange(18), rng.randrange(99))),
        (2, lambda: ("dry_run", rng.randrange(99), rng.randrange(18), rng.randrange(99))),
        (2, lambda: ("merge", rng.randrange(99), rng.randrange(99))),
        (2, lambda: ("unmerge", rng.randrange(99))),
        (5, lambda: ("tick",)),
        (1, lambda: ("fleet", rng.randrange(3))),
        (1, lambda: ("repeat",)),
    ]
    weights = [weight for weight, _ in makers]
    return [
        (rng.choices(makers, weights)[0][1](), rng.choice((0, 1, 5, 20, 60))) for _ in range(count)
    ]


def lost_rightly(before: Snapshot, answers: Sequence[effects.Effect]) -> Counter[Diversion]:
    """Check each diversion against what was known before the entry; count them by kind."""
    incidents = {incident.id: incident for incident in before.incidents}
    known = {assignment.id: assignment for assignment in before.assignments}
    counts: Counter[Diversion] = Counter()
    for answer in answers:
        if not isinstance(answer, effects.AssignmentWritten) or not answer.assignment.diversion:
            continue
        assignment = answer.assignment
        counts[assignment.diversion] += 1
        assert assignment.by == "policy"
        assert assignment.on_scene is None
        assert assignment.id in known, "nobody is sent and sent elsewhere in one entry"
        assert not incidents[assignment.incident].manual
    return counts


def covered(rng: Random) -> dict[str, Coverage]:
    """Return rules for where some kinds wait: bases and calls anywhere in the town."""

    def cell() -> DemandCell:
        at = place(rng.randrange(15) / 2, rng.randrange(15) / 2)
        return DemandCell(lon=at.lon, lat=at.lat, calls_a_day=rng.choice((0.5, 4.0, 40.0)))

    def base(number: int) -> Base:
        at = place(rng.randrange(8), rng.randrange(8))
        return Base(station=f"B{number}", lon=at.lon, lat=at.lat)

    return {
        kind: Coverage(
            cells=tuple(cell() for _ in range(rng.randrange(1, 6))),
            bases=tuple(map(base, range(rng.randrange(2, 5)))),
            drive_cost=0.0,
        )
        for kind in ("ambulance", "fire_engine")
    }


def wait_rightly(before: Snapshot, answers: Sequence[effects.Effect], rules: set[str]) -> int:
    """Check where units wait: whoever is sent nowhere, others keep it; count those told anew."""
    units = {unit.id: unit for unit in before.units}
    told = 0
    for answer in answers:
        if not isinstance(answer, effects.UnitWritten) or answer.unit.id not in units:
            continue
        now, was = answer.unit, units[answer.unit.id]
        if now.assignment is not None:
            assert now.standby is msgspec.UNSET, "whoever is sent waits nowhere"
        if isinstance(now.standby, Standby) and now.standby != was.standby:
            assert now.kind in rules
            assert now.standby.station != now.station
            told += 1
    return told


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_any_day_keeps_the_invariants_and_is_exact(seed: int) -> None:
    rng = Random(seed)
    rules = {"lock_s": rng.choice((0.0, 30.0)), "calm_s": rng.choice((0.0, 60.0))}
    rules |= {"least_gain": rng.choice((0.0, 0.02)), "switch_cost": rng.choice((0.0, 0.1))}
    log, watcher = Journal(), Watcher()
    region, twin = (Region(REGION, routers) for _ in range(2))
    counts: Counter[Diversion] = Counter()
    coverage = covered(rng) if seed % 2 else {}
    told = 0
    last: journal.Entry = log.policy(msgspec.structs.replace(joint(**rules), coverage=coverage))
    for first in (log.fleet(), last):
        assert region.apply(first, log.now) == twin.apply(first, log.now)
    for number, (step, seconds) in enumerate(steps(rng, 250, 8 if coverage else 30)):
        log.wait(seconds)
        entry = entry_of(step, log, region, last)
        if entry is None:
            continue
        before = region.snapshot()
        answers = region.apply(entry, log.now)
        watcher.see(answers, entry)
        watcher.obeys(entry, answers)
        watcher.compare(region.snapshot())
        counts += lost_rightly(before, answers)
        told += wait_rightly(before, answers, set(coverage))
        if number % 50 == 25:
            kept = wire.decode(wire.encode(twin.snapshot()), Snapshot)
            twin = Region.restore(kept, routers)
        again = twin.apply(wire.decode(wire.encode(entry), journal.Entry), log.now)
        assert wire.encode(again) == wire.encode(answers)
        last = entry
    assert region.snapshot() == twin.snapshot()
    lost = Counter(a.incident for a in region.snapshot().assignments if a.diversion)
    assert max(lost.values(), default=0) <= 2
    assert coverage or not told
    assert coverage or counts["diverted"] > 0, "a day on which nobody is diverted proves nothing"


class Wrong(JointAssigner):
    """Answers as `JointAssigner`, but for one thing."""

    def __init__(self, spoil: Callable[[Move], Move | None]) -> None:
        super().__init__(joint().joint)
        self._spoil = spoil

    def moves(self, view: View) -> Sequence[Move]:
        spoilt = map(self._spoil, super().moves(view))
        return [move for move in spoilt if move is not None]


def elsewhere(move: Move) -> Move:
    return move._replace(gives=tuple(one._replace(to="elsewhere") for one in move.gives))


def twice(move: Move) -> Move:
    return move._replace(gives=move.gives * 2)


def strangers(move: Move) -> Move:
    return move._replace(gives=(Given("A1", None, ()),)) if move.gives else move


def keep(move: Move) -> Move:
    return move._replace(gives=())


def forget(move: Move) -> Move | None:
    return None if move.gives else move


@pytest.mark.parametrize("spoil", [elsewhere, twice, strangers, keep, forget])
def test_an_assigner_that_moves_units_wrongly_is_found(spoil: Callable[[Move], Move | None]):
    town = Town((0, 0), (7, 7))
    town.region = Region.restore(town.region.snapshot(), routers, assigner=Wrong(spoil))
    town.apply(town.log.stamp("A1", "out_of_service"))
    town.ill("P3", 7, 1)
    town.apply(town.log.stamp("A1", "available"))
    town.leave("A0", 2, 1)
    with pytest.raises(WrongMove):
        town.ill("P1", 2, 0)
