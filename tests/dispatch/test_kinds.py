"""Every code that the core knows is one that it can come to: none is only a promise."""

from datetime import timedelta
from typing import get_args

import pytest
from dispatch_world import REGION, SIZE, Journal, place, routers

from dispatch import Region
from dispatch.lifecycle import FINAL, INCIDENT, STAMP_OF_STATE, STAMPS, UNIT
from schemas import effects, journal, kinds
from schemas.records import Assignment, Incident


def reached(table: dict[str, tuple[str, ...]], *first: str) -> set[str]:
    found = dict.fromkeys(first)
    queue = list(first)
    while queue:
        for state in table[queue.pop()]:
            if state not in found:
                found[state] = None
                queue.append(state)
    return set(found)


def test_every_state_of_incidents_is_reached_and_named():
    assert reached(INCIDENT, "reported") == set(INCIDENT) == set(get_args(kinds.IncidentState))
    assert set(FINAL) < set(INCIDENT)


def test_every_state_of_units_is_reached_and_named():
    """A fleet's units are available; only the core makes one dispatched."""
    assert reached(UNIT, "available", "dispatched") == set(UNIT) == set(get_args(kinds.UnitState))
    assert set(STAMP_OF_STATE) < set(UNIT)
    assert set(STAMP_OF_STATE.values()) == set(STAMPS) - {"dispatched"}
    assert set(STAMPS) <= set(Assignment.__struct_fields__)


class Day:
    """A day on which all happens that can."""

    def __init__(self) -> None:
        self.log = Journal()
        self.region = Region(REGION, routers)
        self.said: list[effects.Effect] = []
        self.apply(self.log.fleet())

    def apply(self, entry: journal.Entry, seconds: float = 1.0) -> None:
        self.said += self.region.apply(entry, self.log.wait(seconds))

    def hear(self, category: str, severity: str = "P3", **about: object) -> Incident:
        self.apply(self.log.evidence(category, severity, **about))
        (placed,) = [e for e in self.said if isinstance(e, effects.EvidencePlaced)][-1:]
        return self.incident(str(placed.incident))

    @property
    def heard(self) -> str:
        return [e for e in self.said if isinstance(e, effects.EvidencePlaced)][-1].evidence

    def opine(self, evidence: str, category: str, **about: float) -> None:
        self.apply(self.log.opinion(evidence, category, **about))

    def incident(self, name: str) -> Incident:
        return next(i for i in self.region.snapshot().incidents if i.id == name)

    def order(self, incident: Incident, action: journal.Action) -> None:
        self.apply(self.log.command(incident.id, action))
        answer = [e for e in self.said if isinstance(e, effects.CommandAnswered)][-1]
        assert answer.outcome == "accepted", answer.reason

    def sent(self, incident: Incident) -> str:
        return next(
            a.unit
            for a in self.region.snapshot().assignments
            if a.incident == incident.id and a.ended is None
        )

    def stamp(self, unit: str, *statuses: str) -> None:
        for status in statuses:
            self.apply(self.log.stamp(unit, status))


@pytest.fixture(scope="module")
def day() -> list[effects.Effect]:
    day = Day()
    log = day.log
    fire = day.hear("fire", "P2", at=place(2, 2), source="sensor", source_id="smoke-1")
    day.apply(log.evidence("fire", phase="cleared", source="sensor", source_id="smoke-1"))
    day.apply(log.evidence("fire", phase="silent", source="sensor", source_id="smoke-1"))
    day.hear("fire", "P1", at=place(2, 2))
    day.order(fire, journal.Acknowledge())
    day.order(fire, journal.AddNote(text="x"))
    blocked = journal.StreetChanged(
        id=log.entry_id(),
        region=REGION,
        condition="C",
        kind="closure",
        segments=tuple(
            f"{tail}-{head}-0"
            for row in range(1, SIZE - 1)
            for tail, head in ((SIZE + row, 2 * SIZE + row), (2 * SIZE + row, SIZE + row))
        ),
        valid_from=log.now,
        valid_until=log.now + timedelta(hours=1),
    )
    day.apply(blocked)
    day.apply(log.tick(), 400.0)  # nobody has left, nobody has arrived
    day.order(fire, journal.Classify(category="explosion", reason="I saw it"))
    truck = day.sent(fire)
    day.stamp(truck, "acknowledged", "en_route", "staging", "on_scene", "available")
    day.order(fire, journal.Unassign(units=(day.sent(fire),), reason="x"))
    ill = day.hear("medical", "P2", at=place(6, 6))
    day.stamp(day.sent(ill), "on_scene", "transporting", "at_facility", "returning")
    day.order(ill, journal.Close(disposition="resolved"))
    day.order(ill, journal.Reopen(reason="x"))
    day.hear("air_pollution", "P3", at=place(0, 6))
    day.apply(log.tick(), 1_000.0)  # nobody acknowledges, nobody has an instrument
    day.hear("flood", "P3")  # nobody says where
    day.hear("other", "unknown", at=place(0, 0), confidence=0.1)
    day.hear("public_disorder", "P3", at=place(6, 0), confidence=0.4)
    day.hear("fire", "P1", at=place(6, 0), confidence=0.2)
    crash = day.hear("road_obstruction", "P3", at=place(0, 3))
    again = day.hear("traffic_crash", "P2", at=place(0, 3))
    assert again.possible_duplicate_of == crash.id
    day.order(again, journal.KeepApart())
    day.order(again, journal.Merge(into=crash.id, reason="x"))
    day.order(again, journal.Unmerge(reason="x"))
    burst = day.hear("pipe_burst", "P3", at=place(4, 0))
    more = day.hear("pipe_burst", "P3", at=place(4, 0))
    assert more.id == burst.id
    day.order(burst, journal.Split(evidence=(more.evidence[-1],), reason="x"))
    water = day.hear("flood", "P3", at=place(7, 4))
    tree = day.hear("road_obstruction", "P3", at=place(7, 4))
    assert tree.possible_duplicate_of == water.id
    day.apply(log.evidence("fire", phase="cleared", source="sensor", source_id="smoke-9"))
    day.opine("crash", "traffic_crash")  # of no evidence that is known
    day.hear("other", "P4", at=place(1, 6), confidence=0.1)
    day.opine(day.heard, "medical")
    day.hear("manhole_hazard", "P4", at=place(5, 6))
    day.opine(day.heard, "medical")
    day.hear("manhole_hazard", "P4", at=place(6, 3))
    day.opine(day.heard, "manhole_hazard", confidence=0.5, danger=0.1)
    return day.said


def test_every_kind_of_line_is_written(day: list[effects.Effect]):
    lines = {e.entry.kind for e in day if isinstance(e, effects.TimelineAppended)}
    assert lines == set(get_args(kinds.TimelineKind))


def test_every_kind_of_alert_is_raised(day: list[effects.Effect]):
    raised = {e.alert.kind for e in day if isinstance(e, effects.AlertWritten)}
    assert raised == set(get_args(kinds.AlertKind))


def test_every_kind_of_timer_is_set(day: list[effects.Effect]):
    timers = {e.timer.kind for e in day if isinstance(e, effects.TimerSet)}
    # Only more that waits than one entry looks at sets the other one: see test_flood.
    assert timers == set(get_args(kinds.TimerKind)) - {"look"}


def test_every_way_of_evidence_and_change_of_an_assignment_is_gone(day: list[effects.Effect]):
    placed = {e.placed for e in day if isinstance(e, effects.EvidencePlaced)}
    assert placed == set(get_args(kinds.Placed))
    changes = {e.change for e in day if isinstance(e, effects.AssignmentWritten)}
    assert changes == set(get_args(kinds.AssignmentChange))
    links = {e.kind for e in day if isinstance(e, effects.Linked)}
    assert links == set(get_args(kinds.LinkKind))


def test_every_way_of_an_opinion_is_gone(day: list[effects.Effect]):
    did = {one for e in day if isinstance(e, effects.OpinionTaken) for one in e.did}
    assert did == set(get_args(kinds.Advice))
