"""The outbox: messages that a transaction has to send to Kafka; deleted after they are sent.

A lane is the source partition whose processing wrote the rows. Its offset guard is locked in the
same transaction, so ids within a lane commit in order, and reading them by id skips none.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import asyncpg
import msgspec

from infra.ledger.errors import NotFound
from infra.ledger.rows import plain
from infra.ledger.statements import statement

Headers = list[tuple[str, bytes]]
_headers = msgspec.json.Decoder(Headers)


class Message(msgspec.Struct, frozen=True):
    """One Kafka message to be sent.

    ``aside`` says that it goes in a lane of its own, where it holds up no other.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = []
    aside: bool = False


class Refused(msgspec.Struct, frozen=True):
    """A message that the broker refused for good, without its content; see ``settle``."""

    id: int
    lane: str
    topic: str
    value_bytes: int | None
    created_at: datetime
    refused_at: datetime
    reason: str
    settled_at: datetime | None
    settled_by: str | None
    settlement: str | None
    settled_why: str | None


def pack_headers(headers: Headers) -> bytes:
    """Return headers in their stored form: JSON pairs of name and base64 value."""
    return msgspec.json.encode(headers)


def unpack_headers(data: bytes) -> Headers:
    """Return headers from their stored form."""
    return _headers.decode(data)


async def put(conn: asyncpg.Connection, lane: str, messages: Sequence[Message]) -> list[int]:
    """Write messages to a lane in one round trip; return their ids, rising, in their order."""
    return await put_all(conn, [lane] * len(messages), messages)


async def put_all(
    conn: asyncpg.Connection, lanes: Sequence[str], messages: Sequence[Message]
) -> list[int]:
    """Write messages, each to its lane, as `put` does."""
    if not messages:
        return []
    # Copies of a message for several feeds share its headers.
    headers = {id(message.headers): message.headers for message in messages}
    packed = {key: pack_headers(one) for key, one in headers.items()}
    rows = await conn.fetch(
        statement("outbox.put"),
        lanes,
        [message.topic for message in messages],
        [message.key for message in messages],
        [message.value for message in messages],
        [packed[id(message.headers)] for message in messages],
    )
    return [row["id"] for row in rows]


async def unsent(conn: asyncpg.Connection, lane: str, limit: int) -> list[tuple[int, Message]]:
    """Return a lane's first unsent messages, in order."""
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


async def holding(conn: asyncpg.Connection, lanes: Sequence[str]) -> set[str]:
    """Return which of some lanes hold anything."""
    return {row["lane"] for row in await conn.fetch(statement("outbox.holding"), list(lanes))}


async def mark_sent(conn: asyncpg.Connection, ids: Iterable[int]) -> None:
    """Delete messages that the broker has acknowledged."""
    await conn.execute(statement("outbox.mark_sent"), list(ids))


async def refuse(conn: asyncpg.Connection, row_id: int, reason: str) -> None:
    """Set a message aside that the broker refuses for good, with the reason."""
    await conn.execute(statement("outbox.refuse"), row_id, plain(reason))


async def lanes_waiting(conn: asyncpg.Connection, older_than_s: float) -> list[str]:
    """Return the lanes with a message older than this, the longest waiting first."""
    return [
        row["lane"] for row in await conn.fetch(statement("outbox.lanes_waiting"), older_than_s)
    ]


async def refused(conn: asyncpg.Connection, limit: int, *, settled: bool = False) -> list[Refused]:
    """Return messages set aside, latest first; resent and discarded ones only if ``settled``."""
    rows = await conn.fetch(statement("outbox.refused"), settled, limit)
    return [Refused(**row) for row in rows]


async def settle(
    conn: asyncpg.Connection,
    row_id: int,
    settlement: Literal["resent", "discarded"],
    by: str,
    why: str,
) -> None:
    """Resend a message that was set aside, in its lane under a new id, or discard it.

    The row stays, with name, action and reason.

    Raises
    ------
    NotFound
        No message with this id is set aside, or it was already resent or discarded.
    """
    found = await conn.fetchval(statement("outbox.settle"), row_id, settlement, by, why)
    if found is None:
        raise NotFound(f"no message {row_id} is set aside, or it was already resent or discarded")
    if settlement == "resent":
        await conn.execute(statement("outbox.resend"), row_id)
