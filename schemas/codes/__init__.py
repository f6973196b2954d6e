"""Code tables as data, with valid-from dates and their mappings to outside standards.

Mappings: CAP 1.2 (category, urgency, severity, certainty), Open311 GeoReport v2 service
codes, GB/T 35561-2017 classes and grades. A code that changes its meaning is a new row
with a later ``valid_from``; rows are never edited once a city runs on them.

>>> category("fire").departments
('fire', 'police', 'medical')

==========  ==========================================================================
module      what it holds
==========  ==========================================================================
``tables``  the row types, and how they are read from the JSON files here
==========  ==========================================================================
"""

from schemas.codes.tables import (
    AlertKind,
    Category,
    Code,
    Department,
    IncidentState,
    ObservedProperty,
    Severity,
    UnitKind,
    UnitState,
    alert_kind,
    alert_kinds,
    capabilities,
    categories,
    category,
    default_policy,
    departments,
    dispositions,
    incident_state,
    incident_states,
    observed_properties,
    observed_property,
    reasons,
    severities,
    severity,
    timeline_kinds,
    unit_kind,
    unit_kinds,
    unit_state,
    unit_states,
)

__all__ = [
    "AlertKind",
    "Category",
    "Code",
    "Department",
    "IncidentState",
    "ObservedProperty",
    "Severity",
    "UnitKind",
    "UnitState",
    "alert_kind",
    "alert_kinds",
    "capabilities",
    "categories",
    "category",
    "default_policy",
    "departments",
    "dispositions",
    "incident_state",
    "incident_states",
    "observed_properties",
    "observed_property",
    "reasons",
    "severities",
    "severity",
    "timeline_kinds",
    "unit_kind",
    "unit_kinds",
    "unit_state",
    "unit_states",
]
