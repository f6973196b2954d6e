"""Fifty operators at one desk: commands a second, and how long each waits for its answer.

Everything is real and durable: Apache Kafka, PostGIS and one worker in a process of its own on a
made city with some open incidents. Each operator gives one note after the other and waits for
its outcome; a command counts when the desk has returned `Accepted`.

The peers give the same notes to the same worker: with a desk that is opened for each command, as
the command line does (by fewer operators: each needs connections of its own, of which PostgreSQL
has 100), and with a desk that no notification reaches and so looks every 250 ms.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaProducer

from atlas.city import CityData
from atlas.folder import save_city
from bench.report import Report, percentile
from city.make import make_city
from desk import Accepted, Desk, open_desk
from infra.local import stack
from infra.settings import Endpoints, load_settings
from schemas import topics, wire
from schemas.envelope import Envelope
from schemas.inputs import CitizenReport, Location
from schemas.journal import AddNote
from streams.topics import make_topics

_OPERATORS = 50
_OPENED = 20
_INCIDENTS = 30
_DEADLINE_S = 120.0
_SPACING = 0.0035  # degrees between events of one category: beyond twice its radius

Give = Callable[[str, str], Awaitable[None]]
"""Gives a note on an incident, both named, and returns with its outcome."""


def run(*, quick: bool) -> Report:
    """Measure; ``quick`` takes a fifth of the work."""
    with tempfile.TemporaryDirectory(prefix="jingwei-bench-") as folder:
        Path(folder).chmod(0o755)
        settings = load_settings(Path(folder) / "home")
        endpoints = stack.up(settings, lambda line: print(line, file=sys.stderr))
        try:
            return asyncio.run(_measure(endpoints, Path(folder), 4 if quick else 20))
        finally:
            stack.down(settings, lambda _line: None, wipe=True)


async def _measure(endpoints: Endpoints, folder: Path, each: int) -> Report:
    city = make_city(seed=1)
    save_city(city, folder / "city")
    await make_topics(endpoints.bootstrap)
    await _send_reports(endpoints, city)
    async with _worker(endpoints, folder):
        incidents = await _incidents(endpoints)
        async with open_desk(endpoints) as desk:
            naming = await _name(desk, incidents)
            await _play(_at(desk), incidents, 1)  # connections, and the worker's first commands
            kept = await _play(_at(desk), incidents, each)
            async with _unnotified(endpoints):
                polled = await _play(_at(desk), incidents, each)
            alone = await _play(_at(desk), incidents, each, operators=1)

        async def opened(incident: str, text: str) -> None:
            async with open_desk(endpoints) as own:
                await _at(own)(incident, text)

        anew = await _play(opened, incidents, max(1, each // 10), operators=_OPENED)
    return Report(
        figures={
            "commands_per_s": round(kept.per_s, 1),
            "p50_ms": round(percentile(kept.waits_ms, 0.5), 1),
            "p99_ms": round(percentile(kept.waits_ms, 0.99), 1),
            "alone_p50_ms": round(percentile(alone.waits_ms, 0.5), 1),
            "naming_p50_ms": round(percentile(naming, 0.5), 1),
        },
        peers={
            name: {
                "commands_per_s": round(played.per_s, 1),
                "p50_ms": round(percentile(played.waits_ms, 0.5), 1),
            }
            for name, played in (("opened_for_each", anew), ("without_notifications", polled))
        },
        ratios={
            "opened_for_each": round(kept.per_s / anew.per_s, 2),
            "without_notifications": round(kept.per_s / polled.per_s, 2),
        },
        notes=[
            f"{_OPERATORS} operators, {each} notes each, on {len(incidents)} incidents",
            f"alone: one operator; opened_for_each: {_OPENED}; naming: only finding the incident",
            f"broker: {endpoints.broker_kind}; fsync on; the worker on the same cores",
        ],
    )


class _Played:
    """What a part of the bench took."""

    def __init__(self) -> None:
        self.waits_ms: list[float] = []
        self.per_s = 0.0


async def _play(
    give: Give, incidents: list[str], each: int, operators: int = _OPERATORS
) -> _Played:
    """Let operators give notes, each one after the other."""
    played = _Played()

    async def operator(number: int) -> None:
        for turn in range(each):
            begun = time.monotonic()
            await give(incidents[(number + turn) % len(incidents)], f"note {number}/{turn}")
            played.waits_ms.append((time.monotonic() - begun) * 1_000)

    begun = time.monotonic()
    await asyncio.gather(*(operator(number) for number in range(operators)))
    played.per_s = operators * each / (time.monotonic() - begun)
    return played


async def _name(desk: Desk, incidents: list[str]) -> list[float]:
    """Milliseconds that it takes to find an incident by its number, one after the other."""
    taken = []
    for incident in incidents:
        begun = time.monotonic()
        await desk.command(incident, AddNote(text=""))
        taken.append((time.monotonic() - begun) * 1_000)
    return taken


def _at(desk: Desk) -> Give:
    async def give(incident: str, text: str) -> None:
        command = await desk.command(incident, AddNote(text=text), operator="bench")
        outcome = await desk.give(command, _DEADLINE_S)
        assert isinstance(outcome, Accepted), outcome

    return give


@asynccontextmanager
async def _unnotified(endpoints: Endpoints) -> AsyncIterator[None]:
    owner = await asyncpg.connect(endpoints.database_url)
    try:
        await owner.execute("ALTER TABLE command DISABLE TRIGGER command_answered")
        yield
        await owner.execute("ALTER TABLE command ENABLE TRIGGER command_answered")
    finally:
        await owner.close()


async def _send_reports(endpoints: Endpoints, city: CityData) -> None:
    """Send reports of separate events, one incident each."""
    west, south, east, north = city.manifest.bounds
    columns = int((east - west) * 0.8 / _SPACING)
    sender = AIOKafkaProducer(bootstrap_servers=endpoints.bootstrap)
    await sender.start()
    try:
        for number in range(_INCIDENTS):
            report = CitizenReport(
                service_request_id=f"bench-{number}",
                description="电梯故障，有人被困",
                requested_datetime=datetime.now(UTC),
                service_code="LIFT",
                location=Location(
                    lon=round(west + (east - west) * 0.1 + number % columns * _SPACING, 6),
                    lat=round(south + (north - south) * 0.1 + number // columns * _SPACING, 6),
                    accuracy_m=10.0,
                ),
            )
            key = report.service_request_id
            headers = Envelope(id=key, source="urn:bench", type=topics.REPORTS.type).headers()
            value = wire.encode(report)
            await sender.send(topics.REPORTS.name, value, key=key.encode(), headers=headers)
        await sender.flush()
    finally:
        await sender.stop()


async def _incidents(endpoints: Endpoints) -> list[str]:
    """Wait until the worker has opened the incidents, and return their numbers."""
    ledger = await asyncpg.connect(endpoints.database_url)
    deadline = time.monotonic() + _DEADLINE_S
    try:
        while time.monotonic() < deadline:
            rows = await ledger.fetch("SELECT number FROM incident ORDER BY number")
            if len(rows) >= _INCIDENTS:
                return [row["number"] for row in rows]
            await asyncio.sleep(0.1)
    finally:
        await ledger.close()
    raise TimeoutError(f"the worker has not opened {_INCIDENTS} incidents in {_DEADLINE_S:.0f} s")


@asynccontextmanager
async def _worker(endpoints: Endpoints, folder: Path) -> AsyncIterator[None]:
    environment = os.environ | {
        "JINGWEI_KAFKA_BOOTSTRAP": endpoints.bootstrap,
        "JINGWEI_KAFKA_IDEMPOTENT": str(endpoints.broker_idempotent),
        "JINGWEI_DATABASE_URL": endpoints.database_url,
        "JINGWEI_DATABASE_WORKER_URL": endpoints.worker_url,
        "JINGWEI_KEY_FILE": str(endpoints.key_file),
    }
    with (folder / "worker.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", "worker"),
            *("--city", str(folder / "city"), "--home", str(folder / "home")),
            stdout=log,
            stderr=log,
            env=environment,
        )
    try:
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 60)
