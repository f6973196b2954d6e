"""Who a response plan asks for, and what of it is still missing."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from schemas.kinds import UNKNOWN
from schemas.policy import Policy, Requirement
from schemas.records import Assignment, Incident, PlanKey, Reason
from schemas.words import because


def requirements(policy: Policy, category: str, severity: str) -> tuple[Requirement, ...]:
    """Return the first plan that fits: category and severity, then category, then any.

    A policy without a plan for any category asks for nobody, and so does every one for what nobody
    has read.
    """
    if severity == UNKNOWN:
        return ()
    for key in ((category, severity), (category, "*"), ("*", severity), ("*", "*")):
        for plan in policy.plans:
            if (plan.category, plan.severity) == key:
                return plan.requirements
    return ()


def wanted(policy: Policy, incident: Incident) -> tuple[Requirement, ...]:
    """Return what an incident's plan asks for, and those of the incidents merged into it.

    Of several plans that ask for one capability the largest count holds: they are for one event.
    """
    counts: dict[str, int] = {}
    own = PlanKey(category=incident.category, severity=incident.severity)
    for plan in (own, *incident.plans):
        for requirement in requirements(policy, plan.category, plan.severity):
            known = counts.get(requirement.capability, 0)
            counts[requirement.capability] = max(known, requirement.count)
    return tuple(Requirement(capability=name, count=count) for name, count in counts.items())


def missing(
    required: Iterable[Requirement], assignments: Iterable[Assignment]
) -> tuple[Requirement, ...]:
    """Return what is ``required`` beyond those who are sent or have done their part.

    A cancelled assignment leaves its requirement open, a completed one does not.
    """
    sent = Counter(a.capability for a in assignments if a.ended != "cancelled")
    lacking = []
    for requirement in required:
        count = requirement.count - min(requirement.count, sent[requirement.capability])
        if count > 0:
            lacking.append(Requirement(capability=requirement.capability, count=count))
    return tuple(lacking)


def surplus(
    required: Iterable[Requirement], assignments: Iterable[Assignment]
) -> tuple[Assignment, ...]:
    """Return the active assignments that nothing of ``required`` asks for, latest arrival first.

    Who has arrived is never too many.
    """
    counts = {requirement.capability: requirement.count for requirement in required}
    active: dict[str, list[Assignment]] = defaultdict(list)
    for assignment in assignments:
        if assignment.ended is None:
            active[assignment.capability].append(assignment)
        elif assignment.ended == "completed" and counts.get(assignment.capability):
            counts[assignment.capability] -= 1
    left: list[Assignment] = []
    for capability, sent in active.items():
        ranked = sorted(sent, key=lambda a: (a.on_scene is None, _arrival(a), a.id))
        left += [a for a in ranked[counts.get(capability, 0) :] if a.on_scene is None]
    return tuple(sorted(left, key=lambda a: (_arrival(a), a.id), reverse=True))


def _arrival(assignment: Assignment) -> datetime:
    return assignment.dispatched + timedelta(seconds=assignment.eta_s)


def asked_for(required: Iterable[Requirement]) -> tuple[Reason, ...]:
    """Return requirements as reasons, to be said within others."""
    return tuple(because("requirement", capability=r.capability, count=r.count) for r in required)


def describe(required: Iterable[Requirement]) -> tuple[str, ...]:
    """Return requirements in words, such as ``pump×2``."""
    return tuple(f"{requirement.capability}×{requirement.count}" for requirement in required)
