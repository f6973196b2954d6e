"""Guards locked, also where a worker that had them before stands still in a transaction.

Kafka gives a partition to another worker when its former one no longer answers. If that one was
stopped in mid-transaction (SIGSTOP, a host that hangs), it still holds the guard's row in the
ledger. A held lock is no lost database: the holder's connection is ended, which undoes what it
wrote, and it finds out when it goes on.
"""

import asyncio
import logging
from collections.abc import Sequence

import asyncpg

from infra.ledger import guard, transaction
from infra.ledger.errors import LedgerUnavailable
from infra.ledger.guard import OffsetGuard, Part

log = logging.getLogger(__name__)

HELD_S = 3.0
"""So long a guard is waited for before its holder is ended, if that one was idle all the time:
longer than a slice of another worker's batch."""
_PAUSE_S = 1.0


async def lock(
    conn: asyncpg.Connection, pool: asyncpg.Pool, group: str, parts: Sequence[Part]
) -> dict[Part, OffsetGuard]:
    """Lock guards until the transaction of ``conn`` ends.

    Parameters
    ----------
    conn
        A connection of ``pool``, in a transaction.
    pool
        Gives a second connection if one is needed.

    Raises
    ------
    LedgerError
        As the ledger's functions do.
    """
    locking = asyncio.ensure_future(guard.lock(conn, group, parts))
    try:
        while not (await asyncio.wait((locking,), timeout=HELD_S))[0]:
            await _end_idle_holders(conn, pool, parts)
        return locking.result()
    finally:
        if not locking.done():
            locking.cancel()
            await asyncio.wait((locking,))


async def _end_idle_holders(
    conn: asyncpg.Connection, pool: asyncpg.Pool, parts: Sequence[Part]
) -> None:
    try:
        async with asyncio.timeout(HELD_S), transaction(pool) as other:
            ended = await guard.end_idle_holders(other, conn.get_server_pid(), HELD_S)
    except TimeoutError:
        return  # no second connection is to be had: the lock's own time limit holds
    if ended:
        log.warning(
            "%s: another worker of the group stands still in a transaction: ended its connection "
            "to the ledger",
            ", ".join(f"{topic}/{partition}" for topic, partition in parts),
        )


async def next_offsets(pool: asyncpg.Pool, group: str, parts: Sequence[Part]) -> dict[Part, int]:
    """Return the next offset of each partition, when nobody writes it; wait for the ledger."""
    while True:
        try:
            async with transaction(pool) as conn:
                guards = await lock(conn, pool, group, parts)
        except LedgerUnavailable as error:
            log.warning("%s; again in %.0f s", error, _PAUSE_S)
            await asyncio.sleep(_PAUSE_S)
        else:
            return {part: found.next for part, found in guards.items()}
