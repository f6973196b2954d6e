"""What subscribers read on ``city.incidents``, ``city.dispatches``, ``city.alerts``, ``dept.*``.

No personal data travels here: reporters are pseudonymous references and a citizen's words
stay in the ledger.
"""

from datetime import datetime

import msgspec

from schemas.records import Alert, Assignment, Incident, Recommendation, TimelineEntry


class IncidentChanged(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an incident: its timeline entry, and the incident after it.

    On ``city.incidents`` and, filtered, on ``dept.<code>``. ``seq`` is gapless per incident.
    """

    incident_id: str
    seq: int
    entry: TimelineEntry
    incident: Incident


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
