"""Areas that tile a city: every point lies in one, and neighbours share their border exactly.

Only one way tiles exactly in floating point: node all borders together on a grid, collect the
faces between them, and make each area a union of whole faces. Lines are drawn in metres; the last
cut is made in degrees, on the grid in which coordinates are written, so nothing is rounded later.
"""

from collections.abc import Sequence
from random import Random

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPoint, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import polygonize

from geo.crs import FloatArray, Metric

GRID_M = 0.01
GRID_DEG = 1e-6
"""Six decimals of a degree: 10 cm, finer than anything drawn here."""
_DECIMALS = 6
XY = tuple[float, float]

# How often random points are moved to the centroid of their nearest area (Lloyd's relaxation),
# which makes compact areas of similar size.
_RELAXATIONS = 12
_SAMPLES_PER_CENTRE = 60


def voronoi_borders(centres: Sequence[XY], within: BaseGeometry) -> BaseGeometry:
    """Return the lines on which two centres are equally near, clipped to an area."""
    edges = shapely.voronoi_polygons(MultiPoint(centres), extend_to=within, only_edges=True)
    return shapely.intersection(edges, within)


def spread(within: BaseGeometry, count: int, rng: Random) -> list[XY]:
    """Choose ``count`` centres spread evenly over an area, from north to south."""
    samples = np.array(scatter(within, count * _SAMPLES_PER_CENTRE, rng))
    centres = samples[:count]
    for _ in range(_RELAXATIONS):
        nearest = _nearest(samples, centres)
        centres = np.array(
            [
                samples[nearest == i].mean(axis=0) if (nearest == i).any() else centres[i]
                for i in range(count)
            ]
        )
    found = [(round(float(x), 1), round(float(y), 1)) for x, y in centres]
    return sorted(found, key=lambda xy: (-xy[1], xy[0]))


def scatter(within: BaseGeometry, count: int, rng: Random) -> list[XY]:
    """Choose ``count`` random points in an area."""
    shapely.prepare(within)
    west, south, east, north = within.bounds
    found: list[XY] = []
    while len(found) < count:
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        if within.covers(Point(x, y)):
            found.append((x, y))
    return found


def faces(outline: BaseGeometry, borders: Sequence[BaseGeometry], grid: float) -> list[Polygon]:
    """Cut an outline along borders, all noded together; return the parts from north to south."""
    lines = shapely.unary_union([shapely.boundary(outline), *borders], grid_size=grid)
    found = [face for face in polygonize(lines) if outline.covers(face.representative_point())]
    return sorted(found, key=lambda face: (-face.centroid.y, face.centroid.x))


def divide(area: BaseGeometry, count: int, metric: Metric, rng: Random) -> list[BaseGeometry]:
    """Cut an area (WGS-84 degrees) into compact parts that tile it, from north to south."""
    if count < 2:  # noqa: PLR2004
        return [area]
    flat = to_metres(area, metric)
    centres = spread(flat, count, rng)
    borders = to_degrees(voronoi_borders(centres, flat), metric)
    parts: list[list[Polygon]] = [[] for _ in centres]
    tiles = [rounded(tile) for tile in faces(area, [borders], GRID_DEG)]
    for tile, owner in zip(
        tiles, owners([to_metres(tile, metric) for tile in tiles], centres), strict=True
    ):
        parts[owner].append(tile)
    return [together(part) for part in parts if part]


def to_degrees(geometry: BaseGeometry, metric: Metric) -> BaseGeometry:
    """Convert a geometry from metres to degrees, rounded to six decimals."""
    return rounded(
        shapely.transform(geometry, lambda xy: np.column_stack(metric.inverse(xy[:, 0], xy[:, 1])))
    )


def to_metres(geometry: BaseGeometry, metric: Metric) -> BaseGeometry:
    """Convert a geometry from degrees to metres."""
    return shapely.transform(
        geometry, lambda xy: np.column_stack(metric.forward(xy[:, 0], xy[:, 1]))
    )


def rounded(geometry: BaseGeometry) -> BaseGeometry:
    """Round a geometry in degrees to the grid in which coordinates are written."""
    return shapely.transform(geometry, lambda xy: np.round(xy, _DECIMALS))


def owners(parts: Sequence[Polygon], centres: Sequence[XY]) -> list[int]:
    """Return, for each part, the index of the centre nearest to a point within it."""
    inner = np.array([part.representative_point().coords[0] for part in parts])
    return [int(i) for i in _nearest(inner, np.array(centres))]


def together(parts: Sequence[Polygon]) -> BaseGeometry:
    """Join parts that share borders exactly."""
    return shapely.normalize(shapely.coverage_union_all(list(parts)))


def _nearest(points: FloatArray, centres: FloatArray) -> npt.NDArray[np.intp]:
    gap = points[:, None, :] - centres[None, :, :]
    return np.asarray((gap**2).sum(axis=2).argmin(axis=1))
