"""Who sends what, and how far each one's clock is off: what the intake noticed.

Nothing is decided by it. It is written in the transaction that advances the input partition's
guard.
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from infra.ledger.rows import plain
from infra.ledger.statements import statement


class SourceClock(msgspec.Struct, kw_only=True):
    """What is known of a source.

    Attributes
    ----------
    messages, refused
        How many could be read, and how many of these became dead letters.
    not_newer
        Readings and positions whose time is not after one that came before: repeats, those that
        were overtaken, and all that come from a clock that was set back.
    last_arrival
        By the broker's clock.
    skew_s
        Seconds by which its times are ahead of their arrival: the median of the latest. None
        where its messages say no time.
    worst_s
        That of the message that was farthest off.
    steps
        How often the skew has changed for good.
    """

    source: str
    last_arrival: datetime
    messages: int = 0
    refused: int = 0
    not_newer: int = 0
    skew_s: float | None = None
    worst_s: float | None = None
    steps: int = 0


class Source(SourceClock, kw_only=True):
    """What is known of a source on a topic, all partitions together."""

    topic: str


async def load_sources(conn: asyncpg.Connection, topic: str, partition: int) -> list[SourceClock]:
    """Return what is known of a partition's sources, by name."""
    rows = await conn.fetch(statement("sources.load"), topic, partition)
    return [SourceClock(**row) for row in rows]


async def save_sources(
    conn: asyncpg.Connection, topic: str, partition: int, sources: Sequence[SourceClock]
) -> None:
    """Write what is known of some sources."""
    await conn.executemany(
        statement("sources.save"),
        [
            (
                topic,
                partition,
                plain(one.source),
                one.messages,
                one.refused,
                one.not_newer,
                one.last_arrival,
                one.skew_s,
                one.worst_s,
                one.steps,
            )
            for one in sorted(sources, key=lambda one: one.source)
        ],
    )


async def forget_sources(
    conn: asyncpg.Connection, topic: str, partition: int, names: Sequence[str]
) -> None:
    """Delete what is known of some sources."""
    await conn.execute(statement("sources.forget"), topic, partition, list(names))


async def list_sources(conn: asyncpg.Connection) -> list[Source]:
    """Return all sources, by name and topic; the skew is that of the latest arrival."""
    return [Source(**row) for row in await conn.fetch(statement("sources.all"))]
