"""The archiver as a process of its own, on a real broker."""

import asyncio
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from infra.archive import ArchiveGap, Kept, next_offset, partition_folder, read_kept, write_segment
from infra.archive.layout import cluster_id, kept_partitions
from infra.local.errors import Unreachable
from schemas import topics
from tests import nursery
from tests.patience import patience
from tests.replay.archiver import start_archiver
from tests.replay.kept_things import kept
from tests.streams.rig import make_all_topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


class Keeper:
    """Starts and ends archiver processes of one topic."""

    def __init__(self, broker: str, root: Path) -> None:
        self.broker, self.root = broker, root
        self.topic = f"t-{uuid.uuid4().hex[:8]}"
        self.process: nursery.Child | None = None

    def start(self) -> None:
        self.root.mkdir(exist_ok=True)
        group = f"g-{self.topic}"
        self.process = start_archiver(self.broker, self.root, group, [self.topic])

    def end(self, how: int) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(20)

    def kept(self) -> dict[int, list[Kept]]:
        return {
            partition: list(read_kept(partition_folder(self.root, self.topic, partition)))
            for partition in kept_partitions(self.root, self.topic)
        }

    def count(self) -> int:
        return sum(map(len, self.kept().values()))

    async def make(self, partitions: int = 1) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(self.topic, partitions, 1)])
        finally:
            await admin.close()

    async def delete(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker)
        await admin.start()
        try:
            await admin.delete_topics([self.topic])
            deadline = time.monotonic() + patience(20)
            while self.topic in await admin.list_topics():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
        finally:
            await admin.close()

    async def send(self, values: list[bytes], *, commit: bool | None = None) -> None:
        """Send messages; in a transaction where it is said how it ends."""
        name = None if commit is None else uuid.uuid4().hex
        producer = AIOKafkaProducer(bootstrap_servers=self.broker, transactional_id=name)
        await producer.start()
        try:
            if commit is not None:
                await producer.begin_transaction()
            for value in values:
                await producer.send_and_wait(self.topic, value, partition=0)
            if commit is not None:
                await (producer.commit_transaction() if commit else producer.abort_transaction())
        finally:
            await producer.stop()


@pytest.fixture
def keeper(broker, tmp_path):
    with nursery.ending():
        yield Keeper(broker, tmp_path / "root")


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + patience(seconds)
    while not condition():
        assert time.monotonic() < deadline, "the deadline has passed"
        await asyncio.sleep(0.05)


async def test_everything_is_kept_as_it_came(keeper):
    await keeper.make(partitions=2)
    keeper.start()
    cases = [
        (0, b"key", b'{"a":1}', [("ce_id", b"1"), ("x", b""), ("x", b"\xff\x00"), ("x", b"")]),
        (0, None, b"no key", []),
        (1, b"tombstone", None, []),
        (0, b"", b"", [("n", None)]),
        (0, bytes(range(256)), b"\x00" * 70_000, [("名", "值".encode())]),
    ]
    sent = []
    producer = AIOKafkaProducer(bootstrap_servers=keeper.broker)
    await producer.start()
    for number, (partition, key, value, headers) in enumerate(cases):
        at = 1_700_000_000_123 + number
        done = await producer.send_and_wait(
            keeper.topic, value, key, partition, timestamp_ms=at, headers=headers
        )
        message = Kept(done.offset, done.timestamp, 0, key, value, tuple(headers))
        sent.append((partition, message))
        assert done.timestamp == at
    await producer.stop()
    await until(lambda: keeper.count() >= len(cases))
    kept = keeper.kept()
    for partition in (0, 1):
        assert kept[partition] == [message for at, message in sent if at == partition]
    assert keeper.end(signal.SIGTERM) == 0


async def test_nothing_is_lost_or_doubled_when_it_is_killed_again_and_again(keeper):
    await keeper.make(partitions=3)
    producer = AIOKafkaProducer(bootstrap_servers=keeper.broker, linger_ms=5)
    await producer.start()
    expected: dict[int, list[bytes]] = {0: [], 1: [], 2: []}
    goal = 0
    for kill in (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
        keeper.start()
        seen = keeper.count()
        for number in range(3_000):
            value = b"%d" % (goal + number)
            await producer.send(keeper.topic, value, partition=number % 3)
            expected[number % 3].append(value)
        goal += 3_000
        await until(lambda seen=seen: keeper.count() > seen)
        if kill == signal.SIGTERM:
            await producer.flush()
        keeper.end(kill)
    await producer.stop()
    assert keeper.count() == goal, "SIGTERM reads to the end of the log first"
    for partition, values in expected.items():
        messages = list(
            read_kept(partition_folder(keeper.root, keeper.topic, partition), gapless=True)
        )
        assert [message.value for message in messages] == values


@pytest.mark.apache_kafka
async def test_gaps_of_transactions_are_known_from_what_retention_took(keeper):
    await keeper.make()
    keeper.start()
    writer = AIOKafkaProducer(
        bootstrap_servers=keeper.broker, transactional_id=f"tx-{keeper.topic}"
    )
    await writer.start()

    async def transact(*values: bytes) -> None:
        async with writer.transaction():
            for value in values:
                await writer.send(keeper.topic, value, partition=0)

    for number in range(3):  # 0 1 [2] 3 4 [5] 6 7 [8]: each third is a marker
        await transact(b"a%d" % number, b"b%d" % number)
        await until(lambda number=number: keeper.count() == 2 * number + 2)
    folder = partition_folder(keeper.root, keeper.topic, 0)
    assert [m.offset for m in read_kept(folder, gapless=True)] == [0, 1, 3, 4, 6, 7]
    # Retention passes while the archiver stands still.
    keeper.process.send_signal(signal.SIGSTOP)
    for number in range(3, 6):
        await transact(b"a%d" % number, b"b%d" % number)
    admin = AIOKafkaAdminClient(bootstrap_servers=keeper.broker)
    await admin.start()
    await admin.delete_records({TopicPartition(keeper.topic, 0): RecordsToDelete(15)})
    await admin.close()
    keeper.process.send_signal(signal.SIGCONT)
    await until(lambda: next_offset(folder) == 17)
    await writer.stop()
    assert keeper.end(signal.SIGTERM) == 0
    with pytest.raises(ArchiveGap) as caught:
        list(read_kept(folder, gapless=True))
    assert caught.value.last == 14
    assert caught.value.first >= 8, "what was on its way already may have come"
    assert [m.offset for m in read_kept(folder, 15, gapless=True)] == [15, 16]


async def test_one_that_starts_before_the_topics_keeps_them_when_they_come(keeper):
    keeper.start()
    await until((keeper.root / "archiver.lock").exists)
    await asyncio.sleep(0.5)  # let it look, and find nothing
    await keeper.make()
    await keeper.send([b"a", b"b"])
    await until(lambda: keeper.count() == 2)
    assert keeper.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_one_without_topics_stops_when_asked(keeper, how):
    keeper.start()
    await until((keeper.root / "archiver.lock").exists)
    await asyncio.sleep(1.0)  # into its waiting
    begun = time.monotonic()
    assert keeper.end(how) == 0
    assert time.monotonic() - begun < patience(10)


@pytest.mark.apache_kafka
async def test_what_was_aborted_is_not_kept_and_markers_do_not_hold_up_the_end(keeper):
    await keeper.make()
    keeper.start()
    for commit in (False, True, False):
        await keeper.send([b"kept" if commit else b"aborted"], commit=commit)
    await until(lambda: keeper.count() == 1)
    begun = time.monotonic()
    assert keeper.end(signal.SIGTERM) == 0
    assert time.monotonic() - begun < patience(10)
    assert [message.value for message in keeper.kept()[0]] == [b"kept"]


@pytest.mark.apache_kafka
async def test_the_journal_has_no_gap_where_a_transaction_ended(keeper):
    """A replay would refuse an archive in which an entry is missing."""
    await make_all_topics(keeper.broker)
    keeper.topic = topics.JOURNAL.name
    keeper.start()
    for commit in (True, False, True):
        await keeper.send([b"one", b"two"], commit=commit)
    await until(lambda: keeper.count() >= 4)
    assert keeper.end(signal.SIGTERM) == 0
    folder = partition_folder(keeper.root, keeper.topic, 0)
    read = list(read_kept(folder, gapless=True))
    assert read == keeper.kept()[0]


@pytest.mark.apache_kafka
async def test_a_topic_made_anew_is_kept_beside_the_old_one(keeper):
    await keeper.make()
    keeper.start()
    await keeper.send([b"old-1", b"old-2"])
    await until(lambda: keeper.count() == 2)
    await keeper.delete()
    await keeper.make()
    await keeper.send([b"new-1", b"new-2", b"new-3"])
    assert await asyncio.to_thread(keeper.process.wait, 30) == 75
    keeper.start()
    new = [b"new-1", b"new-2", b"new-3"]
    await until(lambda: [message.value for message in keeper.kept().get(0, [])] == new)
    assert keeper.end(signal.SIGTERM) == 0
    [aside] = keeper.root.glob(f"{keeper.topic}@*")
    assert [m.value for m in read_kept(aside / "0")][:2] == [b"old-1", b"old-2"]


def test_a_second_one_says_so_in_one_sentence(endpoints, tmp_path):
    environment = os.environ | {
        "JINGWEI_KAFKA_BOOTSTRAP": endpoints.bootstrap,
        "JINGWEI_DATABASE_URL": endpoints.database_url,
    }
    command, log = ["archive", "--home", str(tmp_path)], tmp_path / "first.log"
    with nursery.ending():
        first = nursery.start(nursery.COMMAND, command, log, environment)
        deadline = time.monotonic() + patience(30)
        while not list(tmp_path.rglob("archiver.lock")):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        second = nursery.run(command, environment)
        assert second.returncode == 1
        assert "another archiver writes to" in second.stderr
        assert "Traceback" not in second.stderr
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0


async def test_a_second_one_does_not_start(keeper):
    await keeper.make()
    keeper.start()
    await keeper.send([b"first"])
    await until(lambda: keeper.count() == 1)
    first = keeper.process
    keeper.start()
    assert await asyncio.to_thread(keeper.process.wait, 20) == 1
    assert first.poll() is None
    keeper.process = first
    assert keeper.end(signal.SIGTERM) == 0


async def test_another_log_under_the_same_name_is_refused(keeper):
    await keeper.make()
    folder = partition_folder(keeper.root, keeper.topic, 0)
    write_segment(folder, [kept(i) for i in range(5)])
    keeper.start()
    assert await asyncio.to_thread(keeper.process.wait, 20) == 5
    assert next_offset(folder) == 5


async def test_a_cluster_has_a_name_and_a_missing_one_is_told(broker):
    assert await cluster_id(broker) == await cluster_id(broker) != ""
    with socket.socket() as taken:  # bound and not listening: nobody answers
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="jingwei up"):
            await cluster_id(f"127.0.0.1:{taken.getsockname()[1]}")
