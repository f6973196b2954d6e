"""The journal's end of the desk, without a broker that answers."""

import asyncio
import contextlib
import gc

from desk.writer import Writer
from tests.silent_broker import silent_broker


async def test_who_gives_up_leaves_no_connection_open(monkeypatch):
    monkeypatch.setattr("desk.writer._REQUEST_S", 0.5)
    async with silent_broker() as bootstrap:
        writer = Writer(bootstrap, idempotent=True, source="test")
        for _ in range(3):
            connecting = asyncio.create_task(writer.connect())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(connecting, 0.2)
        await writer.close()
        gc.collect()  # a connection that is still open would be told here
