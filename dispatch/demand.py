"""What an incident still lacks, and whether the policy may send it by itself."""

from dispatch.assignment import Demand
from dispatch.lifecycle import NO_RESPONSE
from dispatch.plans import missing, surplus, wanted
from dispatch.state import State
from dispatch.unread import is_unread
from schemas import codes
from schemas.policy import Requirement
from schemas.records import Assignment, Incident, Point, Reason
from schemas.words import because


def demand_of(state: State, incident: Incident, *, confirmed: bool = False) -> Demand | None:
    """Return what an incident asks of the assigner; None if nothing, or nobody knows where.

    What an operator has ``confirmed`` waits for nobody, whatever the incident's state.
    """
    requirements = lacking(state, incident)
    if not requirements or incident.point is None:
        return None
    if incident.state in NO_RESPONSE and not confirmed:
        return None
    waits = None if confirmed else why_not_automatic(state, incident)
    demand = demand_for(incident, incident.point, requirements)
    return demand._replace(waits=waits, confirmed=confirmed)


def demand_for(incident: Incident, scene: Point, requirements: tuple[Requirement, ...]) -> Demand:
    """Return a demand that waits for nobody, for what may be nothing."""
    return Demand(
        incident=incident.id,
        severity=incident.severity,
        rank=codes.severity(incident.severity).rank,
        opened_at=incident.opened_at,
        scene=scene,
        requirements=requirements,
        number=incident.number,
    )


def lacking(state: State, incident: Incident) -> tuple[Requirement, ...]:
    """Return what the response plan asks for beyond the units already sent."""
    return missing(wanted(state.policy, incident), _sent(state, incident))


def too_many(state: State, incident: Incident) -> tuple[Assignment, ...]:
    """Return the active assignments that no plan asks for, the latest to arrive first.

    Whom an operator sends to what nobody has read is not too many.
    """
    if is_unread(incident):
        return ()
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


def why_not_automatic(state: State, incident: Incident) -> Reason | None:
    """Return why an operator must confirm, or None when the policy may assign by itself."""
    policy = state.policy
    if incident.manual:
        return because("operator_decides")
    if incident.severity not in policy.auto_assign:
        return because("severity_not_automatic", severity=incident.severity)
    if incident.held_until is not None and incident.held_until > state.now:
        return because("maybe_duplicate")
    if incident.confidence < policy.auto_assign_confidence:
        least = policy.auto_assign_confidence
        return because("confidence_low", confidence=incident.confidence, least=least)
    return None
