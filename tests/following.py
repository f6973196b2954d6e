"""What comes onto topics from now on, taken in on a thread of its own, as a worker takes it in."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from schemas.topics import JOURNAL, Topic
from tests.patience import patience

Take = Callable[[ConsumerRecord], Awaitable[Any]]


@contextlib.asynccontextmanager
async def at_the_end(bootstrap: str, topics: Sequence[Topic]) -> AsyncIterator[AIOKafkaConsumer]:
    """Return a consumer that stands at the end of topics, which are there."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(topic.name, n) for topic in topics for n in range(topic.partitions)]
        consumer.assign(parts)
        await consumer.seek_to_end()
        for part in parts:
            await consumer.position(part)
        yield consumer
    finally:
        await consumer.stop()


@contextlib.contextmanager
def following(
    bootstrap: str, topics: Sequence[Topic], begin: Callable[[], AbstractAsyncContextManager[Take]]
) -> Iterator[None]:
    """Take in what comes onto topics, which are made; a fault of that is raised at the end.

    Parameters
    ----------
    begin
        Opens what is needed on the thread's loop, and returns what takes a message.
    """
    ready, over = threading.Event(), threading.Event()
    fault: list[BaseException] = []

    async def run() -> None:
        for topic in topics:
            await make_topic(bootstrap, topic.name, topic.partitions)
        async with at_the_end(bootstrap, topics) as consumer, begin() as take:
            ready.set()
            while not over.is_set():
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        await take(record)

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            fault.append(error)
        finally:
            ready.set()

    working = threading.Thread(target=thread, daemon=True)
    working.start()
    assert ready.wait(patience(30))
    try:
        yield
    finally:
        over.set()
        working.join(patience(30))
        if fault:
            raise fault[0]


async def make_topic(bootstrap: str, name: str, partitions: int) -> None:
    """Make a topic, if it is not there."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if name not in await admin.list_topics():
            config = JOURNAL.config()
            with contextlib.suppress(TopicAlreadyExistsError):
                await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
    finally:
        await admin.close()
