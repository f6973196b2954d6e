"""What of the ledger is older than it is to be kept: counted, and deleted in small transactions.

Never of an incident that is open, that the core knows, or that was merged with such a one. Each
batch is a transaction of its own, so a run that is stopped goes on where it was.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

import asyncpg
import msgspec

from infra.archive import ERASED, Place
from infra.ledger import erasure
from infra.ledger.pool import reading, transaction
from infra.ledger.statements import statement
from schemas import topics, wire
from schemas.records import Evidence

_BATCH = 500
_ROWS = 10_000
_DAY_LOCK = "SET LOCAL lock_timeout = '2s'"


class Old(NamedTuple):
    """How many rows are too old, and the oldest one's time."""

    rows: int
    oldest: datetime | None


async def plan(conn: asyncpg.Connection, name: str, before: datetime) -> Old:
    """Return what would go."""
    row = await conn.fetchrow(statement(f"retention.{name}_plan"), before)
    return Old(*row)


async def run(conn: asyncpg.Connection, name: str, before: datetime) -> AsyncIterator[int]:
    """Delete what is too old; yield how many rows each transaction has deleted or emptied.

    ``conn`` is the owner's, outside a transaction.
    """
    if name == "unit_track":
        async for count in _days(conn, before):
            yield count
    work = _SPECIAL.get(name, _simple(name))
    while True:
        async with transaction(conn) as tx:
            count = await work(tx, before)
        if not count:
            return
        yield count


Work = Callable[[asyncpg.Connection, datetime], Awaitable[int]]


def _simple(name: str) -> Work:
    async def work(tx: asyncpg.Connection, before: datetime) -> int:
        done: str = await tx.execute(statement(f"retention.{name}_delete"), before, _ROWS)
        return int(done.rpartition(" ")[2])

    return work


async def _incidents(tx: asyncpg.Connection, before: datetime) -> int:
    ids = await _ids(tx, "incident", before)
    rows = await tx.fetch(statement("retention.evidence_of"), ids, [])
    await _note_texts(tx, rows)
    await tx.execute(statement("retention.delete_evidence"), [row["id"] for row in rows])
    await tx.execute(statement("retention.allow"))
    await tx.execute(statement("retention.delete_incidents"), ids)
    return len(ids)


async def _evidence(tx: asyncpg.Connection, before: datetime) -> int:
    ids = await _ids(tx, "evidence", before)
    await _note_texts(tx, await tx.fetch(statement("retention.evidence_of"), [], ids))
    await tx.execute(statement("retention.delete_evidence"), ids)
    return len(ids)


async def _texts(tx: asyncpg.Connection, before: datetime) -> int:
    ids = await _ids(tx, "text", before)
    await _note_texts(tx, await tx.fetch(statement("retention.evidence_of"), [], ids))
    for row in await tx.fetch(statement("erasure.records"), ids, ERASED):
        evidence: Evidence = wire.decode(row["record"], Evidence)
        record = wire.encode(msgspec.structs.replace(evidence, text=ERASED))
        await tx.execute(statement("erasure.blank"), row["id"], ERASED, record)
    return len(ids)


async def _contacts(tx: asyncpg.Connection, before: datetime) -> int:
    rows = await tx.fetch(statement("retention.contact_batch"), before, _BATCH)
    refs = [row["ref"] for row in rows]
    await tx.execute(statement("erasure.shred"), refs)
    await tx.execute(statement("erasure.empty"), refs)
    return len(refs)


_SPECIAL: dict[str, Work] = {
    "incident": _incidents,
    "evidence": _evidence,
    "text": _texts,
    "contact": _contacts,
}


async def _ids(tx: asyncpg.Connection, name: str, before: datetime) -> list[str]:
    rows = await tx.fetch(statement(f"retention.{name}_batch"), before, _BATCH)
    return [row["id"] for row in rows]


async def _note_texts(tx: asyncpg.Connection, rows: list[asyncpg.Record]) -> None:
    """Note where the archive's journal has the words of reports that go; it loses them next."""
    told = [row for row in rows if row["source"] == "report" and row["text"] != ERASED]
    if not told:
        return
    places = [
        Place(topic=topics.JOURNAL.name, partition=None, offset=offset, evidence=row["id"])
        for row in told
        if (offset := row["placed_offset"]) is not None
    ]
    gone = erasure.Gone(reporters=[], evidence=[row["id"] for row in told], places=places)
    await erasure.note(tx, gone)


async def _days(conn: asyncpg.Connection, before: datetime) -> AsyncIterator[int]:
    """Drop whole days of tracks, each in a transaction that waits for nobody for long."""
    async with reading(conn) as tx:
        days = [
            row["name"] for row in await tx.fetch(statement("retention.unit_track_days"), before)
        ]
    for day in days:
        async with transaction(conn) as tx:
            await tx.execute(_DAY_LOCK)
            count: int = await tx.fetchval(f"SELECT count(*) FROM {day}")  # noqa: S608 - of pg_class
            await tx.execute(f"DROP TABLE {day}")
        yield count
