"""Which assigner a policy names."""

from dispatch.assignment import Assigner, FewestSeconds
from dispatch.together import JointAssigner
from schemas.policy import Policy


def assigner_of(policy: Policy) -> Assigner:
    """Return the assigner that a policy names, with the numbers that it gives."""
    match policy.assigner:
        case "fewest_seconds":
            return FewestSeconds()
        case "joint":
            return JointAssigner(policy.joint)
