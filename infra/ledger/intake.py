"""What intake remembers: evidence, alarm states, tracks, dead letters.

All of it is written in the transaction that advances the input partition's guard, and every
function may be called with the same rows again: what is there stays as it is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg
import msgspec

from infra.ledger.outbox import Headers, pack_headers
from infra.ledger.pool import reading, transaction
from infra.ledger.rows import columns, evidence_row, plain
from infra.ledger.statements import statement
from schemas.intake import Fix
from schemas.records import Evidence


class Source(NamedTuple):
    """Where a message stood: topic, partition and offset."""

    topic: str
    partition: int
    offset: int


class AlarmRow(msgspec.Struct, frozen=True):
    """Detection state of a datastream; ``state`` is the intake's own encoding.

    ``seen_at`` is the time of the last reading.
    """

    datastream: str
    state: bytes
    open: bool = False
    seen_at: datetime | None = None


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that could not be used, as it came, and why.

    ``error`` is the class of the error, ``reason`` its sentence, ``agent`` who gave up.
    """

    source: Source
    key: bytes | None
    value: bytes | None
    headers: Headers
    reason: str
    error: str
    agent: str
    at: datetime


async def insert_evidence(
    conn: asyncpg.Connection, region: str, evidence: Sequence[tuple[Evidence, Source]]
) -> set[str]:
    """Write evidence; return the ids of what was not there before."""
    found = [(*evidence_row(region, item), *source) for item, source in evidence]
    if not found:
        return set()
    rows = await conn.fetch(statement("intake.evidence"), *columns(found))
    return {row["id"] for row in rows}


async def load_alarms(conn: asyncpg.Connection, partition: int) -> dict[str, AlarmRow]:
    """Return the alarm states of a partition of the readings, by datastream."""
    return {
        row["datastream"]: AlarmRow(
            datastream=row["datastream"],
            state=row["state"],
            open=row["open"],
            seen_at=row["seen_at"],
        )
        for row in await conn.fetch(statement("intake.alarms"), partition)
    }


async def save_alarms(conn: asyncpg.Connection, partition: int, alarms: Sequence[AlarmRow]) -> None:
    """Write the alarm states that have changed."""
    await conn.executemany(
        statement("intake.save_alarm"),
        [(partition, item.datastream, item.open, item.seen_at, item.state) for item in alarms],
    )


async def forget_alarms(
    conn: asyncpg.Connection, partition: int, datastreams: Sequence[str]
) -> None:
    """Delete the states of calm datastreams that are not heard any more."""
    await conn.execute(statement("intake.forget_alarms"), partition, list(datastreams))


async def insert_tracks(conn: asyncpg.Connection, fixes: Sequence[Fix]) -> None:
    """Write units' tracks.

    Fixes of a day that has no partition yet go to the default one, until
    `make_track_partitions` finds them there.
    """
    await conn.executemany(
        statement("intake.track"),
        [(f.unit, f.at, f.lon, f.lat, f.accuracy_m, f.speed_mps, f.heading_deg) for f in fixes],
    )


async def make_track_partitions(source: asyncpg.Pool | asyncpg.Connection) -> int:
    """Make what partitions the days of tracks want: yesterday to tomorrow, and stray ones.

    Never called inside a batch: each day has a transaction of its own, so that no two workers
    wait for one another, and nobody at midnight.

    Returns
    -------
    int
        How many were made.

    Raises
    ------
    LedgerUnavailable
        If somebody holds the default partition for long; call it again later.
    """
    async with reading(source) as conn:
        days = await conn.fetchval(statement("intake.track_days_wanted"))
    made = 0
    for day in days or ():
        async with transaction(source) as conn:
            made += await conn.fetchval(statement("intake.make_track_partitions"), [day])
    return made


async def insert_dead_letters(
    conn: asyncpg.Connection, letters: Sequence[DeadLetter]
) -> set[Source]:
    """Write dead letters; return the places of those that were not there before."""
    rows = await conn.fetchmany(
        statement("intake.dead_letter"),
        [
            (
                *letter.source,
                letter.key,
                letter.value,
                pack_headers(letter.headers),
                plain(letter.reason),
                letter.error,
                letter.agent,
                letter.at,
            )
            for letter in letters
        ],
    )
    return {Source(row["topic"], row["partition"], row["record_offset"]) for row in rows}
