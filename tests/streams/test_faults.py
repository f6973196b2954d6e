"""Workers killed, databases restarted, workers that came too late: nothing lost or doubled."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from infra.local import postgres, state
from infra.local import stack as local_stack
from infra.settings import Endpoints, Settings, load_settings
from schemas import topics
from schemas.inputs import CitizenReport
from streams.exits import Exit
from streams.worker import run_worker
from tests.checker import check
from tests.streams import broken_workers
from tests.streams.rig import (
    Rig,
    Sent,
    WorkerProcess,
    begin_at_the_end,
    make_all_topics,
    message,
    now,
)
from tests.streams.traffic import Traffic

pytestmark = [pytest.mark.postgis, pytest.mark.kafka]


def violations(rig: Rig) -> list[str]:
    """Say what is wrong, of a time in which the worker had nothing to do: no timer was due."""
    endpoints, ends = (
        rig.endpoints,
        "SELECT topic, partition, next_offset FROM consumed ORDER BY 1, 2",
    )
    while True:
        before = rig.rows(ends)
        found = asyncio.run(
            check(endpoints.bootstrap, endpoints.database_url, rig.group, rig.since)
        )
        if not found or rig.rows(ends) == before:
            return found
        rig.settle()


def feed(rig: Rig, traffic: Traffic, rounds: int, many: int = 150) -> None:
    """Send for as many quarter seconds."""
    for _ in range(rounds):
        begun = time.monotonic()
        rig.send(traffic.some(many, now(-1)))
        time.sleep(max(0.0, begun + 0.25 - time.monotonic()))


@pytest.mark.apache_kafka
@pytest.mark.slow
def test_a_worker_killed_in_mid_stream_loses_and_doubles_nothing(rig, city):
    traffic = Traffic(city, seed=1, name=rig.group)
    rig.worker.start()
    rig.worker.wait_ready()
    for seconds in (0.6, 0.9):
        killer = threading.Timer(seconds, rig.worker.kill)
        killer.start()
        feed(rig, traffic, rounds=5)
        killer.join()
        rig.worker.start()
        rig.worker.wait_ready()
    feed(rig, traffic, rounds=2)
    rig.settle()
    assert violations(rig) == []
    assert len(rig.rows("SELECT 1 FROM incident")) > 10
    assert rig.worker.stop() == 0
    # And the checker would have seen it.
    rig.rows("DELETE FROM unit_track WHERE at = (SELECT min(at) FROM unit_track) RETURNING 1")
    rig.rows("UPDATE evidence SET source_id = 'r0' WHERE source = 'report' RETURNING 1")
    rig.rows("UPDATE fence SET geom = ST_Translate(geom, 1, 0) WHERE id = 'zone-b' RETURNING 1")
    found = violations(rig)
    assert any(text.startswith("fix") and text.endswith("is lost") for text in found)
    assert any("enter zone-b" in text and text.endswith("was never sent") for text in found)
    assert "report r0 is there twice" in found
    assert "report r0 was never sent" in found


@pytest.mark.slow
def test_a_database_restarted_in_mid_stream_is_waited_for(rig, city, stack, stack_settings):
    traffic = Traffic(city, seed=2, name=rig.group)
    rig.worker.start()
    rig.worker.wait_ready()
    feed(rig, traffic, rounds=2)
    restart_postgres(stack, stack_settings, lambda: feed(rig, traffic, rounds=2))
    feed(rig, traffic, rounds=2)
    rig.settle()
    assert violations(rig) == []
    assert rig.worker.alive


def restart_postgres(stack: Endpoints, settings: Settings, meanwhile: Callable[[], None]) -> None:
    """Stop PostgreSQL at once, as a crash does, and start it again where it was."""
    home = state.Home.at(settings.local.home)
    found = state.read_state(home)
    assert found is not None
    assert found.postgres is not None
    postgres.stop(found.postgres)
    meanwhile()
    assert local_stack.up(settings, print, bound=True).database_url == stack.database_url


@pytest.mark.slow
def test_two_workers_share_the_work_and_one_takes_over(rig, city, city_folder, tmp_path):
    second = WorkerProcess(rig.endpoints, city_folder, tmp_path, rig.group, instance="w2")
    traffic = Traffic(city, seed=3, name=rig.group)
    try:
        for worker in (rig.worker, second):
            worker.start()
            worker.wait_ready()
        feed(rig, traffic, rounds=4)
        assert second.stop() == 0
        feed(rig, traffic, rounds=2)
        rig.settle()
        assert violations(rig) == []
    finally:
        second.kill()


@pytest.mark.slow
def test_a_worker_stopped_inside_a_transaction_holds_nobody_up(rig, city, city_folder, tmp_path):
    """As by SIGSTOP, or a host that hangs: another takes over before the ledger's time limits."""
    flag = tmp_path / "stopped"
    workers = [
        WorkerProcess(
            rig.endpoints,
            city_folder,
            tmp_path,
            rig.group,
            instance=name,
            settings={broken_workers.STOPPED: str(flag)},
            program=f"{broken_workers.__name__}:stands_still",
        )
        for name in ("one", "two")
    ]
    try:
        for worker in workers:
            worker.start()
            worker.wait_ready()
        rig.worker = workers[0]
        feed(rig, Traffic(city, seed=11, name=rig.group), rounds=1)
        rig.send([told("please stand still"), *(told(f"later {number}") for number in range(8))])
        rig.await_rows("SELECT 1 FROM evidence WHERE text = 'please stand still'", within_s=40)
        assert flag.exists()
        freed = [worker for worker in workers if "stands still in a transaction" in log(worker)]
        assert len(freed) == 1
        for worker in workers:
            worker.go_on()
        rig.settle()
        assert violations(rig) == []
    finally:
        for worker in workers:
            worker.kill()


def told(text: str) -> Sent:
    return message(
        topics.REPORTS,
        CitizenReport(
            service_request_id=uuid.uuid4().hex, description=text, requested_datetime=now()
        ),
    )


def log(worker: WorkerProcess) -> str:
    return worker.log.read_text()


def start(
    endpoints: Endpoints, city: Path, home: Path, monkeypatch: pytest.MonkeyPatch, **settings: str
) -> Exit:
    """Run a worker in this process; it must end by itself."""
    named = {
        "KAFKA_BOOTSTRAP": endpoints.bootstrap,
        "KAFKA_IDEMPOTENT": str(endpoints.broker_idempotent),
        "DATABASE_URL": endpoints.database_url,
        "KEY_FILE": str(endpoints.key_file),
        **settings,
    }
    for name, value in named.items():
        monkeypatch.setenv(f"JINGWEI_{name}", value)
    return run_worker(load_settings(home), city)


def test_without_a_broker_it_says_so_and_leaves(
    endpoints, city_folder, tmp_path, monkeypatch, caplog
):
    nowhere = {"KAFKA_BOOTSTRAP": "127.0.0.1:9"}
    assert start(endpoints, city_folder, tmp_path, monkeypatch, **nowhere) is Exit.UNREACHABLE
    assert "no broker answers at 127.0.0.1:9" in caplog.text


def test_without_a_database_it_says_so_and_leaves(
    endpoints, city_folder, tmp_path, monkeypatch, caplog
):
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    assert start(endpoints, city_folder, tmp_path, monkeypatch, **nowhere) is Exit.UNREACHABLE
    assert "the ledger does not answer" in caplog.text


def test_a_ledger_from_the_future_is_refused(endpoints, city_folder, tmp_path, monkeypatch, caplog):
    asyncio.run(execute(endpoints, "INSERT INTO schema_migration VALUES (9999, 'future', 'x')"))
    assert start(endpoints, city_folder, tmp_path, monkeypatch) is Exit.REFUSED
    assert "upgrade Jingwei" in caplog.text


def test_a_broker_that_ends_before_the_ledger_is_refused(
    endpoints, city_folder, tmp_path, monkeypatch, caplog
):
    asyncio.run(make_all_topics(endpoints.bootstrap))
    asyncio.run(begin_at_the_end(endpoints, "jingwei"))
    asyncio.run(execute(endpoints, "UPDATE consumed SET next_offset = next_offset + 1000000"))
    assert start(endpoints, city_folder, tmp_path, monkeypatch) is Exit.REFUSED
    assert "data was deleted or belongs to another ledger" in caplog.text


def test_a_folder_that_is_no_city_is_refused(endpoints, tmp_path, monkeypatch, caplog):
    assert start(endpoints, tmp_path / "nothing", tmp_path, monkeypatch) is Exit.USAGE
    assert "no city folder" in caplog.text


async def execute(endpoints: Endpoints, statement: str) -> None:
    connection = await asyncpg.connect(endpoints.database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
