"""Two incidents are one event after all, or after all they are not.

A merge keeps the graver reading and severity, the better place, and what both response plans ask
for. Nobody is called back by it: who is not needed twice is for the operator to say. What it did
is remembered, so that it can be undone exactly.
"""

from typing import Any

import msgspec

from dispatch.correlation import surest
from dispatch.errors import Refused
from dispatch.incidents import fall_back, follow_units, set_state
from dispatch.notes import latest
from dispatch.notice import tell_changes
from dispatch.respond import Means, call_back, end_watch, reroute, respond, too_many
from dispatch.state import State
from dispatch.transitions import FINAL
from dispatch.understanding import FIELDS
from schemas import codes, journal
from schemas.effects import Linked
from schemas.ids import derive
from schemas.records import Assignment, Handover, Incident, Merger, PlanKey, Point

_UNKNOWN_ACCURACY_M = 30.0
_WATCHES = ("turnout", "late")
_ASKED = ("confirm_dispatch", "surplus", "unlocated", "unresourced")
_TIMERS = ("acknowledge", "unresourced", "held")


def merge(
    state: State, means: Means, incident: Incident, action: journal.Merge, operator: str
) -> None:
    """Let another incident take this one in."""
    into = _other(state, incident, action)
    together = _together(into, incident)
    alerts = state.alerts_of(incident.id)
    timers = [timer for kind in _TIMERS if (timer := state.timers.get((kind, incident.id)))]
    set_state(
        state,
        incident.id,
        "merged",
        operator,
        action.reason or f"same event as {into.number}",
        merged_into=into.id,
        disposition="duplicate",
    )
    lists = latest(state.notes.of(into.id))
    noticed = max(into.noticed_at, incident.noticed_at)
    state.change_incident(into.id, **lists, noticed_at=noticed, plans=together.plans)
    state.append(into.id, "merged", operator, f"took in {incident.number}", _said(action.reason))
    state.emit(Linked(incident=incident.id, other=into.id, kind="merged", at=state.now))
    tell_changes(state, into.id, together, operator, f"{incident.number} says so")
    state.change_incident(into.id, certain=together.certain)
    handovers = tuple(
        _hand_over(state, assignment, into.id, operator, "came with a merged incident")
        for assignment in state.assignments_of(incident.id)
    )
    state.put_merger(
        Merger(
            id=derive(state.cause, "merger"),
            incident=incident.id,
            into=into.id,
            at=state.now,
            by=operator,
            before=into,
            after=state.incidents[into.id],
            taken=incident,
            handovers=handovers,
            alerts=tuple(alerts),
            timers=tuple(timers),
        )
    )
    follow_units(state, into.id, operator, joined=True)
    if together.point not in (into.point, incident.point) or into.point != incident.point:
        reroute(state, means, into.id, "the place is that of both now")
    respond(state, means, into.id)
    _tell_surplus(state, into.id)


def unmerge(
    state: State, means: Means, incident: Incident, action: journal.Unmerge, operator: str
) -> None:
    """Make two incidents of one again, as they were but for what has happened since.

    What the merge changed is as before, unless somebody has changed it since. Units that came with
    the incident go back to it, those that were sent because of the merge are called back unless
    they have arrived.
    """
    if not action.reason.strip():
        raise Refused("say why: this command needs a reason")
    merger = state.mergers.get(incident.id)
    if merger is None:
        raise Refused(f"{incident.number} is {incident.state}, not merged into another one")
    into = state.incidents[merger.into]
    if into.state == "merged":
        raise Refused(
            f"{into.number}, which took it in, was merged into {state.root(into.id).number}: "
            "undo that merge first"
        )
    if into.state in FINAL:
        raise Refused(f"{into.number}, which took it in, is {into.state}: reopen it first")
    _call_back_sent_by(state, merger, operator)
    set_state(
        state,
        incident.id,
        merger.taken.state,
        operator,
        action.reason,
        merged_into=None,
        disposition=merger.taken.disposition,
        closed_at=None,
    )
    why = f"{incident.number} is an event of its own: {action.reason}"
    state.change_incident(into.id, **latest(state.notes.of(into.id)), **_restored(into, merger))
    state.append(into.id, "unmerged", operator, f"gave up {incident.number}", (why,))
    state.append(incident.id, "unmerged", operator, f"no part of {into.number}", (action.reason,))
    state.emit(Linked(incident=incident.id, other=into.id, kind="kept_apart", at=state.now))
    state.keep_apart(incident.id, into.id)
    state.put_merger(msgspec.structs.replace(merger, undone_at=state.now))
    came = {handover.after for handover in merger.handovers}
    for assignment in state.assignments_of(into.id):
        if assignment.id in came:
            _hand_over(state, assignment, incident.id, operator, "went back after a merge")
    _ask_again(state, merger)
    _end_alerts_of(state, merger, operator)
    for one, floor in ((into.id, merger.before.state), (incident.id, merger.taken.state)):
        fall_back(state, one, operator, floor)
        if state.incidents[one].point != into.point:
            reroute(state, means, one, "the merge was undone")
        respond(state, means, one)
        _tell_surplus(state, one)


def _other(state: State, incident: Incident, action: journal.Merge) -> Incident:
    """Return the incident to merge into, or refuse."""
    named = state.incidents.get(action.into)
    into = None if named is None else state.root(named.id)
    if into is None or into.id == incident.id:
        raise Refused(f"there is no other incident {action.into} to merge into")
    if incident.state in FINAL or into.state in FINAL:
        raise Refused(f"{incident.number} is {incident.state}, {into.number} is {into.state}")
    theirs = state.notes.family(into.id)
    for mine in state.notes.family(incident.id):
        for other in state.apart.get(mine, ()):
            if other in theirs and not action.reason.strip():
                one, two = state.incidents[mine].number, state.incidents[other].number
                raise Refused(f"an operator keeps {one} and {two} apart: say why they are one")
    return into


def _together(into: Incident, incident: Incident) -> Incident:
    """Return ``into`` as it is understood with the other one."""
    graver = min((into, incident), key=_gravity)
    other = incident if graver is into else into
    placed = min((graver, other), key=_vagueness)
    plans = dict.fromkeys((_plan(other), *into.plans, *incident.plans))
    plans.pop(_plan(graver), None)
    sure = 1.0 - (1.0 - into.confidence) * (1.0 - incident.confidence)
    certain = [field for field in graver.certain if field != "place"]
    certain += [field for field in placed.certain if field == "place"]
    return msgspec.structs.replace(
        into,
        category=graver.category,
        severity=graver.severity,
        confidence=round(sure, 6),
        point=placed.point,
        where=placed.where,
        readings=surest((*into.readings, *incident.readings)),
        plans=tuple(plans),
        certain=tuple(certain),
    )


def _plan(incident: Incident) -> PlanKey:
    return PlanKey(category=incident.category, severity=incident.severity)


def _gravity(incident: Incident) -> tuple[int, bool]:
    return codes.severity(incident.severity).rank, incident.category == "other"


def _vagueness(incident: Incident) -> tuple[bool, bool, float]:
    """Return what sorts the better place first: known at all, by an operator's word, exactly."""
    return incident.point is None, "place" not in incident.certain, _accuracy(incident.point)


def _accuracy(point: Point | None) -> float:
    if point is None or point.accuracy_m is None:
        return _UNKNOWN_ACCURACY_M
    return point.accuracy_m


def _hand_over(state: State, assignment: Assignment, to: str, operator: str, why: str) -> Handover:
    """Let a unit go on to another incident, with its stamps and what is waited for."""
    ended = msgspec.structs.replace(assignment, ended="cancelled", clear=state.now)
    state.put_assignment(ended, "cancelled")
    going_on = msgspec.structs.replace(
        assignment,
        id=_handed(to, assignment.id),
        incident=to,
        reasons=(*assignment.reasons, why),
    )
    state.put_assignment(going_on, "assigned")
    for kind in _WATCHES:
        timer = state.timers.get((kind, assignment.id))
        if timer is not None:
            state.set_timer(kind, going_on.id, timer.due)
    end_watch(state, assignment, "handed over")
    unit = state.change_unit(assignment.unit, assignment=going_on.id, incident=to)
    state.append(to, "assigned", operator, f"{unit.name} ({unit.id}) {why}")
    return Handover(before=assignment.id, after=going_on.id)


def _call_back_sent_by(state: State, merger: Merger, operator: str) -> None:
    """Call back who was sent because of a merge, at once, and has not arrived."""
    known = {handover.after for handover in merger.handovers}
    known |= {a.id for a in state.assignments_of(merger.into) if a.dispatched != merger.at}
    for assignment in state.assignments_of(merger.into):
        sent = assignment.id not in known and assignment.by == "policy"
        if sent and assignment.on_scene is None:
            call_back(state, assignment, operator, "sent because of a merge that is undone")


def _restored(into: Incident, merger: Merger) -> dict[str, Any]:
    """Return the fields that the merge changed and nobody has since, as they were."""
    before, after = merger.before, merger.after
    fields = (*FIELDS, "noticed_at", "plans", "certain", "title", "short", "resourced_at")
    return {
        name: getattr(before, name)
        for name in fields
        if getattr(after, name) != getattr(before, name)
        and getattr(into, name) == getattr(after, name)
    }


def _end_alerts_of(state: State, merger: Merger, operator: str) -> None:
    """End what was asked for since the merge: what is still to be asked is asked again."""
    for alert in state.alerts_of(merger.into):
        if alert.kind in _ASKED and alert.raised_at >= merger.at:
            state.end_alerts(merger.into, operator, alert.kind)


def _ask_again(state: State, merger: Merger) -> None:
    """Let the alerts and timers stand again that the merge ended."""
    again = {
        handover.before: _handed(merger.incident, handover.after) for handover in merger.handovers
    }
    for alert in merger.alerts:
        subject = None if alert.subject is None else again.get(alert.subject)
        if alert.subject is None or (subject in state.assignments):
            state.raise_alert(
                alert.incident, alert.kind, alert.text, priority=alert.priority, subject=subject
            )
    for timer in merger.timers:
        state.set_timer(timer.kind, timer.subject, timer.due)


def _handed(to: str, assignment: str) -> str:
    """Return the id under which an assignment goes on with another incident."""
    return derive(to, f"assignment/from/{assignment}")


def _tell_surplus(state: State, incident: str) -> None:
    """Show the operator who is not needed twice."""
    record = state.incidents[incident]
    units = [assignment.unit for assignment in too_many(state, record)]
    if units:
        text = f"{record.number} has more units than its plan asks for: {', '.join(units)}"
        state.raise_alert(incident, "surplus", text)
    else:
        state.end_alerts(incident, "none too many", "surplus")


def _said(reason: str) -> tuple[str, ...]:
    return (reason,) if reason.strip() else ()
