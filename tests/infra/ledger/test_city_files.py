"""The cities' files in the ledger: kept once, whole, and given back as they were."""

import asyncio
import os

import pytest

from infra.ledger import city_files, connect, transaction
from infra.ledger.city_files import PIECE, CityName
from infra.ledger.errors import CityChanged, CityDamaged

pytestmark = pytest.mark.postgis

NAME = CityName("d1", "310106", "静安区", "Jing'an")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "city"
    folder.mkdir()
    (folder / "city.json").write_bytes(b"{}")
    (folder / "empty").write_bytes(b"")
    (folder / "streets.graphml").write_bytes(os.urandom(PIECE // 2) + b"x" * (2 * PIECE))
    (folder / "exact").write_bytes(b"y" * PIECE)
    return folder


def looked(folder):
    return city_files.look_at(folder, (path.name for path in folder.iterdir()))


async def keep(conn, folder):
    async with transaction(conn) as inside:
        return await city_files.keep(inside, NAME, folder, looked(folder))


async def test_a_city_comes_back_as_it_was(worker, folder, tmp_path, endpoints):
    assert await keep(worker, folder)
    assert not await keep(worker, folder), "once is enough"
    assert await city_files.kept(worker) == {"d1"}
    # An operator's commands and a replay read by the gateway's role.
    back = tmp_path / "back"
    assert await asyncio.to_thread(city_files.fetch_now, endpoints.gateway_url, "d1", back)
    assert looked(back) == looked(folder)
    assert not await city_files.fetch(worker, "d2", tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "city"]


async def test_two_at_once_keep_it_once(endpoints, folder):
    conns = [await connect(endpoints.worker_url, "test") for _ in range(4)]
    try:
        new = await asyncio.gather(*(keep(conn, folder) for conn in conns))
    finally:
        for conn in conns:
            await conn.close()
    assert sorted(new) == [False, False, False, True]


async def test_a_folder_that_is_written_to_meanwhile_is_not_kept(worker, folder):
    files = looked(folder)
    (folder / "city.json").write_bytes(b"[]")
    with pytest.raises(CityChanged, match=r"city\.json changed"):
        async with transaction(worker) as conn:
            await city_files.keep(conn, NAME, folder, files)
    (folder / "city.json").unlink()
    with pytest.raises(CityChanged, match=r"city\.json changed"):
        async with transaction(worker) as conn:
            await city_files.keep(conn, NAME, folder, files)
    assert await city_files.kept(worker) == set()


@pytest.mark.parametrize(
    "spoilt",
    [
        ("DELETE FROM city_part WHERE name = 'streets.graphml' AND number = 1", "piece 1"),
        ("UPDATE city_part SET content = '\\x00' WHERE name = 'exact'", "piece 0"),
        ("UPDATE city_file SET sha256 = 'x' WHERE name = 'city.json'", "hash"),
        ("UPDATE city_file SET size = 0 WHERE name = 'city.json'", "hash"),
    ],
)
async def test_a_damaged_copy_is_never_given_out(owner, worker, folder, tmp_path, spoilt):
    spoil, why = spoilt
    await keep(worker, folder)
    await owner.execute("ALTER TABLE city_part DISABLE TRIGGER USER")
    await owner.execute("ALTER TABLE city_file DISABLE TRIGGER USER")
    await owner.execute(spoil)
    with pytest.raises(CityDamaged, match=why):
        await city_files.fetch(worker, "d1", tmp_path / "back")
    assert [path.name for path in tmp_path.iterdir()] == ["city"], "nothing half is left"
