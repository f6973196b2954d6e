"""A worker that is short of CPU goes on; one that is stuck leaves, and says why."""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from atlas.city import CityData
from streams.exits import Exit
from tests.checker import check
from tests.streams import broken_workers
from tests.streams.rig import Rig, WorkerProcess, now
from tests.streams.traffic import Traffic

pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.slow]

PATIENCE_S = 3.0
STARVED_PATIENCE_S = 8.0
"""Of a worker whose broker and ledger get little CPU, too: what it misses itself is not counted."""


def worker_of(
    rig: Rig, city: Path, home: Path, program: str, patience_s: float, **settings: str
) -> WorkerProcess:
    """Return a worker that a fault was built into."""
    return WorkerProcess(
        rig.endpoints,
        city,
        home,
        rig.group,
        instance="broken",
        settings={"JINGWEI_WORKER_PATIENCE_S": str(patience_s), **settings},
        program=f"{broken_workers.__name__}:{program}",
    )


def burn() -> None:
    while True:
        pass


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Let processes compete for the CPU."""
    processes = [multiprocessing.get_context("spawn").Process(target=burn) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


@pytest.mark.timeout(400)
def test_a_worker_that_gets_little_cpu_goes_on(
    rig: Rig, city: CityData, city_folder: Path, tmp_path: Path
) -> None:
    worker = WorkerProcess(
        rig.endpoints,
        city_folder,
        tmp_path,
        rig.group,
        settings={
            "JINGWEI_WORKER_PATIENCE_S": str(STARVED_PATIENCE_S),
            # With the tests' usual one, a pause and the others' share of the CPU could outlast it.
            "JINGWEI_WORKER_SESSION_TIMEOUT_S": "30",
        },
    )
    rig.worker = worker
    worker.start()
    worker.wait_ready()
    traffic = Traffic(city, seed=5, name=rig.group)
    with busy_processes(2 * (os.cpu_count() or 1)):
        rig.send(traffic.some(160, now(-1)))
        worker.pause()  # longer than its patience, shorter than its session
        time.sleep(STARVED_PATIENCE_S + 1.5)
        worker.go_on()
        rig.send(traffic.some(80, now(-1)))
    rig.settle(within_s=180)
    assert worker.alive
    assert worker.log.read_text().count("worker is ready") == 1
    assert (
        asyncio.run(
            check(rig.endpoints.bootstrap, rig.endpoints.database_url, rig.group, rig.since)
        )
        == []
    )
    assert worker.stop() == 0


def test_a_handler_that_never_returns_ends_the_worker(
    rig: Rig, city: CityData, city_folder: Path, tmp_path: Path
) -> None:
    worker = worker_of(rig, city_folder, tmp_path, "never_returns", patience_s=1.0)
    worker.start()
    worker.wait_ready()
    rig.send(Traffic(city, seed=6, name=rig.group).some(50, now(-1)))
    assert worker.wait() == Exit.STALLED
    assert "city.citizen.reports: one message has been handled for" in worker.log.read_text()


def test_a_dead_poll_ends_the_worker(
    rig: Rig, city: CityData, city_folder: Path, tmp_path: Path
) -> None:
    flag = tmp_path / "dead"
    while_there = {broken_workers.DEAD_POLL_WHILE: str(flag)}
    worker = worker_of(rig, city_folder, tmp_path, "dead_poll", PATIENCE_S, **while_there)
    traffic = Traffic(city, seed=7, name=rig.group)
    worker.start()
    worker.wait_ready()
    rig.send(traffic.some(50, now(-1)))
    rig.await_rows("SELECT 1 FROM evidence")
    flag.touch()
    rig.send(traffic.some(200, now(-1)))
    assert worker.wait() == Exit.STALLED
    assert "nothing was done for" in worker.log.read_text()
