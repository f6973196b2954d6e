"""An entry is settled once: for all that it touched together, and nothing is asked twice."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from dispatch_world import REGION, Journal, fleet, place, router, routers, streets
from dispatch_world import unit as unit_at

from dispatch import Region
from dispatch.assignment import FewestSeconds, Move, View
from dispatch.errors import WrongMove
from dispatch.looks import LOOKS
from dispatch.travel import conditions
from geo.routing.reference import OPEN, Conditions, Position, Route
from schemas import codes, effects, journal
from schemas.admission import policy_fault
from schemas.policy import StraightLine
from schemas.records import Candidate, Incident
from schemas.words import because, each, render

UNSURE = 0.4
"""A confidence at which an operator must confirm."""


@pytest.fixture
def log() -> Journal:
    return Journal()


@pytest.fixture
def region(log: Journal) -> Region:
    return begun(log, Region(REGION, routers))


def begun(log: Journal, region: Region) -> Region:
    region.apply(log.fleet(), log.now)
    return region


def opened(
    region: Region,
    log: Journal,
    category: str,
    severity: str,
    column: float,
    *,
    confidence: float = 0.9,
    row: float = 2,
) -> str:
    evidence = log.evidence(category, severity, place(column, row), confidence=confidence)
    answers = region.apply(evidence, log.wait(1))
    (placed,) = [a for a in answers if isinstance(a, effects.EvidencePlaced)]
    assert placed.placed == "opened"
    return str(placed.incident)


def record(region: Region, incident: str) -> Incident:
    return next(i for i in region.snapshot().incidents if i.id == incident)


def alerts_of(region: Region, incident: str) -> dict[str, str]:
    return {a.kind: render(a.said) for a in region.snapshot().alerts if a.incident == incident}


def sent(answers: Sequence[effects.Effect]) -> list[tuple[str, str]]:
    return [
        (a.assignment.incident, a.assignment.unit)
        for a in answers
        if isinstance(a, effects.AssignmentWritten) and a.change == "assigned"
    ]


def lines(answers: Sequence[effects.Effect], *kinds: str) -> list[str]:
    written = [a.entry for a in answers if isinstance(a, effects.TimelineAppended)]
    return [render(entry.said) for entry in written if entry.kind in kinds]


def ambulances(region: Region) -> list[str]:
    return [u.id for u in region.snapshot().units if u.kind == "ambulance"]


def only_ambulance(region: Region, log: Journal) -> str:
    """Take all ambulances but one out of service."""
    first, *others = [u.id for u in region.snapshot().units if u.kind == "ambulance"]
    for unit in others:
        region.apply(log.stamp(unit, "out_of_service"), log.wait(1))
    return first


def test_an_incident_touched_three_times_is_recommended_once(region: Region, log: Journal) -> None:
    reports = [log.evidence("fire", "P2", place(2, 2)) for _ in range(4)]
    for report in reports:
        region.apply(report, log.wait(1))
    (fire,) = region.snapshot().incidents
    moving = tuple(report.evidence.id for report in reports[1:])
    command = log.command(fire.id, journal.Split(evidence=moving, reason="another house"))
    answers = region.apply(command, log.wait(1))
    recommended = [a.incident for a in answers if isinstance(a, effects.Recommended)]
    assert recommended
    assert max(Counter(recommended).values()) == 1


def test_lines_of_the_settling_stand_behind_those_of_the_entry(
    region: Region, log: Journal
) -> None:
    answers = region.apply(log.evidence("fire", "P2", place(2, 2)), log.wait(1))
    kinds = [a.entry.kind for a in answers if isinstance(a, effects.TimelineAppended)]
    assert kinds[:3] == ["reported", "state", "recommended"]
    assert set(kinds[3:]) == {"assigned", "state"}


def test_of_two_that_compete_for_one_unit_the_worse_is_served(region: Region, log: Journal) -> None:
    """The unit turns back: what it was sent to wants it again, but somebody needs it more."""
    unit = only_ambulance(region, log)
    mild = opened(region, log, "medical", "P3", 1)
    assert record(region, mild).short == ()
    grave = opened(region, log, "medical", "P1", 6)
    assert record(region, grave).short
    answers = region.apply(log.stamp(unit, "available"), log.wait(1))
    assert (grave, unit) in sent(answers)
    assert record(region, mild).short


class Watching(FewestSeconds):
    """Does as `FewestSeconds`, and keeps what it saw."""

    def __init__(self) -> None:
        self.views: list[View] = []

    def moves(self, view: View) -> Sequence[Move]:
        self.views.append(view)
        return super().moves(view)


def test_an_assigner_sees_all_demands_and_all_able_units_together(log: Journal) -> None:
    assigner = Watching()
    region = begun(log, Region(REGION, routers, assigner=assigner))
    medics = [u for u in region.snapshot().units if u.kind == "ambulance"]
    for unit in medics:
        region.apply(log.stamp(unit.id, "out_of_service"), log.wait(1))
    mild = opened(region, log, "medical", "P3", 1)
    older = opened(region, log, "medical", "P2", 4)
    newer = opened(region, log, "medical", "P2", 7)
    assigner.views.clear()
    back = [msgspec.structs.replace(unit, id=f"N{unit.id}") for unit in fleet()]
    answers = region.apply(
        msgspec.structs.replace(log.fleet(), units=(*fleet(), *back)), log.wait(1)
    )
    (view,) = assigner.views
    assert [demand.incident for demand in view.demands] == [older, newer, mild]
    assert [unit.id for unit in view.units] == sorted(
        u.id for u in back if set(u.capabilities) & {"als", "bls"}
    )
    assert len(sent(answers)) == 3
    choices = view.choices(view.demands[0])
    assert [choice.unit.id for choice in choices] == [unit.id for unit in view.units]


class Twice:
    """Sends one unit to everybody."""

    reassigns = False

    def moves(self, view: View) -> Sequence[Move]:
        unit, *_ = view.units
        return [
            Move(
                demand.incident,
                tuple(
                    Candidate(
                        unit=unit.id,
                        capability=requirement.capability,
                        seconds=1.0,
                        chosen=True,
                        reasons=(because("fewest_seconds"),),
                    )
                    for requirement in demand.requirements
                ),
                (),
                (),
            )
            for demand in view.demands
        ]


def test_an_assigner_that_sends_a_unit_twice_is_stopped(log: Journal) -> None:
    region = begun(log, Region(REGION, routers, assigner=Twice()))
    with pytest.raises(WrongMove, match="U00 for als"):
        opened(region, log, "fire", "P2", 2)


def test_what_waits_for_an_operator_keeps_no_unit_from_others(region: Region, log: Journal) -> None:
    """Of two demands in one entry the worse one only asks: the other gets the unit at once."""
    unit = only_ambulance(region, log)
    region.apply(log.stamp(unit, "out_of_service"), log.wait(1))
    asks = opened(region, log, "medical", "P1", 1)
    region.apply(log.command(asks, journal.Assign(units=("U08",), reason="r")), log.wait(1))
    region.apply(log.command(asks, journal.Unassign(units=("U08",), reason="r")), log.wait(1))
    other = opened(region, log, "medical", "P3", 6)
    answers = region.apply(log.stamp(unit, "available"), log.wait(1))
    assert sent(answers) == [(other, unit)]
    # And nobody is asked to send who has just gone.
    assert "confirm_dispatch" not in alerts_of(region, asks)
    assert "unresourced" in alerts_of(region, asks)


@pytest.mark.parametrize("by", ["another incident", "an operator", "its crew"])
def test_another_unit_is_recommended_when_the_first_is_taken(
    region: Region, log: Journal, by: str
) -> None:
    asks = opened(region, log, "medical", "P3", 1, confidence=0.1)
    (first,) = [u for u in ambulances(region) if u in alerts_of(region, asks)["confirm_dispatch"]]
    if by == "its crew":
        region.apply(log.stamp(first, "out_of_service"), log.wait(1))
    elif by == "an operator":
        other = opened(region, log, "medical", "P1", 6, confidence=0.1)
        region.apply(log.command(other, journal.Assign(units=(first,), reason="r")), log.wait(1))
    else:
        here = next(u.position for u in region.snapshot().units if u.id == first)
        region.apply(log.evidence("medical", "P1", here), log.wait(1))
    assert first not in alerts_of(region, asks)["confirm_dispatch"]
    assert any(u in alerts_of(region, asks)["confirm_dispatch"] for u in ambulances(region))
    restored = Region.restore(region.snapshot(), routers)
    stamp = log.stamp(first, "out_of_service")
    for one in (region, restored):
        one.apply(stamp, log.now)
    assert restored.snapshot() == region.snapshot()


def test_what_is_new_waits_for_the_worse_that_a_look_has_not_come_to(log: Journal) -> None:
    """So many units become free at once that one look does not come to all who are short."""
    region = begun(log, Region(REGION, routers))
    region.apply(journal.FleetChanged(id="none", region=REGION, city="grid", units=()), log.wait(1))
    many = 2 * LOOKS + 4
    grave = [opened(region, log, "medical", "P1", at % 8, row=at // 8) for at in range(many)]
    cars = tuple(unit_at(f"N{n:02d}", "ambulance", n % 8, 0) for n in range(many - 2))
    entry = journal.FleetChanged(id="all", region=REGION, city="grid", units=cars)
    first = region.apply(entry, log.now)
    answers = region.apply(log.evidence("medical", "P3", place(0, 30)), log.now)
    (placed,) = [a for a in answers if isinstance(a, effects.EvidencePlaced)]
    (short,) = record(region, str(placed.incident)).short
    assert short.why == because("worse_ones_first")
    answers += region.apply(log.tick(), log.now)
    assert [i for i, _ in sent((*first, *answers))] == grave[: many - 2]
    assert {i.severity for i in region.snapshot().incidents if i.short} == {"P1", "P3"}


def test_a_dry_run_tells_what_is_settled_because_of_it(region: Region, log: Journal) -> None:
    unit = only_ambulance(region, log)
    mild = opened(region, log, "medical", "P3", 1)
    grave = opened(region, log, "medical", "P1", 6)
    command = log.command(mild, journal.Unassign(units=(unit,), reason="needed there"))
    (answer,) = region.apply(msgspec.structs.replace(command, dry_run=True), log.wait(1))
    assert isinstance(answer, effects.CommandAnswered)
    assert answer.outcome == "tried"
    told = "\n".join(each(answer.changes))
    assert f"goes on from {record(region, mild).number} to {record(region, grave).number}" in told
    assert sent(region.apply(msgspec.structs.replace(command, id="x"), log.wait(1))) == [
        (grave, unit)
    ]


def test_a_dry_run_tells_nothing_that_comes_of_due_timers(region: Region, log: Journal) -> None:
    for unit in [u.id for u in region.snapshot().units if u.kind == "ambulance"]:
        region.apply(log.stamp(unit, "out_of_service"), log.wait(1))
    incident = opened(region, log, "medical", "P3", 1)
    log.wait(codes.default_policy().timers["P3"].unresourced_s)
    command = log.command(incident, journal.AddNote(text="nothing else"))
    answers = region.apply(msgspec.structs.replace(command, dry_run=True), log.now)
    (answer,) = [a for a in answers if isinstance(a, effects.CommandAnswered)]
    assert each(answer.changes) == (f"{record(region, incident).number}: nothing else",)
    assert lines(answers, "escalated")


def test_an_operator_who_confirms_is_answered_with_the_version_that_he_left(
    region: Region, log: Journal
) -> None:
    incident = opened(region, log, "medical", "P2", 1, confidence=UNSURE)
    answers = region.apply(log.command(incident, journal.Assign()), log.wait(1))
    assert [a for a, _ in sent(answers)] == [incident]
    (answer,) = [a for a in answers if isinstance(a, effects.CommandAnswered)]
    assert answer.outcome == "accepted"
    assert answer.version == record(region, incident).version
    (assignment,) = region.snapshot().assignments
    assert assignment.by == "wang"


def test_what_is_scheduled_goes_when_an_operator_says_so(region: Region, log: Journal) -> None:
    incident = opened(region, log, "medical", "P2", 1, confidence=UNSURE)
    region.apply(log.command(incident, journal.SetState(state="scheduled")), log.wait(1))
    answers = region.apply(log.command(incident, journal.Assign()), log.wait(1))
    assert [a for a, _ in sent(answers)] == [incident]
    assert record(region, incident).state == "dispatched"


def test_nobody_can_be_sent_is_a_refusal(region: Region, log: Journal) -> None:
    incident = opened(region, log, "medical", "P2", 1, confidence=UNSURE)
    for unit in [u.id for u in region.snapshot().units if u.kind == "ambulance"]:
        region.apply(log.stamp(unit, "out_of_service"), log.wait(1))
    answers = region.apply(log.command(incident, journal.Assign()), log.wait(1))
    (answer,) = [a for a in answers if isinstance(a, effects.CommandAnswered)]
    assert answer.outcome == "refused"
    assert "nobody can be sent" in render(answer.reason)
    assert "no free unit has it" in render(answer.reason)
    # What was asked is asked no more: the incident is short, and looked at again.
    assert {a.kind for a in region.snapshot().alerts} >= {"unresourced"}
    assert "confirm_dispatch" not in {a.kind for a in region.snapshot().alerts}
    answers = region.apply(log.stamp(unit, "available"), log.wait(1))
    assert "confirm_dispatch" in {a.kind for a in region.snapshot().alerts}


def test_nobody_is_asked_to_send_who_has_gone(region: Region, log: Journal) -> None:
    unit = only_ambulance(region, log)
    incident = opened(region, log, "medical", "P3", 1, confidence=0.1)
    assert unit in alerts_of(region, incident)["confirm_dispatch"]
    opened(region, log, "medical", "P1", 6)
    region.apply(log.evidence("medical", "P3", place(1, 2), confidence=0.1), log.wait(1))
    assert "confirm_dispatch" not in alerts_of(region, incident)
    assert record(region, incident).short


def test_nobody_is_asked_for_what_the_plans_ask_for_no_more(region: Region, log: Journal) -> None:
    asked = opened(region, log, "medical", "P3", 1, confidence=0.1)
    lost = str(region.apply(log.evidence("medical", "P3", None), log.wait(1))[-1].incident.id)
    assert "confirm_dispatch" in alerts_of(region, asked)
    assert "unlocated" in alerts_of(region, lost)
    nobody = msgspec.structs.replace(codes.default_policy(), version="nobody", plans=())
    region.apply(log.policy(nobody), log.wait(1))
    assert {a.kind for a in region.snapshot().alerts} <= {"new_incident", "possible_duplicate"}


@pytest.mark.parametrize("held", [False, True])
def test_who_has_arrived_is_not_too_many(region: Region, log: Journal, held: bool) -> None:
    one, two = (opened(region, log, "medical", "P2", column) for column in (1, 5))
    region.apply(log.command(one, journal.Merge(into=two)), log.wait(1))
    assert "surplus" in alerts_of(region, two)
    if held:
        region.apply(log.command(two, journal.Hold(reason="wait")), log.wait(1))
    for unit in [u.id for u in region.snapshot().units if u.incident == two]:
        region.apply(log.stamp(unit, "on_scene"), log.wait(1))
    assert "surplus" not in alerts_of(region, two)


def test_that_fewer_of_those_free_can_get_there_is_no_news(log: Journal) -> None:
    region = begun(log, Region(REGION, routers))
    policy = msgspec.structs.replace(codes.default_policy(), max_eta_s=1.0)
    region.apply(log.policy(policy), log.wait(1))
    incident = opened(region, log, "medical", "P1", 1.3)
    (short,) = record(region, incident).short
    assert short.why == because("none_can_get_there", able=3)
    unit = next(u.id for u in region.snapshot().units if u.kind == "ambulance")
    region.apply(log.stamp(unit, "out_of_service"), log.wait(1))
    answers = region.apply(log.tick(), log.wait(3600))
    (short,) = record(region, incident).short
    assert short.why == because("none_can_get_there", able=2)
    assert not lines(answers, "short", "recommended")
    assert not [a for a in answers if isinstance(a, effects.Recommended)]
    raised = [a.alert.kind for a in answers if isinstance(a, effects.AlertWritten)]
    assert "unresourced" not in raised


class Counting:
    """The router, which counts what it is asked."""

    def __init__(self) -> None:
        self.etas_of: Counter[tuple[Position, Position]] = Counter()
        self.ways: Counter[tuple[Position, Position]] = Counter()

    def etas(
        self,
        sources: Sequence[Position],
        target: Position,
        conditions: Conditions = OPEN,
        cutoff_s: float | None = None,
    ) -> list[float]:
        self.etas_of.update((source, target) for source in sources)
        return router().etas(sources, target, conditions, cutoff_s)

    def route(self, source: Position, target: Position, conditions: Conditions = OPEN) -> Route:
        self.ways[source, target] += 1
        return router().route(source, target, conditions)

    def hour_at(self, at: object) -> int | None:
        del at
        return None


def test_nothing_is_asked_twice(log: Journal) -> None:
    counting = Counting()
    region = begun(log, Region(REGION, lambda _city: counting))
    incident = opened(region, log, "fire", "P2", 2, confidence=UNSURE)
    answers = region.apply(log.command(incident, journal.Assign()), log.wait(1))
    assert sent(answers)
    assert 0 < len(counting.ways) <= len(sent(answers))  # two may stand at one place
    # Nobody has moved since the incident opened, so the command asks for no times again.
    assert set(counting.ways.values()) == set(counting.etas_of.values()) == {1}


def test_who_has_moved_is_asked_about_again_and_nobody_else(log: Journal) -> None:
    counting = Counting()
    region = begun(log, Region(REGION, lambda _city: counting))
    incident = opened(region, log, "fire", "P2", 2, confidence=UNSURE)
    from_where = {source for source, _ in counting.etas_of}
    units = region.snapshot().units
    moved = next(u for u in units if (u.position.lon, u.position.lat) in from_where)
    at = place(5, 5)
    entry = journal.UnitMoved(
        id=log.entry_id(), region=REGION, unit=moved.id, point=at, time=log.now
    )
    region.apply(entry, log.wait(1))
    counting.etas_of.clear()
    assert sent(region.apply(log.command(incident, journal.Assign()), log.wait(1)))
    assert [source for source, _ in counting.etas_of] == [(at.lon, at.lat)]


def test_times_are_asked_again_when_streets_change(log: Journal) -> None:
    counting = Counting()
    region = begun(log, Region(REGION, lambda _city: counting))
    incident = opened(region, log, "fire", "P2", 2, confidence=UNSURE)
    before = set(counting.etas_of)
    closure = journal.StreetChanged(
        id=log.entry_id(),
        region=REGION,
        condition="works",
        kind="closure",
        segments=(streets().arcs.id[0],),
        valid_from=log.now,
        valid_until=None,
    )
    region.apply(closure, log.wait(1))
    counting.etas_of.clear()
    region.apply(log.command(incident, journal.Assign()), log.wait(1))
    assert set(counting.etas_of) == before


def test_street_conditions_are_made_once_a_change(region: Region, log: Journal) -> None:
    arc = streets().arcs.id[0]

    def closure(name: str, begins: float, ends: float) -> None:
        entry = journal.StreetChanged(
            id=log.entry_id(),
            region=REGION,
            condition=name,
            kind="closure",
            segments=(arc,),
            valid_from=log.now + timedelta(seconds=begins),
            valid_until=log.now + timedelta(seconds=ends),
        )
        region.apply(entry, log.wait(1))

    def now() -> Conditions:
        region.apply(log.tick(), log.wait(1))
        return conditions(region._state, router())

    closure("C1", 100, 200)
    before = now()
    assert before.closed == frozenset()
    assert now() is before
    log.wait(100)
    during = now()
    assert during.closed == {arc}
    assert now() is during
    log.wait(100)
    assert now().closed == frozenset()


def test_no_way_is_too_long_to_be_late_on(region: Region, log: Journal) -> None:
    """By a policy that is admitted, a unit may need longer to a scene than time can be counted."""
    known = codes.default_policy()
    timers = {k: msgspec.structs.replace(v, late_factor=1_000.0) for k, v in known.timers.items()}
    slow = StraightLine(detour=100.0, speed_mps=0.1)
    policy = msgspec.structs.replace(known, timers=timers, straight_line=slow)
    assert policy_fault(policy) is None
    region.apply(log.policy(policy), log.wait(1))
    incident = opened(region, log, "medical", "P3", -5_000, confidence=UNSURE)
    command = log.command(incident, journal.Assign(units=("U05",), reason="the only one"))
    assert [i for i, _ in sent(region.apply(command, log.wait(1)))] == [incident]


def test_a_larger_plan_is_looked_for_where_something_is_short_already(
    region: Region, log: Journal
) -> None:
    """Nobody has hazmat here, which hid that a second pump was asked for."""
    leak = opened(region, log, "gas_leak", "P1", 3)
    pumps = [u for u in region.snapshot().units if u.incident == leak and "pump" in u.capabilities]
    assert len(pumps) == 1
    policy = codes.default_policy()
    plans = tuple(
        msgspec.structs.replace(
            plan,
            requirements=tuple(
                msgspec.structs.replace(r, count=r.count + 1) for r in plan.requirements
            ),
        )
        for plan in policy.plans
    )
    more = msgspec.structs.replace(policy, version="more", plans=plans)
    answers = region.apply(log.policy(more), log.wait(1))
    assert {kind for kind, _ in sent(answers)} == {leak}
    pumps = [u for u in region.snapshot().units if u.incident == leak and "pump" in u.capabilities]
    assert len(pumps) == 2
