"""The transition tables of incidents and units: the only ways a state may change.

Incidents: ``reported → triaged → pending → dispatched → en_route → on_scene → controlled →
closed`` with side states; units: from ``available`` over an assignment back to it. A change
that is not in the table is refused, never forced.
"""

from schemas.kinds import IncidentState, UnitState

_OPEN_SIDE: tuple[IncidentState, ...] = ("on_hold", "handed_over", "cancelled", "merged")

INCIDENT: dict[IncidentState, tuple[IncidentState, ...]] = {
    "reported": ("triaged", *_OPEN_SIDE),
    "triaged": ("pending", "dispatched", "scheduled", "closed", *_OPEN_SIDE),
    "pending": ("dispatched", "en_route", "on_scene", "scheduled", "closed", *_OPEN_SIDE),
    "dispatched": ("pending", "en_route", "on_scene", "controlled", *_OPEN_SIDE),
    "en_route": ("pending", "on_scene", "controlled", *_OPEN_SIDE),
    "on_scene": ("pending", "controlled", *_OPEN_SIDE),
    "controlled": ("dispatched", "en_route", "on_scene", "pending", "closed", *_OPEN_SIDE),
    "scheduled": ("pending", "dispatched", "closed", *_OPEN_SIDE),
    "on_hold": (
        "reported",
        "triaged",
        "pending",
        "dispatched",
        "en_route",
        "on_scene",
        "controlled",
        "scheduled",
        "closed",
        "handed_over",
        "cancelled",
        "merged",
    ),
    "closed": ("pending",),
    "handed_over": ("pending", "closed"),
    "cancelled": ("pending",),
    "merged": (
        "triaged",
        "pending",
        "dispatched",
        "en_route",
        "on_scene",
        "controlled",
        "scheduled",
        "on_hold",
    ),
}
"""From an incident's state to those it may change to."""

UNIT: dict[UnitState, tuple[UnitState, ...]] = {
    "available": ("available", "returning", "out_of_service"),
    "dispatched": (
        "acknowledged",
        "en_route",
        "staging",
        "on_scene",
        "available",
        "returning",
        "out_of_service",
    ),
    "acknowledged": (
        "en_route",
        "staging",
        "on_scene",
        "available",
        "returning",
        "out_of_service",
    ),
    "en_route": ("staging", "on_scene", "available", "returning", "out_of_service"),
    "staging": ("en_route", "on_scene", "available", "returning", "out_of_service"),
    "on_scene": ("transporting", "available", "returning", "out_of_service"),
    "transporting": ("at_facility", "available", "returning", "out_of_service"),
    "at_facility": ("available", "returning", "out_of_service"),
    "returning": ("returning", "available", "out_of_service"),
    "out_of_service": ("available", "out_of_service"),
}
"""From a unit's state to those a stamp may bring it to; only the core makes it dispatched."""

STAMP_OF_STATE: dict[UnitState, str] = {
    "acknowledged": "acknowledged",
    "en_route": "en_route",
    "on_scene": "on_scene",
    "transporting": "to_facility",
    "at_facility": "at_facility",
    "available": "clear",
    "returning": "clear",
    "out_of_service": "clear",
}
"""The assignment's write-once stamp that a unit's state sets."""

STAMPS = (
    *("dispatched", "acknowledged", "en_route", "on_scene"),
    *("to_facility", "at_facility", "clear"),
)
"""An assignment's stamps, in order of time."""

FINAL: tuple[IncidentState, ...] = ("closed", "handed_over", "cancelled", "merged")
"""Incident states in which nobody has to act any more."""

NO_RESPONSE = (*FINAL, "on_hold", "scheduled", "reported")
"""States of incidents to which nobody is sent."""
