"""Messages as they come from Kafka, and as they go to the journal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from infra.ledger.outbox import Message
from schemas import topics, traces, wire
from schemas.envelope import Envelope
from schemas.journal import Entry

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LOG_APPEND_TIME = 1
"""Kafka's number for a timestamp of the broker's clock; 0 is one of the producer's."""

JOURNAL_SOURCE = "jingwei/intake"
"""CloudEvents source of journal entries that an intake wrote."""


_MILLISECOND = timedelta(milliseconds=1)


class Record(Protocol):
    """One Kafka message with its place, as a consumer gives it; `Received` is one, too.

    Made a `Received` only where it is looked at by itself: of a hundred thousand readings a
    second that is the odd one.
    """

    @property
    def topic(self) -> str: ...  # noqa: D102 - Kafka's own words
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def timestamp_type(self) -> int: ...  # noqa: D102


class Received(msgspec.Struct, frozen=True):
    """One Kafka message with its place.

    ``at`` is Kafka's timestamp of it, ``timestamp_type`` whose clock that is: 1 the broker's, 0
    the producer's, as of messages from before their topic took the broker's time.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    at: datetime
    timestamp_type: int = LOG_APPEND_TIME

    @classmethod
    def of(cls, record: "Record") -> "Received":
        """Take over a record; its timestamp may be None or negative."""
        if isinstance(record, cls):
            return record
        return cls(
            record.topic,
            record.partition,
            record.offset,
            record.key,
            record.value,
            [(name, value or b"") for name, value in record.headers or ()],  # null becomes empty
            _time(record.timestamp),
            record.timestamp_type or 0,
        )

    @property
    def timestamp(self) -> int:
        """Kafka's timestamp in milliseconds since 1970, as a record has it."""
        return (self.at - EPOCH) // _MILLISECOND


def _time(milliseconds: int | None) -> datetime:
    """Return a Kafka timestamp; what is no time becomes the epoch."""
    if milliseconds is None or not 0 <= milliseconds < 253_402_300_800_000:  # noqa: PLR2004 - year 10000
        return EPOCH
    return EPOCH + timedelta(milliseconds=milliseconds)


def to_journal(
    entry: Entry,
    *,
    source: str = JOURNAL_SOURCE,
    correlation: str | None = None,
    causation: str | None = None,
    traceparent: str | None = None,
    time: datetime | None = None,
) -> Message:
    """Return the Kafka message of a journal entry: keyed by its region, named by its id.

    Parameters
    ----------
    traceparent
        As the entry carries it; None where the reader derives one.
    time
        When it happened, by the word of the producer of what it comes of.
    """
    envelope = Envelope(
        id=entry.id,
        source=source,
        type=topics.JOURNAL.type,
        correlation=correlation,
        causation=causation,
        traceparent=traceparent,
        time=time,
    )
    return Message(
        topic=topics.JOURNAL.name,
        key=entry.region.encode(),
        value=wire.encode(entry),
        headers=envelope.headers(),
    )


def taken_in(
    entry: Entry,
    event: Envelope | None,
    *,
    correlation: str | None = None,
    causation: str | None = None,
    time: datetime | None = None,
) -> Message:
    """Return the journal entry that an intake made of a message, in the message's trace.

    Parameters
    ----------
    event
        The message's envelope; None where it has none, or time alone was the cause.
    time
        When it happened, where the envelope does not say it.
    """
    parent = None if event is None else event.traceparent
    happened = time if event is None or event.time is None else event.time
    return to_journal(
        entry,
        correlation=correlation,
        causation=causation,
        traceparent=traces.carried(parent, entry.id),
        time=happened,
    )
