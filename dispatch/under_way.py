"""Units that are on their way and may be sent elsewhere, for an assigner that re-assigns.

Not those whom an operator sent or confirmed, nor any of an incident that an operator decides about;
not those that have arrived, or stand by near the scene.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import NamedTuple

from dispatch.assignment import Demand, Held
from dispatch.demand import demand_for, lacking, too_many, why_not_automatic
from dispatch.lifecycle import NO_RESPONSE
from dispatch.marks import Marks
from dispatch.state import State
from dispatch.unread import is_unread
from schemas.kinds import UnitState
from schemas.records import Assignment, Incident, Unit

_STANDING: tuple[UnitState, ...] = ("dispatched", "acknowledged")
_ON_THE_WAY: tuple[UnitState, ...] = (*_STANDING, "en_route")


class UnderWay(NamedTuple):
    """Units on their way, and their incidents: ``held``, ``others``, ``displaced`` of a `View`."""

    held: tuple[Held, ...] = ()
    others: tuple[Demand, ...] = ()
    displaced: dict[str, int] = {}  # noqa: RUF012 - nobody changes it


NOBODY = UnderWay()
"""Nobody who may be sent elsewhere."""


def under_way(
    state: State, demands: Iterable[Demand], marks: Marks, *, left: Collection[str]
) -> UnderWay:
    """Return the units on their way that are concerned by what an entry has touched.

    They could serve one of the demands, or give way to a unit that became free, or are on
    their way to an incident that is touched. Whoever is on his way to those that are ``left`` goes
    on.
    """
    held = _held(state, left)
    if marks.freed is not None:
        asked = _asked(demands) | set(marks.freed)
        asked |= {one.capability for one in held if one.incident in marks.incidents}
        held = _concerned(held, asked)
    incidents = {one.incident: state.incidents[one.incident] for one in held}
    known = {demand.incident for demand in demands}
    others = [
        demand_for(incident, incident.point, lacking(state, incident))
        for incident in incidents.values()
        if incident.id not in known and incident.point is not None
    ]
    return UnderWay(
        held=tuple(held),
        others=tuple(sorted(others, key=lambda one: (one.rank, one.opened_at, one.incident))),
        displaced={name: displacements(state, name) for name in incidents},
    )


def displacements(state: State, incident: str) -> int:
    """Return how many units an incident has lost on their way, with all that it took in."""
    lost = {
        assignment.id
        for assignment in (
            *state.assignments_of(incident, active=False),
            *state.sent_for(incident),
        )
        if assignment.diversion
    }
    return len(lost)


def _asked(demands: Iterable[Demand]) -> set[str]:
    return {
        requirement.capability
        for demand in demands
        if demand.waits is None
        for requirement in demand.requirements
    }


def _concerned(held: list[Held], asked: set[str]) -> list[Held]:
    """Return the units that could serve what is asked for, or what those would leave behind."""
    found: list[Held] = []
    rest = held
    while True:
        more = [one for one in rest if not asked.isdisjoint(one.unit.capabilities)]
        if not more:
            return sorted(found, key=lambda one: one.unit.id)
        rest = [one for one in rest if asked.isdisjoint(one.unit.capabilities)]
        found += more
        asked = asked | {one.capability for one in more}


def _held(state: State, left: Collection[str]) -> list[Held]:
    free: dict[str, frozenset[str]] = {}
    held = []
    for _, unit in sorted(state.units.items()):
        if unit.assignment is None or unit.incident in left or unit.state not in _ON_THE_WAY:
            continue
        assignment = state.assignments[unit.assignment]
        if assignment.by != "policy" or assignment.on_scene is not None:
            continue
        incident = state.incidents[assignment.incident]
        if incident.id not in free:
            free[incident.id] = _may_leave(state, incident)
        if assignment.id in free[incident.id]:
            held.append(_one(state, unit, assignment))
    return held


def _may_leave(state: State, incident: Incident) -> frozenset[str]:
    """Return the assignments of an incident whose units its plan asks for, if the policy may act.

    Whoever is not needed is for the operator to call back, who has an alert about it.
    """
    over = incident.state in NO_RESPONSE or incident.point is None or is_unread(incident)
    if over or why_not_automatic(state, incident) is not None:
        return frozenset()
    surplus = {assignment.id for assignment in too_many(state, incident)}
    active = {assignment.id for assignment in state.assignments_of(incident.id)}
    return frozenset(active - surplus)


def _one(state: State, unit: Unit, assignment: Assignment) -> Held:
    rules = state.policy.joint
    leaves = assignment.dispatched + timedelta(seconds=rules.turnout_s)
    standing = unit.state in _STANDING
    diverted = state.diverted_at(unit.id)
    calm = timedelta(seconds=rules.calm_s)
    return Held(
        unit=unit,
        capability=assignment.capability,
        incident=assignment.incident,
        calm=diverted is not None and state.now - diverted < calm,
        leaves_in_s=max(0.0, (leaves - state.now).total_seconds()) if standing else 0.0,
    )
