"""The outbox relay: what a transaction owes to Kafka, sent right after it, in order.

Rows of a lane are sent in the order of their ids. A row is deleted only after the broker has
acknowledged it, so a crash sends some again and loses none; receivers drop repeats by id.
"""

import asyncio
import logging
from collections.abc import Sequence

import asyncpg
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from infra.ledger import outbox, transaction
from infra.ledger.errors import LedgerUnavailable
from infra.ledger.outbox import Message
from streams.exits import Exit, die
from streams.producer import Producer

log = logging.getLogger(__name__)

Row = tuple[int, Message]

_DRAIN_ROWS = 1_000
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_FORGET_AFTER_S = 0.2


class Relay:
    """Sends outbox rows of this worker's lanes.

    Callers see to it that a lane has one sender at a time: the processor of its topic, which
    holds its own lock.
    """

    def __init__(self, pool: asyncpg.Pool, producer: Producer) -> None:
        self._pool = pool
        self._producer = producer
        self._sent: set[int] = set()
        self._wake = asyncio.Event()

    async def send(self, rows: Sequence[Row]) -> None:
        """Send rows in order; return when the broker has acknowledged all. Never gives up."""
        pause = _FIRST_PAUSE_S
        rows = [row for row in rows if row[0] not in self._sent]
        while rows:
            try:
                done = await self._producer.send_all([message for _, message in rows])
            except MessageSizeTooLargeError as error:
                ids = f"{rows[0][0]} to {rows[-1][0]}"
                die(Exit.DEFECT, "relay: a message of outbox rows %s is too large: %s", ids, error)
            except KafkaError as error:
                log.warning("relay: broker refuses (%s), again in %.1f s", error, pause)
                done = 0
                await self._producer.renew()
            self._sent.update(row_id for row_id, _ in rows[:done])
            rows = rows[done:]
            self._wake.set()
            if rows:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def drain(self, lane: str) -> int:
        """Send all that a lane still holds, as after a crash; return how many rows it was."""
        count = 0
        while True:
            await self.forget_sent()
            async with transaction(self._pool) as conn:
                rows = await outbox.unsent(conn, lane, _DRAIN_ROWS)
            if not rows:
                return count
            await self.send(rows)
            count += len(rows)

    async def forget_sent(self) -> None:
        """Delete from the outbox what the broker has acknowledged."""
        sent = sorted(self._sent)
        if sent:
            async with transaction(self._pool) as conn:
                await outbox.mark_sent(conn, sent)
            self._sent.difference_update(sent)

    async def run(self) -> None:
        """Delete acknowledged rows from time to time, off the fast path."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(_FORGET_AFTER_S)
            self._wake.clear()
            try:
                await self.forget_sent()
            except LedgerUnavailable as error:
                log.warning("relay: %s", error)
                self._wake.set()
                await asyncio.sleep(_FIRST_PAUSE_S)
