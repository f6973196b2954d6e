"""Reports, stamps and commands go first; readings and positions get their share."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams import turns
from streams.turns import Turns

URGENT: Any = SimpleNamespace(bulk=False)
BULK: Any = SimpleNamespace(bulk=True)


async def work(mine: Turns, handler: Any, done: list[Any], until: asyncio.Event | None) -> None:
    async with mine.of(handler):
        if until is not None:
            await until.wait()
        done.append(handler)


async def test_bulk_waits_for_what_is_urgent(monkeypatch):
    monkeypatch.setattr(turns, "MOST_S", 60.0)
    mine, done, ready = Turns(), [], asyncio.Event()
    urgent = [asyncio.create_task(work(mine, URGENT, done, ready)) for _ in range(2)]
    await asyncio.sleep(0)
    bulk = asyncio.create_task(work(mine, BULK, done, None))
    await asyncio.sleep(0)
    ready.set()
    await asyncio.gather(*urgent, bulk)
    assert done == [URGENT, URGENT, BULK]


async def test_bulk_has_its_turn_however_long_the_others_take(monkeypatch):
    monkeypatch.setattr(turns, "MOST_S", 0.01)
    mine, done, ready = Turns(), [], asyncio.Event()
    urgent = asyncio.create_task(work(mine, URGENT, done, ready))
    await asyncio.sleep(0)
    await work(mine, BULK, done, None)
    assert done == [BULK]
    ready.set()
    await urgent


async def test_work_that_fails_is_over(monkeypatch):
    monkeypatch.setattr(turns, "MOST_S", 60.0)
    mine, done = Turns(), []
    with pytest.raises(ZeroDivisionError):
        async with mine.of(URGENT):
            1 / 0  # noqa: B018 - it fails
    await work(mine, BULK, done, None)
    assert done == [BULK]
