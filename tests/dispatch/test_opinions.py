"""The second reader's opinion: what it may do to an incident, and what it may not."""

from typing import Any

import msgspec
import pytest
from dispatch_world import REGION, Journal, place, routers

from dispatch import Region
from schemas import codes, effects, journal, wire, words
from schemas.records import Incident
from schemas.snapshot import Snapshot


class Desk:
    """A region and its journal, with what the core answered last."""

    def __init__(self) -> None:
        self.log = Journal()
        self.region = Region(REGION, routers)
        self.answers: tuple[effects.Effect, ...] = ()
        self.apply(self.log.fleet())

    def apply(self, entry: journal.Entry) -> None:
        self.answers = self.region.apply(entry, self.log.wait(1.0))

    def hear(self, category: str, severity: str, **about: Any) -> journal.EvidenceNoted:
        about = {"at": place(2, 2), "confidence": 0.9} | about
        reporter = about.pop("reporter", None)
        noted = self.log.evidence(category, severity, **about)
        evidence = msgspec.structs.replace(noted.evidence, reporter=reporter)
        noted = msgspec.structs.replace(noted, evidence=evidence)
        self.apply(noted)
        return noted

    def unread(self, **about: Any) -> journal.EvidenceNoted:
        return self.hear("other", "P4", confidence=0.1, **about)

    def order(self, action: journal.Action, incident: Incident | None = None) -> None:
        self.apply(self.log.command((incident or self.incidents[-1]).id, action))
        assert self.found(effects.CommandAnswered)[0].outcome == "accepted"

    def found(self, kind: type) -> list[Any]:
        return [answer for answer in self.answers if isinstance(answer, kind)]

    @property
    def did(self) -> tuple[str, ...]:
        (taken,) = self.found(effects.OpinionTaken)
        return taken.did

    @property
    def incidents(self) -> list[Incident]:
        return sorted(self.region.snapshot().incidents, key=lambda incident: incident.number)

    @property
    def incident(self) -> Incident:
        (incident,) = self.incidents
        return incident

    @property
    def sent(self) -> list[str]:
        return sorted(a.unit for a in self.region.snapshot().assignments if a.ended is None)

    @property
    def questions(self) -> list[tuple[int, str]]:
        alerts = self.region.snapshot().alerts
        return sorted((a.priority, a.said.code) for a in alerts if a.kind == "second_opinion")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_was_unread_is_named_and_its_units_are_recommended_to_an_operator(desk: Desk):
    noted = desk.unread()
    assert desk.incident.category == "other"
    desk.apply(desk.log.opinion(noted, "fire", "P1"))
    assert desk.did == ("named", "raised")
    assert (desk.incident.category, desk.incident.severity) == ("fire", "P1")
    assert "火" in desk.incident.title
    kinds = {alert.kind for alert in desk.region.snapshot().alerts}
    assert "confirm_dispatch" in kinds
    assert desk.sent == [], "a model's word alone sends nobody"
    lines = [line.entry for line in desk.found(effects.TimelineAppended)]
    assert [(line.kind, line.actor) for line in lines][:2] == [
        ("severity", "second_reader"),
        ("classified", "second_reader"),
    ]
    (why,) = lines[0].reasons
    said = "the second reader reads fire (0.99 sure, danger to life 0.99)"
    assert words.render(why) == said
    assert "复读" in words.render(why, "zh")


def test_an_operator_who_confirms_sends_the_units_of_the_named_kind(desk: Desk):
    desk.apply(desk.log.opinion(desk.unread(), "fire", "P1"))
    desk.order(journal.Assign())
    assert len(desk.sent) > 1


def test_a_read_report_is_raised_and_settled_like_any_other_change(desk: Desk):
    noted = desk.hear("fire", "P3")
    before = desk.sent
    desk.apply(desk.log.opinion(noted, "fire", "P1"))
    assert desk.did == ("raised",)
    assert desk.incident.severity == "P1"
    assert set(before) < set(desk.sent), "more go, and nobody is called back"


def test_a_milder_opinion_changes_nothing(desk: Desk):
    noted = desk.hear("fire", "P1")
    before, sent = desk.incident, desk.sent
    desk.apply(desk.log.opinion(noted, "fire", "P4", danger=0.0))
    assert desk.did == ("noted",)
    assert (desk.incident, desk.sent) == (before, sent)


def test_an_opinion_that_is_not_sure_changes_nothing_and_moves_no_version(desk: Desk):
    """An operator's command that names the version must not be refused for it."""
    noted = desk.unread()
    version = desk.incident.version
    desk.apply(desk.log.opinion(noted, "fire", "P1", confidence=0.8, danger=0.8))
    assert desk.did == ("noted",)
    assert desk.incident.version == version
    assert desk.incident.category == "other"


def test_danger_that_is_likely_but_not_sure_is_asked_and_raises_nothing(desk: Desk):
    desk.apply(desk.log.opinion(desk.unread(), "fire", "P1", confidence=0.5, danger=0.9))
    assert desk.did == ("asked",)
    assert (desk.incident.category, desk.incident.severity) == ("other", "P4")
    assert desk.questions == [(1, "opinion_danger")]


@pytest.mark.parametrize("kind", ["fire", "manhole_hazard", "medical", "air_pollution"])
def test_what_is_named_without_sure_danger_has_the_usual_severity_of_its_kind(
    desk: Desk, kind: str
):
    desk.apply(desk.log.opinion(desk.unread(), kind, "P1", danger=0.8))
    usual = codes.category(kind).default_severity
    assert (desk.incident.category, desk.incident.severity) == (kind, usual)


def test_sure_danger_of_an_unsure_kind_raises_what_stays_unread(desk: Desk):
    desk.apply(desk.log.opinion(desk.unread(), "fire", "P1", confidence=0.5))
    assert desk.did == ("raised",)
    assert (desk.incident.category, desk.incident.severity) == ("other", "P1")
    assert desk.sent == []


def test_where_the_kinds_disagree_an_operator_is_asked(desk: Desk):
    noted = desk.hear("manhole_hazard", "P4")
    desk.apply(desk.log.opinion(noted, "public_disorder", "P3", danger=0.2))
    assert desk.did == ("asked",)
    assert desk.incident.category == "manhole_hazard"
    assert desk.questions == [(2, "opinion_category")]
    desk.order(journal.Classify(category="manhole_hazard", reason="I called back"))
    assert desk.questions == []


def test_danger_to_life_in_another_kind_raises_and_is_asked_first(desk: Desk):
    """Somebody fell into the manhole: at the top of the list, and an operator says what it is."""
    noted = desk.hear("manhole_hazard", "P4")
    desk.apply(desk.log.opinion(noted, "medical", "P1"))
    assert desk.did == ("raised", "asked")
    assert (desk.incident.category, desk.incident.severity) == ("manhole_hazard", "P1")
    assert desk.questions == [(1, "opinion_category")]


def test_danger_that_came_unread_into_another_kind_is_asked_and_raises_nothing(desk: Desk):
    """A shooting merged under "manhole cover": that kind's plan would send the wrong units."""
    desk.hear("manhole_hazard", "P4")
    noted = desk.unread()
    cover, own = desk.incidents
    desk.order(journal.Merge(into=cover.id), own)
    desk.apply(desk.log.opinion(noted, "medical", "P1"))
    assert desk.did == ("asked",)
    assert desk.incidents[0].severity == "P4"
    assert desk.questions == [(1, "opinion_danger")]


def test_two_words_for_one_event_are_no_disagreement(desk: Desk):
    desk.apply(desk.log.opinion(desk.hear("fire", "P1"), "explosion", "P1"))
    assert desk.did == ("noted",)


def test_a_question_is_not_hidden_by_a_milder_one(desk: Desk):
    first, second = desk.hear("manhole_hazard", "P4"), desk.hear("manhole_hazard", "P4")
    assert len(desk.incidents) == 1
    desk.apply(desk.log.opinion(first, "medical", "P1"))
    desk.apply(desk.log.opinion(second, "public_disorder", "P3", danger=0.1))
    assert desk.did == ("asked",)
    assert [priority for priority, _ in desk.questions] == [1]


def test_what_is_taken_for_nothing_is_asked_and_keeps_its_units(desk: Desk):
    noted = desk.hear("fire", "P1")
    sent = desk.sent
    desk.apply(desk.log.opinion(noted, "other", "P4", danger=0.0, harmless=0.99))
    assert desk.did == ("asked",)
    assert desk.questions == [(3, "opinion_harmless")]
    assert desk.sent == sent
    assert desk.incident.severity == "P1"


def test_what_others_report_too_is_not_doubted(desk: Desk):
    noted = desk.hear("fire", "P1")
    desk.hear("fire", "P1", source="sensor", source_id="smoke-1")
    desk.apply(desk.log.opinion(noted, "other", "P4", danger=0.0, harmless=0.99))
    assert desk.did == ("noted",)


def test_an_operators_word_stands_and_danger_is_asked(desk: Desk):
    noted = desk.unread()
    desk.order(journal.Classify(category="manhole_hazard", severity="P4", reason="I called back"))
    desk.apply(desk.log.opinion(noted, "fire", "P1"))
    assert (desk.incident.category, desk.incident.severity) == ("manhole_hazard", "P4")
    assert desk.questions == [(1, "opinion_danger")]


def test_what_is_over_is_left_alone(desk: Desk):
    noted = desk.unread()
    desk.order(journal.Close(disposition="resolved"))
    desk.apply(desk.log.opinion(noted, "fire", "P1"))
    assert desk.did == ("noted",)
    assert desk.incident.category == "other"
    assert desk.questions == []


@pytest.mark.parametrize(
    ("opinion", "says"),
    [
        ({"of": "nowhere"}, "no evidence nowhere is known"),
        ({"category": "dragon"}, "dragon"),
        ({"severity": "P9"}, "P9"),
    ],
)
def test_what_cannot_be_used_is_ignored_with_why(desk: Desk, opinion: dict[str, str], says: str):
    noted = desk.unread()
    desk.apply(desk.log.opinion(**{"of": noted} | opinion))
    (taken,) = desk.found(effects.OpinionTaken)
    assert taken.did == ("ignored",)
    assert says in words.together(taken.reasons)
    assert desk.answers == (taken,)


def test_the_first_opinion_stands_whatever_comes_later(desk: Desk):
    noted = desk.unread()
    first = desk.log.opinion(noted, "fire", "P1")
    desk.apply(first)
    known = desk.region.snapshot()
    desk.apply(first)
    assert desk.answers == (), "the same entry twice"
    desk.apply(desk.log.opinion(noted, "medical", "P1"))
    assert desk.did == ("ignored",)
    now = desk.region.snapshot()
    assert now.incidents == known.incidents
    assert now.notes == known.notes


def test_opinions_of_two_reports_say_the_same_in_either_order():
    def told(*, swapped: bool) -> tuple[Any, ...]:
        desk = Desk()
        both = [desk.unread(reporter="p"), desk.unread(reporter="p")]
        opinions = [
            desk.log.opinion(both[0], "fire", "P2"),
            desk.log.opinion(both[1], "fire", "P1"),
        ]
        for one in reversed(opinions) if swapped else opinions:
            desk.apply(one)
        return desk.incident.category, desk.incident.severity, desk.incident.readings

    assert told(swapped=True) == told(swapped=False)


def test_evidence_that_moves_takes_its_opinion_with_it(desk: Desk):
    first, second = desk.unread(reporter="p"), desk.unread(reporter="p")
    desk.apply(desk.log.opinion(second, "fire", "P1"))
    assert desk.incident.category == "fire"
    desk.order(journal.Split(evidence=(second.evidence.id,), reason="the house opposite"))
    kinds = {i.evidence: (i.category, i.severity) for i in desk.incidents}
    assert kinds == {
        (first.evidence.id,): ("other", "P4"),
        (second.evidence.id,): ("fire", "P1"),
    }


def test_a_merge_that_is_undone_leaves_the_opinion_with_its_own(desk: Desk):
    lamp = desk.hear("manhole_hazard", "P4", at=place(6, 6))
    noted = desk.unread(at=place(0, 0))
    lit, own = desk.incidents
    assert lit.evidence == (lamp.evidence.id,)
    desk.order(journal.Merge(into=lit.id), own)
    desk.apply(desk.log.opinion(noted, "fire", "P1"))
    desk.order(journal.Unmerge(reason="two events"), own)
    lit, own = desk.incidents
    assert (lit.category, lit.severity) == ("manhole_hazard", "P4")
    assert (own.category, own.severity) == ("fire", "P1")


def test_a_core_that_is_restored_knows_the_opinions(desk: Desk):
    noted = desk.unread()
    desk.apply(desk.log.opinion(noted, "fire", "P1"))
    kept = wire.decode(wire.encode(desk.region.snapshot()), Snapshot)
    desk.region = Region.restore(kept, routers)
    desk.apply(desk.log.opinion(noted, "medical", "P1"))
    assert desk.did == ("ignored",)
