"""What is published on topics, read by one consumer without a group, from a known place on."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from infra.topic_ids import KnownTopic, known_topics

Part = tuple[str, int]
"""A topic's name and the number of a partition."""

_FETCH_WAIT_MS = 25
"""A partition that was just read waits for the broker's answer to the fetch under way."""
_POLL_MS = 500
_MOST_RECORDS = 2_000
_ANSWER_S = 5.0


class FeedError(Exception):
    """Base: `BrokerAway`, `LogLost`."""


class BrokerAway(FeedError):
    """No broker answers, or it does not have the topics."""


class LogLost(FeedError):
    """What comes next is not there any more: retention, or other topics under the same names."""


class Published(NamedTuple):
    """A message; ``timestamp`` in milliseconds since 1970."""

    part: Part
    offset: int
    timestamp: int
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None


class Feed:
    """Reads topics. Every method raises `BrokerAway` if no broker answers.

    Parameters
    ----------
    bootstrap
        ``host:port`` of the broker, several separated by commas.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None

    async def topics(self, partitions: Mapping[str, int]) -> dict[str, KnownTopic]:
        """Return topics as the broker has them, all of them or none.

        Parameters
        ----------
        partitions
            How many a topic has by name, where the broker does not tell ids.
        """
        with _errors():
            known = await known_topics(self._bootstrap, partitions)
        if not known:
            return {name: KnownTopic("", count) for name, count in partitions.items()}
        missing = sorted(partitions.keys() - known.keys())
        if missing:
            raise BrokerAway(f"the broker does not have {', '.join(missing)}: start a worker")
        return known

    async def open(self, parts: Sequence[Part], past_s: float) -> tuple[list[int], list[int]]:
        """Connect, and begin ``past_s`` seconds ago.

        Returns
        -------
        tuple
            The offsets where reading begins and those where the partitions ended.
        """
        with _errors():
            consumer = await self._connect()
            wanted = [TopicPartition(*part) for part in parts]
            ends = await consumer.end_offsets(wanted)
            since = int((time.time() - past_s) * 1_000)
            found = await consumer.offsets_for_times(dict.fromkeys(wanted, since))
            starts = [
                ends[part] if found[part] is None else min(found[part].offset, ends[part])
                for part in wanted
            ]
            self._begin(consumer, wanted, starts)
        return starts, [ends[part] for part in wanted]

    async def reopen(self, parts: Sequence[Part], offsets: Sequence[int]) -> None:
        """Connect again and go on at a place."""
        with _errors():
            consumer = await self._connect()
            self._begin(consumer, [TopicPartition(*part) for part in parts], offsets)

    async def poll(self) -> list[list[Published]]:
        """Return what has come, by partition, as soon as something has; after 0.5 s nothing.

        Raises
        ------
        LogLost
            The broker does not have what comes next.
        """
        with _errors():
            assert self._consumer is not None
            found = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_MOST_RECORDS)
        return [
            [Published(part, r.offset, r.timestamp, r.headers, r.value) for r in records]
            for part, records in found.items()
            if records
        ]

    async def ends(self, parts: Sequence[Part]) -> dict[Part, int]:
        """Return where partitions end now."""
        with _errors():
            if self._consumer is None:
                raise BrokerAway("not connected")
            async with asyncio.timeout(_ANSWER_S):
                found: dict[Part, int] = await self._consumer.end_offsets(
                    [TopicPartition(*part) for part in parts]
                )
        return found

    async def positions(self) -> dict[Part, int]:
        """Return where reading goes on, by partition."""
        consumer = self._consumer
        if consumer is None:
            return {}
        return {part: await consumer.position(part) for part in consumer.assignment()}

    async def close(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _connect(self) -> AIOKafkaConsumer:
        await self.close()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=int(_ANSWER_S * 1_000),
        )
        try:
            await consumer.start()
        except BaseException:  # as when it is cancelled: its sockets and tasks end with it
            await consumer.stop()
            raise
        self._consumer = consumer
        return consumer

    @staticmethod
    def _begin(
        consumer: AIOKafkaConsumer, parts: Sequence[TopicPartition], offsets: Sequence[int]
    ) -> None:
        consumer.assign(parts)
        for part, offset in zip(parts, offsets, strict=True):
            consumer.seek(part, offset)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Raise aiokafka's errors as ours."""
    try:
        yield
    except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
        raise LogLost(f"the broker does not have what comes next: {error}") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerAway(f"no broker answers: {error or type(error).__name__}") from error
