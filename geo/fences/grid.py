"""A grid over fences: which cells a fence covers whole, and which its border touches.

A cell that no border touches lies inside a fence or outside it as a whole, so one test of its
centre decides for every point in it. Borders are drawn into the grid a little too thick (by
`_SLACK` cells), so that rounding can move a border into a cell too many, never out of one.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from geo.crs import EARTH_RADIUS_M, FloatArray

__all__ = ["METRES_PER_DEGREE", "BoolArray", "Grid", "IntArray", "ObjectArray", "rasterise"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ObjectArray = npt.NDArray[np.object_]

METRES_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0  # of latitude, on the mean sphere
_SLACK = 1e-6  # cells; coordinates are rounded to less than 1e-7 of the smallest cell
_SMALLEST_CELL_M = 0.1
_HIGHEST_LATITUDE = 89.9  # beyond it a degree of longitude has no length to speak of
_FEWEST_CELLS = 1 << 10
_MOST_CELLS = 1 << 20
_MOST_WINDOW_CELLS = 1 << 24  # the sum over all fences of the cells in their bounding boxes
_CELLS_PER_VERTEX = 64


@dataclass(frozen=True, slots=True)
class Grid:
    """Square cells over a box of degrees, numbered row by row from the south-west.

    Metres on it are those of a plane in which a degree of longitude is nowhere longer than on the
    ground within the box, so a distance on the plane is a lower bound of the distance on the
    ground, on the mean sphere.

    Attributes
    ----------
    west, south
        Corner of cell 0, degrees.
    columns, rows
        The outermost ring of cells is a margin that no fence reaches.
    cell_m
        Side of a cell, metres on the plane.
    metres_per_lon, metres_per_lat
        Of the plane.
    """

    west: float
    south: float
    columns: int
    rows: int
    cell_m: float
    metres_per_lon: float
    metres_per_lat: float

    @classmethod
    def over(cls, boxes: FloatArray, vertices: int) -> "Grid":
        """Choose a grid for fences with these bounding boxes, shape (n, 4), and so many vertices.

        More vertices make finer cells; many large fences that overlap make coarser ones, to bound
        the time and memory of drawing them.
        """
        if len(boxes) == 0:
            return cls(0.0, 0.0, 1, 1, 1e6, METRES_PER_DEGREE, METRES_PER_DEGREE)
        west, south = boxes[:, :2].min(axis=0).tolist()
        east, north = boxes[:, 2:].max(axis=0).tolist()
        highest = min(max(abs(south), abs(north)), _HIGHEST_LATITUDE)
        per_lon = METRES_PER_DEGREE * math.cos(math.radians(highest))
        width, height = (east - west) * per_lon, (north - south) * METRES_PER_DEGREE
        windows = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        overlap = max(1.0, float(windows.sum()) / ((east - west) * (north - south)))
        wanted = min(_CELLS_PER_VERTEX * vertices, _MOST_CELLS, int(_MOST_WINDOW_CELLS / overlap))
        side = math.sqrt(width * height / max(wanted, _FEWEST_CELLS))
        # A long and narrow box must not get more cells than wanted by its margins alone.
        side = max(side, max(width, height) * 4 / _MOST_CELLS, _SMALLEST_CELL_M)
        return cls(
            west=west - side / per_lon,
            south=south - side / METRES_PER_DEGREE,
            columns=math.ceil(width / side) + 2,
            rows=math.ceil(height / side) + 2,
            cell_m=side,
            metres_per_lon=per_lon,
            metres_per_lat=METRES_PER_DEGREE,
        )

    def holds(self, box: FloatArray) -> bool:
        """Tell whether a box (west, south, east, north) leaves the margin free."""
        west, south = self._fractional(box[0], box[1])
        east, north = self._fractional(box[2], box[3])
        return bool(
            west >= 1 - _SLACK
            and south >= 1 - _SLACK
            and east <= self.columns - 1 + _SLACK
            and north <= self.rows - 1 + _SLACK
        )

    def cell_of(self, lon: FloatArray, lat: FloatArray) -> IntArray:
        """Return the cells of points; points off the grid count to its nearest cell."""
        column, row = self._fractional(lon, lat)
        np.minimum(np.maximum(column, 0.0, out=column), self.columns - 1.0, out=column)
        np.minimum(np.maximum(row, 0.0, out=row), self.rows - 1.0, out=row)
        cell = row.astype(np.int64)
        cell *= self.columns
        cell += column.astype(np.int64)
        return cell

    def cell_of_one(self, lon: float, lat: float) -> int:
        """Return the cell of one point, as `cell_of`."""
        column = int((lon - self.west) * (self.metres_per_lon / self.cell_m))
        row = int((lat - self.south) * (self.metres_per_lat / self.cell_m))
        if not 0 <= column < self.columns:
            column = 0 if column < 0 else self.columns - 1
        if not 0 <= row < self.rows:
            row = 0 if row < 0 else self.rows - 1
        return row * self.columns + column

    def centre_of(self, column: IntArray, row: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the centres of cells, degrees."""
        lon = self.west + (column.astype(np.float64) + 0.5) * (self.cell_m / self.metres_per_lon)
        lat = self.south + (row.astype(np.float64) + 0.5) * (self.cell_m / self.metres_per_lat)
        return lon, lat

    def _fractional(self, lon: FloatArray, lat: FloatArray) -> tuple[FloatArray, FloatArray]:
        column = (lon - self.west) * (self.metres_per_lon / self.cell_m)
        row = (lat - self.south) * (self.metres_per_lat / self.cell_m)
        return column, row


def rasterise(grid: Grid, polygons: ObjectArray) -> Iterable[tuple[IntArray, IntArray]]:
    """Draw polygons into a grid that holds them.

    Parameters
    ----------
    grid
        Whose margin the polygons leave free.
    polygons
        Prepared polygons or multipolygons, shape (n,), none of them empty.

    Returns
    -------
    Iterable of (border, inside), one for each polygon
        The cells that its border may touch, and the other cells that lie in it; ascending.
    """
    column, row, owner = _border_cells(grid, polygons)
    left, right = _ranges(column, owner)
    bottom, top = _ranges(row, owner)
    width, height = right - left + 1, top - bottom + 1
    # Windows, the cells of the bounding boxes, lie one behind the other in one long array.
    begin = np.concatenate([[0], np.cumsum(width * height)])
    border = np.zeros(begin[-1], dtype=np.bool_)
    border[begin[owner] + (row - bottom[owner]) * width[owner] + column - left[owner]] = True
    # Between two border cells of one row nothing changes, so the first cell decides for the run.
    opens = ~border
    opens[1:] &= border[:-1]
    opens[_row_starts(begin[:-1], width, height)] = True
    opens &= ~border
    first = np.flatnonzero(opens)
    of = np.searchsorted(begin, first, side="right") - 1
    rest = first - begin[of]
    lon, lat = grid.centre_of(left[of] + rest % width[of], bottom[of] + rest // width[of])
    run_inside = shapely.intersects_xy(polygons[of], lon, lat)
    inside = ~border
    inside[inside] = np.repeat(run_inside, _run_lengths(opens, border))
    for i in range(len(polygons)):
        window = slice(begin[i], begin[i + 1])
        yield (
            _cells_of(grid, np.flatnonzero(border[window]), left[i], bottom[i], width[i]),
            _cells_of(grid, np.flatnonzero(inside[window]), left[i], bottom[i], width[i]),
        )


def _cells_of(grid: Grid, at: IntArray, left: int, bottom: int, width: int) -> IntArray:
    """Return the cells of places in a window."""
    return (bottom + at // width) * grid.columns + left + at % width


def _border_cells(grid: Grid, polygons: ObjectArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return column, row and polygon of the cells that borders touch, some of them repeatedly."""
    parts, part_owner = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, vertex_ring = shapely.get_coordinates(rings, return_index=True)
    u, v = grid._fractional(xy[:, 0], xy[:, 1])  # noqa: SLF001 - the grid's own module
    start = np.flatnonzero(vertex_ring[1:] == vertex_ring[:-1])
    du, dv = u[start + 1] - u[start], v[start + 1] - v[start]
    # Pieces shorter than a cell touch the cells of their bounding box's corners and no others.
    pieces = np.ceil(np.maximum(np.abs(du), np.abs(dv))).astype(np.int64) + 1
    segment = np.repeat(np.arange(start.size), pieces)
    step = np.arange(segment.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    one, two = step / pieces[segment], (step + 1) / pieces[segment]
    columns = _span(u[start][segment], du[segment], one, two)
    rows = _span(v[start][segment], dv[segment], one, two)
    column = np.concatenate([columns[0], columns[0], columns[1], columns[1]])
    row = np.concatenate([rows[0], rows[1], rows[0], rows[1]])
    owner = part_owner[ring_part[vertex_ring[start]]][segment]
    return column, row, np.tile(owner, 4)


def _span(
    origin: FloatArray, length: FloatArray, one: FloatArray, two: FloatArray
) -> tuple[IntArray, IntArray]:
    a, b = origin + length * one, origin + length * two
    low = np.floor(np.minimum(a, b) - _SLACK).astype(np.int64)
    high = np.floor(np.maximum(a, b) + _SLACK).astype(np.int64)
    return low, high


def _ranges(values: IntArray, owner: IntArray) -> tuple[IntArray, IntArray]:
    """Return the least and the greatest value of each owner 0, 1, ..., n-1."""
    order = np.lexsort((values, owner))
    ordered = owner[order]
    change = np.flatnonzero(ordered[1:] != ordered[:-1])
    first = np.concatenate([[0], change + 1]).astype(np.int64)
    last = np.concatenate([change, [owner.size - 1]]).astype(np.int64)
    return values[order[first]], values[order[last]]


def _row_starts(begin: IntArray, width: IntArray, height: IntArray) -> IntArray:
    which = np.repeat(np.arange(begin.size), height)
    row = np.arange(which.size) - np.repeat(np.cumsum(height) - height, height)
    starts: IntArray = begin[which] + row * width[which]
    return starts


def _run_lengths(opens: BoolArray, border: BoolArray) -> IntArray:
    """Return how many cells each run of cells without a border has."""
    run_of = np.cumsum(opens)[~border] - 1
    return np.bincount(run_of, minlength=int(opens.sum()))
