"""Streets under what somebody has drawn on a map: along a line, or in an area."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from shapely import LineString, Polygon

from console.compute.cities import Cities, Town
from console.compute.errors import Unanswerable
from console.compute.shapes import StreetsDrawn
from geo.crs import FloatArray
from geo.streets.columns import IntArray

__all__ = ["streets_drawn"]

_REACH_M = 12.0
"""So far beside a street a hand draws a line along it."""
_MOST_OF = 0.5
"""Share of a street, or of the line, that lies by the other: they run along each other."""
_MOST_ARCS = 2_000
_METRES_PER_DEGREE = 111_320.0
_DECIMALS = 6


def streets_drawn(cities: Cities, points: Sequence[tuple[float, float]], kind: str) -> StreetsDrawn:
    """Return the streets, both directions, under a ``line`` or in an ``area`` (WGS-84).

    A line means the streets along which it runs, and if it runs along none, those that it crosses.
    An area means every street of which a part lies in it.

    Raises
    ------
    Unanswerable
        It lies in no city, is no line or area, or means too many streets at once.
    """
    town, area = cities.at(*points[0]), kind == "area"
    flat = _Flat(*points[0])
    shape = flat(shapely.make_valid(Polygon(points)) if area else LineString(points))
    if (shape.area if area else shape.length) == 0:
        raise Unanswerable("invalid", "what was drawn has no extent: draw a line or an area")
    near = _near(town, flat.back(shapely.buffer(shape, _REACH_M)))
    lines = flat(town.city.streets.arcs.line[near])
    found = near[shapely.intersects(lines, shape) if area else _along(lines, shape)]
    if len(found) > _MOST_ARCS:
        raise Unanswerable(
            "invalid", f"{len(found)} street segments are more than {_MOST_ARCS}: draw less at once"
        )
    return _told(town, found)


class _Flat:
    """Degrees as metres around a point; over a city it errs by less than its streets are wide."""

    def __init__(self, lon: float, lat: float) -> None:
        self._zero = np.array([lon, lat])
        self._scale = _METRES_PER_DEGREE * np.array([math.cos(math.radians(lat)), 1.0])

    def __call__(self, shapes: Any) -> Any:  # noqa: ANN401 - one shape or many
        """Return shapes in metres."""
        return shapely.transform(shapes, self._there)

    def back(self, shape: Any) -> Any:  # noqa: ANN401
        """Return a shape in degrees."""
        return shapely.transform(shape, lambda xy: xy / self._scale + self._zero)

    def _there(self, xy: FloatArray) -> FloatArray:
        flat: FloatArray = (xy - self._zero) * self._scale
        return flat


def _near(town: Town, around: shapely.Geometry) -> IntArray:
    """Return the arcs whose boxes meet that of a shape, in order."""
    low, high = town.boxes
    west, south, east, north = shapely.bounds(around)
    meet = (low <= (east, north)) & (high >= (west, south))
    return np.flatnonzero(meet.all(axis=1))


def _along(lines: Any, drawn: shapely.Geometry) -> Any:  # noqa: ANN401 - arrays of shapely
    """Return which lines the drawn one runs along; which it crosses, if it runs along none."""
    of_street = _share(lines, shapely.buffer(drawn, _REACH_M))
    of_drawn = _share(drawn, shapely.buffer(lines, _REACH_M))
    along = (of_street >= _MOST_OF) | (of_drawn >= _MOST_OF)
    return along if along.any() else shapely.intersects(lines, drawn)


def _share(lines: Any, around: Any) -> Any:  # noqa: ANN401
    whole = np.maximum(shapely.length(lines), 1e-9)
    return shapely.length(shapely.intersection(lines, around)) / whole


def _told(town: Town, found: IntArray) -> StreetsDrawn:
    arcs, streets = town.city.streets.arcs, town.city.streets
    # Of the two arcs of a street one is drawn, and counted.
    ones = np.unique(np.where(arcs.twin[found] < 0, found, np.minimum(found, arcs.twin[found])))
    names = dict.fromkeys(next(iter(arcs.names[one]), "") for one in ones.tolist())
    lines = [arcs.line[one] for one in ones.tolist()]
    return StreetsDrawn(
        region=town.region,
        segments=tuple(arc for one in ones.tolist() for arc in streets.both_ways(arcs.id[one])),
        streets=tuple(name for name in names if name),
        metres=round(float(arcs.length_m[ones].sum()), 1),
        geometry={
            "type": "MultiLineString",
            "coordinates": [
                np.round(shapely.get_coordinates(line), _DECIMALS).tolist() for line in lines
            ],
        },
    )
