"""Journal entries that a worker set aside: a replay must skip them, too."""

import asyncpg

from infra.ledger.statements import statement


async def buried_offsets(
    conn: asyncpg.Connection, region: str, topic: str, partition: int
) -> set[int]:
    """Return the offsets of a journal's dead letters that this region's core never applied."""
    rows = await conn.fetch(statement("buried.offsets"), region, topic, partition)
    return {row["record_offset"] for row in rows}
