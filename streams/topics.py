"""Topics as the topic table says: made where they are missing, checked where they are."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from schemas import codes, topics
from schemas.topics import Topic
from streams.errors import BrokerMissing, TopicsUnfit

log = logging.getLogger(__name__)

_TIMESTAMP = "message.timestamp.type"
_OF_TOPIC = 1
"""Kafka's number of the source of a setting that is the topic's own."""
_NOT_ALTERED = (
    "%s cannot be altered to take the broker's time (%s): until then its producers' clocks are "
    "taken for the time of arrival; alter message.timestamp.type to LogAppendTime by hand"
)


async def make_topics(bootstrap: str, *, replication: int = 1) -> list[str]:
    """Make all of a city's topics that are missing.

    Parameters
    ----------
    bootstrap
        ``host:port`` of the broker, several separated by commas.
    replication
        Copies of each partition.

    Returns
    -------
    list of str
        Names of the topics made now. Those that are there are altered to take the broker's time
        where the topic table says so, which the log tells; with fewer partitions or another
        configuration they are left alone, with a warning.

    Raises
    ------
    BrokerMissing
        No broker answers.
    TopicsUnfit
        The broker refuses to make one.
    """
    async with _admin(bootstrap) as admin:
        wanted = {topic.name: topic for topic in topics.all_topics(tuple(codes.departments()))}
        there = set(await admin.list_topics()) & set(wanted)
        made = await _make(
            admin, [topic for name, topic in wanted.items() if name not in there], replication
        )
        await _take_brokers_time(admin, [wanted[name] for name in sorted(there)])
        await _compare(admin, [wanted[name] for name in sorted(there)])
        return made


async def take_brokers_time(bootstrap: str) -> list[str]:
    """Alter the topics that are there to take the broker's time where the topic table says so.

    Returns
    -------
    list of str
        Names of the topics altered now; none is made.

    Raises
    ------
    BrokerMissing
        No broker answers.
    """
    async with _admin(bootstrap) as admin:
        names = set(await admin.list_topics())
        return await _take_brokers_time(
            admin, [topic for topic in topics.CITY if topic.name in names]
        )


async def retention_of(bootstrap: str, wanted: Sequence[Topic]) -> dict[str, int | None]:
    """Return how long the broker keeps messages of topics, in milliseconds; None is for ever.

    Where it does not tell, or has no such topic, it is as the topic table says.

    Raises
    ------
    BrokerMissing
        No broker answers.
    """
    async with _admin(bootstrap) as admin:
        names = set(await admin.list_topics())
        there = [topic for topic in wanted if topic.name in names]
        told = dict(zip((t.name for t in there), await _configs(admin, there), strict=True))
    found: dict[str, int | None] = {}
    for topic in wanted:
        config = topic.config() | told.get(topic.name, {})
        ms = int(config.get("retention.ms") or -1)
        found[topic.name] = None if ms < 0 or config["cleanup.policy"] == "compact" else ms
    return found


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
    except (KafkaError, OSError) as error:
        await admin.close()
        raise BrokerMissing(
            f"no broker answers at {bootstrap}: {error}; is it up? see `jingwei status`"
        ) from error
    try:
        yield admin
    finally:
        await admin.close()


async def _make(admin: AIOKafkaAdminClient, missing: list[Topic], replication: int) -> list[str]:
    if not missing:
        return []
    response = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, replication, topic_configs=topic.config())
            for topic in missing
        ]
    )
    made = []
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:
            continue  # another worker was faster
        if code:
            detail = message[0] if message and message[0] else error.__name__
            raise TopicsUnfit(
                f"the broker refuses to make the topic {name}: {detail}; make it by hand, or "
                "let this user create topics"
            )
        made.append(name)
    return made


async def _take_brokers_time(admin: AIOKafkaAdminClient, there: list[Topic]) -> list[str]:
    """Set the time of topics whose messages still carry their producers' time.

    Nothing else of them is changed. This request replaces all that is set of a topic, so that
    what an administrator has set is sent along.
    """
    stamped = [topic for topic in there if topic.timestamp == topics.LOG_APPEND_TIME]
    found = await _settings(admin, stamped)
    unlike = [
        topic
        for topic, settings in zip(stamped, found, strict=True)
        if _TIMESTAMP in settings and settings[_TIMESTAMP].value != topic.timestamp
    ]
    if not unlike:
        return []
    own = dict(zip([topic.name for topic in stamped], found, strict=True))
    wanted = [
        ConfigResource(
            ConfigResourceType.TOPIC,
            topic.name,
            {name: one.value for name, one in own[topic.name].items() if one.of_topic}
            | {_TIMESTAMP: topic.timestamp},
        )
        for topic in unlike
    ]
    try:
        responses = await admin.alter_configs(wanted)
    except (KafkaError, NotImplementedError) as error:
        log.warning(_NOT_ALTERED, ", ".join(topic.name for topic in unlike), error)
        return []
    altered = []
    for code, message, _, name in (one for answer in responses for one in answer.resources):
        if code:
            log.warning(_NOT_ALTERED, name, message or for_code(code).__name__)
        else:
            altered.append(name)
    if altered:
        log.info("altered to take the broker's time from now on: %s", ", ".join(sorted(altered)))
    return sorted(altered)


async def _compare(admin: AIOKafkaAdminClient, there: list[Topic]) -> None:
    if not there:
        return
    try:
        described = await admin.describe_topics([topic.name for topic in there])
    except UnknownTopicOrPartitionError:
        return
    partitions = {found["topic"]: len(found["partitions"]) for found in described}
    for topic in there:
        if partitions.get(topic.name, 0) < topic.partitions:
            log.warning(
                "topic %s has %d partitions, the topic table says %d: left as it is",
                topic.name,
                partitions.get(topic.name, 0),
                topic.partitions,
            )
    for topic, found in zip(there, await _configs(admin, there), strict=True):
        other = {
            name: (found[name], value)
            for name, value in topic.config().items()
            if found.get(name) not in (None, value)
        }
        if other:
            log.warning(
                "topic %s is configured otherwise than the topic table says (found, wanted): %s",
                topic.name,
                other,
            )


async def _configs(admin: AIOKafkaAdminClient, there: list[Topic]) -> list[dict[str, str | None]]:
    """Return the topics' configurations; empty where the broker does not tell."""
    return [
        {name: one.value for name, one in settings.items()}
        for settings in await _settings(admin, there)
    ]


class _Setting(NamedTuple):
    """A setting of a topic; ``of_topic`` when it was set for it and is no default."""

    value: str | None
    of_topic: bool


async def _settings(admin: AIOKafkaAdminClient, there: list[Topic]) -> list[dict[str, _Setting]]:
    """Return all settings of topics; none where the broker does not tell."""
    if not there:
        return []
    try:
        responses = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in there]
        )
    except (KafkaError, NotImplementedError):
        return [{} for _ in there]
    found = {
        resource[3]: {entry[0]: _setting(response, entry) for entry in resource[4]}
        for response in responses
        for resource in response.resources
    }
    return [found.get(topic.name, {}) for topic in there]


def _setting(response: Any, entry: Sequence[Any]) -> _Setting:  # noqa: ANN401 - aiokafka has no types
    """Read an entry: name, value, read-only, then a flag for a default or, later, a source."""
    if response.API_VERSION == 0:
        return _Setting(entry[1], of_topic=not entry[3])
    return _Setting(entry[1], of_topic=entry[3] == _OF_TOPIC)


async def partition_count(bootstrap: str, topic: str) -> int:
    """Return how many partitions a topic has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics([topic])
        return len(described[0]["partitions"])
    finally:
        await admin.close()


async def check_reach(
    bootstrap: str, guards: Mapping[tuple[str, int], int], slack: int = 0
) -> None:
    """Check that no topic ends before what the ledger has read of it, give or take ``slack``.

    Raises
    ------
    TopicsUnfit
        One does: the broker's data was deleted or is another's. New messages would be taken
        for ones dealt with long ago.
    """
    begun = [TopicPartition(*part) for part, offset in sorted(guards.items()) if offset]
    if not begun:
        return
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(begun)
    finally:
        await consumer.stop()
    for part, end in ends.items():
        reached = guards[part.topic, part.partition]
        if end + slack < reached:
            raise TopicsUnfit(
                f"the ledger has read {part.topic} partition {part.partition} up to offset "
                f"{reached}, but it ends at {end}: the broker's data was deleted or belongs to "
                "another ledger; use the broker of this ledger, or reset both "
                "(`jingwei down --wipe`)"
            )
