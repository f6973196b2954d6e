"""Incidents, units, assignments and alerts as the core holds them and the ledger keeps them.

A record is immutable: a change is a new record, and an effect that carries it whole.
``version`` counts an incident's timeline entries and is what an operator's command may
name as ``expected_version``.
"""

from datetime import datetime

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records: immutable, every field written out."""


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


class Evidence(Record, frozen=True, kw_only=True):
    """One notice of an event: an alarm of a sensor, or a citizen's report after triage.

    Attributes
    ----------
    id
        Derived from the input's CloudEvents id; the same input gives the same evidence.
    source
        ``sensor`` or ``report``.
    source_id
        The datastream's id, or the report's.
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
    reporter
        Pseudonymous reference of the reporter.
    alternatives
        What else the words may mean, likeliest first.
    """

    id: str
    source: str
    source_id: str
    phase: str
    category: str
    severity: str
    confidence: float
    point: Point | None
    where: Where
    observed_at: datetime
    received_at: datetime
    text: str
    reasons: tuple[str, ...] = ()
    reporter: str | None = None
    alternatives: tuple[Reading, ...] = ()


LATEST = 10
"""So many of its evidence and of its sources a record of an incident names."""


class Note(Record, frozen=True, kw_only=True):
    """What the core remembers of a piece of evidence that an incident is made of.

    ``incident`` is where it was placed, or where an operator has moved it since; other fields
    are as in `Evidence`.
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


class PlanKey(Record, frozen=True, kw_only=True):
    """Names a response plan of the policy."""

    category: str
    severity: str


class Incident(Record, frozen=True, kw_only=True):
    """One event in the city and where its handling stands.

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
    short
        Requirements that no unit could be found for, as ``capability×count: why``.
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
    state: str
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
    state_before_hold: str | None = None
    short: tuple[str, ...] = ()
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


class Unit(Record, frozen=True, kw_only=True):
    """A responder vehicle or patrol.

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
    state: str
    position: Point
    position_at: datetime | None = None
    heading_deg: float | None = None
    status_at: datetime | None = None
    assignment: str | None = None
    incident: str | None = None
    reason: str | None = None


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


class Candidate(Record, frozen=True, kw_only=True):
    """One unit that was looked at, and what spoke for or against it.

    ``seconds`` to the scene; None when it cannot get there or was not asked.
    """

    unit: str
    capability: str
    seconds: float | None
    chosen: bool
    reason: str


class Recommendation(Record, frozen=True, kw_only=True):
    """Who should go, who else could, what is short, and under which policy."""

    policy: str
    requirements: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    short: tuple[str, ...]
    reasons: tuple[str, ...]


class Assignment(Record, frozen=True, kw_only=True):
    """One unit sent to one incident. Stamps are written once and never changed.

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
    reasons: tuple[str, ...]
    dispatched: datetime
    acknowledged: datetime | None = None
    en_route: datetime | None = None
    on_scene: datetime | None = None
    to_facility: datetime | None = None
    at_facility: datetime | None = None
    clear: datetime | None = None
    ended: str | None = None
    origin: str | None = None


class Alert(Record, frozen=True, kw_only=True):
    """What an operator must act on.

    Attributes
    ----------
    kind
        A code of ``alert_kinds``: ``new_incident``, ``unacknowledged``, ``unresourced`` …
    priority
        1 (act now) to 3.
    ended_at
        When it no longer called for action; ``ended_by`` says why.
    subject
        The assignment it is about, when it is about one.
    """

    id: str
    incident: str
    kind: str
    priority: int
    text: str
    raised_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    subject: str | None = None


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

    kind: str
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


class TimelineEntry(Record, frozen=True, kw_only=True):
    """One line of an incident's append-only history.

    Attributes
    ----------
    seq
        1, 2, 3 … without gaps.
    kind
        A code of ``timeline_kinds``.
    actor
        ``policy``, ``sensor``, ``citizen``, a unit's id or an operator's name.
    text
        One sentence for people.
    reasons
        Why, one reason a line.
    cause
        Id of the journal entry that caused it.
    """

    incident: str
    seq: int
    at: datetime
    kind: str
    actor: str
    text: str
    reasons: tuple[str, ...]
    cause: str
