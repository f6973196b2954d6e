"""A grid over many straight segments, to find those near points without a tree.

For the few hundred metres and points of a dispatch query, looking up cells in arrays is faster than
a spatial tree, which has to make a geometry for each point.
"""

import math

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray

__all__ = ["SegmentGrid"]

IndexArray = npt.NDArray[np.int32]
IntArray = npt.NDArray[np.int64]

_CELL_M = 32.0
_MOST_CELLS = 4_000_000
_CHUNK = 65_536  # segments at once, to limit memory while building a grid


class SegmentGrid:
    """Segments by the square cells that they cross.

    Parameters
    ----------
    a, b
        Ends of the segments in metres, shape (s, 2), s at least 1.
    """

    def __init__(self, a: FloatArray, b: FloatArray) -> None:
        low = np.minimum(a.min(axis=0), b.min(axis=0))
        high = np.maximum(a.max(axis=0), b.max(axis=0))
        extent = high - low
        # The cell size grows with the map, so a country needs no more memory than a city.
        self._cell = max(_CELL_M, math.sqrt(float(extent.prod()) / _MOST_CELLS))
        self._cell = max(self._cell, float(extent.max()) / _MOST_CELLS)
        self._low = low
        self._columns, self._rows = (int(n) for n in extent // self._cell + 1)
        self._last = np.array([self._columns - 1, self._rows - 1])
        cell, segment = self._passed(a, b)
        self._segment = segment
        held = np.bincount(cell, minlength=self._columns * self._rows)
        self._start = np.concatenate([[0], np.cumsum(held)]).astype(np.int32)

    def near(self, xy: FloatArray, reach_m: float | FloatArray) -> tuple[IntArray, IndexArray]:
        """Find segments that may lie within a distance of points.

        Parameters
        ----------
        xy
            Points in metres, shape (n, 2).
        reach_m
            All segments within this distance are found, and others in the same cells.

        Returns
        -------
        point, segment
            Pairs of indices, ordered by point; a pair may occur more than once.
        """
        reach = np.reshape(reach_m, (-1, 1))
        bad = ~np.isfinite(xy)
        nowhere = bad[:, 0] | bad[:, 1]  # too far away for the map's projection
        xy = np.where(nowhere[:, None], self._low, xy)
        first = np.floor((xy - reach - self._low) / self._cell).astype(np.int64)
        last = np.floor((xy + reach - self._low) / self._cell).astype(np.int64)
        outside = (last < 0) | (first > self._last)
        for cell in (first, last):
            np.maximum(cell, 0, out=cell)
            np.minimum(cell, self._last, out=cell)
        rows = np.where(nowhere | outside.any(axis=1), 0, last[:, 1] - first[:, 1] + 1)
        point = np.repeat(np.arange(len(xy)), rows)
        row = first[point, 1] + _counted(rows)
        start = self._start[row * self._columns + first[point, 0]].astype(np.int64)
        end = self._start[row * self._columns + last[point, 0] + 1].astype(np.int64)
        found = end - start
        return np.repeat(point, found), self._segment[np.repeat(start, found) + _counted(found)]

    def near_one(self, x: float, y: float, reach_m: float) -> IndexArray:
        """Find segments that may lie within a distance of one point, like `near`."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return self._segment[:0]
        left, right = self._span(x, reach_m, 0)
        bottom, top = self._span(y, reach_m, 1)
        if min(right, top) < 0 or left > self._columns - 1 or bottom > self._rows - 1:
            return self._segment[:0]
        left, right = max(left, 0), min(right, self._columns - 1)
        rows = range(max(bottom, 0), min(top, self._rows - 1) + 1)
        bounds = [(row * self._columns + left, row * self._columns + right + 1) for row in rows]
        parts = [self._segment[self._start[low] : self._start[high]] for low, high in bounds]
        return np.concatenate(parts)

    def _span(self, at: float, reach_m: float, axis: int) -> tuple[int, int]:
        low = float(self._low[axis])
        first, last = (at - reach_m - low) / self._cell, (at + reach_m - low) / self._cell
        return math.floor(first), math.floor(last)

    def _passed(self, a: FloatArray, b: FloatArray) -> tuple[IntArray, IndexArray]:
        """Return the cells that segments cross, and perhaps some beside them, ordered by cell."""
        keys = [
            self._keys(a[start : start + _CHUNK], b[start : start + _CHUNK], start, len(a))
            for start in range(0, len(a), _CHUNK)
        ]
        key = np.concatenate(keys)
        key.sort()
        return key // len(a), (key % len(a)).astype(np.int32)

    def _keys(self, a: FloatArray, b: FloatArray, start: int, count: int) -> IntArray:
        """Cell times count plus segment, for each cell that a segment runs through."""
        pieces = np.maximum(np.ceil(np.abs(b - a).max(axis=1) / self._cell), 1.0).astype(np.int64)
        segment = np.repeat(np.arange(len(a)), pieces)
        step = _counted(pieces)[:, None]
        share = pieces[segment][:, None]
        move = (b - a)[segment]
        # A piece is no longer than a cell, so its ends lie in the same or in adjacent cells.
        one = self._cell_of(a[segment] + move * (step / share))
        other = self._cell_of(a[segment] + move * ((step + 1) / share))
        aside = np.flatnonzero((one != other).any(axis=1))
        across = np.flatnonzero((one != other).all(axis=1))
        x = np.concatenate([one[:, 0], other[aside, 0], one[across, 0], other[across, 0]])
        y = np.concatenate([one[:, 1], other[aside, 1], other[across, 1], one[across, 1]])
        of = np.concatenate([segment, segment[aside], segment[across], segment[across]])
        return _distinct((y * self._columns + x) * count + of + start)

    def _cell_of(self, xy: FloatArray) -> IntArray:
        cell = ((xy - self._low) // self._cell).astype(np.int64)
        clipped: IntArray = np.clip(cell, 0, self._last)
        return clipped


def _distinct(keys: IntArray) -> IntArray:
    """Return sorted unique values; several times faster than `numpy.unique` for integers."""
    keys.sort()
    new = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return keys[new]


def _counted(counts: IntArray) -> IntArray:
    """0, 1, 2… for each of the counts, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    numbers: IntArray = np.arange(total) - np.repeat(ends - counts, counts)
    return numbers
