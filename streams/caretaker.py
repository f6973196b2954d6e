"""What a worker does between messages.

It adopts partitions, ends what is over, drains lanes and keeps the ledger's house.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import asyncpg

from infra.ledger import feeds, intake, outbox, reading, transaction
from infra.ledger.errors import LedgerError
from infra.ledger.outbox import Message
from streams.batch import Processor
from streams.clock import BrokerClock
from streams.consumer import Looked
from streams.intake_positions import PositionsIntake
from streams.intake_readings import ReadingsIntake
from streams.sources import Sources
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


@runtime_checkable
class _Listening(Protocol):
    """An intake that notices its sources' clocks."""

    sources: Sources


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
        silence_check_s: float,
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
        self._silence_check_s = silence_check_s
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
        lanes_at = silence_at = house_at = time.monotonic()
        while True:
            await asyncio.sleep(EVERY_S)
            now = time.monotonic()
            try:
                await self._adopt()
                await self._pass_gaps()
                if now >= silence_at:
                    silence_at = now + self._silence_check_s
                    await self._look_for_silence()
                    await self._end_fences()
                if now >= lanes_at:
                    lanes_at = now + LANES_EVERY_S
                    await self._drain_lanes()
                await self._save_sources()
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
        """Advance fences over what holds no message, so that nothing seems to wait there."""
        for topic, processor in self._processors.items():
            if processor.busy:
                continue  # it advances the fences itself, and is not to be waited for
            for partition, reached in sorted(processor.reached.items()):
                clear_to = self._clear_to((topic, partition), reached)
                if clear_to > reached:
                    await processor.skip(partition, reached, clear_to)

    async def _look_for_silence(self) -> None:
        for processor in self._processors.values():
            readings = processor.handler
            if not isinstance(readings, ReadingsIntake):
                continue
            for partition, reached in sorted(processor.reached.items()):
                # Readings that wait unread are not silence.
                end = self._highwater((readings.topic.name, partition))
                if end == reached and readings.has_alarms(partition):
                    await self._end_silent(processor, readings, partition, reached)

    async def _end_silent(
        self, processor: Processor, readings: ReadingsIntake, partition: int, reached: int
    ) -> None:
        async def act(conn: asyncpg.Connection) -> list[Message]:
            now = self._clock.recent()
            if now is not None:
                readings.look_for_silence(partition, reached, now)
            return await readings.write(conn, partition)

        await processor.tend(partition, act)

    async def _end_fences(self) -> None:
        """End visits to fences that are gone, by another city or by their time."""
        for processor in self._processors.values():
            positions = processor.handler
            if not isinstance(positions, PositionsIntake):
                continue
            for partition, reached in sorted(processor.reached.items()):
                # Positions that wait unread may tell of an end themselves.
                end = self._highwater((positions.topic.name, partition))
                now = self._clock.now()
                if end == reached and now is not None and positions.is_due(partition, now):
                    await self._end_visits(processor, positions, partition)

    async def _end_visits(
        self, processor: Processor, positions: PositionsIntake, partition: int
    ) -> None:
        async def act(conn: asyncpg.Connection) -> list[Message]:
            # Only now: a batch may have been handled while this waited for its turn.
            reached, now = processor.reached[partition], self._clock.recent()
            if now is not None:
                positions.end_fences(partition, reached, now)
            return await positions.write(conn, partition)

        await processor.tend(partition, act)

    async def _save_sources(self) -> None:
        """Write what was noticed of sources after which no message came."""
        for processor in self._processors.values():
            intake = processor.handler
            if not isinstance(intake, _Listening):
                continue
            for partition in sorted(processor.reached):
                if intake.sources.is_due(partition):
                    await self._save(processor, intake.sources, partition)

    @staticmethod
    async def _save(processor: Processor, sources: Sources, partition: int) -> None:
        async def act(conn: asyncpg.Connection) -> list[Message]:
            await sources.write(conn, partition)
            return []

        await processor.tend(partition, act)

    async def _drain_lanes(self) -> None:
        """Send what waits in lanes of this worker's partitions, as after an unclean end."""
        async with reading(self._pool) as conn:
            waiting = set(await outbox.lanes_waiting(conn, LANES_EVERY_S))
        for processor in self._processors.values():
            for partition in sorted(processor.reached):
                if processor.lane(partition) in waiting:
                    await processor.drain(partition)

    async def _keep_house(self) -> None:
        """Make the days' track partitions ahead of time; forget who was told of old incidents."""
        await intake.make_track_partitions(self._pool)
        async with transaction(self._pool) as conn:
            await feeds.forget_told(conn, FORGET_TOLD_S, FORGET_TOLD_ROWS)
