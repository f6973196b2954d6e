"""What a worker does between messages.

It adopts partitions, ends what is over, drains lanes and keeps the ledger's house.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import asyncpg

from infra.ledger import feeds, intake, outbox, reading, transaction
from infra.ledger.errors import LedgerError
from infra.ledger.outbox import Message
from streams.batch import Processor
from streams.clock import BrokerClock
from streams.consumer import Looked
from streams.watchdog import Held, Part, Vitals

log = logging.getLogger(__name__)

EVERY_S = 0.5
LANES_EVERY_S = 5.0
HOUSE_EVERY_S = 60.0
FORGET_TOLD_S = 60 * 86_400.0
"""Who was told of an incident that is over is forgotten long after the topics have forgotten it."""
FORGET_TOLD_ROWS = 1_000

Assignment = Callable[[], set[Part]]
"""Partitions this worker has now."""
Offset = Callable[[Part], int | None]
"""An offset of a partition; None while it is not known."""


class Caretaker:
    """Looks after the partitions that this worker has.

    Parameters
    ----------
    assigned
        Returns the partitions.
    looked
        Returns how far a partition was looked through, None while it is not known.
    highwater, readable, committed
        Return the end of a partition, the end of what can be read of it (an open transaction
        cannot), and what is committed of it in Kafka.
    look_s
        How often handlers are asked whether time alone has made something due.
    clock
        The broker's, by which sensors are silent and fences end. While it is not known, or was
        not learnt lately, they wait.
    """

    def __init__(
        self,
        processors: Sequence[Processor],
        pool: asyncpg.Pool,
        *,
        assigned: Assignment,
        looked: Callable[[Part], Looked | None],
        highwater: Offset,
        readable: Offset,
        committed: Offset,
        look_s: float,
        clock: BrokerClock,
    ) -> None:
        self.vitals = Vitals()
        self._processors = {p.handler.topic.name: p for p in processors}
        self._pool = pool
        self._assigned = assigned
        self._looked = looked
        self._highwater = highwater
        self._readable = readable
        self._committed = committed
        self._look_s = look_s
        self._clock = clock
        self._held = Held()

    async def watch(self) -> None:
        """Write the signs of life. Waits for nothing, so it stops only with the event loop."""
        while True:
            waiting: dict[str, int] = {}
            behind: dict[Part, int] = {}
            for topic, partition in self._assigned():
                processor, part = self._processors[topic], (topic, partition)
                reached = processor.reached.get(partition)
                end = self._readable(part)
                committed = self._committed(part)
                if reached is None:
                    continue
                self._held.look(part, end, self._highwater(part), time.monotonic())
                if end is not None and (left := end - self._clear_to(part, reached)) > 0:
                    waiting[topic] = waiting.get(topic, 0) + left
                if committed is not None and committed < processor.done.get(partition, 0):
                    behind[part] = committed
            self.vitals.waiting, self.vitals.behind = waiting, behind
            self.vitals.beat = time.monotonic()
            await asyncio.sleep(EVERY_S)

    async def run(self) -> None:
        """Look after the partitions until cancelled; a ledger that is away is waited for."""
        lanes_at = look_at = house_at = time.monotonic()
        while True:
            await asyncio.sleep(EVERY_S)
            now = time.monotonic()
            try:
                await self._adopt()
                await self._pass_gaps()
                await self._tend(looks=now >= look_at)
                if now >= look_at:
                    look_at = now + self._look_s
                if now >= lanes_at:
                    lanes_at = now + LANES_EVERY_S
                    await self._drain_lanes()
                if now >= house_at:
                    house_at = now + HOUSE_EVERY_S
                    await self._keep_house()
            except LedgerError as error:
                log.warning("caretaker: %s", error)

    async def _adopt(self) -> None:
        assigned = self._assigned()
        for topic, processor in self._processors.items():
            mine = {partition for name, partition in assigned if name == topic}
            gone = processor.reached.keys() - mine
            if gone:
                await processor.disown(gone)
            for partition in sorted(mine - processor.reached.keys()):
                await processor.adopt(partition)

    def _clear_to(self, part: Part, reached: int) -> int:
        looked = self._looked(part)
        return reached if looked is None else looked.clear_to(reached)

    async def _pass_gaps(self) -> None:
        """Advance guards over what holds no message, so that nothing seems to wait there."""
        for topic, processor in self._processors.items():
            if processor.pulse.busy:
                continue  # it advances the guards itself, and is not to be waited for
            for partition, reached in sorted(processor.reached.items()):
                clear_to = self._clear_to((topic, partition), reached)
                if clear_to > reached:
                    await processor.skip(partition, reached, clear_to)

    async def _tend(self, *, looks: bool) -> None:
        """Let handlers do what is due between messages; by the time only if it ``looks``."""
        for processor in self._processors.values():
            for partition in sorted(processor.reached):
                now = self._clock.now() if looks and self._is_read(processor, partition) else None
                if processor.handler.is_due(partition, now):
                    await self._tend_partition(processor, partition, looks=now is not None)

    async def _tend_partition(self, processor: Processor, partition: int, *, looks: bool) -> None:
        async def act(conn: asyncpg.Connection) -> list[Message]:
            # Only now: a batch may have been handled while this waited for its turn.
            still = looks and self._is_read(processor, partition)
            now = self._clock.recent() if still else None
            processor.handler.tend(partition, processor.reached[partition], now)
            return await processor.handler.write(conn, partition)

        await processor.tend(partition, act)

    def _is_read(self, processor: Processor, partition: int) -> bool:
        """Whether no message waits unread: it may tell of what time alone would seem to."""
        end = self._highwater((processor.handler.topic.name, partition))
        return end is not None and end == processor.reached.get(partition)

    async def _drain_lanes(self) -> None:
        """Send what waits in lanes of this worker's partitions, as after an unclean end."""
        async with reading(self._pool) as conn:
            waiting = set(await outbox.lanes_waiting(conn, LANES_EVERY_S))
        for processor in self._processors.values():
            for partition in sorted(processor.reached):
                if waiting.intersection(processor.lanes(partition)):
                    await processor.drain(partition)

    async def _keep_house(self) -> None:
        """Make the days' track partitions ahead of time; forget who was told of old incidents."""
        await intake.make_track_partitions(self._pool)
        async with transaction(self._pool) as conn:
            await feeds.forget_told(conn, FORGET_TOLD_S, FORGET_TOLD_ROWS)
