"""How far the core is behind: entries that were journaled and wait to be applied.

The journal has one order, so what stands in it cannot be overtaken. Reports therefore go into it
no faster than the core takes them out, and a grave one that comes meanwhile has few before it.
"""

from collections.abc import Callable

import asyncpg

from infra.ledger import guard, reading
from schemas import topics
from streams.producer import Producer

FEW = 100
"""So many entries may wait: the core takes half a second for them."""


class Backlog:
    """The entries that this worker has written to a region's journal.

    Parameters
    ----------
    group
        The consumer group, which names the guards.
    home
        The partition in which the journal lies.
    applied
        The journal's next offset, where this worker is the one that applies it; None elsewhere.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        producer: Producer,
        *,
        group: str,
        home: int,
        applied: Callable[[], int | None],
    ) -> None:
        self._pool = pool
        self._producer = producer
        self._group = group
        self._home = home
        self._applied = applied

    async def waiting(self) -> int:
        """Return about how many entries wait.

        Raises
        ------
        LedgerError
            As the ledger's functions do.
        """
        written = self._producer.journaled.get(self._home, 0)
        applied = self._applied()
        if applied is None:
            async with reading(self._pool) as conn:
                guards = await guard.of_topic(conn, self._group, topics.JOURNAL.name)
            applied = guards.get(self._home, 0)
        return max(0, written - applied)
