"""Messages as they come from Kafka, and as they go to the journal."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from infra.ledger.outbox import Message
from schemas import topics, wire
from schemas.envelope import Envelope
from schemas.journal import Entry

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LOG_APPEND_TIME = 1
"""Kafka's number for a timestamp of the broker's clock; 0 is one of the producer's."""

JOURNAL_SOURCE = "jingwei/intake"
"""CloudEvents source of journal entries that an intake wrote."""


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
    def of(cls, message: Any) -> "Received":  # noqa: ANN401 - Faust has no types
        """Take over a Faust message; its timestamp is in seconds, or None or negative."""
        timestamp = message.timestamp
        return cls(
            message.topic,
            message.partition,
            message.offset,
            message.key,
            message.value,
            [(name, value or b"") for name, value in message.headers or ()],  # null becomes empty
            _time(timestamp),
            message.timestamp_type or 0,
        )


def _time(seconds: float | None) -> datetime:
    """Return a Kafka timestamp to the millisecond; what is no time becomes the epoch."""
    if seconds is None or not 0 <= seconds < 253_402_300_800:  # noqa: PLR2004 - year 10000
        return EPOCH
    return datetime.fromtimestamp(round(seconds * 1000) / 1000, UTC)


def to_journal(
    entry: Entry,
    *,
    source: str = JOURNAL_SOURCE,
    correlation: str | None = None,
    causation: str | None = None,
) -> Message:
    """Return the Kafka message of a journal entry: keyed by its region, named by its id."""
    envelope = Envelope(
        id=entry.id,
        source=source,
        type=topics.JOURNAL.type,
        correlation=correlation,
        causation=causation,
    )
    return Message(
        topic=topics.JOURNAL.name,
        key=entry.region.encode(),
        value=wire.encode(entry),
        headers=envelope.headers(),
    )
