"""A grid over many straight segments, to find those near points without a tree.

For the few hundred metres and points of a dispatch question, looking cells up in arrays beats a
spatial tree, whose cost is in making a geometry of each point.
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
_CHUNK = 65_536  # segments at once, to bound the memory while a grid is made


class SegmentGrid:
    """Segments by the square cells that they run through.

    Parameters
    ----------
    a, b
        Ends of the segments in metres, shape (s, 2), s at least 1.
    """

    def __init__(self, a: FloatArray, b: FloatArray) -> None:
        low = np.minimum(a.min(axis=0), b.min(axis=0))
        high = np.maximum(a.max(axis=0), b.max(axis=0))
        extent = high - low
        # The cell grows with the map, so that a country does not need more memory than a city.
        self._cell = max(_CELL_M, math.sqrt(float(extent.prod()) / _MOST_CELLS))
        self._cell = max(self._cell, float(extent.max()) / _MOST_CELLS)
        self._low = low
        self._columns, self._rows = (int(n) for n in extent // self._cell + 1)
        cell, segment = self._passed(a, b)
        self._segment = segment
        held = np.bincount(cell, minlength=self._columns * self._rows)
        self._start = np.concatenate([[0], np.cumsum(held)]).astype(np.int32)

    def near(self, xy: FloatArray, reach_m: float | FloatArray) -> tuple[IntArray, IndexArray]:
        """Segments that may lie within a distance of points.

        Parameters
        ----------
        xy
            Points in metres, shape (n, 2).
        reach_m
            All segments within this distance are found, and others that share a cell with them.

        Returns
        -------
        point, segment
            Pairs of indices, ordered by point; a pair may occur more than once.
        """
        reach = np.broadcast_to(np.asarray(reach_m, dtype=np.float64), len(xy))[:, None]
        first = np.floor((xy - reach - self._low) / self._cell).astype(np.int64)
        last = np.floor((xy + reach - self._low) / self._cell).astype(np.int64)
        outside = (last < 0) | (first >= (self._columns, self._rows))
        np.clip(first, 0, (self._columns - 1, self._rows - 1), out=first)
        np.clip(last, 0, (self._columns - 1, self._rows - 1), out=last)
        rows = np.where(outside.any(axis=1), 0, last[:, 1] - first[:, 1] + 1)
        point = np.repeat(np.arange(len(xy)), rows)
        row = first[point, 1] + _counted(rows)
        start = self._start[row * self._columns + first[point, 0]].astype(np.int64)
        end = self._start[row * self._columns + last[point, 0] + 1].astype(np.int64)
        found = end - start
        return np.repeat(point, found), self._segment[np.repeat(start, found) + _counted(found)]

    def _passed(self, a: FloatArray, b: FloatArray) -> tuple[IntArray, IndexArray]:
        """Cells that segments run through, and perhaps some beside them, ordered by cell."""
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
        return np.unique((y * self._columns + x) * count + of + start)

    def _cell_of(self, xy: FloatArray) -> IntArray:
        cell = ((xy - self._low) // self._cell).astype(np.int64)
        clipped: IntArray = np.clip(cell, 0, (self._columns - 1, self._rows - 1))
        return clipped


def _counted(counts: IntArray) -> IntArray:
    """0, 1, 2… for each of the counts, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    numbers: IntArray = np.arange(total) - np.repeat(ends - counts, counts)
    return numbers
