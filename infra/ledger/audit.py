"""The audit: who did what, in rows that only grow. The database chains them (migration 0025)."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from infra.audit_chain import Link
from infra.ledger.pages import Found
from infra.ledger.statements import statement

_BLOCK = 2_000


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """A row as it is read: ``actor``, through the database's ``role``, did ``action``."""

    id: int
    at: datetime
    role: str
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


async def write(
    conn: asyncpg.Connection, actor: str, action: str, subject: str, /, **detail: object
) -> None:
    """Write a row. The chain's lock is held until the transaction's end: write last."""
    await conn.execute(statement("audit.write"), actor, action, subject, detail)


async def page(
    conn: asyncpg.Connection,
    before: int | None,
    limit: int,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
) -> Found[AuditLine]:
    """Return a page of rows, the latest first."""
    rows = await conn.fetch(
        statement("audit.page"), before, limit + 1, actor, action, subject, since
    )
    items = tuple(AuditLine(**row) for row in rows[:limit])
    return Found(items, (items[-1].id,) if len(rows) > limit else None)


async def lately(conn: asyncpg.Connection, actor: str, action: str, within_s: float) -> int:
    """Return how often somebody has done something in the last seconds."""
    count: int = await conn.fetchval(statement("audit.lately"), actor, action, within_s)
    return count


async def links(conn: asyncpg.Connection) -> AsyncIterator[Link]:
    """Yield all rows, the first one first."""
    last = -1
    while rows := await conn.fetch(statement("audit.rows"), last, _BLOCK):
        for row in rows:
            yield Link(row["id"], row["previous"].hex(), row["hash"].hex(), row["row"])
        last = rows[-1]["id"]
