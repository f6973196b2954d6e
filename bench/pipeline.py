"""One worker on Apache Kafka and PostGIS: how much it takes in, how soon somebody is sent.

Everything is real and durable: a broker and a database of the bench's own on loopback, the
worker in a process of its own, this process as the city outside. Four parts, one after
another, so that none is measured under another's load:

1. ``readings_per_s``: a backlog of normal readings, from the first to the last committed.
2. ``incidents_per_s``: bursts of reports of separate events, as many as the fleet can answer,
   from the first sent until each has its incident, response plan, travel times, route and
   assignment in the ledger; crews are called in again between the bursts.
3. ``report_to_assignment_*``: reports at a steady rate over a thousand readings a second; from
   the moment a report is sent to the moment an outside subscriber has its assignment.
4. ``incidents_per_s_sustained``: reports of separate events, far more than the fleet can answer,
   all at once: incidents that are opened and decided per second until all are in the ledger. A
   burst of 2 ends before the stages of the worker overlap; here they do. Who cannot be sent is not
   assigned, so this is another amount of work per incident than that of 2.

The peers do the intake's part of 1 on the same messages in the same run: Faust alone (an agent
that does nothing) and aiokafka alone (polls, decodes and compares with a threshold).
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from atlas.city import CityData
from atlas.folder import save_city
from bench._worker import (
    DEADLINE_S,
    city_outside,
    fenced,
    listen,
    message,
    on_a_stack,
    processor_s,
    send_readings,
    send_report,
    send_separate_reports,
    stages,
    until,
    worker,
)
from bench.report import Report, percentile
from city.make import make_city
from infra.settings import Endpoints
from schemas import topics
from schemas.inputs import CitizenReport, Location, SensorReading, UnitStatus
from streams.topics import make_topics

_BURST = 110
_KINDS = (
    ("MEDICAL", "有人突然晕倒，呼吸困难"),
    ("LIFT", "电梯故障，有人被困"),
    ("DISORDER", "有人打架斗殴"),
)
"""Each asks for one unit, of which the made city has forty or more."""
_SPACING = 0.0035  # degrees between events of one category: beyond twice its radius


def run(*, quick: bool) -> Report:
    """Measure; ``quick`` takes a tenth of the work."""
    return on_a_stack(lambda endpoints, folder: _measure(endpoints, folder, quick=quick))


async def _measure(endpoints: Endpoints, folder: Path, *, quick: bool) -> Report:
    scale = 10 if quick else 1
    city = make_city(seed=1)
    save_city(city, folder / "city")
    await make_topics(endpoints.bootstrap)
    ledger = await asyncpg.connect(endpoints.database_url)
    count = 200_000 // scale
    try:
        async with city_outside(endpoints) as sender:
            await send_readings(sender, city, count)
            async with worker(endpoints, folder) as process:
                readings_per_s = await _drain_readings(ledger, count)
                incidents_per_s = await _incidents(sender, ledger, city, rounds=1 if quick else 5)
                delays, sent = await _latency(endpoints, sender, ledger, city, quick=quick)
                memory = process.memory_info().rss / 2**20
                sustained_per_s, spent = await _sustained(
                    sender, ledger, city, folder, process, count=2_000 // scale
                )
            faust_per_s = await _faust_alone(endpoints, folder, count)
            aiokafka_per_s = await _aiokafka_alone(endpoints, count)
    finally:
        await ledger.close()
    return Report(
        figures={
            "readings_per_s": round(readings_per_s),
            "report_to_assignment_p50_ms": round(percentile(delays, 0.5), 1),
            "report_to_assignment_p99_ms": round(percentile(delays, 0.99), 1),
            "incidents_per_s": round(incidents_per_s, 1),
            "incidents_per_s_sustained": round(sustained_per_s, 1),
            "rss_mib": round(memory),
        },
        peers={
            "readings_per_s": {
                "faust_agent_that_does_nothing": round(faust_per_s),
                "aiokafka_getmany_decode_compare": round(aiokafka_per_s),
            }
        },
        ratios={
            "faust_agent_that_does_nothing": round(readings_per_s / faust_per_s, 3),
            "aiokafka_getmany_decode_compare": round(readings_per_s / aiokafka_per_s, 3),
        },
        notes=[
            f"broker: {endpoints.broker_kind}; fsync on",
            f"{len(delays)} of {sent} reports assigned in the steady part",
            "ms of processor time per incident in the sustained part: "
            + ", ".join(f"{name} {1000 * seconds:.2f}" for name, seconds in spent.items()),
            "the worker's time by stage, ms of the whole run: " + stages(folder / "worker.log"),
        ],
    )


# -- input -----------------------------------------------------------------------------------


def _report(city: CityData, number: int) -> CitizenReport:
    """A report of an event of its own: places on a grid, categories in turn."""
    west, south, east, north = city.manifest.bounds
    columns = int((east - west) * 0.8 / _SPACING)
    rows = int((north - south) * 0.8 / _SPACING)
    code, words = _KINDS[number % len(_KINDS)]
    spot = number // len(_KINDS)
    assert spot < columns * rows, "no place left for an event of its own"
    lon = west + (east - west) * 0.1 + (spot % columns) * _SPACING
    lat = south + (north - south) * 0.1 + (spot // columns) * _SPACING
    return CitizenReport(
        service_request_id=f"bench-{number}",
        description=words,
        requested_datetime=datetime.now(UTC),
        service_code=code,
        location=Location(lon=round(lon, 6), lat=round(lat, 6), accuracy_m=10.0),
    )


# -- what is measured ------------------------------------------------------------------------


async def _drain_readings(ledger: asyncpg.Connection, count: int) -> float:
    """Readings a second, from the first commit on: starting the worker is not throughput."""
    done = f"SELECT sum(next_offset) FROM consumed WHERE topic = '{topics.READINGS.name}'"
    begun = await until(ledger, done, 1)
    first = await fenced(ledger, topics.READINGS.name)
    ended = await until(ledger, done, count)
    return (count - first) / (ended - begun)


async def _incidents(
    sender: AIOKafkaProducer, ledger: asyncpg.Connection, city: CityData, *, rounds: int
) -> float:
    spent = 0.0
    for part in range(rounds):
        before = await ledger.fetchval("SELECT count(*) FROM assignment")
        begun = time.monotonic()
        for number in range(part * _BURST, (part + 1) * _BURST):
            await send_report(sender, _report(city, number))
        await sender.flush()
        ended = await until(ledger, "SELECT count(*) FROM assignment", before + _BURST)
        spent += ended - begun
        await _free_all_units(sender, ledger)
    return rounds * _BURST / spent


async def _sustained(
    sender: AIOKafkaProducer,
    ledger: asyncpg.Connection,
    city: CityData,
    folder: Path,
    process: psutil.Process,
    *,
    count: int,
) -> tuple[float, dict[str, float]]:
    """Incidents a second of a flood, and each process's seconds of processor time per incident."""
    placed = "SELECT count(placed) FROM evidence WHERE source = 'report'"
    opened = "SELECT count(*) FROM incident"
    before, incidents = await ledger.fetchval(placed), await ledger.fetchval(opened)
    spent, begun = processor_s(folder, process), time.monotonic()
    await send_separate_reports(sender, city, count)
    await sender.flush()
    ended = await until(ledger, placed, before + count, every_s=0.1)
    incidents = await ledger.fetchval(opened) - incidents
    now = processor_s(folder, process)
    per_incident = {name: (now[name] - spent[name]) / incidents for name in spent}
    return incidents / (ended - begun), per_incident


# -- latency ---------------------------------------------------------------------------------


async def _latency(
    endpoints: Endpoints,
    sender: AIOKafkaProducer,
    ledger: asyncpg.Connection,
    city: CityData,
    *,
    quick: bool,
) -> tuple[list[float], int]:
    """Milliseconds from each report's sending to its assignment's arrival outside."""
    count = _BURST // 10 if quick else _BURST
    arrived: dict[str, float] = {}
    listener = asyncio.create_task(listen(endpoints, arrived))
    background = asyncio.create_task(_background(sender, city, count / 2 + 2))
    await asyncio.sleep(2.0)
    sent: dict[str, float] = {}
    for number in range(5 * _BURST, 5 * _BURST + count):
        report = _report(city, number)
        sent[report.service_request_id] = time.time()
        await send_report(sender, report)
        await asyncio.sleep(0.5)
    await background
    await asyncio.sleep(2.0)
    listener.cancel()
    await asyncio.wait([listener])
    rows = await ledger.fetch(
        "SELECT source_id, incident_id::text FROM evidence WHERE source_id = ANY($1)", list(sent)
    )
    delays = [
        (arrived[row["incident_id"]] - sent[row["source_id"]]) * 1000.0
        for row in rows
        if row["incident_id"] in arrived
    ]
    return delays, count


async def _background(sender: AIOKafkaProducer, city: CityData, seconds: float) -> None:
    """A thousand readings a second, in tenths."""
    for _ in range(int(seconds * 10)):
        begun = time.monotonic()
        await send_readings(sender, city, 100)
        await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - begun)))


async def _free_all_units(sender: AIOKafkaProducer, ledger: asyncpg.Connection) -> None:
    """Let every busy unit arrive and come back, as crews would stamp it."""
    busy = [r["id"] for r in await ledger.fetch("SELECT id FROM unit WHERE state <> 'available'")]
    for status in ("on_scene", "available"):
        for unit in busy:
            stamp = UnitStatus(unit=unit, status=status, time=datetime.now(UTC))
            value, headers = message(topics.UNIT_STATUS, stamp, f"{unit}-{status}-{time.time()}")
            key = unit.encode()
            await sender.send(topics.UNIT_STATUS.name, value, key=key, headers=headers)
        await sender.flush()
    deadline = time.monotonic() + DEADLINE_S
    while await ledger.fetchval("SELECT count(*) FROM unit WHERE state <> 'available'"):
        if time.monotonic() > deadline:
            raise TimeoutError("units do not come back")
        await asyncio.sleep(0.05)


# -- peers -----------------------------------------------------------------------------------


async def _aiokafka_alone(endpoints: Endpoints, count: int) -> float:
    """The same messages by aiokafka's polls, decoded and compared with a threshold."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=endpoints.bootstrap, enable_auto_commit=False, max_poll_records=10_000
    )
    await consumer.start()
    parts = [TopicPartition(topics.READINGS.name, n) for n in range(topics.READINGS.partitions)]
    consumer.assign(parts)
    await consumer.seek_to_beginning(*parts)
    decoder = msgspec.json.Decoder(SensorReading)
    begun, seen, high = time.monotonic(), 0, 0
    try:
        while seen < count:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                seen += len(records)
                high += sum(decoder.decode(record.value).result > 12.0 for record in records)
    finally:
        await consumer.stop()
    return seen / (time.monotonic() - begun)


async def _faust_alone(endpoints: Endpoints, folder: Path, count: int) -> float:
    """The same messages by a Faust agent that does nothing, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench._faust_alone"),
        *(endpoints.bootstrap, topics.READINGS.name, str(count), str(folder / "faust")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        # Faust writes escape sequences of its own to stdout, whatever its log level.
        output = await asyncio.wait_for(process.stdout.read(), DEADLINE_S)
        text = output.decode()
        if "rate=" not in text:
            raise RuntimeError(f"the Faust agent measured nothing:\n{text[-2000:]}")
        return float(text.rpartition("rate=")[2])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
