"""Incidents, and the lines of their timelines."""

from datetime import datetime

import msgspec

from schemas.kinds import IncidentState, TimelineKind
from schemas.records.base import Point, Reading, Record, Where
from schemas.records.said import AnyReason, AnyShortage, is_prose, read_prose, shortage_of


class PlanKey(Record, frozen=True, kw_only=True):
    """Names a response plan of the policy."""

    category: str
    severity: str


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

    short: tuple[AnyShortage, ...] = ()

    def __post_init__(self) -> None:
        """Read what is short from prose, where the record has that."""
        if self.short and is_prose(self.short):
            msgspec.structs.force_setattr(self, "short", tuple(map(shortage_of, self.short)))


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
