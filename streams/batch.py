"""One batch, one transaction: how every agent deals with its messages.

::

    lock the fences ─> skip what was dealt with ─> handle each message ─> write all
        ─> advance the fences ─> commit ─> relay ─> (the caller acknowledges, in order)

Whatever fails before the commit leaves no trace: the handler's memory of the partition is
thrown away and loaded again from the ledger. A database that cannot serve is waited for. A
message that cannot be handled costs itself only: the batch is halved until it stands alone; see
`streams.suspects` for what becomes of it. A fault of the environment is no message's: it ends the
worker (`streams.faults`).

A batch that takes long is cut: what was handled within two seconds is committed, and the rest
follows in the next transaction. So progress is kept whatever happens then.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import asyncpg

from infra.ledger import fence, intake, ledger_errors, outbox, strikes, transaction
from infra.ledger.errors import FenceBroken, LedgerUnavailable
from infra.ledger.fence import Fence, Part
from infra.ledger.intake import DeadLetter
from infra.ledger.outbox import Message
from schemas.topics import Topic
from streams.dead_letters import dead_letter, to_dead_letter_topic
from streams.errors import BadInput, LoadFailed
from streams.exits import Exit, die
from streams.faults import ending
from streams.messages import Received
from streams.metrics import Metrics
from streams.relay import Relay, Row
from streams.suspects import Failed, Suspects

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
SLICE_S = 2.0
"""After so long a batch is cut, and what was handled is committed."""
_YIELD_S = 0.05
"""After so long other tasks get their turn."""
_SLOW_S = 5.0
"""A message that takes so long may outlast the time limit of the ledger's idle transactions."""
_PATIENT = "SET LOCAL idle_in_transaction_session_timeout = 0"


T = TypeVar("T")

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


class _Undone(Exception):
    """Rolls a trial back."""


class _Failed(Exception):
    """A handler failed; around its error, which within a transaction looks like the ledger's."""


def _cause(error: Exception) -> Exception:
    cause = error.__cause__
    return cause if isinstance(error, _Failed) and isinstance(cause, Exception) else error


class Processor:
    """Runs a handler over batches of its topic.

    Parameters
    ----------
    handler
        What to do with a message.
    group
        The consumer group, which names the fences.
    incarnation
        Of the topic, as the worker found it at its start; see `infra.ledger.logs`.

    Attributes
    ----------
    reached : dict of int to int
        By partition, the next offset as this worker last saw or left it. A partition that is
        not there is not adopted: its lane may hold what goes first.
    done : dict of int to int
        By partition, the offset after the last message that is ready to be acknowledged.
    beat : float
        ``time.monotonic()`` of the last sign of life: a message handled, a commit, or a try
        while waiting.
    busy : bool
        Whether it was given messages and is not done with them.
    handling : float or None
        ``time.monotonic()`` when the handler was given the message that it has now.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        group: str,
        pool: asyncpg.Pool,
        relay: Relay,
        metrics: Metrics,
        incarnation: int = 0,
    ) -> None:
        self.handler = handler
        self.reached: dict[int, int] = {}
        self.done: dict[int, int] = {}
        self.beat = time.monotonic()
        self.busy = False
        self.handling: float | None = None
        self._group = group
        self._pool = pool
        self._relay = relay
        self._metrics = metrics
        self._incarnation = incarnation
        self._lock = asyncio.Lock()
        self._owed: dict[int, int] = {}
        self._struck: dict[int, set[int]] = {}
        self._slow = False
        self._suspects = Suspects(group)
        self._batch: Sequence[Received] = ()

    def lane(self, partition: int) -> str:
        """Return the outbox lane of a partition: the same under every group's name.

        So what a group leaves unsent, its successor sends. One group works on a ledger at a time.
        """
        return f"{self.handler.topic.name}/{partition}"

    async def process(self, messages: Sequence[Received]) -> None:
        """Deal with messages, each partition's in order. Returns only when it is done."""
        self.busy, self.beat = True, time.monotonic()
        self._batch = left = messages
        try:
            while left:
                async with self._lock:  # the caretaker gets its turn between slices
                    left = await self._divide(left)
            self.done.update({message.partition: message.offset + 1 for message in messages})
        except BaseException:
            self._owed.update({message.partition: message.offset for message in messages})
            raise
        finally:
            self.busy = False

    async def adopt(self, partition: int) -> None:
        """Take over a partition before a message of it comes: load its memory, drain its lane."""
        async with self._lock:
            if partition in self.reached:
                return
            part = (self.handler.topic.name, partition)
            async with transaction(self._pool) as conn:
                fences = await self._lock_fences(conn, [part])
                await self._load(conn, partition)
            # Only now: until then a batch that comes drains the lane before it sends its own.
            await self._relay.drain(self.lane(partition))
            self.reached[partition] = fences[part].next

    async def skip(self, partition: int, since: int, to: int) -> None:
        """Advance a fence from ``since`` over offsets that hold no message, unless it has moved."""
        part = (self.handler.topic.name, partition)
        async with self._lock:
            if self.reached.get(partition) != since:
                return
            async with transaction(self._pool) as conn:
                fences = await self._lock_fences(conn, [part])
                if fences[part].next != since:
                    self.forget([partition])
                    return
                await fence.advance(conn, self._group, {part: to})
            self.reached[partition] = to

    async def disown(self, partitions: Collection[int]) -> None:
        """Forget what is remembered of partitions that another worker has now."""
        async with self._lock:
            self.forget(partitions)
            for partition in partitions:
                self.done.pop(partition, None)

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
                    fences = await self._lock_fences(conn, [part])
                    if fences[part].next != self.reached[partition]:
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

    async def _divide(self, messages: Sequence[Received]) -> list[Received]:
        """Deal with messages for as long as a slice takes; return those that are left."""
        try:
            return await self._persist(messages)
        except Exception as caught:  # noqa: BLE001 - one bad message must not stop the good ones
            error = _cause(caught)
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

    async def _fails_alone(self, message: Received, error: Exception) -> None:
        """Set a message aside that fails alone, unless it is too soon or the worker is broken."""
        log.error(
            "%s: %s/%d/%d failed unexpectedly",
            *(self.handler.name, message.topic, message.partition, message.offset),
            exc_info=error,
        )
        others = [other for other in self._batch if self._is_behind(other, message)]
        tried, too = await self._suspects.try_others(others, self._try)
        await self._insist(lambda: self._judge((message, error), tried, too))
        letter = self._letter(message, type(error).__name__, str(error))
        await self._persist([message], buried=letter)

    def _is_behind(self, other: Received, message: Received) -> bool:
        """Whether a message of the batch comes after one, or is of another partition and waits."""
        if other.partition == message.partition:
            return other.offset > message.offset
        return other.offset >= self.reached.get(other.partition, 0)

    async def _judge(self, failed: Failed, tried: int, too: Sequence[Failed]) -> None:
        async with transaction(self._pool) as conn:
            verdict = await self._suspects.judge(conn, failed, tried, too)
        if verdict is not None:
            die(Exit.DEFECT, "%s: %s", self.handler.name, verdict)

    async def _persist(
        self, messages: Sequence[Received], buried: DeadLetter | None = None
    ) -> list[Received]:
        """Write a batch, waiting for as long as the ledger cannot be reached."""
        parts = sorted({message.partition for message in messages})
        return await self._insist(lambda: self._attempt(messages, buried), parts)

    async def _insist(self, act: Callable[[], Awaitable[T]], parts: Collection[int] = ()) -> T:
        """Do something in the ledger, again for as long as it cannot be reached."""
        pause = FIRST_PAUSE_S
        while True:
            self.beat = time.monotonic()
            try:
                return await act()
            except (LedgerUnavailable, FenceBroken) as error:
                log.warning("%s: %s; again in %.1f s", self.handler.name, error, pause)
                self.forget(parts)
            except BaseException:
                self.forget(parts)
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _try(self, message: Received) -> Exception | None:
        """Handle a message alone and undo it; return the error that it failed by."""
        partition = message.partition
        part = (self.handler.topic.name, partition)
        try:
            async with transaction(self._pool) as conn:
                await self._lock_fences(conn, [part])
                self.forget([partition])
                await self._load(conn, partition)
                self._take(message)
                await self.handler.write(conn, partition)
                raise _Undone  # noqa: TRY301 - it rolls back
        except _Undone:
            return None
        except Exception as caught:  # noqa: BLE001 - what it fails by is what is asked
            error = _cause(caught)
            self._end_if_not_the_messages(error)
            return None if isinstance(error, LedgerUnavailable) else error
        finally:
            self.forget([partition])

    async def _attempt(
        self, messages: Sequence[Received], buried: DeadLetter | None
    ) -> list[Received]:
        handler, name = self.handler, self.handler.topic.name
        by_partition: dict[int, list[Received]] = {}
        for message in messages:
            by_partition.setdefault(message.partition, []).append(message)
        rows: dict[int, list[Row]] = {}
        stale: list[int] = []
        left: list[Received] = []
        ends: dict[Part, int] = {}
        since = time.perf_counter()
        async with transaction(self._pool) as conn:
            if self._slow:
                await conn.execute(_PATIENT)
            since = self._metrics.took(f"{handler.name}.begin", since)
            fences = await self._lock_fences(conn, [(name, p) for p in by_partition])
            since = self._metrics.took(f"{handler.name}.lock", since)
            for partition, arrived in by_partition.items():
                next_offset = fences[name, partition].next
                self._refuse_jump(partition, next_offset, arrived[0].offset)
                if left:  # the slice is full
                    left += arrived
                    continue
                if self.reached.get(partition) != next_offset:
                    # Another worker was here, or none: what this one remembers does not count.
                    self.forget([partition])
                    await self._load(conn, partition)
                    stale.append(partition)
                fresh = [message for message in arrived if message.offset >= next_offset]
                rows[partition], taken = await self._write(conn, partition, fresh, buried, since)
                left += fresh[taken:]
                last = fresh[taken - 1] if left else arrived[-1]
                ends[name, partition] = max(next_offset, last.offset + 1)
                await self._clear_strikes(conn, partition, last.offset, buried)
            since = self._metrics.took(f"{handler.name}.handle", since)
            await fence.advance(conn, self._group, ends)
            since = self._metrics.took(f"{handler.name}.advance", since)
        since = self._metrics.took(f"{handler.name}.commit", since)
        self._keep(ends)
        for partition in stale:  # what a predecessor left in the lane goes first
            await self._relay.drain(self.lane(partition))
        await self._relay.send([row for p, sent in rows.items() if p not in stale for row in sent])
        self._metrics.took(f"{handler.name}.relay", since)
        self._metrics.count(f"{handler.name}.messages", len(messages) - len(left))
        self._metrics.count(f"{handler.name}.batches")
        return left

    async def _lock_fences(
        self, conn: asyncpg.Connection, parts: Collection[Part]
    ) -> dict[Part, Fence]:
        """Lock fences, and leave where they count in another log than this worker reads."""
        fences = await fence.lock(conn, self._group, parts)
        for (topic, _), found in fences.items():
            if found.incarnation != self._incarnation:
                die(
                    Exit.STALLED,
                    "topic %s was deleted and made anew: this worker read the old one, the next "
                    "start reads the new one from its first offset",
                    topic,
                )
        return fences

    async def _load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Load a partition's memory; a failure is told from one of a message."""
        try:
            with ledger_errors():
                await self.handler.load(conn, partition)
        except (LedgerUnavailable, FenceBroken):
            raise
        except Exception as error:
            if ending(error) is not None:
                raise
            raise LoadFailed(
                f"what the ledger has of {self.handler.topic.name}/{partition} cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error
        part = (self.handler.topic.name, partition)
        self._struck[partition] = await strikes.open_strikes(conn, self._group, part)

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
        begun: float,
    ) -> tuple[list[Row], int]:
        """Handle a partition's new messages until the slice is full, and write what they ask for.

        Returns
        -------
        tuple
            What to publish, and how many messages were handled.
        """
        letters: list[DeadLetter] = []
        taken, until, turn = 0, begun + SLICE_S, begun + _YIELD_S
        for message in fresh:
            taken += 1
            letter = self._take(message) if buried is None else buried
            if letter is not None:
                letters.append(letter)
            now = time.perf_counter()
            if now >= until:
                break
            if now >= turn:
                turn = now + _YIELD_S
                await asyncio.sleep(0)
        outgoing = await self.handler.write(conn, partition)
        if letters:
            await intake.insert_dead_letters(conn, letters)
            outgoing = outgoing + [to_dead_letter_topic(letter) for letter in letters]
            self._metrics.count(f"{self.handler.name}.dead_letters", len(letters))
        ids = await outbox.put(conn, self.lane(partition), outgoing)
        return list(zip(ids, outgoing, strict=True)), taken

    def _take(self, message: Received) -> DeadLetter | None:
        """Let the handler take in a message; return its letter if it cannot be used."""
        if message.value is None:
            self._metrics.count(f"{self.handler.name}.tombstones")
        self.handling = begun = time.monotonic()
        try:
            self.handler.handle(message)
        except BadInput as error:
            return self._letter(message, error.fault, str(error))
        except Exception as error:
            raise _Failed from error
        else:
            return None
        finally:
            self.handling, self.beat = None, time.monotonic()
            if self.beat - begun > _SLOW_S:
                self._slow = True

    async def _clear_strikes(
        self, conn: asyncpg.Connection, partition: int, last: int, buried: DeadLetter | None
    ) -> None:
        """Forget the strikes of messages that have passed; note which one is set aside."""
        struck = self._struck.get(partition)
        if not struck and buried is None:
            return
        part = (self.handler.topic.name, partition)
        if buried is not None:
            await strikes.set_aside(conn, strikes.Place(self._group, *part, buried.source.offset))
        await strikes.clear(conn, self._group, part, [o for o in struck or () if o <= last])

    def _keep(self, ends: Mapping[tuple[str, int], int]) -> None:
        for (_, partition), next_offset in ends.items():
            self.reached[partition] = next_offset
            struck = self._struck.get(partition)
            if struck:
                self._struck[partition] = {offset for offset in struck if offset >= next_offset}
        self.beat = time.monotonic()

    def _letter(self, message: Received, fault: str, reason: str) -> DeadLetter:
        now = datetime.now(UTC)
        return dead_letter(message, fault=fault, reason=reason, agent=self.handler.name, at=now)
