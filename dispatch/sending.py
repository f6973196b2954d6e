"""Units are sent, called back, and led another way."""

from datetime import timedelta
from typing import NamedTuple

import msgspec

from dispatch.assigners import assigner_of
from dispatch.assignment import Assigner
from dispatch.covers import Covers
from dispatch.incidents import follow_units
from dispatch.state import State
from dispatch.travel import Travel
from schemas.ids import derive
from schemas.kinds import Diversion
from schemas.policy import Policy
from schemas.records import Assignment, Incident, Reason, Unit
from schemas.words import because, by_word

_NEVER_S = 10 * 366 * 86_400.0
"""Ten years: a policy may make a unit's way longer than time can be counted."""


class Means(NamedTuple):
    """What a region decides with, behind interfaces that can be replaced.

    ``assigner`` is None where the policy names one; ``covers`` are what places are covered from.
    """

    travel: Travel
    assigner: Assigner | None
    covers: Covers

    def picks(self, policy: Policy) -> Assigner:
        """Return who picks units: the assigner given, else the one that the policy names."""
        return self.assigner or assigner_of(policy)


def stale(state: State, unit: Unit) -> Reason | None:
    """Return why a unit's position is not to be relied on, or None.

    A unit that never sent one is where the fleet says: at home.
    """
    if unit.position_at is None:
        return None
    age = (state.now - unit.position_at).total_seconds()
    if age <= state.policy.stale_position_s:
        return None
    return because("position_old", minutes=round(age / 60, 1))


def too_far(state: State) -> Reason:
    """Return why a unit is not considered that needs longer than the policy's ``max_eta_s``."""
    return because("cannot_get_there", minutes=round(state.policy.max_eta_s / 60, 1))


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
    way = means.travel.way(state, unit, incident.point, incident.severity)
    why = (
        because("sent_for", capability=capability, unit_kind=unit.kind, station=unit.station),
        because("seconds_to_scene", seconds=way.seconds),
        way.remark,
        stale(state, unit),
    )
    reasons = (*(one for one in why if one is not None), *by_word(reason))
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
        standby=msgspec.UNSET,
        reason=None,
    )
    timing = state.timing(incident.severity)
    state.set_timer("turnout", assignment.id, state.now + timedelta(seconds=timing.turnout_s))
    late = min(way.seconds * timing.late_factor + timing.late_margin_s, _NEVER_S)
    state.set_timer("late", assignment.id, state.now + timedelta(seconds=late))
    state.append(
        incident_id,
        "assigned",
        by,
        because(
            "unit_sent",
            name=unit.name,
            unit=unit_id,
            capability=capability,
            seconds=way.seconds,
        ),
        reasons,
    )
    follow_units(state, incident_id, by, joined=True)


def call_back(state: State, assignment: Assignment, by: str, reasons: tuple[Reason, ...]) -> None:
    """Cancel an active assignment: the unit is free where it stands."""
    ended = msgspec.structs.replace(assignment, ended="cancelled", clear=state.now)
    state.put_assignment(ended, "cancelled")
    end_watch(state, assignment, because("called_back"))
    state.change_unit(
        assignment.unit, state="available", status_at=state.now, assignment=None, incident=None
    )
    unit = state.units[assignment.unit]
    told = because("unit_called_back", name=unit.name, unit=unit.id)
    state.append(assignment.incident, "unassigned", by, told, reasons)


def divert(
    state: State, assignment: Assignment, to: Incident | None, reasons: tuple[Reason, ...]
) -> None:
    """End the assignment of a unit on its way that is sent elsewhere (None: somebody is nearer).

    The unit is free where it is, until it is sent in the same entry.
    """
    diversion: Diversion = "relieved" if to is None else "diverted"
    ended = msgspec.structs.replace(
        assignment, ended="cancelled", clear=state.now, diversion=diversion
    )
    state.put_assignment(ended, "cancelled")
    end_watch(state, assignment, because("sent_elsewhere"))
    unit = state.change_unit(
        assignment.unit, state="available", status_at=state.now, assignment=None, incident=None
    )
    told = (
        because("unit_relieved", name=unit.name, unit=unit.id)
        if to is None
        else because("unit_diverted", name=unit.name, unit=unit.id, number=to.number)
    )
    state.append(assignment.incident, "unassigned", "policy", told, reasons)


def handed(to: str, assignment: str) -> str:
    """Return the id under which an assignment goes on with another incident."""
    return derive(to, f"assignment/from/{assignment}")


def end_watch(state: State, assignment: Assignment, why: Reason, *, arrived: bool = True) -> None:
    """Stop waiting for a unit to leave and, if it has ``arrived`` or ended, to arrive."""
    state.end_timer("turnout", assignment.id)
    state.end_alerts(assignment.incident, why, "turnout_late", subject=assignment.id)
    if arrived:
        state.end_timer("late", assignment.id)
        state.end_alerts(assignment.incident, why, "unit_late", subject=assignment.id)


def reroute(state: State, means: Means, incident_id: str, reasons: tuple[Reason, ...]) -> None:
    """Find the ways of an incident's units again, of those that have not arrived."""
    incident = state.incidents[incident_id]
    if incident.point is None:
        return
    for assignment in state.assignments_of(incident_id):
        if assignment.on_scene is not None:
            continue
        unit = state.units[assignment.unit]
        way = means.travel.way(state, unit, incident.point, incident.severity)
        if way.route is None or way.route == assignment.route:
            continue
        changed = msgspec.structs.replace(assignment, route=way.route, eta_s=way.seconds)
        state.put_assignment(changed, "rerouted")
        state.append(
            incident_id,
            "rerouted",
            "policy",
            because("unit_rerouted", name=unit.name, unit=unit.id, seconds=way.seconds),
            reasons,
        )
