"""What units say of themselves: positions and status stamps."""

from datetime import datetime

import msgspec

from dispatch.errors import Refused
from dispatch.incidents import follow_units
from dispatch.lifecycle import STAMP_OF_STATE, STAMPS, UNIT
from dispatch.sending import end_watch, handed
from dispatch.state import State
from schemas.effects import StampRefused
from schemas.journal import UnitMoved, UnitStamped
from schemas.kinds import UnitState, is_unit_state
from schemas.records import Assignment, Reason, Unit
from schemas.words import because, by_word, said

_STEPS = (
    "dispatched",
    "acknowledged",
    "en_route",
    "staging",
    "on_scene",
    "transporting",
    "at_facility",
)
_FREES = ("available", "returning", "out_of_service")


def move(state: State, entry: UnitMoved) -> None:
    """Take a position in; one older than that known changes nothing."""
    unit = state.units.get(entry.unit)
    if unit is None or (unit.position_at is not None and entry.time < unit.position_at):
        return
    state.change_unit(
        unit.id, position=entry.point, position_at=entry.time, heading_deg=entry.heading_deg
    )


def stamp(state: State, entry: UnitStamped) -> None:
    """Apply a status stamp, or say why not: a status is never overwritten silently."""
    try:
        _apply(state, entry)
    except Refused as refusal:
        state.emit(
            StampRefused(
                unit=entry.unit,
                status=entry.status,
                at=state.now,
                by=entry.by,
                reason=refusal.reason,
            )
        )


def _apply(state: State, entry: UnitStamped) -> None:
    unit = state.units.get(entry.unit)
    if unit is None:
        raise Refused(because("not_of_fleet", unit=entry.unit))
    if not is_unit_state(entry.status):
        raise Refused(because("no_unit_state", unit_state=entry.status))
    named = _named(state, unit, entry.incident)
    if named is not None and named != unit.incident:
        raise Refused(because("not_assigned_to", unit=unit.id, incident=str(entry.incident)))
    assignment = None if unit.assignment is None else state.assignments[unit.assignment]
    late = unit.status_at is not None and entry.time < unit.status_at
    fits = entry.status in UNIT[unit.state]
    if assignment is not None and _is_earlier_step(unit.state, entry.status) and (late or not fits):
        _write_stamp(state, assignment, entry.status, entry.time)
        return
    # Vehicle clocks are off: a stamp that names the unit's incident is about it, whatever its
    # time; one that does not may be left from before.
    if late and not (fits and assignment is not None and named == unit.incident):
        raise Refused(because("since_later", unit=unit.id, unit_state=unit.state))
    if not fits:
        allowed = ", ".join(UNIT[unit.state])
        raise Refused(
            because(
                "no_way_to_unit_state",
                unit=unit.id,
                unit_state_before=unit.state,
                unit_state=entry.status,
                possible=allowed,
            )
        )
    if assignment is not None:
        assignment = _write_stamp(state, assignment, entry.status, entry.time)
    _set_status(state, unit, entry)
    if assignment is not None:
        _follow(state, unit, assignment, entry)


def _named(state: State, unit: Unit, incident: str | None) -> str | None:
    """Return the incident that a stamp is about.

    What took in the one that it names, or what its unit went back to when a merge was undone.
    """
    if incident is None or incident not in state.incidents:
        return incident
    root = state.root(incident).id
    went_back = any(
        handed(str(unit.incident), former.id) == unit.assignment
        for former in state.assignments_of(root, active=False)
        if former.unit == unit.id
    )
    return unit.incident if went_back else root


def _is_earlier_step(current: str, status: str) -> bool:
    return (
        current in _STEPS and status in _STEPS[1:] and _STEPS.index(status) < _STEPS.index(current)
    )


def _write_stamp(
    state: State, assignment: Assignment, status: UnitState, time: datetime
) -> Assignment:
    """Write an assignment's stamp once, kept in order with the others and the journal's clock.

    Clocks in vehicles are off now and then; a stamp before the dispatch, after the next step
    or in the future would make every response time computed from it wrong.
    """
    field = STAMP_OF_STATE.get(status)
    if field is None or getattr(assignment, field) is not None:
        return assignment
    step = STAMPS.index(field)
    earlier = [t for name in STAMPS[:step] if (t := getattr(assignment, name)) is not None]
    later = [t for name in STAMPS[step + 1 :] if (t := getattr(assignment, name)) is not None]
    when = min(max(time, *earlier), state.now, *later)
    stamped = msgspec.structs.replace(assignment, **{field: when})
    if status in _FREES:
        came = stamped.on_scene is not None or stamped.to_facility is not None
        stamped = msgspec.structs.replace(stamped, ended="completed" if came else "cancelled")
    change = stamped.ended or "stamped"
    state.put_assignment(stamped, change)
    return stamped


def _set_status(state: State, unit: Unit, entry: UnitStamped) -> None:
    freed = entry.status in _FREES
    state.change_unit(
        unit.id,
        state=entry.status,
        status_at=min(entry.time, state.now),
        reason=said(entry.reason) if entry.reason and entry.status == "out_of_service" else None,
        assignment=None if freed else unit.assignment,
        incident=None if freed else unit.incident,
    )


def _follow(state: State, unit: Unit, assignment: Assignment, entry: UnitStamped) -> None:
    """Carry a stamp over to the incident and its timers."""
    told = because("unit_stamped", name=unit.name, unit=unit.id, unit_state=entry.status)
    doubt = () if entry.doubt is None else (entry.doubt,)
    state.append(
        assignment.incident,
        "stamp",
        entry.by if entry.by != "crew" else unit.id,
        told,
        (*by_word(entry.reason), *doubt, *_followed(state, entry, assignment)),
        change=(unit.state, entry.status),
    )
    if entry.status != "acknowledged":
        arrived = entry.status not in ("en_route", "staging")
        end_watch(state, assignment, told, arrived=arrived)
    follow_units(state, assignment.incident, unit.id)
    if assignment.ended == "cancelled" or state.has_alert(assignment.incident, "surplus"):
        state.touch(assignment.incident)


def _followed(state: State, entry: UnitStamped, assignment: Assignment) -> tuple[Reason, ...]:
    """Return what to say where a stamp names an incident that was merged into its unit's."""
    if entry.incident in (None, assignment.incident):
        return ()
    named, root = state.incidents[str(entry.incident)], state.incidents[assignment.incident]
    if state.root(named.id).id == root.id:
        return (because("named_merged", number=named.number, into=root.number),)
    return (because("named_left", number=named.number, back_to=root.number),)
