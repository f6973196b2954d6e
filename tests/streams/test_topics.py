"""Topics of an earlier version are altered to take the broker's time."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas import topics
from schemas.topics import Topic
from streams import topics as maker
from tests.streams.rig import Sent, read_all, send

pytestmark = [pytest.mark.kafka, pytest.mark.apache_kafka]


@pytest.fixture
def topic() -> Topic:
    """Return a topic of its own, of the kind that input comes in."""
    return Topic(
        name=f"city.test.{uuid.uuid4().hex[:12]}",
        key="id",
        about="a test",
        type=topics.REPORTS.type,
        message=None,
        role="input",
        partitions=1,
        timestamp=topics.LOG_APPEND_TIME,
    )


@pytest.fixture
def only(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> Iterator[Topic]:
    """Let it be the only topic of the city."""
    monkeypatch.setattr(topics, "CITY", (topic,))
    monkeypatch.setattr(topics, "all_topics", lambda _: (topic,))
    return topic


async def make(broker: str, topic: Topic, **settings: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        new = NewTopic(topic.name, 1, 1, topic_configs=settings)
        assert not (await admin.create_topics([new])).topic_errors[0][1]
    finally:
        await admin.close()


async def settings_of(broker: str, topic: Topic) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        (answer,) = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic.name)]
        )
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}
    finally:
        await admin.close()


OLD = {
    "message.timestamp.type": "CreateTime",
    "retention.ms": "123456789",
    "max.message.bytes": "1048576",
}


@pytest.mark.parametrize("how", ["a worker's start", "up"])
def test_a_topic_that_is_there_is_altered_and_keeps_what_else_was_set(
    broker: str, only: Topic, how: str
) -> None:
    asyncio.run(make(broker, only, **OLD))
    long_ago = Sent(only.name, b"k", b"v", timestamp_ms=1_700_000_000_000)
    asyncio.run(send(broker, [long_ago]))
    if how == "up":
        assert asyncio.run(maker.take_brokers_time(broker)) == [only.name]
        assert asyncio.run(maker.take_brokers_time(broker)) == []
    else:
        assert asyncio.run(maker.make_topics(broker)) == []
    found = asyncio.run(settings_of(broker, only))
    assert {name: found[name] for name in OLD} == {**OLD, "message.timestamp.type": "LogAppendTime"}
    asyncio.run(send(broker, [long_ago]))
    old, new = asyncio.run(read_all(broker, [only.name]))
    assert (old.timestamp, old.timestamp_type) == (1_700_000_000_000, 0), "it keeps its meaning"
    assert new.timestamp_type == 1
    assert new.timestamp > old.timestamp


def test_a_topic_that_is_right_is_left_alone(broker: str, only: Topic) -> None:
    assert asyncio.run(maker.make_topics(broker)) == [only.name]
    assert asyncio.run(maker.take_brokers_time(broker)) == []


def test_every_input_and_the_journal_take_the_brokers_time() -> None:
    for topic in (*topics.INPUTS, topics.JOURNAL):
        assert topic.config()["message.timestamp.type"] == "LogAppendTime"
