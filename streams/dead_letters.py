"""Dead letters: the original bytes and headers, with the reason, in the ledger and in Kafka.

Headers follow Kafka Connect's habit: they name topic, partition, offset, and what went wrong.
Taking a message back is sending it again without them.
"""

from datetime import datetime

from infra.ledger.intake import DeadLetter, Source
from infra.ledger.outbox import Message
from intake.privacy import redact
from streams.messages import Received

PREFIX = "dlq_"
_MAX_TEXT = 1_000
_MAX_BYTES = 1_000_000
_HEADER_BYTES = 10
"""What a header costs besides its name and value: their lengths."""


def dead_letter(
    message: Received, *, fault: str, reason: str, agent: str, at: datetime
) -> DeadLetter:
    """Return the ledger's row of a message that could not be used.

    ``fault`` is an `intake.Fault` or the class of an unexpected error, ``reason`` its sentence. It
    may quote what came, and more people read it than what came: personal data is taken out.
    """
    return DeadLetter(
        source=Source(message.topic, message.partition, message.offset),
        key=message.key,
        value=message.value,
        headers=message.headers,
        reason=_printable(redact(reason)),
        error=fault,
        agent=agent,
        at=at,
    )


def to_dead_letter_topic(letter: DeadLetter) -> Message:
    """Return the message for ``dlq.<topic>``.

    A message that only just fitted into its topic does not fit into another with the notes on
    top: then the notes travel alone, and say that the ledger has the bytes.
    """
    source = letter.source
    notes = {
        "topic": source.topic,
        "partition": str(source.partition),
        "offset": str(source.offset),
        "error": letter.error,
        "reason": letter.reason,
        "agent": letter.agent,
        "at": letter.at.isoformat(),
    }
    size = _size(letter)
    if size > _MAX_BYTES:
        notes["omitted"] = f"{size} bytes are too many for this topic: they are in the ledger"
    headers = [(f"{PREFIX}{name}", value.encode()) for name, value in notes.items()]
    if size > _MAX_BYTES:
        return Message(topic=f"dlq.{source.topic}", key=None, value=None, headers=headers)
    return Message(
        topic=f"dlq.{source.topic}",
        key=letter.key,
        value=letter.value,
        headers=[*without_notes(letter.headers), *headers],
    )


def without_notes(headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the headers a message came with, less those of an earlier dead letter."""
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]


def _size(letter: DeadLetter) -> int:
    headers = sum(
        len(name.encode()) + len(value or b"") + _HEADER_BYTES for name, value in letter.headers
    )
    return len(letter.key or b"") + len(letter.value or b"") + headers


def _printable(text: str) -> str:
    """Cut to a length, without what neither PostgreSQL nor a terminal can take."""
    plain = text.encode(errors="backslashreplace").decode()[:_MAX_TEXT]
    return "".join(char if char.isprintable() else " " for char in plain)
