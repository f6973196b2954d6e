"""Incidents, units, assignments and alerts as the core holds them and the ledger keeps them.

A record is immutable: a change is a new record, and an effect that carries it whole.
``version`` counts an incident's timeline entries and is what an operator's command may
name as ``expected_version``.

Before 0.3.0 whatever is said in a record was prose, and before 0.4.0 the reasons of evidence and
why an alert ended were. Such records can still be read: the prose becomes the reason ``said``.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from schemas.kinds import (
    AlertKind,
    AssignmentEnd,
    IncidentState,
    Phase,
    TimelineKind,
    TimerKind,
    UnitState,
)


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all records: immutable, every field written out.

    The garbage collector leaves them out: a record can only name what was there before it, so none
    is part of a circle, and a region's 10,000 incidents need not be looked through again and again.
    """


class Point(Record, frozen=True, kw_only=True):
    """A WGS-84 point in degrees; ``accuracy_m`` is a radius in metres, if known."""

    lon: float
    lat: float
    accuracy_m: float | None = None


class Where(Record, frozen=True, kw_only=True):
    """What geofencing says of a point: fence ids, and the place in words."""

    district: str | None = None
    subdistrict: str | None = None
    beat: str | None = None
    hazard_zones: tuple[str, ...] = ()
    address: str | None = None


class Reading(Record, frozen=True, kw_only=True):
    """One way to understand what was said: a category, and 0 to 1 how sure that is."""

    category: str
    confidence: float


class Reason(Record, frozen=True, kw_only=True):
    """What is said of something: a code of the table ``reasons``, and the values its words name.

    ``schemas.words.render`` makes the sentence, in the language of whoever reads it. A value may
    itself be a reason, or several.
    """

    code: str
    values: dict[str, "str | int | float | Reason | tuple[Reason, ...]"] = {}

    def __hash__(self) -> int:
        """Return the same for equal reasons, so that records which have them can be hashed."""
        return hash((self.code, tuple(sorted(self.values.items()))))


def _reason(told: Reason | str) -> Reason:
    """Return a reason, read from prose where it is that."""
    return Reason(code="said", values={"text": told}) if isinstance(told, str) else told


class Evidence(Record, frozen=True, kw_only=True):
    """One notice of an event: an alarm of a sensor, or a citizen's report after triage.

    Attributes
    ----------
    id
        Derived from the input's CloudEvents id; the same input gives the same evidence.
    source
        ``sensor`` if a machine noticed it, ``report`` if a person did, whatever the topic.
    source_id
        The datastream's id, or the report's. Evidence of a datastream joins
        the open incident in which it told of the same or a related category, at about that place.
    phase
        ``opened``; for sensors later ``cleared`` or ``silent``.
    confidence
        0 to 1: how sure triage is of the category.
    point
        None when nobody knows where.
    observed_at
        When it was so, by the source's word.
    received_at
        When it reached the input topic (Kafka's timestamp).
    text
        What the citizen said, without contact data; for sensors a rendering of the alarm.
    reasons
        How category, severity and place were found.
    told
        Where prose of before 0.4.0 is read from; unset otherwise.
    reporter
        Pseudonymous reference of the reporter.
    alternatives
        What else the words may mean, likeliest first.
    """

    id: str
    source: str
    source_id: str
    phase: Phase
    category: str
    severity: str
    confidence: float
    point: Point | None
    where: Where
    observed_at: datetime
    received_at: datetime
    text: str
    reasons: tuple[Reason, ...] = msgspec.field(name="because", default=())
    told: tuple[str, ...] | msgspec.UnsetType = msgspec.field(name="reasons", default=msgspec.UNSET)
    reporter: str | None = None
    alternatives: tuple[Reading, ...] = ()

    def __post_init__(self) -> None:
        """Read the reasons from prose, where the record has that."""
        if self.told is not msgspec.UNSET:
            msgspec.structs.force_setattr(self, "reasons", tuple(map(_reason, self.told)))
            msgspec.structs.force_setattr(self, "told", msgspec.UNSET)


class Opinion(Record, frozen=True, kw_only=True):
    """What a second reader makes of a report's text: a model that read it beside the stream.

    Without the text: it is the evidence's. All probabilities are calibrated, 0 to 1.

    Attributes
    ----------
    evidence
        Id of the evidence whose text was read.
    category, severity
        Codes of their tables.
    confidence
        How probable it is that the category is right.
    danger
        How probable it is that life is in danger, which is severity P1 or P2.
    harmless
        How probable it is that nothing has happened for which anybody is to be sent.
    model, digest
        Name and version of the model, and a SHA-256 of all that its answer depends on.
    """

    evidence: str
    category: str
    severity: str
    confidence: float
    danger: float
    harmless: float
    model: str
    digest: str


LATEST = 10
"""So many of its evidence and of its sources a record of an incident names."""


class Note(Record, frozen=True, kw_only=True):
    """What the core remembers of a piece of evidence that an incident is made of.

    ``incident`` is where it was placed, or where an operator has moved it since; ``opinion`` what
    the second reader said of it, if it did; other fields are as in `Evidence`.
    """

    id: str
    incident: str
    source: str
    source_id: str
    category: str
    severity: str
    confidence: float
    point: Point | None
    where: Where
    alternatives: tuple[Reading, ...] = ()
    opinion: Opinion | None = None
    reporter: str | None = None

    @classmethod
    def of(cls, evidence: Evidence, incident: str, opinion: Opinion | None = None) -> "Note":
        """Return what is remembered of evidence that belongs to an incident."""
        return cls(
            id=evidence.id,
            incident=incident,
            source=evidence.source,
            source_id=evidence.source_id,
            category=evidence.category,
            severity=evidence.severity,
            confidence=evidence.confidence,
            point=evidence.point,
            where=evidence.where,
            alternatives=evidence.alternatives,
            opinion=opinion,
            reporter=evidence.reporter,
        )


class PlanKey(Record, frozen=True, kw_only=True):
    """Names a response plan of the policy."""

    category: str
    severity: str


class Shortage(Record, frozen=True, kw_only=True):
    """``count`` units with ``capability`` that an incident needs and nobody could be found for."""

    capability: str
    count: int
    why: Reason


if TYPE_CHECKING:
    AnyReason = Reason
    _AnyShortage = Shortage
else:
    AnyReason = Reason | str
    _AnyShortage = Shortage | str


_PROSE = re.compile(r"([^×]+)×([0-9]+): (.*)", re.DOTALL)


def _shortage(told: Shortage | str) -> Shortage:
    if isinstance(told, Shortage):
        return told
    said = _PROSE.fullmatch(told)
    capability, count, why = said.groups() if said else ("", "0", told)
    return Shortage(capability=capability, count=int(count), why=_reason(why))


def _is_prose(told: Iterable[object]) -> bool:
    return any(isinstance(one, str) for one in told)


def read_prose(record: msgspec.Struct, *fields: str) -> None:
    """Read reasons from prose, where these fields have that; only for ``__post_init__``."""
    for field in fields:
        told = getattr(record, field)
        if isinstance(told, str):
            msgspec.structs.force_setattr(record, field, _reason(told))
        elif isinstance(told, tuple) and _is_prose(told):
            msgspec.structs.force_setattr(record, field, tuple(map(_reason, told)))


class IncidentFields(Record, frozen=True, kw_only=True):
    """What an `Incident` and the form that is published of it (`outputs.Incident`) share.

    Attributes
    ----------
    number
        What people say on the radio: region, day and a running count.
    evidence, sources
        Ids of the latest evidence attached (at most `LATEST`), in order, and of the latest of its
        sources, without repeats. The ledger has all of them, by page.
    evidence_count, source_count
        How many there are in all, those of merged incidents included.
    opened_at, updated_at, noticed_at
        By the journal's clock; ``noticed_at`` is when evidence last came in.
    held_until
        Automatic assignment waits until then for an operator's answer.
    possible_duplicate_of
        The incident an operator is asked about.
    manual
        An operator has called units back or replaced them: nobody is sent automatically until
        an operator takes up the recommendation again.
    reopened_at
        Assignments from before do not count towards its response plan.
    merged_into
        The incident that took this one in.
    readings
        What its evidence may mean, each category once with the surest of its confidences,
        surest first.
    certain
        What an operator has corrected: ``category``, ``severity``, ``place``. No evidence
        changes it but for a severity, which can still rise.
    plans
        Response plans that it keeps beside its own: those of the incidents merged into it.
    """

    id: str
    region: str
    number: str
    version: int
    category: str
    severity: str
    confidence: float
    state: IncidentState
    point: Point | None
    where: Where
    title: str
    opened_at: datetime
    updated_at: datetime
    noticed_at: datetime
    evidence: tuple[str, ...]
    sources: tuple[str, ...]
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    held_until: datetime | None = None
    possible_duplicate_of: str | None = None
    state_before_hold: IncidentState | None = None
    resourced_at: datetime | None = None
    reopened_at: datetime | None = None
    closed_at: datetime | None = None
    disposition: str | None = None
    merged_into: str | None = None
    manual: bool = False
    readings: tuple[Reading, ...] = ()
    evidence_count: int = 0
    source_count: int = 0
    certain: tuple[str, ...] = ()
    plans: tuple[PlanKey, ...] = ()


class Incident(IncidentFields, frozen=True, kw_only=True):
    """One event in the city and where its handling stands.

    Attributes
    ----------
    short
        What it lacks and nobody could be found for.
    """

    short: tuple[_AnyShortage, ...] = ()

    def __post_init__(self) -> None:
        """Read what is short from prose, where the record has that."""
        if self.short and _is_prose(self.short):
            msgspec.structs.force_setattr(self, "short", tuple(map(_shortage, self.short)))


Dimension = Annotated[float, msgspec.Meta(gt=0)]


class Vehicle(Record, frozen=True, kw_only=True, omit_defaults=True):
    """How large a vehicle is; a dimension that is not known fits everywhere.

    Attributes
    ----------
    height_m, width_m, length_m
        Metres.
    weight_t
        Actual weight in tonnes.
    """

    height_m: Dimension | None = None
    width_m: Dimension | None = None
    weight_t: Dimension | None = None
    length_m: Dimension | None = None


class UnitFields(Record, frozen=True, kw_only=True):
    """What a `Unit` and the form that is published of it (`outputs.Unit`) share.

    Attributes
    ----------
    kind
        A code of ``unit_kinds``: ``fire_engine``, ``ambulance`` …
    capabilities
        What response plans ask for.
    station
        Where it belongs.
    state
        A code of ``unit_states``; its availability class is in that table.
    position_at, status_at
        When they were so, by the sender's word.
    assignment, incident
        The active one, if any.
    """

    id: str
    region: str
    kind: str
    name: str
    department: str
    capabilities: tuple[str, ...]
    station: str
    home: Point
    state: UnitState
    position: Point
    position_at: datetime | None = None
    heading_deg: float | None = None
    status_at: datetime | None = None
    assignment: str | None = None
    incident: str | None = None


class Unit(UnitFields, frozen=True, kw_only=True):
    """A responder vehicle or patrol.

    Attributes
    ----------
    reason
        Why it is out of service.
    vehicle
        Its dimensions, by which some streets are too low, narrow or weak for it. Not written where
        the fleet says nothing, so that older records stay the same, byte for byte.
    """

    reason: AnyReason | None = None
    vehicle: Vehicle | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Read the reason from prose, where the record has that."""
        if self.reason is not None:
            read_prose(self, "reason")


class Route(Record, frozen=True, kw_only=True):
    """A way through the streets.

    ``seconds`` of travel, ``metres`` of length, ``coordinates`` (lon, lat) WGS-84 degrees,
    ``arcs`` ids of the street graph's arcs, ``streets`` their names without repeats.
    """

    seconds: float
    metres: float
    coordinates: tuple[tuple[float, float], ...]
    arcs: tuple[str, ...]
    streets: tuple[str, ...]


class Candidate(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One unit that was looked at, and what spoke for or against it.

    Attributes
    ----------
    seconds
        To the scene; None when it cannot get there or was not asked.
    reason
        Where prose of before 0.3.0 is read from; None otherwise.
    """

    unit: str
    capability: str
    seconds: float | None
    chosen: bool
    reasons: tuple[Reason, ...] = ()
    reason: str | None = None

    def __post_init__(self) -> None:
        """Read the reasons from prose, where the record has that."""
        if self.reason is not None:
            msgspec.structs.force_setattr(self, "reasons", (_reason(self.reason),))
            msgspec.structs.force_setattr(self, "reason", None)


class Recommendation(Record, frozen=True, kw_only=True):
    """Who should go, who else could, what is short, and under which policy."""

    policy: str
    requirements: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    short: tuple[_AnyShortage, ...]
    reasons: tuple[AnyReason, ...]

    def __post_init__(self) -> None:
        """Read what is short, and the reasons, from prose, where the record has that."""
        if _is_prose(self.short) or _is_prose(self.reasons):
            msgspec.structs.force_setattr(self, "short", tuple(map(_shortage, self.short)))
            msgspec.structs.force_setattr(self, "reasons", tuple(map(_reason, self.reasons)))


class AssignmentFields(Record, frozen=True, kw_only=True):
    """What an `Assignment` and the form that is published of it (`outputs.Assignment`) share.

    Attributes
    ----------
    by
        ``policy`` or the operator's name.
    eta_s
        Seconds to the scene as computed at assignment.
    route
        The way it was sent; recomputed when a closure falls on it.
    ended
        ``completed`` or ``cancelled``; None while active.
    origin
        The incident that the unit was first sent to, where it went on to another one with a merge,
        or back; None where that is ``incident``.
    """

    id: str
    incident: str
    unit: str
    capability: str
    by: str
    eta_s: float
    route: Route | None
    dispatched: datetime
    acknowledged: datetime | None = None
    en_route: datetime | None = None
    on_scene: datetime | None = None
    to_facility: datetime | None = None
    at_facility: datetime | None = None
    clear: datetime | None = None
    ended: AssignmentEnd | None = None
    origin: str | None = None


class Assignment(AssignmentFields, frozen=True, kw_only=True):
    """One unit sent to one incident. Stamps are written once and never changed."""

    reasons: tuple[AnyReason, ...]

    def __post_init__(self) -> None:
        """Read the reasons from prose, where the record has that."""
        read_prose(self, "reasons")


class AlertFields(Record, frozen=True, kw_only=True):
    """What an `Alert` and the form that is published of it (`outputs.Alert`) share.

    Attributes
    ----------
    kind
        A code of ``alert_kinds``: ``new_incident``, ``unacknowledged``, ``unresourced`` …
    priority
        1 (act now) to 3.
    ended_at
        When it no longer called for action.
    subject
        The assignment it is about, when it is about one.
    """

    id: str
    incident: str
    kind: AlertKind
    priority: int
    raised_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    subject: str | None = None


class Alert(AlertFields, frozen=True, kw_only=True):
    """What an operator must act on; ``said`` in one sentence.

    Attributes
    ----------
    ended
        Why it no longer calls for action, or who ended it. Not written while it stands.
    ended_by
        Where prose of before 0.4.0 is read from; None otherwise.
    """

    said: AnyReason = msgspec.field(name="text")
    ended: Reason | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Read what is said from prose, where the record has that."""
        read_prose(self, "said")
        if self.ended_by is not None:
            msgspec.structs.force_setattr(self, "ended", _reason(self.ended_by))
            msgspec.structs.force_setattr(self, "ended_by", None)


class Condition(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A street condition in force or to come; fields as in ``inputs.StreetCondition``.

    ``lanes_closed`` and ``depth_m`` are written only where they say something, so that what
    was recorded before they were known stays the same, byte for byte.
    """

    id: str
    kind: str
    segments: tuple[str, ...]
    speed_factor: float | None
    valid_from: datetime
    valid_until: datetime | None
    reason: str
    lanes_closed: int | None = None
    depth_m: float | None = None


class Timer(Record, frozen=True, kw_only=True):
    """A promise to look again: what, about which subject, when.

    ``kind`` is one of ``acknowledge``, ``turnout``, ``late``, ``unresourced``, ``held``,
    ``expire``, ``look``; ``subject`` the id of the incident, assignment or condition. ``look``
    goes on looking for work for free units, behind the incident that is its subject.
    """

    kind: TimerKind
    subject: str
    due: datetime


class Handover(Record, frozen=True, kw_only=True):
    """A unit that went over with its incident: its assignment before and after."""

    before: str
    after: str


class Merger(Record, frozen=True, kw_only=True):
    """What a merge did, so that it can be undone.

    Attributes
    ----------
    id
        Derived from the command.
    incident, into
        Which incident was taken in by which.
    at, by
        When, by the journal's clock, and the operator.
    before, after
        The incident ``into`` without the other and with it.
    taken
        The incident that was taken in, before.
    handovers
        Its units, which went on to ``into``.
    sent
        Assignments that the policy made because of the merge, at once.
    alerts, timers
        Those that the merge ended; they stand again when it is undone.
    undone_at
        When that was; None while it stands.
    """

    id: str
    incident: str
    into: str
    at: datetime
    by: str
    before: Incident
    after: Incident
    taken: Incident
    handovers: tuple[Handover, ...]
    sent: tuple[str, ...]
    alerts: tuple[Alert, ...]
    timers: tuple[Timer, ...]
    undone_at: datetime | None = None


class TimelineFields(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a `TimelineEntry` and the form published of it (`outputs.TimelineEntry`) share.

    ``before`` and ``after`` are written only where they say something, so that other lines stay as
    they were recorded before there were these fields.

    Attributes
    ----------
    seq
        1, 2, 3 … without gaps.
    kind
        A code of ``timeline_kinds``.
    actor
        ``policy``, ``sensor``, ``citizen``, a unit's id or an operator's name.
    cause
        Id of the journal entry that caused it.
    before, after
        The codes of what the line changes: the incident's state (kind ``state``), severity
        (``severity``) or category (``classified``), or the unit's state (``stamp``); empty where it
        changes none of them.
    """

    incident: str
    seq: int
    at: datetime
    kind: TimelineKind
    actor: str
    cause: str
    before: str = ""
    after: str = ""


class TimelineEntry(TimelineFields, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an incident's append-only history: ``said`` in one sentence, and why."""

    said: AnyReason = msgspec.field(name="text")
    reasons: tuple[AnyReason, ...]

    def __post_init__(self) -> None:
        """Read what is said, and why, from prose, where the record has that."""
        read_prose(self, "said", "reasons")
