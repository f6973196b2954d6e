"""All that is open now, at one place of the journal, and who may still look at it."""

from collections.abc import Collection
from typing import TypeVar

import asyncpg
import msgspec

from infra.ledger.statements import statement
from schemas import wire
from schemas.records import Alert, Assignment, Incident, Unit

R = TypeVar("R", Incident, Assignment, Alert, Unit)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Open incidents, active assignments and alerts, and all units.

    Attributes
    ----------
    applied
        By region, the journal offset of the last entry that is part of it.
    """

    applied: dict[str, int]
    incidents: tuple[Incident, ...]
    assignments: tuple[Assignment, ...]
    alerts: tuple[Alert, ...]
    units: tuple[Unit, ...]


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a session or token is, as `infra.ledger.accounts.Entered` has it.

    Attributes
    ----------
    left_s
        Seconds until it ends however it is used.
    """

    name: str
    role: str
    department: str | None
    unit: str | None
    scope: str
    left_s: float


async def standing(conn: asyncpg.Connection) -> Standing:
    """Return all that is open; call it inside a transaction that sees one moment (``reading``)."""
    return Standing(
        applied={
            row["region"]: row["applied_offset"]
            for row in await conn.fetch(statement("standing.regions"))
        },
        incidents=await _records(conn, Incident, "standing.incidents"),
        assignments=await _records(conn, Assignment, "standing.assignments"),
        alerts=await _records(conn, Alert, "standing.alerts"),
        units=await _records(conn, Unit, "standing.units"),
    )


async def reached(conn: asyncpg.Connection) -> dict[tuple[str, int], int]:
    """Return the next offset that workers read, by topic and partition."""
    rows = await conn.fetch(statement("standing.reached"))
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def holders(
    conn: asyncpg.Connection,
    sessions: Collection[bytes],
    tokens: Collection[bytes],
    idle_s: float,
    longest_s: float,
) -> dict[bytes, Holder]:
    """Return whose these sessions and tokens are, by digest, of those that are still valid."""
    rows = await conn.fetch(statement("standing.sessions"), list(sessions), idle_s, longest_s)
    rows += await conn.fetch(statement("standing.tokens"), list(tokens))
    known = [dict(row) for row in rows]
    return {row.pop("hash"): Holder(**row) for row in known}


async def _records(conn: asyncpg.Connection, kind: type[R], name: str) -> tuple[R, ...]:
    rows = await conn.fetch(statement(name))
    records: list[R] = [wire.decode(row["record"], kind) for row in rows]
    return tuple(sorted(records, key=lambda record: record.id))
