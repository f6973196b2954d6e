"""Many lines as columns of coordinates, in an eighth of the memory of geometry objects."""

from collections.abc import Iterator
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import LineString

from geo.crs import FloatArray, haversine_m

__all__ = ["Lines"]

IntArray = npt.NDArray[np.int64]


class Lines:
    """LineStrings that are created on demand.

    An integer index gives a LineString; a slice, or an array of indices or booleans, gives an
    object array. NumPy and Shapely accept the whole as such an array.

    Parameters
    ----------
    xy
        Coordinates of all lines one after the other, WGS-84 degrees, shape (k, 2).
    first
        Row of `xy` at which each line begins, and k at the end, shape (m + 1,); a line has at
        least two rows.
    """

    __slots__ = ("first", "xy")

    def __init__(self, xy: FloatArray, first: IntArray) -> None:
        self.xy, self.first = xy, first

    @classmethod
    def of(cls, lines: npt.NDArray[np.object_]) -> "Lines":
        """Make lines from LineStrings."""
        xy = shapely.get_coordinates(lines)
        first = np.concatenate([[0], np.cumsum(shapely.get_num_coordinates(lines))])
        return cls(xy, first.astype(np.int64))

    def __len__(self) -> int:
        return len(self.first) - 1

    def __iter__(self) -> Iterator[LineString]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> LineString: ...
    @overload
    def __getitem__(self, index: slice | npt.NDArray[Any]) -> npt.NDArray[np.object_]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"line {index} of {len(self)}")
            i = int(index) % len(self)
            return LineString(self.xy[self.first[i] : self.first[i + 1]])
        chosen = np.arange(len(self))[index]
        if not len(chosen):
            return np.empty(0, dtype=object)
        rows, counts = self.rows(chosen)
        return shapely.linestrings(self.xy[rows], indices=np.repeat(np.arange(len(chosen)), counts))

    def __array__(self, dtype: object = None, copy: bool | None = None) -> npt.NDArray[np.object_]:
        """Return all lines as geometries."""
        return self[:]

    def rows(self, chosen: IntArray) -> tuple[IntArray, IntArray]:
        """Return the coordinate rows of lines, one line after the other, and their counts."""
        counts = self.first[chosen + 1] - self.first[chosen]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        rows = np.arange(counts.sum()) + np.repeat(self.first[chosen] - starts, counts)
        return rows, counts

    def take(self, chosen: IntArray) -> "Lines":
        """Return some of the lines, in the given order."""
        rows, counts = self.rows(chosen)
        return Lines(self.xy[rows], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    def reversed_xy(self) -> FloatArray:
        """Return the coordinates of all lines, each line reversed in its place."""
        counts = np.diff(self.first)
        rows = np.repeat(self.first[:-1] + self.first[1:] - 1, counts) - np.arange(len(self.xy))
        return self.xy[rows]

    def steps_m(self) -> FloatArray:
        """Return great-circle metres from each row to the next of the same line, shape (k,)."""
        xy = self.xy
        steps = np.zeros(len(xy))
        steps[:-1] = haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])
        steps[self.first[1:] - 1] = 0.0  # the step from one line to the next belongs to neither
        return steps

    def lengths_m(self) -> FloatArray:
        """Return great-circle lengths in metres, shape (m,)."""
        if not len(self):
            return np.zeros(0)
        lengths: FloatArray = np.add.reduceat(self.steps_m(), self.first[:-1])
        return lengths

    def along(self, metres: float, *, from_end: bool = False) -> FloatArray:
        """Return the points of the lines at some metres from their start or end, shape (m, 2).

        A shorter line gives its other end.
        """
        at = np.concatenate([[0.0], np.cumsum(self.steps_m())[:-1]])
        begin, end = at[self.first[:-1]], at[self.first[1:] - 1]
        where = np.maximum(end - metres, begin) if from_end else np.minimum(begin + metres, end)
        row = np.searchsorted(at, where, side="left")
        row = np.clip(row, self.first[:-1] + 1, self.first[1:] - 1)
        step = at[row] - at[row - 1]
        share = np.clip((where - at[row - 1]) / np.where(step > 0.0, step, 1.0), 0.0, 1.0)
        points: FloatArray = self.xy[row - 1] + share[:, None] * (self.xy[row] - self.xy[row - 1])
        return points
