"""Whether a fix is nearer to a fence's border than its accuracy."""

import numpy as np
import shapely

from geo.crs import FloatArray
from geo.fences.cells import FenceCells
from geo.fences.grid import METRES_PER_DEGREE, BoolArray, IntArray, ObjectArray

__all__ = ["Borders"]


class Borders:
    """The borders of the fences of a `FenceCells`, on planes of metres.

    Each fence has its own plane: degrees of latitude and longitude at the centre of its bounding
    box, in metres on the mean sphere. Within a few kilometres of a city's fence the error is below
    0.5 %, far less than the error of a receiver's own accuracy estimate.
    """

    def __init__(self, cells: FenceCells) -> None:
        self._cells = cells
        self._borders: ObjectArray = np.empty(0, dtype=object)  # built at the first query
        self._metres_per_lon = np.empty(0)
        self._tree: shapely.STRtree | None = None

    def forget(self, slot: int) -> None:
        """Note that the slot's polygon has changed or is gone."""
        if slot < self._borders.size:
            self._borders[slot] = None
        self._tree = None

    def straddling(
        self, lon: FloatArray, lat: FloatArray, margin_m: FloatArray
    ) -> tuple[IntArray, IntArray]:
        """Return all (point, slot) in which the border is no farther away than the margin.

        Parameters
        ----------
        lon, lat, margin_m
            Shape (n,); a margin of 0 straddles nothing.
        """
        x, y = margin_m / self._cells.grid.metres_per_lon, margin_m / METRES_PER_DEGREE
        around = shapely.box(lon - x, lat - y, lon + x, lat + y)
        point, slot = self._query(around)
        near = self.straddles(slot, lon[point], lat[point], margin_m[point])
        return point[near], slot[near]

    def straddles(
        self, slot: IntArray, lon: FloatArray, lat: FloatArray, margin_m: FloatArray
    ) -> BoolArray:
        """Return for each point whether the slot's border is no farther away than the margin."""
        if slot.size == 0:
            return np.empty(0, dtype=np.bool_)
        self._make(slot)
        points = shapely.points(lon * self._metres_per_lon[slot], lat * METRES_PER_DEGREE)
        near: BoolArray = shapely.dwithin(self._borders[slot], points, margin_m)
        return near & (margin_m > 0.0)

    def crossed(
        self, lon_a: FloatArray, lat_a: FloatArray, lon_b: FloatArray, lat_b: FloatArray
    ) -> tuple[ObjectArray, IntArray, IntArray]:
        """Return the segments a to b, and all (segment, slot) whose bounding boxes meet."""
        ends = np.empty((lon_a.size, 2, 2))
        ends[:, 0, 0], ends[:, 0, 1] = lon_a, lat_a
        ends[:, 1, 0], ends[:, 1, 1] = lon_b, lat_b
        segments = shapely.linestrings(ends)
        return segments, *self._query(segments)

    def _query(self, geometries: ObjectArray) -> tuple[IntArray, IntArray]:
        if self._tree is None:
            self._tree = shapely.STRtree(self._cells.polygons)
        index, slot = self._tree.query(geometries)
        return index, slot

    def _make(self, slots: IntArray) -> None:
        lacking = len(self._cells.polygons) - self._borders.size
        if lacking:
            self._borders = np.append(self._borders, np.full(lacking, None))
            self._metres_per_lon = np.append(self._metres_per_lon, np.zeros(lacking))
        new = np.unique(slots[shapely.is_missing(self._borders[slots])])
        if new.size == 0:
            return
        boxes = self._cells.boxes[new]
        middle = np.radians((boxes[:, 1] + boxes[:, 3]) / 2.0)
        self._metres_per_lon[new] = METRES_PER_DEGREE * np.cos(middle)
        borders = shapely.boundary(self._cells.polygons[new])
        xy, of = shapely.get_coordinates(borders, return_index=True)
        xy *= np.column_stack([self._metres_per_lon[new][of], np.full(of.size, METRES_PER_DEGREE)])
        shapely.set_coordinates(borders, xy)
        shapely.prepare(borders)
        self._borders[new] = borders
