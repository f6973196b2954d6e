"""Workers on hosts that share nothing but Kafka and PostGIS serve one city."""

import asyncio
import dataclasses
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from atlas.city import CityData
from atlas.folder import city_files as files_of
from atlas.folder import load_city, save_city
from infra.archive import CityMissing
from infra.archive.cities import city_folder_name
from infra.cities import city_by_digest
from infra.ledger import city_files, open_pool, transaction
from infra.ledger.city_files import CityName
from infra.ledger.errors import CityDamaged
from infra.settings import Endpoints
from streams.bootstrap import prepare_ledger
from streams.cities import Cities
from streams.exits import Exit
from tests.checker import check
from tests.city.toy import lonlat, toy_city
from tests.streams.rig import Rig, WorkerProcess, now
from tests.streams.traffic import Traffic

pytestmark = [pytest.mark.postgis, pytest.mark.kafka]


def host(rig: Rig, city: Path | None, home: Path, name: str) -> WorkerProcess:
    """Return a worker of the rig's group on a host of its own."""
    home.mkdir()
    return WorkerProcess(rig.endpoints, city, home, rig.group, instance=name)


def feed(rig: Rig, traffic: Traffic, rounds: int) -> None:
    for _ in range(rounds):
        begun = time.monotonic()
        rig.send(traffic.some(120, now(-1)))
        time.sleep(max(0.0, begun + 0.25 - time.monotonic()))


@pytest.mark.slow
def test_a_third_host_with_nothing_takes_over_from_two_that_were_killed(
    rig: Rig, city: CityData, city_folder: Path, tmp_path: Path
) -> None:
    first = host(rig, city_folder, tmp_path / "one", "h1")
    own = tmp_path / "its own copy"
    shutil.copytree(city_folder, own)
    second = host(rig, own, tmp_path / "two", "h2")
    third = host(rig, None, tmp_path / "three", "h3")
    traffic = Traffic(city, seed=8, name=rig.group)
    try:
        for worker in (first, second):  # together: neither waits for the other
            worker.start()
        for worker in (first, second):
            worker.wait_ready()
        feed(rig, traffic, rounds=3)
        rig.await_rows("SELECT 1 FROM incident")
        for worker in (first, second):
            worker.kill()
        shutil.rmtree(tmp_path / "one")
        shutil.rmtree(tmp_path / "two")
        shutil.rmtree(own)
        feed(rig, traffic, rounds=1)
        before = len(rig.rows("SELECT 1 FROM assignment"))
        third.start()
        third.wait_ready()
        feed(rig, traffic, rounds=2)
        rig.worker = third
        rig.settle()
        found = asyncio.run(
            check(rig.endpoints.bootstrap, rig.endpoints.database_url, rig.group, rig.since)
        )
        assert found == []
        assert len(rig.rows("SELECT 1 FROM assignment")) > before, "the region goes on deciding"
        assert rig.rows("SELECT error FROM dead_letter WHERE topic = 'city.journal'") == []
        assert rig.rows("SELECT DISTINCT city FROM region") == [{"city": city.digest}]
        assert third.stop() == 0
        kept = city_folder_name(tmp_path / "three" / "archive", city.digest)
        assert (kept / "streets.graphml").is_file(), "what was fetched is kept on the host"
    finally:
        for worker in (first, second, third):
            worker.kill()


def test_without_a_city_anywhere_a_worker_says_what_to_do(rig: Rig, tmp_path: Path) -> None:
    worker = host(rig, None, tmp_path / "one", "h1")
    worker.start()
    assert worker.wait() == Exit.REFUSED
    assert "start the first worker with --city FOLDER" in worker.log.read_text()


def test_a_city_that_is_nowhere_ends_the_start(rig: Rig, tmp_path: Path) -> None:
    rig.rows("INSERT INTO region (region, city) VALUES ('r', 'feed') RETURNING 1")
    worker = host(rig, None, tmp_path / "one", "h1")
    worker.start()
    assert worker.wait() == Exit.USAGE
    assert "the city feed is neither in" in worker.log.read_text()


async def test_workers_that_start_together_do_not_disturb_each_other(
    pool: asyncpg.Pool, city: CityData
) -> None:
    for _ in range(5):
        await asyncio.gather(*(prepare_ledger(pool, city) for _ in range(6)))
    assert await pool.fetchval("SELECT count(*) FROM fence") == len(city.fences)


@pytest.fixture
async def pool(endpoints: Endpoints) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(endpoints.worker_url, 1, 8)
    yield pool
    await pool.close()


def cities(endpoints: Endpoints, home: Path, folder: Path | None) -> Cities:
    """Return what a worker on a host with this home knows of cities."""
    there = dataclasses.replace(endpoints, archive_dir=home / "archive", data_dir=home / "data")
    return Cities(there, folder, None)


async def test_a_host_finds_every_city_that_another_has_served(
    endpoints: Endpoints, pool: asyncpg.Pool, city: CityData, city_folder: Path, tmp_path: Path
) -> None:
    older, at = toy_city(), tmp_path / "older"
    save_city(older, at)
    for folder in (at, city_folder):
        await cities(endpoints, tmp_path / "one", folder).serve(pool)
    await pool.execute("INSERT INTO region (region, city) VALUES ('test', $1)", city.digest)
    there = cities(endpoints, tmp_path / "two", None)
    assert (await there.serve(pool)).digest == city.digest
    # As the core asks: in the middle of a decision, on the loop's own thread.
    assert there.router(older.digest).etas([lonlat(1, 1)], lonlat(3, 3))[0] > 0
    with pytest.raises(CityMissing, match="the city 0000 is neither in"):
        there.router("0000")


async def test_a_city_from_before_the_ledger_kept_them_is_shared(
    endpoints: Endpoints, pool: asyncpg.Pool, city: CityData, city_folder: Path, tmp_path: Path
) -> None:
    older, home = toy_city(), tmp_path / "one"
    save_city(older, city_folder_name(home / "archive", older.digest))
    await prepare_ledger(pool, older)
    await cities(endpoints, home, city_folder).serve(pool)
    async with pool.acquire() as conn:
        assert await city_files.kept(conn) == {older.digest, city.digest}


async def test_a_cache_that_cannot_be_trusted_is_filled_again(
    endpoints: Endpoints,
    pool: asyncpg.Pool,
    city_folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    city = await cities(endpoints, tmp_path / "one", city_folder).serve(pool)
    root = tmp_path / "two"
    kept = city_folder_name(root, city.digest)
    for old, new, why in (
        ("units.json", b"[]", "it holds the city"),
        ("streets.graphml", b"<graphml", "cannot be"),
    ):
        caplog.clear()
        save_city(city, kept)
        (kept / old).write_bytes(new)
        found = city_by_digest(root, endpoints.gateway_url, city.digest, load_city)
        assert found.digest == city.digest
        assert "is damaged (" in caplog.text
        assert why in caplog.text
        assert (kept / old).read_bytes() == (city_folder / old).read_bytes()
        assert [path.name for path in kept.parent.iterdir()] == [city.digest]


async def test_a_city_under_another_ones_digest_is_refused(
    endpoints: Endpoints, pool: asyncpg.Pool, city_folder: Path, tmp_path: Path
) -> None:
    name = CityName("5" * 64, "test", "小城", "Toy")
    async with transaction(pool) as conn:
        files = city_files.look_at(city_folder, files_of(city_folder))
        assert await city_files.keep(conn, name, city_folder, files)
    with pytest.raises(CityDamaged, match=f"{'5' * 64} has the digest"):
        city_by_digest(tmp_path, endpoints.gateway_url, name.digest, load_city)
    assert list((tmp_path / "cities").iterdir()) == [], "it is not believed the next time either"


async def test_a_host_without_room_reads_the_city_all_the_same(
    endpoints: Endpoints, pool: asyncpg.Pool, city: CityData, city_folder: Path, tmp_path: Path
) -> None:
    await cities(endpoints, tmp_path / "one", city_folder).serve(pool)
    root = tmp_path / "a file where the archive should be"
    root.write_text("")
    found = city_by_digest(root, endpoints.worker_url, city.digest, load_city)
    assert found.digest == city.digest
