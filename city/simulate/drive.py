"""Moving along a line of coordinates in a given time."""

import bisect
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from geo.crs import haversine_m

__all__ = ["Drive", "Fix"]


class Fix(NamedTuple):
    """Position of a vehicle in WGS-84 degrees, and its heading in degrees from north."""

    lon: float
    lat: float
    heading_deg: float


class Drive:
    """A drive along a line at even speed.

    Parameters
    ----------
    coordinates
        (lon, lat) in WGS-84 degrees, at least one.
    begun, seconds
        Start and duration, on the play's clock.
    """

    def __init__(
        self, coordinates: Sequence[tuple[float, float]], begun: float, seconds: float
    ) -> None:
        self._line = list(coordinates)
        xy = np.array(self._line, dtype=np.float64)
        steps = haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])
        self._metres: list[float] = [0.0, *np.cumsum(steps).tolist()]
        self.begun = begun
        self.seconds = max(seconds, 0.001)

    @property
    def length_m(self) -> float:
        """Return the length in metres."""
        return self._metres[-1]

    @property
    def ends(self) -> float:
        """Return the end of the drive, on the play's clock."""
        return self.begun + self.seconds

    def progress(self, now: float) -> float:
        """Return the driven share of the line, 0 to 1."""
        return min(max((now - self.begun) / self.seconds, 0.0), 1.0)

    def at(self, now: float) -> Fix:
        """Return the position of the vehicle."""
        metres = self.progress(now) * self.length_m
        last = len(self._line) - 1
        i = min(bisect.bisect_right(self._metres, metres), last)
        if i == 0:
            return Fix(*self._line[0], 0.0)
        (x0, y0), (x1, y1) = self._line[i - 1], self._line[i]
        span = self._metres[i] - self._metres[i - 1]
        share = (metres - self._metres[i - 1]) / span if span > 0.0 else 1.0
        return Fix(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, _bearing(x0, y0, x1, y1))


def _bearing(x0: float, y0: float, x1: float, y1: float) -> float:
    east = (x1 - x0) * math.cos(math.radians(y0))
    return math.degrees(math.atan2(east, y1 - y0)) % 360.0
