"""The outbox relay: what a transaction owes to Kafka, sent right after it, in order.

Rows of a lane are sent in the order of their ids. A row is deleted only after the broker has
acknowledged it, so a crash sends some again and loses none; receivers drop repeats by id.
A row that the broker refuses for good is set aside in the ledger: waiting would hold up all
that is behind it, and starting again would not help.
"""

import asyncio
import logging
from collections.abc import Sequence

import asyncpg
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownError,
    UnknownTopicOrPartitionError,
)

from infra.ledger import outbox, transaction
from infra.ledger.errors import LedgerUnavailable
from infra.ledger.outbox import Message
from schemas import codes, topics
from streams.producer import Producer

log = logging.getLogger(__name__)

Row = tuple[int, Message]

_DRAIN_ROWS = 1_000
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_FORGET_AFTER_S = 0.2
_FINAL = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTopicError)
_STRANGE_TRIES = 5
"""Answers that aiokafka has no name for, such as an invalid record, are final after so many."""


class Relay:
    """Sends outbox rows of this worker's lanes.

    Callers see to it that a lane has one sender at a time: the processor of its topic, which
    holds its own lock.
    """

    def __init__(self, pool: asyncpg.Pool, producer: Producer) -> None:
        self._pool = pool
        self._producer = producer
        self._sent: set[int] = set()
        self._own = {topic.name for topic in topics.all_topics(tuple(codes.departments()))}
        self._wake = asyncio.Event()

    async def send(self, rows: Sequence[Row]) -> None:
        """Send rows in order; return when the broker has acknowledged or refused all for good.

        Never gives up on a row that might still be sent.
        """
        pause, strange, alone = _FIRST_PAUSE_S, 0, False
        rows = [row for row in rows if row[0] not in self._sent]
        while rows:
            try:
                now = rows[:1] if alone else rows
                done = await self._producer.send_all([message for _, message in now])
            except KafkaError as error:  # the first row's
                strange = strange + 1 if isinstance(error, UnknownError) else 0
                if self._is_final(rows[0][1].topic, error, strange):
                    if len(now) > 1:  # it may have been refused for those it was packed with
                        alone = True
                        continue
                    await self._set_aside(rows[0], error)
                    rows, pause, strange, alone = rows[1:], _FIRST_PAUSE_S, 0, False
                    continue
                log.warning("relay: broker refuses (%s), again in %.1f s", error, pause)
                done = 0
                await self._producer.renew()
            self._sent.update(row_id for row_id, _ in rows[:done])
            rows = rows[done:]
            self._wake.set()
            if done:
                pause, strange, alone = _FIRST_PAUSE_S, 0, False
            elif rows:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _is_final(self, topic: str, error: KafkaError, strange: int) -> bool:
        """Whether the broker would answer the same again for good."""
        if isinstance(error, UnknownTopicOrPartitionError):
            # Our own topics are made again by the next start; until then their rows wait.
            return topic not in self._own
        return isinstance(error, _FINAL) or (strange >= _STRANGE_TRIES and topic not in self._own)

    async def _set_aside(self, row: Row, error: KafkaError) -> None:
        """Take a row out of the outbox, waiting for as long as the ledger cannot be reached."""
        row_id, message = row
        if isinstance(error, UnknownTopicOrPartitionError):
            reason = f"the broker has no topic {message.topic!r}: make it, or mend the subscription"
        else:
            reason = f"{type(error).__name__}: {error}"
            await self._producer.renew()  # an idempotent producer may be at its end
        log.error("relay: outbox row %d is set aside: %s", row_id, reason)
        pause = _FIRST_PAUSE_S
        while True:
            try:
                async with transaction(self._pool) as conn:
                    await outbox.refuse(conn, row_id, reason)
            except LedgerUnavailable as unavailable:
                log.warning("relay: %s; again in %.1f s", unavailable, pause)
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def drain(self, *lanes: str) -> set[int]:
        """Send all that lanes still hold, as after a crash; return the ids of the rows."""
        async with transaction(self._pool) as conn:
            held = await outbox.holding(conn, lanes)
        drained: set[int] = set()
        for lane in lanes:
            if lane in held:
                drained |= await self._drain(lane)
        return drained

    async def _drain(self, lane: str) -> set[int]:
        drained: set[int] = set()
        while True:
            await self.forget_sent()
            async with transaction(self._pool) as conn:
                rows = await outbox.unsent(conn, lane, _DRAIN_ROWS)
            if not rows:
                return drained
            await self.send(rows)
            drained.update(row_id for row_id, _ in rows)

    async def forget_sent(self) -> None:
        """Delete from the outbox what the broker has acknowledged."""
        sent = sorted(self._sent)
        if sent:
            async with transaction(self._pool) as conn:
                await outbox.mark_sent(conn, sent)
            self._sent.difference_update(sent)

    async def close(self) -> None:
        """Delete what was acknowledged last, so that the next worker does not send it again."""
        try:
            await self.forget_sent()
        except LedgerUnavailable as error:
            log.warning("relay: %s; the latest messages will be sent again", error)

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
