"""How incidents change: along the transition table, with a line of their timeline each time."""

from datetime import datetime
from typing import Any

from dispatch.errors import Refused
from dispatch.lifecycle import FINAL, INCIDENT
from dispatch.state import State
from schemas import codes
from schemas.kinds import IncidentState, TimerKind, UnitState
from schemas.records import Assignment, Reason, Where
from schemas.words import because

_PROGRESS: dict[IncidentState, int] = {"dispatched": 1, "en_route": 2, "on_scene": 3}
_DECIDED: tuple[IncidentState, ...] = ("controlled", "scheduled")
_UNIT_PROGRESS: dict[UnitState, IncidentState] = {
    "dispatched": "dispatched",
    "acknowledged": "dispatched",
    "en_route": "en_route",
    "staging": "en_route",
    "on_scene": "on_scene",
    "transporting": "on_scene",
    "at_facility": "on_scene",
}


def title(category: str, where: Where) -> str:
    """Return an incident's title: what it is, and where."""
    row = codes.category(category)
    return f"{row.zh} {row.en}: {where.address or where.subdistrict or '地点不明'}"


def category_changed(before: str, after: str) -> Reason:
    """Return what to say of a change of category."""
    return because("category_changed", category_before=before, category=after)


def severity_changed(before: str, after: str) -> Reason:
    """Return what to say of a change of severity."""
    return because("severity_changed", severity_before=before, severity=after)


def set_state(
    state: State,
    incident: str,
    target: IncidentState,
    actor: str,
    reasons: tuple[Reason, ...] = (),
    **changes: Any,  # noqa: ANN401 - fields
) -> None:
    """Bring an incident to ``target`` and say so in its timeline.

    Raises
    ------
    Refused
        The transition table does not allow it.
    """
    current = state.incidents[incident].state
    if target not in INCIDENT[current]:
        allowed = ", ".join(INCIDENT[current])
        raise Refused(
            because("no_way_to_state", state_before=current, state=target, possible=allowed)
        )
    if target in FINAL:
        changes = {"closed_at": state.now, "short": ()} | changes
    state.change_incident(incident, state=target, **changes)
    told = because("state_changed", state_before=current, state=target)
    state.append(incident, "state", actor, told, reasons, change=(current, target))
    if target in FINAL:
        _settle(state, incident, because("incident_became", state=target))


def follow_units(state: State, incident: str, actor: str, *, joined: bool = False) -> None:
    """Let an incident's state follow what its units do.

    The farthest unit counts and the state never falls back while one is active; when all
    have ended it is under control if one was there, and pending again if none ever was.
    What is under control stays so, whatever units there stamp, until another one has
    ``joined``.
    """
    record = state.incidents[incident]
    if record.state in (*FINAL, "on_hold", "reported"):
        return
    active = state.assignments_of(incident)
    if active and record.state == "controlled" and not joined:
        return
    if active:
        reached = [_progress(state, assignment) for assignment in active]
        target = max(reached, key=lambda name: _PROGRESS[name])
        if _PROGRESS[target] <= _PROGRESS.get(record.state, 0):
            return
    else:
        ended = [
            a
            for a in state.assignments_of(incident, active=False)
            if _counts(state, a.dispatched, incident)
        ]
        if not ended:
            return
        target = "controlled" if any(a.ended == "completed" for a in ended) else "pending"
    if target != record.state and target in INCIDENT[record.state]:
        set_state(state, incident, target, actor)


def fall_back(state: State, incident: str, actor: str, floor: IncidentState) -> None:
    """Let an incident's state follow its units after some were taken away.

    Downwards too, but not below ``floor``, which it had reached without them. What is on hold
    stays so, and goes back to what an operator had decided.
    """
    record = state.incidents[incident]
    if record.state == "on_hold":
        if floor in _DECIDED:
            state.change_incident(incident, state_before_hold=floor)
        return
    if record.state == floor:
        follow_units(state, incident, actor)  # they may have stamped while it was merged
        return
    if floor in _DECIDED:
        # What an operator had decided stands again, whatever its units do.
        if floor not in INCIDENT[record.state]:
            set_state(state, incident, "pending", actor)
        if floor in INCIDENT[state.incidents[incident].state]:
            set_state(state, incident, floor, actor)
            return
    active = state.assignments_of(incident)
    if active and record.state in _PROGRESS:
        reached = [_progress(state, assignment) for assignment in active]
        target = max((*reached, floor), key=lambda name: _PROGRESS.get(name, 0))
        if _PROGRESS[target] < _PROGRESS[record.state]:
            set_state(state, incident, "pending", actor)
            set_state(state, incident, target, actor)
    follow_units(state, incident, actor, joined=True)


def _progress(state: State, assignment: Assignment) -> IncidentState:
    return _UNIT_PROGRESS.get(state.units[assignment.unit].state, "dispatched")


def _counts(state: State, dispatched: datetime, incident: str) -> bool:
    reopened = state.incidents[incident].reopened_at
    return reopened is None or dispatched >= reopened


def _settle(state: State, incident: str, why: Reason) -> None:
    state.end_alerts(incident, why)
    kinds: tuple[TimerKind, ...] = ("acknowledge", "unresourced", "held")
    for kind in kinds:
        state.end_timer(kind, incident)
