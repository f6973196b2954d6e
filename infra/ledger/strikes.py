"""Strikes: messages that failed alone, by an error that nobody expected.

They outlive the worker, so that a message is set aside only after it has failed in several starts.
"""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

import asyncpg

from infra.ledger.statements import statement


class Place(NamedTuple):
    """A message for a consumer group."""

    group: str
    topic: str
    partition: int
    offset: int


async def strike(conn: asyncpg.Connection, place: Place, start: UUID, error: str) -> int:
    """Count a failure of a message; return in how many starts it has failed.

    Parameters
    ----------
    start
        Names the start of the worker: failures in the same one count once.
    """
    return int(await conn.fetchval(statement("strikes.strike"), *place, start, error))


async def open_strikes(conn: asyncpg.Connection, group: str, part: tuple[str, int]) -> set[int]:
    """Return the offsets of a partition's messages that failed and are not dealt with."""
    return {row[0] for row in await conn.fetch(statement("strikes.open"), group, *part)}


async def clear(
    conn: asyncpg.Connection, group: str, part: tuple[str, int], offsets: Collection[int]
) -> None:
    """Forget the strikes of messages that have passed after all."""
    await conn.execute(statement("strikes.clear"), group, *part, sorted(offsets))


async def set_aside(conn: asyncpg.Connection, place: Place) -> None:
    """Note that a message becomes a dead letter, and how far its group is in its topic."""
    passed = await conn.fetchval(statement("strikes.passed"), place.group, place.topic)
    await conn.execute(statement("strikes.set_aside"), *place, passed)


async def passed_since(conn: asyncpg.Connection, group: str, topic: str, latest: int) -> int | None:
    """Return how many messages the group has passed since it set the ``latest``-th last one aside.

    None when it has not set so many aside; a number below 0 says that the topic was made anew.
    """
    rows = await conn.fetch(statement("strikes.latest"), group, topic, latest)
    if len(rows) < latest:
        return None
    return int(await conn.fetchval(statement("strikes.passed"), group, topic)) - int(rows[-1][0])
