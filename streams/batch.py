"""Batches: every message is dealt with, in order, and one that is bad costs itself only.

A batch goes into the ledger by transactions (`streams.transactions`). A message that cannot be
handled costs itself only: the batch is halved until it stands alone; see `streams.suspects` for
what becomes of it. A fault of the environment is no message's: it ends the worker
(`streams.faults`).
"""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from contextlib import suppress

import asyncpg

from infra.ledger import transaction
from infra.ledger.errors import LedgerError, LedgerUnavailable
from streams.backlog import FEW, Backlog
from streams.exits import Exit, die
from streams.faults import ending
from streams.handler import Act, Handler
from streams.lanes import Lanes
from streams.messages import Record
from streams.metrics import Metrics
from streams.pulse import Pulse
from streams.relay import Relay
from streams.suspects import Failed, Suspects
from streams.transactions import Transactions, cause_of
from streams.turns import Turns

log = logging.getLogger(__name__)

_GIVE_WAY_S = 1.0
"""A portion of reports waits so long for the core at the most."""
_LOOK_AGAIN_S = 0.02
_LOOKS = 50
"""After so many looks other tasks get their turn."""
_LAST_WORDS_S = 5.0
"""What is owed to Kafka at the end of a worker is waited for so long."""


class Processor:
    """Runs a handler over batches of its topic.

    Parameters
    ----------
    handler
        What to do with a message.
    group
        The consumer group, which names the guards.
    turns
        Shared by the processors of a worker: who goes first.
    incarnation
        Of the topic, as the worker found it at its start; see `infra.ledger.logs`.
    backlog
        For a handler that hurries: the journal, which it does not fill beyond a little.

    Attributes
    ----------
    pulse : Pulse
        Its signs of life.
    done : dict of int to int
        By partition, the offset after the last message that is ready to be acknowledged.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        group: str,
        pool: asyncpg.Pool,
        relay: Relay,
        metrics: Metrics,
        turns: Turns | None = None,
        incarnation: int = 0,
        backlog: Backlog | None = None,
    ) -> None:
        self.handler = handler
        self.pulse = Pulse()
        self.done: dict[int, int] = {}
        self._pool = pool
        self._turns = turns or Turns()
        self._lanes = Lanes(handler.topic.name, relay)
        self._ledger = Transactions(
            handler,
            group=group,
            pool=pool,
            lanes=self._lanes,
            pulse=self.pulse,
            metrics=metrics,
            incarnation=incarnation,
        )
        self._lock = asyncio.Lock()
        self._suspects = Suspects(group)
        self._batch: Sequence[Record] = ()
        self._backlog = backlog
        self._urgent: list[Record] = []
        self._came = asyncio.Event()

    @property
    def reached(self) -> dict[int, int]:
        """By adopted partition, the next offset as this worker last saw or left it."""
        return self._ledger.reached

    def lanes(self, partition: int) -> tuple[str, str]:
        """Return the outbox lanes of a partition; see `streams.lanes`."""
        return self._lanes.names(partition)

    async def process(self, messages: Sequence[Record]) -> None:
        """Deal with messages, each partition's in order.

        Returns when all is in the ledger; what is owed to Kafka may still be on its way.
        """
        pulse = self.pulse
        pulse.busy = True
        pulse.strike()
        self._batch = left = messages
        try:
            while left:
                if self.handler.hurries:
                    await self._see_to_urgent(left)
                async with self._turns.of(self.handler), self._lock:
                    left = await self._divide(left)  # the caretaker gets its turn between slices
            self.done.update({message.partition: message.offset + 1 for message in messages})
            self._urgent = [
                one for one in self._urgent if one.offset >= self.done.get(one.partition, 0)
            ]
        except BaseException:
            self._ledger.owed.update({message.partition: message.offset for message in messages})
            raise
        finally:
            pulse.busy = False

    async def expect(self, messages: Sequence[Record]) -> None:
        """Look at messages as they come, for those that are not to wait for their turn."""
        for number, message in enumerate(messages, 1):
            if self.handler.is_urgent(message):
                self._urgent.append(message)
                self._came.set()
            if number % _LOOKS == 0:
                await asyncio.sleep(0)

    async def sent(self) -> None:
        """Wait until all that is owed to Kafka is acknowledged there, or refused for good."""
        await self._lanes.sent()

    async def close(self) -> None:
        """Send what is on its way, as far as that takes no longer than a moment."""
        try:
            await asyncio.wait_for(self._lanes.sent(), _LAST_WORDS_S)
        except TimeoutError:
            self._lanes.stop()

    async def adopt(self, partition: int) -> None:
        """Take over a partition before a message of it comes: load its memory, drain its lanes."""
        async with self._lock:
            await self._ledger.adopt(partition)

    async def skip(self, partition: int, since: int, to: int) -> None:
        """Advance a guard from ``since`` over offsets that hold no message, unless it has moved."""
        async with self._lock:
            await self._ledger.skip(partition, since, to)

    async def disown(self, partitions: Collection[int]) -> None:
        """Forget what is remembered of partitions that another worker has now."""
        async with self._lock:
            self._ledger.forget(partitions)
            for partition in partitions:
                self.done.pop(partition, None)

    async def drain(self, partition: int) -> None:
        """Send what waits in a partition's lanes, unless it is on its way."""
        async with self._lock:
            if self._lanes.idle:
                await self._lanes.drain(partition)

    async def tend(self, partition: int, act: Act) -> None:
        """Do something for a partition without a message, under its guard and in its lane.

        Does nothing where this worker's memory of the partition is not that of the ledger.

        Raises
        ------
        LedgerError
            As the ledger's functions do; the partition's memory is thrown away.
        """
        async with self._lock:
            await self._ledger.tend(partition, act)

    async def _see_to_urgent(self, left: Sequence[Record]) -> None:
        """Bring forward what is urgent and waits behind others, while the core has enough to do.

        The core gets no more than it takes in a moment: it can overtake nothing. For a moment
        only, so that a core that stands still holds no report up for good.
        """
        until = time.monotonic() + _GIVE_WAY_S
        soon = {(message.partition, message.offset) for message in left[: self.handler.portion]}
        while True:
            self.pulse.strike()
            self._came.clear()
            came, self._urgent = self._urgent, []
            far = [one for one in came if (one.partition, one.offset) not in soon]
            if far:
                await self._hurry(far)
            if time.monotonic() >= until or not await self._has_enough():
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), _LOOK_AGAIN_S)

    async def _hurry(self, messages: Sequence[Record]) -> None:
        """Write what messages ask for, or leave it for their turn, in which it is told why not."""
        try:
            async with self._turns.of(self.handler), self._lock:
                for partition in sorted({message.partition for message in messages}):
                    await self._ledger.adopt(partition)
                await self._ledger.hurry(messages)
        except Exception as caught:  # noqa: BLE001 - as for a batch
            error = cause_of(caught)
            if not isinstance(error, LedgerError):
                self._end_if_not_the_messages(error)
            log.warning("%s: what is urgent waits for its turn: %s", self.handler.name, error)

    async def _has_enough(self) -> bool:
        """Whether the core has enough to do; not, where that is not known."""
        if self._backlog is None:
            return False
        try:
            return await self._backlog.waiting() > FEW
        except LedgerError:
            return False

    async def _divide(self, messages: Sequence[Record]) -> list[Record]:
        """Deal with messages for as long as a slice takes; return those that are left."""
        try:
            return await self._ledger.persist(messages)
        except Exception as caught:  # noqa: BLE001 - one bad message must not stop the good ones
            error = cause_of(caught)
            self._end_if_not_the_messages(error)
            if len(messages) == 1:
                await self._fails_alone(messages[0], error)
                return []
        middle = len(messages) // 2
        left = await self._divide(messages[:middle])
        return [*left, *messages[middle:]] if left else await self._divide(messages[middle:])

    def _end_if_not_the_messages(self, error: Exception) -> None:
        code = ending(error)
        if code is not None:
            log.error("%s has met a fault", self.handler.name, exc_info=error)
            die(
                code,
                "%s: %s: %s; no message is at fault, and nothing of this batch is kept",
                *(self.handler.name, type(error).__name__, error),
            )

    async def _fails_alone(self, message: Record, error: Exception) -> None:
        """Set a message aside that fails alone, unless it is too soon or the worker is broken."""
        log.error(
            "%s: %s/%d/%d failed unexpectedly",
            *(self.handler.name, message.topic, message.partition, message.offset),
            exc_info=error,
        )
        others = [other for other in self._batch if self._is_behind(other, message)]
        tried, too = await self._suspects.try_others(others, self._try)
        await self._ledger.insist(lambda: self._judge((message, error), tried, too))
        letter = self._ledger.letter(message, type(error).__name__, str(error))
        await self._ledger.persist([message], buried=letter)

    def _is_behind(self, other: Record, message: Record) -> bool:
        """Whether a message of the batch comes after one, or is of another partition and waits."""
        if other.partition == message.partition:
            return other.offset > message.offset
        return other.offset >= self.reached.get(other.partition, 0)

    async def _try(self, message: Record) -> Exception | None:
        error = await self._ledger.try_alone(message)
        if error is None:
            return None
        self._end_if_not_the_messages(error)
        return None if isinstance(error, LedgerUnavailable) else error

    async def _judge(self, failed: Failed, tried: int, too: Sequence[Failed]) -> None:
        async with transaction(self._pool) as conn:
            verdict = await self._suspects.judge(conn, failed, tried, too)
        if verdict is not None:
            die(Exit.DEFECT, "%s: %s", self.handler.name, verdict)
