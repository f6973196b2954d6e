"""The offset guard: which message of a partition is next, kept with all that was written.

A worker locks its partitions' rows, skips messages below the next offset, writes, and
advances them in the same transaction. A zombie, a worker whose partition was given to
another, waits for the lock and then finds that there is nothing left for it to do.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import asyncpg

from infra.ledger.errors import GuardBroken
from infra.ledger.statements import statement

Part = tuple[str, int]
"""A topic and a partition of it."""


class OffsetGuard(NamedTuple):
    """Messages below ``next`` have been dealt with, in this incarnation of the topic."""

    next: int
    incarnation: int


async def lock_offsets(
    conn: asyncpg.Connection, group: str, parts: Iterable[Part]
) -> dict[Part, int]:
    """Lock the guards of these partitions until the transaction ends.

    Rows that are not there yet begin at 0. They are locked in sorted order, so that two
    workers never wait for each other.

    Returns
    -------
    dict
        The next offset by (topic, partition): messages below it have been dealt with.
    """
    return {part: found.next for part, found in (await lock(conn, group, parts)).items()}


async def lock(
    conn: asyncpg.Connection, group: str, parts: Iterable[Part]
) -> dict[Part, OffsetGuard]:
    """Lock guards as `lock_offsets` does, and tell which log of a topic they count in."""
    wanted = sorted(set(parts))
    columns = [topic for topic, _ in wanted], [partition for _, partition in wanted]
    rows = await conn.fetch(statement("guard.lock"), group, *columns)
    if len(rows) < len(wanted):
        await conn.execute(statement("guard.begin"), group, *columns)
        rows = await conn.fetch(statement("guard.lock"), group, *columns)
    return {
        (row["topic"], row["partition"]): OffsetGuard(row["next_offset"], row["incarnation"])
        for row in rows
    }


async def end_idle_holders(conn: asyncpg.Connection, waiting_pid: int, idle_s: float) -> list[int]:
    """End the connections that hold what another connection waits for, and do nothing with it.

    Kafka gives a partition to a worker when its former one no longer answers. Where that one was
    stopped in the middle of a transaction (SIGSTOP, a host that hangs), its guard stays locked.
    What it wrote is rolled back; when it goes on, it finds its connection cut and the guard taken
    over.

    Parameters
    ----------
    conn
        Another connection than the waiting one, of the same role. Holders of the same
        ``application_name`` are the process itself, and are left alone.
    waiting_pid
        PostgreSQL's process of the connection that waits for a lock.
    idle_s
        Holders that were idle in their transaction for less are left alone.

    Returns
    -------
    list
        PostgreSQL's processes that were ended.
    """
    rows = await conn.fetch(statement("guard.end_idle_holders"), waiting_pid, idle_s)
    return [row["pid"] for row in rows]


async def advance(conn: asyncpg.Connection, group: str, reached: Mapping[Part, int]) -> None:
    """Say that everything below these offsets has been dealt with.

    Raises
    ------
    GuardBroken
        If a guard is further already, or was never locked: the transaction must be given up.
    """
    parts = sorted(reached)
    rows = await conn.fetch(
        statement("guard.advance"),
        group,
        [topic for topic, _ in parts],
        [partition for _, partition in parts],
        [reached[part] for part in parts],
    )
    advanced = {(row["topic"], row["partition"]) for row in rows}
    for topic, partition in parts:
        if (topic, partition) not in advanced:
            raise GuardBroken(
                f"{topic} partition {partition} is past offset {reached[topic, partition]} for "
                f"group {group!r}, or its guard was not locked: another worker has taken it over, "
                "give this batch up"
            )


async def of_topic(conn: asyncpg.Connection, group: str, topic: str) -> dict[int, int]:
    """Return a group's next offsets of a topic by partition, without a lock."""
    rows = await conn.fetch(statement("guard.of_topic"), group, topic)
    return {row["partition"]: row["next_offset"] for row in rows}


async def workers(conn: asyncpg.Connection, prefix: str) -> set[str]:
    """Return the names of the sessions of this user in this database that begin so."""
    rows = await conn.fetch(statement("guard.workers"), prefix)
    return {row["application_name"] for row in rows}


async def retire(conn: asyncpg.Connection, group: str, topic: str) -> None:
    """Note that nobody of a group reads a topic any more; how far it was read stays on record."""
    await conn.execute(statement("guard.retire"), group, topic)
