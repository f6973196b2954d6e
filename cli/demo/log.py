"""The ends of the topics, and whether the worker has read that far."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from infra.ledger import run
from infra.ledger.run import Part
from schemas import topics
from schemas.topics import Topic

READ = (*topics.INPUTS, topics.JOURNAL)
"""Topics that must be read to their ends before a run is over."""
_POLL_S = 0.1


class Log:
    """The broker's topics, seen from outside.

    Parameters
    ----------
    consumer
        A started consumer without a group.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def names(self) -> set[str]:
        """Return the existing topics."""
        return set(await self._consumer.topics())

    async def ends(self, wanted: Sequence[Topic] = READ) -> dict[Part, int]:
        """Return each partition's end: the offset of its next message."""
        parts = [
            TopicPartition(topic.name, partition)
            for topic in wanted
            for partition in range(topic.partitions)
        ]
        found = await self._consumer.end_offsets(parts)
        return {(part.topic, part.partition): end for part, end in found.items()}

    async def read(
        self, first: Mapping[Part, int], end: Mapping[Part, int]
    ) -> list[ConsumerRecord]:
        """Return the messages from ``first`` up to ``end``, of the partitions in ``end``."""
        left = {TopicPartition(*part): to for part, to in end.items() if first[part] < to}
        if not left:
            return []
        found: list[ConsumerRecord] = []
        self._consumer.assign(list(left))
        for part in left:
            self._consumer.seek(part, first[part.topic, part.partition])
        while left:
            for part, records in (await self._consumer.getmany(timeout_ms=500)).items():
                found += [record for record in records if record.offset < end[part]]
            for part in list(left):
                if await self._consumer.position(part) >= left[part]:
                    del left[part]
        self._consumer.unsubscribe()
        return found


@asynccontextmanager
async def opened(bootstrap: str) -> AsyncIterator[Log]:
    """Open the topics of a broker."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed"
    )
    await consumer.start()
    try:
        yield Log(consumer)
    finally:
        await consumer.stop()


def behind(ends: Mapping[Part, int], consumed: Mapping[Part, int]) -> dict[str, int]:
    """Return the number of unread messages by topic; topics without any are left out."""
    lag: dict[str, int] = {}
    for (topic, partition), end in ends.items():
        left = end - consumed.get((topic, partition), 0)
        if left > 0:
            lag[topic] = lag.get(topic, 0) + left
    return lag


async def until_read(
    log: Log, ledger: asyncpg.Connection, group: str, timeout_s: float, hurry: asyncio.Event
) -> dict[str, int]:
    """Wait until the group has read all topics and sent the resulting messages.

    Inputs are waited for first, then the journal, which may still grow from the inputs.

    Parameters
    ----------
    timeout_s
        How long nothing may be read or sent before the wait is given up.

    Returns
    -------
    dict
        Messages left, by topic (``outbox`` for unsent ones); empty if everything was read.
    """
    progress_at, before = time.monotonic(), {"": 0}
    for part in (topics.INPUTS, (topics.JOURNAL,)):
        ends = await log.ends(part)
        while True:
            left = behind(ends, await run.consumed(ledger, group))
            unsent = await run.waiting(ledger)
            if unsent:
                left["outbox"] = unsent
            if not left:
                break
            if left != before:
                progress_at, before = time.monotonic(), left
            if time.monotonic() - progress_at > timeout_s or hurry.is_set():
                return left
            await asyncio.sleep(_POLL_S)
    return {}
