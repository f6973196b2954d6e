"""One batch, one transaction: poisoned messages, zombies, lanes left behind, a lost database."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from infra.ledger import intake, open_pool, outbox, queries, reading, transaction
from infra.ledger.errors import LedgerUnavailable
from infra.ledger.outbox import Message
from infra.settings import Endpoints
from schemas import topics
from streams import batch, producer
from streams.batch import Processor
from streams.dead_letters import Fault, dead_letter
from streams.errors import BadInput
from streams.messages import Received
from streams.metrics import Metrics
from streams.producer import Producer
from streams.redrive import redrive
from streams.relay import Relay
from tests.streams.rig import end_offsets, make_all_topics, read_all

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

OUT = topics.ALERTS.name
START = datetime(2026, 11, 24, tzinfo=UTC)


class Echo:
    """A handler that repeats each value, and fails as the value says."""

    name = "echo"
    topic = topics.REPORTS
    bulk = False

    def __init__(self) -> None:
        self.loads = 0
        self.lost_connections = 0
        self._values: list[bytes] = []

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        self.loads += 1

    def forget(self, partition: int) -> None:
        self._values.clear()

    def handle(self, message: Received) -> None:
        value = message.value or b"bad"
        if value.startswith(b"bad"):
            raise BadInput(Fault.PAYLOAD, "it says so")
        if value.startswith(b"defect"):
            raise ZeroDivisionError("nobody thought of that")
        self._values.append(value)

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        values, self._values = self._values, []
        for value in values:
            if value.startswith(b"cancel"):
                raise asyncio.CancelledError
            if value.startswith(b"unstorable"):
                await conn.execute("SELECT 1 / 0")
            if value.startswith(b"lost") and self.lost_connections:
                self.lost_connections -= 1
                await conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return [Message(topic=OUT, key=b"k", value=value) for value in values]


class Bench:
    """Processors over one ledger, and what they have sent."""

    def __init__(self, pool: asyncpg.Pool, producer: Producer, bootstrap: str) -> None:
        self.pool = pool
        self.group = uuid.uuid4().hex
        self.relay = Relay(pool, producer)
        self.bootstrap = bootstrap
        self.producer = producer

    def processor(self) -> Processor:
        return Processor(
            Echo(),
            group=self.group,
            pool=self.pool,
            relay=Relay(self.pool, self.producer),
            metrics=Metrics(),
        )

    def messages(self, first: int, *values: str, partition: int = 0) -> list[Received]:
        return [
            Received(Echo.topic.name, partition, first + n, b"k", self._mark(value), [], START)
            for n, value in enumerate(values)
        ]

    async def sent(self) -> list[str]:
        """Return what came out, in order, repeats dropped."""
        mine = self.group.encode()
        values = [m.value for m in await read_all(self.bootstrap, [OUT]) if mine in m.value]
        return list(dict.fromkeys(value.decode().split("|")[0] for value in values))

    async def dead(self) -> list[tuple[int, str]]:
        rows = await self.pool.fetch("SELECT * FROM dead_letter ORDER BY record_offset")
        return [(row["record_offset"], row["error"]) for row in rows]

    async def next_offset(self, partition: int = 0) -> int:
        found = await self.pool.fetchval(
            "SELECT next_offset FROM consumed WHERE consumer_group = $1 AND partition = $2",
            self.group,
            partition,
        )
        return int(found)

    def _mark(self, value: str) -> bytes:
        return f"{value}|{self.group}".encode()


@pytest.fixture
async def bench(endpoints: Endpoints) -> AsyncIterator[Bench]:
    await make_all_topics(endpoints.bootstrap)
    await end_offsets(endpoints.bootstrap, [OUT])
    pool = await open_pool(endpoints.worker_url)
    producer = Producer(endpoints.bootstrap, idempotent=endpoints.broker_idempotent)
    await producer.start()
    yield Bench(pool, producer, endpoints.bootstrap)
    await producer.stop()
    await pool.close()


async def test_good_messages_go_on_in_order_and_bad_ones_aside(bench):
    await bench.processor().process(bench.messages(0, "a", "bad", "b", "c"))
    assert await bench.sent() == ["a", "b", "c"]
    assert await bench.dead() == [(1, "payload")]
    assert await bench.next_offset() == 4


async def test_a_message_of_nothing_at_all_is_a_dead_letter(bench):
    nothing = Received(Echo.topic.name, 0, 0, None, None, [("x", b"")], START)
    await bench.processor().process([nothing, *bench.messages(1, "a")])
    assert await bench.sent() == ["a"]
    assert await bench.dead() == [(0, "payload")]


@pytest.mark.parametrize(
    ("poison", "error"), [("defect", "ZeroDivisionError"), ("unstorable", "Unstorable")]
)
async def test_a_poisoned_message_costs_itself_only(bench, poison, error):
    values = [f"v{n}" for n in range(20)]
    values[7] = values[13] = poison
    await bench.processor().process(bench.messages(0, *values))
    assert await bench.sent() == [value for value in values if value != poison]
    assert await bench.dead() == [(7, error), (13, error)]


class Left(BaseException):
    """The worker would have ended."""


def leave(*_: object) -> None:
    raise Left


async def test_when_everything_fails_the_worker_leaves(bench, monkeypatch):
    monkeypatch.setattr(batch, "MAX_STRIKES", 5)
    monkeypatch.setattr(batch, "die", leave)
    with pytest.raises(Left):
        await bench.processor().process(bench.messages(0, *["defect"] * 20))
    assert len(await bench.dead()) == 5
    assert await bench.next_offset() == 5


async def test_messages_dealt_with_before_are_skipped(bench):
    first, zombie = bench.processor(), bench.processor()
    await first.process(bench.messages(0, "a", "b"))
    await zombie.process(bench.messages(0, "a", "b", "c"))
    await first.process(bench.messages(2, "c", "d"))
    assert await bench.sent() == ["a", "b", "c", "d"]
    assert await bench.next_offset() == 4


async def test_memory_is_loaded_again_when_another_worker_was_there(bench):
    first, second = bench.processor(), bench.processor()
    for n, processor in enumerate((first, first, second, first)):
        await processor.process(bench.messages(n, f"v{n}"))
    assert (first.handler.loads, second.handler.loads) == (2, 1)


async def test_what_a_predecessor_left_in_the_lane_goes_first(bench):
    successor = bench.processor()
    async with transaction(bench.pool) as conn:
        left = [
            Message(topic=OUT, key=b"k", value=f"left{n}|{bench.group}".encode()) for n in range(3)
        ]
        await outbox.put(conn, successor.lane(0), left)
    await successor.process(bench.messages(0, "mine"))
    assert await bench.sent() == ["left0", "left1", "left2", "mine"]


async def test_what_a_group_left_is_sent_under_another_groups_name(bench):
    left = bench.processor()
    async with transaction(bench.pool) as conn:  # and then its process was killed
        row = Message(topic=OUT, key=b"k", value=f"left|{bench.group}".encode())
        await outbox.put(conn, left.lane(2), [row])
    renamed = Processor(
        Echo(), group=uuid.uuid4().hex, pool=bench.pool, relay=bench.relay, metrics=Metrics()
    )
    await renamed.process(bench.messages(0, "mine", partition=2))
    assert await bench.sent() == ["left", "mine"]
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox WHERE lane LIKE '%/2'") <= 1


async def test_a_partition_is_adopted_before_its_first_message(bench):
    successor = bench.processor()
    async with transaction(bench.pool) as conn:
        await outbox.put(
            conn,
            successor.lane(3),
            [Message(topic=OUT, key=b"k", value=f"x|{bench.group}".encode())],
        )
    await successor.adopt(3)
    assert successor.reached == {3: 0}
    assert await bench.sent() == ["x"]


async def test_a_lost_connection_is_a_reason_to_try_again(bench):
    processor = bench.processor()
    processor.handler.lost_connections = 2
    await processor.process(bench.messages(0, "a", "lost", "b"))
    assert await bench.sent() == ["a", "lost", "b"]
    assert await bench.dead() == []


async def test_a_dead_letter_is_sent_again_as_it_was(bench):
    value = f"bad|{bench.group}".encode()
    came = Received(OUT, 0, 5, b"key", value, [("ce_id", b"1"), ("dlq_reason", b"old")], START)
    letter = dead_letter(came, fault="payload", reason="it says so", agent="echo", at=START)
    async with transaction(bench.pool) as conn:
        await intake.insert_dead_letters(conn, [letter])
    async with reading(bench.pool) as conn:
        rows = await queries.list_dead_letters(conn)
    assert await redrive(bench.pool, bench.producer, rows) == 1
    again = next(m for m in await read_all(bench.bootstrap, [OUT]) if m.value == value)
    assert (again.key, list(again.headers)) == (b"key", [("ce_id", b"1")])
    assert await bench.pool.fetchval("SELECT redriven_at FROM dead_letter") is not None


async def test_what_was_sent_is_forgotten(bench):
    processor = bench.processor()
    for n in range(2):  # the first batch drains the lane, which forgets at once
        await processor.process(bench.messages(n, "a"))
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox") == 1
    await processor._relay.forget_sent()
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_messages_given_up_are_never_jumped_over(bench, monkeypatch):
    monkeypatch.setattr(batch, "die", leave)
    again, on = bench.processor(), bench.processor()
    for processor in (again, on):
        with pytest.raises(asyncio.CancelledError):
            await processor.process(bench.messages(0, "a", "cancel"))
    with pytest.raises(Left):
        await on.process(bench.messages(2, "c"))
    assert await bench.sent() == []
    # The next assignment begins at the fence; a gap as compaction makes them is none of ours.
    await again.process(bench.messages(0, "a", "b"))
    await again.process(bench.messages(7, "h"))
    assert await bench.sent() == ["a", "b", "h"]


async def test_a_partition_whose_lane_cannot_be_drained_is_not_adopted(bench):
    class Interrupted(Relay):
        interruptions = 1

        async def drain(self, lane: str) -> int:
            if self.interruptions:
                self.interruptions -= 1
                raise LedgerUnavailable("gone")
            return await super().drain(lane)

    relay = Interrupted(bench.pool, bench.producer)
    successor = Processor(
        Echo(), group=bench.group, pool=bench.pool, relay=relay, metrics=Metrics()
    )
    left = Message(topic=OUT, key=b"k", value=f"left|{bench.group}".encode())
    async with transaction(bench.pool) as conn:
        await outbox.put(conn, successor.lane(0), [left])
    with pytest.raises(LedgerUnavailable):
        await successor.adopt(0)
    assert successor.reached == {}
    await successor.process(bench.messages(0, "mine"))
    assert await bench.sent() == ["left", "mine"]


@pytest.mark.apache_kafka  # the embedded broker has no limit, and makes topics as they are named
async def test_what_the_broker_refuses_for_good_holds_up_nothing(bench, monkeypatch):
    monkeypatch.setattr(producer, "_METADATA_S", 0.3)
    mark = f"|{bench.group}".encode()
    rows = [
        Message(topic=topic, key=b"k", value=value + mark)
        for topic, value in (
            (OUT, b"a"),
            ("no.such.topic", b"lost"),
            (OUT, b"b"),
            (OUT, bytes(1_500_000)),  # the broker refuses
            (OUT, b"c"),
            (OUT, bytes(2_500_000)),  # the producer refuses
            ("no.such.topic", b"lost too"),
            (OUT, b"d"),
        )
    ]
    async with transaction(bench.pool) as conn:
        ids = await outbox.put(conn, "lane", rows)
    await bench.relay.drain("lane")
    assert await bench.sent() == ["a", "b", "c", "d"]
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox") == 0
    aside = await bench.pool.fetch("SELECT * FROM outbox_refused ORDER BY id")
    assert [row["id"] for row in aside] == [ids[1], ids[3], ids[5], ids[6]]
    assert [row["value"] for row in aside] == [rows[n].value for n in (1, 3, 5, 6)]
    assert "no topic 'no.such.topic'" in aside[0]["reason"]
    assert aside[1]["reason"].startswith("MessageSizeTooLargeError")
    async with reading(bench.pool) as conn:
        assert (await queries.status(conn)).counts["outbox_refused"] == 4
