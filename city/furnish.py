"""Stations, units, buildings and sensors for a city that has streets.

The maker uses it for all of these, the importer for those that its map lacks.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import shapely
from shapely.geometry.base import BaseGeometry

from atlas.city import Place, Sensor
from city.furniture import Buildings, Sensors, Service
from city.names import Name, building_names
from city.sites import Sites
from schemas.codes import unit_kind
from schemas.records import Point, Unit

# Metres from the middle of the street.
_STATION_SETBACK = 18.0
_BUILDING_SETBACK = (12.0, 32.0)
_KERB_SETBACK = 6.0
_ORDINALS = {"2": "第二", "3": "第三", "4": "第四", "5": "第五"}


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the city; generated things are spread over areas and named after them."""

    name: Name
    geometry: BaseGeometry


def make_stations(
    service: Service,
    count: int,
    areas: Sequence[Area],
    sites: Sites,
    rng: Random,
    *,
    existing: Sequence[Place] = (),
    local: bool,
) -> list[Place]:
    """Place stations of one service on main streets, evenly over the areas.

    If the map already has some, new ones are placed far away from them.
    """
    if count < 1:
        return []
    whole = shapely.unary_union([area.geometry for area in areas])
    arcs = sites.evenly(whole, count + len(existing), rng)
    spots = [sites.beside(arc, rng.uniform(0.3, 0.7), _STATION_SETBACK) for arc in arcs]
    for place in existing:
        spots.remove(min(spots, key=lambda p: (sites.metres_between(p, place.point), p.lon)))
    numbers: Counter[Name] = Counter()
    found: list[Place] = []
    for i, spot in enumerate(spots):
        name = _area_of(spot, areas).name
        numbers[name] += 1
        suffix = "" if numbers[name] == 1 else str(numbers[name])
        zh = f"{name[0]}{_ORDINALS.get(suffix, suffix)}{service.name}"
        en = f"{name[1]} {service.name_en} {suffix}".strip()
        found.append(
            Place(
                id=f"generated-{service.kind.replace('_', '-')}-{i + 1:02d}",
                kind=service.kind,
                name=zh if local else en,
                name_en=en,
                point=spot,
                generated=True,
            )
        )
    return found


def _area_of(spot: Point, areas: Sequence[Area]) -> Area:
    here = shapely.Point(spot.lon, spot.lat)
    return min(areas, key=lambda area: (area.geometry.distance(here), area.name))


def make_units(
    region: str,
    service: Service,
    stations: Sequence[Place],
    sites: Sites,
    *,
    scale: float,
    local: bool,
) -> list[Unit]:
    """Give a service's stations their units in turn; each unit starts at its station's kerb.

    Each station gets at least one unit of the service's first kind.
    """
    homes = [(s, kerb) for s in stations if (kerb := sites.kerb(s.point)) is not None]
    units: list[Unit] = []
    for rank, fleet in enumerate(service.units):
        kind = unit_kind(fleet.kind)
        count = max(fleet.at(scale), len(homes) if rank == 0 else 0) if homes else 0
        for i in range(count):
            # If there are fewer units than stations, spread them instead of using the first ones.
            index = (i * len(homes)) // count if count < len(homes) else i % len(homes)
            station, home = homes[index]
            n = i // len(homes) + 1
            name = station.name + fleet.name.format(n=n)
            units.append(
                Unit(
                    id=f"{region}-{fleet.kind.replace('_', '-')}-{i + 1:03d}",
                    region=region,
                    kind=fleet.kind,
                    name=name if local else f"{station.name} {fleet.name_en} {n}",
                    department=kind.department,
                    capabilities=kind.capabilities,
                    station=station.id,
                    home=home,
                    state="available",
                    position=home,
                )
            )
    return units


def make_buildings(
    table: Sequence[Buildings],
    places: Sequence[Place],
    sites: Sites,
    rng: Random,
    *,
    scale: float,
    local: bool,
) -> list[Place]:
    """Place buildings beside streets, of kinds that there are too few of."""
    shown = Counter(place.kind for place in places)
    found = []
    for row in table:
        if shown[row.kind] >= row.least:
            continue
        names = building_names(row.kind, rng)
        for i in range(row.at(scale)):
            zh, en = next(names)
            side = rng.choice((-1.0, 1.0))
            found.append(
                Place(
                    id=f"generated-{row.kind.replace('_', '-')}-{i + 1:03d}",
                    kind=row.kind,
                    name=zh if local else en,
                    name_en=en,
                    point=sites.beside(
                        sites.any(row.beside, rng),
                        rng.uniform(0.15, 0.85),
                        side * rng.uniform(*_BUILDING_SETBACK),
                    ),
                    generated=True,
                )
            )
    return found


def make_sensors(
    region: str,
    table: Sequence[Sensors],
    places: Sequence[Place],
    sites: Sites,
    rng: Random,
    *,
    scale: float,
    local: bool,
) -> list[Sensor]:
    """Place sensors at places of the right kinds, and beside streets."""
    found: list[Sensor] = []
    numbers: Counter[str] = Counter()
    for row in table:
        spots = (
            _at_places(row, places, sites, rng)
            if row.beside is None
            else _beside_streets(row.beside, sites, rng, local=local)
        )
        here: Counter[str] = Counter()
        for _, (host, point) in zip(range(row.at(scale)), spots, strict=False):
            numbers[row.property] += 1
            here[host] += 1
            code = row.property.replace("_", "-")
            sensor_id = f"{region}-{code}-{numbers[row.property]:04d}"
            label = f"{host}{row.name}{here[host]}号" if local else f"{host} {code} {here[host]}"
            found.append(
                Sensor(
                    id=sensor_id,
                    datastream=f"{sensor_id}-1",
                    observed_property=row.property,
                    name=label,
                    point=point,
                )
            )
    return found


def _at_places(
    row: Sensors, places: Sequence[Place], sites: Sites, rng: Random
) -> Iterator[tuple[str, Point]]:
    hosts = [p for p in places if p.kind in row.at_kinds]
    rng.shuffle(hosts)
    hosts = [h for h in hosts if sites.kerb(h.point) is not None]
    while hosts:
        for host in hosts:
            point = sites.near_street(host.point, rng)
            assert point is not None
            yield host.name, point


def _beside_streets(
    street_class: str, sites: Sites, rng: Random, *, local: bool
) -> Iterator[tuple[str, Point]]:
    while True:
        arc = sites.any(street_class, rng)
        side = rng.choice((-_KERB_SETBACK, _KERB_SETBACK))
        yield sites.name(arc, local=local), sites.beside(arc, rng.uniform(0.1, 0.9), side)
