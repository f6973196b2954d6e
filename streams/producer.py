"""The worker's own Kafka producer: idempotent where the broker can, acknowledged by all.

Faust's producer is not idempotent, so nothing that matters goes through it.
"""

import asyncio
import math
import time
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import RecordMetadata, TopicPartition

from infra.ledger.outbox import Message
from schemas import topics
from streams.clock import BrokerClock
from streams.errors import BrokerMissing
from streams.messages import LOG_APPEND_TIME
from streams.packing import Packed

MAX_REQUEST_BYTES = 2_097_152
"""A dead letter is as large as the largest message, with its headers on top."""
MAX_BATCH_BYTES = 262_144
"""A partition has one batch under way: what does not fit waits for the broker's next answer."""
_METADATA_S = 5.0
"""A topic that was just made is known to all brokers by then."""
_MISSING_FOR_S = 30.0
"""A topic that was missing is not looked for again so long."""


class Producer:
    """Sends messages in order and waits for their acknowledgement.

    Parameters
    ----------
    bootstrap
        ``host:port`` of the broker, several separated by commas.
    idempotent
        Whether the broker keeps retries from writing twice or out of order.
    clock
        Learns the broker's time from the journal entries that are sent.

    Attributes
    ----------
    journaled : dict of int to int
        By partition of the journal, where the last batch of entries sent there begins.
    """

    def __init__(
        self, bootstrap: str, *, idempotent: bool, clock: BrokerClock | None = None
    ) -> None:
        self._clock = clock or BrokerClock()
        self._bootstrap = bootstrap
        self._idempotent = idempotent
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()
        self.journaled: dict[int, int] = {}
        self._topics: set[str] = set()
        self._missing: dict[str, float] = {}

    async def start(self) -> None:
        """Connect.

        Raises
        ------
        BrokerMissing
            No broker answers.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=self._idempotent,
            acks="all",
            linger_ms=0,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise BrokerMissing(
                f"no broker answers at {self._bootstrap}: {error}; is it up? see `jingwei status`"
            ) from error
        self._producer = producer

    async def stop(self) -> None:
        """Send what is under way and disconnect."""
        producer, self._producer = self._producer, None
        self._topics.clear()
        if producer is not None:
            await producer.stop()

    async def renew(self) -> None:
        """Connect afresh: after a fatal error an idempotent producer sends nothing more."""
        async with self._lock:
            await self.stop()
            try:
                await self.start()
            except BrokerMissing:
                self._producer = None

    async def send_all(self, messages: Sequence[Message]) -> int:
        """Send messages in order.

        Returns
        -------
        int
            How many of them, from the first, the broker has acknowledged. Later ones may have
            been acknowledged too.

        Raises
        ------
        KafkaError
            The first one was refused.
        """
        producer = self._producer
        if producer is None:
            raise KafkaError("not connected")
        fit = await self._fitting(producer, messages)
        cluster = producer.client.cluster
        partitions = {
            name: sorted(cluster.partitions_for_topic(name) or ())
            for name in {message.topic for message in fit}
        }
        packed = Packed(fit, partitions, producer.create_batch)
        answers = await self._submit(producer, packed)
        failed = {at for at, answer in enumerate(answers) if isinstance(answer, BaseException)}
        first = next((n for n, at in enumerate(packed.batch_of) if at in failed), len(fit))
        if fit and first == 0:
            error = answers[packed.batch_of[0]]
            assert isinstance(error, BaseException)
            raise error
        return first

    async def _fitting(
        self, producer: AIOKafkaProducer, messages: Sequence[Message]
    ) -> Sequence[Message]:
        """Return those before the first that cannot be sent; raise where that is the first one."""
        known: set[str] = set()
        for count, message in enumerate(messages):
            try:
                if message.topic not in known:
                    await self._check_topic(producer, message.topic)
                    known.add(message.topic)
                _check_size(message)
            except KafkaError:
                if not count:
                    raise
                return messages[:count]  # it is the first one of the next call
        return messages

    async def _submit(
        self, producer: AIOKafkaProducer, packed: Packed
    ) -> list[RecordMetadata | BaseException]:
        """Hand batches over in their order; return what the broker answered to each.

        A broker that cannot tell repeats would take a partition's second batch where it refused
        the first: sent again, the first would follow it. There each round waits for the one before.
        """
        pending: list[asyncio.Future[RecordMetadata]] = []
        begun: list[float] = []
        refused: list[BaseException] = []
        for number, (part, batch) in enumerate(packed.batches):
            begun.append(self._clock.monotonic())
            try:
                if not self._idempotent and packed.round_of[number] > packed.round_of[number - 1]:
                    await asyncio.gather(*pending)
                pending.append(
                    await producer.send_batch(batch, part.topic, partition=part.partition)
                )
            except KafkaError as error:
                refused = [error] * (len(packed.batches) - len(pending))
                break
        answers = await asyncio.gather(*pending, return_exceptions=True)
        self._learn(answers, begun, packed.stamped)
        return [*answers, *refused]

    def _learn(
        self,
        answers: Sequence[RecordMetadata | BaseException],
        begun: Sequence[float],
        ours: Mapping[TopicPartition, int],
    ) -> None:
        """Let the clock learn from the last batch of journal entries that was sent."""
        for answer, sent in zip(reversed(answers), reversed(begun[: len(answers)]), strict=True):
            if isinstance(answer, BaseException) or answer.topic != topics.JOURNAL.name:
                continue
            stamped = answer.timestamp
            self.journaled[answer.partition] = answer.offset
            if answer.timestamp_type != LOG_APPEND_TIME:
                stamped = ours[answer.topic_partition]
            self._clock.learn(stamped, answer.timestamp_type, sent)
            return

    async def _check_topic(self, producer: AIOKafkaProducer, topic: str) -> None:
        """Raise where the broker answers and has no such topic; aiokafka would look for 40 s."""
        client = producer.client
        if topic in self._topics and client.cluster.partitions_for_topic(topic):
            return
        begun = time.monotonic()
        if begun - self._missing.get(topic, -math.inf) < _MISSING_FOR_S:
            raise UnknownTopicOrPartitionError(topic)
        client.add_topic(topic)
        while client.cluster.partitions_for_topic(topic) is None:
            answered = await client.force_metadata_update()
            if client.cluster.partitions_for_topic(topic) is not None:
                break
            if time.monotonic() - begun > _METADATA_S:
                if answered:
                    self._missing[topic] = time.monotonic()
                    raise UnknownTopicOrPartitionError(topic)
                raise KafkaConnectionError("no broker answers")
            await asyncio.sleep(0.1)
        self._topics.add(topic)


def _check_size(message: Message) -> None:
    """Refuse what the broker would refuse, and what would fill a request by itself."""
    size = len(message.value or b"") + len(message.key or b"")
    size += sum(len(name) + len(value or b"") for name, value in message.headers)
    if size > MAX_REQUEST_BYTES:
        raise MessageSizeTooLargeError(f"{size} bytes are more than {MAX_REQUEST_BYTES}")
