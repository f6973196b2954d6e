"""The core on one incident at a time: what follows from what, and why."""

from datetime import timedelta

import msgspec
import pytest
from dispatch_world import REGION, STEP, Journal, place, routers, streets

from dispatch import Region
from dispatch.errors import WrongRegion
from schemas import codes, effects, journal
from schemas.records import Incident
from schemas.words import each, render


@pytest.fixture
def log():
    return Journal()


@pytest.fixture
def region(log):
    core = Region(REGION, routers)
    core.apply(log.fleet(), log.now)
    core.apply(log.policy(), log.now)
    return core


def kinds(answers, kind):
    return [answer for answer in answers if isinstance(answer, kind)]


def incidents(region) -> list[Incident]:
    return list(region.snapshot().incidents)


def only(region) -> Incident:
    (incident,) = incidents(region)
    return incident


def unit(region, name):
    return {u.id: u for u in region.snapshot().units}[name]


def assigned(answers):
    return [
        a.assignment for a in kinds(answers, effects.AssignmentWritten) if a.change == "assigned"
    ]


def open_one(region, log, **about):
    about.setdefault("at", place(2.3, 4))
    return region.apply(log.evidence(**about), log.wait(1))


def test_a_rehearsal_tells_what_would_change_and_changes_nothing(region, log):
    open_one(region, log, category="fire", severity="P1")
    before = region.snapshot()
    later = msgspec.structs.replace(codes.default_policy(), version="9999", plans=())
    told = region.rehearse(log.policy(later), log.wait(1))
    assert "would_ask_for" in {reason.code for reason in told}
    assert region.snapshot() == before


def test_evidence_opens_an_incident_and_sends_the_nearest_units(region, log):
    answers = open_one(region, log, category="fire", severity="P2")
    incident = only(region)
    assert incident.state == "dispatched"
    assert incident.short == ()
    sent = assigned(answers)
    assert sorted(a.capability for a in sent) == ["als", "patrol", "pump", "pump"]
    (recommended,) = kinds(answers, effects.Recommended)
    chosen = {c.unit: c for c in recommended.recommendation.candidates if c.chosen}
    assert set(chosen) == {a.unit for a in sent}
    for a in sent:
        assert a.eta_s == chosen[a.unit].seconds
        assert a.route is not None
        others = [
            c.seconds
            for c in recommended.recommendation.candidates
            if c.capability == a.capability and not c.chosen
        ]
        assert all(a.eta_s <= seconds for seconds in others)


def test_near_evidence_attaches_and_raises_severity(region, log):
    open_one(region, log, category="fire", severity="P2")
    answers = region.apply(
        log.evidence("fire", "P1", place(2.5, 4), source="sensor", source_id="smoke-1"), log.wait(5)
    )
    incident = only(region)
    assert incident.severity == "P1"
    assert len(incident.evidence) == 2
    assert {a.capability for a in assigned(answers)} >= {"pump", "ladder"}
    (placed,) = kinds(answers, effects.EvidencePlaced)
    assert placed.placed == "attached"
    assert placed.score >= codes.default_policy().attach_score


def test_far_evidence_opens_another(region, log):
    open_one(region, log, category="manhole_hazard", severity="P4")
    open_one(region, log, category="manhole_hazard", severity="P4", at=place(6, 6))
    assert len(incidents(region)) == 2


def test_the_middle_band_asks_and_waits_no_longer_than_the_policy_says(region, log):
    policy = codes.default_policy()
    open_one(region, log, category="traffic_crash", severity="P3", at=place(2, 4, 0.0))
    metres = policy.correlation["traffic_crash"].radius_m * 1.1
    apart = place(2 + metres / (95.2 * STEP * 1000), 4, 0.0)
    answers = open_one(region, log, category="traffic_crash", severity="P3", at=apart)
    (placed,) = kinds(answers, effects.EvidencePlaced)
    assert placed.placed == "asked"
    second = next(i for i in incidents(region) if i.possible_duplicate_of is not None)
    assert assigned(answers) == []
    assert {a.kind for a in region.snapshot().alerts} >= {"possible_duplicate", "confirm_dispatch"}
    log.wait(policy.ask_hold_s)
    later = region.apply(log.tick(), log.now)
    assert [a.incident for a in assigned(later)] == [second.id]


def test_keep_apart_dispatches_at_once(region, log):
    policy = codes.default_policy()
    open_one(region, log, category="traffic_crash", severity="P3", at=place(2, 4, 0.0))
    metres = policy.correlation["traffic_crash"].radius_m * 1.1
    open_one(
        region,
        log,
        category="traffic_crash",
        severity="P3",
        at=place(2 + metres / (95.2 * STEP * 1000), 4, 0.0),
    )
    second = next(i for i in incidents(region) if i.possible_duplicate_of is not None)
    answers = region.apply(log.command(second.id, journal.KeepApart()), log.wait(1))
    assert [a.incident for a in assigned(answers)] == [second.id]
    assert len(region.snapshot().separations) == 1


def test_a_whole_response_from_report_to_closing(region, log):
    open_one(region, log, category="medical", severity="P2")
    incident = only(region)
    (assignment,) = [a for a in region.snapshot().assignments if a.ended is None]
    states = []
    for status in ("acknowledged", "en_route", "on_scene", "transporting", "at_facility"):
        region.apply(log.stamp(assignment.unit, status), log.wait(30))
        states.append(only(region).state)
    assert states == ["dispatched", "en_route", "on_scene", "on_scene", "on_scene"]
    region.apply(log.stamp(assignment.unit, "available"), log.wait(30))
    assert only(region).state == "controlled"
    done = region.snapshot().assignments[0]
    assert done.ended == "completed"
    stamps = [done.dispatched, done.acknowledged, done.en_route, done.on_scene]
    stamps += [done.to_facility, done.at_facility, done.clear]
    assert stamps == sorted(stamps)
    answers = region.apply(
        log.command(incident.id, journal.Close(disposition="resolved")), log.wait(1)
    )
    assert kinds(answers, effects.CommandAnswered)[0].outcome == "accepted"
    assert only(region).state == "closed"
    assert region.snapshot().alerts == ()
    assert region.snapshot().timers == ()


def test_a_shortage_is_said_and_ends_when_a_unit_is_free(region, log):
    open_one(region, log, category="lift_entrapment", severity="P3", at=place(1, 1))
    for i in range(5):
        open_one(region, log, category="lift_entrapment", severity="P3", at=place(i + 2, 7 - i))
    short = [i for i in incidents(region) if i.short]
    assert len(short) == 1
    assert short[0].state == "pending"
    busy = next(u for u in region.snapshot().units if u.kind == "ladder_truck")
    region.apply(log.stamp(busy.id, "on_scene"), log.wait(60))
    answers = region.apply(log.stamp(busy.id, "available"), log.wait(60))
    assert [(a.incident, a.unit) for a in assigned(answers)] == [(short[0].id, busy.id)]


def test_an_unresourced_incident_is_escalated(region, log):
    for unit_name in ("U08", "U09", "U10"):
        region.apply(log.stamp(unit_name, "out_of_service"), log.wait(1))
    answers = open_one(region, log, category="public_disorder", severity="P1")
    assert "unresourced" in {a.alert.kind for a in kinds(answers, effects.AlertWritten)}


def test_a_refused_stamp_says_why(region, log):
    answers = region.apply(log.stamp("U00", "on_scene"), log.wait(1))
    (refused,) = answers
    assert isinstance(refused, effects.StampRefused)
    assert "available" in render(refused.reason)
    assert unit(region, "U00").state == "available"


def test_a_late_stamp_is_recorded_but_does_not_turn_back(region, log):
    open_one(region, log, category="medical", severity="P2")
    (assignment,) = region.snapshot().assignments
    left = log.wait(10)
    arrived = log.wait(100)
    region.apply(log.stamp(assignment.unit, "on_scene", time=arrived), log.wait(1))
    region.apply(log.stamp(assignment.unit, "en_route", time=left), log.wait(1))
    assert unit(region, assignment.unit).state == "on_scene"
    assert region.snapshot().assignments[0].en_route == left


def test_a_unit_that_clears_before_arriving_is_replaced(region, log):
    open_one(region, log, category="medical", severity="P2")
    (first,) = region.snapshot().assignments
    answers = region.apply(log.stamp(first.unit, "out_of_service"), log.wait(5))
    (second,) = assigned(answers)
    assert second.unit != first.unit
    assert only(region).state == "dispatched"


def test_a_closure_reroutes_and_expires(region, log):
    open_one(region, log, category="medical", severity="P2", at=place(0.5, 2))
    (before,) = region.snapshot().assignments
    closed = before.route.arcs[len(before.route.arcs) // 2]
    answers = region.apply(
        journal.StreetChanged(
            id=log.entry_id(),
            region=REGION,
            condition="C1",
            kind="closure",
            segments=streets().both_ways(closed),
            valid_from=log.now,
            valid_until=log.now + timedelta(seconds=60),
        ),
        log.wait(1),
    )
    (rerouted,) = [
        a.assignment for a in kinds(answers, effects.AssignmentWritten) if a.change == "rerouted"
    ]
    assert closed not in rerouted.route.arcs
    log.wait(61)
    region.apply(log.tick(), log.now)
    assert region.snapshot().conditions == ()
    assert region.snapshot().assignments[0].route == before.route


def test_a_closure_put_off_until_later_lets_units_through_now(region, log):
    open_one(region, log, category="medical", severity="P2", at=place(0.5, 2))
    (before,) = region.snapshot().assignments
    closure = journal.StreetChanged(
        id=log.entry_id(),
        region=REGION,
        condition="C1",
        kind="closure",
        segments=streets().both_ways(before.route.arcs[len(before.route.arcs) // 2]),
        valid_from=log.now,
    )
    region.apply(closure, log.wait(1))
    assert region.snapshot().assignments[0].route != before.route
    later = log.now + timedelta(hours=1)
    region.apply(msgspec.structs.replace(closure, id=log.entry_id(), valid_from=later), log.wait(1))
    assert region.snapshot().assignments[0].route == before.route


def test_a_closure_of_an_unknown_street_changes_nothing(region, log):
    change = journal.StreetChanged(
        id=log.entry_id(),
        region=REGION,
        condition="C1",
        kind="closure",
        segments=("no-such-arc",),
        valid_from=log.now,
    )
    assert region.apply(change, log.wait(1)) == ()
    assert region.snapshot().conditions == ()


def test_without_a_place_the_operator_is_asked(region, log):
    region.apply(log.evidence("medical", "P2", None), log.wait(1))
    incident = only(region)
    assert incident.state == "pending"
    assert "unlocated" in {a.kind for a in region.snapshot().alerts}
    answers = region.apply(
        log.command(incident.id, journal.Classify(point=place(3, 3))), log.wait(1)
    )
    assert len(assigned(answers)) == 1


def test_low_confidence_waits_for_an_operator(region, log):
    answers = open_one(region, log, category="medical", severity="P2", confidence=0.2)
    assert assigned(answers) == []
    incident = only(region)
    answers = region.apply(log.command(incident.id, journal.Assign()), log.wait(1))
    (sent,) = assigned(answers)
    assert sent.by == "wang"
    assert {a.kind for a in region.snapshot().alerts} == {"new_incident"}


def test_merging_hands_over_all_units_and_tells_who_is_not_needed_twice(region, log):
    open_one(region, log, category="medical", severity="P2", at=place(1, 1))
    open_one(region, log, category="medical", severity="P2", at=place(6, 6))
    one, two = sorted(incidents(region), key=lambda i: i.number)
    answers = region.apply(log.command(two.id, journal.Merge(into=one.id)), log.wait(1))
    assert kinds(answers, effects.CommandAnswered)[0].outcome == "accepted"
    after = {i.id: i for i in incidents(region)}
    assert after[two.id].state == "merged"
    assert after[two.id].merged_into == one.id
    assert set(two.evidence) <= set(after[one.id].evidence)
    active = [a for a in region.snapshot().assignments if a.ended is None]
    assert [a.incident for a in active] == [one.id, one.id]
    (surplus,) = [a for a in region.snapshot().alerts if a.kind == "surplus"]
    assert surplus.incident == one.id
    answers = region.apply(
        log.command(one.id, journal.Unassign(units=(active[1].unit,), reason="twice")), log.wait(1)
    )
    assert "surplus" not in {a.kind for a in region.snapshot().alerts}


def test_a_merged_incident_may_mean_what_either_meant(region, log):
    open_one(region, log, category="medical", at=place(1, 1))
    open_one(region, log, category="traffic_crash", at=place(6, 6))
    one, two = sorted(incidents(region), key=lambda i: i.number)
    region.apply(log.command(two.id, journal.Merge(into=one.id)), log.wait(1))
    merged = next(i for i in incidents(region) if i.id == one.id)
    assert {reading.category for reading in merged.readings} == {"medical", "traffic_crash"}


def test_override_replaces_the_units(region, log):
    open_one(region, log, category="medical", severity="P2")
    incident = only(region)
    (first,) = region.snapshot().assignments
    other = next(
        u.id for u in region.snapshot().units if u.kind == "ambulance" and u.id != first.unit
    )
    region.apply(
        log.command(incident.id, journal.Override(units=(other,), reason="nearer by my map")),
        log.wait(1),
    )
    active = [a.unit for a in region.snapshot().assignments if a.ended is None]
    assert active == [other]
    assert unit(region, first.unit).state == "available"


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (journal.Assign(units=("nobody",)), "fleet"),
        (journal.Assign(units=("U05", "U05")), None),
        (journal.Override(units=("U05",), reason=" "), "reason"),
        (journal.Unassign(units=("U00",), reason="x"), "not on its way"),
        (journal.SetState(state="reported"), "cannot become"),
        (journal.SetState(state="closed"), "command close"),
        (journal.SetState(state="dragon"), "'dragon' is no state of incidents; possible: reported"),
        (journal.Classify(category="dragon"), "dragon"),
        (journal.Classify(severity="P9"), "P9"),
        (journal.Classify(), "names a category"),
        (journal.AddNote(text=" "), "text"),
        (journal.Resume(), "not on hold"),
        (journal.Merge(into="x"), "no other incident"),
        (journal.KeepApart(), "nobody asked"),
        (journal.Close(disposition="bored"), "no disposition"),
        (journal.Reopen(reason="x"), "not closed"),
        (journal.Close(disposition="resolved"), "still has units"),
    ],
)
def test_commands_that_cannot_be_obeyed_are_refused_with_the_reason(region, log, action, says):
    open_one(region, log, category="traffic_crash", severity="P3")
    before = only(region)
    answers = region.apply(log.command(before.id, action), log.wait(1))
    (answer,) = kinds(answers, effects.CommandAnswered)
    if says is None:
        assert answer.outcome == "accepted"
        return
    assert answer.outcome == "refused"
    assert says in render(answer.reason)
    assert only(region) == before
    assert len(answers) == 1


def test_a_command_on_an_old_version_is_refused(region, log):
    open_one(region, log)
    incident = only(region)
    answers = region.apply(
        log.command(incident.id, journal.Acknowledge(), expected_version=incident.version - 1),
        log.wait(1),
    )
    assert kinds(answers, effects.CommandAnswered)[0].outcome == "refused"
    answers = region.apply(
        log.command(incident.id, journal.Acknowledge(), expected_version=incident.version),
        log.wait(1),
    )
    assert kinds(answers, effects.CommandAnswered)[0].outcome == "accepted"


def test_hold_and_resume(region, log):
    open_one(region, log, category="medical", severity="P2")
    incident = only(region)
    region.apply(log.command(incident.id, journal.Hold(reason="awaiting access")), log.wait(1))
    assert only(region).state == "on_hold"
    (assignment,) = region.snapshot().assignments
    region.apply(log.stamp(assignment.unit, "en_route"), log.wait(1))
    region.apply(log.command(incident.id, journal.Resume()), log.wait(1))
    assert only(region).state == "en_route"


def test_reopening_responds_anew(region, log):
    open_one(region, log, category="medical", severity="P2")
    incident = only(region)
    (first,) = region.snapshot().assignments
    region.apply(log.stamp(first.unit, "on_scene"), log.wait(60))
    region.apply(log.stamp(first.unit, "available"), log.wait(60))
    region.apply(log.command(incident.id, journal.Close(disposition="resolved")), log.wait(1))
    answers = region.apply(log.command(incident.id, journal.Reopen(reason="again")), log.wait(9))
    assert len(assigned(answers)) == 1
    assert only(region).state == "dispatched"
    assert only(region).closed_at is None


def test_late_evidence_joins_what_is_closed_and_new_evidence_does_not(region, log):
    open_one(region, log, category="other", severity="P4")
    incident = only(region)
    seen = log.now
    (first,) = region.snapshot().assignments
    region.apply(log.stamp(first.unit, "on_scene"), log.wait(60))
    region.apply(log.stamp(first.unit, "available"), log.wait(60))
    region.apply(log.command(incident.id, journal.Close(disposition="resolved")), log.wait(1))
    late = log.evidence("other", "P4", place(2.3, 4), observed_at=seen, received_at=seen)
    region.apply(late, log.wait(1))
    assert only(region).state == "closed"
    # A sensor whose clock is slow alarms after the closing: that may be a new event.
    region.apply(log.evidence("other", "P4", place(2.3, 4), observed_at=seen), log.wait(1))
    assert len(incidents(region)) == 2


def test_the_end_of_an_alarm_is_noted(region, log):
    open_one(region, log, category="gas_leak", source="sensor", source_id="gas-7")
    cleared = log.evidence(
        "gas_leak", at=place(2.3, 4), source="sensor", source_id="gas-7", phase="cleared"
    )
    answers = region.apply(cleared, log.wait(30))
    assert [t.entry.kind for t in kinds(answers, effects.TimelineAppended)] == ["sensor_cleared"]
    orphan = log.evidence(
        "gas_leak", at=place(2.3, 4), source="sensor", source_id="gas-8", phase="silent"
    )
    (placed,) = region.apply(orphan, log.wait(1))
    assert placed.placed == "ignored"


@pytest.mark.parametrize(("lon", "lat"), [(500.0, 31.0), (121.4, -91.0)])
def test_evidence_off_the_globe_is_ignored_with_a_reason(region, log, lon, lat):
    bad = msgspec.structs.replace(place(1, 1), lon=lon, lat=lat)
    (placed,) = region.apply(log.evidence(at=bad), log.wait(1))
    assert placed.placed == "ignored"


def test_unknown_categories_are_ignored_with_a_reason(region, log):
    (placed,) = region.apply(log.evidence("dragon", at=place(1, 1)), log.wait(1))
    assert "dragon" in render(placed.reasons[0])


def test_an_entry_of_another_region_is_a_programming_error(region, log):
    stray = msgspec.structs.replace(log.tick(), region="elsewhere")
    with pytest.raises(WrongRegion):
        region.apply(stray, log.now)


def test_closed_incidents_are_forgotten_after_their_time(region, log):
    open_one(region, log, category="medical", severity="P2")
    incident = only(region)
    (first,) = region.snapshot().assignments
    region.apply(log.stamp(first.unit, "on_scene"), log.wait(60))
    region.apply(log.stamp(first.unit, "available"), log.wait(60))
    region.apply(log.command(incident.id, journal.Close(disposition="resolved")), log.wait(1))
    log.wait(codes.default_policy().closed_memory_s)
    answers = region.apply(log.tick(), log.now)
    (forgotten,) = kinds(answers, effects.IncidentsForgotten)
    assert (forgotten.incidents, forgotten.at) == ((incident.id,), log.now)
    snapshot = region.snapshot()
    assert snapshot.incidents == ()
    assert snapshot.assignments == ()
    answers = region.apply(log.command(incident.id, journal.Reopen(reason="x")), log.wait(1))
    assert "no incident" in render(kinds(answers, effects.CommandAnswered)[0].reason)


def test_a_correction_is_a_line_for_each_thing_that_it_changes(region, log):
    open_one(region, log, category="medical", severity="P2")
    before = only(region)
    said = journal.Classify(category="fire", severity="P1", point=place(4, 4), reason="flames")
    answers = region.apply(log.command(before.id, said), log.wait(1))
    lines = [line.entry for line in kinds(answers, effects.TimelineAppended)][:3]
    assert [(line.kind, line.before, line.after) for line in lines] == [
        ("classified", "medical", "fire"),
        ("severity", "P2", "P1"),
        ("classified", "", ""),
    ]
    assert {each(line.reasons) for line in lines} == {("flames",)}
    corrected = only(region)
    assert (corrected.category, corrected.severity) == ("fire", "P1")
    assert corrected.certain == ("category", "severity", "place")
    assert corrected.point == place(4, 4)


def test_evidence_far_from_any_street_still_sends_somebody(region, log):
    answers = open_one(region, log, category="medical", severity="P2", at=place(-4, -4))
    (sent,) = assigned(answers)
    assert sent.route is None
    assert any("straight-line" in render(reason) for reason in sent.reasons)


def test_a_place_as_vague_as_a_long_road_merges_nothing(region, log):
    open_one(region, log, category="traffic_crash", severity="P3", at=place(2, 4))
    vague = msgspec.structs.replace(place(2, 4), accuracy_m=5_000.0)
    answers = open_one(region, log, category="traffic_crash", severity="P3", at=vague)
    (placed,) = kinds(answers, effects.EvidencePlaced)
    assert placed.placed == "asked"


def alerts(region, kind):
    return [alert for alert in region.snapshot().alerts if alert.kind == kind]


def test_a_slow_vehicle_clock_does_not_keep_a_unit_committed(region, log):
    open_one(region, log, category="medical", severity="P2")
    incident = only(region)
    (assignment,) = region.snapshot().assignments
    for status in ("en_route", "on_scene", "available"):
        slow = log.wait(30) - timedelta(minutes=2)
        region.apply(log.stamp(assignment.unit, status, time=slow, incident=incident.id), log.now)
        assert unit(region, assignment.unit).state == status
    assert region.snapshot().assignments[0].ended == "completed"


def test_a_fast_vehicle_clock_does_not_shut_out_later_stamps(region, log):
    open_one(region, log, category="medical", severity="P2")
    (assignment,) = region.snapshot().assignments
    fast = log.wait(10) + timedelta(minutes=5)
    region.apply(log.stamp(assignment.unit, "en_route", time=fast), log.now)
    region.apply(log.stamp(assignment.unit, "on_scene"), log.wait(10))
    assert unit(region, assignment.unit).state == "on_scene"


def test_a_short_incident_is_looked_at_again_when_streets_reopen(region, log):
    pump = next(u for u in region.snapshot().units if u.kind == "drainage_truck")
    lines = list(streets().arcs.id)
    closure = journal.StreetChanged(
        id=log.entry_id(),
        region=REGION,
        condition="C1",
        kind="closure",
        segments=tuple(lines),
        valid_from=log.now,
    )
    region.apply(closure, log.wait(1))
    open_one(region, log, category="flood", severity="P3", at=place(0.5, 0.5))
    assert only(region).short
    cleared = msgspec.structs.replace(closure, id=log.entry_id(), kind="cleared", segments=())
    answers = region.apply(cleared, log.wait(1))
    assert [a.unit for a in assigned(answers)] == [pump.id]


def test_a_closure_replaced_by_one_that_is_over_ends(region, log):
    closure = journal.StreetChanged(
        id=log.entry_id(),
        region=REGION,
        condition="C1",
        kind="closure",
        segments=(streets().arcs.id[0],),
        valid_from=log.now,
    )
    region.apply(closure, log.wait(1))
    over = msgspec.structs.replace(closure, id=log.entry_id(), valid_until=log.now)
    region.apply(over, log.wait(2))
    assert region.snapshot().conditions == ()


def test_each_late_unit_has_an_alert_that_ends_when_it_arrives(region, log):
    open_one(region, log, category="fire", severity="P2")
    sent = [a.unit for a in region.snapshot().assignments]
    log.wait(900)
    region.apply(log.tick(), log.now)
    assert len(alerts(region, "unit_late")) == len(sent)
    assert len(alerts(region, "turnout_late")) == len(sent)
    for name in sent:
        region.apply(log.stamp(name, "on_scene"), log.wait(1))
    assert alerts(region, "unit_late") == []
    assert alerts(region, "turnout_late") == []


def test_a_busy_unit_that_leaves_the_fleet_is_replaced(region, log):
    open_one(region, log, category="medical", severity="P2")
    (first,) = region.snapshot().assignments
    fleet = log.fleet()
    smaller = msgspec.structs.replace(
        fleet, units=tuple(u for u in fleet.units if u.id != first.unit)
    )
    answers = region.apply(smaller, log.wait(1))
    (second,) = assigned(answers)
    assert second.unit != first.unit
    assert unit(region, first.unit).state == "out_of_service"
    assert unit(region, first.unit).assignment is None


def test_a_unit_that_is_back_in_the_fleet_serves_again(region, log):
    fleet = log.fleet()
    known = [unit for unit in fleet.units if unit.kind == "ambulance"]
    broken = known[0].id
    region.apply(log.stamp(broken, "out_of_service"), log.wait(1))
    without = tuple(unit for unit in fleet.units if unit.kind != "ambulance")
    for units in (without, fleet.units):
        entry = msgspec.structs.replace(fleet, id=log.entry_id(), units=units)
        region.apply(entry, log.wait(1))
    states = {u.id: u.state for u in region.snapshot().units if u.kind == "ambulance"}
    assert states.pop(broken) == "out_of_service", "its crew said so, not the fleet"
    assert set(states.values()) == {"available"}


def test_what_an_operator_called_back_is_not_sent_again_by_itself(region, log):
    open_one(region, log, category="medical", severity="P2")
    incident = only(region)
    (first,) = region.snapshot().assignments
    away = journal.Unassign(units=(first.unit,), reason="a bystander drives")
    region.apply(log.command(incident.id, away), log.wait(1))
    answers = region.apply(log.evidence("medical", "P2", place(2.3, 4)), log.wait(5))
    assert assigned(answers) == []
    assert alerts(region, "confirm_dispatch") != []
    answers = region.apply(log.command(incident.id, journal.Assign()), log.wait(1))
    assert len(assigned(answers)) == 1
    assert not only(region).manual


def test_what_is_under_control_stays_so_while_units_stamp(region, log):
    open_one(region, log, category="fire", severity="P2")
    incident = only(region)
    one, two, *_ = region.snapshot().assignments
    region.apply(log.stamp(one.unit, "on_scene"), log.wait(60))
    region.apply(log.command(incident.id, journal.SetState(state="controlled")), log.wait(1))
    region.apply(log.stamp(two.unit, "on_scene"), log.wait(60))
    assert only(region).state == "controlled"


def test_an_escalated_shortage_is_looked_at_again_each_minute(region, log):
    for name in ("U08", "U09", "U10"):
        region.apply(log.stamp(name, "out_of_service"), log.wait(1))
    open_one(region, log, category="public_disorder", severity="P1")
    due = {(t.kind): t.due for t in region.snapshot().timers}["unresourced"]
    assert due == log.now + timedelta(seconds=60)


def test_two_call_centres_may_count_alike(region, log):
    open_one(region, log, category="medical", severity="P2", at=place(1, 1), source_id="1001")
    open_one(region, log, category="medical", severity="P2", at=place(6, 6), source_id="1001")
    assert len(incidents(region)) == 2


def test_of_two_policies_made_from_one_the_first_holds(region, log):
    known = region.snapshot().policy
    wanted = [
        msgspec.structs.replace(known, version=f"{known.version}-{name}", max_eta_s=seconds)
        for name, seconds in (("a", 900.0), ("b", 800.0))
    ]
    entries = [
        msgspec.structs.replace(log.policy(policy), instead_of=known.version) for policy in wanted
    ]
    assert kinds(region.apply(entries[0], log.now), effects.PolicyWritten)
    assert region.apply(entries[1], log.now) == ()
    assert region.snapshot().policy == wanted[0]
