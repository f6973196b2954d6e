from collections.abc import AsyncIterator

import asyncpg
import pytest

from infra.ledger import connect
from infra.settings import Endpoints


@pytest.fixture
async def worker(endpoints: Endpoints) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(endpoints.worker_url, "test worker")
    yield conn
    await conn.close()


@pytest.fixture
async def owner(endpoints: Endpoints) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(endpoints.database_url, "test owner")
    yield conn
    await conn.close()
