"""The area around reached streets, drawn on a grid.

Uniting a buffer per street takes seconds for a town. A grid takes a time that depends on the extent
only: each cell gets the first time that reaches it, and the borders between cells of different
times are the areas' borders. So the area of a longer time contains that of a shorter one.
"""

from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage

from geo.crs import FloatArray, Metric
from geo.routing.isochrone import Reached
from geo.streets.columns import Arcs

__all__ = ["areas"]

_BESIDE_M = 50.0
_CELL_M = 10.0
_MOST_CELLS = 4_000_000
"""A larger extent has larger cells."""
_SMALLEST_HOLE_M2 = 20_000.0
_SMOOTH_CELLS = 1.5
"""Corners that cut off or add less than a triangle of so many cells squared are left out."""

Labels = npt.NDArray[np.uint16]
"""Per cell the number of the first time that reaches it; `_NEVER` for none."""
_NEVER = 65_535


def areas(reached: Sequence[Reached], arcs: Arcs, metric: Metric) -> list[shapely.Geometry]:
    """Draw the area within 50 m of reached streets, without holes under 2 hectares.

    Borders are exact to about 10 m, more where the whole is wider than 20 km.

    Parameters
    ----------
    reached
        Reached parts, each including the one before; fewer than 65,535.
    arcs, metric
        Arcs and projection of the map.

    Returns
    -------
    list of Polygon or MultiPolygon
        WGS-84 degrees, each covering the one before; empty if nothing is reached.
    """
    points = [_points(part, arcs, metric) for part in reached]
    some = [xy for xy in points if len(xy)]
    if not some:
        return [shapely.MultiPolygon() for _ in reached]
    low, high = np.min([xy.min(0) for xy in some], 0), np.max([xy.max(0) for xy in some], 0)
    cell = max(_CELL_M, sqrt(float(np.prod(high - low + 4 * _BESIDE_M)) / _MOST_CELLS))
    margin = ceil(_BESIDE_M / cell) + 2
    corner = low - margin * cell
    columns, rows = (np.ceil((high - corner) / cell).astype(int) + margin).tolist()
    labels = np.full((rows, columns), _NEVER, dtype=np.uint16)
    for number in reversed(range(len(points))):
        column, row = ((points[number] - corner) // cell).astype(int).T
        labels[row, column] = number
    labels = _grown(labels, _BESIDE_M / cell)
    _fill_small_holes(labels, len(points), _SMALLEST_HOLE_M2 / cell**2)
    faces, first = _faces(labels)
    faces = shapely.coverage_simplify(faces, _SMOOTH_CELLS)
    drawn = shapely.transform(
        faces, lambda xy: np.column_stack(metric.inverse(*(corner + xy * cell).T))
    )
    return [_united(drawn[first <= number]) for number in range(len(points))]


def _points(reached: Reached, arcs: Arcs, metric: Metric) -> FloatArray:
    """Return points along reached parts, closer together than cells are wide."""
    lines = arcs.line.take(reached.arc)
    if not len(lines):
        return np.empty((0, 2))
    xy = np.column_stack(metric.forward(*lines.xy.T))
    steps = np.hypot(*np.diff(xy, axis=0).T)
    steps[lines.first[1:-1] - 1] = 1.0  # between two lines, so that neither's end is the other's
    at = np.concatenate([[0.0], np.cumsum(steps)])
    begin, length = at[lines.first[:-1]], at[lines.first[1:] - 1] - at[lines.first[:-1]]
    start, end = begin + reached.start * length, begin + reached.end * length
    counts = np.ceil((end - start) / (_CELL_M / 2)).astype(np.int64) + 2
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    share = number / np.repeat(counts - 1, counts)
    along = np.repeat(start, counts) + share * np.repeat(end - start, counts)
    return np.column_stack([np.interp(along, at, xy[:, 0]), np.interp(along, at, xy[:, 1])])


def _grown(labels: Labels, radius: float) -> Labels:
    """Give each cell the least label within a radius in cells: row by row, as a disc is wide."""
    grown = labels.copy()
    height = len(labels)
    for up in range(-int(radius), int(radius) + 1):
        wide = int(sqrt(radius**2 - up**2))
        row = ndimage.minimum_filter1d(labels, 2 * wide + 1, axis=1, mode="constant", cval=_NEVER)
        here, there = (
            slice(max(up, 0), height + min(up, 0)),
            slice(max(-up, 0), height - max(up, 0)),
        )
        np.minimum(grown[here], row[there], out=grown[here])
    return grown


def _fill_small_holes(labels: Labels, times: int, smallest: float) -> None:
    for number in range(times):
        holes, _ = ndimage.label(labels > number)
        small = np.bincount(holes.ravel()) < smallest
        small[0] = False  # what is no hole
        labels[small[holes]] = number


def _faces(labels: Labels) -> tuple[npt.NDArray[np.object_], Labels]:
    """Return the faces of cells with the same label, in cells, and each one's label."""
    down, right = np.array((1, 0)), np.array((0, 1))
    upright = np.argwhere(labels[:, 1:] != labels[:, :-1]) + right
    level = np.argwhere(labels[1:] != labels[:-1]) + down
    begin = np.concatenate([upright, level])
    end = np.concatenate([upright + down, level + right])
    sides = np.stack([begin, end], axis=1)[:, :, ::-1]  # columns are x
    faces = shapely.get_parts(shapely.polygonize(shapely.linestrings(sides.astype(float))))
    middles = shapely.get_coordinates(shapely.point_on_surface(faces)).astype(int)
    first = labels[middles[:, 1], middles[:, 0]]
    return faces[first != _NEVER], first[first != _NEVER]


def _united(faces: npt.NDArray[np.object_]) -> shapely.Geometry:
    return shapely.coverage_union_all(faces) if len(faces) else shapely.MultiPolygon()
