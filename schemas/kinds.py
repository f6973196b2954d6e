"""The codes that the core branches on, as closed types: a typing error fails in mypy.

The tables in ``schemas/codes`` stay the truth, with names and dates; a test holds the two equal.
A value from the journal that is not here is refused when it is decoded: the message that has it
becomes a dead letter. What people and crews say (`journal.SetState`, `journal.UnitStamped`) is any
text, and is answered with a refusal that names the codes.
"""

from typing import Literal, TypeGuard, get_args

IncidentState = Literal[
    "reported",
    "triaged",
    "pending",
    "dispatched",
    "en_route",
    "on_scene",
    "controlled",
    "closed",
    "on_hold",
    "scheduled",
    "handed_over",
    "cancelled",
    "merged",
]
UnitState = Literal[
    "available",
    "dispatched",
    "acknowledged",
    "en_route",
    "staging",
    "on_scene",
    "transporting",
    "at_facility",
    "returning",
    "out_of_service",
]
Phase = Literal["opened", "cleared", "silent"]
"""Of evidence: an event, or the end of a sensor's alarm."""
Placed = Literal["opened", "attached", "asked", "split", "ended", "ignored"]
"""Where evidence went; see `schemas.effects.EvidencePlaced`."""
Advice = Literal["noted", "named", "raised", "asked", "ignored"]
"""What became of an opinion; see `schemas.effects.OpinionTaken`."""
TimelineKind = Literal[
    "reported",
    "evidence",
    "sensor_cleared",
    "sensor_silent",
    "state",
    "severity",
    "classified",
    "recommended",
    "assigned",
    "unassigned",
    "stamp",
    "rerouted",
    "short",
    "acknowledged",
    "note",
    "escalated",
    "merged",
    "unmerged",
    "split",
    "kept_apart",
    "reopened",
    "opinion",
]
TimerKind = Literal["acknowledge", "turnout", "late", "unresourced", "held", "expire", "look"]
AlertKind = Literal[
    "new_incident",
    "unacknowledged",
    "confirm_dispatch",
    "possible_duplicate",
    "unresourced",
    "turnout_late",
    "unit_late",
    "unlocated",
    "surplus",
    "second_opinion",
    "unread",
]
OTHER = "other"
"""The category of what is of no kind that triage could read."""
UNKNOWN = "unknown"
"""The severity of what nobody has read: not the least one, and nobody is sent for it unasked."""
LinkKind = Literal["merged", "possible_duplicate", "kept_apart"]
AssignmentEnd = Literal["completed", "cancelled"]
AssignmentChange = Literal["assigned", "rerouted", "stamped", "completed", "cancelled"]
Diversion = Literal["diverted", "relieved"]
"""Why the core cancelled an assignment: its unit goes elsewhere, or a nearer one comes."""
AssignerName = Literal["fewest_seconds", "joint"]
"""Who picks units; see `schemas.policy.Policy`."""
Outcome = Literal["accepted", "refused", "tried"]
"""Of a command."""


_INCIDENT_STATES = frozenset(get_args(IncidentState))
_UNIT_STATES = frozenset(get_args(UnitState))


def is_incident_state(text: str) -> TypeGuard[IncidentState]:
    """Tell whether a text is a state of incidents."""
    return text in _INCIDENT_STATES


def is_unit_state(text: str) -> TypeGuard[UnitState]:
    """Tell whether a text is a state of units."""
    return text in _UNIT_STATES
