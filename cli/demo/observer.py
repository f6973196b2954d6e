"""An outside subscriber of ``city.dispatches``: records each incident's first assignment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import topics, wire
from schemas.outputs import DispatchChanged


class Observer:
    """``assigned`` has the time when an incident's first assignment arrived, by incident."""

    def __init__(self) -> None:
        self.assigned: dict[str, datetime] = {}

    async def listen(self, consumer: AIOKafkaConsumer) -> None:
        """Receive messages until cancelled."""
        async for record in consumer:
            now = datetime.now(UTC)
            change: DispatchChanged = wire.decode(record.value, DispatchChanged)
            if change.change == "assigned":
                self.assigned.setdefault(change.incident_id, now)


@asynccontextmanager
async def observing(bootstrap: str) -> AsyncIterator[Observer]:
    """Return an observer that listens from now on."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        fetch_max_wait_ms=100,
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        topic = topics.DISPATCHES
        parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(parts)
        await consumer.seek_to_end(*parts)
        for part in parts:
            await consumer.position(part)
        observer = Observer()
        task = asyncio.create_task(observer.listen(consumer))
        try:
            yield observer
        finally:
            task.cancel()
            await asyncio.wait([task])
    finally:
        await consumer.stop()
