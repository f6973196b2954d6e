"""Intake of reports and stamps on the real topics, as a worker does it, for a scene's core."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from intake import BadInput, IntakeLimits, Reports, Stamps, noted
from schemas import topics
from schemas.journal import Entry
from tests.cli.scene import Scene, make_topic
from tests.console.town import town
from tests.patience import patience

TOPICS = (topics.REPORTS, topics.UNIT_STATUS)


@contextlib.contextmanager
def taking_in(scene: Scene) -> Iterator[None]:
    """Take in what stands on the topics from now on, on a thread of its own."""
    ready, over = threading.Event(), threading.Event()
    fault: list[BaseException] = []
    city, limits = town(scene.region), IntakeLimits()
    reports, stamps = Reports(city, limits, b"secret"), Stamps(city, limits)

    def entry_of(record: ConsumerRecord) -> Entry:
        arrived = datetime.now(UTC)
        if record.topic == topics.REPORTS.name:
            return noted(reports.take(reports.open(record), arrived).evidence, scene.region)
        return stamps.take(stamps.open(record), arrived)

    async def run() -> None:
        for topic in TOPICS:
            await make_topic(scene.endpoints.bootstrap, topic.name, topic.partitions)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=scene.endpoints.bootstrap, enable_auto_commit=False
        )
        await consumer.start()
        try:
            parts = [TopicPartition(t.name, part) for t in TOPICS for part in range(t.partitions)]
            consumer.assign(parts)
            await consumer.seek_to_end()
            for part in parts:
                await consumer.position(part)
            ready.set()
            while not over.is_set():
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        scene.journal.now = max(scene.journal.now, datetime.now(UTC))
                        with contextlib.suppress(BadInput):
                            await scene.apply(entry_of(record))
        finally:
            await consumer.stop()

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
        working.join(30)
        if fault:
            raise fault[0]
