"""Strikes: messages that failed alone with an unexpected error.

They are stored, so that a message is set aside only after it has failed in several starts.
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
        Id of the worker's start: failures in the same start count once.
    """
    return int(await conn.fetchval(statement("strikes.strike"), *place, start, error))


async def open_strikes(conn: asyncpg.Connection, group: str, part: tuple[str, int]) -> set[int]:
    """Return the offsets of a partition's failed messages that are neither passed nor set aside."""
    return {row[0] for row in await conn.fetch(statement("strikes.open"), group, *part)}


async def clear(
    conn: asyncpg.Connection, group: str, part: tuple[str, int], offsets: Collection[int]
) -> None:
    """Delete the strikes of messages that have passed after all."""
    await conn.execute(statement("strikes.clear"), group, *part, sorted(offsets))


async def set_aside(conn: asyncpg.Connection, place: Place) -> None:
    """Record that a message becomes a dead letter, and its group's progress in the topic."""
    passed = await conn.fetchval(statement("strikes.passed"), place.group, place.topic)
    await conn.execute(statement("strikes.set_aside"), *place, passed)


async def passed_since(conn: asyncpg.Connection, group: str, topic: str, latest: int) -> int | None:
    """Return how many messages the group has passed since it set the ``latest``-th last one aside.

    None if it has not set that many aside; a negative number means that the topic was recreated.
    """
    rows = await conn.fetch(statement("strikes.latest"), group, topic, latest)
    if len(rows) < latest:
        return None
    return int(await conn.fetchval(statement("strikes.passed"), group, topic)) - int(rows[-1][0])
