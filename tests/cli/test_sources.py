"""`jingwei sources`: who sends what, and whose clock is off."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from infra.ledger.pool import connect, transaction
from infra.ledger.sources import SourceClock, save_sources
from infra.settings import Endpoints
from tests.cli.conftest import Run, data, point_at

pytestmark = pytest.mark.postgis

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.fixture
def heard(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some sources have been heard."""
    point_at(endpoints, monkeypatch)
    slow = SourceClock(
        source="gw-1", last_arrival=NOON, messages=10, skew_s=-2.0, worst_s=-700.0, steps=1
    )
    later = SourceClock(
        source="gw-1",
        last_arrival=NOON + timedelta(seconds=5),
        messages=5,
        refused=1,
        not_newer=2,
        skew_s=-301.5,
        worst_s=-301.5,
        steps=2,
    )
    right = SourceClock(source="gw-2\u202e", last_arrival=NOON, messages=7, skew_s=0.01)
    mute = SourceClock(source="gw-3", last_arrival=NOON, messages=1)

    async def save() -> None:
        conn = await connect(endpoints.worker_url)
        async with transaction(conn) as tx:
            await save_sources(tx, "city.sensor.readings", 1, [slow, right])
            await save_sources(tx, "city.sensor.readings", 2, [later])
            await save_sources(tx, "city.citizen.reports", 2, [mute])
        await conn.close()

    asyncio.run(save())


@pytest.mark.usefixtures("heard")
def test_each_source_is_listed_with_its_clock(run: Run) -> None:
    done = run("sources")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0][:3] == ["source", "topic", "messages"]
    # All partitions together; the skew is that of the latest arrival, the worst of all.
    counts, times = ["15", "1", "2"], ["11-24", "12:00:05", "-5:02", "-11:40"]
    assert lines[1] == ["gw-1", "city.sensor.readings", *counts, *times, "2"]
    assert lines[2][0] == "gw-2\\u202e", "no source writes to the terminal what it likes"
    assert "gw-1 on city.sensor.readings: its clock is 5:02 slow" in done.stderr
    assert "gw-2" not in done.stderr


@pytest.mark.usefixtures("heard")
def test_programs_get_all_of_it(run: Run) -> None:
    found = data(run("sources", "--json"))
    assert [(one["source"], one["skew_s"], one["worst_s"]) for one in found] == [
        ("gw-1", -301.5, -700.0),
        ("gw-2\u202e", 0.01, None),
        ("gw-3", None, None),
    ]
    assert [one["source"] for one in data(run("sources", "--off", "60", "--json"))] == ["gw-1"]


def test_without_any_it_says_so(
    run: Run, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(endpoints, monkeypatch)
    assert "no messages from any source yet" in run("sources").stderr
