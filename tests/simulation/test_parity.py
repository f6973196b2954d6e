"""The simulated ledger and broker answer as PostgreSQL and Kafka do, to the same scripts.

Whatever they let pass that the real ones refuse, the simulation would never find.
"""

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from infra.ledger import guard, intake, outbox, strikes, transaction
from infra.ledger.errors import LedgerError
from infra.ledger.intake import AlarmRow, DeadLetter, Source
from infra.ledger.outbox import Message
from infra.ledger.pool import close_pool, open_pool
from infra.ledger.rows import columns
from infra.ledger.statements import statement
from infra.ledger.strikes import Place
from infra.settings import Endpoints
from streams import guards, producer
from tests.simulation.broker import Broker, Client
from tests.simulation.inputs import made_evidence
from tests.simulation.ledger import Pool, Server
from tests.simulation.loop import Loop, Owner

_PART = ("parity", 0)
_AT = datetime(2026, 11, 24, 8, tzinfo=UTC)


def _simulated(script: Any) -> Any:
    """Run ``script(loop, chance)`` in a simulated world."""
    chance = Random(1)
    loop = Loop(chance, shuffles=False)
    task = loop.start(None, script(loop, chance), "script")
    assert loop.run(task.done, 600.0)
    return task.result()


async def _said(act: Any) -> str:
    """Return the class of the error that something raises."""
    try:
        await act
    except (LedgerError, KafkaError) as error:
        return type(error).__name__
    return "nothing"


async def _ledger_script(a: Any, b: Any) -> list[Any]:
    said: list[Any] = []
    lane = "parity/0"
    some = [Message("t", b"k", str(n).encode(), [("h", b"v")]) for n in range(3)]

    # A guard begins at 0, goes forward only, and what is rolled back leaves no trace.
    async with transaction(a) as conn:
        said.append(await guard.lock_offsets(conn, "g", [_PART]))
        await guard.advance(conn, "g", {_PART: 5})
        ids = await outbox.put(conn, lane, some)
        said.append([number - ids[0] for number in ids])
    async with transaction(b) as conn:
        said.append(await guard.of_topic(conn, "g", "parity"))
        said.append([message.value for _, message in await outbox.unsent(conn, lane, 2)])

    async def back() -> None:
        async with transaction(a) as conn:
            await guard.lock_offsets(conn, "g", [_PART])
            await outbox.put(conn, lane, some)
            await guard.advance(conn, "g", {_PART: 4})

    said.append(await _said(back()))
    async with transaction(b) as conn:
        later = await outbox.put(conn, "parity/1", some[:1])
        said.append(later[0] - ids[-1])  # the numbers that were rolled back are gone
        said.append(await outbox.holding(conn, [lane, "parity/1", "parity/2"]))
        await outbox.mark_sent(conn, ids[:2])
        said.append([row - ids[0] for row, _ in await outbox.unsent(conn, lane, 9)])
        said.append(await outbox.lanes_waiting(conn, 0.0))
        await outbox.refuse(conn, later[0], "no")
        said.append(await outbox.holding(conn, ["parity/1"]))

    # A locked guard is waited for, and then read as it was left.
    async with transaction(a) as conn:
        await guard.lock_offsets(conn, "g", [_PART])

        async def wait() -> Any:
            async with transaction(b) as other:
                return await guard.lock_offsets(other, "g", [_PART])

        waiting = asyncio.ensure_future(wait())
        said.append(bool((await asyncio.wait((waiting,), timeout=0.3))[0]))
        await guard.advance(conn, "g", {_PART: 7})
    said.append(await waiting)

    # A new guard is waited for, too; who waits and is cancelled, has changed nothing.
    async with transaction(a) as conn:
        await guard.lock_offsets(conn, "g", [("parity", 1)])
        with contextlib.suppress(LedgerError):
            async with transaction(b) as other:
                await asyncio.wait_for(guard.lock_offsets(other, "g", [("parity", 1)]), 0.3)
        await guard.advance(conn, "g", {("parity", 1): 3})
    async with transaction(b) as conn:
        said.append(await guard.of_topic(conn, "g", "parity"))

    # Whoever holds a guard and stands still is ended, and finds out.
    async def still() -> None:
        async with transaction(a) as conn:
            await guard.lock_offsets(conn, "g", [_PART])
            await outbox.put(conn, "parity/9", some)
            async with transaction(b) as other:
                found = await guards.lock(other, b, "g", [_PART])
                said.append(found[_PART].next)
            await outbox.put(conn, "parity/9", some)

    said.append(await _said(still()))
    async with transaction(b) as conn:
        said.append(await outbox.holding(conn, ["parity/9"]))

    # What is there already stays as it is, and is told.
    letter = DeadLetter(Source("parity", 0, 3), b"k", b"v", [], "why", "bad", "agent", _AT)
    item = made_evidence(f"parity {uuid.UUID(int=1)}", _AT, 1, 1)
    for _ in range(2):
        async with transaction(a) as conn:
            said.append(await intake.insert_dead_letters(conn, [letter]))
            found = await intake.insert_evidence(conn, "parity", [(item, Source("parity", 0, 1))])
            said.append(len(found))
    async with transaction(a) as conn:
        rows = [AlarmRow("s2", b"2", seen_at=_AT), AlarmRow("s1", b"1", seen_at=_AT)]
        await intake.save_alarms(conn, 0, rows)
        await intake.save_alarms(conn, 0, [AlarmRow("s1", b"9", open=True, seen_at=_AT)])
        said.append(sorted(await intake.load_alarms(conn, 0)))
        said.append((await intake.load_alarms(conn, 0))["s1"])
        said.append(await intake.load_alarms(conn, 1))

    # Strikes: failures in one start count once; what is set aside is open no more.
    place, starts = Place("g", *_PART, 4), [uuid.UUID(int=n) for n in (1, 1, 2)]
    async with transaction(a) as conn:
        said.append([await strikes.strike(conn, place, start, "bad") for start in starts])
        said.append(await strikes.open_strikes(conn, "g", _PART))
        await strikes.set_aside(conn, place)
        said.append(await strikes.open_strikes(conn, "g", _PART))
        said.append(await strikes.passed_since(conn, "g", "parity", 1))
        said.append(await strikes.passed_since(conn, "g", "parity", 2))
        await strikes.clear(conn, "g", _PART, [4])
        said.append(await strikes.passed_since(conn, "g", "parity", 1))

    # An entry is applied once; after an error the transaction does nothing more.
    async def twice() -> None:
        async with transaction(a) as conn:
            await conn.fetchrow(statement("effects.lock_region"), "parity")
            row = ("parity", 0, str(uuid.UUID(int=3)), "tick", _AT, b"[]")
            await conn.execute(statement("effects.applied"), *columns([row]))
            with contextlib.suppress(Exception):
                await conn.execute(statement("effects.applied"), *columns([row]))
                said.append("an entry was applied twice")
            await conn.fetchrow(statement("effects.lock_region"), "parity")

    said.append(await _said(twice()))
    return said


@pytest.mark.postgis
async def test_the_simulated_ledger_answers_as_postgresql(
    endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "HELD_S", 0.5)
    a = await open_pool(endpoints.worker_url, 1, 3, "parity a")
    b = await open_pool(endpoints.worker_url, 1, 3, "parity b")
    try:
        real = await _ledger_script(a, b)
    finally:
        await close_pool(a)
        await close_pool(b)

    async def simulated(loop: Loop, chance: Random) -> list[Any]:
        server = Server(loop, chance, lambda _: None)
        return await _ledger_script(Pool(server, Owner("a")), Pool(server, Owner("b")))

    assert await asyncio.to_thread(_simulated, simulated) == real


async def _broker_script(bootstrap: Any, topic: str, read: Any) -> list[Any]:
    said: list[Any] = []
    sending = producer.Producer(bootstrap, idempotent=True)
    messages = [
        Message(topic, f"key {n % 5}".encode(), f"value {n}".encode(), [("n", b"%d" % n)])
        for n in range(12)
    ]
    said.append(await _said(sending.send_all(messages)))
    await sending.start()
    try:
        said.append(await sending.send_all(messages))
        await sending.renew()
        said.append(await sending.send_all(messages[:3]))
        nowhere = [messages[0], Message(f"{topic}.nowhere", None, b"")]
        said.append(await sending.send_all(nowhere))
        said.append(await _said(sending.send_all(nowhere[1:])))
    finally:
        await sending.stop()
    for partition in range(2):
        said += [
            (one.offset, one.key, one.value, list(one.headers), one.timestamp_type)
            for one in await read(partition)
        ]
    return said


@pytest.mark.kafka
@pytest.mark.apache_kafka
async def test_the_simulated_broker_answers_as_kafka(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "_METADATA_S", 1.0)
    topic = f"parity-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        stamped = {"message.timestamp.type": "LogAppendTime"}
        await admin.create_topics([NewTopic(topic, 2, 1, topic_configs=stamped)])
    finally:
        await admin.close()

    async def read(partition: int) -> list[Any]:
        consumer = AIOKafkaConsumer(bootstrap_servers=broker)
        await consumer.start()
        try:
            part = TopicPartition(topic, partition)
            consumer.assign([part])
            await consumer.seek_to_beginning(part)
            end = (await consumer.end_offsets([part]))[part]
            found: list[Any] = []
            while len(found) < end:
                found += (await consumer.getmany(part, timeout_ms=200)).get(part, [])
            return found
        finally:
            await consumer.stop()

    real = await _broker_script(broker, topic, read)

    async def simulated(loop: Loop, chance: Random) -> list[Any]:
        made = Broker(loop, chance, lambda _: None, {topic: 2})

        async def kept(partition: int) -> list[Any]:
            return made.logs[topic, partition]

        monkeypatch.setattr(producer, "time", SimpleNamespace(monotonic=loop.time))
        return await _broker_script(made, topic, kept)

    monkeypatch.setattr(producer, "AIOKafkaProducer", Client)
    assert await asyncio.to_thread(_simulated, simulated) == real
