"""The stream engine: how many readings one worker takes in, beside what others do with them.

Everything is real and durable, on a broker and a database of the bench's own: see
`bench.pipeline`, whose backlog of readings this is. The peers read the same messages in the same
run, each in a process of its own, the broker on the same cores:

- a Faust agent that does nothing;
- aiokafka's ``getmany``, each message's envelope read and its value decoded by msgspec, and the
  result compared with a threshold.

``fresh_p1_behind_5000_s`` is how long somebody without breath waits for units when 5,000 reports of
other things came a second before.

``kill_pause_s`` is the longest time after a SIGKILL of one of two workers until reports on all
partitions that were sent at that moment are part of incidents. The worker that is killed is the
first one, then the one that took over, while another was started beside it.

Each part's processor time per reading is told beside its rate: on a machine that is busy with
other work it is the steadier figure.
"""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import psutil
from aiokafka import AIOKafkaProducer

from atlas.city import CityData
from atlas.folder import save_city
from bench._worker import (
    DEADLINE_S,
    city_outside,
    fenced,
    listen,
    on_a_stack,
    processor_s,
    ready,
    send_readings,
    send_report,
    stages,
    until,
    worker,
)
from bench.report import Report
from city.make import make_city
from infra.settings import Endpoints
from schemas import topics
from schemas.inputs import CitizenReport, Location
from streams.topics import make_topics

_HARMLESS = ("路灯不亮了", "水管漏水，地上都是水", "路边堆了很多垃圾", "井盖有点松动")


def run(*, quick: bool) -> Report:
    """Measure; ``quick`` takes a tenth of the work, of which starting is a large part."""
    return on_a_stack(lambda endpoints, folder: _measure(endpoints, folder, quick=quick))


async def _measure(endpoints: Endpoints, folder: Path, *, quick: bool) -> Report:
    count = 60_000 if quick else 600_000
    city = make_city(seed=1)
    save_city(city, folder / "city")
    await make_topics(endpoints.bootstrap)
    ledger = await asyncpg.connect(endpoints.database_url)
    try:
        async with city_outside(endpoints) as sender:
            await send_readings(sender, city, count)
            async with worker(endpoints, folder) as process:
                readings_per_s, spent = await _drain(ledger, folder, process, count)
                memory = process.memory_info().rss / 2**20
                fresh_s = await _fresh_p1(endpoints, sender, city, 500 if quick else 5_000)
                pauses = await _kill_pauses(
                    endpoints, folder, sender, ledger, first=process, city=city
                )
        peers = {
            "faust_agent_that_does_nothing": await _alone(
                "_faust_alone", endpoints, count, str(folder / "faust")
            ),
            "aiokafka_with_envelope": await _alone("_aiokafka_alone", endpoints, count),
        }
    finally:
        await ledger.close()
    return Report(
        figures={
            "readings_per_s": round(readings_per_s),
            "fresh_p1_behind_5000_s": round(fresh_s, 2),
            "kill_pause_s": round(max(pauses), 2),
            "rss_mib": round(memory),
        },
        peers={"readings_per_s": {name: round(rate) for name, rate in peers.items()}},
        ratios={name: round(readings_per_s / rate, 3) for name, rate in peers.items()},
        notes=[
            f"broker: {endpoints.broker_kind}; fsync on",
            "seconds after each SIGKILL: " + ", ".join(f"{pause:.2f}" for pause in pauses),
            "µs of processor time per reading: "
            + ", ".join(f"{name} {1e6 * seconds:.1f}" for name, seconds in spent.items()),
            "the worker's time by stage, ms of the whole run: " + stages(folder / "worker.log"),
        ],
    )


async def _drain(
    ledger: asyncpg.Connection, folder: Path, process: psutil.Process, count: int
) -> tuple[float, dict[str, float]]:
    """Readings a second, from the first commit on: starting the worker is not throughput."""
    done = f"SELECT sum(next_offset) FROM consumed WHERE topic = '{topics.READINGS.name}'"
    begun = await until(ledger, done, 1)
    first, before = await fenced(ledger, topics.READINGS.name), processor_s(folder, process)
    ended = await until(ledger, done, count)
    after = processor_s(folder, process)
    taken = count - first
    return taken / (ended - begun), {name: (after[name] - before[name]) / taken for name in after}


async def _fresh_p1(
    endpoints: Endpoints, sender: AIOKafkaProducer, city: CityData, count: int
) -> float:
    """Seconds from a P1's report, sent a second after ``count`` others, until it has its units.

    The others are of events of their own without danger to life; as subscribers see it.
    """
    told: dict[str, float] = {}
    listener = asyncio.create_task(listen(endpoints, told))
    await asyncio.sleep(2.0)
    before = set(told)
    west, south, east, north = city.manifest.bounds
    side = int(count**0.5) + 1
    for number in range(count):
        row, column = divmod(number, side)
        place = Location(
            lon=round(west + (east - west) * column / side, 6),
            lat=round(south + (north - south) * row / side, 6),
            accuracy_m=10.0,
        )
        await send_report(sender, _report(f"calm-{number}", _HARMLESS[number % 4], place))
    await sender.flush()
    await asyncio.sleep(1.0)
    middle = Location(lon=(west + east) / 2, lat=(south + north) / 2, accuracy_m=10.0)
    sent = time.time()
    await send_report(sender, _report("grave", "有人晕倒，没有呼吸", middle))
    await sender.flush()
    ledger = await asyncpg.connect(endpoints.database_url)
    try:
        placed = "SELECT count(placed) FROM evidence WHERE category = 'medical'"
        await until(ledger, placed, 1, every_s=0.1)
        incident = await ledger.fetchval(
            "SELECT incident_id::text FROM evidence WHERE category = 'medical' LIMIT 1"
        )
        deadline = time.monotonic() + DEADLINE_S
        while incident not in told or incident in before:
            if time.monotonic() > deadline:
                raise TimeoutError("nobody was sent to the P1")
            await asyncio.sleep(0.05)
    finally:
        listener.cancel()
        await asyncio.wait([listener])
        await ledger.close()
    return told[incident] - sent


async def _kill_pauses(
    endpoints: Endpoints,
    folder: Path,
    sender: AIOKafkaProducer,
    ledger: asyncpg.Connection,
    *,
    first: psutil.Process,
    city: CityData,
) -> list[float]:
    """Seconds from each kill until what was sent then is placed."""
    placed = "SELECT count(placed) FROM evidence"
    await until(ledger, placed, await ledger.fetchval("SELECT count(*) FROM evidence"))
    west, south, east, north = city.manifest.bounds
    middle = Location(lon=(west + east) / 2, lat=(south + north) / 2, accuracy_m=10.0)
    pauses = []
    async with AsyncExitStack() as stack:
        alive = first
        for number in range(4):
            name = f"worker-{number}"
            other = await stack.enter_async_context(worker(endpoints, folder, name))
            await ready(folder, name)
            await asyncio.sleep(5.0)  # the group has come to rest
            before, begun = await ledger.fetchval(placed), time.monotonic()
            alive.kill()
            for report in range(48):
                await send_report(sender, _report(f"kill-{number}-{report}", "水管漏水", middle))
            await sender.flush()
            pauses.append(await until(ledger, placed, before + 48) - begun)
            alive = other
    return pauses


def _report(name: str, words: str, place: Location) -> CitizenReport:
    return CitizenReport(
        service_request_id=f"streams-{name}",
        description=words,
        requested_datetime=datetime.now(UTC),
        location=place,
    )


async def _alone(module: str, endpoints: Endpoints, count: int, *more: str) -> float:
    """Run a peer in a process of its own; return its readings a second."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"bench.{module}"),
        *(endpoints.bootstrap, topics.READINGS.name, str(count), *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        # Faust writes escape sequences of its own to stdout, whatever its log level.
        output = await asyncio.wait_for(process.stdout.read(), DEADLINE_S)
        text = output.decode()
        if "rate=" not in text:
            raise RuntimeError(f"{module} measured nothing:\n{text[-2000:]}")
        return float(text.rpartition("rate=")[2])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
