"""The outbox: messages that a transaction owes to Kafka, sent after it and then deleted.

A lane is the source partition whose processing wrote the rows; its fence is locked in the
same transaction, so ids within a lane commit in order and reading them by id skips none.
"""

from collections.abc import Iterable, Sequence

import asyncpg
import msgspec

from infra.ledger.rows import plain
from infra.ledger.statements import statement

Headers = list[tuple[str, bytes]]
_headers = msgspec.json.Decoder(Headers)


class Message(msgspec.Struct, frozen=True):
    """One Kafka message to be sent."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = []


def pack_headers(headers: Headers) -> bytes:
    """Return headers as they are stored: JSON pairs of name and base64 value."""
    return msgspec.json.encode(headers)


def unpack_headers(data: bytes) -> Headers:
    """Return stored headers as they were."""
    return _headers.decode(data)


async def put(conn: asyncpg.Connection, lane: str, messages: Sequence[Message]) -> list[int]:
    """Write messages to a lane in one round trip; return their ids, rising, in their order."""
    if not messages:
        return []
    rows = await conn.fetch(
        statement("outbox.put"),
        lane,
        [message.topic for message in messages],
        [message.key for message in messages],
        [message.value for message in messages],
        [pack_headers(message.headers) for message in messages],
    )
    return [row["id"] for row in rows]


async def unsent(conn: asyncpg.Connection, lane: str, limit: int) -> list[tuple[int, Message]]:
    """Return a lane's first messages that nobody has marked as sent, in order."""
    return [
        (
            row["id"],
            Message(
                topic=row["topic"],
                key=row["key"],
                value=row["value"],
                headers=unpack_headers(row["headers"]),
            ),
        )
        for row in await conn.fetch(statement("outbox.unsent"), lane, limit)
    ]


async def mark_sent(conn: asyncpg.Connection, ids: Iterable[int]) -> None:
    """Delete messages that the broker has acknowledged."""
    await conn.execute(statement("outbox.mark_sent"), list(ids))


async def refuse(conn: asyncpg.Connection, row_id: int, reason: str) -> None:
    """Set a message aside that the broker refuses for good, with the reason."""
    await conn.execute(statement("outbox.refuse"), row_id, plain(reason))


async def lanes_waiting(conn: asyncpg.Connection, older_than_s: float) -> list[str]:
    """Return the lanes that hold a message older than this, the longest waiting first."""
    return [
        row["lane"] for row in await conn.fetch(statement("outbox.lanes_waiting"), older_than_s)
    ]
