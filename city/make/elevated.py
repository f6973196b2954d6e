"""Elevated expressways: a carriageway in each direction, joined to the streets only by ramps.

Where two expressways cross there is no interchange: a vehicle leaves one by a ramp and enters the
other by the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry import LineString, Point

from city.make.drawing import Road
from city.make.lines import cut
from city.names import Name
from geo.crs import Metric

XY = tuple[float, float]

# Metres. The carriageways are beside the street below, so that a fix on that street does not snap
# to the expressway.
_BESIDE = 15.0
_RAMP_EVERY = 650.0
_RAMP_LENGTH = 130.0


@dataclass(frozen=True, slots=True)
class Carriageway:
    """A piece of expressway between two ramps, or a ramp; always one-way."""

    line: LineString
    name: Name
    highway: str
    lanes: int
    oneway: bool = True
    access: str | None = None


def carriageways(
    roads: Sequence[Road], crossings: Sequence[XY], metric: Metric
) -> list[Carriageway]:
    """Lay out both directions of each expressway.

    Parameters
    ----------
    crossings
        Points on main roads, in metres, at which a ramp may end.
    """
    tree = shapely.STRtree([Point(c) for c in crossings])
    found = []
    for road in roads:
        centre = LineString([metric.forward(*point) for point in road.line])
        right = centre.offset_curve(-_BESIDE)  # traffic keeps to the right
        left = shapely.reverse(centre.offset_curve(_BESIDE))
        for line in (right, left):
            found += _one_direction(line, road, tree, crossings)
    return found


def _one_direction(
    line: LineString, road: Road, tree: shapely.STRtree, crossings: Sequence[XY]
) -> list[Carriageway]:
    count = max(1, round(line.length / _RAMP_EVERY))
    stops = [line.length * i / count for i in range(count + 1)]
    points = [_rounded(line.interpolate(stop)) for stop in stops]
    name = (road.name, road.name_en)
    found = []
    for i in range(count):
        inner = list(cut(line, stops[i], stops[i + 1]).coords)[1:-1]
        piece = LineString([points[i], *inner, points[i + 1]])
        found.append(Carriageway(piece, name, "motorway", 3))
    ramp_name = (f"{road.name}匝道", f"{road.name_en} ramp")
    for i, stop in enumerate(stops):
        # The first stop has an entry and the last an exit; in between, they alternate.
        enters = i == 0 or (i < count and i % 2 == 0)
        beyond = stop - _RAMP_LENGTH if enters else stop + _RAMP_LENGTH
        target = line.interpolate(min(max(beyond, 0.0), line.length))
        ground = crossings[int(tree.nearest(target))]
        ends = [ground, points[i]] if enters else [points[i], ground]
        found.append(Carriageway(LineString(ends), ramp_name, "motorway_link", 1))
    return found


def _rounded(point: Point) -> XY:
    return round(point.x, 2), round(point.y, 2)
