"""Messages of outside producers: CloudEvents in binary mode, with the topic table's keys."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from schemas import wire
from schemas.envelope import Envelope, Headers
from schemas.topics import Topic

__all__ = ["Mail", "Send", "letter"]


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One message for Kafka, ready to send."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


Send = Callable[[Mail], None]
"""Takes a message and sends it soon; never blocks."""


def letter(
    topic: Topic,
    key: str,
    message: object,
    *,
    event_id: str,
    source: str,
    at: datetime,
    subject: str | None = None,
) -> Mail:
    """Return a well-formed message of a topic."""
    envelope = Envelope(id=event_id, source=source, type=topic.type, time=at, subject=subject)
    return Mail(
        topic=topic.name,
        key=key.encode(),
        value=wire.encode(message),
        headers=envelope.headers(),
    )
