"""To and from Kafka: send messages in order, receive outputs as they arrive."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from city.simulate.errors import BrokerSilent, TopicsMissing
from city.simulate.mail import Mail
from city.simulate.truth import TruthLog, Undelivered
from schemas import wire
from schemas.errors import PayloadError
from schemas.topics import Topic

__all__ = ["Listener", "Post"]

_FLUSH_S = 15.0
_MAX_REQUEST = 1_048_576


class Post:
    """Sends messages in order; messages that the broker does not acknowledge go to the truth."""

    def __init__(self, bootstrap: str, truth: TruthLog) -> None:
        self._bootstrap = bootstrap
        self._truth = truth
        self._queue: asyncio.Queue[Mail] = asyncio.Queue()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self.sent: Counter[str] = Counter()
        self.undelivered = 0

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            linger_ms=5,
            max_request_size=_MAX_REQUEST,
        )
        try:
            await self._producer.start()
        except KafkaError as error:
            await self._producer.stop()
            raise BrokerSilent(
                f"no broker answers at {self._bootstrap}: start one with `jingwei up`, or set "
                "JINGWEI_KAFKA_BOOTSTRAP"
            ) from error
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._producer.stop()

    def put(self, mail: Mail) -> None:
        """Send a message soon."""
        self._queue.put_nowait(mail)

    @property
    def backlog(self) -> int:
        """Return the number of messages not yet sent or acknowledged."""
        return self._queue.qsize() + self._waiting

    async def flush(self) -> None:
        """Wait until all messages are acknowledged, for some seconds at most."""
        try:
            async with asyncio.timeout(_FLUSH_S):
                await self._queue.join()
                await self._producer.flush()
        except TimeoutError:
            self.undelivered += self.backlog

    async def _run(self) -> None:
        while True:
            mail = await self._queue.get()
            try:
                acknowledged = await self._producer.send(
                    mail.topic, value=mail.value, key=mail.key, headers=mail.headers
                )
            except KafkaError as error:
                self._lost(mail, error)
            else:
                self._waiting += 1
                acknowledged.add_done_callback(lambda done, mail=mail: self._done(mail, done))
            self._queue.task_done()

    def _done(self, mail: Mail, acknowledged: "asyncio.Future[Any]") -> None:
        self._waiting -= 1
        if acknowledged.cancelled():
            return
        error = acknowledged.exception()
        if error is None:
            self.sent[mail.topic] += 1
        else:
            self._lost(mail, error)

    def _lost(self, mail: Mail, error: BaseException) -> None:
        self.undelivered += 1
        self._truth.write(
            Undelivered(
                topic=mail.topic,
                key=mail.key.decode(errors="replace"),
                reason=f"{type(error).__name__}: {error}"[:200],
            )
        )


class Listener:
    """Receives the output topics from now on, without a group, like a terminal or console.

    Parameters
    ----------
    handlers
        Handler of decoded messages by topic. ``unreadable`` counts others.
    """

    def __init__(self, bootstrap: str, handlers: dict[Topic, Callable[[Any], None]]) -> None:
        self._bootstrap = bootstrap
        self._handlers = {topic.name: (topic, handler) for topic, handler in handlers.items()}
        self._task: asyncio.Task[None] | None = None
        self.unreadable = 0

    async def __aenter__(self) -> Self:
        await self._check_topics()
        self._consumer = AIOKafkaConsumer(
            *self._handlers,
            bootstrap_servers=self._bootstrap,
            group_id=None,
            auto_offset_reset="latest",
            isolation_level="read_committed",
        )
        try:
            await self._consumer.start()
            await self._consumer.seek_to_end()
        except KafkaError as error:
            await self._consumer.stop()
            raise self._silent() from error
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._consumer.stop()

    async def _check_topics(self) -> None:
        """Check that the topics exist: a consumer would wait for missing ones."""
        try:
            async with AIOKafkaConsumer(bootstrap_servers=self._bootstrap) as looker:
                missing = sorted(set(self._handlers) - await looker.topics())
        except KafkaError as error:
            raise self._silent() from error
        if missing:
            raise TopicsMissing(
                f"the broker at {self._bootstrap} does not have the topics {', '.join(missing)}: "
                "start the workers first"
            )

    def _silent(self) -> BrokerSilent:
        return BrokerSilent(
            f"the broker at {self._bootstrap} does not answer: check it with `jingwei doctor`"
        )

    def check(self) -> None:
        """Raise the error that ended the receiving, if any."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        while True:
            polled = await self._consumer.getmany(timeout_ms=200, max_records=1_000)
            for partition, records in polled.items():
                topic, handler = self._handlers[partition.topic]
                for record in records:
                    try:
                        message = wire.decode(record.value, topic.message)
                    except PayloadError:
                        self.unreadable += 1
                        continue
                    handler(message)
