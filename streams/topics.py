"""Topics as the topic table says: made where they are missing, checked where they are."""

import logging
from collections.abc import Mapping

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
        Names of the topics made now. Topics that are there with fewer partitions or another
        configuration are left alone, with a warning.

    Raises
    ------
    BrokerMissing
        No broker answers.
    TopicsUnfit
        The broker refuses to make one.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
    except (KafkaError, OSError) as error:
        await admin.close()
        raise BrokerMissing(
            f"no broker answers at {bootstrap}: {error}; is it up? see `jingwei status`"
        ) from error
    try:
        wanted = {topic.name: topic for topic in topics.all_topics(tuple(codes.departments()))}
        there = set(await admin.list_topics()) & set(wanted)
        made = await _make(
            admin, [topic for name, topic in wanted.items() if name not in there], replication
        )
        await _compare(admin, [wanted[name] for name in sorted(there)])
        return made
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


async def _configs(admin: AIOKafkaAdminClient, there: list[Topic]) -> list[dict[str, str]]:
    """Return the topics' configurations; empty where the broker does not tell."""
    try:
        responses = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in there]
        )
    except (KafkaError, NotImplementedError):
        return [{} for _ in there]
    found = {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for response in responses
        for resource in response.resources
    }
    return [found.get(topic.name, {}) for topic in there]


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
    bootstrap: str, fences: Mapping[tuple[str, int], int], slack: int = 0
) -> None:
    """Check that no topic ends before what the ledger has read of it, give or take ``slack``.

    Raises
    ------
    TopicsUnfit
        One does: the broker's data was deleted or is another's. New messages would be taken
        for ones dealt with long ago.
    """
    begun = [TopicPartition(*part) for part, offset in sorted(fences.items()) if offset]
    if not begun:
        return
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(begun)
    finally:
        await consumer.stop()
    for part, end in ends.items():
        reached = fences[part.topic, part.partition]
        if end + slack < reached:
            raise TopicsUnfit(
                f"the ledger has read {part.topic} partition {part.partition} up to offset "
                f"{reached}, but it ends at {end}: the broker's data was deleted or belongs to "
                "another ledger; use the broker of this ledger, or begin both anew "
                "(`jingwei down --wipe`)"
            )
