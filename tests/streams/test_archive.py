"""The archiver's process; what it keeps is tested in ``tests.replay.test_archiver``."""

import asyncio
from unittest.mock import AsyncMock

import faust
import pytest

from streams.archive import PromptWorker


async def test_it_waits_for_nothing_when_all_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = PromptWorker(faust.App("test", broker="kafka://nowhere"))
    monkeypatch.setattr(asyncio, "sleep", AsyncMock(side_effect=AssertionError("it waits")))
    await worker._sentinel_task()
