"""From an incident to units on their way: plan, travel times, assigner, policy, assignment."""

from datetime import timedelta
from typing import NamedTuple

import msgspec

from dispatch.assignment import Assigner, Choice
from dispatch.incidents import follow_units, set_state
from dispatch.plans import describe, missing, surplus, wanted
from dispatch.state import State
from dispatch.transitions import FINAL
from dispatch.travel import Travel
from schemas.effects import Recommended
from schemas.ids import derive
from schemas.policy import Requirement
from schemas.records import Assignment, Incident, Point, Recommendation, Unit

NO_RESPONSE = (*FINAL, "on_hold", "scheduled", "reported")
"""States of incidents to which nobody is sent."""

_GRAVE = ("P1", "P2")
"""Severities of which an operator is told at once that somebody is missing."""

_LOOK_AGAIN_S = 60.0
"""A short incident that was escalated is looked at again this often."""


class Means(NamedTuple):
    """What a region decides with, behind interfaces that can be replaced."""

    travel: Travel
    assigner: Assigner


def lacking(state: State, incident: Incident) -> tuple[Requirement, ...]:
    """Return what the response plan asks for beyond the units already sent."""
    return missing(wanted(state.policy, incident), _sent(state, incident))


def too_many(state: State, incident: Incident) -> tuple[Assignment, ...]:
    """Return the active assignments that no plan asks for, the latest to arrive first."""
    return surplus(wanted(state.policy, incident), _sent(state, incident))


def _sent(state: State, incident: Incident) -> list[Assignment]:
    """Return the assignments that count towards the plan: those since it was last reopened.

    Whoever is on the way or there counts whenever he was sent.
    """
    return [
        assignment
        for assignment in state.sent_for(incident.id)
        if assignment.ended is None
        or incident.reopened_at is None
        or assignment.dispatched >= incident.reopened_at
    ]


def respond(state: State, means: Means, incident_id: str) -> None:
    """Recommend units for what is lacking, and assign them where the policy may.

    Without a place nobody can be sent: the operator is asked for it. Without enough units
    the incident stays short and is looked at again when one becomes free.
    """
    incident = state.incidents[incident_id]
    if incident.state in NO_RESPONSE:
        return
    if state.has_alert(incident_id, "surplus") and not too_many(state, incident):
        state.end_alerts(incident_id, "none too many", "surplus")
    required = lacking(state, incident)
    if not required:
        _resourced(state, incident_id)
        return
    if incident.point is None:
        state.raise_alert(incident_id, "unlocated", f"{incident.number}: where is it?")
        _pend(state, incident_id)
        return
    recommendation = recommend(state, means, incident, incident.point, required)
    chosen = [candidate for candidate in recommendation.candidates if candidate.chosen]
    if chosen or recommendation.short != incident.short:
        _record(state, incident_id, recommendation)
    if not chosen:
        note_short(state, incident_id, recommendation.short)
        return
    waits = why_not_automatic(state, incident)
    if waits is None:
        state.end_alerts(incident_id, "assigned", "confirm_dispatch")
        for candidate in chosen:
            assign(state, means, incident_id, candidate.unit, candidate.capability, "policy")
    else:
        units = ", ".join(candidate.unit for candidate in chosen)
        state.raise_alert(incident_id, "confirm_dispatch", f"Send {units}? Waiting: {waits}")
    note_short(state, incident_id, recommendation.short)
    if waits is None and not recommendation.short:
        _resourced(state, incident_id)


def recommend(
    state: State,
    means: Means,
    incident: Incident,
    scene: Point,
    required: tuple[Requirement, ...],
) -> Recommendation:
    """Return who should go for what is ``required``, by the region's assigner."""
    units = state.free_units(requirement.capability for requirement in required)
    seconds, remark = means.travel.seconds(state, units, scene)
    choices = [
        Choice(unit, time, stale(state, unit)) for unit, time in zip(units, seconds, strict=True)
    ]
    answer = means.assigner.recommend(
        required, choices, state.policy.version, state.policy.max_eta_s
    )
    plans = [f"{incident.category} {incident.severity}"]
    plans += [f"{plan.category} {plan.severity}" for plan in incident.plans]
    plan = f"plan for {' and '.join(plans)}: {', '.join(describe(required))}"
    reasons = (plan, *answer.reasons, *((remark,) if remark else ()))
    return msgspec.structs.replace(answer, reasons=reasons)


def why_not_automatic(state: State, incident: Incident) -> str | None:
    """Return why an operator must confirm, or None when the policy may assign by itself."""
    policy = state.policy
    if incident.manual:
        return "an operator decides who goes"
    if incident.severity not in policy.auto_assign:
        return f"{incident.severity} is not assigned automatically"
    if incident.held_until is not None and incident.held_until > state.now:
        return "it may be a duplicate"
    if incident.confidence < policy.auto_assign_confidence:
        return f"confidence {incident.confidence:.2f} is below {policy.auto_assign_confidence:.2f}"
    return None


def stale(state: State, unit: Unit) -> str | None:
    """Return why a unit's position is not to be relied on, or None.

    A unit that never sent one is where the fleet says: at home.
    """
    if unit.position_at is None:
        return None
    age = (state.now - unit.position_at).total_seconds()
    if age <= state.policy.stale_position_s:
        return None
    return f"position is {age / 60:.0f} min old"


def assign(  # noqa: PLR0917 - one act, said in full
    state: State,
    means: Means,
    incident_id: str,
    unit_id: str,
    capability: str,
    by: str,
    reason: str = "",
) -> None:
    """Send a unit: assignment with route, unit dispatched, timers, timeline."""
    incident = state.incidents[incident_id]
    unit = state.units[unit_id]
    assert incident.point is not None
    way = means.travel.way(state, unit, incident.point)
    reasons = tuple(
        text
        for text in (
            f"{capability} by {unit.kind} from {unit.station}",
            f"{way.seconds:.0f} s to the scene",
            way.remark,
            stale(state, unit),
            reason or None,
        )
        if text
    )
    count = len(state.assignments_of(incident_id, active=False)) + 1
    assignment = Assignment(
        id=derive(incident_id, f"assignment/{count}/{unit_id}"),
        incident=incident_id,
        unit=unit_id,
        capability=capability,
        by=by,
        eta_s=way.seconds,
        route=way.route,
        reasons=reasons,
        dispatched=state.now,
    )
    state.put_assignment(assignment, "assigned")
    state.change_unit(
        unit_id,
        state="dispatched",
        status_at=state.now,
        assignment=assignment.id,
        incident=incident_id,
        reason=None,
    )
    timing = state.timing(incident.severity)
    state.set_timer("turnout", assignment.id, state.now + timedelta(seconds=timing.turnout_s))
    late = way.seconds * timing.late_factor + timing.late_margin_s
    state.set_timer("late", assignment.id, state.now + timedelta(seconds=late))
    state.append(
        incident_id,
        "assigned",
        by,
        f"{unit.name} ({unit_id}) for {capability}, {way.seconds:.0f} s away",
        reasons,
    )
    follow_units(state, incident_id, by, joined=True)


def call_back(state: State, assignment: Assignment, by: str, reason: str) -> None:
    """Cancel an active assignment: the unit is free where it stands."""
    ended = msgspec.structs.replace(assignment, ended="cancelled", clear=state.now)
    state.put_assignment(ended, "cancelled")
    end_watch(state, assignment, "called back")
    state.change_unit(
        assignment.unit, state="available", status_at=state.now, assignment=None, incident=None
    )
    unit = state.units[assignment.unit]
    state.append(
        assignment.incident, "unassigned", by, f"{unit.name} ({unit.id}) called back", (reason,)
    )


def handed(to: str, assignment: str) -> str:
    """Return the id under which an assignment goes on with another incident."""
    return derive(to, f"assignment/from/{assignment}")


def end_watch(state: State, assignment: Assignment, by: str, *, arrived: bool = True) -> None:
    """Stop waiting for a unit to leave and, if it has ``arrived`` or ended, to arrive."""
    state.end_timer("turnout", assignment.id)
    state.end_alerts(assignment.incident, by, "turnout_late", subject=assignment.id)
    if arrived:
        state.end_timer("late", assignment.id)
        state.end_alerts(assignment.incident, by, "unit_late", subject=assignment.id)


def reroute(state: State, means: Means, incident_id: str, why: str) -> None:
    """Compute the ways of an incident's units again, of those that have not arrived."""
    incident = state.incidents[incident_id]
    if incident.point is None:
        return
    for assignment in state.assignments_of(incident_id):
        if assignment.on_scene is not None:
            continue
        unit = state.units[assignment.unit]
        way = means.travel.way(state, unit, incident.point)
        if way.route is None or way.route == assignment.route:
            continue
        changed = msgspec.structs.replace(assignment, route=way.route, eta_s=way.seconds)
        state.put_assignment(changed, "rerouted")
        state.append(
            incident_id,
            "rerouted",
            "policy",
            f"{unit.name} ({unit.id}) rerouted, {way.seconds:.0f} s away",
            (why,),
        )


def _record(state: State, incident_id: str, recommendation: Recommendation) -> None:
    state.emit(Recommended(incident=incident_id, at=state.now, recommendation=recommendation))
    chosen = [f"{c.unit} ({c.reason})" for c in recommendation.candidates if c.chosen]
    text = f"Send {', '.join(chosen)}" if chosen else "Nobody to send"
    state.append(
        incident_id,
        "recommended",
        "policy",
        text,
        (*recommendation.reasons, *(f"short: {line}" for line in recommendation.short)),
    )


def _resourced(state: State, incident_id: str) -> None:
    incident = state.incidents[incident_id]
    if incident.short or incident.resourced_at is None:
        state.change_incident(
            incident_id, short=(), resourced_at=incident.resourced_at or state.now
        )
    state.end_timer("unresourced", incident_id)
    state.end_alerts(incident_id, "resourced", "unresourced", "confirm_dispatch", "unlocated")


def note_short(state: State, incident_id: str, short: tuple[str, ...]) -> None:
    """Remember what an incident is short of, tell it, and promise to look again."""
    incident = state.incidents[incident_id]
    if short != incident.short:
        state.change_incident(incident_id, short=short)
        if short:
            state.append(incident_id, "short", "policy", f"Short of {'; '.join(short)}")
        else:
            state.end_alerts(incident_id, "units found", "unresourced")
    if short and incident.severity in _GRAVE:
        text = f"{incident.number} is short of {'; '.join(short)}"
        state.raise_alert(incident_id, "unresourced", text)
    if short and ("unresourced", incident_id) not in state.timers:
        wait = state.timing(incident.severity).unresourced_s
        if state.has_alert(incident_id, "unresourced"):
            wait = max(wait, _LOOK_AGAIN_S)
        state.set_timer("unresourced", incident_id, state.now + timedelta(seconds=wait))
    _pend(state, incident_id)


def _pend(state: State, incident_id: str) -> None:
    """Say that an incident waits for units, if none is on its way."""
    if state.incidents[incident_id].state == "triaged":
        set_state(state, incident_id, "pending", "policy")
