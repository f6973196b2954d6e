"""What Kafka really holds: codecs, transactions, retention, topics made anew, new partitions.

Topics are shared by the session's tests; a topic that is made anew here is empty for those after.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.inputs import CitizenReport, Location
from schemas.topics import Topic
from streams.exits import Exit
from tests.city.toy import lonlat
from tests.patience import patience
from tests.streams.rig import Rig, Sent, end_offsets, message, now

pytestmark = [pytest.mark.postgis, pytest.mark.apache_kafka, pytest.mark.slow]

REPORTS = topics.REPORTS


def report(name: str) -> Sent:
    lon, lat = lonlat(5, 5)
    payload = CitizenReport(
        service_request_id=name,
        description="着火了",
        requested_datetime=now(),
        location=Location(lon=lon, lat=lat),
    )
    return message(REPORTS, payload, key=name)


def evidence(rig: Rig) -> set[str]:
    return {row["source_id"] for row in rig.rows("SELECT source_id FROM evidence")}


def until(condition: Callable[[], Any], within_s: float = 40.0) -> None:
    deadline = time.monotonic() + patience(within_s)
    while not condition():
        assert time.monotonic() < deadline, "the deadline has passed"
        time.sleep(0.1)


async def with_admin(bootstrap: str, act: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return await act(admin)
    finally:
        await admin.close()


async def make_anew(bootstrap: str, topic: Topic) -> None:
    """Delete a topic and make it again, as the topic table has it."""

    async def act(admin: AIOKafkaAdminClient) -> None:
        await admin.delete_topics([topic.name])
        deadline = time.monotonic() + patience(30)
        while True:
            try:
                made = NewTopic(topic.name, topic.partitions, 1, topic_configs=topic.config())
                answer = await admin.create_topics([made])
                if answer.topic_errors[0][1] == 0:
                    return
            except KafkaError:
                pass  # it is still being deleted
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)

    await with_admin(bootstrap, act)


async def compressed(rig: Rig, codec: str, sent: Sent) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=rig.endpoints.bootstrap, compression_type=codec)
    await producer.start()
    try:
        await producer.send_and_wait(sent.topic, sent.value, headers=sent.headers)
    finally:
        await producer.stop()


async def in_transaction(
    rig: Rig, messages: Sequence[Sent], *, commit: bool, partition: int
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=rig.endpoints.bootstrap,
        transactional_id=f"{rig.group}-{messages[0].key!r}",
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        for sent in messages:
            await producer.send_and_wait(
                sent.topic, sent.value, key=sent.key, headers=sent.headers, partition=partition
            )
        await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


def lag(rig: Rig) -> int:
    """Return how far the group's guards are behind what the broker calls the topics' ends."""
    ends = asyncio.run(end_offsets(rig.endpoints.bootstrap, [REPORTS.name]))
    guards = {
        row["partition"]: row["next_offset"]
        for row in rig.rows(
            "SELECT * FROM consumed WHERE consumer_group = $1 AND topic = $2",
            *(rig.group, REPORTS.name),
        )
    }
    return sum(end - guards.get(partition, 0) for (_, partition), end in ends.items())


def test_every_codec_is_read_and_what_was_aborted_never_happened(rig):
    read = {"gzip", "lz4", "snappy", "zstd"}
    for codec in read:
        asyncio.run(compressed(rig, codec, report(codec)))
    rig.worker.start()
    rig.worker.wait_ready()
    until(lambda: evidence(rig) == read)
    asyncio.run(in_transaction(rig, [report("aborted")], commit=False, partition=0))
    asyncio.run(in_transaction(rig, [report("kept")], commit=True, partition=1))
    asyncio.run(in_transaction(rig, [report("only-aborted")], commit=False, partition=2))
    until(lambda: evidence(rig) == read | {"kept"})
    until(lambda: lag(rig) == 0)  # a marker at the end is nothing that waits
    asyncio.run(in_transaction(rig, [report("kept-2")], commit=True, partition=0))
    until(lambda: evidence(rig) == read | {"kept", "kept-2"})
    until(lambda: lag(rig) == 0)
    assert rig.rows("SELECT 1 FROM lost_range") == []
    assert rig.worker.stop() == 0


def delete_what_was_sent(rig: Rig) -> set[tuple[int, int, int]]:
    """Let the broker delete all reports so far, as retention does; return what the rig has lost."""
    ends = asyncio.run(end_offsets(rig.endpoints.bootstrap, [REPORTS.name]))
    gone = {part: end for part, end in ends.items() if end > rig.since[part]}

    async def delete(admin: AIOKafkaAdminClient) -> None:
        await admin.delete_records(
            {TopicPartition(*part): RecordsToDelete(end) for part, end in gone.items()}
        )

    asyncio.run(with_admin(rig.endpoints.bootstrap, delete))
    return {(part[1], rig.since[part], end - 1) for part, end in gone.items()}


def lost(rig: Rig) -> set[tuple[int, int, int]]:
    return {
        (row["partition"], row["first_offset"], row["last_offset"])
        for row in rig.rows("SELECT * FROM lost_range")
    }


def test_what_retention_took_before_it_was_read_is_told(rig):
    rig.send([report(f"early-{n}") for n in range(40)])
    gone = delete_what_was_sent(rig)
    rig.worker.start()
    rig.send([report("late")])
    rig.settle()
    assert evidence(rig) == {"late"}
    assert lost(rig) == gone
    assert "were deleted by retention before they were read" in rig.worker.log.read_text()


def test_what_retention_takes_from_a_worker_that_is_behind_is_told(rig):
    rig.worker.start()
    rig.worker.wait_ready()
    rig.worker.pause()
    rig.send([report(f"early-{n}") for n in range(40)])
    gone = delete_what_was_sent(rig)
    rig.worker.go_on()
    rig.send([report("late")])
    until(lambda: "late" in evidence(rig))
    rig.settle()
    # A fetch that was under way may have brought some of them.
    got = {name for name in evidence(rig) if name != "late"}
    assert len(got) + sum(last - first + 1 for _, first, last in lost(rig)) == 40
    assert lost(rig) <= gone or got


@pytest.mark.parametrize("restarts", [0, 1])
def test_partitions_that_are_added_are_read(rig, restarts):
    """Also where the broker takes the worker's former self for the group's leader."""
    rig.worker.start()
    rig.worker.wait_ready()
    rig.send([report("before")])
    until(lambda: evidence(rig) == {"before"})
    for number in range(restarts):
        rig.worker.kill()
        rig.worker.start()
        rig.worker.wait_ready()
        rig.send([report(f"after-{number}")])
        until(lambda: f"after-{number}" in evidence(rig))  # noqa: B023 - it is asked at once
    name = topics.STREETS.name
    count = len([part for topic, part in rig.since if topic == name])

    async def grow(admin: AIOKafkaAdminClient) -> None:
        await admin.create_partitions({name: NewPartitions(total_count=count + 1)})

    async def send_there() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=rig.endpoints.bootstrap)
        await producer.start()
        try:
            await producer.send_and_wait(name, b"{}", key=b"c-new", partition=count)
        finally:
            await producer.stop()

    asyncio.run(with_admin(rig.endpoints.bootstrap, grow))
    try:
        asyncio.run(send_there())
        rig.await_rows(
            "SELECT 1 FROM dead_letter WHERE topic = $1 AND partition = $2",
            *(name, count),
            within_s=30,
        )
        assert rig.worker.alive
    finally:
        rig.worker.kill()
        asyncio.run(make_anew(rig.endpoints.bootstrap, topics.STREETS))


def test_a_topic_made_anew_is_read_from_its_first_offset(rig):
    rig.worker.start()
    rig.worker.wait_ready()
    rig.send([report(f"old-{n}") for n in range(30)])
    until(lambda: len(evidence(rig)) == 30)
    asyncio.run(make_anew(rig.endpoints.bootstrap, REPORTS))
    rig.send([report(f"new-{n}") for n in range(8)])
    assert rig.worker.wait(30) == Exit.STALLED, "it notices while it runs"
    # By its id or by its end, whichever is seen first.
    log = rig.worker.log.read_text()
    assert "deleted and recreated" in log
    assert REPORTS.name in log
    # Longer than what was read of the old one, in each partition.
    rig.send([report(f"new-{n}") for n in range(8, 200)])
    rig.worker.start()
    rig.settle()
    assert {name for name in evidence(rig) if name.startswith("new")} == {
        f"new-{n}" for n in range(200)
    }
    known = rig.rows("SELECT incarnation FROM topic_log WHERE topic = $1", REPORTS.name)
    assert [row["incarnation"] for row in known] == [0, 1]
    assert rig.worker.stop() == 0


def test_a_topic_made_anew_while_no_worker_runs_is_noticed_at_the_start(rig):
    rig.worker.start()
    rig.worker.wait_ready()
    rig.send([report("old"), Sent(REPORTS.name, b"bad", b"no report")])
    rig.settle()
    assert rig.worker.stop() == 0
    asyncio.run(make_anew(rig.endpoints.bootstrap, REPORTS))
    rig.send([*(report(f"new-{n}") for n in range(100)), Sent(REPORTS.name, b"bad", b"no report")])
    rig.worker.start()
    rig.await_rows("SELECT 1 FROM topic_log WHERE topic = $1 AND incarnation = 1", REPORTS.name)
    rig.settle()
    assert evidence(rig) == {"old"} | {f"new-{n}" for n in range(100)}
    assert "deleted and recreated" in rig.worker.log.read_text()
    letters = rig.rows("SELECT incarnation FROM dead_letter ORDER BY id")
    assert [row["incarnation"] for row in letters] == [0, 1], "one of each log"


def test_a_journal_made_anew_is_refused_by_a_worker_that_runs_and_by_the_next(rig):
    rig.worker.start()
    rig.worker.wait_ready()
    rig.send([report("old")])
    rig.await_rows("SELECT 1 FROM incident")
    asyncio.run(make_anew(rig.endpoints.bootstrap, topics.JOURNAL))
    # It is told by its id, or by its end, whichever is seen first.
    assert rig.worker.wait(30) in (Exit.REFUSED, Exit.STALLED)
    rig.worker.start()
    assert rig.worker.wait(30) == Exit.REFUSED
    sentence = "the ledger's incidents refer to offsets of the old journal"
    assert sentence in rig.worker.log.read_text()
    assert rig.rows("SELECT 1 FROM topic_log WHERE incarnation > 0") == []
