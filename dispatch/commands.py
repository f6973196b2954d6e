"""What operators ask for: one function an action, each accepted whole or refused with why."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from dispatch.correlation import surest
from dispatch.errors import Refused
from dispatch.incidents import follow_units, set_state
from dispatch.respond import (
    Means,
    assign,
    call_back,
    end_watch,
    lacking,
    recommend,
    reroute,
    respond,
)
from dispatch.respond import use_free_units as give_to_others
from dispatch.state import State
from dispatch.transitions import FINAL
from geo.crs import check_lonlat
from geo.errors import BadCoordinates
from schemas import codes, journal
from schemas.effects import CommandAnswered, Linked
from schemas.errors import UnknownCode
from schemas.ids import derive
from schemas.records import Assignment, Incident

_SPECIAL = {"on_hold": "hold", "closed": "close", "merged": "merge"}


def obey(state: State, means: Means, command: journal.Command) -> None:
    """Carry a command out, or refuse it; either way it is answered."""
    try:
        incident = _target(state, command)
        _ACTIONS[type(command.action)](state, means, incident, command.action, command.operator)
        outcome, reason = "accepted", ""
    except Refused as refusal:
        outcome, reason = "refused", str(refusal)
    known = state.incidents.get(command.incident)
    state.emit(
        CommandAnswered(
            command=command.id,
            incident=command.incident,
            operator=command.operator,
            outcome=outcome,
            reason=reason,
            version=None if known is None else known.version,
            at=state.now,
        )
    )


def _target(state: State, command: journal.Command) -> Incident:
    incident = state.incidents.get(command.incident)
    if incident is None:
        hours = state.policy.closed_memory_s / 3600
        raise Refused(
            f"no incident {command.incident} in region {state.region}, "
            f"or it was closed more than {hours:.0f} h ago"
        )
    expected = command.expected_version
    if expected is not None and expected != incident.version:
        raise Refused(
            f"{incident.number} is at version {incident.version}, not {expected}: "
            "look at what changed and ask again"
        )
    return incident


def _acknowledge(
    state: State, _means: Means, incident: Incident, _action: journal.Acknowledge, operator: str
) -> None:
    if incident.acknowledged_at is not None:
        raise Refused(f"{incident.number} was acknowledged by {incident.acknowledged_by}")
    state.change_incident(incident.id, acknowledged_at=state.now, acknowledged_by=operator)
    state.end_timer("acknowledge", incident.id)
    state.end_alerts(incident.id, operator, "new_incident", "unacknowledged")
    state.append(incident.id, "acknowledged", operator, f"acknowledged by {operator}")


def _assign(
    state: State, means: Means, incident: Incident, action: journal.Assign, operator: str
) -> None:
    _must_be_open(incident)
    if incident.point is None:
        raise Refused(f"{incident.number} has no place: classify it with a point first")
    if action.units:
        _send(state, means, incident, action.units, operator, action.reason)
    else:
        _send_recommended(state, means, incident, operator, action.reason)
        state.change_incident(incident.id, manual=False)
    state.end_alerts(incident.id, operator, "confirm_dispatch")
    respond(state, means, incident.id)


def _override(
    state: State, means: Means, incident: Incident, action: journal.Override, operator: str
) -> None:
    _must_be_open(incident)
    _must_say_why(action.reason)
    if not action.units:
        raise Refused("override names the units to send instead")
    if incident.point is None:
        raise Refused(f"{incident.number} has no place: classify it with a point first")
    staying = {a.unit for a in state.assignments_of(incident.id)}.intersection(action.units)
    _check_free(state, [unit for unit in action.units if unit not in staying])
    for assignment in state.assignments_of(incident.id):
        if assignment.unit not in staying:
            call_back(state, assignment, operator, action.reason)
    coming = tuple(unit for unit in action.units if unit not in staying)
    state.change_incident(incident.id, manual=True)
    _send(state, means, incident, coming, operator, action.reason)
    state.end_alerts(incident.id, operator, "confirm_dispatch")
    respond(state, means, incident.id)
    give_to_others(state, means)


def _unassign(
    state: State, means: Means, incident: Incident, action: journal.Unassign, operator: str
) -> None:
    _must_say_why(action.reason)
    active = {a.unit: a for a in state.assignments_of(incident.id)}
    unknown = [unit for unit in action.units if unit not in active]
    if unknown or not action.units:
        names = ", ".join(active) or "none"
        raise Refused(f"{', '.join(unknown) or 'no unit'} is not on its way; active: {names}")
    for unit in dict.fromkeys(action.units):
        call_back(state, active[unit], operator, action.reason)
    state.change_incident(incident.id, manual=True)
    follow_units(state, incident.id, operator)
    respond(state, means, incident.id)
    give_to_others(state, means)


def _set_state(
    state: State, means: Means, incident: Incident, action: journal.SetState, operator: str
) -> None:
    if action.state in _SPECIAL:
        raise Refused(f"use the command {_SPECIAL[action.state]} to make it {action.state}")
    if action.state in FINAL:
        _must_have_no_units(state, incident)
    if incident.state == "on_hold":
        raise Refused(f"{incident.number} is on hold: resume it first")
    if incident.state in FINAL and action.state not in FINAL:
        raise Refused(f"{incident.number} is {incident.state}: reopen it first")
    set_state(state, incident.id, action.state, operator, action.reason)
    respond(state, means, incident.id)


def _classify(
    state: State, means: Means, incident: Incident, action: journal.Classify, operator: str
) -> None:
    _must_be_open(incident)
    changes: dict[str, Any] = {}
    said: list[str] = []
    try:
        if action.category is not None:
            category = codes.category(action.category)
            place = incident.where.address or incident.where.subdistrict or "地点不明"
            changes["category"] = action.category
            changes["title"] = f"{category.zh} {category.en}: {place}"
            said.append(f"{incident.category} → {action.category}")
        if action.severity is not None:
            codes.severity(action.severity)
            changes["severity"] = action.severity
            said.append(f"{incident.severity} → {action.severity}")
        if action.point is not None:
            check_lonlat(action.point.lon, action.point.lat)
            changes["point"] = action.point
            said.append(f"place {action.point.lon:.6f}, {action.point.lat:.6f}")
        if action.where is not None:
            changes["where"] = action.where
    except (UnknownCode, BadCoordinates) as error:
        raise Refused(str(error)) from error
    if not said:
        raise Refused("classify names a category, a severity or a point")
    changes["confidence"] = 1.0
    state.change_incident(incident.id, **changes)
    reasons = (action.reason,) if action.reason else ()
    state.append(incident.id, "classified", operator, "; ".join(said), reasons)
    if action.point is not None:
        state.end_alerts(incident.id, operator, "unlocated")
        reroute(state, means, incident.id, "the place was corrected")
    respond(state, means, incident.id)


def _note(
    state: State, _means: Means, incident: Incident, action: journal.AddNote, operator: str
) -> None:
    if not action.text.strip():
        raise Refused("a note has a text")
    state.append(incident.id, "note", operator, action.text)


def _hold(
    state: State, _means: Means, incident: Incident, action: journal.Hold, operator: str
) -> None:
    _must_be_open(incident)
    _must_say_why(action.reason)
    if incident.state == "on_hold":
        raise Refused(f"{incident.number} is on hold already")
    set_state(
        state,
        incident.id,
        "on_hold",
        operator,
        action.reason,
        state_before_hold=incident.state,
    )


def _resume(
    state: State, means: Means, incident: Incident, _action: journal.Resume, operator: str
) -> None:
    if incident.state != "on_hold" or incident.state_before_hold is None:
        raise Refused(f"{incident.number} is {incident.state}, not on hold")
    set_state(state, incident.id, incident.state_before_hold, operator, state_before_hold=None)
    follow_units(state, incident.id, operator)
    respond(state, means, incident.id)


def _merge(
    state: State, means: Means, incident: Incident, action: journal.Merge, operator: str
) -> None:
    into = state.incidents.get(action.into)
    if into is None or into.id == incident.id:
        raise Refused(f"there is no other incident {action.into} to merge into")
    if incident.state in FINAL or into.state in FINAL:
        raise Refused(f"{incident.number} is {incident.state}, {into.number} is {into.state}")
    state.change_incident(
        into.id,
        evidence=(*into.evidence, *incident.evidence),
        sources=tuple(dict.fromkeys((*into.sources, *incident.sources))),
        readings=surest((*into.readings, *incident.readings)),
        noticed_at=max(into.noticed_at, incident.noticed_at),
        point=into.point or incident.point,
        where=into.where if into.point else incident.where,
        severity=min(into.severity, incident.severity, key=lambda s: codes.severity(s).rank),
    )
    state.append(into.id, "merged", operator, f"took in {incident.number}")
    state.emit(Linked(incident=incident.id, other=into.id, kind="merged", at=state.now))
    for assignment in state.assignments_of(incident.id):
        _hand_over(state, assignment, into.id, operator)
    set_state(
        state,
        incident.id,
        "merged",
        operator,
        f"same event as {into.number}",
        merged_into=into.id,
        disposition="duplicate",
    )
    follow_units(state, into.id, operator, joined=True)
    respond(state, means, into.id)
    give_to_others(state, means)


def _hand_over(state: State, assignment: Assignment, into: str, operator: str) -> None:
    """Let a unit go on to the incident that took its own in, if it is needed or there."""
    needed = {r.capability for r in lacking(state, state.incidents[into])}
    if assignment.capability not in needed and assignment.on_scene is None:
        call_back(state, assignment, operator, "merged, not needed twice")
        return
    ended = msgspec.structs.replace(assignment, ended="cancelled", clear=state.now)
    state.put_assignment(ended, "cancelled")
    going_on = msgspec.structs.replace(
        assignment,
        id=derive(into, f"assignment/from/{assignment.id}"),
        incident=into,
        reasons=(*assignment.reasons, "came with a merged incident"),
    )
    state.put_assignment(going_on, "assigned")
    for kind in ("turnout", "late"):
        timer = state.timers.get((kind, assignment.id))
        if timer is not None:
            state.set_timer(kind, going_on.id, timer.due)
    end_watch(state, assignment, "merged")
    unit = state.change_unit(assignment.unit, assignment=going_on.id, incident=into)
    state.append(into, "assigned", operator, f"{unit.name} ({unit.id}) came with a merged incident")


def _keep_apart(
    state: State, means: Means, incident: Incident, _action: journal.KeepApart, operator: str
) -> None:
    other = incident.possible_duplicate_of
    if other is None:
        raise Refused(f"nobody asked whether {incident.number} is a duplicate")
    state.change_incident(incident.id, possible_duplicate_of=None, held_until=None)
    pair = (min(incident.id, other), max(incident.id, other))
    if other in state.incidents:
        state.separations[pair] = None
    state.emit(Linked(incident=incident.id, other=other, kind="kept_apart", at=state.now))
    state.end_timer("held", incident.id)
    state.end_alerts(incident.id, operator, "possible_duplicate")
    state.append(incident.id, "kept_apart", operator, "an event of its own")
    respond(state, means, incident.id)


def _close(
    state: State, _means: Means, incident: Incident, action: journal.Close, operator: str
) -> None:
    if action.disposition not in codes.dispositions():
        known = ", ".join(sorted(codes.dispositions()))
        raise Refused(f"{action.disposition!r} is no disposition; possible: {known}")
    if incident.state in ("closed", "merged", "cancelled"):
        raise Refused(f"{incident.number} is {incident.state} already")
    _must_have_no_units(state, incident)
    set_state(
        state,
        incident.id,
        "closed",
        operator,
        action.reason or action.disposition,
        disposition=action.disposition,
    )


def _reopen(
    state: State, means: Means, incident: Incident, action: journal.Reopen, operator: str
) -> None:
    _must_say_why(action.reason)
    if incident.state not in ("closed", "handed_over", "cancelled"):
        raise Refused(f"{incident.number} is {incident.state}, not closed")
    set_state(
        state,
        incident.id,
        "pending",
        operator,
        action.reason,
        closed_at=None,
        disposition=None,
        reopened_at=state.now,
        resourced_at=None,
        short=(),
    )
    state.append(incident.id, "reopened", operator, "reopened", (action.reason,))
    respond(state, means, incident.id)


def _send(  # noqa: PLR0917 - one act, said in full
    state: State,
    means: Means,
    incident: Incident,
    units: tuple[str, ...],
    operator: str,
    reason: str,
) -> None:
    """Assign named units: what is lacking first, whatever else they can do otherwise."""
    units = tuple(dict.fromkeys(units))
    _check_free(state, units)
    for unit in units:
        able = state.units[unit].capabilities
        needed = [r.capability for r in lacking(state, state.incidents[incident.id])]
        capability = next((c for c in needed if c in able), able[0] if able else "patrol")
        assign(state, means, incident.id, unit, capability, operator, reason)


def _send_recommended(
    state: State, means: Means, incident: Incident, operator: str, reason: str
) -> None:
    wanted = lacking(state, incident)
    if not wanted:
        raise Refused(f"{incident.number} has all its response plan asks for")
    assert incident.point is not None
    recommendation = recommend(state, means, incident, incident.point, wanted)
    chosen = [candidate for candidate in recommendation.candidates if candidate.chosen]
    if not chosen:
        raise Refused(f"nobody can be sent: {'; '.join(recommendation.short)}")
    for candidate in chosen:
        assign(state, means, incident.id, candidate.unit, candidate.capability, operator, reason)


def _check_free(state: State, units: Iterable[str]) -> None:
    for unit_id in units:
        unit = state.units.get(unit_id)
        if unit is None:
            raise Refused(f"unit {unit_id} is not of this region's fleet")
        if codes.unit_state(unit.state).availability != "available":
            where = f" for {state.incidents[unit.incident].number}" if unit.incident else ""
            raise Refused(f"unit {unit_id} is {unit.state}{where}: it cannot be sent")


def _must_be_open(incident: Incident) -> None:
    if incident.state in FINAL:
        raise Refused(f"{incident.number} is {incident.state}: reopen it first")


def _must_have_no_units(state: State, incident: Incident) -> None:
    active = [a.unit for a in state.assignments_of(incident.id)]
    if active:
        raise Refused(
            f"{incident.number} still has units: {', '.join(active)}; clear or unassign them first"
        )


def _must_say_why(reason: str) -> None:
    if not reason.strip():
        raise Refused("say why: this command needs a reason")


_ACTIONS: dict[type, Callable[[State, Means, Incident, Any, str], None]] = {
    journal.Acknowledge: _acknowledge,
    journal.Assign: _assign,
    journal.Override: _override,
    journal.Unassign: _unassign,
    journal.SetState: _set_state,
    journal.Classify: _classify,
    journal.AddNote: _note,
    journal.Hold: _hold,
    journal.Resume: _resume,
    journal.Merge: _merge,
    journal.KeepApart: _keep_apart,
    journal.Close: _close,
    journal.Reopen: _reopen,
}
