"""Units among fences and the terms they are judged under come back exactly as they were."""

import random
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from infra.ledger import connect, transaction, watch
from infra.ledger.watch import Terms, UnitFences
from infra.settings import Endpoints

pytestmark = pytest.mark.postgis

NOW = datetime(2026, 11, 24, 8, 0, 0, 123_000, tzinfo=UTC)


async def test_units_come_back_to_the_last_bit(worker: asyncpg.Connection) -> None:
    rng = random.Random(3)
    units = {
        f"单位'\"{{}}-{n}": UnitFences(
            f"单位'\"{{}}-{n}",
            NOW + timedelta(milliseconds=n),
            rng.uniform(-180, 180),
            rng.uniform(-90, 90) * 10.0 ** rng.randrange(-12, 1),
            rng.choice([0.0, rng.random() * 100]),
            tuple(f'f,"{{\\{i}' for i in range(n % 4)),
            tuple(NOW - timedelta(milliseconds=i) for i in range(n % 4)),
        )
        for n in range(200)
    }
    async with transaction(worker) as conn:
        await watch.save_units(conn, 3, list(units.values()))
        await watch.save_units(conn, 4, [units["单位'\"{}-1"]])
    assert {u.unit: u for u in await watch.load_units(worker, 3)} == units
    moved = UnitFences("单位'\"{}-1", NOW, 1.0, 2.0, 3.0, (), ())
    async with transaction(worker) as conn:
        await watch.save_units(conn, 3, [moved])
        await watch.save_units(conn, 3, [])
    assert {u.unit: u for u in await watch.load_units(worker, 3)} == {**units, moved.unit: moved}
    assert len(await watch.load_units(worker, 4)) == 1


async def test_terms_only_grow(worker: asyncpg.Connection, endpoints: Endpoints) -> None:
    assert await watch.last_terms(worker, 3) is None
    first = Terms(3, 1, 0, "city", b"{}")
    second = Terms(3, 2, 17, "city", b"{}", NOW)
    async with transaction(worker) as conn:
        await watch.add_terms(conn, first)
        await watch.add_terms(conn, second)
        await watch.add_terms(conn, Terms(11, 1, 5, "city", b"{}"))
    assert await watch.last_terms(worker, 3) == second
    assert await watch.terms_history(worker, 3) == [first, second]
    assert await watch.watched_partitions(worker) == [3, 11]
    with pytest.raises(asyncpg.UniqueViolationError):
        await watch.add_terms(worker, second)
    for url, change in (
        (endpoints.worker_url, "UPDATE fence_terms SET city = 'x'"),
        (
            endpoints.gateway_url,
            "INSERT INTO unit_fences VALUES (1, 'u', now(), 0, 0, 0, '{}', '{}')",
        ),
    ):
        conn = await connect(url)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(change)
        await conn.close()
    owner = await connect(endpoints.database_url)
    for change in ("UPDATE fence_terms SET city = 'x'", "DELETE FROM fence_terms"):
        with pytest.raises(asyncpg.PostgresError, match="fence_terms"):
            await owner.execute(change)
    await owner.close()
