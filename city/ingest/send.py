"""Messages to Kafka, as CloudEvents in binary mode."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from city.ingest.errors import NotSent
from city.ingest.messages import Event
from schemas import wire
from schemas.envelope import Envelope
from schemas.topics import Topic

_IN_FLIGHT = 10_000
_SOURCE_LENGTH = 150
_START_S = 15.0


def source_of(file_name: str) -> str:
    """Return the CloudEvents source of a file."""
    return f"urn:jingwei:ingest:{quote(file_name)[:_SOURCE_LENGTH]}"


class Sender:
    """Sends events to one topic; waits while the broker is slower than the file.

    Parameters
    ----------
    bootstrap
        The broker.
    topic
        Topic of all messages.
    source
        CloudEvents source.
    idempotent
        Whether the broker accepts an idempotent producer.
    """

    def __init__(self, bootstrap: str, topic: Topic, source: str, *, idempotent: bool) -> None:
        self._bootstrap, self._topic, self._source = bootstrap, topic, source
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            enable_idempotence=idempotent,
            acks="all",
            linger_ms=10,
            max_batch_size=131_072,
        )
        self._flying: deque[asyncio.Future[Any]] = deque()

    async def __aenter__(self) -> Self:
        try:
            await asyncio.wait_for(self._start(), _START_S)
        except (KafkaError, TimeoutError) as error:
            await self._producer.stop()
            raise NotSent(
                f"the broker {self._bootstrap} does not answer, or has no topic "
                f"{self._topic.name} ({error or 'no answer'}): start one with `jingwei up`, then "
                "start the worker, which creates the topics"
            ) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                await self.flush()
        finally:
            await self._producer.stop()

    async def send(self, event: Event, message: object) -> None:
        """Send one event.

        Raises
        ------
        NotSent
            This message, or one sent before it, could not be delivered.
        """
        envelope = Envelope(
            id=event.id,
            source=self._source,
            type=self._topic.type,
            time=event.time,
            subject=event.key if event.key.isprintable() else None,
        )
        try:
            self._flying.append(
                await self._producer.send(
                    self._topic.name,
                    key=event.key.encode(),
                    value=wire.encode(message),
                    headers=envelope.headers(),
                )
            )
            while self._flying and (len(self._flying) > _IN_FLIGHT or self._flying[0].done()):
                await self._flying.popleft()
        except KafkaError as error:
            raise NotSent(f"line {event.row.place} could not be sent: {error}") from error

    async def flush(self) -> None:
        """Wait until everything is delivered; raises `NotSent`."""
        try:
            while self._flying:
                await self._flying.popleft()
        except KafkaError as error:
            raise NotSent(f"the last messages could not be sent: {error}") from error

    async def _start(self) -> None:
        await self._producer.start()
        await self._producer.partitions_for(self._topic.name)
