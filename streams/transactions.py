"""One batch, one transaction: how the messages of every topic get into the ledger.

::

    lock the guards ─> skip what was dealt with ─> handle each message, write what was handled
        ─> advance the guards ─> commit ─> hand over what is owed to Kafka

Whatever fails before the commit leaves no trace: the handler's memory of the partition is
thrown away and loaded again from the ledger. A database that cannot serve is waited for.

A batch that takes long is cut: what was handled within two seconds is committed, and the rest
follows in the next transaction. So progress is kept whatever happens then. It is cut sooner where
the handler asks for it, see `Handler`.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg

from infra.ledger import guard, intake, ledger_errors, strikes, transaction
from infra.ledger.errors import GuardBroken, LedgerUnavailable
from infra.ledger.guard import OffsetGuard, Part
from infra.ledger.intake import DeadLetter
from intake import BadInput
from streams import guards
from streams.beside import Beside
from streams.dead_letters import dead_letter, to_dead_letter_topic
from streams.errors import HandlerFailed, LoadFailed
from streams.exits import Exit, die
from streams.faults import ending
from streams.handler import Act, Handler
from streams.lanes import Lanes
from streams.messages import Received, Record
from streams.metrics import Metrics
from streams.pulse import Pulse
from streams.relay import Row

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
SLICE_S = 2.0
"""After so long a batch is cut, and what was handled is committed."""
_YIELD_S = 0.005
"""After so long other tasks get their turn, and the ledger what was handled."""
SKIMMED = 500
"""So many messages are skimmed at once, where a handler skims; a slice is not cut between them."""
_SLOW_S = 5.0
"""A message that takes so long may outlast the time limit of the ledger's idle transactions."""
_PATIENT = "SET LOCAL idle_in_transaction_session_timeout = 0"

T = TypeVar("T")


class _Undone(Exception):
    """Rolls a trial back."""


def cause_of(error: Exception) -> Exception:
    """Return what a handler failed by; any other error as it is."""
    cause = error.__cause__
    return cause if isinstance(error, HandlerFailed) and isinstance(cause, Exception) else error


@dataclass
class _Slice:
    """What one transaction has taken in."""

    until: float
    room: float
    buried: DeadLetter | None
    owed: list[tuple[int, Row]] = field(default_factory=list)
    left: list[Record] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    ends: dict[Part, int] = field(default_factory=dict)


class Transactions:
    """Brings a handler's messages into the ledger.

    One caller at a time; it holds its own lock.

    Parameters
    ----------
    group
        The consumer group, which names the guards.
    incarnation
        Of the topic, as the worker found it at its start; see `infra.ledger.logs`.

    Attributes
    ----------
    reached : dict of int to int
        By partition, the next offset as this worker last saw or left it. A partition that is
        not there is not adopted: its lanes may hold what goes first.
    owed : dict of int to int
        By partition, the last offset of a batch that was given up.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        group: str,
        pool: asyncpg.Pool,
        lanes: Lanes,
        pulse: Pulse,
        metrics: Metrics,
        incarnation: int,
    ) -> None:
        self.reached: dict[int, int] = {}
        self.owed: dict[int, int] = {}
        self._handler = handler
        self._name, self._topic = handler.name, handler.topic.name
        self._group = group
        self._pool = pool
        self._lanes = lanes
        self._pulse = pulse
        self._metrics = metrics
        self._incarnation = incarnation
        self._struck: dict[int, set[int]] = {}
        self._hurried: dict[int, set[int]] = {}
        self._slow = False

    async def persist(
        self, messages: Sequence[Record], buried: DeadLetter | None = None
    ) -> list[Record]:
        """Write a batch for as long as a slice takes, waiting while the ledger is away.

        Returns
        -------
        list
            The messages that are left.
        """
        parts = sorted({message.partition for message in messages})
        return await self.insist(lambda: self._attempt(messages, buried), parts)

    async def insist(self, act: Callable[[], Awaitable[T]], parts: Collection[int] = ()) -> T:
        """Do something in the ledger, again for as long as it cannot be reached."""
        pause = FIRST_PAUSE_S
        while True:
            self._pulse.strike()
            try:
                return await act()
            except (LedgerUnavailable, GuardBroken) as error:
                log.warning("%s: %s; again in %.1f s", self._name, error, pause)
                self.forget(parts)
            except BaseException:
                self.forget(parts)
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def hurry(self, messages: Sequence[Record]) -> None:
        """Write what messages ask for before those that are ahead of them.

        The guards stay: each message is passed over in its turn, or, by another worker, handled
        once more, which writes the same. One that cannot be used waits for its turn.

        Raises
        ------
        LedgerError
            As the ledger's functions do; what is remembered of the partitions is thrown away.
        """
        by_partition: dict[int, list[Record]] = {}
        for message in messages:
            if message.partition in self.reached:
                by_partition.setdefault(message.partition, []).append(message)
        if not by_partition:
            return
        try:
            async with transaction(self._pool) as conn:
                locked = await self._lock(conn, by_partition)
                hurried, rows = {}, []
                for partition, some in by_partition.items():
                    if locked[partition].next == self.reached[partition]:
                        hurried[partition] = self._take_ahead(partition, some)
                        outgoing = await self._handler.write(conn, partition)
                        mine = [(partition, message) for message in outgoing]
                        rows += await self._lanes.put(conn, mine)
        except BaseException:
            self.forget(by_partition)
            raise
        for partition, offsets in hurried.items():
            self._hurried.setdefault(partition, set()).update(offsets)
            self._metrics.count(f"{self._name}.hurried", len(offsets))
        await self._lanes.send(rows)

    def _take_ahead(self, partition: int, messages: Sequence[Record]) -> list[int]:
        """Let the handler take in messages out of their turn; return the offsets of the good."""
        since, done = self.reached[partition], self._hurried.get(partition, set())
        return [
            message.offset
            for message in messages
            if message.offset >= since
            and message.offset not in done
            and self._take_one(Received.of(message)) is None
        ]

    async def try_alone(self, message: Record) -> Exception | None:
        """Handle a message alone and undo it; return the error that it failed by."""
        partition = message.partition
        try:
            async with transaction(self._pool) as conn:
                await self._lock(conn, [partition])
                self.forget([partition])
                await self._load(conn, partition)
                self._take_one(Received.of(message))
                await self._handler.write(conn, partition)
                raise _Undone  # noqa: TRY301 - it rolls back
        except _Undone:
            return None
        except Exception as caught:  # noqa: BLE001 - what it fails by is what is asked
            return cause_of(caught)
        finally:
            self.forget([partition])

    async def adopt(self, partition: int) -> None:
        """Take over a partition before a message of it comes: load its memory, drain its lanes."""
        if partition in self.reached:
            return
        async with transaction(self._pool) as conn:
            locked = await self._lock(conn, [partition])
            await self._load(conn, partition)
        # Only now: until then a batch that comes drains the lanes before it sends its own.
        await self._lanes.drain(partition)
        self.reached[partition] = locked[partition].next

    async def skip(self, partition: int, since: int, to: int) -> None:
        """Advance a guard from ``since`` over offsets that hold no message, unless it has moved."""
        if self.reached.get(partition) != since:
            return
        async with transaction(self._pool) as conn:
            locked = await self._lock(conn, [partition])
            if locked[partition].next != since:
                self.forget([partition])
                return
            await guard.advance(conn, self._group, {(self._topic, partition): to})
        self.reached[partition] = to

    async def tend(self, partition: int, act: Act) -> None:
        """Do something for a partition without a message, under its guard and in its lane."""
        if partition not in self.reached:
            return
        try:
            async with transaction(self._pool) as conn:
                locked = await self._lock(conn, [partition])
                if locked[partition].next != self.reached[partition]:
                    self.forget([partition])
                    return
                messages = await act(conn)
                rows = await self._lanes.put(conn, [(partition, message) for message in messages])
        except BaseException:  # as when it is cancelled: what was done is undone in the ledger
            self.forget([partition])
            raise
        await self._lanes.send(rows)

    def forget(self, partitions: Collection[int]) -> None:
        """Throw away what is remembered of partitions; the next batch loads it again."""
        for partition in partitions:
            self.reached.pop(partition, None)
            self._hurried.pop(partition, None)
            self._handler.forget(partition)

    def letter(self, message: Record, fault: str, reason: str) -> DeadLetter:
        """Return the dead letter of a message."""
        now, came = datetime.now(UTC), Received.of(message)
        return dead_letter(came, fault=fault, reason=reason, agent=self._name, at=now)

    async def _attempt(self, messages: Sequence[Record], buried: DeadLetter | None) -> list[Record]:
        by_partition: dict[int, list[Record]] = {}
        for message in messages:
            by_partition.setdefault(message.partition, []).append(message)
        since = time.perf_counter()
        taken = _Slice(since + SLICE_S, self._handler.portion or math.inf, buried)
        async with transaction(self._pool) as conn:
            if self._slow:
                await conn.execute(_PATIENT)
            since = self._took("begin", since)
            locked = await self._lock(conn, by_partition)
            since = self._took("lock", since)
            for partition, arrived in by_partition.items():
                await self._take_in(conn, partition, locked[partition].next, arrived, taken)
            since = self._took("handle", since)
            await guard.advance(conn, self._group, taken.ends)
            since = self._took("advance", since)
        since = self._took("commit", since)
        self._keep(taken.ends)
        for partition in taken.stale:  # what a predecessor left in the lanes goes first
            await self._lanes.drain(partition)
        await self._lanes.send([row for p, row in taken.owed if p not in taken.stale])
        self._took("relay", since)
        self._metrics.count(f"{self._name}.messages", len(messages) - len(taken.left))
        self._metrics.count(f"{self._name}.batches")
        return taken.left

    def _took(self, stage: str, since: float) -> float:
        self._pulse.strike()
        return self._metrics.took(f"{self._name}.{stage}", since)

    async def _take_in(
        self,
        conn: asyncpg.Connection,
        partition: int,
        next_offset: int,
        arrived: Sequence[Record],
        taken: _Slice,
    ) -> None:
        """Deal with a partition's messages until the slice is full."""
        self._refuse_jump(partition, next_offset, arrived[0].offset)
        if taken.left:  # the slice is full
            taken.left += arrived
            return
        if self.reached.get(partition) != next_offset:
            # Another worker was here, or none: what this one remembers does not count.
            self.forget([partition])
            await self._load(conn, partition)
            taken.stale.append(partition)
        fresh = arrived
        if arrived[0].offset < next_offset:
            fresh = [message for message in arrived if message.offset >= next_offset]
        if hurried := self._hurried.get(partition):
            fresh = [message for message in fresh if message.offset not in hurried]
        count = await self._write(conn, partition, fresh, taken)
        last = arrived[-1]
        if count < len(fresh):
            last = fresh[count - 1]
            # Also those that were hurried: the guard has yet to pass them.
            taken.left += [message for message in arrived if message.offset > last.offset]
        taken.ends[self._topic, partition] = max(next_offset, last.offset + 1)
        await self._clear_strikes(conn, partition, last.offset, taken.buried)

    async def _write(
        self,
        conn: asyncpg.Connection,
        partition: int,
        fresh: Sequence[Record],
        taken: _Slice,
    ) -> int:
        """Handle new messages until the slice is full; write what they ask for.

        Where the handler allows it, the ledger writes what was handled while the next messages
        are handled: one statement after the other, in the order of the messages.

        Returns
        -------
        int
            How many were handled.
        """
        letters: list[DeadLetter] = []
        count, turn = 0, time.perf_counter() + _YIELD_S
        async with Beside() as ledger:
            for some in self._cut(fresh, taken):
                count += len(some)
                taken.room -= len(some)
                letters += self._take(some, taken)
                now = time.perf_counter()
                if now >= taken.until or taken.room <= 0:
                    break
                if now >= turn:
                    if self._handler.ahead and ledger.idle:
                        await ledger.begin(self._put(conn, partition, letters, taken))
                        letters = []
                    await asyncio.sleep(0)
                    turn = time.perf_counter() + _YIELD_S
            await ledger.end()
            await self._put(conn, partition, letters, taken)
        return count

    def _cut(self, fresh: Sequence[Record], taken: _Slice) -> Iterator[Sequence[Record]]:
        """Yield messages in what is handled before others get their turn."""
        # One alone may be one that fails: it is handled as `try_alone` does.
        size = SKIMMED if self._handler.skims and taken.buried is None and len(fresh) > 1 else 1
        return (fresh[begin : begin + size] for begin in range(0, len(fresh), size))

    def _take(self, messages: Sequence[Record], taken: _Slice) -> list[DeadLetter]:
        """Let the handler take in messages; return the letters of those that cannot be used."""
        if taken.buried is not None:
            return [taken.buried] * len(messages)
        if len(messages) > 1:
            messages = self._skim(messages)
        letters = [self._take_one(Received.of(message)) for message in messages]
        return [letter for letter in letters if letter is not None]

    def _skim(self, messages: Sequence[Record]) -> Sequence[Record]:
        pulse = self._pulse
        pulse.handling = time.monotonic()
        try:
            return self._handler.skim(messages)
        except Exception as error:
            raise HandlerFailed from error
        finally:
            pulse.handling, pulse.beat = None, time.monotonic()

    async def _put(
        self,
        conn: asyncpg.Connection,
        partition: int,
        letters: Sequence[DeadLetter],
        taken: _Slice,
    ) -> None:
        """Write what the messages since the last call asked for, and what is owed to Kafka."""
        outgoing = await self._handler.write(conn, partition)
        if letters:
            await intake.insert_dead_letters(conn, letters)
            outgoing = outgoing + [to_dead_letter_topic(letter) for letter in letters]
            self._metrics.count(f"{self._name}.dead_letters", len(letters))
        rows = await self._lanes.put(conn, [(partition, message) for message in outgoing])
        taken.owed += [(partition, row) for row in rows]

    def _take_one(self, message: Received) -> DeadLetter | None:
        """Let the handler take in a message; return its letter if it cannot be used."""
        if message.value is None:
            self._metrics.count(f"{self._name}.tombstones")
        pulse = self._pulse
        pulse.handling = begun = time.monotonic()
        try:
            self._handler.handle(message)
        except BadInput as error:
            return self.letter(message, error.fault, str(error))
        except Exception as error:
            raise HandlerFailed from error
        else:
            return None
        finally:
            pulse.handling, pulse.beat = None, time.monotonic()
            if pulse.beat - begun > _SLOW_S:
                self._slow = True

    async def _lock(
        self, conn: asyncpg.Connection, partitions: Collection[int]
    ) -> dict[int, OffsetGuard]:
        """Lock guards, and leave where they count in another log than this worker reads."""
        parts = [(self._topic, partition) for partition in partitions]
        found = await guards.lock(conn, self._pool, self._group, parts)
        for (topic, _), one in found.items():
            if one.incarnation != self._incarnation:
                die(
                    Exit.STALLED,
                    "topic %s was deleted and recreated: this worker read the old one, the next "
                    "start reads the new one from its first offset",
                    topic,
                )
        return {partition: one for (_, partition), one in found.items()}

    async def _load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Load a partition's memory; a failure is told from one of a message."""
        try:
            with ledger_errors():
                await self._handler.load(conn, partition)
        except (LedgerUnavailable, GuardBroken):
            raise
        except Exception as error:
            if ending(error) is not None:
                raise
            raise LoadFailed(
                f"the state of {self._topic}/{partition} in the ledger cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error
        part = (self._topic, partition)
        self._struck[partition] = await strikes.open_strikes(conn, self._group, part)

    def _refuse_jump(self, partition: int, next_offset: int, first: int) -> None:
        """Leave rather than let the guard jump over messages that were given up.

        Gaps alone say nothing: compaction, retention and transactions' markers make them.
        """
        owed = self.owed.pop(partition, None)
        if owed is not None and next_offset <= owed < first:
            die(
                Exit.DEFECT,
                "%s/%d: a batch up to offset %d was given up and %d comes next, the guard is at %d",
                *(self._topic, partition, owed, first, next_offset),
            )

    async def _clear_strikes(
        self, conn: asyncpg.Connection, partition: int, last: int, buried: DeadLetter | None
    ) -> None:
        """Forget the strikes of messages that have passed; note which one is set aside."""
        struck = self._struck.get(partition)
        if not struck and buried is None:
            return
        part = (self._topic, partition)
        if buried is not None:
            await strikes.set_aside(conn, strikes.Place(self._group, *part, buried.source.offset))
        await strikes.clear(conn, self._group, part, [o for o in struck or () if o <= last])

    def _keep(self, ends: Mapping[Part, int]) -> None:
        for (_, partition), next_offset in ends.items():
            self.reached[partition] = next_offset
            hurried = self._hurried.get(partition)
            if hurried:
                self._hurried[partition] = {offset for offset in hurried if offset >= next_offset}
            struck = self._struck.get(partition)
            if struck:
                self._struck[partition] = {offset for offset in struck if offset >= next_offset}
