"""A city in memory: its parts, the checks that they fit together, and its digest."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from shapely.geometry import mapping

from atlas.call_types import CallType, CallTypes
from atlas.demand import Demand
from atlas.errors import CityError
from geo.fences.index import Fence, FenceIndex
from geo.gazetteer import Gazetteer, PointOfInterest
from geo.routing.arc_speeds import ArcSpeeds
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapper
from schemas.codes import observed_properties, unit_kinds
from schemas.records import Point, Record, Unit

__all__ = ["PLACE_KINDS", "CityData", "Manifest", "Place", "Sensor", "content_digest"]

PLACE_KINDS: Final = (
    "fire_station",
    "police_post",
    "traffic_post",
    "hospital",
    "ambulance_post",
    "utility_depot",
    "drainage_depot",
    "city_management_post",
    "environment_station",
    "landmark",
    "metro_station",
    "school",
    "residential_compound",
    "mall",
    "office_tower",
    "hotel",
    "park",
    "underpass",
    "chemical_store",
)
"""Kinds known here; a city's folder may contain others."""

_NAMES: Final = ("name", "name:zh", "name:en", "alt_name")


class Manifest(Record, frozen=True, kw_only=True):
    """A city's name, origin and licence.

    Attributes
    ----------
    region
        Key of the region's journal: the administrative code, if there is one.
    schematic
        True if streets and places are drawn, not surveyed.
    seed
        Seed of the generated parts; None if nothing was generated.
    bounds
        west, south, east, north in degrees.
    """

    name: str
    name_en: str
    region: str
    schematic: bool
    source: str
    licence: str
    bounds: tuple[float, float, float, float]
    seed: int | None = None
    timezone: str = "Asia/Shanghai"


class Sensor(Record, frozen=True, kw_only=True):
    """A sensor that measures one property at one spot, in SensorThings terms."""

    id: str
    datastream: str
    observed_property: str
    name: str
    point: Point


class Place(Record, frozen=True, kw_only=True):
    """A named spot: a station of units, or a place that people mention.

    ``generated`` marks a place that comes neither from a map nor from a person.
    """

    id: str
    kind: str
    name: str
    name_en: str
    point: Point
    generated: bool = False


class CityData(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A city in memory; `load_city` reads one, `city.make` and `city.import_map` make one.

    Attributes
    ----------
    digest
        `content_digest` of all other attributes.
    speeds
        Speeds of streets by hour of the week; None if unknown.
    call_types
        What the services' own codes mean; empty if the city has no table.
    demand
        Where calls come from; empty if that is not known.
    fences_changed
        Number of the last change of a fence since the files were made, see
        `atlas.changed_fences`; no part of the digest.
    """

    manifest: Manifest
    streets: StreetGraph
    fences: tuple[Fence, ...]
    places: tuple[Place, ...]
    sensors: tuple[Sensor, ...]
    units: tuple[Unit, ...]
    digest: str
    speeds: ArcSpeeds | None = None
    call_types: tuple[CallType, ...] = ()
    demand: tuple[Demand, ...] = ()
    fences_changed: int = 0

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        streets: StreetGraph,
        *,
        fences: Sequence[Fence],
        places: Sequence[Place],
        sensors: Sequence[Sensor],
        units: Sequence[Unit],
        speeds: ArcSpeeds | None = None,
        call_types: Sequence[CallType] = (),
        demand: Sequence[Demand] = (),
    ) -> "CityData":
        """Build a city, check that its parts fit together, and compute its digest.

        Raises
        ------
        CityError
            An id is not unique, a code is unknown, or a unit's station or region does not exist.
        """
        city = cls(
            manifest=manifest,
            streets=streets,
            fences=tuple(fences),
            places=tuple(places),
            sensors=tuple(sensors),
            units=tuple(units),
            digest="",
            speeds=speeds,
            call_types=tuple(call_types),
            demand=tuple(demand),
        )
        _check(city)
        _check_speeds(speeds, manifest, streets)
        return msgspec.structs.replace(city, digest=content_digest(city))

    def with_speeds(self, speeds: ArcSpeeds | None) -> "CityData":
        """Return the same city with these historic speeds, and its new digest.

        Raises
        ------
        CityError
            The speeds belong to another map or another time zone.
        """
        _check_speeds(speeds, self.manifest, self.streets)
        city = msgspec.structs.replace(self, speeds=speeds)
        return msgspec.structs.replace(city, digest=content_digest(city))

    @cached_property
    def codes_of_services(self) -> CallTypes:
        """Index that finds what a service's own code means."""
        return CallTypes(self.call_types)

    @cached_property
    def fence_index(self) -> FenceIndex:
        """Index that finds the fences of points."""
        return FenceIndex(self.fences)

    @cached_property
    def snapper(self) -> Snapper:
        """Index that finds the street nearest to a point."""
        return Snapper(self.streets)

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """Index that finds places by the names people use."""
        points = [
            PointOfInterest(
                p.name, p.kind, p.point.lon, p.point.lat, (p.name_en,) if p.name_en else ()
            )
            for p in self.places
        ]
        return Gazetteer(streets=self.streets, fences=self.fences, points=points)

    @cached_property
    def places_by_id(self) -> Mapping[str, Place]:
        """Places by their id."""
        return {place.id: place for place in self.places}


def content_digest(city: CityData) -> str:
    """Return the SHA-256, in hex, of a city's content in canonical form.

    The content is hashed, not the files, which may differ in white space: equal cities have
    equal digests on every machine.
    """
    nodes, arcs = city.streets.nodes, city.streets.arcs
    edges = sorted(city.streets.graph.edges(keys=True, data=True), key=lambda e: e[:3])
    sums = hashlib.sha256()
    parts = (
        city.manifest,
        [nodes.id.tolist(), nodes.lon.tolist(), nodes.lat.tolist(), nodes.signal.tolist()],
        [arcs.id, arcs.length_m.tolist(), arcs.speed_kph.tolist(), arcs.ms.tolist()],
        [arcs.oneway.tolist(), arcs.emergency_only.tolist()],
        arcs.line.xy.tolist(),
        np.diff(arcs.line.first).tolist(),
        [[data.get(name) for name in _NAMES] for _, _, _, data in edges],
        [[f.id, f.kind, f.name, mapping(f.geometry), dict(f.attributes)] for f in city.fences],
        city.places,
        city.sensors,
        city.units,
        # Included, so that a closed lane has the same effect in every city with this digest.
        *([arcs.lanes.tolist()] if (arcs.lanes > 1).any() else []),
        *([vehicles] if (vehicles := _vehicles(city.streets)) else []),
        # A city without turn rules keeps the digest it had before turn rules existed.
        *([rules] if (rules := _turn_rules(city.streets)) else []),
        *([{"speeds": speeds.digest(arcs)}] if (speeds := city.speeds) else []),
        # Notes are for people only.
        *([{"call_types": _meanings(city.call_types)}] if city.call_types else []),
        *([{"demand": city.demand}] if city.demand else []),
    )
    for part in parts:
        data = msgspec.json.encode(part, order="sorted")
        sums.update(len(data).to_bytes(8, "big"))
        sums.update(data)
    return sums.hexdigest()


def _meanings(rows: Sequence[CallType]) -> list[list[str | None]]:
    return [[row.service, row.code, row.category, row.severity] for row in rows]


def _vehicles(streets: StreetGraph) -> dict[str, object]:
    """Return ferries, limits of size and signs by the hour; empty if the map has none."""
    arcs = streets.arcs
    found: dict[str, object] = {
        size: [[i, float(column[i])] for i in np.flatnonzero(np.isfinite(column)).tolist()]
        for size, column in sorted(arcs.limits.items())
    }
    if arcs.carried.any():
        found["carried"] = np.flatnonzero(arcs.carried).tolist()
    if arcs.by_hour is not None:
        found["by_hour"] = arcs.by_hour.told()
    return found


def _turn_rules(streets: StreetGraph) -> dict[str, object]:
    """Return the map's own turn rules and signals; empty if it has none."""
    found: dict[str, object] = {}
    if streets.attributes.get("restrictions"):
        found["restrictions"] = streets.attributes["restrictions"]
    if streets.attributes.get("driving_side") == "left":
        found["driving_side"] = "left"
    signals = [
        [u, v, key, bool(data["signal"])]
        for u, v, key, data in streets.graph.edges(keys=True, data=True)
        if data.get("signal") is not None
    ]
    if signals:
        found["signals"] = sorted(signals)
    return found


def _check_speeds(speeds: ArcSpeeds | None, manifest: Manifest, streets: StreetGraph) -> None:
    if speeds is None:
        return
    if speeds.timezone != manifest.timezone or speeds.arcs != len(streets.arcs):
        raise CityError(
            f"the speeds are for {speeds.arcs} arcs and the time zone {speeds.timezone}, but the "
            f"city has {len(streets.arcs)} arcs and {manifest.timezone}: learn the speeds again"
        )


def _check(city: CityData) -> None:
    manifest = city.manifest
    _ = city.codes_of_services  # a code that stands twice is a fault of the city
    try:
        ZoneInfo(manifest.timezone)
    except (ValueError, OSError, KeyError) as error:
        raise CityError(
            f"unknown time zone {manifest.timezone!r:.60}: use a name such as Asia/Shanghai"
        ) from error
    for what, ids in (
        ("fence", [f.id for f in city.fences]),
        ("place", [p.id for p in city.places]),
        ("sensor", [s.id for s in city.sensors]),
        ("datastream", [s.datastream for s in city.sensors]),
        ("unit", [u.id for u in city.units]),
    ):
        twice = [i for i, n in Counter(ids).items() if n > 1]
        if twice:
            raise CityError(f"{what} id {twice[0]!r} is not unique: give each its own id")
    for sensor in city.sensors:
        if sensor.observed_property not in observed_properties():
            raise CityError(
                f"sensor {sensor.id!r} observes {sensor.observed_property!r:.60}, which is not in "
                "the table observed_properties"
            )
    for unit in city.units:
        if unit.kind not in unit_kinds():
            raise CityError(
                f"unit {unit.id!r} is a {unit.kind!r:.60}, which is not in the table unit_kinds"
            )
        if unit.station not in city.places_by_id:
            raise CityError(
                f"unit {unit.id!r} belongs to station {unit.station!r:.60}, which is not among the "
                "places: add the station or move the unit"
            )
        if unit.region != manifest.region:
            raise CityError(
                f"unit {unit.id!r} belongs to region {unit.region!r:.60}, but the city's region is "
                f"{manifest.region!r}: make them the same"
            )
