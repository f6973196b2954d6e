"""Fences in the cells of a grid: for most points, a lookup of the cell is enough.

Every cell knows the fences that contain it and the fences whose border touches it; only the latter
are tested exactly against the point. Cells with the same fences share one *content*, so two
positions with the same content and no border in it are in the same fences.
"""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from geo.crs import FloatArray
from geo.fences.grid import Grid, IntArray, ObjectArray, rasterise

__all__ = ["FenceCells"]

_REACH = 16  # cells; clearances are known up to this far
_OUTGROWN = 4  # rebuild the grid at this many times its first number of vertices or contents
_FEW_CELLS = 256  # up to this many, plain Python is faster than arrays
_FEW = 4096  # up to this many contents or vertices, never rebuild

_Content = tuple[tuple[int, ...], tuple[int, ...]]


class FenceCells:
    """Polygons by slot (0, 1, ...) in the cells of a grid; polygons can be put and dropped.

    Parameters
    ----------
    polygons
        Valid polygons or multipolygons, WGS-84 degrees; None leaves a slot empty.

    Attributes
    ----------
    polygons : array of polygon or None, shape (slots,)
        Prepared.
    boxes : array, shape (slots, 4)
        Bounding boxes west, south, east, north; NaN for an empty slot.
    grid : Grid
        The grid as it is now.
    """

    def __init__(self, polygons: Sequence[BaseGeometry | None] = ()) -> None:
        self.polygons: ObjectArray = np.array([*polygons, None], dtype=object)[:-1]
        shapely.prepare(self.polygons)
        self.boxes = shapely.bounds(self.polygons).reshape(-1, 4)
        self._box_of: list[list[float]] = self.boxes.tolist()  # the same, for single points
        self._build()

    def copy(self) -> "FenceCells":
        """Return cells that can be edited without these being changed."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray | list | dict):
                setattr(twin, name, value.copy())
        return twin

    def put(self, slot: int, polygon: BaseGeometry) -> None:
        """Fill or refill a slot: an existing one or the next one."""
        if slot == len(self.polygons):
            self.polygons = np.append(self.polygons, np.array([None], dtype=object))
            self.boxes = np.append(self.boxes, np.full((1, 4), np.nan), axis=0)
            self._box_of.append([])
        self.drop(slot)
        shapely.prepare(polygon)
        self.polygons[slot] = polygon
        self.boxes[slot] = shapely.bounds(polygon)
        self._box_of[slot] = self.boxes[slot].tolist()
        self._vertices += shapely.get_num_coordinates(polygon)
        if (
            not self.grid.holds(self.boxes[slot])
            or self._vertices > _OUTGROWN * self._built_vertices + _FEW
            or len(self._contents) > _OUTGROWN * self._built_contents + _FEW
        ):
            self._build()
            return
        for border, inside in rasterise(self.grid, self.polygons[slot : slot + 1]):
            self._draw(slot, border, inside)
            self._narrow(border)

    def drop(self, slot: int) -> None:
        """Empty a slot. Clearances stay as they are, too small and so on the safe side."""
        polygon = self.polygons[slot]
        if polygon is None:
            return
        for border, inside in rasterise(self.grid, self.polygons[slot : slot + 1]):
            self._redraw(np.concatenate([border, inside]), lambda content: _without(content, slot))
        self._vertices -= shapely.get_num_coordinates(polygon)
        self.polygons[slot] = None
        self.boxes[slot] = np.nan

    def contents(self, cells: IntArray) -> IntArray:
        """Return the content of each cell."""
        return self._content_of_cell[cells]

    def content_of(self, cell: int) -> int:
        """Return the content of one cell."""
        content: int = self._content_of_cell.item(cell)
        return content

    def clearance_m(self, cells: IntArray) -> FloatArray:
        """Return lower bounds of the distance from any point of each cell to any fence's border.

        Metres on the grid's plane, known up to 16 cells.
        """
        return self._clearance[cells]

    def clearance_of(self, cell: int) -> float:
        """Return `clearance_m` of one cell."""
        clearance: float = self._clearance.item(cell)
        return clearance

    def tests(self, contents: IntArray) -> IntArray:
        """Return how many fences have their border in cells of each content."""
        return self._test_count[contents]

    def covers(self, contents: IntArray) -> IntArray:
        """Return how many fences cover cells of each content whole."""
        return self._full_count[contents]

    def covers_any(self, content: int) -> bool:
        """Tell whether a fence covers cells of one content whole."""
        return bool(self._contents[content][0])

    def locate(
        self, contents: IntArray, lon: FloatArray, lat: FloatArray
    ) -> tuple[IntArray, IntArray]:
        """Return all (point, slot) in which the polygon covers the point, sorted.

        Parameters
        ----------
        contents
            Of the cells in which the points lie.
        lon, lat
            Degrees, contiguous, shape (n,).
        """
        full, tested = self._full_count[contents], self._test_count[contents]
        begin = self._begin[contents]
        point, slot = self._spread(begin, full)
        if not tested.any():
            return point, slot
        near, maybe = self._spread(begin + full, tested)
        x, y, box = lon[near], lat[near], self.boxes[maybe]
        hit = (x >= box[:, 0]) & (y >= box[:, 1]) & (x <= box[:, 2]) & (y <= box[:, 3])
        near, maybe = near[hit], maybe[hit]
        # intersects_xy of a point and a prepared polygon is covers, without making points.
        hit = shapely.intersects_xy(self.polygons[maybe], x[hit], y[hit])
        return _merged(point, slot, near[hit], maybe[hit], len(self.polygons))

    def locate_one(self, lon: float, lat: float) -> list[int]:
        """Return the slots whose polygons cover one point, ascending."""
        full, tested = self._contents[self.content_of(self.grid.cell_of_one(lon, lat))]
        found = list(full)
        for slot in tested:
            west, south, east, north = self._box_of[slot]
            near = west <= lon <= east and south <= lat <= north
            if near and shapely.intersects_xy(self.polygons[slot], lon, lat):
                found.append(slot)
        found.sort()
        return found

    def _build(self) -> None:
        live = np.flatnonzero(~shapely.is_missing(self.polygons))
        self._vertices = int(shapely.get_num_coordinates(self.polygons[live]).sum())
        self.grid = Grid.over(self.boxes[live], self._vertices)
        cells = self.grid.columns * self.grid.rows
        self._content_of_cell: IntArray = np.zeros(cells, dtype=np.int64)
        self._contents: list[_Content] = []
        self._content_ids: dict[_Content, int] = {}
        self._flat = np.empty(64, dtype=np.int64)  # the slots of all contents, one behind the other
        self._begin, self._full_count, self._test_count = np.zeros((3, 64), dtype=np.int64)
        self._used = 0
        self._id_of(((), ()))
        if live.size:
            drawn = rasterise(self.grid, self.polygons[live])
            for slot, (border, inside) in zip(live.tolist(), drawn, strict=True):
                self._draw(slot, border, inside)
        self._built_vertices, self._built_contents = self._vertices, len(self._contents)
        touched = self._test_count[self._content_of_cell] > 0
        self._clearance = self._clearances(touched.reshape(self.grid.rows, -1)).ravel()

    def _draw(self, slot: int, border: IntArray, inside: IntArray) -> None:
        self._redraw(border, lambda content: (content[0], _with(content[1], slot)))
        self._redraw(inside, lambda content: (_with(content[0], slot), content[1]))

    def _redraw(self, cells: IntArray, change: Callable[[_Content], _Content]) -> None:
        if cells.size == 0:
            return
        old = self._content_of_cell[cells]
        if cells.size <= _FEW_CELLS:
            listed = old.tolist()
            new = {i: self._id_of(change(self._contents[i])) for i in dict.fromkeys(listed)}
            self._content_of_cell[cells] = [new[i] for i in listed]
            return
        distinct, where = np.unique(old, return_inverse=True)
        ids = [self._id_of(change(self._contents[i])) for i in distinct.tolist()]
        self._content_of_cell[cells] = np.array(ids)[where]

    def _id_of(self, content: _Content) -> int:
        found = self._content_ids.get(content)
        if found is not None:
            return found
        number = len(self._contents)
        self._contents.append(content)
        self._content_ids[content] = number
        slots = content[0] + content[1]
        if number == self._begin.size:
            self._begin = _doubled(self._begin)
            self._full_count, self._test_count = map(_doubled, (self._full_count, self._test_count))
        while self._used + len(slots) > self._flat.size:
            self._flat = _doubled(self._flat)
        self._begin[number] = self._used
        self._full_count[number], self._test_count[number] = len(content[0]), len(content[1])
        self._flat[self._used : self._used + len(slots)] = slots
        self._used += len(slots)
        return number

    def _spread(self, begin: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
        """Return (index, slot) for `count` slots of `_flat` from `begin` on, for each index."""
        index = np.repeat(np.arange(count.size), count)
        before = np.cumsum(count) - count
        return index, self._flat[(begin - before)[index] + np.arange(index.size)]

    def _narrow(self, border: IntArray) -> None:
        """Lower the clearances around a new border."""
        row, column = np.divmod(border, self.grid.columns)
        bottom, top = max(row.min() - _REACH, 0), row.max() + _REACH + 1
        left, right = max(column.min() - _REACH, 0), column.max() + _REACH + 1
        clearance = self._clearance.reshape(self.grid.rows, -1)[bottom:top, left:right]
        touched = np.zeros(clearance.shape, dtype=np.bool_)
        touched[row - bottom, column - left] = True
        np.minimum(clearance, self._clearances(touched), out=clearance)

    def _clearances(self, touched: npt.NDArray[np.bool_]) -> FloatArray:
        # Between cells that are c apart (as a chess king walks) lie c - 1 whole ones.
        if not touched.any():
            return np.full(touched.shape, (_REACH - 1) * self.grid.cell_m)
        apart = ndimage.distance_transform_cdt(~touched, metric="chessboard")
        clearance: FloatArray = np.clip(apart - 1, 0, _REACH - 1) * self.grid.cell_m
        return clearance


def _merged(
    point: IntArray, slot: IntArray, more_point: IntArray, more_slot: IntArray, slots: int
) -> tuple[IntArray, IntArray]:
    if more_point.size == 0:
        return point, slot
    key = np.concatenate([point * slots + slot, more_point * slots + more_slot])
    key.sort()
    return np.divmod(key, slots)


def _with(slots: tuple[int, ...], slot: int) -> tuple[int, ...]:
    return tuple(sorted((*slots, slot)))


def _without(content: _Content, slot: int) -> _Content:
    full, tested = content
    return tuple(s for s in full if s != slot), tuple(s for s in tested if s != slot)


def _doubled(array: IntArray) -> IntArray:
    return np.concatenate([array, np.zeros_like(array)])
