"""Queries of a live view: units on their way, alerts, the newest timeline lines."""

from datetime import datetime

import asyncpg
import msgspec

from infra.ledger.statements import statement
from schemas import wire
from schemas.records import Alert, Assignment, TimelineEntry


class EntryLine(msgspec.Struct, frozen=True):
    """A timeline line and its incident."""

    entry: TimelineEntry
    number: str
    severity: str
    title: str


class AssignmentLine(msgspec.Struct, frozen=True):
    """An active assignment, its incident's number, its unit's name and state."""

    assignment: Assignment
    number: str
    unit_name: str
    unit_state: str


async def entries_since(
    conn: asyncpg.Connection, since: datetime, limit: int = 1_000
) -> list[EntryLine]:
    """Return the newest ``limit`` timeline lines from ``since`` on, oldest first."""
    rows = await conn.fetch(statement("live.entries"), since, limit)
    return [
        EntryLine(
            entry=msgspec.convert(
                {name: row[name] for name in TimelineEntry.__struct_encode_fields__}, TimelineEntry
            ),
            number=row["number"],
            severity=row["severity"],
            title=row["title"],
        )
        for row in reversed(rows)
    ]


async def active_assignments(conn: asyncpg.Connection) -> list[AssignmentLine]:
    """Return the active assignments, in order of dispatch."""
    return [
        AssignmentLine(
            wire.decode(row["record"], Assignment), row["number"], row["name"], row["state"]
        )
        for row in await conn.fetch(statement("live.assignments"))
    ]


async def active_alerts(conn: asyncpg.Connection, limit: int = 100) -> list[Alert]:
    """Return the alerts that call for action: reports to be read, then the most urgent first."""
    return [
        wire.decode(row["record"], Alert)
        for row in await conn.fetch(statement("live.alerts"), limit)
    ]
