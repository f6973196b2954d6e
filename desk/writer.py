"""The broker's end of the desk: messages over one kept connection."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import RecordMetadata

from desk.errors import JournalRefused, JournalUnreachable
from schemas import topics, wire
from schemas.envelope import Envelope, Headers
from schemas.journal import Command

log = logging.getLogger(__name__)

_REQUEST_S = 5.0
"""A request without an answer is given up after this time; the command is then written again."""
_PAUSE_S = 0.2
_REFUSALS = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    InvalidTopicError,
)
"""After these the broker has certainly not written the message; other errors leave it open."""


class Outgoing(NamedTuple):
    """A message to the broker; ``name`` says in logs and errors what it is."""

    name: str
    topic: str
    key: bytes
    value: bytes
    headers: Headers


def outgoing(topic: topics.Topic, key: str, message: object, envelope: Envelope) -> Outgoing:
    """Return a message of a topic."""
    name = f"{topic.name} {envelope.id}"
    return Outgoing(name, topic.name, key.encode(), wire.encode(message), envelope.headers())


class Writer:
    """Writes messages, many at a time.

    Parameters
    ----------
    bootstrap
        ``host:port`` of the broker, several separated by commas.
    idempotent
        Whether the broker takes an idempotent producer.
    source
        The ``ce_source`` of the messages.
    """

    def __init__(self, bootstrap: str, *, idempotent: bool, source: str) -> None:
        self._bootstrap, self._idempotent, self._source = bootstrap, idempotent, source
        self._producer: asyncio.Task[AIOKafkaProducer] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def command(self, command: Command) -> Outgoing:
        """Return the message of a command."""
        envelope = Envelope(
            id=command.id,
            source=self._source,
            type=topics.JOURNAL.type,
            time=datetime.now(UTC),
            subject=command.region,
            correlation=command.incident,
        )
        return outgoing(topics.JOURNAL, command.region, command, envelope)

    async def write(self, message: Outgoing, handed: asyncio.Event) -> None:
        """Write a message; on return the broker has it.

        If the broker leaves it open whether the message was written, it is written again: who
        reads it takes an id once, however often it stands there.

        Parameters
        ----------
        handed
            Set when the message may have reached the broker. As long as it is not set, nothing
            has happened.

        Raises
        ------
        JournalUnreachable
            No broker answers; never raised once ``handed`` is set.
        JournalRefused
            The broker will never take it.
        """
        while True:
            try:
                pending = await self._send(message)
            except JournalUnreachable:
                if not handed.is_set():
                    raise
                await asyncio.sleep(_PAUSE_S)
                continue
            handed.set()
            try:
                await asyncio.shield(pending)  # a caller who gives up does not unsend it
            except _REFUSALS as error:
                raise JournalRefused(f"the broker refuses the message: {_text(error)}") from error
            except (KafkaError, OSError) as error:
                log.warning("%s: %s; writing it again", message.name, _text(error))
                self._discard()
                await asyncio.sleep(_PAUSE_S)
            else:
                return

    async def connect(self) -> None:
        """Connect now rather than with the first command; no error if no broker answers."""
        with contextlib.suppress(JournalUnreachable):
            await self._connected()

    async def close(self) -> None:
        """Send what is under way, for as long as a request may take, and disconnect."""
        self._discard()
        while self._closing:
            await asyncio.wait(self._closing)

    async def _send(self, message: Outgoing) -> "asyncio.Future[RecordMetadata]":
        """Hand a message to the producer and return its acknowledgement to come."""
        while True:
            producer = await self._connected()
            try:
                pending: asyncio.Future[RecordMetadata] = await producer.send(
                    message.topic, key=message.key, value=message.value, headers=message.headers
                )
            except ProducerClosed:
                continue  # discarded by another message meanwhile
            except _REFUSALS as error:
                raise JournalRefused(f"the broker refuses the message: {_text(error)}") from error
            except (KafkaError, OSError) as error:
                self._discard()
                raise self._unreachable(error) from error
            return pending

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = asyncio.create_task(self._start())
            self._producer.add_done_callback(self._forget_failed)
        # A caller who gives up does not cut it off: aiokafka would leave its connection open.
        return await asyncio.shield(self._producer)

    def _forget_failed(self, starting: asyncio.Task[AIOKafkaProducer]) -> None:
        failed = starting.cancelled() or starting.exception() is not None
        if failed and self._producer is starting:
            self._producer = None

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=self._idempotent,
            request_timeout_ms=int(_REQUEST_S * 1_000),
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise self._unreachable(error) from error
        except BaseException:  # as when it is cancelled: its sockets and tasks end with it
            await producer.stop()
            raise
        return producer

    def _discard(self) -> None:
        """Let the next command connect afresh: a producer that has failed may send no more."""
        producer, self._producer = self._producer, None
        if producer is not None:
            task = asyncio.create_task(_stop(producer))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _unreachable(self, error: Exception) -> JournalUnreachable:
        return JournalUnreachable(
            f"the broker at {self._bootstrap} did not take the message ({_text(error)}), so "
            "nothing has happened: see `jingwei status`, then try again"
        )


async def _stop(starting: asyncio.Task[AIOKafkaProducer]) -> None:
    with contextlib.suppress(JournalUnreachable, KafkaError, OSError):
        await (await starting).stop()


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
