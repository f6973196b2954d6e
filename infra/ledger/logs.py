"""The broker's logs: which topic an offset counts in, and which offsets were lost.

A topic that is deleted and made anew has the same name and offsets that begin again. The broker's
id of a topic tells them apart: the ledger keeps it, and with each fence the incarnation of the
topic that it counts in.
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
        0 for the one that the ledger met first, one more each time it was made anew.
    partitions
        How many there were when this log was first met.
    """

    topic: str
    incarnation: int
    topic_id: str
    partitions: int
    noticed_at: datetime


class Lost(NamedTuple):
    """Offsets of a partition, both included, that were deleted before they were read."""

    topic: str
    partition: int
    incarnation: int
    first: int
    last: int
    noticed_at: datetime


async def known_logs(conn: asyncpg.Connection) -> dict[str, TopicLog]:
    """Return the present log of each topic whose id the broker has told."""
    return {row["topic"]: TopicLog(*row) for row in await conn.fetch(statement("logs.known"))}


async def note_log(
    conn: asyncpg.Connection, topic: str, incarnation: int, topic_id: str, partitions: int
) -> bool:
    """Keep a topic's id; all fences of the topic begin anew in a later incarnation.

    Returns
    -------
    bool
        Whether it was this call that did it; another worker may have been faster.
    """
    noted = await conn.fetchval(statement("logs.note"), topic, incarnation, topic_id, partitions)
    if noted is not None and incarnation > 0:
        await conn.execute(statement("logs.begin_anew"), topic, incarnation)
        await conn.execute(statement("logs.drop_strikes"), topic)
    return noted is not None


async def note_lost(
    conn: asyncpg.Connection, group: str, part: tuple[str, int], first: int, last: int
) -> None:
    """Write down that the offsets from ``first`` to ``last`` of a partition cannot be read."""
    await conn.execute(statement("logs.lose"), group, *part, first, last)


async def lost_ranges(conn: asyncpg.Connection, group: str) -> list[Lost]:
    """Return what a group has lost, the latest first."""
    return [Lost(*row) for row in await conn.fetch(statement("logs.lost"), group)]
