"""An earthquake: 5,000 reports of separate events at once, and 20,000 readings beside them.

Seconds from the first message sent, all of it through one worker on Apache Kafka and PostGIS:

1. ``incidents_s``: until every report is an incident in the ledger, or part of one.
2. ``departments_s``: until every department has all that it is to be told.
3. ``readings_s``: until the readings are dealt with.

``worst_backlog`` is the most that waited at one moment: messages to be read and journal entries
to be applied; ``worst_outbox`` are messages written and not sent. ``worker_restarts`` counts how
often the worker ended: it has no supervisor here, so anything but 0 is the end of the run.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from atlas.folder import save_city
from bench._worker import (
    DEADLINE_S,
    city_outside,
    on_a_stack,
    ready,
    send_readings,
    send_separate_reports,
    stages,
    worker,
)
from bench.report import Report
from city.make import make_city
from infra.settings import Endpoints
from schemas import codes, topics, wire
from schemas.outputs import IncidentChanged
from streams.topics import make_topics

_LOOK_S = 0.5


@dataclass
class _Seen:
    """What a look at the ledger has found."""

    placed: int
    waiting: int
    outbox: int
    readings: int


def run(*, quick: bool) -> Report:
    """Measure; ``quick`` takes a tenth of the work."""
    return on_a_stack(lambda endpoints, folder: _measure(endpoints, folder, quick=quick))


async def _measure(endpoints: Endpoints, folder: Path, *, quick: bool) -> Report:
    reports, readings = (500, 2_000) if quick else (5_000, 20_000)
    city = make_city(seed=1)
    save_city(city, folder / "city")
    await make_topics(endpoints.bootstrap)
    ledger = await asyncpg.connect(endpoints.database_url)
    try:
        async with city_outside(endpoints) as sender, worker(endpoints, folder) as process:
            await ready(folder)
            begun = time.monotonic()
            sending = asyncio.gather(
                send_separate_reports(sender, city, reports), send_readings(sender, city, readings)
            )
            figures, worst = await _watch(ledger, process, reports, readings, begun)
            await sending
        missing = await _untold(endpoints, ledger)
        opened = await ledger.fetchval("SELECT count(*) FROM incident")
    finally:
        await ledger.close()
    log = (folder / "worker.log").read_text()
    return Report(
        figures={
            **figures,
            "incidents": opened,
            "incidents_per_s": round(opened / figures["incidents_s"], 1),
            "worst_backlog": worst.waiting,
            "worst_outbox": worst.outbox,
            "worker_restarts": log.count("worker is ready") - 1,
            "lines_that_departments_miss": missing,
        },
        peers={},
        ratios={},
        notes=[
            f"broker: {endpoints.broker_kind}; fsync on; {reports} reports, {readings} readings",
            "the worker's time by stage, ms of the whole run: " + stages(folder / "worker.log"),
        ],
    )


async def _watch(
    ledger: asyncpg.Connection, process: psutil.Process, reports: int, readings: int, begun: float
) -> tuple[dict[str, float], _Seen]:
    """Look until all is through; return the seconds it took, and the worst that was seen."""
    took: dict[str, float] = {}
    worst = _Seen(0, 0, 0, 0)
    while len(took) < 3:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            raise RuntimeError("the worker has ended")
        if time.monotonic() - begun > DEADLINE_S:
            raise TimeoutError(f"not through after {DEADLINE_S:.0f} s: {took}, {worst}")
        seen = await _look(ledger, reports, readings)
        now = round(time.monotonic() - begun, 1)
        worst.waiting = max(worst.waiting, seen.waiting)
        worst.outbox = max(worst.outbox, seen.outbox)
        if seen.placed >= reports:
            took.setdefault("incidents_s", now)
            if not seen.outbox:
                took.setdefault("departments_s", now)
        if seen.readings >= readings:
            took.setdefault("readings_s", now)
        await asyncio.sleep(_LOOK_S)
    return took, worst


async def _look(ledger: asyncpg.Connection, reports: int, readings: int) -> _Seen:
    guards = {
        row["topic"]: int(row["n"])
        for row in await ledger.fetch(
            "SELECT topic, sum(next_offset) AS n FROM consumed GROUP BY topic"
        )
    }
    evidence, placed = await ledger.fetchrow(
        "SELECT count(*), count(placed) FROM evidence WHERE source = 'report'"
    )
    read = guards.get(topics.REPORTS.name, 0), guards.get(topics.READINGS.name, 0)
    waiting = max(0, reports - read[0]) + max(0, readings - read[1]) + evidence - placed
    outbox = await ledger.fetchval("SELECT count(*) FROM outbox")
    return _Seen(placed, waiting, outbox, read[1])


async def _untold(endpoints: Endpoints, ledger: asyncpg.Connection) -> int:
    """Return how many lines departments were to have by the ledger's word and have not."""
    got: Counter[tuple[str, str]] = Counter()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=endpoints.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        parts = [
            TopicPartition(topic.name, number)
            for topic in map(topics.department, codes.departments())
            for number in range(topic.partitions)
        ]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        while [part for part in parts if await consumer.position(part) < ends[part]]:
            for part, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    line = wire.decode(record.value, IncidentChanged)
                    key = part.topic, line.incident_id
                    got[key] = max(got[key], line.seq)
    finally:
        await consumer.stop()
    rows = await ledger.fetch(
        "SELECT t.target, t.incident_id, max(e.seq) AS last FROM feed_told AS t"
        " JOIN incident_entry AS e USING (incident_id) GROUP BY t.target, t.incident_id"
    )
    return sum(max(0, row["last"] - got[row["target"], row["incident_id"]]) for row in rows)
