"""A region's core as the ledger has it: exactly what the core knew after its last entry."""

from datetime import datetime
from typing import TypeVar

import asyncpg
import msgspec

from infra.ledger.statements import statement
from schemas import wire
from schemas.policy import Policy
from schemas.records import (
    Alert,
    Assignment,
    Condition,
    Evidence,
    Incident,
    Merger,
    Note,
    Opinion,
    Timer,
    Unit,
)
from schemas.snapshot import SEEN, Snapshot

R = TypeVar("R", Incident, Unit, Assignment, Alert, Condition, Merger)


class Recorded(msgspec.Struct, frozen=True):
    """What the ledger recorded of a journal entry; ``effects`` in canonical bytes."""

    offset: int
    entry_id: str
    entry_kind: str
    at: datetime
    effects: bytes


async def load_snapshot(conn: asyncpg.Connection, region: str) -> Snapshot | None:
    """Return what a core of this region starts from, None if nothing was ever applied.

    Call it inside a transaction that sees one moment (``reading``), or with the region's
    journal guard locked.
    """
    row = await conn.fetchrow(statement("snapshot.region"), region)
    if row is None:
        return None
    incidents = await _records(conn, Incident, "snapshot.incidents", region)
    remembered = {incident.id for incident in incidents}
    pairs = await conn.fetch(statement("snapshot.separations"), region)
    timers = [
        Timer(kind=timer["kind"], subject=timer["subject"], due=timer["due"])
        for timer in await conn.fetch(statement("snapshot.timers"), region)
    ]
    return Snapshot(
        region=region,
        clock=row["clock"],
        policy=None if row["policy"] is None else wire.decode(row["policy"], Policy),
        city=row["city"],
        fences=row["fences"],
        incidents=incidents,
        units=await _records(conn, Unit, "snapshot.units", region),
        assignments=await _records(conn, Assignment, "snapshot.assignments", region),
        alerts=await _records(conn, Alert, "snapshot.alerts", region),
        conditions=await _records(conn, Condition, "snapshot.conditions", region),
        timers=tuple(sorted(timers, key=lambda timer: (timer.kind, timer.subject))),
        numbers=dict(sorted(row["numbers"].items())),
        separations=tuple(
            sorted(
                {
                    (min(pair), max(pair))
                    for pair in (tuple(found) for found in pairs)
                    if set(pair) <= remembered
                }
            )
        ),
        notes=await _notes(conn, region),
        mergers=await _records(conn, Merger, "snapshot.mergers", region),
        seen=await _seen(conn, region),
    )


async def applied_offset(conn: asyncpg.Connection, region: str) -> int:
    """Return the journal offset of the last entry applied, -1 before any."""
    row = await conn.fetchrow(statement("snapshot.region"), region)
    return -1 if row is None else int(row["applied_offset"])


async def deciders(conn: asyncpg.Connection, region: str, first: int, last: int) -> dict[int, str]:
    """Return the software that applied offsets ``first`` to ``last``, by where each began.

    What was applied before ledgers kept it has none.
    """
    rows = await conn.fetch(statement("snapshot.deciders"), region, first, last)
    return {row["from_offset"]: row["software"] for row in rows}


async def first_applied_offset(conn: asyncpg.Connection, region: str) -> int | None:
    """Return the journal offset of the first entry applied, None before any.

    A ledger that is younger than its journal does not begin at offset 0.
    """
    offset: int | None = await conn.fetchval(statement("snapshot.first_applied"), region)
    return offset


async def applied_range(
    conn: asyncpg.Connection, region: str, first: int, last: int
) -> list[Recorded]:
    """Return what was recorded of the journal offsets ``first`` to ``last``, both included."""
    rows = await conn.fetch(statement("snapshot.applied_range"), region, first, last)
    return [
        Recorded(
            offset=row["journal_offset"],
            entry_id=row["entry_id"],
            entry_kind=row["entry_kind"],
            at=row["at"],
            effects=row["effects"],
        )
        for row in rows
    ]


async def _notes(conn: asyncpg.Connection, region: str) -> tuple[Note, ...]:
    """Return what the core remembers of evidence, in the order in which it was placed."""
    rows = await conn.fetch(statement("snapshot.notes"), region)
    return tuple(
        Note.of(
            wire.decode(row["record"], Evidence),
            row["incident_id"],
            None if row["opinion"] is None else wire.decode(row["opinion"], Opinion),
        )
        for row in rows
    )


async def _records(
    conn: asyncpg.Connection, kind: type[R], name: str, *arguments: object
) -> tuple[R, ...]:
    rows = await conn.fetch(statement(name), *arguments)
    records: list[R] = [wire.decode(row["record"], kind) for row in rows]
    return tuple(sorted(records, key=lambda record: record.id))


async def _seen(conn: asyncpg.Connection, region: str) -> tuple[str, ...]:
    """Return the ids of the last entries applied, oldest first.

    An entry that the relay sent twice stands in the journal twice; the core remembers it at
    its first place. Twice the number is read, so that repeats leave enough others.
    """
    rows = await conn.fetch(statement("snapshot.seen"), region, 2 * SEEN)
    return tuple(dict.fromkeys(row["entry_id"] for row in reversed(rows)))[-SEEN:]
