"""The broker's logs: the topic that an offset belongs to, and lost offsets.

A topic that is deleted and recreated has the same name, and its offsets start again. The broker's
topic id distinguishes the two: the ledger stores it, and with each offset guard the incarnation of
its topic.
"""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from infra.ledger.statements import statement


class TopicLog(NamedTuple):
    """A topic's present log.

    Attributes
    ----------
    incarnation
        0 for the first one that the ledger knows, plus one each time the topic was recreated.
    partitions
        Number of partitions when this log was first seen.
    """

    topic: str
    incarnation: int
    topic_id: str
    partitions: int
    noticed_at: datetime


class Lost(NamedTuple):
    """Offsets of a partition, both inclusive, that were deleted before they were read."""

    topic: str
    partition: int
    incarnation: int
    first: int
    last: int
    noticed_at: datetime


async def known_logs(conn: asyncpg.Connection) -> dict[str, TopicLog]:
    """Return the present log of each topic whose id is known."""
    return {row["topic"]: TopicLog(*row) for row in await conn.fetch(statement("logs.known"))}


async def note_log(
    conn: asyncpg.Connection, topic: str, incarnation: int, topic_id: str, partitions: int
) -> bool:
    """Store a topic's id; in a new incarnation, all offset guards of the topic start again.

    Returns
    -------
    bool
        Whether this call did it; another worker may have been faster.
    """
    noted = await conn.fetchval(statement("logs.note"), topic, incarnation, topic_id, partitions)
    if noted is not None and incarnation > 0:
        await conn.execute(statement("logs.begin_anew"), topic, incarnation)
        await conn.execute(statement("logs.drop_strikes"), topic)
    return noted is not None


async def note_lost(
    conn: asyncpg.Connection, group: str, part: tuple[str, int], first: int, last: int
) -> None:
    """Record that the offsets from ``first`` to ``last`` of a partition cannot be read."""
    await conn.execute(statement("logs.lose"), group, *part, first, last)


async def lost_ranges(conn: asyncpg.Connection, group: str) -> list[Lost]:
    """Return a group's lost offsets, latest first."""
    return [Lost(*row) for row in await conn.fetch(statement("logs.lost"), group)]
