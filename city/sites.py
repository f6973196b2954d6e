"""Spots beside streets for generated places and sensors."""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from city.areas import spread, to_metres
from geo.crs import haversine_m, utm_for
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapped, Snapper
from schemas.records import Point

_MAIN = frozenset(("trunk", "primary", "secondary", "tertiary"))
_EXPRESSWAY = frozenset(("motorway", "motorway_link", "trunk_link"))
# No spot is farther from its street than this, so a vehicle at the kerb has reached it.
_NEAR_M = 40.0
# Shorter arcs have no spots; they belong to crossings.
_SHORTEST_M = 25.0


class Sites:
    """The streets of a city as places to build at.

    Only public streets of the largest strongly connected part are used, and no expressways, so
    that vehicles can go anywhere and back.
    """

    def __init__(self, streets: StreetGraph) -> None:
        self.streets = streets
        self._snapper = Snapper(streets)
        self._metric = utm_for(float(streets.nodes.lon.mean()), float(streets.nodes.lat.mean()))
        edges = sorted(streets.graph.edges(keys=True, data=True), key=lambda e: e[:3])
        self._data: list[dict[str, Any]] = [data for _, _, _, data in edges]
        arcs, largest = streets.arcs, streets.nodes.in_largest
        kinds = [_highway(data) for data in self._data]
        fit = largest[arcs.tail] & largest[arcs.head] & ~arcs.emergency_only & ~arcs.carried
        fit &= np.array([kind not in _EXPRESSWAY for kind in kinds])
        self._fit = fit
        once = fit & ((arcs.twin < 0) | (arcs.twin > np.arange(len(arcs))))
        named = np.array([bool(name) for name in arcs.name])
        usable = once & (arcs.length_m >= _SHORTEST_M)
        if not (usable & named).any():
            named[:] = True
        if not usable.any():
            usable = once
        main = np.array([kind in _MAIN for kind in kinds])
        everything = np.flatnonzero(usable & named)
        self.classes = {
            "main": np.flatnonzero(usable & named & main),
            "quiet": np.flatnonzero(usable & named & ~main),
        }
        for name, found in self.classes.items():
            if found.size == 0:  # a map of alleys has no main street: use any street
                self.classes[name] = everything
        middles = shapely.line_interpolate_point(arcs.line, 0.5, normalized=True)
        self._middle = np.column_stack(
            self._metric.forward(shapely.get_x(middles), shapely.get_y(middles))
        )

    def evenly(self, area: BaseGeometry, count: int, rng: Random) -> list[int]:
        """Choose main streets spread evenly over an area (WGS-84), from north to south."""
        arcs = self.classes["main"]
        centres = np.array(spread(to_metres(area, self._metric), count, rng))
        gap = self._middle[arcs][None, :, :] - centres[:, None, :]
        return [int(arcs[i]) for i in (gap**2).sum(axis=2).argmin(axis=1)]

    def metres_between(self, a: Point, b: Point) -> float:
        """Return the straight distance between two points in metres."""
        return haversine_m(a.lon, a.lat, b.lon, b.lat)

    def any(self, street_class: str, rng: Random) -> int:
        """Choose a random arc of a class; long arcs are as likely as short ones."""
        arcs = self.classes[street_class]
        return int(arcs[rng.randrange(len(arcs))])

    def name(self, arc: int, *, local: bool) -> str:
        """Return the name of an arc's street, local or (if there is one) English."""
        english = self._data[arc].get("name:en")
        if not local and isinstance(english, str):
            return english
        return self.streets.arcs.name[arc]

    def beside(self, arc: int, fraction: float, metres: float) -> Point:
        """Return a point at some metres to the right of an arc (to the left if negative)."""
        line = self.streets.arcs.line[arc]
        xy = np.column_stack(self._metric.forward(*shapely.get_coordinates(line).T))
        flat = shapely.linestrings(xy)
        at = flat.interpolate(fraction, normalized=True)
        step = 1.0 if fraction < 0.5 else -1.0  # noqa: PLR2004 - look along it, not past its end
        other = flat.interpolate(flat.project(at) + step)
        dx, dy = (other.x - at.x) * step, (other.y - at.y) * step
        norm = max((dx * dx + dy * dy) ** 0.5, 1e-9)
        return self._point(at.x + dy / norm * metres, at.y - dx / norm * metres)

    def kerb(self, point: Point) -> Point | None:
        """Return the nearest point of a street for a vehicle; None if no street is near."""
        snapped = self._snap(point)
        if snapped is None:
            return None
        return Point(lon=round(snapped.street_lon, 6), lat=round(snapped.street_lat, 6))

    def near_street(self, point: Point, rng: Random, jitter_m: float = 8.0) -> Point | None:
        """Return a spot on the same premises near its street, moved a little at random.

        The centre of a large park is far from any street, so its sensors are put at its edge.
        """
        snapped = self._snap(point)
        if snapped is None:
            return None
        x, y = self._metric.forward(point.lon, point.lat)
        if snapped.distance_m > _NEAR_M:
            sx, sy = self._metric.forward(snapped.street_lon, snapped.street_lat)
            share = _NEAR_M / snapped.distance_m
            x, y = sx + (x - sx) * share, sy + (y - sy) * share
        return self._point(
            x + rng.uniform(-jitter_m, jitter_m), y + rng.uniform(-jitter_m, jitter_m)
        )

    def _snap(self, point: Point) -> Snapped | None:
        found: Sequence[Snapped | None] = self._snapper.snap_many(
            [point.lon], [point.lat], open_arcs=self._fit
        )
        return found[0]

    def _point(self, x: float, y: float) -> Point:
        lon, lat = self._metric.inverse(x, y)
        return Point(lon=round(float(lon), 6), lat=round(float(lat), 6))


def _highway(data: dict[str, Any]) -> str:
    value = data.get("highway", "")
    return str(value[0] if isinstance(value, list) and value else value)
