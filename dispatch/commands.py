"""What operators ask for: one function an action, each accepted whole or refused with why."""

from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from dispatch.errors import Refused
from dispatch.incidents import follow_units, set_state, title
from dispatch.merging import merge, unmerge
from dispatch.preview import differences, trial
from dispatch.respond import (
    Means,
    assign,
    call_back,
    lacking,
    recommend,
    reroute,
    respond,
)
from dispatch.settle import settle
from dispatch.splitting import split
from dispatch.state import State
from dispatch.transitions import FINAL
from geo.crs import check_lonlat
from geo.errors import BadCoordinates
from schemas import codes, journal
from schemas.effects import CommandAnswered, Linked
from schemas.errors import UnknownCode
from schemas.records import Incident

_SPECIAL = {"on_hold": "hold", "closed": "close", "merged": "merge"}


def obey(state: State, means: Means, command: journal.Command) -> None:
    """Carry a command out, or refuse it; either way it is answered."""
    if not command.dry_run:
        _answer(state, command, *_act(state, means, command))
        return
    tried = trial(state)
    outcome, reason, target = _act(tried, means, command)
    if outcome == "refused":
        _answer(state, command, outcome, reason, target)
        return
    settle(tried, means)
    _answer(state, command, "tried", reason, target, differences(state, tried))


def _act(state: State, means: Means, command: journal.Command) -> tuple[str, str, str]:
    """Return outcome, reason, and the incident that the command was about."""
    followed, target = "", command.incident
    try:
        incident, followed = _target(state, command)
        target = incident.id
        _ACTIONS[type(command.action)](state, means, incident, command.action, command.operator)
    except Refused as refusal:
        reason = f"{refusal} ({followed})" if followed else str(refusal)
        return "refused", reason, target
    return "accepted", f"{followed}: done there" if followed else "", target


def _answer(  # noqa: PLR0917 - one act, said in full
    state: State,
    command: journal.Command,
    outcome: str,
    reason: str,
    target: str,
    changes: tuple[str, ...] = (),
) -> None:
    known = state.incidents.get(target)
    state.emit(
        CommandAnswered(
            command=command.id,
            incident=command.incident,
            operator=command.operator,
            outcome=outcome,
            reason=reason,
            version=None if known is None else known.version,
            at=state.now,
            changes=changes,
        )
    )


def _target(state: State, command: journal.Command) -> tuple[Incident, str]:
    """Return the incident that a command is about, and what to say where it is another one.

    One that was merged stands for what took it in.
    """
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
    root = state.root(incident.id)
    if root.id == incident.id or isinstance(command.action, _OF_MERGED):
        return incident, ""
    return root, f"{incident.number} was merged into {root.number}"


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
    certain: list[str] = []
    try:
        if action.category is not None:
            codes.category(action.category)
            changes |= {"category": action.category, "confidence": 1.0, "plans": ()}
            changes["title"] = title(action.category, action.where or incident.where)
            certain.append("category")
            said.append(f"{incident.category} → {action.category}")
        if action.severity is not None:
            codes.severity(action.severity)
            changes["severity"] = action.severity
            certain.append("severity")
            said.append(f"{incident.severity} → {action.severity}")
        if action.point is not None:
            check_lonlat(action.point.lon, action.point.lat)
            accuracy = action.point.accuracy_m
            if accuracy is not None and not 0.0 <= accuracy < inf:
                raise Refused(f"accuracy_m {accuracy} is no radius in metres")
            changes["point"] = action.point
            certain.append("place")
            said.append(f"place {action.point.lon:.6f}, {action.point.lat:.6f}")
        if action.where is not None:
            changes["where"] = action.where
    except (UnknownCode, BadCoordinates) as error:
        raise Refused(str(error)) from error
    if not said:
        raise Refused("classify names a category, a severity or a point")
    # Nothing else becomes certain: a better place makes no event of a rumour.
    changes["certain"] = tuple(dict.fromkeys((*incident.certain, *certain)))
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


def _keep_apart(
    state: State, means: Means, incident: Incident, _action: journal.KeepApart, operator: str
) -> None:
    other = incident.possible_duplicate_of
    if other is None:
        raise Refused(f"nobody asked whether {incident.number} is a duplicate")
    state.change_incident(incident.id, possible_duplicate_of=None, held_until=None)
    if other in state.incidents:
        state.keep_apart(incident.id, other)
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


_OF_MERGED = (journal.Unmerge,)
"""Commands about a merged incident itself."""

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
    journal.Merge: merge,
    journal.Unmerge: unmerge,
    journal.Split: split,
    journal.KeepApart: _keep_apart,
    journal.Close: _close,
    journal.Reopen: _reopen,
}
