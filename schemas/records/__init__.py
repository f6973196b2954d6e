"""Incidents, units, assignments and alerts as the core holds them and the ledger keeps them.

A record is immutable: a change is a new record, and an effect that carries it whole.
``version`` counts an incident's timeline entries and is what an operator's command may
name as ``expected_version``.

=============  ==========================================================================
module         what it holds
=============  ==========================================================================
``base``       what every record is; points, places, readings
``said``       reasons and shortages: codes with values, read from prose where they once were that
``evidence``   evidence, a second reader's opinion of it, what is remembered of it
``incidents``  incidents and the lines of their timelines
``units``      units, who could go, and assignments
``alerts``     what an operator must act on
``fences``     a fence of the city as it is drawn, and a change of one
``promises``   street conditions, timers, and what a merge did
=============  ==========================================================================
"""

from schemas.records.alerts import Alert, AlertFields
from schemas.records.base import Point, Reading, Record, Where
from schemas.records.evidence import LATEST, Evidence, Note, Opinion
from schemas.records.fences import FenceChange, FenceShape
from schemas.records.incidents import (
    Incident,
    IncidentFields,
    PlanKey,
    TimelineEntry,
    TimelineFields,
)
from schemas.records.promises import Condition, Handover, Merger, Timer
from schemas.records.said import (
    AnyReason,
    Reason,
    Shortage,
    read_prose,
)
from schemas.records.units import (
    Assignment,
    AssignmentFields,
    Candidate,
    Recommendation,
    Route,
    Standby,
    Unit,
    UnitFields,
    Vehicle,
)

__all__ = [
    "LATEST",
    "Alert",
    "AlertFields",
    "AnyReason",
    "Assignment",
    "AssignmentFields",
    "Candidate",
    "Condition",
    "Evidence",
    "FenceChange",
    "FenceShape",
    "Handover",
    "Incident",
    "IncidentFields",
    "Merger",
    "Note",
    "Opinion",
    "PlanKey",
    "Point",
    "Reading",
    "Reason",
    "Recommendation",
    "Record",
    "Route",
    "Shortage",
    "Standby",
    "TimelineEntry",
    "TimelineFields",
    "Timer",
    "Unit",
    "UnitFields",
    "Vehicle",
    "Where",
    "read_prose",
]
