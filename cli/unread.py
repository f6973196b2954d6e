"""Count the unread messages of topics, or report that the number is unknown."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from infra.ledger.logs import TopicLog
from infra.ledger.run import Part
from infra.local.errors import Unreachable
from schemas.topics import Topic
from streams.errors import BrokerMissing
from streams.topic_ids import KnownTopic, known_topics

_FEW = 200
"""Up to this many offsets are read to count messages: some may be transaction markers."""
_LOOKS = 10


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that a group has not read, of the topics it reads.

    Attributes
    ----------
    lag
        Unread messages by topic; topics without any are left out.
    held
        How many of them cannot be read, by topic: they are in or behind an open transaction.
    unknown
        Topics whose lag is unknown, and why.
    gone
        By partition, how many unread offsets the broker has deleted; only those that no worker
        has noticed yet.
    anew
        Topics that were deleted and recreated; only those that no worker has noticed yet.
    """

    lag: dict[str, int]
    held: dict[str, int]
    unknown: dict[str, str]
    gone: dict[Part, int]
    anew: tuple[str, ...]


async def unread(
    bootstrap: str,
    wanted: Sequence[Topic],
    consumed: Mapping[Part, int],
    logs: Mapping[str, TopicLog],
    *,
    exact: bool = True,
) -> Unread:
    """Return the messages that a group has not read.

    Parameters
    ----------
    consumed
        The group's next offset of each partition; a missing partition was never read.
    logs
        The topics as the ledger knows them.
    exact
        Whether the broker reports the end of each topic; the embedded one reports the start of
        the last batch.

    Raises
    ------
    Unreachable
        The broker does not answer.
    """
    try:
        known = await known_topics(bootstrap, [topic.name for topic in wanted])
        async with (
            _reading(bootstrap, "read_committed") as committed,
            _reading(bootstrap, "read_uncommitted") as all_there,
        ):
            there = await _partitions(bootstrap, wanted)
            readers = _Readers(committed, all_there)
            return await _unread(readers, there, consumed, _made_anew(known, logs), exact=exact)
    except (KafkaError, OSError, BrokerMissing) as error:
        raise Unreachable(f"the broker at {bootstrap} does not answer: {error}") from error


class _Readers(NamedTuple):
    """A consumer that reads up to the last stable offset, and one that reads everything."""

    committed: AIOKafkaConsumer
    all_there: AIOKafkaConsumer


@asynccontextmanager
async def _reading(bootstrap: str, isolation: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level=isolation
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


def _made_anew(known: Mapping[str, KnownTopic], logs: Mapping[str, TopicLog]) -> list[str]:
    return sorted(
        name for name, topic in known.items() if name in logs and logs[name].topic_id != topic.id
    )


async def _partitions(bootstrap: str, wanted: Iterable[Topic]) -> dict[str, list[int]]:
    """Return the partitions of topics; none for missing topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        described = await admin.describe_topics([topic.name for topic in wanted])
    finally:
        await admin.close()
    return {
        topic["topic"]: sorted(
            part["partition"] for part in topic["partitions"] if not topic["error_code"]
        )
        for topic in described
    }


async def _unread(
    readers: _Readers,
    there: Mapping[str, Sequence[int]],
    consumed: Mapping[Part, int],
    anew: Sequence[str],
    *,
    exact: bool,
) -> Unread:
    unknown = {name: "the topic is missing" for name, found in there.items() if not found}
    parts = [TopicPartition(name, number) for name, found in there.items() for number in found]
    begins = await readers.committed.beginning_offsets(parts)
    # In this order: a transaction that ends in between does not count as open.
    ends = await readers.all_there.end_offsets(parts)
    stable = await readers.committed.end_offsets(parts)
    waiting: dict[TopicPartition, tuple[int, int]] = {}
    shut: dict[TopicPartition, tuple[int, int]] = {}
    gone: dict[Part, int] = {}
    for part in parts:
        read = 0 if part.topic in anew else consumed.get((part.topic, part.partition), 0)
        begin, readable = begins[part], stable[part]
        end = max(readable, ends[part])
        if read < begin:
            gone[part.topic, part.partition] = begin - read
        if read > end and exact:
            unknown[part.topic] = (
                f"partition {part.partition} ends at {end}, before its read offset"
            )
            continue
        if max(read, begin) < readable:
            waiting[part] = max(read, begin), readable
        if max(read, begin, readable) < end:
            shut[part] = max(read, begin, readable), end
    lag = await _by_topic(readers.committed, waiting)
    held = await _by_topic(readers.all_there, shut)
    return Unread(
        lag={
            name: lag.get(name, 0) + held.get(name, 0)
            for name in there
            if name in lag or name in held
        },
        held=held,
        unknown=unknown,
        gone=gone,
        anew=tuple(anew),
    )


async def _by_topic(
    consumer: AIOKafkaConsumer, spans: Mapping[TopicPartition, tuple[int, int]]
) -> dict[str, int]:
    """Return the number of messages in spans of offsets, by topic; topics without any left out."""
    counted = await _count(consumer, spans)
    found: dict[str, int] = {}
    for part, (begin, end) in spans.items():
        left = counted.get(part, end - begin)
        if left:
            found[part.topic] = found.get(part.topic, 0) + left
    return found


async def _count(
    consumer: AIOKafkaConsumer, waiting: Mapping[TopicPartition, tuple[int, int]]
) -> dict[TopicPartition, int]:
    """Return the number of messages in short spans of offsets, if read in time."""
    left = {part: end for part, (begin, end) in waiting.items() if end - begin <= _FEW}
    if not left:
        return {}
    consumer.assign(list(left))
    for part in left:
        consumer.seek(part, waiting[part][0])
    found = dict.fromkeys(left, 0)
    counted = {}
    for _ in range(_LOOKS):
        for part, records in (await consumer.getmany(timeout_ms=200)).items():
            found[part] += sum(record.offset < waiting[part][1] for record in records)
        for part, end in list(left.items()):
            if await consumer.position(part) >= end:
                counted[part] = found[part]
                del left[part]
        if not left:
            break
    return counted
