"""Where incidents happened, from which it is told where units should wait."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from infra.ledger.statements import statement
from schemas import wire
from schemas.policy import Policy


class Called(NamedTuple):
    """Where something happened, and what; WGS-84 degrees."""

    category: str
    severity: str
    lon: float
    lat: float


async def period(conn: asyncpg.Connection, region: str) -> tuple[datetime, datetime] | None:
    """Return when the first and the last incident of a region began; None if it has none."""
    row = await conn.fetchrow(statement("demand.period"), region)
    return None if row is None or row["first"] is None else (row["first"], row["last"])


async def calls(
    conn: asyncpg.Connection,
    region: str,
    severities: Sequence[str],
    since: datetime,
    until: datetime,
) -> list[Called]:
    """Return the events of some severities from ``since`` until before ``until``.

    Each once: no incident that was merged into another one, or that turned out to be none.
    """
    rows = await conn.fetch(statement("demand.calls"), region, list(severities), since, until)
    return [Called(*row) for row in rows]


async def policy(conn: asyncpg.Connection, region: str) -> Policy | None:
    """Return the policy in force in a region; None as long as it has none."""
    found = await conn.fetchval(statement("demand.policy"), region)
    return None if found is None else wire.decode(found, Policy)
