"""The stream engine: how many readings one worker takes in, beside what others do with them.

Everything is real and durable, on a broker and a database of the bench's own: see
`bench.pipeline`, whose backlog of readings this is. The peers read the same messages in the same
run, each in a process of its own, the broker on the same cores:

- a Faust agent that does nothing;
- aiokafka's ``getmany``, each message's envelope read and its value decoded by msgspec, and the
  result compared with a threshold.

Each part's processor time per reading is told beside its rate: on a machine that is busy with
other work it is the steadier figure.
"""

import asyncio
import sys
from pathlib import Path

import asyncpg

from atlas.folder import save_city
from bench._worker import (
    DEADLINE_S,
    city_outside,
    fenced,
    on_a_stack,
    processor_s,
    send_readings,
    stages,
    until,
    worker,
)
from bench.report import Report
from city.make import make_city
from infra.settings import Endpoints
from schemas import topics
from streams.topics import make_topics


def run(*, quick: bool) -> Report:
    """Measure; ``quick`` takes a fifth of the work."""
    return on_a_stack(lambda endpoints, folder: _measure(endpoints, folder, quick=quick))


async def _measure(endpoints: Endpoints, folder: Path, *, quick: bool) -> Report:
    count = 60_000 if quick else 300_000
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
        peers = {
            "faust_agent_that_does_nothing": await _alone(
                "_faust_alone", endpoints, count, str(folder / "faust")
            ),
            "aiokafka_with_envelope": await _alone("_aiokafka_alone", endpoints, count),
        }
    finally:
        await ledger.close()
    return Report(
        figures={"readings_per_s": round(readings_per_s), "rss_mib": round(memory)},
        peers={"readings_per_s": {name: round(rate) for name, rate in peers.items()}},
        ratios={name: round(readings_per_s / rate, 3) for name, rate in peers.items()},
        notes=[
            f"broker: {endpoints.broker_kind}; fsync on",
            "µs of processor time per reading: "
            + ", ".join(f"{name} {1e6 * seconds:.1f}" for name, seconds in spent.items()),
            "the worker's time by stage, ms of the whole run: " + stages(folder / "worker.log"),
        ],
    )


async def _drain(
    ledger: asyncpg.Connection, folder: Path, process: object, count: int
) -> tuple[float, dict[str, float]]:
    """Readings a second, from the first commit on: starting the worker is not throughput."""
    done = f"SELECT sum(next_offset) FROM consumed WHERE topic = '{topics.READINGS.name}'"
    begun = await until(ledger, done, 1)
    first, before = await fenced(ledger, topics.READINGS.name), processor_s(folder, process)
    ended = await until(ledger, done, count)
    after = processor_s(folder, process)
    taken = count - first
    return taken / (ended - begun), {name: (after[name] - before[name]) / taken for name in after}


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
