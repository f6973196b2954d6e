"""What OpenStreetMap's tags say: which objects are stations, hospitals or named places.

Tags as documented in OpenStreetMap's wiki (``amenity=fire_station`` and so on).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import osmium
import shapely
from shapely.geometry.base import BaseGeometry

from geo.city import Place
from geo.errors import BadMap
from schemas.records import Point

# The first pair that an object bears decides. The last column: whether it counts without a name.
_KINDS: tuple[tuple[str, str, str, bool], ...] = (
    ("amenity", "fire_station", "fire_station", True),
    ("emergency", "ambulance_station", "ambulance_post", True),
    ("amenity", "police", "police_post", True),
    ("amenity", "hospital", "hospital", True),
    ("railway", "station", "metro_station", False),
    ("shop", "mall", "mall", False),
    ("shop", "department_store", "mall", False),
    ("amenity", "school", "school", False),
    ("amenity", "university", "school", False),
    ("amenity", "college", "school", False),
    ("tourism", "hotel", "hotel", False),
    ("leisure", "park", "park", False),
    ("tourism", "attraction", "landmark", False),
    ("tourism", "museum", "landmark", False),
    ("amenity", "theatre", "landmark", False),
    ("amenity", "townhall", "landmark", False),
    ("amenity", "marketplace", "landmark", False),
    ("amenity", "place_of_worship", "landmark", False),
    ("amenity", "library", "landmark", False),
    ("leisure", "stadium", "landmark", False),
    ("landuse", "residential", "residential_compound", False),
    ("building", "apartments", "residential_compound", False),
    ("building", "office", "office_tower", False),
)
_KEYS = sorted({key for key, _, _, _ in _KINDS} | {"boundary"})
# The same place is often drawn as a point and as an area; stations are left as the map has them.
_SAME_WITHIN_DEG = 0.003


@dataclass(frozen=True, slots=True)
class Boundary:
    """An administrative area; a higher level is a smaller unit."""

    id: str
    name: str
    name_en: str
    level: int
    geometry: BaseGeometry


def read_tags(path: Path) -> tuple[list[Place], list[Boundary]]:
    """Read places and administrative boundaries of an OSM extract, in order of their ids.

    Areas and closed ways count with their centroid. A boundary that the extract cuts through
    is no area any more and is left out.

    Raises
    ------
    BadMap
        The file cannot be read.
    """
    try:
        objects = osmium.FileProcessor(str(path)).with_locations().with_areas()
        found = list(_read(objects.with_filter(osmium.filter.KeyFilter(*_KEYS))))
    except (RuntimeError, ValueError) as error:
        raise BadMap(f"{path} cannot be read as OSM data ({error}): download it again") from error
    places = sorted((x for x in found if isinstance(x, Place)), key=lambda p: p.id)
    boundaries = [x for x in found if isinstance(x, Boundary)]
    return _without_doubles(places), sorted(boundaries, key=lambda b: (b.level, b.id))


def _read(objects: osmium.FileProcessor) -> Iterator[Place | Boundary]:
    factory = osmium.geom.WKBFactory()
    for thing in objects:
        tags = {tag.k: tag.v for tag in thing.tags}
        geometry: BaseGeometry
        if isinstance(thing, osmium.osm.Node):
            if not thing.location.valid():
                continue
            geometry = shapely.Point(thing.location.lon, thing.location.lat)
            origin = f"osm-node-{thing.id}"
        elif isinstance(thing, osmium.osm.Area):
            try:
                geometry = shapely.from_wkb(factory.create_multipolygon(thing))
            except RuntimeError:  # an area with a broken ring is no area
                continue
            origin = f"osm-{'way' if thing.from_way() else 'relation'}-{thing.orig_id()}"
        else:
            continue
        level = tags.get("admin_level", "")
        if tags.get("boundary") == "administrative" and level.isdigit() and "name" in tags:
            if geometry.geom_type != "Point":
                yield Boundary(origin, tags["name"], _english(tags), int(level), geometry)
            continue
        place = _place(origin, tags, geometry)
        if place is not None:
            yield place


def _place(origin: str, tags: dict[str, str], geometry: BaseGeometry) -> Place | None:
    for key, value, kind, unnamed in _KINDS:
        if tags.get(key) != value:
            continue
        name = tags.get("name", "")
        if not name and not unnamed:
            return None
        middle = shapely.centroid(geometry)
        return Place(
            id=origin,
            kind=kind,
            name=name or f"{kind.replace('_', ' ').capitalize()} {origin.rsplit('-', 1)[1]}",
            name_en=_english(tags),
            point=Point(lon=round(middle.x, 7), lat=round(middle.y, 7)),
        )
    return None


def _english(tags: dict[str, str]) -> str:
    name = tags.get("name:en", "")
    plain = tags.get("name", "")
    return name or (plain if plain.isascii() else "")


def _without_doubles(places: list[Place]) -> list[Place]:
    kept: list[Place] = []
    by_name: dict[tuple[str, str], list[Place]] = {}
    # Areas (relation, way) sort after nodes and know their middle better: they come first here.
    for place in sorted(places, key=lambda p: p.id, reverse=True):
        near = by_name.setdefault((place.kind, place.name), [])
        station = place.kind in ("fire_station", "ambulance_post", "police_post", "hospital")
        if not station and any(
            abs(p.point.lon - place.point.lon) + abs(p.point.lat - place.point.lat)
            < _SAME_WITHIN_DEG
            for p in near
        ):
            continue
        near.append(place)
        kept.append(place)
    return sorted(kept, key=lambda p: p.id)
