"""Snapping: from a point to the nearest street, as arcs with the fraction along them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from geo.crs import FloatArray, check_lonlat, utm_for
from geo.errors import NoStreetNear
from geo.streets import StreetGraph

__all__ = ["MAX_DISTANCE_M", "Place", "Snapped", "Snapper"]

MAX_DISTANCE_M = 300.0
# Streets this much farther than the nearest count as equally near: a point at a crossing lies on
# all streets that meet there, whatever the last bits of the distances say.
_TIE_M = 0.01


class Place(NamedTuple):
    """A place on an arc: its index, and the fraction of its length from tail (0) to head (1)."""

    arc: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Snapped:
    """A point and the street it belongs to.

    `lon`, `lat` are the point, `street_lon`, `street_lat` the nearest point of the street, both
    WGS-84 degrees; `distance_m` lies between them. `places` are in order of arcs: both directions
    of a two-way street, and at a crossing all streets that meet.
    """

    lon: float
    lat: float
    street_lon: float
    street_lat: float
    distance_m: float
    places: tuple[Place, ...]


class Snapper:
    """Finds the nearest streets of points, in metres of the map's UTM zone."""

    def __init__(self, streets: StreetGraph) -> None:
        self._metric = utm_for(float(streets.nodes.lon.mean()), float(streets.nodes.lat.mean()))
        arcs = streets.arcs
        self._twin = arcs.twin
        # A two-way street is searched once, by the first of its arcs.
        self._arc = np.flatnonzero((arcs.twin < 0) | (arcs.twin > np.arange(len(arcs))))
        self._lines = shapely.transform(arcs.line[self._arc], self._project)
        self._tree = shapely.STRtree(self._lines)

    def snap(
        self,
        lon: float,
        lat: float,
        max_distance_m: float = MAX_DISTANCE_M,
        open_arcs: npt.NDArray[np.bool_] | None = None,
    ) -> Snapped:
        """Snap one point; parameters as `snap_many`.

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
        open_arcs: npt.NDArray[np.bool_] | None = None,
    ) -> list[Snapped | None]:
        """Snap points to their nearest streets.

        Parameters
        ----------
        lons, lats
            WGS-84 degrees, shape (n,).
        max_distance_m
            How far a street may be.
        open_arcs
            Only arcs that are true here, shape (arcs,); a street counts if either direction does.

        Returns
        -------
        list of n
            None where no street is near enough.

        Raises
        ------
        BadCoordinates
        """
        check_lonlat(lons, lats)
        lon, lat = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
        if lon.size == 0:
            return []
        points = shapely.points(*self._metric.forward(lon, lat))
        point, line = self._near(points, max_distance_m, open_arcs)
        distance = shapely.distance(points[point], self._lines[line])
        fraction = shapely.line_locate_point(self._lines[line], points[point], normalized=True)
        fraction = np.clip(np.nan_to_num(fraction), 0.0, 1.0)  # a line without length gives NaN
        nearest = shapely.line_interpolate_point(self._lines[line], fraction, normalized=True)
        street_lon, street_lat = self._metric.inverse(
            shapely.get_x(nearest), shapely.get_y(nearest)
        )
        answers: list[Snapped | None] = [None] * lon.size
        first = np.searchsorted(point, np.arange(lon.size + 1))
        for i in np.flatnonzero(first[1:] > first[:-1]).tolist():
            rows = slice(first[i], first[i + 1])
            best = first[i] + int(np.argmin(distance[rows]))
            answers[i] = Snapped(
                lon=float(lon[i]),
                lat=float(lat[i]),
                street_lon=float(street_lon[best]),
                street_lat=float(street_lat[best]),
                distance_m=float(distance[best]),
                places=self._places(line[rows], fraction[rows], open_arcs),
            )
        return answers

    def _near(
        self,
        points: npt.NDArray[np.object_],
        max_distance_m: float,
        open_arcs: npt.NDArray[np.bool_] | None,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Pairs of a point and a line that is nearest to it, ties included, sorted."""
        pair, distance = self._tree.query_nearest(
            points, max_distance=max_distance_m, all_matches=False, return_distance=True
        )
        hit = pair[0]
        ties = self._tree.query(points[hit], predicate="dwithin", distance=distance + _TIE_M)
        point, line = hit[ties[0]], ties[1]
        if open_arcs is not None:
            usable = self._open_lines(open_arcs)
            point, line = point[usable[line]], line[usable[line]]
            missed = np.setdiff1d(hit, point)  # all that is nearest is closed: look farther
            more_point, more_line = self._near_open(points, missed, max_distance_m, usable)
            point = np.concatenate([point, more_point])
            line = np.concatenate([line, more_line])
        order = np.lexsort((line, point))
        return point[order], line[order]

    def _near_open(
        self,
        points: npt.NDArray[np.object_],
        chosen: npt.NDArray[np.int64],
        max_distance_m: float,
        usable: npt.NDArray[np.bool_],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The same among usable lines only, by looking at all lines within reach."""
        if chosen.size == 0:
            return chosen, chosen
        local, line = self._tree.query(points[chosen], predicate="dwithin", distance=max_distance_m)
        local, line = local[usable[line]], line[usable[line]]
        distance = shapely.distance(points[chosen[local]], self._lines[line])
        least = np.full(chosen.size, np.inf)
        np.minimum.at(least, local, distance)
        tied = distance <= least[local] + _TIE_M
        return chosen[local[tied]], line[tied]

    def _open_lines(self, open_arcs: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        twin = self._twin[self._arc]
        return open_arcs[self._arc] | (open_arcs[twin] & (twin >= 0))

    def _places(
        self,
        lines: npt.NDArray[np.int64],
        fractions: FloatArray,
        open_arcs: npt.NDArray[np.bool_] | None,
    ) -> tuple[Place, ...]:
        places = []
        for line, fraction in zip(lines.tolist(), fractions.tolist(), strict=True):
            arc = int(self._arc[line])
            twin = int(self._twin[arc])
            if open_arcs is None or open_arcs[arc]:
                places.append(Place(arc, fraction))
            if twin >= 0 and (open_arcs is None or open_arcs[twin]):
                places.append(Place(twin, 1.0 - fraction))
        return tuple(sorted(places))

    def _project(self, lonlat: FloatArray) -> FloatArray:
        return np.column_stack(self._metric.forward(lonlat[:, 0], lonlat[:, 1]))
