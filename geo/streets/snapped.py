"""Results of snapping: points with their arcs, as objects and as columns."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray

__all__ = ["Nearby", "Place", "Snapped", "SnappedColumns"]

IntArray = npt.NDArray[np.int64]


class Place(NamedTuple):
    """A place on an arc: its index, and the fraction of its length from tail (0) to head (1)."""

    arc: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Snapped:
    """A point and its street.

    `lon`, `lat` are the point, `street_lon`, `street_lat` the nearest point of the street, both
    in WGS-84 degrees; `distance_m` is the distance between them. `places` are in order of arcs:
    both directions of a two-way street, and at a crossing all streets that meet. If there was a
    course that agrees with some of them, only those are included.
    """

    lon: float
    lat: float
    street_lon: float
    street_lat: float
    distance_m: float
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SnappedColumns:
    """Many snapped points as columns.

    Per point, shape (n,): `street_lon`, `street_lat` (NaN) and `distance_m` (inf if no street is
    near enough). Per place: `arc` and `fraction`; the places of point i are `first[i]` to
    `first[i + 1]`, in order of arcs.
    """

    street_lon: FloatArray
    street_lat: FloatArray
    distance_m: FloatArray
    first: IntArray
    arc: IntArray
    fraction: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Nearby:
    """Streets within a radius of points, as columns of shape (pairs,), ordered by point.

    A two-way street is listed once, by the first of its arcs.
    """

    point: IntArray
    arc: IntArray
    fraction: FloatArray
    """The nearest place on the arc."""
    distance_m: FloatArray
    bearing: FloatArray
    """Direction of the arc there, degrees clockwise from north in the map's UTM zone."""
