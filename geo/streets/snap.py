"""Snapping: from a point to the nearest street, as arcs with the fraction along them.

A GPS fix may have a course and an accuracy. Then the likeliest street is chosen, by Newson and
Krumm's measure of a fix's distance ("Hidden Markov Map Matching Through Noise and Sparseness",
2009: a normal distribution, 4.07 m for a good receiver), times 1/100 for a street that cannot be
driven within 60 degrees of the course (the tolerance is Valhalla's default). So of two parallel
carriageways the one in the right direction is chosen, unless it is farther away by more than three
times the accuracy.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray, check_lonlat, utm_for
from geo.errors import BadCoordinates, NoStreetNear
from geo.streets.graph import StreetGraph
from geo.streets.segment_grid import SegmentGrid
from geo.streets.snapped import Nearby, Place, Snapped, SnappedColumns

__all__ = [
    "HEADING_TOLERANCE",
    "MAX_DISTANCE_M",
    "Nearby",
    "Place",
    "Snapped",
    "SnappedColumns",
    "Snapper",
]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

MAX_DISTANCE_M: Final = 300.0
HEADING_TOLERANCE: Final = 60.0
"""A course and a street's direction agree up to this many degrees."""
# Streets this much farther than the nearest count as equally near: a point at a crossing lies on
# all streets that meet there, whatever the last bits of the distances are.
_TIE_M = 0.01
_GPS_M = 4.07
_COARSEST_M = 1_000.0
_ODDS_AGAINST = math.log(100.0)
_FIRST_REACH_M = 24.0


class _Found(NamedTuple):
    """Pairs of a point and a segment near it, ordered by point."""

    point: IntArray
    segment: IntArray
    share: FloatArray
    """Position of the nearest point on the segment, 0 to 1."""
    distance_m: FloatArray
    agrees: BoolArray
    """Whether the segment can be driven in the point's course; true without a course."""


class Snapper:
    """Finds the nearest streets of points, in metres of the map's UTM zone."""

    def __init__(self, streets: StreetGraph) -> None:
        self._metric = utm_for(float(streets.nodes.lon.mean()), float(streets.nodes.lat.mean()))
        arcs = streets.arcs
        self._twin = arcs.twin
        # A two-way street is searched once, by the first of its arcs. Nothing is on a ferry.
        land = ~arcs.carried if not arcs.carried.all() else arcs.carried
        once = (arcs.twin < 0) | (arcs.twin > np.arange(len(arcs))) | ~land[arcs.twin]
        self._arc = np.flatnonzero(land & once)
        self._xy = arcs.line.xy
        rows, counts = arcs.line.rows(self._arc)
        line = np.repeat(np.arange(len(self._arc)), counts)
        inner = np.flatnonzero(line[1:] == line[:-1])  # a row and the next of the same line
        self._row = rows[inner].astype(np.int32)
        self._line = line[inner].astype(np.int32)
        flat = np.column_stack(self._metric.forward(self._xy[rows, 0], self._xy[rows, 1]))
        move = flat[inner + 1] - flat[inner]
        self._length = np.hypot(move[:, 0], move[:, 1])
        # Start, move and squared length side by side: one memory access per segment.
        square = np.square(self._length)
        self._shape = np.column_stack([flat[inner], move, np.where(square > 0.0, square, 1.0)])
        along = np.cumsum(self._length) - self._length
        first = np.searchsorted(self._line, np.arange(len(self._arc)))
        self._before = along - along[first][self._line]
        self._total = np.bincount(self._line, weights=self._length, minlength=len(self._arc))
        self._grid = SegmentGrid(flat[inner], flat[inner + 1])

    def snap(
        self,
        lon: float,
        lat: float,
        max_distance_m: float = MAX_DISTANCE_M,
        open_arcs: BoolArray | None = None,
    ) -> Snapped:
        """Snap one point; parameters as in `snap_many`.

        Raises
        ------
        NoStreetNear
            No open street lies within `max_distance_m`.
        BadCoordinates
        """
        found = self.snap_many([lon], [lat], max_distance_m, open_arcs)[0]
        if found is None:
            raise NoStreetNear(
                f"no open street within {max_distance_m:.0f} m of {lon:.6f}, {lat:.6f}: check the "
                "position and its reference system, or load a larger map"
            )
        return found

    def snap_many(
        self,
        lons: FloatArray | Sequence[float],
        lats: FloatArray | Sequence[float],
        max_distance_m: float = MAX_DISTANCE_M,
        open_arcs: BoolArray | None = None,
        *,
        headings: FloatArray | Sequence[float] | None = None,
        accuracies_m: FloatArray | Sequence[float] | None = None,
    ) -> list[Snapped | None]:
        """Snap points to their streets.

        Parameters
        ----------
        lons, lats
            WGS-84 degrees, shape (n,).
        max_distance_m
            Greatest distance of a street.
        open_arcs
            Use only arcs that are true here, shape (arcs,); one direction is enough for a street.
        headings
            Courses in degrees clockwise from north, shape (n,); NaN if there is none, as for a
            standing vehicle. A course decides between streets and directions, see above.
        accuracies_m
            Radius of 68 % of each fix, shape (n,); NaN if unknown. Values from 4.07 m to 1 km are
            used: a street may be that much farther away, and a course counts for more.

        Returns
        -------
        list of n
            None if no street is near enough.

        Raises
        ------
        BadCoordinates
            A coordinate, heading or accuracy is invalid, or their shapes differ.
        """
        columns = self.snap_columns(
            lons, lats, max_distance_m, open_arcs, headings=headings, accuracies_m=accuracies_m
        )
        places = list(map(Place, columns.arc.tolist(), columns.fraction.tolist()))
        first = columns.first.tolist()
        return [
            Snapped(lon, lat, street_lon, street_lat, distance, tuple(places[start:end]))
            if end > start
            else None
            for lon, lat, street_lon, street_lat, distance, start, end in zip(
                np.asarray(lons, dtype=np.float64).tolist(),
                np.asarray(lats, dtype=np.float64).tolist(),
                columns.street_lon.tolist(),
                columns.street_lat.tolist(),
                columns.distance_m.tolist(),
                first[:-1],
                first[1:],
                strict=True,
            )
        ]

    def snap_columns(
        self,
        lons: FloatArray | Sequence[float],
        lats: FloatArray | Sequence[float],
        max_distance_m: float = MAX_DISTANCE_M,
        open_arcs: BoolArray | None = None,
        *,
        headings: FloatArray | Sequence[float] | None = None,
        accuracies_m: FloatArray | Sequence[float] | None = None,
    ) -> SnappedColumns:
        """Snap points like `snap_many`, without an object per point."""
        check_lonlat(lons, lats)
        lon, lat = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
        course = None if headings is None else _checked(headings, lon.size, "heading")
        limit_m, sigma_m = np.full(lon.size, max_distance_m), np.full(lon.size, _GPS_M)
        if accuracies_m is not None:
            accuracy = _checked(accuracies_m, lon.size, "accuracy")
            if (accuracy < 0.0).any():
                raise BadCoordinates("an accuracy is negative: give metres, or NaN if unknown")
            accuracy = np.minimum(accuracy, _COARSEST_M)
            limit_m, sigma_m = limit_m + np.nan_to_num(accuracy), np.fmax(accuracy, _GPS_M)
        xy = np.column_stack(self._metric.forward(lon, lat)) if lon.size else np.empty((0, 2))
        found = self._search(xy, limit_m, open_arcs, course, sigma_m)
        return self._columns(found, lon.size, open_arcs, course)

    def places(
        self,
        lon: float,
        lat: float,
        open_arcs: BoolArray | None = None,
        max_distance_m: float = MAX_DISTANCE_M,
    ) -> tuple[list[Place], float]:
        """Snap one point like `snap_many`, but return only its places and the distance in metres.

        Several times faster, because NumPy is slow with few numbers; no places and inf if no street
        is near enough.

        Raises
        ------
        BadCoordinates
        """
        check_lonlat(lon, lat)
        x, y = self._metric.forward(float(lon), float(lat))
        reach = min(max_distance_m, _FIRST_REACH_M)
        while True:
            found = self._around(x, y, reach, open_arcs)
            # By squares, like `_search`, so that results are equal to the last bit.
            squares = [distance * distance for distance, _, _ in found]
            least, sure = min(squares, default=math.inf), max(reach - _TIE_M, 0.0)
            if least <= sure * sure or reach >= max_distance_m:
                break
            reach = min(reach * 4.0, max_distance_m)
        best = [one[0] for one, square in zip(found, squares, strict=True) if square <= least]
        nearest: dict[int, tuple[float, int, float]] = {}
        for one in found:
            if one[0] <= best[-1] + _TIE_M:
                line = int(self._line[one[1]])
                nearest[line] = min(one, nearest.get(line, one))
        return sorted(self._open_places(nearest, open_arcs)), min(best, default=math.inf)

    def _around(
        self, x: float, y: float, reach_m: float, open_arcs: BoolArray | None
    ) -> list[tuple[float, int, float]]:
        """Return distance, index and nearest fraction of the segments within reach of a point."""
        segment = self._grid.near_one(x, y, reach_m)
        shape = self._shape.take(segment, axis=0)
        to_x, to_y = x - shape[:, 0], y - shape[:, 1]
        share = (shape[:, 2] * to_x + shape[:, 3] * to_y) / shape[:, 4]
        np.minimum(np.maximum(share, 0.0, out=share), 1.0, out=share)
        distance = np.hypot(to_x - share * shape[:, 2], to_y - share * shape[:, 3])
        near = distance <= reach_m
        if open_arcs is not None:
            arc = self._arc[self._line[segment]]
            twin = self._twin[arc]
            near &= open_arcs[arc] | (open_arcs[twin] & (twin >= 0))
        columns = distance[near].tolist(), segment[near].tolist(), share[near].tolist()
        return list(zip(*columns, strict=True))

    def _open_places(
        self, nearest: Mapping[int, tuple[float, int, float]], open_arcs: BoolArray | None
    ) -> Iterator[Place]:
        for line, (_, segment, share) in nearest.items():
            total = float(self._total[line]) or 1.0
            along = float(self._before[segment]) + share * float(self._length[segment])
            fraction = min(max(along / total, 0.0), 1.0)
            arc = int(self._arc[line])
            twin = int(self._twin[arc])
            if open_arcs is None or open_arcs[arc]:
                yield Place(arc, fraction)
            if twin >= 0 and (open_arcs is None or open_arcs[twin]):
                yield Place(twin, 1.0 - fraction)

    def near(
        self,
        lons: FloatArray | Sequence[float],
        lats: FloatArray | Sequence[float],
        radius_m: FloatArray,
    ) -> Nearby:
        """Find all streets within a radius of each point, shape (n,), not only the nearest.

        Raises
        ------
        BadCoordinates
        """
        check_lonlat(lons, lats)
        lon, lat = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
        xy = np.column_stack(self._metric.forward(lon, lat)) if lon.size else np.empty((0, 2))
        every = np.arange(lon.size)
        found, fraction = self._on_lines(self._candidates(xy, every, radius_m, None, None))
        move = self._shape[found.segment]
        bearing = np.degrees(np.arctan2(move[:, 2], move[:, 3])) % 360.0
        arc = self._arc[self._line[found.segment]]
        return Nearby(found.point, arc, fraction, found.distance_m, bearing)

    def _search(
        self,
        xy: FloatArray,
        limit_m: FloatArray,
        open_arcs: BoolArray | None,
        course: FloatArray | None,
        sigma_m: FloatArray,
    ) -> _Found:
        """Find the likeliest segments; search farther and farther out if none is near."""
        parts = []
        waiting = np.arange(len(xy))
        reach = np.minimum(limit_m, _FIRST_REACH_M)
        while waiting.size:
            found = self._candidates(xy, waiting, reach, open_arcs, course)
            costs = np.square(found.distance_m)
            if course is not None:
                against = 2.0 * _ODDS_AGAINST * sigma_m[found.point] ** 2
                costs += np.where(found.agrees, 0.0, against)
            least = np.full(len(xy), np.inf)
            np.minimum.at(least, found.point, costs)
            # Segments not searched yet are farther than the reach, whatever their direction.
            sure = (least[waiting] <= np.maximum(reach - _TIE_M, 0.0) ** 2) | (
                reach >= limit_m[waiting]
            )
            if sure.all():
                parts.append(_ties(found, costs, least))
                break
            done = np.zeros(len(xy), dtype=np.bool_)
            done[waiting[sure]] = True
            parts.append(_ties(_some(found, done[found.point]), costs[done[found.point]], least))
            waiting, reach = waiting[~sure], np.minimum(reach[~sure] * 4.0, limit_m[waiting[~sure]])
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _candidates(
        self,
        xy: FloatArray,
        waiting: IntArray,
        reach: FloatArray,
        open_arcs: BoolArray | None,
        course: FloatArray | None,
    ) -> _Found:
        """Return segments within reach of the waiting points."""
        local, segment = self._grid.near(xy[waiting], reach)
        point = waiting[local]
        if open_arcs is not None:
            arc = self._arc[self._line[segment]]
            twin = self._twin[arc]
            usable = open_arcs[arc] | (open_arcs[twin] & (twin >= 0))
            local, segment, point = local[usable], segment[usable], point[usable]
        shape = self._shape.take(segment, axis=0)
        to_x, to_y = xy[:, 0].take(point) - shape[:, 0], xy[:, 1].take(point) - shape[:, 1]
        share = (shape[:, 2] * to_x + shape[:, 3] * to_y) / shape[:, 4]
        np.minimum(np.maximum(share, 0.0, out=share), 1.0, out=share)
        distance = np.hypot(to_x - share * shape[:, 2], to_y - share * shape[:, 3])
        near = distance <= reach.take(local)  # farther segments are searched at the next reach
        found = _Found(
            point[near], segment[near].astype(np.int64), share[near], distance[near], near[near]
        )
        if course is None:
            return found
        forwards, backwards = self._directions(found.segment, course[found.point], open_arcs)
        return found._replace(agrees=forwards | backwards | np.isnan(course[found.point]))

    def _directions(
        self, segment: IntArray, course: FloatArray, open_arcs: BoolArray | None
    ) -> tuple[BoolArray, BoolArray]:
        """Return whether a segment may be driven forwards, and backwards, in a course."""
        arc = self._arc[self._line[segment]]
        twin = self._twin[arc]
        forwards = np.ones(len(arc), dtype=np.bool_) if open_arcs is None else open_arcs[arc]
        backwards = twin >= 0
        if open_arcs is not None:
            backwards = backwards & open_arcs[twin]
        move, turn = self._shape[segment], np.radians(course)
        straight = move[:, 2] * np.sin(turn) + move[:, 3] * np.cos(turn)
        needed = self._length[segment] * math.cos(math.radians(HEADING_TOLERANCE))
        return forwards & (straight >= needed), backwards & (-straight >= needed)

    def _columns(
        self, found: _Found, count: int, open_arcs: BoolArray | None, course: FloatArray | None
    ) -> SnappedColumns:
        """Turn segments into places on arcs."""
        found, fraction = self._on_lines(found)
        point, segment = found.point, found.segment
        arc = self._arc[self._line[segment]]
        twin = self._twin[arc]
        forwards = np.ones(len(arc), dtype=np.bool_) if open_arcs is None else open_arcs[arc]
        backwards = twin >= 0
        if open_arcs is not None:
            backwards = backwards & open_arcs[twin]
        if course is not None:
            ahead, back = self._directions(segment, course[point], open_arcs)
            chosen = (ahead | back) & ~np.isnan(course[point])
            forwards, backwards = (
                np.where(chosen, ahead, forwards),
                np.where(chosen, back, backwards),
            )
        place_point = np.concatenate([point[forwards], point[backwards]])
        place_arc = np.concatenate([arc[forwards], twin[backwards]])
        place_fraction = np.concatenate([fraction[forwards], 1.0 - fraction[backwards]])
        order = np.lexsort((place_arc, place_point))
        street, distance = self._nearest(found, count)
        return SnappedColumns(
            street_lon=street[:, 0],
            street_lat=street[:, 1],
            distance_m=distance,
            first=np.searchsorted(place_point[order], np.arange(count + 1)),
            arc=place_arc[order],
            fraction=place_fraction[order],
        )

    def _on_lines(self, found: _Found) -> tuple[_Found, FloatArray]:
        """Return the nearest segment of each line, and the fraction of the line's length there."""
        line = self._line[found.segment]
        # If segments of a line are equally near, one of them decides.
        order = np.lexsort((found.segment, found.distance_m, line, found.point))
        kept = np.ones(len(order), dtype=np.bool_)
        kept[1:] = (np.diff(found.point[order]) != 0) | (np.diff(line[order]) != 0)
        found = _some(found, order[kept])
        line = self._line[found.segment]
        total = self._total[line]
        along = self._before[found.segment] + found.share * self._length[found.segment]
        return found, np.clip(along / np.where(total > 0.0, total, 1.0), 0.0, 1.0)

    def _nearest(self, found: _Found, count: int) -> tuple[FloatArray, FloatArray]:
        """Return the nearest point of a street for each point, in degrees, and its distance."""
        street, distance = np.full((count, 2), np.nan), np.full(count, np.inf)
        order = np.lexsort((found.distance_m, found.point))
        best = order[np.concatenate([[True], np.diff(found.point[order]) != 0])[: len(order)]]
        row = self._row[found.segment[best]]
        a, b = self._xy[row], self._xy[row + 1]
        street[found.point[best]] = a + found.share[best][:, None] * (b - a)
        distance[found.point[best]] = found.distance_m[best]
        return street, distance


def _ties(found: _Found, costs: FloatArray, least: FloatArray) -> _Found:
    """Keep the likeliest segment of each point, and equally near ones that also agree."""
    best = costs <= least[found.point]
    nearest = np.full(len(least), -np.inf)
    agrees = np.zeros(len(least), dtype=np.bool_)
    nearest[found.point[best]] = found.distance_m[best]
    agrees[found.point[best]] = found.agrees[best]
    tied = found.distance_m <= nearest[found.point] + _TIE_M
    return _some(found, tied & (found.agrees == agrees[found.point]))


def _some(found: _Found, chosen: BoolArray | IntArray) -> _Found:
    return _Found(
        found.point[chosen],
        found.segment[chosen],
        found.share[chosen],
        found.distance_m[chosen],
        found.agrees[chosen],
    )


def _joined(parts: Sequence[_Found]) -> _Found:
    """Concatenate the results of several reaches, ordered by point."""
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return _Found(nothing, nothing, np.empty(0), np.empty(0), np.empty(0, dtype=np.bool_))
    together = _Found(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return _some(together, np.argsort(together.point, kind="stable"))


def _checked(values: FloatArray | Sequence[float], count: int, what: str) -> FloatArray:
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (count,) or np.isinf(column).any():
        raise BadCoordinates(
            f"{what}s have shape {column.shape} for {count} points, or one is infinite: give one "
            "per point, NaN if unknown"
        )
    return column
