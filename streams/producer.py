"""The worker's own Kafka producer: idempotent where the broker can, acknowledged by all.

Faust's producer is not idempotent, so nothing that matters goes through it.
"""

import asyncio
import math
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, UnknownTopicOrPartitionError
from aiokafka.structs import RecordMetadata

from infra.ledger.outbox import Message
from schemas import topics
from streams.clock import BrokerClock
from streams.errors import BrokerMissing

MAX_REQUEST_BYTES = 2_097_152
"""A dead letter is as large as the largest message, with its headers on top."""
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
    """

    def __init__(
        self, bootstrap: str, *, idempotent: bool, clock: BrokerClock | None = None
    ) -> None:
        self._clock = clock or BrokerClock()
        self._bootstrap = bootstrap
        self._idempotent = idempotent
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()
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
        pending: list[asyncio.Future[RecordMetadata]] = []
        begun: list[float] = []
        for message in messages:
            try:
                await self._check_topic(producer, message.topic)
                begun.append(self._clock.monotonic())
                sent = await producer.send(
                    message.topic, _value(message), key=message.key, headers=message.headers
                )
            except KafkaError:
                if not pending:
                    raise
                break  # those before it first; it is the first one of the next call
            pending.append(sent)
        answers = await asyncio.gather(*pending, return_exceptions=True)
        self._learn(answers, begun)
        for count, answer in enumerate(answers):
            if isinstance(answer, BaseException):
                if count == 0:
                    raise answer
                return count
        return len(pending)

    def _learn(
        self, answers: Sequence[RecordMetadata | BaseException], begun: Sequence[float]
    ) -> None:
        """Let the clock learn from the last journal entry of those that were sent."""
        for answer, sent in zip(reversed(answers), reversed(begun[: len(answers)]), strict=True):
            if isinstance(answer, BaseException) or answer.topic != topics.JOURNAL.name:
                continue
            if answer.timestamp is not None:
                self._clock.learn(answer.timestamp, answer.timestamp_type, sent)
            return

    async def _check_topic(self, producer: AIOKafkaProducer, topic: str) -> None:
        """Raise where the broker answers and has no such topic; aiokafka would look for 40 s."""
        if topic in self._topics:
            return
        begun = time.monotonic()
        if begun - self._missing.get(topic, -math.inf) < _MISSING_FOR_S:
            raise UnknownTopicOrPartitionError(topic)
        client = producer.client
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


def _value(message: Message) -> bytes | None:
    """Return the value; an empty one where neither key nor value is there.

    Other clients send such messages, and they become dead letters; aiokafka refuses to.
    """
    return b"" if message.key is None and message.value is None else message.value
