"""A unit's clock may step: its position goes on, and no time is after its arrival."""

from datetime import timedelta, timezone
from itertools import pairwise

import pytest

from atlas.city import CityData
from intake import BadInput, Fault, IntakeLimits, LastMove, Located, Positions
from intake.positions import fix_of
from schemas import topics
from schemas.inputs import Location, UnitPosition
from tests.city.toy import lonlat
from tests.intake.messages import AT, sent

EVERY = timedelta(seconds=10)


class Drive:
    """A unit that drives on, some 40 m every ten seconds; its fixes arrive as they are made."""

    def __init__(self, city: CityData) -> None:
        self._positions = Positions(city, IntakeLimits())
        self._last: LastMove | None = None
        self.at, self._count = AT, 0

    def fix(self, off_s: float, later: timedelta = EVERY, steps: int = 1) -> Located:
        """Take the next fix, by a clock that is off."""
        self.at += later
        self._count += steps
        lon, lat = lonlat(2 + self._count / 5, 5)
        position = UnitPosition(
            unit="ambulance-0",
            location=Location(lon=lon, lat=lat),
            time=self.at + timedelta(seconds=off_s),
        )
        opened = self._positions.open(sent(topics.POSITIONS, position))
        found = self._positions.take(opened, self.at, self._last)
        self._last = found.last
        return found


@pytest.mark.parametrize(
    ("before_s", "after_s"),
    [(0, -60), (0, -3600), (0, -80_000), (240, 0), (240, -600), (-3600, 0), (-600, 240)],
)
def test_a_step_does_not_freeze_the_unit(city: CityData, before_s: float, after_s: float):
    drive = Drive(city)
    told = []
    for number in range(16):
        moved = drive.fix(before_s if number < 6 else after_s).moved
        told.append((moved, drive.at))
    assert None not in [move for move, _ in told[:6]]
    assert None not in [move for move, _ in told[8:]], "from the second after the step on"
    moves = [(move, arrived) for move, arrived in told if move is not None]
    times = [move.time for move, _ in moves]
    assert times == sorted(set(times)), "the core takes none that is older than the last"
    assert all(move.time <= arrived for move, arrived in moves)


def test_fixes_that_were_held_back_do_not_move_a_unit_back(city: CityData):
    drive = Drive(city)
    assert drive.fix(0).moved is not None
    for number in range(60):
        found = drive.fix(-600 + 10 * number - 1, timedelta(milliseconds=20))
        assert found.moved is None
        assert found.is_late
    assert drive.fix(0).moved is not None


def test_only_what_matters_is_journaled_and_all_is_tracked(city: CityData):
    drive = Drive(city)
    first = drive.fix(0)
    assert first.moved is not None
    assert first.moved.point == first.last.point
    # Two metres on, five seconds later: neither far enough nor long enough.
    still = drive.fix(0, timedelta(seconds=5), steps=0)
    assert still.moved is None
    assert still.fix.at == drive.at
    assert not still.is_late
    assert drive.fix(0, timedelta(seconds=25), steps=0).moved is not None, "half a minute is"
    assert drive.fix(0, timedelta(seconds=1)).moved is not None, "and so are 40 m"


def test_no_more_than_one_position_a_second_is_journaled(city: CityData):
    """A receiver of ten hertz on a fast vehicle: each fix is far from the last."""
    drive = Drive(city)
    moves = [drive.fix(0, timedelta(milliseconds=100)).moved for _ in range(50)]
    times = [move.time for move in moves if move is not None]
    assert [(later - at).total_seconds() for at, later in pairwise(times)] == [1.0] * 4


@pytest.mark.parametrize("crs", ["EPSG:4326", "GCJ-02", "BD-09"])
def test_a_fix_told_again_is_the_fix_that_was_taken(city: CityData, crs: str):
    lon, lat = lonlat(5, 5)
    position = UnitPosition(
        unit="ambulance-0",
        location=Location(lon=lon, lat=lat, crs=crs, accuracy_m=7.5),
        time=AT.astimezone(timezone(timedelta(hours=8))) + timedelta(microseconds=1_234_567),
        speed_mps=12.5,
        heading_deg=90.0,
    )
    positions = Positions(city, IntakeLimits())
    opened = positions.open(sent(topics.POSITIONS, position))
    assert fix_of(position) == positions.take(opened, AT, None).fix


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"unit": "fire-99"}, Fault.UNKNOWN_UNIT),
        ({"speed_mps": 101.0}, Fault.RESULT),
        ({"heading_deg": -1.0}, Fault.RESULT),
        ({"time": AT + timedelta(seconds=301)}, Fault.TIME),
        ({"time": AT - timedelta(days=2)}, Fault.TIME),
        ({"location": Location(lon=2.35, lat=48.85)}, Fault.OUTSIDE_CITY),
    ],
)
def test_a_position_that_cannot_be_is_refused_by_its_fault(
    city: CityData, fields: dict[str, object], fault: Fault
):
    lon, lat = lonlat(5, 5)
    good = {"unit": "ambulance-0", "location": Location(lon=lon, lat=lat), "time": AT}
    positions = Positions(city, IntakeLimits())
    opened = positions.open(sent(topics.POSITIONS, UnitPosition(**(good | fields))))  # type: ignore[arg-type]
    with pytest.raises(BadInput) as caught:
        positions.take(opened, AT, None)
    assert caught.value.fault == fault
