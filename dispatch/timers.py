"""What happens when something that should have happened has not."""

from collections.abc import Callable

from dispatch.lifecycle import FINAL
from dispatch.shortage import is_short, tell_short
from dispatch.state import State
from dispatch.travel import told
from schemas.kinds import AlertKind, TimerKind
from schemas.records import Reason, Timer
from schemas.words import because

MOST = 200
"""So many timers act before one entry; the others are due still, and act before the next."""


def act_on_due(state: State) -> None:
    """Let the timers that are due act, each once, in order of time; what they touch they mark."""
    for timer in state.due_timers(MOST):
        if (timer.kind, timer.subject) not in state.timers:
            continue
        state.end_timer(timer.kind, timer.subject)
        _ACTIONS[timer.kind](state, timer)


def _acknowledge(state: State, timer: Timer) -> None:
    incident = state.incidents.get(timer.subject)
    if incident is None or incident.acknowledged_at is not None or incident.state in FINAL:
        return
    told = because("not_acknowledged", number=incident.number)
    known = state.has_alert(incident.id, "unacknowledged")
    state.raise_alert(incident.id, "unacknowledged", told)
    if not known:
        state.append(incident.id, "escalated", "policy", told)


def _unresourced(state: State, timer: Timer) -> None:
    """Tell the operator what is short, and look again: units move and streets change."""
    incident = state.incidents.get(timer.subject)
    if incident is None or not incident.short or incident.state in FINAL:
        return
    if tell_short(state, incident.id):
        state.append(incident.id, "escalated", "policy", is_short(incident))
    state.touch(incident.id)


def _turnout(state: State, timer: Timer) -> None:
    _late_unit(state, timer, "turnout_late")


def _late(state: State, timer: Timer) -> None:
    _late_unit(state, timer, "unit_late")


def _late_unit(state: State, timer: Timer, kind: AlertKind) -> None:
    assignment = state.assignments.get(timer.subject)
    if assignment is None or assignment.ended is not None:
        return
    unit = state.units[assignment.unit]
    incident = state.incidents[assignment.incident]
    who = unit.name, unit.id, incident.number
    told = _not_left(*who) if kind == "turnout_late" else _is_late(*who)
    state.raise_alert(incident.id, kind, told, subject=assignment.id)
    state.append(incident.id, "escalated", "policy", told)


def _not_left(name: str, unit: str, number: str) -> Reason:
    return because("not_left", name=name, unit=unit, number=number)


def _is_late(name: str, unit: str, number: str) -> Reason:
    return because("is_late", name=name, unit=unit, number=number)


def _held(state: State, timer: Timer) -> None:
    """Nobody has said whether it is a duplicate: help may not wait for that any longer."""
    incident = state.incidents.get(timer.subject)
    if incident is None or incident.state in FINAL:
        return
    state.change_incident(incident.id, held_until=None)
    state.append(incident.id, "escalated", "policy", because("duplicate_unanswered"))
    state.end_alerts(incident.id, because("duplicate_unanswered"), "confirm_dispatch")
    state.touch(incident.id)


def _expire(state: State, timer: Timer) -> None:
    """Streets change with the clock alone: a closure begins or ends."""
    condition = state.conditions.get(timer.subject)
    if condition is None:
        return
    if condition.valid_until is not None and condition.valid_until <= state.now:
        state.end_condition(condition.id)
        state.marks.street(because("condition_expired", condition=told(condition)))
    else:
        if condition.valid_until is not None:
            state.set_timer("expire", condition.id, condition.valid_until)
        state.marks.street(because("condition_begun", condition=told(condition)))


def _look(state: State, timer: Timer) -> None:
    """Go on where an earlier look for work had to stop."""
    state.marks.behind.append(timer.subject)


_ACTIONS: dict[TimerKind, Callable[[State, Timer], None]] = {
    "acknowledge": _acknowledge,
    "unresourced": _unresourced,
    "turnout": _turnout,
    "late": _late,
    "held": _held,
    "expire": _expire,
    "look": _look,
}
