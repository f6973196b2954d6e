"""The city as people and sensors know it: street names, nearby places, sites of events.

Everything comes from the city's own data, except house numbers, floors and the compounds of
``words``, which are invented.
"""

import itertools
import math
from collections import Counter, defaultdict
from random import Random

import msgspec
import numpy as np
import shapely

from atlas.city import CityData, Place, Sensor
from geo.crs import haversine_m

__all__ = ["Setting", "Site", "Spot", "offset", "scattered"]

_METRES_PER_DEGREE = 111_195.0
_MARGIN_M = 60.0
"""How far inside the district a site is, so that a report's error does not leave the city."""
_NEAR_M = 250.0
_ONE_CROSSING_M = 60.0
_TRIES = 60


Spot = tuple[float, float]
"""(lon, lat) in WGS-84 degrees."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The place of an event, with the names that people there use.

    Attributes
    ----------
    lon, lat
        WGS-84 degrees.
    street
        Name of its street, "" if the street has none.
    crossing
        Another street that meets it there.
    crossing_m, near_m
        Metres to that crossing, and to the place ``near``.
    near, near_en
        Both names of the nearest named place.
    """

    lon: float
    lat: float
    street: str = ""
    crossing: str = ""
    crossing_m: float = math.inf
    near: str = ""
    near_en: str = ""
    near_m: float = math.inf

    @property
    def spot(self) -> Spot:
        """Return its coordinates."""
        return self.lon, self.lat


def offset(lon: float, lat: float, east_m: float, north_m: float) -> tuple[float, float]:
    """Return the point some metres away (flat earth: within 1 % over some kilometres)."""
    return (
        lon + east_m / (_METRES_PER_DEGREE * math.cos(math.radians(lat))),
        lat + north_m / _METRES_PER_DEGREE,
    )


class Setting:
    """A city, indexed for the simulated world. Pure: randomness comes in as ``Random``."""

    def __init__(self, city: CityData) -> None:
        self.city = city
        arcs = city.streets.arcs
        usable = ~arcs.emergency_only & ~arcs.carried
        usable &= city.streets.nodes.in_largest[arcs.tail]
        usable &= city.streets.nodes.in_largest[arcs.head]
        self._arcs = np.flatnonzero(usable)
        self._arc_ends = np.cumsum(arcs.length_m[self._arcs])
        named = Counter(place.name for place in city.places)
        self._places = [place for place in city.places if named[place.name] == 1]
        self._place_lon = np.array([place.point.lon for place in self._places])
        self._place_lat = np.array([place.point.lat for place in self._places])
        self.sensors: dict[str, list[Sensor]] = defaultdict(list)
        for sensor in city.sensors:
            self.sensors[sensor.observed_property].append(sensor)
        self._sensor_at = {
            name: (
                np.array([sensor.point.lon for sensor in sensors]),
                np.array([sensor.point.lat for sensor in sensors]),
            )
            for name, sensors in self.sensors.items()
        }
        districts = [fence.geometry for fence in city.fences if fence.kind == "district"]
        self._district = shapely.union_all(districts) if districts else None
        if self._district is not None:
            shapely.prepare(self._district)
        self._names_at: dict[int, list[str]] = defaultdict(list)
        for index in self._arcs.tolist():
            name = arcs.name[index]
            for node in (int(arcs.tail[index]), int(arcs.head[index])):
                if name and name not in self._names_at[node]:
                    self._names_at[node].append(name)
        self._crossings: dict[tuple[str, str], list[int]] = defaultdict(list)
        for node, names in sorted(self._names_at.items()):
            for pair in itertools.permutations(names, 2):
                self._crossings[pair].append(node)

    def sensors_within(self, prop: str, lon: float, lat: float, radius_m: float) -> list[Sensor]:
        """Return the sensors of a property within a radius, nearest first."""
        if prop not in self._sensor_at:
            return []
        lons, lats = self._sensor_at[prop]
        distances = haversine_m(lons, lats, lon, lat)
        order = np.argsort(distances, kind="stable")
        return [self.sensors[prop][i] for i in order.tolist() if distances[i] <= radius_m]

    def on_a_street(self, rng: Random) -> Spot:
        """Return a random spot on a street, every metre equally likely."""
        for _ in range(_TRIES):
            metres = rng.random() * float(self._arc_ends[-1])
            index = int(self._arcs[np.searchsorted(self._arc_ends, metres)])
            line = self.city.streets.arc_line(index)
            point = line.interpolate(rng.random(), normalized=True)
            lon, lat = offset(point.x, point.y, rng.uniform(-4, 4), rng.uniform(-4, 4))
            if self.inside(lon, lat):
                break
        return lon, lat

    def by_a_place(self, rng: Random, kinds: tuple[str, ...]) -> Spot | None:
        """Return a spot at one of the places of these kinds; None if there is none."""
        venues = [place for place in self._places if place.kind in kinds]
        return self._by(rng, [(p.point.lon, p.point.lat) for p in venues], 30.0)

    def by_a_sensor(self, rng: Random, prop: str, radius_m: float) -> Spot | None:
        """Return a spot within a radius of one of a property's sensors; None without one."""
        spots = [(s.point.lon, s.point.lat) for s in self.sensors.get(prop, [])]
        return self._by(rng, spots, radius_m)

    def _by(self, rng: Random, spots: list[Spot], radius_m: float) -> Spot | None:
        for _ in range(_TRIES if spots else 0):
            lon, lat = scattered(rng, *spots[rng.randrange(len(spots))], 0.0, radius_m)
            if self.inside(lon, lat):
                return lon, lat
        return None

    def inside(self, lon: float, lat: float) -> bool:
        """Whether a point is well inside the district (true if there is none)."""
        if self._district is None:
            return True
        around = [
            offset(lon, lat, east, north)
            for east, north in (
                (0, 0),
                (_MARGIN_M, 0),
                (-_MARGIN_M, 0),
                (0, _MARGIN_M),
                (0, -_MARGIN_M),
            )
        ]
        return bool(shapely.intersects_xy(self._district, np.array(around)).all())

    def at(self, lon: float, lat: float) -> Site:
        """Return the site at a point with its names: street, crossing, place."""
        street = crossing = near = near_en = ""
        crossing_m = near_m = math.inf
        snapped = self.city.snapper.snap_many([lon], [lat])[0]
        if snapped is not None:
            arcs, nodes = self.city.streets.arcs, self.city.streets.nodes
            index = snapped.places[0].arc
            street = arcs.name[index]
            for node in (int(arcs.tail[index]), int(arcs.head[index])):
                others = [name for name in self._names_at[node] if self._is_one(street, name)]
                metres = haversine_m(lon, lat, float(nodes.lon[node]), float(nodes.lat[node]))
                if others and metres < crossing_m:
                    crossing, crossing_m = others[0], metres
        place = self._nearest_place(lon, lat)
        if place is not None:
            near, near_en = place[0].name, place[0].name_en
            near_m = place[1]
        return Site(
            lon=lon,
            lat=lat,
            street=street,
            crossing=crossing,
            crossing_m=crossing_m,
            near=near,
            near_en=near_en,
            near_m=near_m,
        )

    def _is_one(self, street: str, other: str) -> bool:
        """Whether two names mean one crossing, and not a road and its ramps along it."""
        if not street or street in other or other in street:
            return False
        nodes = self._crossings.get((street, other), [])
        at = self.city.streets.nodes
        return all(
            haversine_m(
                float(at.lon[node]), float(at.lat[node]), float(at.lon[first]), float(at.lat[first])
            )
            <= _ONE_CROSSING_M
            for first, node in itertools.pairwise(nodes)
        )

    def _nearest_place(self, lon: float, lat: float) -> tuple[Place, float] | None:
        if not self._places:
            return None
        distances = haversine_m(self._place_lon, self._place_lat, lon, lat)
        best = int(np.argmin(distances))
        if distances[best] > _NEAR_M:
            return None
        return self._places[best], float(distances[best])


def scattered(
    rng: Random, lon: float, lat: float, least_m: float, most_m: float
) -> tuple[float, float]:
    """Return a point at a distance between two, in any direction, nearer ones likelier."""
    distance = least_m + (most_m - least_m) * rng.betavariate(1.2, 3.0)
    angle = rng.uniform(0.0, 2.0 * math.pi)
    return offset(lon, lat, distance * math.sin(angle), distance * math.cos(angle))
