"""The lines of the street net in metres: main roads as drawn, side streets and lanes by seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from random import Random

import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import polygonize, substring

from city.areas import GRID_M
from city.make.drawing import Road
from city.names import Name, lane_name, street_names
from geo.crs import Metric

MAIN_CLASSES = ("primary", "secondary", "tertiary")

# Distances in metres. Blocks inside compounds' walls are larger than in old town; this is
# between the two.
_SPACING = ((120.0, 160.0), (140.0, 200.0))
_GAP = 60.0
_SHORTEST_STREET = 45.0
_BEND_EVERY = 90.0
_BEND_BY = 7.0
_LANE_LENGTH = (35.0, 65.0)
_LANE_SHARE = 0.11
_ONEWAY_SHARE = 0.25
_EMERGENCY_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Street:
    """One street as a line in metres, before it is cut at its crossings."""

    line: LineString
    name: Name
    highway: str
    lanes: int = 1
    oneway: bool = False
    access: str | None = None

    @property
    def main(self) -> bool:
        """Whether the street was drawn by hand."""
        return self.highway in MAIN_CLASSES


def main_streets(roads: Sequence[Road], outline: Polygon, metric: Metric) -> list[Street]:
    """Return the drawn roads, clipped to the district, small gaps at their ends closed."""
    found = []
    for road in roads:
        line = LineString([metric.forward(*point) for point in road.line])
        for piece in _pieces(shapely.intersection(line, outline)):
            if piece.length > _GAP:
                name = (road.name, road.name_en)
                found.append(Street(piece, name, road.highway, road.lanes, road.oneway))
    return [_closed(street, found, outline) for street in found]


def side_streets(main: Sequence[Street], outline: Polygon, rng: Random) -> list[Street]:
    """Fill each block between main roads with a bent grid of side streets, with lanes off these."""
    net = shapely.unary_union([s.line for s in main] + [outline.exterior], grid_size=GRID_M)
    blocks = sorted(
        polygonize(net), key=lambda b: (-round(b.centroid.y), round(b.centroid.x), b.area)
    )
    taken = {street.name[0] for street in main}
    names = (name for name in street_names(rng) if name[0] not in taken)
    found = []
    for block in blocks:
        found += [
            Street(line, next(names), "residential", oneway=rng.random() < _ONEWAY_SHARE)
            for line in _grid(block, rng)
        ]
    return found + [lane for street in found for lane in _lanes(street, outline, rng)]


def _closed(street: Street, others: Sequence[Street], outline: Polygon) -> Street:
    """Extend an end that stops just short of another main road to that road."""
    coords = list(street.line.coords)
    for end in (0, -1):
        here = Point(coords[end])
        if outline.exterior.distance(here) < 1.0:
            continue
        near = [
            (other.line.distance(here), i)
            for i, other in enumerate(others)
            if other.line is not street.line
        ]
        gap, nearest = min(near)
        if GRID_M < gap < _GAP:
            other = others[nearest].line
            foot = other.interpolate(other.project(here)).coords[0]
            coords.insert(0 if end == 0 else len(coords), foot)
    return Street(LineString(coords), street.name, street.highway, street.lanes, street.oneway)


def _grid(block: Polygon, rng: Random) -> Iterator[LineString]:
    """Chords of a block along and across its longer side."""
    corners = list(shapely.minimum_rotated_rectangle(block).exterior.coords)
    (x0, y0), (x1, y1), (x2, y2) = corners[:3]
    along = ((x1 - x0), (y1 - y0))
    if (x2 - x1) ** 2 + (y2 - y1) ** 2 > along[0] ** 2 + along[1] ** 2:
        along = ((x2 - x1), (y2 - y1))
    length = max((along[0] ** 2 + along[1] ** 2) ** 0.5, 1.0)
    ux, uy = along[0] / length, along[1] / length
    inner = block.buffer(-25.0)
    if inner.is_empty:
        return
    for (dx, dy), spacing in (((ux, uy), _SPACING[0]), ((-uy, ux), _SPACING[1])):
        for line in _parallels(block, (dx, dy), spacing, rng):
            for piece in _pieces(shapely.intersection(line, block)):
                # A chord that only cuts a corner is not a street.
                if piece.length > _SHORTEST_STREET and piece.intersects(inner):
                    yield piece


def _parallels(
    block: Polygon, direction: tuple[float, float], spacing: tuple[float, float], rng: Random
) -> Iterator[LineString]:
    """Bent lines in a direction, through and beyond a block, at random distances."""
    dx, dy = direction
    nx, ny = -dy, dx
    along = [x * dx + y * dy for x, y in block.exterior.coords]
    across = [x * nx + y * ny for x, y in block.exterior.coords]
    width = max(across) - min(across)
    count = round(width / rng.uniform(*spacing)) - 1
    for i in range(max(count, 0)):
        offset = min(across) + width * (i + 1) / (count + 1) + rng.uniform(-8.0, 8.0)
        steps = int((max(along) - min(along)) / _BEND_EVERY) + 3
        points = []
        for step in range(steps):
            s = min(along) + (step - 1) * _BEND_EVERY
            t = offset + rng.uniform(-_BEND_BY, _BEND_BY)
            points.append((s * dx + t * nx, s * dy + t * ny))
        yield LineString(points)


def _lanes(street: Street, outline: Polygon, rng: Random) -> Iterator[Street]:
    """Blind lanes (弄) off a side street, some of them open to emergency vehicles only."""
    spots = int(street.line.length / 60.0)
    for i in range(spots):
        if rng.random() >= _LANE_SHARE:
            continue
        at = street.line.interpolate((i + rng.uniform(0.3, 0.7)) / spots, normalized=True)
        ahead = street.line.interpolate(street.line.project(at) + 1.0)
        side = pi / 2 if rng.random() < 0.5 else -pi / 2  # noqa: PLR2004 - left or right
        ux, uy = ahead.x - at.x, ahead.y - at.y
        vx, vy = ux * cos(side) - uy * sin(side), ux * sin(side) + uy * cos(side)
        length = rng.uniform(*_LANE_LENGTH)
        end = Point(at.x + vx * length, at.y + vy * length)
        number = rng.randrange(2, 600)
        access = "emergency" if rng.random() < _EMERGENCY_SHARE else None
        if outline.covers(end):
            yield Street(
                LineString([at, end]), lane_name(street.name, number), "service", access=access
            )


def _pieces(geometry: BaseGeometry) -> list[LineString]:
    return [p for p in shapely.get_parts(geometry).tolist() if p.geom_type == "LineString"]


def cut(line: LineString, start: float, end: float) -> LineString:
    """Part of a line between two distances from its start, in metres."""
    return substring(line, start, end)
