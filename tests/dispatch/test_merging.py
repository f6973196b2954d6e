"""Merge, unmerge, split, keep apart: what an operator says of two events, and what it undoes."""

import itertools

import pytest
from dispatch_world import REGION, Journal, place, routers, standing

from dispatch import Region
from schemas import effects, journal, wire
from schemas.records import LATEST, Incident, Point
from schemas.snapshot import Snapshot
from schemas.words import each, render


@pytest.fixture
def log():
    return Journal()


@pytest.fixture
def region(log):
    made = Region(REGION, routers)
    made.apply(log.fleet(), log.now)
    return made


def opened(region: Region, log: Journal, category: str, severity: str, at: Point, **about) -> str:
    answers = region.apply(log.evidence(category, severity, at, **about), log.wait(1))
    (placed,) = [a for a in answers if isinstance(a, effects.EvidencePlaced)]
    assert placed.placed in ("opened", "asked")
    return str(placed.incident)


def order(region: Region, log: Journal, incident: str, action: journal.Action, **about):
    answers = region.apply(log.command(incident, action, **about), log.wait(1))
    (answer,) = [a for a in answers if isinstance(a, effects.CommandAnswered)]
    return answer, answers


def done(region: Region, log: Journal, incident: str, action: journal.Action):
    answer, answers = order(region, log, incident, action)
    assert answer.outcome == "accepted", answer.reason
    return answers


def record(region: Region, incident: str) -> Incident:
    return next(i for i in region.snapshot().incidents if i.id == incident)


def units(region: Region, incident: str) -> list[str]:
    return sorted(u.id for u in region.snapshot().units if u.incident == incident)


def test_a_fire_merged_into_something_milder_stays_a_fire_with_all_its_units(region, log):
    mild = opened(region, log, "air_pollution", "P3", place(1, 1))
    fire = opened(region, log, "fire", "P1", place(6, 6))
    sent = set(units(region, fire))
    assert len(sent) >= 3
    answers = done(region, log, fire, journal.Merge(into=mild))
    whole = record(region, mild)
    assert (whole.category, whole.severity) == ("fire", "P1")
    assert "火灾" in whole.title
    assert sent <= set(units(region, mild))
    called_back = [a for a in answers if isinstance(a, effects.TimelineAppended)]
    assert not [a for a in called_back if a.entry.kind == "unassigned"]


def test_a_merge_wants_what_both_plans_want(region, log):
    crash = opened(region, log, "traffic_crash", "P3", place(1, 1))
    sick = opened(region, log, "medical", "P2", place(6, 6))
    capabilities = {
        a.capability for a in region.snapshot().assignments if a.incident in (crash, sick)
    }
    done(region, log, crash, journal.Merge(into=sick))
    active = [a for a in region.snapshot().assignments if a.ended is None]
    assert {a.capability for a in active if a.incident == sick} == capabilities
    # What it wants beside its own plan it wants of others, too, when one is called back.
    lost = next(a for a in active if a.capability not in ("als", "bls", "ambulance"))
    region.apply(log.stamp(lost.unit, "out_of_service"), log.wait(1))
    active = [a for a in region.snapshot().assignments if a.ended is None]
    whole = record(region, sick)
    assert lost.capability in {a.capability for a in active} or any(
        lost.capability == short.capability for short in whole.short
    )


def test_a_merge_keeps_the_better_place(region, log):
    vague = opened(region, log, "fire", "P2", place(1, 1, accuracy_m=200))
    exact = opened(region, log, "fire", "P3", place(6, 6, accuracy_m=5))
    done(region, log, exact, journal.Merge(into=vague))
    assert record(region, vague).point == place(6, 6, accuracy_m=5)


def test_a_dry_run_shows_what_would_change_and_changes_nothing(region, log):
    mild = opened(region, log, "air_pollution", "P3", place(1, 1))
    fire = opened(region, log, "fire", "P1", place(6, 6))
    before = region.snapshot()
    answer, answers = order_dry(region, log, fire, journal.Merge(into=mild))
    assert answer.outcome == "tried"
    assert answers == (answer,)
    told = "\n".join(each(answer.changes))
    number = record(region, mild).number
    assert f"{number}: category air_pollution → fire" in told
    assert "goes on from" in told
    after = region.snapshot()
    assert (after.incidents, after.units, after.assignments, after.timers, after.alerts) == (
        before.incidents,
        before.units,
        before.assignments,
        before.timers,
        before.alerts,
    )
    refused, _ = order_dry(region, log, fire, journal.Merge(into=fire))
    assert refused.outcome == "refused"


def order_dry(region, log, incident, action):
    command = journal.Command(
        id=log.entry_id(),
        region=REGION,
        operator="wang",
        incident=incident,
        action=action,
        dry_run=True,
    )
    answers = region.apply(command, log.wait(0))
    (answer,) = [a for a in answers if isinstance(a, effects.CommandAnswered)]
    return answer, answers


@pytest.mark.parametrize("under_way", [None, "en_route", "on_scene"])
def test_unmerge_after_merge_equals_before(region, log, under_way):
    mild = opened(region, log, "manhole_hazard", "P3", place(1, 1))
    fire = opened(region, log, "fire", "P2", place(6, 6))
    if under_way:
        for unit in units(region, fire):
            region.apply(log.stamp(unit, under_way), log.wait(0))
    before = standing(region)
    done(region, log, fire, journal.Merge(into=mild))
    assert standing(region) != before
    done(region, log, fire, journal.Unmerge(reason="two streets apart"))
    assert standing(region) == before


def test_unmerge_keeps_what_happened_since(region, log):
    mild = opened(region, log, "manhole_hazard", "P3", place(1, 1))
    fire = opened(region, log, "fire", "P2", place(6, 6))
    done(region, log, fire, journal.Merge(into=mild))
    done(region, log, mild, journal.Classify(severity="P1", reason="people inside"))
    region.apply(log.evidence("fire", "P2", place(6, 6)), log.wait(5))
    done(region, log, fire, journal.Unmerge(reason="not the same"))
    assert record(region, mild).severity == "P1"
    assert record(region, mild).evidence_count == 2
    assert record(region, fire).evidence_count == 1


def test_a_unit_that_arrived_while_its_incident_was_merged_is_there_after_an_unmerge(region, log):
    mild = opened(region, log, "manhole_hazard", "P3", place(1, 1))
    fire = opened(region, log, "fire", "P2", place(6, 6))
    (unit, *_) = units(region, fire)
    done(region, log, fire, journal.Merge(into=mild))
    region.apply(log.stamp(unit, "on_scene"), log.wait(60))
    done(region, log, fire, journal.Unmerge(reason="not the same"))
    assert unit in units(region, fire)
    assert record(region, fire).state == "on_scene"


def test_who_is_there_is_there_whatever_state_an_operator_sets(region, log):
    fire = opened(region, log, "fire", "P2", place(6, 6))
    for unit in units(region, fire):
        region.apply(log.stamp(unit, "on_scene"), log.wait(60))
    done(region, log, fire, journal.SetState(state="controlled"))
    done(region, log, fire, journal.SetState(state="dispatched"))
    assert record(region, fire).state == "on_scene"


def test_what_cannot_be_unmerged_says_why(region, log):
    one = opened(region, log, "fire", "P2", place(1, 1))
    two = opened(region, log, "medical", "P2", place(6, 6))
    three = opened(region, log, "flood", "P3", place(6, 1))
    answer, _ = order(region, log, one, journal.Unmerge(reason="?"))
    assert answer.outcome == "refused"
    assert "not merged" in render(answer.reason)
    done(region, log, one, journal.Merge(into=two))
    answer, _ = order(region, log, one, journal.Unmerge(reason=" "))
    assert "reason" in render(answer.reason)
    done(region, log, two, journal.Merge(into=three))
    answer, _ = order(region, log, one, journal.Unmerge(reason="no"))
    assert "undo that merge first" in render(answer.reason)
    done(region, log, two, journal.Unmerge(reason="no"))
    done(region, log, one, journal.Unmerge(reason="no"))
    assert {record(region, i).merged_into for i in (one, two, three)} == {None}


def test_stamps_and_commands_that_name_a_merged_incident_follow_it_and_say_so(region, log):
    one = opened(region, log, "fire", "P2", place(1, 1))
    two = opened(region, log, "medical", "P2", place(6, 6))
    (unit, *_) = units(region, two)
    done(region, log, two, journal.Merge(into=one))
    answer, answers = order(region, log, two, journal.AddNote(text="hydrant is dry"))
    assert answer.outcome == "accepted"
    assert record(region, one).number in render(answer.reason)
    (line,) = [a.entry for a in answers if isinstance(a, effects.TimelineAppended)]
    assert line.incident == one
    answers = region.apply(log.stamp(unit, "en_route", incident=two), log.wait(1))
    lines = [a.entry for a in answers if isinstance(a, effects.TimelineAppended)]
    assert [line.incident for line in lines if line.kind == "stamp"] == [one]
    assert any("merged into" in render(reason) for line in lines for reason in line.reasons)
    stale, _ = order(
        region,
        log,
        two,
        journal.AddNote(text="x"),
        expected_version=record(region, two).version - 1,
    )
    assert stale.outcome == "refused"


def test_moving_the_pin_makes_nothing_more_certain(region, log):
    drill = opened(region, log, "fire", "P1", place(1, 1), confidence=0.2)
    assert units(region, drill) == []
    done(region, log, drill, journal.Classify(point=place(2, 2), reason="gate 2"))
    assert units(region, drill) == []
    assert record(region, drill).confidence == 0.2
    assert record(region, drill).certain == ("place",)
    # A phone's better fix does not take the pin away from where the operator put it.
    region.apply(
        log.evidence("fire", "P1", place(2.4, 2, accuracy_m=1), confidence=0.2), log.wait(1)
    )
    assert record(region, drill).point == place(2, 2)
    done(region, log, drill, journal.Classify(category="fire", reason="smoke seen"))
    assert units(region, drill)


def test_split_opens_an_incident_and_leaves_the_first_as_without_it(region, log):
    blocked = opened(region, log, "traffic_crash", "P3", place(3, 3))
    alone = record(region, blocked)
    answers = region.apply(
        log.evidence("traffic_crash", "P2", place(3.1, 3), source_id="caller"), log.wait(5)
    )
    (placed,) = [a for a in answers if isinstance(a, effects.EvidencePlaced)]
    assert placed.placed == "attached"
    assert record(region, blocked).severity == "P2"
    answers = done(
        region, log, blocked, journal.Split(evidence=(placed.evidence,), reason="another street")
    )
    left = record(region, blocked)
    for field in ("category", "severity", "confidence", "point", "readings", "evidence"):
        assert getattr(left, field) == getattr(alone, field), field
    (other,) = [i for i in region.snapshot().incidents if i.id != blocked]
    assert (other.category, other.severity, other.evidence) == (
        "traffic_crash",
        "P2",
        (placed.evidence,),
    )
    assert units(region, other.id)
    moved = [a for a in answers if isinstance(a, effects.EvidencePlaced)]
    assert [(a.evidence, a.incident, a.placed) for a in moved] == [
        (placed.evidence, other.id, "split")
    ]
    # And back again, from one to another.
    third = opened(region, log, "fire", "P2", place(6, 6))
    answer, _ = order(
        region,
        log,
        other.id,
        journal.Split(evidence=(placed.evidence,), reason="no", into=third),
    )
    assert "nothing would be left" in render(answer.reason)


def test_split_to_another_incident_joins_it(region, log):
    one = opened(region, log, "medical", "P2", place(1, 1))
    two = opened(region, log, "traffic_crash", "P3", place(6, 6))
    answers = region.apply(log.evidence("medical", "P2", place(1, 1)), log.wait(1))
    (placed,) = [a for a in answers if isinstance(a, effects.EvidencePlaced)]
    done(region, log, one, journal.Split(evidence=(placed.evidence,), reason="the crash", into=two))
    assert record(region, two).severity == "P2"
    assert record(region, two).evidence_count == 2
    assert record(region, one).evidence_count == 1


def test_what_is_kept_apart_is_not_joined_unasked(region, log):
    one = opened(region, log, "traffic_crash", "P3", place(3, 3))
    # Far enough to be asked about, near enough to be the same.
    two = opened(region, log, "traffic_crash", "P3", place(3.7, 3))
    assert record(region, two).possible_duplicate_of == one
    done(region, log, two, journal.KeepApart())
    between = region.apply(log.evidence("traffic_crash", "P3", place(3.35, 3)), log.wait(1))
    (placed,) = [a for a in between if isinstance(a, effects.EvidencePlaced)]
    assert placed.placed == "asked"
    assert any("apart" in render(reason) for reason in placed.reasons)
    clear = region.apply(log.evidence("traffic_crash", "P3", place(3.02, 3)), log.wait(1))
    (placed,) = [a for a in clear if isinstance(a, effects.EvidencePlaced)]
    assert (placed.placed, placed.incident) == ("attached", one)


def test_what_is_kept_apart_is_not_merged_without_a_reason(region, log):
    one = opened(region, log, "traffic_crash", "P3", place(3, 3))
    two = opened(region, log, "traffic_crash", "P3", place(3.7, 3))
    other = opened(region, log, "flood", "P3", place(7, 7))
    done(region, log, two, journal.KeepApart())
    answer, _ = order(region, log, two, journal.Merge(into=one))
    assert answer.outcome == "refused"
    assert "apart" in render(answer.reason)
    # Nor by way of a third.
    done(region, log, two, journal.Merge(into=other))
    answer, _ = order(region, log, other, journal.Merge(into=one))
    assert answer.outcome == "refused"
    done(region, log, other, journal.Merge(into=one, reason="one flood carried both cars"))


def test_an_incident_of_many_reports_names_the_latest_and_counts_all(region, log):
    fire = opened(region, log, "fire", "P2", place(3, 3))
    for _ in range(40):
        region.apply(log.evidence("fire", "P2", place(3, 3)), log.wait(1))
    whole = record(region, fire)
    assert whole.evidence_count == whole.source_count == 41
    assert len(whole.evidence) == len(whole.sources) == LATEST
    notes = region.snapshot().notes
    assert whole.evidence == tuple(note.id for note in notes[-LATEST:])


def test_a_sensor_of_a_merged_incident_is_known_to_what_took_it_in(region, log):
    alarm = {"source": "sensor", "source_id": "smoke-1"}
    one = opened(region, log, "fire", "P2", place(1, 1), **alarm)
    two = opened(region, log, "medical", "P2", place(6, 6))
    done(region, log, one, journal.Merge(into=two))
    answers = region.apply(log.evidence("fire", "P2", place(1, 1), **alarm), log.wait(1))
    (placed,) = [a for a in answers if isinstance(a, effects.EvidencePlaced)]
    # It is the first one's, should the merge be undone, and counts for both.
    assert (placed.placed, placed.incident) == ("attached", one)
    assert record(region, two).evidence_count == 3
    answers = region.apply(
        log.evidence("fire", "P2", place(1, 1), phase="cleared", **alarm), log.wait(1)
    )
    (placed,) = [a for a in answers if isinstance(a, effects.EvidencePlaced)]
    assert (placed.placed, placed.incident) == ("ended", two)


def test_each_line_comes_with_the_incident_as_that_line_left_it(region, log):
    answers = region.apply(log.evidence("fire", "P2", place(3, 3)), log.wait(1))
    lines = 0
    for line, after in itertools.pairwise(answers):
        if isinstance(line, effects.TimelineAppended):
            lines += 1
            assert isinstance(after, effects.IncidentWritten)
            assert after.incident.version == line.entry.seq
            if line.entry.kind == "state":
                assert line.entry.said.values["state"] == after.incident.state
    assert lines >= 4


def test_a_chain_of_merges_is_undone_link_by_link(region, log):
    fire = opened(region, log, "fire", "P2", place(1, 1))
    sick = opened(region, log, "medical", "P2", place(6, 6))
    flood = opened(region, log, "flood", "P3", place(6, 1))
    before = standing(region)
    done(region, log, fire, journal.Merge(into=sick))
    done(region, log, sick, journal.Merge(into=flood))
    done(region, log, sick, journal.Unmerge(reason="no"))
    done(region, log, fire, journal.Unmerge(reason="no"))
    after = standing(region)
    assert after["units"] == before["units"]
    assert after["active"] == before["active"]


def test_merges_into_one_are_undone_in_any_order(region, log):
    mild = opened(region, log, "air_pollution", "P3", place(1, 1))
    fire = opened(region, log, "fire", "P2", place(6, 6))
    gas = opened(region, log, "gas_leak", "P1", place(1, 6))
    before = {i: record(region, i) for i in (mild, fire, gas)}
    done(region, log, fire, journal.Merge(into=mild))
    done(region, log, gas, journal.Merge(into=mild))
    done(region, log, fire, journal.Unmerge(reason="no"))
    assert (record(region, mild).category, record(region, mild).severity) == ("gas_leak", "P1")
    done(region, log, gas, journal.Unmerge(reason="no"))
    for incident, known in before.items():
        now = record(region, incident)
        for field in ("category", "severity", "confidence", "point", "title", "plans", "certain"):
            assert getattr(now, field) == getattr(known, field), (field, incident)


def test_evidence_since_a_merge_stays_where_it_belongs(region, log):
    drill = opened(region, log, "medical", "P2", place(1, 1), confidence=0.2)
    real = opened(region, log, "medical", "P2", place(6, 6), confidence=0.9)
    done(region, log, real, journal.Merge(into=drill))
    region.apply(log.evidence("medical", "P2", place(1, 1), confidence=0.2), log.wait(1))
    done(region, log, real, journal.Unmerge(reason="the other gate"))
    assert record(region, drill).confidence == pytest.approx(0.36)
    assert units(region, drill) == []


def test_what_a_merged_sensor_says_goes_back_with_its_incident(region, log):
    alarm = {"source": "sensor", "source_id": "smoke-1"}
    fire = opened(region, log, "fire", "P2", place(6, 6), **alarm)
    hole = opened(region, log, "manhole_hazard", "P3", place(1, 1))
    done(region, log, fire, journal.Merge(into=hole))
    region.apply(log.evidence("fire", "P1", place(6, 6), **alarm), log.wait(1))
    assert record(region, hole).severity == "P1"
    done(region, log, fire, journal.Unmerge(reason="no"))
    assert (record(region, hole).category, record(region, hole).severity) == (
        "manhole_hazard",
        "P3",
    )
    assert (record(region, fire).severity, record(region, fire).evidence_count) == ("P1", 2)


def test_what_an_operator_confirms_after_a_merge_outlives_it(region, log):
    hole = opened(region, log, "manhole_hazard", "P3", place(1, 1))
    fire = opened(region, log, "fire", "P2", place(6, 6))
    done(region, log, fire, journal.Merge(into=hole))
    done(region, log, hole, journal.Classify(category="fire", reason="I see flames"))
    done(region, log, fire, journal.Unmerge(reason="no"))
    assert record(region, hole).category == "fire"
    assert record(region, hole).certain == ("category",)


def test_a_split_leaves_the_reading_of_what_was_merged(region, log):
    mild = opened(region, log, "air_pollution", "P3", place(1, 1))
    region.apply(log.evidence("air_pollution", "P3", place(1, 1)), log.wait(1))
    assert record(region, mild).evidence_count == 2
    fire = opened(region, log, "fire", "P1", place(6, 6))
    done(region, log, fire, journal.Merge(into=mild))
    own = next(n.id for n in region.snapshot().notes if n.incident == mild)
    done(region, log, mild, journal.Split(evidence=(own,), reason="another street"))
    whole = record(region, mild)
    assert (whole.category, whole.severity, whole.evidence_count) == ("fire", "P1", 2)


def test_what_cannot_wait_is_not_put_off_by_what_can(region, log):
    later = opened(region, log, "manhole_hazard", "P4", place(1, 1), confidence=0.3)
    done(region, log, later, journal.SetState(state="scheduled"))
    fire = opened(region, log, "fire", "P1", place(6, 6))
    sent = set(units(region, fire))
    done(region, log, fire, journal.Merge(into=later))
    assert record(region, later).state == "dispatched"
    assert sent <= set(units(region, later))
    done(region, log, fire, journal.Unmerge(reason="no"))
    assert record(region, later).state == "scheduled"
    held = opened(region, log, "flood", "P3", place(6, 1))
    done(region, log, held, journal.Hold(reason="?"))
    answer, _ = order(region, log, fire, journal.Merge(into=held))
    assert "resume it first" in render(answer.reason)


def test_who_has_done_his_part_counts_for_whom_he_was_sent_to(region, log):
    one = opened(region, log, "medical", "P2", place(1, 1))
    (unit,) = units(region, one)
    two = opened(region, log, "medical", "P2", place(6, 6), confidence=0.3)
    assert units(region, two) == []
    done(region, log, one, journal.Merge(into=two))
    for status in ("on_scene", "available"):
        region.apply(log.stamp(unit, status), log.wait(30))
    assert units(region, two) == [], "nobody more is needed for one event"
    done(region, log, one, journal.Unmerge(reason="two patients"))
    assert units(region, one) == []
    done(region, log, two, journal.Classify(category="medical", reason="sure"))
    assert len(units(region, two)) == 1, "nobody has been with the second patient"


def test_a_reopened_incident_does_not_send_twice_for_what_it_takes_in(region, log):
    closed = opened(region, log, "medical", "P2", place(1, 1), confidence=0.3)
    done(region, log, closed, journal.Close(disposition="unfounded"))
    one = opened(region, log, "medical", "P2", place(6, 6))
    (unit,) = units(region, one)
    log.wait(60)
    done(region, log, closed, journal.Reopen(reason="he called again"))
    done(region, log, one, journal.Merge(into=closed))
    assert units(region, closed) == [unit]


def test_kept_apart_holds_for_what_was_merged_since(region, log):
    one = opened(region, log, "traffic_crash", "P3", place(3, 3))
    two = opened(region, log, "traffic_crash", "P3", place(3.7, 3))
    done(region, log, two, journal.KeepApart())
    far = opened(region, log, "flood", "P4", place(7, 7))
    done(region, log, one, journal.Merge(into=far))
    between = region.apply(log.evidence("traffic_crash", "P3", place(3.35, 3)), log.wait(1))
    (placed,) = [a for a in between if isinstance(a, effects.EvidencePlaced)]
    assert placed.placed == "asked"


def test_a_merge_answers_the_question_whether_it_is_one(region, log):
    one = opened(region, log, "traffic_crash", "P3", place(3, 3))
    two = opened(region, log, "traffic_crash", "P3", place(3.7, 3))
    assert record(region, two).possible_duplicate_of == one
    done(region, log, one, journal.Merge(into=two))
    assert record(region, two).possible_duplicate_of is None
    assert "possible_duplicate" not in {a.kind for a in region.snapshot().alerts}
    assert units(region, two)


def test_a_unit_that_went_back_may_name_where_it_was(region, log):
    one = opened(region, log, "fire", "P2", place(1, 1))
    two = opened(region, log, "medical", "P2", place(6, 6))
    (unit, *_) = units(region, two)
    done(region, log, two, journal.Merge(into=one))
    done(region, log, two, journal.Unmerge(reason="no"))
    answers = region.apply(log.stamp(unit, "on_scene", incident=one), log.wait(1))
    assert not [a for a in answers if isinstance(a, effects.StampRefused)]
    assert [a.on_scene for a in region.snapshot().assignments if a.unit == unit and not a.ended]


def test_a_place_without_a_sensible_accuracy_is_refused(region, log):
    fire = opened(region, log, "fire", "P2", place(1, 1))
    for accuracy in (float("nan"), -1.0, float("inf")):
        spot = Point(lon=121.44, lat=31.23, accuracy_m=accuracy)
        answer, _ = order(region, log, fire, journal.Classify(point=spot))
        assert answer.outcome == "refused"


def test_an_answer_tells_the_version_of_what_it_is_about(region, log):
    one = opened(region, log, "fire", "P2", place(1, 1))
    two = opened(region, log, "medical", "P2", place(6, 6))
    answer, _ = order(region, log, two, journal.Merge(into=one))
    assert answer.version == record(region, two).version
    answer, _ = order(region, log, two, journal.AddNote(text="x"))
    assert answer.version == record(region, one).version
    assert "done there" in render(answer.reason)
    done(region, log, one, journal.Acknowledge())
    answer, _ = order(region, log, two, journal.Acknowledge())
    assert answer.outcome == "refused"
    assert "was merged into" in render(answer.reason)


def test_a_dry_run_of_an_answer_is_no_nothing(region, log):
    opened(region, log, "traffic_crash", "P3", place(3, 3))
    two = opened(region, log, "traffic_crash", "P3", place(3.7, 3))
    answer, _ = order_dry(region, log, two, journal.KeepApart())
    assert answer.changes
    assert "nothing" not in render(answer.changes[0])


def test_what_an_operator_had_under_control_is_so_again(region, log):
    fire = opened(region, log, "fire", "P2", place(6, 6))
    done(region, log, fire, journal.SetState(state="controlled"))
    hole = opened(region, log, "manhole_hazard", "P3", place(1, 1))
    done(region, log, hole, journal.Merge(into=fire))
    done(region, log, hole, journal.Unmerge(reason="no"))
    assert record(region, fire).state == "controlled"


def test_undoing_a_merge_ends_no_hold(region, log):
    fire = opened(region, log, "fire", "P2", place(6, 6))
    done(region, log, fire, journal.SetState(state="controlled"))
    sick = opened(region, log, "medical", "P2", place(1, 1))
    done(region, log, sick, journal.Merge(into=fire))
    assert record(region, fire).state == "dispatched"
    done(region, log, fire, journal.Hold(reason="a crane first"))
    done(region, log, sick, journal.Unmerge(reason="no"))
    assert record(region, fire).state == "on_hold"
    done(region, log, fire, journal.Resume())
    assert record(region, fire).state == "controlled"


def test_a_late_unit_is_late_wherever_it_goes_on(region, log):
    sick = opened(region, log, "medical", "P2", place(6, 6))
    (unit,) = units(region, sick)
    region.apply(log.tick(), log.wait(600))
    late = {"turnout_late", "unit_late"}
    assert late <= {a.kind for a in region.snapshot().alerts if a.incident == sick}
    fire = opened(region, log, "fire", "P2", place(1, 1))
    done(region, log, sick, journal.Merge(into=fire))
    assert late <= {a.kind for a in region.snapshot().alerts if a.incident == fire}
    region.apply(log.stamp(unit, "on_scene"), log.wait(1))
    done(region, log, sick, journal.Unmerge(reason="no"))
    assert not late & {a.kind for a in region.snapshot().alerts if a.incident == sick}


def restored(region: Region) -> Region:
    return Region.restore(wire.decode(wire.encode(region.snapshot()), Snapshot), routers)


def test_whose_sensor_it_is_does_not_depend_on_a_restart(region, log):
    """Evidence of one sensor that an operator has moved apart, in two incidents that are one."""
    alarm = {"source": "sensor", "source_id": "smoke-1"}
    fire = opened(region, log, "fire", "P2", place(1, 1), **alarm)
    for about in ({}, alarm):
        region.apply(log.evidence("fire", "P2", place(1, 1), **about), log.wait(1))
    (first, _, second) = [note.id for note in region.snapshot().notes]
    apart = []
    for evidence in (second, first):
        answers = done(region, log, fire, journal.Split(evidence=(evidence,), reason="another"))
        apart += [a.incident for a in answers if isinstance(a, effects.EvidencePlaced)]
    done(region, log, apart[1], journal.Merge(into=apart[0], reason="one"))
    twin, again = restored(region), log.evidence("fire", "P2", place(1, 1), **alarm)
    assert region.apply(again, log.wait(1)) == twin.apply(again, log.now)


@pytest.mark.parametrize("turned", [False, True])
def test_a_refusal_does_not_depend_on_a_restart(region, log, turned):
    """Of several that are kept apart the same one is named."""
    one, *others = [opened(region, log, "fire", "P3", place(at, at)) for at in (0, 3.5, 7)]
    for other in reversed(others) if turned else others:
        done(region, log, one, journal.Merge(into=other, reason="one"))
        done(region, log, one, journal.Unmerge(reason="two"))
    done(region, log, others[0], journal.Merge(into=others[1]))
    twin, asked = restored(region), log.command(one, journal.Merge(into=others[1]))
    assert region.apply(asked, log.wait(1)) == twin.apply(asked, log.now)
