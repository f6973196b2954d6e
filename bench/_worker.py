"""The city outside and the worker under measurement, as the pipeline's benches share them.

Everything is real and durable: a broker and a database of the bench's own on loopback, the
worker in a process of its own, this process as the city outside.
"""

import asyncio
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from atlas.city import CityData
from bench.report import Report
from infra.local import stack
from infra.local.state import Home, StackState, read_state
from infra.settings import Endpoints, load_settings, resolve_endpoints
from schemas import topics, wire
from schemas.envelope import Envelope
from schemas.inputs import CitizenReport, Location, SensorReading
from schemas.outputs import DispatchChanged

DEADLINE_S = 300.0

_KINDS = (
    ("MEDICAL", "有人突然晕倒，呼吸困难"),
    ("LIFT", "电梯故障，有人被困"),
    ("FIRE", "着火了，浓烟滚滚"),
    ("WATER", "水管爆裂，水流满街"),
)
_SPACING = 0.0045  # degrees between events of one category: beyond twice its radius


def on_a_stack(measure: Callable[[Endpoints, Path], Awaitable[Report]]) -> Report:
    """Measure on a stack of its own, in a folder that is gone afterwards."""

    async def run(folder: Path) -> Report:
        return await measure(endpoints, folder)

    with tempfile.TemporaryDirectory(prefix="jingwei-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        settings = load_settings(folder / "home")
        stack.up(settings, lambda line: print(line, file=sys.stderr))
        try:
            endpoints = resolve_endpoints(settings)
            return asyncio.run(run(folder))
        finally:
            stack.down(settings, lambda _line: None, wipe=True)


@asynccontextmanager
async def city_outside(endpoints: Endpoints) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer, as those outside have it."""
    sender = AIOKafkaProducer(
        bootstrap_servers=endpoints.bootstrap, linger_ms=5, max_batch_size=262_144
    )
    await sender.start()
    try:
        yield sender
    finally:
        await sender.stop()


def message(
    topic: topics.Topic, value: object, event: str
) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return value and headers of a message."""
    return wire.encode(value), Envelope(id=event, source="urn:bench", type=topic.type).headers()


async def send_readings(sender: AIOKafkaProducer, city: CityData, count: int) -> None:
    """Send normal readings, round and round the city's smoke and gas sensors."""
    sensors = [s for s in city.sensors if s.observed_property in ("smoke", "gas")]
    units = {"smoke": "%/m", "gas": "%LEL"}
    now = datetime.now(UTC)
    for i in range(count):
        sensor = sensors[i % len(sensors)]
        value, headers = message(
            topics.READINGS,
            SensorReading(
                sensor=sensor.id,
                datastream=sensor.datastream,
                observed_property=sensor.observed_property,
                result=round(0.5 + (i % 7) * 0.1, 2),
                unit_of_measurement=units[sensor.observed_property],
                phenomenon_time=now + timedelta(milliseconds=i // len(sensors)),
            ),
            f"r{i}-{now.timestamp()}",
        )
        await sender.send(topics.READINGS.name, value, key=sensor.id.encode(), headers=headers)
    await sender.flush()


async def send_report(sender: AIOKafkaProducer, report: CitizenReport) -> None:
    """Send a report, by its id."""
    value, headers = message(topics.REPORTS, report, report.service_request_id)
    key = report.service_request_id.encode()
    await sender.send(topics.REPORTS.name, value, key=key, headers=headers)


async def send_separate_reports(sender: AIOKafkaProducer, city: CityData, count: int) -> None:
    """Send reports of events of their own: places on a grid, categories in turn."""
    west, south, east, north = city.manifest.bounds
    side = int((count / len(_KINDS)) ** 0.5) + 1
    for number in range(count):
        code, words = _KINDS[number % len(_KINDS)]
        row, column = divmod(number // len(_KINDS), side)
        report = CitizenReport(
            service_request_id=f"flood-{number}",
            description=words,
            requested_datetime=datetime.now(UTC),
            service_code=code,
            location=Location(
                lon=round((west + east) / 2 + (column - side / 2) * _SPACING, 6),
                lat=round((south + north) / 2 + (row - side / 2) * _SPACING, 6),
                accuracy_m=10.0,
            ),
        )
        await send_report(sender, report)


@asynccontextmanager
async def worker(
    endpoints: Endpoints, folder: Path, name: str = "worker"
) -> AsyncIterator[psutil.Process]:
    """Run a worker; its log is ``worker.log`` in the folder."""
    environment = os.environ | {
        "JINGWEI_KAFKA_BOOTSTRAP": endpoints.bootstrap,
        "JINGWEI_KAFKA_IDEMPOTENT": str(endpoints.broker_idempotent),
        "JINGWEI_DATABASE_URL": endpoints.database_url,
        "JINGWEI_DATABASE_WORKER_URL": endpoints.worker_url,
        "JINGWEI_KEY_FILE": str(endpoints.key_file),
    }
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", "worker"),
            *("--city", str(folder / "city"), "--home", str(folder / "home")),
            stdout=log,
            stderr=log,
            env=environment,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):  # it was killed
            process.terminate()
        await asyncio.wait_for(process.wait(), 60)


async def listen(endpoints: Endpoints, arrived: dict[str, float]) -> None:
    """Note when each incident's first assignment is heard, on this machine's clock, for ever."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=endpoints.bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50
    )
    await consumer.start()
    topic = topics.DISPATCHES
    parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    consumer.assign(parts)
    await consumer.seek_to_end(*parts)
    try:
        async for record in consumer:
            change = wire.decode(record.value, DispatchChanged)
            if change.change == "assigned":
                arrived.setdefault(change.incident_id, time.time())
    finally:
        await consumer.stop()


async def ready(folder: Path, name: str = "worker") -> None:
    deadline = time.monotonic() + DEADLINE_S
    while "worker is ready" not in (folder / f"{name}.log").read_text():
        if time.monotonic() > deadline:
            raise TimeoutError("the worker does not get ready")
        await asyncio.sleep(0.1)


async def fenced(ledger: asyncpg.Connection, topic: str) -> int:
    """Return how many messages of a topic are dealt with."""
    total = await ledger.fetchval("SELECT sum(next_offset) FROM consumed WHERE topic = $1", topic)
    return int(total or 0)


async def until(
    ledger: asyncpg.Connection, sql: str, wanted: int, *, every_s: float = 0.02
) -> float:
    """Wait until a count is reached and return when it was, on the monotonic clock."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = int(await ledger.fetchval(sql) or 0)
        if found >= wanted:
            return time.monotonic()
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {found} of {wanted} after {DEADLINE_S:.0f} s: {sql}")
        await asyncio.sleep(every_s)


def stages(log: Path) -> str:
    """Return the stages that took longest, from what the worker logs every ten seconds."""
    spent: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        if "streams.metrics: ms:" in line:
            for name, ms in re.findall(r"(\S+) (\d+)", line.partition("ms:")[2]):
                spent[name] += int(ms)
    return ", ".join(f"{name} {ms}" for name, ms in spent.most_common(12))


def processor_s(folder: Path, worker: psutil.Process) -> dict[str, float]:
    """Return the seconds of processor time so far of worker, database and broker."""
    state = read_state(Home.at(folder / "home")) or StackState()
    found = {"worker": _spent(worker)}
    for name, service in (("PostgreSQL", state.postgres), ("Kafka", state.broker)):
        if service is not None:
            process = psutil.Process(service.process.pid)
            found[name] = sum(map(_spent, [process, *process.children(recursive=True)]))
    return found


def _spent(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0
