"""Who a response plan asks for, and what of it is still missing."""

from collections import Counter
from collections.abc import Iterable

from schemas.policy import Policy, Requirement
from schemas.records import Assignment


def requirements(policy: Policy, category: str, severity: str) -> tuple[Requirement, ...]:
    """Return the first plan that fits: category and severity, then category, then any.

    A policy without a plan for any category asks for nobody.
    """
    for wanted in ((category, severity), (category, "*"), ("*", severity), ("*", "*")):
        for plan in policy.plans:
            if (plan.category, plan.severity) == wanted:
                return plan.requirements
    return ()


def missing(
    wanted: Iterable[Requirement], assignments: Iterable[Assignment]
) -> tuple[Requirement, ...]:
    """Return what ``wanted`` asks for beyond those who are sent or have done their part.

    A cancelled assignment leaves its requirement open, a completed one does not.
    """
    sent = Counter(a.capability for a in assignments if a.ended != "cancelled")
    lacking = []
    for requirement in wanted:
        count = requirement.count - min(requirement.count, sent[requirement.capability])
        if count > 0:
            lacking.append(Requirement(capability=requirement.capability, count=count))
    return tuple(lacking)


def describe(wanted: Iterable[Requirement]) -> tuple[str, ...]:
    """Return requirements in words, such as ``pump×2``."""
    return tuple(f"{requirement.capability}×{requirement.count}" for requirement in wanted)
