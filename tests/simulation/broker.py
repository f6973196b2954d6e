"""Kafka as aiokafka's producer shows it: partitions, log-append time, answers that get lost."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError
from aiokafka.structs import RecordMetadata, TopicPartition

from tests.simulation.loop import OWNER, Loop

EPOCH_MS = 1_796_000_000_000
"""The broker's time at the beginning, in milliseconds since 1970."""
MOST = 3
"""So many messages a batch takes: few, so that there are many batches."""

Part = tuple[str, int]


class Stored(NamedTuple):
    """A record as a consumer gives it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int
    timestamp_type: int = 1


class Faults:
    """How often a batch fails; probabilities."""

    refused = 0.0
    unanswered = 0.0
    doubled = 0.0
    stall = 0.0


class Broker:
    """The logs, and the group's committed offsets."""

    def __init__(
        self,
        loop: Loop,
        chance: Random,
        trace: Callable[[str], None],
        partitions: dict[str, int],
    ) -> None:
        self.loop, self.chance, self.trace = loop, chance, trace
        self.faults = Faults()
        self.down = False
        self.partitions = partitions
        self.logs: dict[Part, list[Stored]] = {
            (topic, number): [] for topic, count in partitions.items() for number in range(count)
        }

    def now_ms(self) -> int:
        return EPOCH_MS + int(self.loop.now * 1000)

    def append(self, part: Part, messages: Sequence[tuple[Any, Any, Any]]) -> int:
        """Write messages; return the offset of the first."""
        log = self.logs[part]
        first = len(log)
        for key, value, headers in messages:
            log.append(Stored(*part, len(log), key, value, headers, self.now_ms()))
        self.trace(f"broker {part[0]}/{part[1]} {first}+{len(messages)}")
        return first


class _Batch:
    """A batch as aiokafka's builder."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.messages: list[tuple[Any, Any, Any]] = []

    def append(self, *, timestamp: Any, key: Any, value: Any, headers: Any) -> Any:
        if len(self.messages) >= MOST:
            return None
        self.messages.append((key, value, headers))
        return SimpleNamespace(timestamp=self._broker.now_ms())


class Client:
    """`AIOKafkaProducer`; ``bootstrap_servers`` is the simulated broker itself.

    As aiokafka it has one batch a partition under way. When one fails of an idempotent producer,
    those behind it fail too, since their sequence numbers do not fit any more; of one that is not,
    they may succeed.
    """

    def __init__(self, *, bootstrap_servers: Broker, enable_idempotence: bool, **_: Any) -> None:
        self._broker = bootstrap_servers
        self._idempotent = enable_idempotence
        self._queues: dict[Part, deque[Any]] = {}
        self._busy: set[Part] = set()
        self._broken: set[Part] = set()
        self._context = copy_context()
        self._owner = OWNER.get()
        self.closed = False
        self.client = SimpleNamespace(
            cluster=SimpleNamespace(partitions_for_topic=self._partitions_for),
            add_topic=lambda _: None,
            force_metadata_update=self._metadata,
        )

    async def start(self) -> None:
        await asyncio.sleep(0.002)
        if self._broker.down:
            raise KafkaConnectionError("no broker answers")

    async def stop(self) -> None:
        while self._busy:  # noqa: ASYNC110 - as seldom as a worker ends
            await asyncio.sleep(0.01)
        self.closed = True

    def _partitions_for(self, topic: str) -> set[int] | None:
        count = self._broker.partitions.get(topic)
        return None if count is None else set(range(count))

    async def _metadata(self) -> bool:
        await asyncio.sleep(0.001)
        return not self._broker.down

    def create_batch(self) -> _Batch:
        return _Batch(self._broker)

    async def send_batch(self, batch: _Batch, topic: str, *, partition: int) -> Any:
        future = self._broker.loop.create_future()
        part = (topic, partition)
        self._queues.setdefault(part, deque()).append((batch, future))
        self._pump(part)
        return future

    def _pump(self, part: Part) -> None:
        queue = self._queues[part]
        if part in self._busy or not queue:
            return
        batch, future = queue.popleft()
        broker, chance = self._broker, self._broker.chance
        self._busy.add(part)
        delay = 0.0005 + chance.random() * 0.004
        if chance.random() < broker.faults.stall:
            delay += chance.random() * 3.0
        broker.loop.outside(delay, self._arrive, part, batch, future)

    def _arrive(self, part: Part, batch: _Batch, future: Any) -> None:
        broker, chance = self._broker, self._broker.chance
        draw = chance.random()
        faults = broker.faults
        if part in self._broken or broker.down or draw < faults.refused:
            answer: Any = KafkaTimeoutError()
        else:
            first = broker.append(part, batch.messages)
            draw = chance.random()
            if not self._idempotent and draw < faults.doubled:
                first = broker.append(part, batch.messages)
            answer = RecordMetadata(*(*part, TopicPartition(*part), first, broker.now_ms(), 1, 0))
            if chance.random() < faults.unanswered:
                answer = KafkaTimeoutError()
        if self._idempotent and isinstance(answer, Exception):
            self._broken.add(part)
        broker.loop.call_later(0.001, self._answered, part, future, answer, context=self._context)

    def _answered(self, part: Part, future: Any, answer: Any) -> None:
        self._busy.discard(part)
        if not future.done():
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._pump(part)
