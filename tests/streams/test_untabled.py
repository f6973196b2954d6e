"""A worker's app has no tables, and waits for none."""

import asyncio
from unittest.mock import AsyncMock, Mock

import faust
import pytest

from streams.untabled import NoTables


@pytest.fixture
async def app(monkeypatch: pytest.MonkeyPatch) -> faust.App:
    """Return an app whose consumer and recovery are made up."""
    made = faust.App("test", broker="kafka://nowhere", TableManager=NoTables)
    made.consumer = Mock(assignment=Mock(return_value=set()))
    monkeypatch.setattr(NoTables, "recovery", Mock(start=AsyncMock()))
    return made


async def test_it_starts_at_once(app: faust.App) -> None:
    assert isinstance(app.tables, NoTables)
    app.tables.sleep = AsyncMock(side_effect=AssertionError("it waits"))
    await app.tables.on_start()
    await asyncio.wait_for(app.tables.wait_until_tables_registered(), 1)
    app.tables.recovery.start.assert_awaited_once()


async def test_a_table_that_would_not_be_waited_for_is_told(app: faust.App) -> None:
    app.Table("counts")
    with pytest.raises(RuntimeError, match="counts"):
        await app.tables.on_start()


async def test_an_agents_topic_is_known_before(app: faust.App) -> None:
    """Faust would read a topic that it learns of later after 45 s only."""

    async def agent(stream: object) -> None:
        await asyncio.Event().wait()

    app.agent(app.topic("read"))(agent)
    try:
        await app.agents.on_start()
        assert [name for topic in app.topics for name in topic.topics] == ["read"]
    finally:
        for started in app.agents.values():
            started.cancel()
            await started.stop()
