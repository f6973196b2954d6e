"""A unit's clock may step: its position goes on, and no time is after its arrival."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from geo.city import CityData
from infra.ledger.pool import connect, transaction
from infra.settings import Endpoints
from schemas import topics, wire
from schemas.inputs import Location, UnitPosition
from schemas.journal import UnitMoved
from streams.intake_positions import PositionsIntake
from streams.limits import IntakeSettings
from streams.messages import Received
from tests.city.toy import lonlat
from tests.streams.rig import message

pytestmark = pytest.mark.postgis

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
EVERY = timedelta(seconds=10)


@pytest.fixture
async def ledger(endpoints: Endpoints) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(endpoints.worker_url)
    yield conn
    await conn.close()


class Drive:
    """A unit that drives on, some 40 m every ten seconds; its fixes arrive as they are made."""

    def __init__(self, ledger: asyncpg.Connection, city: CityData) -> None:
        self._ledger = ledger
        self._intake = PositionsIntake(city, IntakeSettings())
        self.at, self._count = START, 0

    async def fix(
        self, off_s: float, later: timedelta = EVERY
    ) -> tuple[UnitMoved, datetime] | None:
        """Take the next fix, by a clock that is off; return what is journaled, and the arrival."""
        self.at += later
        self._count += 1
        lon, lat = lonlat(2 + self._count / 5, 5)
        fix = UnitPosition(
            unit="ambulance-0",
            location=Location(lon=lon, lat=lat),
            time=self.at + timedelta(seconds=off_s),
        )
        sent = message(topics.POSITIONS, fix)
        async with transaction(self._ledger) as conn:
            if self._count == 1:
                await self._intake.load(conn, 0)
            self._intake.handle(
                Received(sent.topic, 0, self._count, sent.key, sent.value, sent.headers, self.at)
            )
            out = await self._intake.write(conn, 0)
        moves = [wire.decode(m.value, UnitMoved) for m in out if m.topic == topics.JOURNAL.name]
        return (moves[0], self.at) if moves else None


@pytest.mark.parametrize(
    ("before_s", "after_s"),
    [(0, -60), (0, -3600), (0, -80_000), (240, 0), (240, -600), (-3600, 0), (-600, 240)],
)
async def test_a_step_does_not_freeze_the_unit(
    ledger: asyncpg.Connection, city: CityData, before_s: float, after_s: float
):
    drive = Drive(ledger, city)
    told = [await drive.fix(before_s if number < 6 else after_s) for number in range(16)]
    assert None not in told[:6]
    assert None not in told[8:], "from the second fix after the step on at the latest"
    times = [one[0].time for one in told if one is not None]
    assert times == sorted(set(times)), "the core takes none that is older than the last"
    assert all(move.time <= arrived for move, arrived in filter(None, told))


async def test_fixes_that_were_held_back_do_not_move_a_unit_back(
    ledger: asyncpg.Connection, city: CityData
):
    drive = Drive(ledger, city)
    assert await drive.fix(0) is not None
    for number in range(60):
        assert await drive.fix(-600 + 10 * number - 1, timedelta(milliseconds=20)) is None
    assert await drive.fix(0) is not None
