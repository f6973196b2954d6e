"""Connections of a pool that the server has cut."""

import asyncio
import threading

import asyncpg
import pytest

from infra.ledger import open_pool, reading, transaction
from infra.settings import Endpoints

pytestmark = pytest.mark.postgis

HELD = 4


@pytest.mark.parametrize("begin", [reading, transaction])
async def test_those_that_were_cut_while_unused_are_made_anew(endpoints: Endpoints, begin) -> None:
    """All at once, as by a server that was started again, and before the pool could notice."""
    pool = await open_pool(endpoints.database_url, HELD, HELD, application="to be cut")
    try:
        cutting = threading.Thread(target=asyncio.run, args=(cut(endpoints.database_url),))
        cutting.start()
        cutting.join()  # the event loop stands still meanwhile
        async with begin(pool) as conn:
            assert await conn.fetchval("SELECT 1") == 1
        assert pool.get_idle_size() == pool.get_size()  # all were given back
    finally:
        await pool.close()


async def cut(url: str) -> None:
    owner = await asyncpg.connect(url)
    count = await owner.fetchval(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
        " WHERE application_name = 'to be cut' AND datname = current_database()"
    )
    assert count == HELD
    await owner.close()
