"""What subscribers read on ``city.incidents``, ``city.dispatches``, ``city.alerts``, ``dept.*``.

No personal data travels here: reporters are pseudonymous references and a citizen's words
stay in the ledger.
"""

from datetime import datetime

import msgspec

from schemas.records import Alert, Assignment, Incident, Recommendation, TimelineEntry


class IncidentChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of an incident: its timeline entry, and the incident as that line left it.

    On ``city.incidents`` and, filtered, on ``dept.<code>``. ``seq`` is gapless per incident.

    Attributes
    ----------
    standing
        What the incident is to the department, on ``dept.<code>`` only: ``snapshot`` (its
        sequence begins here, with the incident whole), ``yours``, or ``no_longer_yours`` (it
        does not pass the department's filter as it is now; its lines still come, to the end).
    """

    incident_id: str
    seq: int
    entry: TimelineEntry
    incident: Incident
    standing: str | None = None


class DispatchChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A recommendation, or a change of an assignment, on ``city.dispatches``.

    ``change`` is ``recommended``, ``assigned``, ``rerouted``, ``stamped``, ``completed`` or
    ``cancelled``; exactly one of ``recommendation`` and ``assignment`` is set.
    """

    incident_id: str
    change: str
    at: datetime
    recommendation: Recommendation | None = None
    assignment: Assignment | None = None


class AlertChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An alert raised or ended, on ``city.alerts``."""

    incident_id: str
    alert: Alert


class FenceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A unit enters or leaves a fence of the city, on ``city.fence.events``.

    Attributes
    ----------
    id
        Derived from unit, fence, ``detect`` and time, so the same transition told again, live or
        from the archive, has the same one; also the message's ``ce_id``.
    unit
        Id of the unit.
    fence, fence_kind, fence_name
        Of the fence. Where a ``closed`` is about a fence that the city does not have any more,
        as they were in the city before; empty where the ledger does not know that city.
    detect
        ``enter``, ``exit``, ``cross`` (through it between two fixes), ``dwell`` (inside for long
        enough), ``closed`` (the fence ended while the unit was inside), or ``inside`` where that
        is asked for.
    at
        When: the time of the fix that showed it, or when the fence ended.
    lon, lat
        Of that fix, else of the unit's last one before; WGS-84 degrees.
    accuracy_m
        Of that fix, metres, if known.
    """

    id: str
    unit: str
    fence: str
    fence_kind: str
    fence_name: str
    detect: str
    at: datetime
    lon: float
    lat: float
    accuracy_m: float | None = None
