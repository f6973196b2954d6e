"""Units' positions: each fix is a point of the track, and those that matter are journaled."""

from datetime import datetime, timedelta

import msgspec

from atlas.city import CityData
from geo.crs import haversine_m, to_wgs84
from intake.errors import BadInput, Fault
from intake.limits import IntakeLimits
from intake.set_back import Behind, behind
from intake.validate import (
    Carried,
    Checker,
    Opened,
    check_unit,
    open_message,
    to_millisecond,
    to_utc,
)
from schemas import topics
from schemas.ids import derive
from schemas.inputs import UnitPosition
from schemas.intake import Fix
from schemas.journal import UnitMoved
from schemas.records import Point

__all__ = ["LastMove", "Located", "Positions", "fix_of"]

_MAX_SPEED_MPS = 100.0
_SET_BACK = timedelta(seconds=60)
"""Without a newer position for so long, an older time is the time of a clock that was set back."""
_LEAST_S = 1.0
"""No two positions of a unit that the journal gets are less apart, however often it sends them."""
_FULL_CIRCLE = 360.0


class LastMove(msgspec.Struct, frozen=True, kw_only=True):
    """The position of a unit that was journaled last.

    Attributes
    ----------
    point
        None after a start, when the next position is journaled wherever it is.
    at
        When it was, by the unit's clock as it goes now, and not after its arrival.
    told
        What the journal has as its time.
    behind
        The first of the positions heard last, while these are not newer than ``at``.
    """

    point: Point | None
    at: datetime
    told: datetime
    behind: Behind | None = None


class Located(msgspec.Struct, frozen=True):
    """What a unit's position is.

    Attributes
    ----------
    fix
        For the unit's track, and for who is in which fence.
    moved
        The journal's entry, where the core should know.
    last
        What is to be remembered of the unit.
    is_late
        Whether it is not newer than the position journaled last.
    """

    fix: Fix
    moved: UnitMoved | None
    last: LastMove
    is_late: bool


class Positions:
    """Takes the positions of a city's units. What it knows of units is the caller's.

    Parameters
    ----------
    city
        Whose units.
    limits
        How far a fix may lie from its arrival and from the city, and how far and how long apart
        those are that the journal gets.
    """

    def __init__(self, city: CityData, limits: IntakeLimits) -> None:
        self._region = city.manifest.region
        self._units = frozenset(unit.id for unit in city.units)
        self._limits = limits
        self._checker = Checker(city, limits)

    @staticmethod
    def open(message: Carried) -> Opened[UnitPosition]:
        """Open a message of ``city.unit.positions``; raises `BadInput`."""
        return open_message(message, topics.POSITIONS, UnitPosition)

    def take(
        self, opened: Opened[UnitPosition], arrived: datetime, last: LastMove | None
    ) -> Located:
        """Take in one fix.

        The journal gets the unit's own time, as long as it goes on from what was told: of a clock
        that is ahead of the arrival, or was set back, it gets the arrival. So no clock of a unit
        can freeze it.

        Parameters
        ----------
        opened
            The message.
        arrived
            When it arrived, by the broker's clock (aware).
        last
            What is remembered of the unit; None before its first position.

        Raises
        ------
        BadInput
            The position cannot be used.
        """
        position, source = opened.payload, opened.envelope.source
        check_unit(position.unit, self._units)
        at = self._checker.time(position.time, "time", arrived, source)
        point = self._checker.point(position.location)
        _check_motion(position)
        fix = _fix(position, at, point.lon, point.lat)
        at = min(at, arrived)
        is_late = last is not None and at <= last.at
        last, time = self._judge(last, point, at, arrived)
        moved = None
        if time is not None:
            moved = UnitMoved(
                id=derive(opened.name, "moved"),
                region=self._region,
                unit=position.unit,
                point=point,
                time=time,
                heading_deg=position.heading_deg,
            )
        return Located(fix, moved, last, is_late)

    def _judge(
        self, last: LastMove | None, point: Point, at: datetime, arrived: datetime
    ) -> tuple[LastMove, datetime | None]:
        """Return what to remember, and the time with which a position is journaled, if it is."""
        if last is not None and at <= last.at:
            row = behind(last.behind, at, arrived)
            if not row.is_set_back(at, arrived, _SET_BACK):
                return msgspec.structs.replace(last, behind=row), None
            last = msgspec.structs.replace(last, point=None)
        if last is not None and not self._matters(last, point, at):
            return msgspec.structs.replace(last, behind=None), None
        told = at if last is None or at > last.told else max(arrived, last.told)
        return LastMove(point=point, at=at, told=told), told

    def _matters(self, last: LastMove, point: Point, at: datetime) -> bool:
        if last.point is None:
            return True
        since_s = (at - last.at).total_seconds()
        if since_s >= self._limits.move_s:
            return True
        if since_s < _LEAST_S:
            return False
        moved = haversine_m(last.point.lon, last.point.lat, point.lon, point.lat)
        return moved >= self._limits.move_m


def fix_of(position: UnitPosition) -> Fix:
    """Return the fix of a position that intake has taken once, as it took it."""
    there = position.location
    lon, lat = to_wgs84(there.lon, there.lat, there.crs)
    return _fix(position, to_millisecond(to_utc(position.time, "time")), lon, lat)


def _fix(position: UnitPosition, at: datetime, lon: float, lat: float) -> Fix:
    return Fix(
        position.unit,
        at,
        lon,
        lat,
        position.location.accuracy_m,
        position.speed_mps,
        position.heading_deg,
    )


def _check_motion(fix: UnitPosition) -> None:
    if fix.speed_mps is not None and not 0.0 <= fix.speed_mps <= _MAX_SPEED_MPS:
        raise BadInput(Fault.RESULT, f"speed_mps {fix.speed_mps} is not 0 to {_MAX_SPEED_MPS:g}")
    if fix.heading_deg is not None and not 0.0 <= fix.heading_deg <= _FULL_CIRCLE:
        raise BadInput(Fault.RESULT, f"heading_deg {fix.heading_deg} is not 0 to 360")
