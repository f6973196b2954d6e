"""Faust's consumer with two of its habits changed.

It starts where the ledger's fence stands, not where Kafka's committed offset does: the fence
was written together with all that a message caused, the committed offset some time later, and
Faust can commit past a message that was never acknowledged (faust issue 606).

It does not wait 1.5 s for an idle broker: aiokafka has one fetch under way per broker, and a
partition whose last messages were just taken is not part of it, so its next message would wait
until that fetch returns.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

log = logging.getLogger(__name__)

FETCH_WAIT_MS = 20

Fences = Callable[[list[tuple[str, int]]], Awaitable[dict[tuple[str, int], int]]]
"""Looks up next offsets by (topic, partition) in the ledger."""


class FencedThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka lives."""

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401 - Faust has no types
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - Faust fixes 1,500
        return consumer

    async def log_starts(self, partitions: list[TP]) -> Mapping[TP, int]:
        """Return the first offsets that the broker still has."""
        found = await self.call_thread(
            self._ensure_consumer().beginning_offsets,
            [TopicPartition(tp.topic, tp.partition) for tp in partitions],
        )
        return {TP(tp.topic, tp.partition): offset for tp, offset in found.items()}


class FencedConsumer(driver.Consumer):
    """Starts each partition at its fence."""

    fences: ClassVar[Fences]
    _thread: FencedThread

    def _new_consumer_thread(self) -> FencedThread:
        return FencedThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the ledger's offsets; return what was sought."""
        committed = dict(await super().seek_to_committed())
        parts = sorted((tp.topic, tp.partition) for tp in committed)
        fences = await type(self).fences(parts)
        starts = await self._thread.log_starts([TP(*part) for part in parts])
        positions = {}
        for part in parts:
            tp = TP(*part)
            positions[tp] = max(fences[part], starts[tp])
            if starts[tp] > fences[part] > 0:
                log.error(
                    "%s/%d: messages %d to %d were deleted by retention before they were read",
                    *part,
                    fences[part],
                    starts[tp] - 1,
                )
        await self.seek_wait(positions)
        return positions


class FencedTransport(driver.Transport):
    """A Kafka transport with such a consumer."""

    Consumer: ClassVar[type[Any]] = FencedConsumer


def transport_with(fences: Fences) -> type[FencedTransport]:
    """Return a transport whose consumers look up their offsets with ``fences``."""
    consumer = type("LedgerConsumer", (FencedConsumer,), {"fences": staticmethod(fences)})
    return type("LedgerTransport", (FencedTransport,), {"Consumer": consumer})
