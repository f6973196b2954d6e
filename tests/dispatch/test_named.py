"""What was unread and is named later: an operator is asked whether it is one that is known."""

from typing import Any

import msgspec
import pytest
from dispatch_world import REGION, STEP, Journal, place, routers
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch import Region
from schemas import codes, effects, journal
from schemas.kinds import OTHER, UNKNOWN
from schemas.policy import Policy
from schemas.records import Alert, Incident, Point
from schemas.words import render

METRES = 1.0 / (95.2 * STEP * 1000)
HERE, NEAR, FAR = place(3, 3), place(3 + 30 * METRES, 3), place(6, 6)
POLICY = codes.default_policy()
BEFORE = msgspec.structs.replace(
    POLICY, kinds=msgspec.structs.replace(POLICY.kinds, compares_named=False)
)
"""As it was decided before the field was."""


class Desk:
    """A region that hears of events, one a second."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.log = Journal()
        self.region = Region(REGION, routers)
        self.answers: tuple[effects.Effect, ...] = ()
        self.apply(self.log.policy(policy), 0.0)
        self.apply(self.log.fleet(), 0.0)

    def apply(self, entry: journal.Entry, seconds: float = 1.0) -> None:
        self.answers = self.region.apply(entry, self.log.wait(seconds))

    def hear(
        self,
        category: str = OTHER,
        severity: str = UNKNOWN,
        at: Point | None = HERE,
        *,
        seconds: float = 1.0,
    ) -> journal.EvidenceNoted:
        sure = 0.1 if severity == UNKNOWN else 0.9
        entry = self.log.evidence(category, severity, at, confidence=sure)
        self.apply(entry, seconds)
        return entry

    def placed(self, category: str = OTHER, severity: str = UNKNOWN, **about: Any) -> str:
        self.hear(category, severity, **about)
        (placed,) = (a for a in self.answers if isinstance(a, effects.EvidencePlaced))
        return str(placed.incident)

    def order(self, incident: str, action: journal.Action, seconds: float = 1.0) -> None:
        self.apply(self.log.command(incident, action), seconds)
        (answer,) = (a for a in self.answers if isinstance(a, effects.CommandAnswered))
        assert answer.outcome == "accepted", render(answer.reason)

    def incident(self, name: str) -> Incident:
        return next(i for i in self.region.snapshot().incidents if i.id == name)

    def questions(self, name: str) -> list[Alert]:
        """Return what is asked about an incident because it was named."""
        alerts = self.region.snapshot().alerts
        return [a for a in alerts if a.incident == name and a.said.code == "named_may_be"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def unread_beside_a_fire(desk: Desk) -> tuple[str, str]:
    """Return a fire and an unread report beside it, of which it was said that they are two."""
    unread = desk.placed()
    fire = desk.placed("fire", "P1", at=NEAR)
    assert desk.incident(fire).possible_duplicate_of == unread
    desk.order(fire, journal.KeepApart())
    return fire, unread


def test_an_operator_names_it_and_is_asked_whether_it_is_the_fire_beside_it(desk):
    fire = desk.placed("fire", "P1", at=place(3 + 150 * METRES, 3))
    unread = desk.placed()
    assert desk.incident(unread).possible_duplicate_of is None, "too far for what has no kind"
    desk.order(unread, journal.Classify(category="fire", severity="P1"))
    (question,) = desk.questions(unread)
    assert desk.incident(unread).possible_duplicate_of == fire
    assert desk.incident(unread).state != "merged"
    assert desk.incident(fire).evidence_count == 1, "joined to nothing by itself"
    assert desk.incident(fire).number in render(question.said)
    assert "已判明" in render(question.said, "zh")
    assert desk.incident(unread).held_until is None, "help waits for no answer"


def test_a_second_reader_names_it_and_an_operator_is_asked(desk):
    desk.placed("fire", "P1", at=place(3 + 150 * METRES, 3))
    noted = desk.hear()
    desk.apply(desk.log.opinion(noted, "fire", "P1"))
    (unread,) = (i for i in desk.region.snapshot().incidents if i.point == HERE)
    assert unread.category == "fire"
    assert len(desk.questions(unread.id)) == 1


def test_the_question_is_answered_by_a_merge_or_by_keeping_them_apart(desk):
    fire = desk.placed("fire", "P1", at=place(3 + 150 * METRES, 3))
    for action in (journal.Merge(into=fire, reason="same"), journal.KeepApart()):
        unread = desk.placed()
        desk.order(unread, journal.Classify(category="fire", severity="P1"))
        assert desk.questions(unread)
        desk.order(unread, action)
        assert not desk.questions(unread)


def test_what_an_operator_kept_apart_is_not_asked_about_again(desk):
    fire, unread = unread_beside_a_fire(desk)
    assert desk.incident(fire).possible_duplicate_of is None
    desk.order(unread, journal.Classify(category="fire", severity="P1"))
    assert desk.questions(unread) == []


def test_what_was_merged_and_is_apart_again_is_not_asked_about(desk):
    fire = desk.placed("fire", "P1", at=place(3 + 150 * METRES, 3))
    unread = desk.placed()
    desk.order(unread, journal.Merge(into=fire, reason="same"))
    desk.order(unread, journal.Unmerge(reason="not the same"))
    desk.order(unread, journal.Classify(category="fire", severity="P1"))
    assert desk.questions(unread) == []


def test_its_own_family_is_not_asked_about(desk):
    first = desk.placed()
    second = desk.placed(at=place(3 + 60 * METRES, 3))
    if second != first and desk.incident(second).possible_duplicate_of:
        desk.order(second, journal.Merge(into=first, reason="same"))
    desk.order(first, journal.Classify(category="fire", severity="P1"))
    assert desk.questions(first) == []


@pytest.mark.parametrize(
    ("category", "at"), [("fire", FAR), ("power_outage", place(3 + 150 * METRES, 3))]
)
def test_what_is_elsewhere_or_of_another_kind_is_not_asked_about(desk, category, at):
    desk.placed(category, "P3", at=at)
    unread = desk.placed()
    desk.order(unread, journal.Classify(category="fire", severity="P1"))
    assert desk.questions(unread) == []


def test_what_is_over_is_not_asked_about(desk):
    fire = desk.placed("fire", "P3", at=place(3 + 150 * METRES, 3))
    units = tuple(a.unit for a in desk.region.snapshot().assignments if a.incident == fire)
    desk.order(fire, journal.Unassign(units=units, reason="out"))
    desk.order(fire, journal.Close(disposition="resolved"))
    unread = desk.placed()
    desk.order(unread, journal.Classify(category="fire", severity="P1"))
    assert desk.questions(unread) == []


def test_the_times_of_the_events_count_and_not_when_it_was_named(desk):
    """Two reports of one minute may be one event, read half a day later or not."""
    fire = desk.placed("fire", "P1", at=place(3 + 150 * METRES, 3))
    unread = desk.placed()
    desk.order(unread, journal.Classify(category="fire", severity="P1"), seconds=12 * 3600.0)
    assert desk.incident(unread).possible_duplicate_of == fire
    later = desk.placed(at=place(3 + 120 * METRES, 3), seconds=6 * 3600.0)
    desk.order(later, journal.Classify(category="fire", severity="P1"))
    assert desk.questions(later) == [], "six hours lie between the two"


def test_what_has_a_kind_is_not_compared_again_by_a_correction(desk):
    desk.placed("fire", "P1", at=place(3 + 150 * METRES, 3))
    read = desk.placed("power_outage", "P4")
    desk.order(read, journal.Classify(category="fire", severity="P1"))
    assert desk.questions(read) == []


def test_a_policy_of_before_asks_nothing():
    desk = Desk(BEFORE)
    desk.placed("fire", "P1", at=place(3 + 150 * METRES, 3))
    unread = desk.placed()
    desk.order(unread, journal.Classify(category="fire", severity="P1"))
    assert desk.questions(unread) == []
    assert desk.incident(unread).possible_duplicate_of is None
    assert msgspec.convert({}, type(POLICY.kinds)).compares_named is False


def without_the_question(incident: Incident) -> Incident:
    return msgspec.structs.replace(
        incident, version=0, possible_duplicate_of=None, updated_at=incident.opened_at
    )


KINDS = st.sampled_from(["fire", "explosion", "medical", "flood", "traffic_crash", OTHER])
SPOTS = st.builds(place, st.floats(2.5, 3.5, allow_nan=False), st.floats(2.5, 3.5, allow_nan=False))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(KINDS, SPOTS, st.floats(0.0, 3000.0)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), KINDS.filter(lambda k: k != OTHER)), max_size=5),
)
def test_a_question_never_joins_and_is_about_another_open_incident(heard, named):
    """Whatever is named, both ways of deciding have the same incidents with the same units."""
    desks = Desk(), Desk(BEFORE)
    for desk in desks:
        found = [
            desk.placed(kind, UNKNOWN if kind == OTHER else "P2", at=at, seconds=seconds)
            for kind, at, seconds in heard
        ]
        for number, kind in named:
            target = desk.incident(found[number % len(found)])
            if target.category == OTHER:
                desk.order(target.id, journal.Classify(category=kind, severity="P2"))
    ours, before = (desk.region.snapshot() for desk in desks)
    assert list(map(without_the_question, ours.incidents)) == list(
        map(without_the_question, before.incidents)
    )
    assert ours.assignments == before.assignments
    known = {incident.id: incident for incident in ours.incidents}
    for alert in ours.alerts:
        if alert.said.code == "named_may_be":
            doubt = known[alert.incident].possible_duplicate_of
            assert doubt in known
            assert doubt != alert.incident
    again = Region.restore(ours, routers)
    assert again.snapshot() == ours


def test_the_same_entries_ask_the_same(desk):
    twin = Desk()
    for one in (desk, twin):
        one.placed("fire", "P1", at=place(3 + 150 * METRES, 3))
        one.placed("explosion", "P1", at=place(3 - 150 * METRES, 3))
        unread = one.placed()
        one.order(unread, journal.Classify(category="fire", severity="P1"))
    assert desk.answers == twin.answers
