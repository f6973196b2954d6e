"""What nobody has read: it is read first, sent to by nobody's rule, and lost in no other event."""

import json
from typing import Any

import msgspec
import pytest
from dispatch_world import REGION, START, STEP, Journal, place, routers
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch import Region
from schemas import codes, effects, journal
from schemas.effects import EvidencePlaced
from schemas.kinds import OTHER, UNKNOWN
from schemas.records import Incident, Point
from schemas.words import render
from tests.intake.test_triage import judge

METRES = 1.0 / (95.2 * STEP * 1000)
HERE, NEAR = place(3, 3), place(3 + 30 * METRES, 3)


class Desk:
    """A region that hears of events, one a second."""

    def __init__(self) -> None:
        self.log = Journal()
        self.region = Region(REGION, routers)
        self.region.apply(self.log.fleet(), START)

    def hear(
        self,
        category: str = OTHER,
        severity: str = UNKNOWN,
        at: Point | None = HERE,
        *,
        sure: float | None = None,
        reporter: str | None = None,
        seconds: float = 1.0,
    ) -> EvidencePlaced:
        usual = 0.1 if severity == UNKNOWN else 0.9
        entry = self.log.evidence(
            category, severity, at, confidence=usual if sure is None else sure
        )
        evidence = msgspec.structs.replace(entry.evidence, reporter=reporter)
        entry = msgspec.structs.replace(entry, evidence=evidence)
        answers = self.region.apply(entry, self.log.wait(seconds))
        (placed,) = (a for a in answers if isinstance(a, EvidencePlaced))
        return placed

    def order(self, incident: str | None, action: journal.Action) -> Any:
        answers = self.region.apply(self.log.command(str(incident), action), self.log.wait(1))
        (answer,) = (a for a in answers if isinstance(a, effects.CommandAnswered))
        return answer

    def done(self, incident: str | None, action: journal.Action) -> None:
        answer = self.order(incident, action)
        assert answer.outcome == "accepted", render(answer.reason)

    def incident(self, name: str | None) -> Incident:
        return next(i for i in self.region.snapshot().incidents if i.id == name)

    def alerts(self, name: str | None) -> dict[str, int]:
        return {a.kind: a.priority for a in self.region.snapshot().alerts if a.incident == name}

    def units(self, name: str | None) -> list[str]:
        return sorted(u.kind for u in self.region.snapshot().units if u.incident == name)

    def wait(self, seconds: float) -> tuple[effects.Effect, ...]:
        return self.region.apply(self.log.tick(), self.log.wait(seconds))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_nobody_has_read_is_first_and_is_sent_nobody(desk):
    life = desk.hear("fire", "P1", place(6, 6))
    unread = desk.hear().incident
    assert desk.incident(unread).severity == UNKNOWN
    assert desk.alerts(unread)["unread"] == 1
    assert "confirm_dispatch" not in desk.alerts(unread)
    assert desk.region._state.open_incidents() == [unread, life.incident]
    answers = [*desk.wait(30), *desk.wait(3_600)]
    assert not [a for a in answers if isinstance(a, effects.Recommended) and a.incident == unread]
    assert desk.units(unread) == []
    assert desk.incident(unread).short == ()
    assert desk.incident(unread).resourced_at is None
    assert "unread" in desk.alerts(unread)


def test_the_alert_of_what_nobody_has_read_says_what_to_do(desk):
    unread = desk.hear().incident
    (alert,) = (a for a in desk.region.snapshot().alerts if a.kind == "unread")
    number = desk.incident(unread).number
    assert (
        render(alert.said) == f"Read {number}: nothing was understood, so nobody is sent by itself"
    )


@pytest.mark.parametrize(
    ("action", "severity", "sent"),
    [
        (journal.Classify(category="fire", severity="P3"), "P3", ["fire_engine"]),
        # Who names a kind has read it: how bad it is where nothing says more.
        (journal.Classify(category="pipe_burst"), "P3", ["utility_crew"]),
        (journal.Classify(severity="P1"), "P1", ["ambulance", "police_car"]),
    ],
)
def test_an_operator_who_has_read_it_starts_the_dispatch(desk, action, severity, sent):
    unread = desk.hear().incident
    desk.done(unread, action)
    assert desk.incident(unread).severity == severity
    assert desk.units(unread) == sent
    assert "unread" not in desk.alerts(unread)


@pytest.mark.parametrize(
    "action",
    [
        journal.Classify(severity=UNKNOWN),
        journal.Classify(category=OTHER),
        journal.Assign(),
    ],
)
def test_what_says_nothing_of_an_unread_report_is_refused(desk, action):
    unread = desk.hear().incident
    answer = desk.order(unread, action)
    assert answer.outcome == "refused"
    assert desk.units(unread) == []
    assert "severity" in render(answer.reason)


def test_a_better_place_reads_nothing(desk):
    unread = desk.hear(at=None).incident
    desk.done(unread, journal.Classify(point=HERE))
    assert desk.incident(unread).severity == UNKNOWN
    assert desk.units(unread) == []
    assert "unread" in desk.alerts(unread)


def test_an_operator_may_send_somebody_to_have_a_look(desk):
    unread = desk.hear().incident
    desk.done(unread, journal.Assign(units=("U08",), reason="look"))
    assert desk.units(unread) == ["police_car"]
    assert "unread" in desk.alerts(unread)
    assert "surplus" not in desk.alerts(unread)


@pytest.mark.parametrize("severity", [UNKNOWN, "P1"])
def test_a_shooting_is_no_line_under_a_street_lamp(desk, severity):
    """Case 08, with nothing read and with danger to life read."""
    lamp = desk.hear("power_outage", "P4", HERE)
    shot = desk.hear(OTHER, severity, NEAR)
    assert (shot.placed, lamp.incident != shot.incident) == ("asked", True)
    assert desk.incident(shot.incident).possible_duplicate_of == lamp.incident
    assert desk.incident(lamp.incident).category == "power_outage"
    assert desk.incident(lamp.incident).severity == "P4"
    assert desk.incident(lamp.incident).evidence_count == 1
    expected = [] if severity == UNKNOWN else ["ambulance", "police_car"]
    assert desk.units(shot.incident) == expected
    assert any("not joined unasked" in render(reason) for reason in shot.reasons)


@pytest.mark.parametrize("severity", [UNKNOWN, "P1"])
def test_a_shooting_does_not_become_a_burst_pipe(desk, severity):
    """Case 08 the other way round: help for the pipe waits for no answer."""
    shot = desk.hear(OTHER, severity, HERE)
    pipe = desk.hear("pipe_burst", "P3", HERE)
    assert (pipe.placed, pipe.incident != shot.incident) == ("asked", True)
    assert desk.incident(pipe.incident).possible_duplicate_of == shot.incident
    own = desk.incident(shot.incident)
    assert (own.category, own.severity, own.evidence_count) == (OTHER, severity, 1)
    assert desk.units(pipe.incident) == ["utility_crew"]
    assert desk.units(shot.incident) == ([] if severity == UNKNOWN else ["ambulance", "police_car"])


def test_what_was_read_badly_as_other_is_no_less_held_apart(desk):
    """As it comes from triage that gives what it cannot read the least severity."""
    lamp = desk.hear("power_outage", "P4", HERE)
    shot = desk.hear(OTHER, "P4", HERE, sure=0.1)
    assert (shot.placed, shot.incident != lamp.incident) == ("asked", True)
    again = desk.hear(OTHER, "P4", HERE, sure=0.1)
    assert again.placed == "asked"
    assert again.incident not in (shot.incident, lamp.incident)


def test_two_unread_reports_are_asked_about_and_not_put_together(desk):
    first = desk.hear()
    second = desk.hear(at=NEAR)
    assert (second.placed, second.incident != first.incident) == ("asked", True)
    assert desk.incident(second.incident).possible_duplicate_of == first.incident
    assert desk.units(first.incident) == desk.units(second.incident) == []


def test_who_repeats_an_unread_report_is_in_one_incident(desk):
    first = desk.hear(reporter="R")
    again = desk.hear(reporter="R", at=NEAR)
    assert (again.placed, again.incident) == ("attached", first.incident)
    assert desk.incident(first.incident).severity == UNKNOWN
    assert desk.hear(reporter="S", at=NEAR).placed == "asked"
    read = desk.hear(OTHER, "P1", NEAR, reporter="R")
    assert (read.placed, read.incident != first.incident) == ("asked", True)
    assert desk.units(read.incident) == ["ambulance", "police_car"]
    # In what the same person has told of, once it was read, too.
    assert desk.hear(reporter="R", at=NEAR).incident in (first.incident, read.incident)


def test_callers_of_one_danger_of_unread_kind_are_in_one_incident(desk):
    """The plan asks for the same, so nobody is kept from help; fifty callers bind two units."""
    first = desk.hear(OTHER, "P2", HERE)
    for _ in range(5):
        again = desk.hear(OTHER, "P1", NEAR)
        assert (again.placed, again.incident) == ("attached", first.incident)
    assert desk.incident(first.incident).severity == "P1"
    assert desk.units(first.incident) == ["ambulance", "police_car"]
    noise = desk.hear(OTHER, "P4", HERE)
    assert (noise.placed, noise.incident != first.incident) == ("asked", True)


def test_a_danger_of_unread_kind_is_not_lost_in_a_nuisance_of_unread_kind(desk):
    noise = desk.hear(OTHER, "P4", HERE)
    shot = desk.hear(OTHER, "P1", HERE)
    assert (shot.placed, shot.incident != noise.incident) == ("asked", True)
    assert desk.units(shot.incident) == ["ambulance", "police_car"]


def test_a_danger_that_is_not_certain_waits_for_an_operator(desk):
    doubtful = desk.hear(OTHER, "P1", HERE, sure=0.4).incident
    assert desk.units(doubtful) == []
    assert "confirm_dispatch" in desk.alerts(doubtful)


def test_an_unread_report_stands_in_nobodys_way(desk):
    """Of two incidents a report joins the one that was read, and is asked about that one first."""
    pipe = desk.hear("pipe_burst", "P3", place(3 + 85 * METRES, 3))
    desk.hear(at=HERE)
    near = desk.hear("pipe_burst", "P3", HERE)
    assert (near.placed, near.incident) == ("attached", pipe.incident)


def test_a_merge_is_an_operators_word(desk):
    unread = desk.hear().incident
    fire = desk.hear("fire", "P3", NEAR).incident
    desk.done(unread, journal.Merge(into=str(fire)))
    whole = desk.incident(fire)
    assert (whole.category, whole.severity, whole.evidence_count) == ("fire", "P3", 2)
    desk.done(unread, journal.Unmerge(reason="no"))
    assert desk.incident(unread).severity == UNKNOWN
    assert "unread" in desk.alerts(unread)
    desk.done(fire, journal.Merge(into=str(unread), reason="yes"))
    whole = desk.incident(unread)
    assert (whole.category, whole.severity) == ("fire", "P3")
    assert "unread" not in desk.alerts(unread)
    assert desk.units(unread) == ["fire_engine"]


def test_a_merge_keeps_the_kind_that_was_read_and_the_danger(desk):
    shot = desk.hear(OTHER, "P1", HERE).incident
    row = desk.hear("public_disorder", "P3", NEAR).incident
    desk.done(shot, journal.Merge(into=str(row)))
    whole = desk.incident(row)
    assert (whole.category, whole.severity) == ("public_disorder", "P1")
    assert {"ambulance", "police_car"} <= set(desk.units(row))


def test_evidence_that_an_operator_moves_names_what_was_unread(desk):
    unread = desk.hear().incident
    pipe = desk.hear("pipe_burst", "P3", place(6, 6))
    desk.hear("pipe_burst", "P3", place(6, 6))
    (_, moved) = desk.incident(pipe.incident).evidence
    desk.done(pipe.incident, journal.Split(evidence=(moved,), into=unread, reason="here"))
    assert (desk.incident(unread).category, desk.incident(unread).severity) == ("pipe_burst", "P3")
    assert "unread" not in desk.alerts(unread)
    # And what is left when it is taken away again is unread, whatever was sent.
    desk.done(unread, journal.Split(evidence=(moved,), into=pipe.incident, reason="back"))
    assert desk.incident(unread).severity == UNKNOWN
    assert "unread" in desk.alerts(unread)


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
@pytest.mark.parametrize("unreadable", [False, True])
def test_case_08_a_shooting_is_no_line_under_a_street_lamp(desk, shared_cases, order, unreadable):
    """As triage reads both, and as it would be if the second text told it nothing."""
    placed = {}
    for name in order:
        line = json.loads(
            (shared_cases / "08-unread-report-absorbed" / f"{name}.jsonl").read_text()
        )
        found = judge(line["text"])
        if unreadable and name == "second":
            found = judge("asdf")
        at = Point(lon=line["lon"] - 121.4620 + HERE.lon, lat=line["lat"] - 31.2780 + HERE.lat)
        placed[name] = desk.hear(found.category, found.severity, at, sure=found.confidence).incident
    lamp, shot = placed["first"], placed["second"]
    assert lamp != shot
    assert desk.incident(lamp).category == "power_outage"
    assert desk.incident(shot).category == (OTHER if unreadable else "violence")
    assert desk.alerts(shot) or desk.units(shot)


KINDS = sorted(codes.categories())
SEVERITIES = sorted(codes.severities())
reports = st.tuples(
    st.one_of(
        st.tuples(st.just(OTHER), st.sampled_from(SEVERITIES)),
        st.tuples(st.sampled_from(KINDS), st.sampled_from(["P1", "P2", "P3", "P4"])),
    ),
    st.sampled_from([0.1, 0.3, 0.5, 0.9]),
    st.integers(0, 60),
    st.sampled_from([None, None, "R", "S"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(reports, min_size=2, max_size=12))
def test_no_report_of_unread_kind_is_taken_in_or_named_unasked(said):
    desk = Desk()
    first: dict[str, str] = {}
    for (category, severity), sure, metres, reporter in said:
        spot = place(3 + metres * METRES, 3)
        placed = desk.hear(category, severity, spot, sure=sure, reporter=reporter)
        first.setdefault(str(placed.incident), category)
        assert (first[str(placed.incident)] == OTHER) == (category == OTHER), placed
    for incident in desk.region.snapshot().incidents:
        assert (incident.category == OTHER) == (first[incident.id] == OTHER)
        unread = incident.severity == UNKNOWN
        assert unread == ("unread" in desk.alerts(incident.id))
        assert not (unread and desk.units(incident.id))
