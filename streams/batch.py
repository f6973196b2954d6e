"""One batch, one transaction: how every agent deals with its messages.

::

    lock the fences ─> skip what was dealt with ─> handle each message ─> write all
        ─> advance the fences ─> commit ─> relay ─> (the caller acknowledges, in order)

Whatever fails before the commit leaves no trace: the handler's memory of the partition is
thrown away and loaded again from the ledger. A database that cannot serve is waited for. A
message that cannot be handled costs itself only: the batch is halved until it stands alone.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import asyncpg

from infra.ledger import fence, intake, outbox, transaction
from infra.ledger.errors import (
    FenceBroken,
    LedgerRefused,
    LedgerUnavailable,
    SchemaTooNew,
    SchemaTooOld,
)
from infra.ledger.intake import DeadLetter
from infra.ledger.outbox import Message
from schemas.topics import Topic
from streams.dead_letters import dead_letter, to_dead_letter_topic
from streams.errors import BadInput
from streams.exits import Exit, die
from streams.messages import Received
from streams.metrics import Metrics
from streams.relay import Relay, Row

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
MAX_STRIKES = 100
"""So many unexpected failures in a row are no poisoned messages but a poisoned worker."""


Act = Callable[[asyncpg.Connection], Awaitable[list[Message]]]
"""Writes something for a partition and returns what to publish."""


class Handler(Protocol):
    """What an agent knows and does; one a topic.

    ``bulk`` says that its messages are many and small: they wait longer for company.
    """

    name: str
    topic: Topic
    bulk: bool

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Bring the memory of a partition to where the ledger stands."""

    def forget(self, partition: int) -> None:
        """Throw away the memory of a partition and all that was not written."""

    def handle(self, message: Received) -> None:
        """Take in one message, or raise `BadInput` and leave memory as it was."""

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write what the messages since the last call asked for; return what to publish."""


class Processor:
    """Runs a handler over batches of its topic.

    Parameters
    ----------
    handler
        What to do with a message.
    group
        The consumer group, which names the fences.

    Attributes
    ----------
    reached : dict of int to int
        By partition, the next offset as this worker last saw or left it. A partition that is
        not there is not adopted: its lane may hold what goes first.
    beat : float
        ``time.monotonic()`` of the last sign of life: a commit, or a try while waiting.
    """

    def __init__(
        self, handler: Handler, *, group: str, pool: asyncpg.Pool, relay: Relay, metrics: Metrics
    ) -> None:
        self.handler = handler
        self.reached: dict[int, int] = {}
        self.beat = time.monotonic()
        self._group = group
        self._pool = pool
        self._relay = relay
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self._strikes = 0
        self._owed: dict[int, int] = {}

    def lane(self, partition: int) -> str:
        """Return the outbox lane of a partition: the same under every group's name.

        So what a group leaves unsent, its successor sends. One group works on a ledger at a time.
        """
        return f"{self.handler.topic.name}/{partition}"

    async def process(self, messages: Sequence[Received]) -> None:
        """Deal with messages, each partition's in order. Returns only when it is done."""
        async with self._lock:
            try:
                await self._divide(messages)
            except BaseException:
                self._owed.update({message.partition: message.offset for message in messages})
                raise

    async def adopt(self, partition: int) -> None:
        """Take over a partition before a message of it comes: load its memory, drain its lane."""
        async with self._lock:
            if partition in self.reached:
                return
            part = (self.handler.topic.name, partition)
            async with transaction(self._pool) as conn:
                nexts = await fence.lock_offsets(conn, self._group, [part])
                await self.handler.load(conn, partition)
            # Only now: until then a batch that comes drains the lane before it sends its own.
            await self._relay.drain(self.lane(partition))
            self.reached[partition] = nexts[part]

    async def disown(self, partitions: Collection[int]) -> None:
        """Forget what is remembered of partitions that another worker has now."""
        async with self._lock:
            self.forget(partitions)

    async def drain(self, partition: int) -> None:
        """Send what waits in a partition's lane."""
        async with self._lock:
            await self._relay.drain(self.lane(partition))

    async def tend(self, partition: int, act: Act) -> None:
        """Do something for a partition without a message, under its fence and in its lane.

        Does nothing where this worker's memory of the partition is not that of the ledger.

        Raises
        ------
        LedgerError
            As the ledger's functions do; the partition's memory is thrown away.
        """
        part = (self.handler.topic.name, partition)
        async with self._lock:
            if partition not in self.reached:
                return
            try:
                async with transaction(self._pool) as conn:
                    nexts = await fence.lock_offsets(conn, self._group, [part])
                    if nexts[part] != self.reached[partition]:
                        self.forget([partition])
                        return
                    messages = await act(conn)
                    ids = await outbox.put(conn, self.lane(partition), messages)
            except BaseException:  # as when it is cancelled: what was done is undone in the ledger
                self.forget([partition])
                raise
            await self._relay.send(list(zip(ids, messages, strict=True)))

    def forget(self, partitions: Collection[int]) -> None:
        """Throw away what is remembered of partitions; the next batch loads it again."""
        for partition in partitions:
            self.reached.pop(partition, None)
            self.handler.forget(partition)

    async def _divide(self, messages: Sequence[Received]) -> None:
        try:
            await self._persist(messages)
        except (LedgerRefused, SchemaTooNew, SchemaTooOld) as error:
            die(Exit.DEFECT, "%s: %s; nothing of this batch is kept", self.handler.name, error)
        except Exception as error:  # noqa: BLE001 - one bad message must not stop the good ones
            if len(messages) > 1:
                middle = len(messages) // 2
                await self._divide(messages[:middle])
                await self._divide(messages[middle:])
                return
            await self._bury(messages[0], error)
        else:
            self._strikes = 0

    async def _bury(self, message: Received, error: Exception) -> None:
        """Put a message aside that nobody expected to fail, unless everything fails."""
        self._strikes += 1
        place = f"{message.topic}/{message.partition}/{message.offset}"
        log.error("%s: %s failed unexpectedly", self.handler.name, place, exc_info=error)
        if self._strikes > MAX_STRIKES:
            die(Exit.DEFECT, "%s: %d messages in a row failed", self.handler.name, self._strikes)
        letter = self._letter(message, type(error).__name__, str(error))
        await self._persist([message], buried=letter)

    async def _persist(
        self, messages: Sequence[Received], buried: DeadLetter | None = None
    ) -> None:
        """Write a batch, waiting for as long as the ledger cannot be reached."""
        pause = FIRST_PAUSE_S
        while True:
            self.beat = time.monotonic()
            parts = sorted({message.partition for message in messages})
            try:
                await self._attempt(messages, buried)
            except (LedgerUnavailable, FenceBroken) as error:
                log.warning("%s: %s; again in %.1f s", self.handler.name, error, pause)
                self.forget(parts)
            except BaseException:
                self.forget(parts)
                raise
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _attempt(self, messages: Sequence[Received], buried: DeadLetter | None) -> None:
        handler, name = self.handler, self.handler.topic.name
        by_partition: dict[int, list[Received]] = {}
        for message in messages:
            by_partition.setdefault(message.partition, []).append(message)
        rows: dict[int, list[Row]] = {}
        stale: list[int] = []
        since = time.perf_counter()
        async with transaction(self._pool) as conn:
            since = self._metrics.took(f"{handler.name}.begin", since)
            nexts = await fence.lock_offsets(conn, self._group, [(name, p) for p in by_partition])
            since = self._metrics.took(f"{handler.name}.lock", since)
            for partition, arrived in by_partition.items():
                next_offset = nexts[name, partition]
                self._refuse_jump(partition, next_offset, arrived[0].offset)
                if self.reached.get(partition) != next_offset:
                    # Another worker was here, or none: what this one remembers does not count.
                    self.forget([partition])
                    await handler.load(conn, partition)
                    stale.append(partition)
                fresh = [message for message in arrived if message.offset >= next_offset]
                rows[partition] = await self._write(conn, partition, fresh, buried)
            since = self._metrics.took(f"{handler.name}.handle", since)
            ends = {
                (name, partition): max(nexts[name, partition], arrived[-1].offset + 1)
                for partition, arrived in by_partition.items()
            }
            await fence.advance(conn, self._group, ends)
            since = self._metrics.took(f"{handler.name}.advance", since)
        since = self._metrics.took(f"{handler.name}.commit", since)
        self._keep(ends)
        for partition in stale:  # what a predecessor left in the lane goes first
            await self._relay.drain(self.lane(partition))
        await self._relay.send([row for p in by_partition if p not in stale for row in rows[p]])
        self._metrics.took(f"{handler.name}.relay", since)
        self._metrics.count(f"{handler.name}.messages", len(messages))
        self._metrics.count(f"{handler.name}.batches")

    def _refuse_jump(self, partition: int, next_offset: int, first: int) -> None:
        """Leave rather than let the fence jump over messages that were given up.

        Gaps alone say nothing: compaction, retention and transactions' markers make them.
        """
        owed = self._owed.pop(partition, None)
        if owed is not None and next_offset <= owed < first:
            die(
                Exit.DEFECT,
                "%s/%d: a batch up to offset %d was given up and %d comes next, the fence is at %d",
                self.handler.topic.name,
                partition,
                owed,
                first,
                next_offset,
            )

    async def _write(
        self,
        conn: asyncpg.Connection,
        partition: int,
        fresh: Sequence[Received],
        buried: DeadLetter | None,
    ) -> list[Row]:
        """Handle a partition's new messages and write what they ask for."""
        letters: list[DeadLetter] = []
        for message in fresh:
            if buried is not None:
                letters.append(buried)
                continue
            try:
                self.handler.handle(message)
            except BadInput as error:
                letters.append(self._letter(message, error.fault, str(error)))
        outgoing = await self.handler.write(conn, partition)
        if letters:
            await intake.insert_dead_letters(conn, letters)
            outgoing = outgoing + [to_dead_letter_topic(letter) for letter in letters]
            self._metrics.count(f"{self.handler.name}.dead_letters", len(letters))
        ids = await outbox.put(conn, self.lane(partition), outgoing)
        return list(zip(ids, outgoing, strict=True))

    def _keep(self, ends: Mapping[tuple[str, int], int]) -> None:
        for (_, partition), next_offset in ends.items():
            self.reached[partition] = next_offset
        self.beat = time.monotonic()

    def _letter(self, message: Received, fault: str, reason: str) -> DeadLetter:
        now = datetime.now(UTC)
        return dead_letter(message, fault=fault, reason=reason, agent=self.handler.name, at=now)
