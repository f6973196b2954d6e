"""Evidence, what a second reader makes of it, and what is remembered of it."""

from datetime import datetime

import msgspec

from schemas.kinds import Phase
from schemas.records.base import Point, Reading, Record, Where
from schemas.records.said import Reason, reason_of


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
            msgspec.structs.force_setattr(self, "reasons", tuple(map(reason_of, self.told)))
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
