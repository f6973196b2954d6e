"""One batch, one transaction: poisoned messages, zombies, lanes left behind, a lost database."""

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from infra.archive import CityMissing
from infra.ledger import intake, open_pool, outbox, queries, reading, transaction
from infra.ledger.errors import LedgerUnavailable
from infra.ledger.guard import lock_offsets
from infra.ledger.outbox import Message
from infra.settings import Endpoints
from intake.errors import BadInput, Fault
from schemas import topics
from streams import batch, guards, lanes, producer, transactions
from streams.batch import Processor
from streams.dead_letters import dead_letter
from streams.exits import Exit
from streams.handler import Handler
from streams.messages import Received
from streams.metrics import Metrics
from streams.producer import Producer
from streams.redrive import redrive
from streams.relay import Relay, Row
from streams.suspects import TRIED
from streams.watchdog import Vitals, Watchdog
from tests.patience import patience
from tests.streams.rig import Part, end_offsets, make_all_topics, read_all

pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.slow]

OUT = topics.ALERTS.name
NOWHERE = "no.such.topic"
SLOW_S = 0.2
START = datetime(2026, 11, 24, tzinfo=UTC)


class Panic(BaseException):
    """As `pyo3_runtime.PanicException` is."""


class Echo(Handler):
    """A handler that repeats each value, and fails as the value says."""

    name = "echo"
    topic = topics.REPORTS
    bulk = False
    ahead = True
    portion: int | None = None

    def __init__(self) -> None:
        self.loads = 0
        self.lost_connections = 0
        self.sick = self.unloadable = False
        self._values: list[bytes] = []

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        self.loads += 1
        if self.unloadable:
            raise KeyError("a row that nobody understands")

    def forget(self, partition: int) -> None:
        self._values.clear()

    def handle(self, message: Received) -> None:
        value = message.value or b"bad"
        if value.startswith(b"bad"):
            raise BadInput(Fault.PAYLOAD, "it says so")
        if value.startswith(b"defect"):
            raise ZeroDivisionError("nobody thought of that")
        if value.startswith(b"sick") and self.sick:
            raise ZeroDivisionError("this one start")
        if value.startswith(b"no city"):
            raise CityMissing("no copy of it here")
        if value.startswith(b"no memory"):
            raise MemoryError
        if value.startswith(b"no file"):
            raise FileNotFoundError(2, "no such file")
        if value.startswith(b"panic"):
            raise Panic("the library has panicked")
        if value.startswith(b"slow"):
            time.sleep(SLOW_S)
        self._values.append(value)

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        values, self._values = self._values, []
        await conn.execute("SELECT")  # meanwhile the next ones are handled
        for value in values:
            if value.startswith(b"cancel"):
                raise asyncio.CancelledError
            if value.startswith(b"unstorable"):
                await conn.execute("SELECT 1 / 0")
            if value.startswith(b"lost") and self.lost_connections:
                self.lost_connections -= 1
                await conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return [
            Message(topic=NOWHERE, key=b"k", value=value, aside=True)
            if value.startswith(b"aside")
            else Message(topic=OUT, key=b"k", value=value)
            for value in values
        ]


class Bench:
    """Processors over one ledger, and what they have sent."""

    def __init__(
        self, pool: asyncpg.Pool, producer: Producer, bootstrap: str, since: dict[Part, int]
    ) -> None:
        self.pool, self.since = pool, since
        self.group = uuid.uuid4().hex
        self.relay = Relay(pool, producer)
        self.bootstrap = bootstrap
        self.producer = producer
        self.processors: list[Processor] = []

    def processor(self, relay: Relay | None = None, group: str | None = None) -> Processor:
        made = Processor(
            Echo(),
            group=group or self.group,
            pool=self.pool,
            relay=relay or Relay(self.pool, self.producer),
            metrics=Metrics(),
        )
        self.processors.append(made)
        return made

    def messages(self, first: int, *values: str, partition: int = 0) -> list[Received]:
        return [
            Received(Echo.topic.name, partition, first + n, b"k", self._mark(value), [], START)
            for n, value in enumerate(values)
        ]

    async def sent(self) -> list[str]:
        """Return what came out, in order, repeats dropped."""
        for processor in self.processors:
            await processor.sent()
        return await self.arrived()

    async def arrived(self) -> list[str]:
        """Return what is there now of what comes out."""
        mine = self.group.encode()
        values = [m.value for m in await self.read() if mine in m.value]
        return list(dict.fromkeys(value.decode().split("|")[0] for value in values))

    async def read(self) -> list[Any]:
        """Return all that has come out since the test began."""
        return await read_all(self.bootstrap, [OUT], self.since)

    async def dead(self) -> list[tuple[int, str]]:
        rows = await self.pool.fetch("SELECT * FROM dead_letter ORDER BY record_offset")
        return [(row["record_offset"], row["error"]) for row in rows]

    async def next_offset(self, partition: int = 0) -> int:
        found = await self.pool.fetchval(
            "SELECT next_offset FROM consumed WHERE consumer_group = $1 AND partition = $2",
            self.group,
            partition,
        )
        return int(found or 0)

    async def strikes(self) -> list[int]:
        rows = await self.pool.fetch("SELECT record_offset FROM strike WHERE passed IS NULL")
        return [row["record_offset"] for row in rows]

    def _mark(self, value: str) -> bytes:
        return f"{value}|{self.group}".encode()


@pytest.fixture
async def bench(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Return processors whose ledger writes beside the handler after every message."""
    monkeypatch.setattr(transactions, "_YIELD_S", 0.0)
    await make_all_topics(endpoints.bootstrap)
    since = await end_offsets(endpoints.bootstrap, [OUT])
    pool = await open_pool(endpoints.worker_url)
    producer = Producer(endpoints.bootstrap, idempotent=endpoints.broker_idempotent)
    await producer.start()
    yield Bench(pool, producer, endpoints.bootstrap, since)
    await producer.stop()
    await pool.close()


async def test_good_messages_go_on_in_order_and_bad_ones_aside(bench):
    await bench.processor().process(bench.messages(0, "a", "bad", "b", "c"))
    assert await bench.sent() == ["a", "b", "c"]
    assert await bench.dead() == [(1, "payload")]
    assert await bench.next_offset() == 4


async def test_what_is_written_beside_keeps_its_order_and_goes_with_its_transaction(bench):
    processor = bench.processor()
    values = [f"v{n}" for n in range(40)]
    await processor.process(bench.messages(0, *values[:20], "bad", *values[20:]))
    assert await bench.sent() == values
    assert await bench.dead() == [(20, "payload")]
    processor.handler.lost_connections = 1
    await processor.process(bench.messages(41, "a", "lost", "b"))
    assert await bench.sent() == [*values, "a", "lost", "b"]
    assert await bench.next_offset() == 44


async def test_a_message_of_nothing_at_all_is_a_dead_letter(bench):
    nothing = Received(Echo.topic.name, 0, 0, None, None, [("x", b"")], START)
    await bench.processor().process([nothing, *bench.messages(1, "a")])
    assert await bench.sent() == ["a"]
    assert await bench.dead() == [(0, "payload")]


class Left(BaseException):
    """The worker would have ended, by this code and sentence."""


def leave(code: Exit, text: str, *args: object) -> None:
    raise Left(code, text % args)


@pytest.fixture
def leaving(monkeypatch):
    monkeypatch.setattr(batch, "die", leave)
    monkeypatch.setattr(transactions, "die", leave)


async def restarted(bench, messages: list[Received], starts: int = 30) -> list[str]:
    """Let workers have messages, one after the other until one is done; return why they left."""
    sentences: list[str] = []
    while len(sentences) < starts:
        try:
            await bench.processor().process(messages)
        except Left as left:
            code, sentence = left.args
            assert code is Exit.DEFECT
            sentences.append(sentence)
        else:
            return sentences
    return sentences


@pytest.mark.parametrize(
    ("poison", "error"), [("defect", "ZeroDivisionError"), ("unstorable", "Unstorable")]
)
async def test_a_poisoned_message_costs_itself_only_and_not_at_once(bench, leaving, poison, error):
    values = [f"v{n}" for n in range(20)]
    values[7] = values[13] = poison
    sentences = await restarted(bench, bench.messages(0, *values))
    assert f"{Echo.topic.name}/0/7 failed alone by {error}" in sentences[0]
    assert "set aside if it fails again after a restart" in sentences[0]
    assert len(sentences) <= 2, "a start a message, at most"
    assert await bench.sent() == [value for value in values if value != poison]
    assert await bench.dead() == [(7, error), (13, error)]
    assert await bench.next_offset() == 20


async def test_a_message_that_a_restart_heals_is_no_dead_letter(bench, leaving):
    values = bench.messages(0, "a", "sick", "b")
    sick = bench.processor()
    sick.handler.sick = True
    with pytest.raises(Left):
        await sick.process(values)
    assert await bench.sent() == ["a"]
    await bench.processor().process(values)
    assert await bench.sent() == ["a", "sick", "b"]
    assert await bench.dead() == []
    assert await bench.strikes() == []


async def test_two_failures_in_one_start_count_once(bench, leaving):
    processor = bench.processor()
    for _ in range(3):
        with pytest.raises(Left):
            await processor.process(bench.messages(0, "defect"))
    assert await bench.dead() == []


async def test_when_everything_fails_the_worker_leaves_and_sets_nothing_aside(bench, leaving):
    messages = bench.messages(0, "good", *["defect"] * 150)
    sentences = await restarted(bench, messages, starts=4)
    assert len(sentences) == 4
    assert all("it is the worker that is broken" in sentence for sentence in sentences)
    assert await bench.dead() == []
    assert await bench.next_offset() == 1
    await bench.processor().process(bench.messages(1, *[f"v{n}" for n in range(150)]))
    assert len(await bench.sent()) == 151, "and when it is mended, all are dealt with"


async def test_a_broken_worker_with_little_to_do_stops_setting_aside(bench, leaving):
    for offset in range(12):
        await restarted(bench, bench.messages(offset, "defect"), starts=2)
    assert len(await bench.dead()) == TRIED // 2
    assert await bench.next_offset() == TRIED // 2


@pytest.mark.parametrize(
    ("value", "code"), [("no city", Exit.USAGE), ("no memory", Exit.DEFECT), ("no file", 70)]
)
async def test_a_fault_of_the_environment_ends_the_worker_and_costs_nothing(
    bench, leaving, value, code
):
    for _ in range(3):
        with pytest.raises(Left) as left:
            await bench.processor().process(bench.messages(0, "a", value, "b"))
        assert left.value.args[0] == code
        assert "no message is at fault" in left.value.args[1]
    assert await bench.dead() == await bench.strikes() == []
    assert await bench.next_offset() == 0


async def test_a_panic_of_a_library_is_nobodys_dead_letter(bench, leaving):
    for _ in range(3):
        with pytest.raises(BaseException, match="the library has panicked"):
            await bench.processor().process(bench.messages(0, "a", "panic", "b"))
    assert await bench.dead() == await bench.strikes() == []


async def test_memory_that_cannot_be_loaded_is_no_messages_fault(bench, leaving):
    processor = bench.processor()
    processor.handler.unloadable = True
    with pytest.raises(Left, match="cannot be loaded: KeyError"):
        await processor.process(bench.messages(0, "a", "b"))
    assert await bench.dead() == await bench.strikes() == []


async def test_a_batch_is_cut_by_time_and_what_was_handled_is_committed(bench, monkeypatch):
    processor = bench.processor()
    watchdog = Watchdog([processor], Vitals(), patience_s=1.5)
    values = [f"slow{n}" for n in range(25)]
    committed = [0]
    faults: list[str] = []
    advance = transactions.guard.advance

    async def noting(conn, group, reached) -> None:
        await advance(conn, group, reached)
        committed.append(reached.get((Echo.topic.name, 0), committed[-1]))

    monkeypatch.setattr(transactions.guard, "advance", noting)

    async def look() -> None:
        while True:
            watchdog._vitals.beat = time.monotonic()
            watchdog._vitals.waiting = {Echo.topic.name: 25}
            if (fault := watchdog.look(time.monotonic())) is not None:
                faults.append(fault)
            await asyncio.sleep(0.02)

    looker = asyncio.create_task(look())
    await processor.process([*bench.messages(0, *values), *bench.messages(0, "b", partition=1)])
    looker.cancel()
    assert faults == [], "the watchdog knows work from standstill"
    assert committed[-1] == await bench.next_offset() == 25
    most = transactions.SLICE_S / SLOW_S + 1
    assert all(after - before <= most for before, after in pairwise(committed))
    sent = await bench.sent()
    assert sorted(sent) == sorted([*values, "b"])
    assert [value for value in sent if value != "b"] == values
    assert processor.done == {0: 25, 1: 1}


async def test_a_batch_cut_off_goes_on_where_it_was_committed(bench):
    values = [*(f"slow{n}" for n in range(15)), "cancel", "z"]
    with pytest.raises(asyncio.CancelledError):
        await bench.processor().process(bench.messages(0, *values))
    reached = await bench.next_offset()
    assert 0 < reached < 16
    values[15] = "a"
    await bench.processor().process(bench.messages(reached, *values[reached:]))
    assert await bench.sent() == values


async def test_a_batch_is_committed_in_portions_as_the_handler_asks(bench, monkeypatch):
    """What reads the journal begins with the first messages while the others are handled."""
    processor = bench.processor()
    processor.handler.portion = 3
    committed = []
    advance = transactions.guard.advance

    async def noting(conn, group, reached) -> None:
        await advance(conn, group, reached)
        committed.append({partition: offset for (_, partition), offset in reached.items()})

    monkeypatch.setattr(transactions.guard, "advance", noting)
    values, others = [f"a{n}" for n in range(5)], [f"b{n}" for n in range(3)]
    await processor.process([*bench.messages(0, *values), *bench.messages(0, *others, partition=1)])
    sent = await bench.sent()
    assert committed == [{0: 3}, {0: 5, 1: 1}, {1: 3}]
    assert [value for value in sent if value[0] == "a"] == values
    assert [value for value in sent if value[0] == "b"] == others
    assert processor.done == {0: 5, 1: 3}


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
        await outbox.put(conn, successor.lanes(0)[0], left)
    await successor.process(bench.messages(0, "mine"))
    assert await bench.sent() == ["left0", "left1", "left2", "mine"]


async def test_what_a_group_left_is_sent_under_another_groups_name(bench):
    left = bench.processor()
    async with transaction(bench.pool) as conn:  # and then its process was killed
        row = Message(topic=OUT, key=b"k", value=f"left|{bench.group}".encode())
        await outbox.put(conn, left.lanes(2)[0], [row])
    renamed = bench.processor(group=uuid.uuid4().hex)
    await renamed.process(bench.messages(0, "mine", partition=2))
    assert await bench.sent() == ["left", "mine"]
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox WHERE lane LIKE '%/2'") <= 1


async def test_a_partition_is_adopted_before_its_first_message(bench):
    successor = bench.processor()
    async with transaction(bench.pool) as conn:
        await outbox.put(
            conn,
            successor.lanes(3)[0],
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


async def test_a_guard_is_taken_from_a_worker_that_stands_still(bench, endpoints, monkeypatch):
    """As one that was stopped (SIGSTOP) holds it: nobody waits until the ledger's limits."""
    monkeypatch.setattr(guards, "HELD_S", 0.5)
    await bench.processor().process(bench.messages(0, "before"))
    stood = await asyncpg.connect(endpoints.worker_url)
    try:
        await stood.execute("BEGIN")
        assert await lock_offsets(stood, bench.group, [(Echo.topic.name, 0)])
        await stood.execute(
            "INSERT INTO outbox (lane, topic, value, headers) VALUES ('l', 't', '', '')"
        )
        successor = bench.processor()
        await asyncio.wait_for(successor.process(bench.messages(1, "after")), patience(10))
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
            await stood.execute("COMMIT")
    finally:
        stood.terminate()
    assert await bench.sent() == ["before", "after"]
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox WHERE lane = 'l'") == 0


async def test_a_guard_is_taken_from_a_worker_stopped_while_it_sends_rows(
    bench, endpoints, monkeypatch
):
    """To PostgreSQL that one is active, for as long as it likes: no time limit ends it."""
    monkeypatch.setattr(guards, "HELD_S", 0.5)
    await bench.processor().process(bench.messages(0, "before"))
    stopped, go_on = threading.Event(), threading.Event()

    def rows() -> Iterator[tuple[str]]:
        yield from [("l" * 100,)] * 5_000  # more than asyncpg sends at once
        stopped.set()
        go_on.wait()

    async def hold() -> None:
        conn = await asyncpg.connect(endpoints.worker_url)
        try:
            await conn.execute("BEGIN")
            assert await lock_offsets(conn, bench.group, [(Echo.topic.name, 0)])
            insert = "INSERT INTO outbox (lane, topic, value, headers) VALUES ($1, 't', '', '')"
            await conn.executemany(insert, rows())
            await conn.execute("COMMIT")
        finally:
            conn.terminate()

    holding = asyncio.create_task(asyncio.to_thread(asyncio.run, hold()))
    try:
        assert await asyncio.to_thread(stopped.wait, patience(10))
        successor = bench.processor()
        await asyncio.wait_for(successor.process(bench.messages(1, "after")), patience(10))
    finally:
        go_on.set()
        (ended,) = await asyncio.gather(holding, return_exceptions=True)
    assert isinstance(ended, asyncpg.PostgresConnectionError | asyncpg.InterfaceError | OSError)
    assert await bench.sent() == ["before", "after"]
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox WHERE topic = 't'") == 0


@pytest.mark.parametrize("own", [True, False])
async def test_a_guard_is_waited_for_while_its_holder_works(bench, endpoints, own, monkeypatch):
    """And for the worker itself, which may be long with a message."""
    monkeypatch.setattr(guards, "HELD_S", 0.3)
    await bench.processor().process(bench.messages(0, "before"))
    others = await open_pool(endpoints.worker_url, 1, 1, "another worker")
    async with (bench.pool if own else others).acquire() as holder, holder.transaction():
        assert await lock_offsets(holder, bench.group, [(Echo.topic.name, 0)])
        waiting = asyncio.create_task(bench.processor().process(bench.messages(1, "after")))
        for _ in range(5):
            if own:
                await asyncio.sleep(0.4)
            else:  # never idle for as long as that
                await holder.execute("SELECT pg_sleep(0.4)")
        assert not waiting.done()
    await others.close()
    await asyncio.wait_for(waiting, patience(10))
    assert await bench.sent() == ["before", "after"]


async def test_without_a_second_connection_a_held_guard_is_given_up(endpoints, monkeypatch):
    """All connections may wait for guards at once: none may wait for another one for ever."""
    monkeypatch.setattr(guards, "HELD_S", 0.2)
    group, parts = uuid.uuid4().hex, [(Echo.topic.name, 0)]
    pool = await open_pool(endpoints.worker_url, 1, 1, "alone", lock_timeout="1s")
    holder = await asyncpg.connect(endpoints.worker_url)
    try:
        async with holder.transaction():
            await lock_offsets(holder, group, parts)
        async with holder.transaction():
            await lock_offsets(holder, group, parts)
            with pytest.raises(LedgerUnavailable):
                async with asyncio.timeout(patience(10)), transaction(pool) as conn:
                    await guards.lock(conn, pool, group, parts)
    finally:
        await holder.close()
        await pool.close()


async def test_a_dead_letter_is_sent_again_as_it_was(bench):
    value = f"bad|{bench.group}".encode()
    came = Received(OUT, 0, 5, b"key", value, [("ce_id", b"1"), ("dlq_reason", b"old")], START)
    letter = dead_letter(came, fault="payload", reason="it says so", agent="echo", at=START)
    async with transaction(bench.pool) as conn:
        await intake.insert_dead_letters(conn, [letter])
    async with reading(bench.pool) as conn:
        rows = await queries.list_dead_letters(conn)
    assert await redrive(bench.pool, bench.producer, rows) == 1
    again = next(m for m in await bench.read() if m.value == value)
    assert (again.key, list(again.headers)) == (b"key", [("ce_id", b"1")])
    assert await bench.pool.fetchval("SELECT redriven_at FROM dead_letter") is not None


async def test_what_was_sent_is_forgotten(bench):
    processor = bench.processor()
    for n in range(2):  # the first batch drains the lane, which forgets at once
        await processor.process(bench.messages(n, "a"))
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox") == 1
    await processor.sent()
    await processor._lanes._relay.forget_sent()
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_messages_given_up_are_never_jumped_over(bench, leaving):
    again, on = bench.processor(), bench.processor()
    for processor in (again, on):
        with pytest.raises(asyncio.CancelledError):
            await processor.process(bench.messages(0, "a", "cancel"))
    with pytest.raises(Left):
        await on.process(bench.messages(2, "c"))
    assert await bench.sent() == []
    # The next assignment begins at the guard; a gap as compaction makes them is none of ours.
    await again.process(bench.messages(0, "a", "b"))
    await again.process(bench.messages(7, "h"))
    assert await bench.sent() == ["a", "b", "h"]


async def test_a_partition_whose_lane_cannot_be_drained_is_not_adopted(bench):
    class Interrupted(Relay):
        interruptions = 1

        async def drain(self, *lanes: str) -> set[int]:
            if self.interruptions:
                self.interruptions -= 1
                raise LedgerUnavailable("gone")
            return await super().drain(*lanes)

    relay = Interrupted(bench.pool, bench.producer)
    successor = bench.processor(relay)
    left = Message(topic=OUT, key=b"k", value=f"left|{bench.group}".encode())
    async with transaction(bench.pool) as conn:
        await outbox.put(conn, successor.lanes(0)[0], [left])
    with pytest.raises(LedgerUnavailable):
        await successor.adopt(0)
    assert successor.reached == {}
    await successor.process(bench.messages(0, "mine"))
    assert await bench.sent() == ["left", "mine"]


async def test_what_the_ledger_gave_is_not_sent_again_from_memory(bench):
    """A batch commits while its partition's second lane is drained: both hold its rows."""
    owed = bench.processor()._lanes
    mark = f"|{bench.group}".encode()
    mine = [Message(topic=OUT, key=b"k", value=v + mark, aside=True) for v in (b"a", b"b")]
    async with transaction(bench.pool) as conn:
        rows = await owed.put(conn, [(0, message) for message in mine])
    await owed.drain(0)
    await owed.send(rows)
    await owed.sent()
    values = [m.value for m in await bench.read() if m.value.endswith(mark)]
    assert values == [message.value for message in mine]


class Gate(Relay):
    """A relay whose broker does not answer until it is opened."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.pool, bench.producer)
        self.opened = asyncio.Event()

    async def send(self, rows: Sequence[Row]) -> None:
        await self.opened.wait()
        await super().send(rows)


async def test_the_next_batch_does_not_wait_for_the_brokers_answer(bench):
    gate = Gate(bench)
    processor = bench.processor(gate)
    await processor.adopt(0)
    for n in range(5):
        await processor.process(bench.messages(2 * n, f"a{n}", f"b{n}"))
    assert await bench.next_offset() == 10
    assert await bench.arrived() == []
    gate.opened.set()
    assert await bench.sent() == [f"{letter}{n}" for n in range(5) for letter in "ab"]


async def test_what_is_owed_in_memory_is_bounded(bench, monkeypatch):
    monkeypatch.setattr(lanes, "MOST_ROWS", 3)
    gate = Gate(bench)
    processor = bench.processor(gate)
    await processor.adopt(0)
    await processor.process(bench.messages(0, "a", "b", "c"))  # on their way
    await processor.process(bench.messages(3, "d", "e", "f"))  # wait
    waits = asyncio.create_task(processor.process(bench.messages(6, "g")))
    deadline = time.monotonic() + patience(20)
    while await bench.next_offset() < 7:
        assert time.monotonic() < deadline
    assert not waits.done()
    gate.opened.set()
    await waits
    assert await bench.sent() == list("abcdefg")


@pytest.mark.apache_kafka  # the embedded broker makes topics as they are named
async def test_a_feed_whose_topic_is_missing_holds_up_nothing_else(bench, monkeypatch):
    monkeypatch.setattr(producer, "_METADATA_S", 60.0)
    processor = bench.processor()
    await processor.process(bench.messages(0, "first", "aside", "a"))
    deadline = time.monotonic() + patience(20)
    while await bench.arrived() != ["first", "a"]:
        assert time.monotonic() < deadline
    waiting = await bench.pool.fetch("SELECT lane, topic FROM outbox WHERE topic = $1", NOWHERE)
    assert [tuple(row) for row in waiting] == [(processor.lanes(0)[1], NOWHERE)]
    processor._lanes.stop()


@pytest.mark.apache_kafka  # the embedded broker has no limit, and makes topics as they are named
async def test_what_the_broker_refuses_for_good_holds_up_nothing(bench, monkeypatch):
    monkeypatch.setattr(producer, "_METADATA_S", 0.3)
    mark = f"|{bench.group}".encode()
    rows = [
        Message(topic=topic, key=b"k", value=value + mark)
        for topic, value in (
            (OUT, b"a"),
            (NOWHERE, b"lost"),
            (OUT, b"b"),
            (OUT, bytes(1_500_000)),  # the broker refuses
            (OUT, b"c"),
            (OUT, bytes(2_500_000)),  # the producer refuses
            (NOWHERE, b"lost too"),
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
