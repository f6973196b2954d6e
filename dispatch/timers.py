"""What happens when something that should have happened has not."""

from dispatch.respond import Means, reroute, respond
from dispatch.settle import go_on_looking
from dispatch.state import State
from dispatch.transitions import FINAL
from dispatch.travel import told
from schemas.records import Timer

MOST = 200
"""So many timers act before one entry; the others are due still, and act before the next."""


def act_on_due(state: State, means: Means) -> None:
    """Let the timers that are due act, each once, in order of time."""
    for timer in state.due_timers()[:MOST]:
        if (timer.kind, timer.subject) not in state.timers:
            continue
        state.end_timer(timer.kind, timer.subject)
        _ACTIONS[timer.kind](state, means, timer)


def _acknowledge(state: State, _means: Means, timer: Timer) -> None:
    incident = state.incidents.get(timer.subject)
    if incident is None or incident.acknowledged_at is not None or incident.state in FINAL:
        return
    text = f"{incident.number} has not been acknowledged"
    _escalate(state, incident.id, "unacknowledged", text)


def _unresourced(state: State, means: Means, timer: Timer) -> None:
    """Tell the operator what is short, and look again: units move and streets change."""
    incident = state.incidents.get(timer.subject)
    if incident is None or not incident.short or incident.state in FINAL:
        return
    text = f"{incident.number} is short of {'; '.join(incident.short)}"
    _escalate(state, incident.id, "unresourced", text)
    respond(state, means, incident.id)


def _turnout(state: State, _means: Means, timer: Timer) -> None:
    _late_unit(state, timer, "turnout_late", "has not left in time")


def _late(state: State, _means: Means, timer: Timer) -> None:
    _late_unit(state, timer, "unit_late", "is late")


def _late_unit(state: State, timer: Timer, kind: str, what: str) -> None:
    assignment = state.assignments.get(timer.subject)
    if assignment is None or assignment.ended is not None:
        return
    unit = state.units[assignment.unit]
    incident = state.incidents[assignment.incident]
    text = f"{unit.name} ({unit.id}) {what} for {incident.number}"
    state.raise_alert(incident.id, kind, text, subject=assignment.id)
    state.append(incident.id, "escalated", "policy", text)


def _held(state: State, means: Means, timer: Timer) -> None:
    """Nobody has said whether it is a duplicate: help may not wait for that any longer."""
    incident = state.incidents.get(timer.subject)
    if incident is None or incident.state in FINAL:
        return
    state.change_incident(incident.id, held_until=None)
    text = "no answer whether it is a duplicate: treated as an event of its own"
    state.append(incident.id, "escalated", "policy", text)
    state.end_alerts(incident.id, "time is up", "confirm_dispatch")
    respond(state, means, incident.id)


def _expire(state: State, means: Means, timer: Timer) -> None:
    """Streets change with the clock alone: a closure begins or ends."""
    condition = state.conditions.get(timer.subject)
    if condition is None:
        return
    if condition.valid_until is not None and condition.valid_until <= state.now:
        state.end_condition(condition.id)
        streets_changed(state, means, f"{told(condition)} has expired")
    else:
        if condition.valid_until is not None:
            state.set_timer("expire", condition.id, condition.valid_until)
        streets_changed(state, means, f"{told(condition)} has begun")


def streets_changed(state: State, means: Means, why: str) -> None:
    """Look again at the ways of all units that are under way, and at what is short."""
    under_way = {unit.incident for unit in state.units.values() if unit.incident is not None}
    for incident in sorted(under_way):
        reroute(state, means, incident, why)
    state.note_freed(None)


def _escalate(state: State, incident: str, kind: str, text: str) -> None:
    known = state.has_alert(incident, kind)
    state.raise_alert(incident, kind, text)
    if not known:
        state.append(incident, "escalated", "policy", text)


_ACTIONS = {
    "acknowledge": _acknowledge,
    "unresourced": _unresourced,
    "turnout": _turnout,
    "late": _late,
    "held": _held,
    "expire": _expire,
    "look": go_on_looking,
}
