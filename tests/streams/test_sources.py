"""What is noticed of sources' clocks: robust, bounded, and in the ledger within seconds."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from infra.ledger.pool import connect, transaction
from infra.ledger.sources import SourceClock, list_sources
from infra.settings import Endpoints
from intake.errors import BadInput, Fault
from schemas.envelope import Envelope
from streams.messages import Received
from streams.sources import LATEST, MOST, OTHERS, SAVE_S, Sources

pytestmark = pytest.mark.postgis

START = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture
async def ledger(endpoints: Endpoints) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(endpoints.worker_url)
    yield conn
    await conn.close()


class Play:
    """Messages that come one by one, a second apart, by a clock that tests can turn."""

    def __init__(self, ledger: asyncpg.Connection) -> None:
        self.at, self.monotonic_s = START, 0.0
        self.ledger = ledger
        self.sources = Sources("t", lambda: self.monotonic_s)

    def hear(self, source: str, skew_s: float | None, *, bad: bool = False) -> SourceClock:
        self.at += timedelta(seconds=1)
        said = None if skew_s is None else self.at + timedelta(seconds=skew_s)
        envelope = Envelope(id="e", source=source, type="t", time=said)
        message = Received("t", 0, 0, None, None, [], self.at)
        with suppress(BadInput), self.sources.hearing(message, envelope) as clock:
            if bad:
                raise BadInput(Fault.TEXT, "no")
        return clock

    async def save(self) -> dict[str, SourceClock]:
        self.monotonic_s += SAVE_S
        async with transaction(self.ledger) as conn:
            await self.sources.write(conn, 0)
        return {one.source: one for one in await list_sources(self.ledger)}


@pytest.fixture
def play(ledger: asyncpg.Connection) -> Play:
    return Play(ledger)


async def test_one_wrong_time_is_no_wrong_clock(play: Play):
    for skew_s in (0.1, 0.2, 2e9, 0.1, -1.7e9, 0.1, 0.2):
        play.hear("gw", skew_s)
    one = (await play.save())["gw"]
    assert (one.messages, one.skew_s, one.worst_s, one.steps) == (7, 0.1, 2e9, 0)


async def test_a_step_is_seen_and_told(play: Play, caplog: pytest.LogCaptureFixture):
    for _ in range(LATEST):
        play.hear("gw", -0.1)
    assert (await play.save())["gw"].steps == 0
    for _ in range(LATEST):
        play.hear("gw", -300.0)
    one = (await play.save())["gw"]
    assert (one.skew_s, one.steps) == (-300.0, 1)
    assert len([r for r in caplog.records if "300 s behind their arrival" in r.message]) == 1
    play.hear("gw", -300.5)
    await play.save()
    assert len([r for r in caplog.records if "behind their arrival" in r.message]) == 1


async def test_what_is_known_outlives_the_worker(play: Play):
    for _ in range(5):
        play.hear("gw", 90.0)
    play.hear("gw", None, bad=True)
    before = (await play.save())["gw"]
    assert (before.messages, before.refused) == (6, 1)
    play.sources = Sources("t", lambda: play.monotonic_s)
    await play.sources.load(play.ledger, 0)
    play.hear("gw", -4000.0)  # one message after a start is no step
    after = (await play.save())["gw"]
    assert (after.messages, after.skew_s, after.steps) == (7, 90.0, 0)


async def test_it_is_written_every_few_seconds_and_not_with_each_batch(play: Play):
    play.hear("gw", 0.0)
    await play.save()
    play.hear("gw", 0.0)
    assert not play.sources.is_due(0)
    play.monotonic_s += SAVE_S
    assert play.sources.is_due(0)


async def test_there_is_room_for_so_many(play: Play):
    for number in range(MOST + 50):
        play.hear(f"gw-{number}", 1.0)
    found = await play.save()
    assert len(found) == MOST + 1
    assert found[OTHERS].messages == 50
    play.at += timedelta(hours=2)
    play.hear("a new one", 1.0)
    found = await play.save()
    assert "a new one" in found
    assert "gw-0" not in found
    assert len(found) == MOST + 1
