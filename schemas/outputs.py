"""What subscribers read on the topics ``city.*`` that go out, and on ``dept.*``.

No personal data travels here: reporters are pseudonymous references and a citizen's words
stay in the ledger.
"""

from datetime import datetime

import msgspec

from schemas import records, words
from schemas.records import (
    AlertFields,
    AssignmentFields,
    IncidentFields,
    Reason,
    Record,
    Shortage,
    TimelineFields,
    UnitFields,
    Vehicle,
)


class Incident(IncidentFields, frozen=True, kw_only=True):
    """An incident as it is published.

    ``short`` says in English what ``shortages`` has as data.
    """

    short: tuple[str, ...] = ()
    shortages: tuple[Shortage, ...] = ()


class Candidate(Record, frozen=True, kw_only=True):
    """A candidate as it is published: ``reason`` says in English what ``reasons`` has as data.

    Other fields as in `records.Candidate`.
    """

    unit: str
    capability: str
    seconds: float | None
    chosen: bool
    reason: str
    reasons: tuple[Reason, ...] = ()


class Recommendation(Record, frozen=True, kw_only=True):
    """A recommendation as it is published.

    ``short`` and ``reasons`` say in English what ``shortages`` and ``because`` have as data.
    """

    policy: str
    requirements: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    short: tuple[str, ...]
    reasons: tuple[str, ...]
    shortages: tuple[Shortage, ...] = ()
    because: tuple[Reason, ...] = ()


class Assignment(AssignmentFields, frozen=True, kw_only=True):
    """One unit sent to one incident, as it is published.

    ``reasons`` say in English what ``because`` has as data.
    """

    reasons: tuple[str, ...]
    because: tuple[Reason, ...] = ()


class Alert(AlertFields, frozen=True, kw_only=True):
    """An alert as it is published.

    ``text`` and ``ended_by`` say in English what ``said`` and ``ended`` have as data.
    """

    text: str
    said: Reason | None = None
    ended: Reason | None = None


class Unit(UnitFields, frozen=True, kw_only=True):
    """A unit as it is published.

    ``reason`` says in English what ``because`` has as data: why it is out of service.
    """

    reason: str | None = None
    because: Reason | None = None
    vehicle: Vehicle | msgspec.UnsetType = msgspec.UNSET


class TimelineEntry(TimelineFields, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a timeline as it is published.

    ``text`` and ``reasons`` say in English what ``said`` and ``because`` have as data.
    """

    text: str
    reasons: tuple[str, ...]
    said: Reason | None = None
    because: tuple[Reason, ...] = ()


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


class UnitChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A unit as it is now, on ``city.units``: state, position and assignment.

    Attributes
    ----------
    at
        When, by the journal's clock.
    """

    unit: Unit
    at: datetime


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


def incident(record: records.Incident) -> Incident:
    """Return an incident as it is published."""
    shared = {name: getattr(record, name) for name in IncidentFields.__struct_fields__}
    return Incident(**shared, short=words.shortages(record.short), shortages=record.short)


def recommendation(record: records.Recommendation) -> Recommendation:
    """Return a recommendation as it is published."""
    return Recommendation(
        policy=record.policy,
        requirements=record.requirements,
        candidates=tuple(_candidate(candidate) for candidate in record.candidates),
        short=words.shortages(record.short),
        reasons=words.each(record.reasons),
        shortages=record.short,
        because=record.reasons,
    )


def assignment(record: records.Assignment) -> Assignment:
    """Return an assignment as it is published."""
    shared = {name: getattr(record, name) for name in AssignmentFields.__struct_fields__}
    return Assignment(**shared, reasons=words.each(record.reasons), because=record.reasons)


def alert(record: records.Alert) -> Alert:
    """Return an alert as it is published."""
    shared = {name: getattr(record, name) for name in AlertFields.__struct_fields__}
    ended = record.ended or None
    shared["ended_by"] = words.render(ended) if ended else None
    return Alert(**shared, text=words.render(record.said), said=record.said, ended=ended)


def unit(record: records.Unit) -> Unit:
    """Return a unit as it is published."""
    shared = {name: getattr(record, name) for name in UnitFields.__struct_fields__}
    reason = None if record.reason is None else words.render(record.reason)
    return Unit(**shared, reason=reason, because=record.reason, vehicle=record.vehicle)


def timeline_entry(record: records.TimelineEntry) -> TimelineEntry:
    """Return a line of a timeline as it is published."""
    shared = {name: getattr(record, name) for name in TimelineFields.__struct_fields__}
    return TimelineEntry(
        **shared,
        text=words.render(record.said),
        reasons=words.each(record.reasons),
        said=record.said,
        because=record.reasons,
    )


def _candidate(record: records.Candidate) -> Candidate:
    return Candidate(
        unit=record.unit,
        capability=record.capability,
        seconds=record.seconds,
        chosen=record.chosen,
        reason=words.together(record.reasons),
        reasons=record.reasons,
    )
