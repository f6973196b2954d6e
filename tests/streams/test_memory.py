"""What handlers remember of a partition: a core beside its ledger, datastreams that fall silent."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from atlas.city import CityData
from infra.ledger import connect, snapshot, transaction
from infra.ledger.intake import load_alarms
from infra.settings import Endpoints
from schemas import topics, wire
from schemas.inputs import SensorReading
from schemas.journal import Entry, EvidenceNoted
from schemas.topics import Topic
from streams.dispatcher import Dispatcher
from streams.intake_readings import ReadingsIntake
from streams.limits import IntakeSettings
from streams.messages import Received
from tests.infra.ledger.scenario import evidence, fleet, policy, router
from tests.streams.rig import message

pytestmark = pytest.mark.postgis

REGION = "memory"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def ledger(endpoints: Endpoints) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(endpoints.worker_url)
    yield conn
    await conn.close()


def received(topic: Topic, payload: object, offset: int, at: datetime = NOW) -> Received:
    sent = message(topic, payload)
    return Received(topic.name, 0, offset, sent.key, sent.value, sent.headers, at)


async def apply(
    ledger: asyncpg.Connection, entries: list[Entry], first: int = 0
) -> list[tuple[bytes | None, str]]:
    """Let a new dispatcher have these entries; return what it would publish."""
    dispatcher = Dispatcher({REGION: 0}, router)
    async with transaction(ledger) as conn:
        await dispatcher.load(conn, 0)
        for offset, entry in enumerate(entries, first):
            dispatcher.handle(received(topics.JOURNAL, entry, offset))
        return [(m.value, m.topic) for m in await dispatcher.write(conn, 0)]


async def test_what_the_ledger_has_is_not_applied_again(ledger: asyncpg.Connection) -> None:
    noted = [
        EvidenceNoted(id=f"e{n}", region=REGION, evidence=evidence(REGION, str(n), n, n + 2, NOW))
        for n in range(2)
    ]
    entries: list[Entry] = [fleet(REGION), policy(REGION, "2026-11-24.1", 60.0), *noted]
    assert await apply(ledger, entries)
    before = await snapshot.load_snapshot(ledger, REGION)
    # Ids long forgotten, as the core's memory of them has an end; offsets do not.
    again = [
        fleet(REGION),
        *(EvidenceNoted(id="x", region=REGION, evidence=n.evidence) for n in noted),
    ]
    assert await apply(ledger, again) == []
    assert await snapshot.load_snapshot(ledger, REGION) == before
    await apply(ledger, again, first=len(entries))
    assert await snapshot.applied_offset(ledger, REGION) == len(entries) + len(again) - 1


def smoke(datastream: str, at: datetime, result: float = 1.0) -> SensorReading:
    return SensorReading(
        sensor="smoke-5",
        datastream=datastream,
        observed_property="smoke",
        result=result,
        unit_of_measurement="%/m",
        phenomenon_time=at,
    )


async def take(readings: ReadingsIntake, ledger: asyncpg.Connection, *taken: SensorReading) -> None:
    async with transaction(ledger) as conn:
        for offset, reading in enumerate(taken):
            at = reading.phenomenon_time
            readings.handle(received(topics.READINGS, reading, offset, at))
        await readings.write(conn, 0)


async def test_calm_datastreams_leave_when_nothing_can_follow_them(
    ledger: asyncpg.Connection, city: CityData
) -> None:
    readings = ReadingsIntake(city, IntakeSettings(past_s=3600))
    await readings.load(ledger, 0)
    begun = NOW - timedelta(hours=3)
    await take(readings, ledger, smoke("calm", begun), smoke("loud", begun, 40.0))
    await take(readings, ledger, smoke("later", begun + timedelta(minutes=59)))
    assert sorted(await load_alarms(ledger, 0)) == ["calm", "later", "loud"]
    await take(readings, ledger, smoke("last", begun + timedelta(minutes=61)))
    assert sorted(await load_alarms(ledger, 0)) == ["last", "later", "loud"]
    assert sorted(readings._memory[0].streams) == ["last", "later", "loud"]


async def test_a_new_datastream_a_message_does_not_fill_the_memory(
    ledger: asyncpg.Connection, city: CityData
) -> None:
    readings = ReadingsIntake(city, IntakeSettings(datastreams=50))
    await readings.load(ledger, 0)
    await take(readings, ledger, smoke("loud", NOW, 40.0))
    for batch in range(10):
        at = NOW + timedelta(milliseconds=batch)
        await take(readings, ledger, *(smoke(f"{batch}/{n}", at) for n in range(20)))
        assert len(readings._memory[0].streams) <= 50
    left = await load_alarms(ledger, 0)
    assert sorted(left) == sorted(readings._memory[0].streams)
    assert {"loud", "9/0", "9/19"} <= set(left)


async def test_between_messages_silence_is_found_once_and_only_if_the_time_is_known(
    ledger: asyncpg.Connection, city: CityData
) -> None:
    readings = ReadingsIntake(city, IntakeSettings())
    await readings.load(ledger, 0)
    await take(readings, ledger, smoke("tended", NOW, 40.0))
    late = NOW + timedelta(hours=1)
    assert not readings.is_due(0, None)
    assert not readings.is_due(0, NOW)
    assert readings.is_due(0, late)
    readings.tend(0, 7, None)
    async with transaction(ledger) as conn:
        assert await readings.write(conn, 0) == []
    readings.tend(0, 7, late)
    assert not readings.is_due(0, late)
    async with transaction(ledger) as conn:
        (entry,) = await readings.write(conn, 0)
    noted: EvidenceNoted = wire.decode(entry.value or b"", EvidenceNoted)
    assert (noted.evidence.phase, noted.evidence.source_id) == ("silent", "tended")
    row = await ledger.fetchrow("SELECT * FROM evidence WHERE id = $1", noted.evidence.id)
    assert row is not None
    assert row["record_offset"] == 7
    assert not (await load_alarms(ledger, 0))["tended"].open


async def test_who_has_nothing_to_do_between_messages_does_nothing(
    ledger: asyncpg.Connection,
) -> None:
    handler = Dispatcher({}, router)
    await handler.load(ledger, 0)
    assert not handler.is_due(0, NOW)
    handler.tend(0, 7, NOW)
    assert await handler.write(ledger, 0) == []
