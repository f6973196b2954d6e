"""Units and the city's fences: the stored state of the positions intake, and its terms.

All of it is written in the transaction that advances the offset guard of the positions' partition.
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from infra.ledger.statements import statement


class UnitFences(msgspec.Struct, frozen=True):
    """A unit's last fix with its margin in metres, and its fences, each since when."""

    unit: str
    at: datetime
    lon: float
    lat: float
    margin_m: float
    fences: tuple[str, ...]
    since: tuple[datetime, ...]


class Terms(msgspec.Struct, frozen=True):
    """The terms for a partition's positions from an offset on.

    Attributes
    ----------
    number
        1, 2, 3, ... in a partition.
    city
        Digest of the city with the fences.
    terms
        Encoded by the watch.
    until
        Fences that end by this time had been ended before the offset.
    """

    partition: int
    number: int
    from_offset: int
    city: str
    terms: bytes
    until: datetime | None = None


async def load_units(conn: asyncpg.Connection, partition: int) -> list[UnitFences]:
    """Return the stored state of the units of a partition."""
    return [
        UnitFences(
            row["unit_id"],
            row["at"],
            row["lon"],
            row["lat"],
            row["margin_m"],
            tuple(row["fences"]),
            tuple(row["since"]),
        )
        for row in await conn.fetch(statement("watch.units"), partition)
    ]


async def save_units(conn: asyncpg.Connection, partition: int, units: Sequence[UnitFences]) -> None:
    """Store the state of units, each given once."""
    # One statement: for a few rows, the round trip is the main cost.
    if units:
        await conn.execute(statement("watch.save_units"), partition, list(units))


async def last_terms(conn: asyncpg.Connection, partition: int) -> Terms | None:
    """Return the newest terms of a partition, or None."""
    row = await conn.fetchrow(statement("watch.last_terms"), partition)
    return None if row is None else Terms(*row)


async def terms_history(conn: asyncpg.Connection, partition: int) -> list[Terms]:
    """Return all terms of a partition, in order."""
    return [Terms(*row) for row in await conn.fetch(statement("watch.terms"), partition)]


async def add_terms(conn: asyncpg.Connection, terms: Terms) -> None:
    """Write new terms; they are never changed again."""
    await conn.execute(statement("watch.add_terms"), *msgspec.structs.astuple(terms))


async def watched_partitions(conn: asyncpg.Connection) -> list[int]:
    """Return the partitions that have terms."""
    return [row["partition"] for row in await conn.fetch(statement("watch.watched_partitions"))]


async def fence_names(conn: asyncpg.Connection, city: str) -> dict[str, tuple[str, str]]:
    """Return kind and name of a city's fences, by id."""
    rows = await conn.fetch(statement("watch.names"), city)
    return {row["id"]: (row["kind"], row["name"]) for row in rows}


async def refused_offsets(conn: asyncpg.Connection, topic: str, partition: int) -> set[int]:
    """Return the offsets of a partition's messages that became dead letters."""
    rows = await conn.fetch(statement("watch.refused"), topic, partition)
    return {row["record_offset"] for row in rows}
