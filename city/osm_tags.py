"""Find stations, hospitals and named places in OpenStreetMap data by their tags.

Tags are as documented in OpenStreetMap's wiki (``amenity=fire_station`` and so on).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import osmium
import shapely
from shapely.geometry.base import BaseGeometry

from atlas.city import Place
from geo.fences.index import crosses_antimeridian
from geo.maps.extract import OSMIUM_ERRORS, Extract, Kind, unreadable
from geo.streets.notes import Notes
from schemas.records import Point

# The first pair that an object has decides. Last column: whether it counts without a name.
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
# Maps often have the same place as a point and as an area; stations are kept as they are.
_SAME_WITHIN_DEG = 0.003


@dataclass(frozen=True, slots=True)
class Boundary:
    """An administrative area; a higher level is a smaller area."""

    id: str
    name: str
    name_en: str
    level: int
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class Tagged:
    """What `read_tags` found: places in order of their ids, boundaries by level and id."""

    places: list[Place]
    boundaries: list[Boundary]
    left_out: Notes
    """Places and boundaries that the map has, but that could not be used."""


def read_tags(extract: Extract) -> Tagged:
    """Read places and administrative boundaries of an OSM extract.

    Areas and closed ways are placed at their centroid. Of a place that the extract cuts, the part
    in the file is used. A boundary that the extract cuts is not an area and is left out.

    Raises
    ------
    BadMap
        The file cannot be read.
    """
    left_out = Notes()
    try:
        found = list(_read(extract, left_out))
    except OSMIUM_ERRORS as error:
        raise unreadable(extract.name, error) from error
    places = sorted((x for x in found if isinstance(x, Place)), key=lambda p: p.id)
    boundaries = [x for x in found if isinstance(x, Boundary)]
    return Tagged(
        _without_doubles(places, left_out),
        sorted(boundaries, key=lambda b: (b.level, b.id)),
        left_out,
    )


class _Thing(NamedTuple):
    kind: Kind
    number: int
    tags: dict[str, str]
    label: str
    """Its id in the given file."""


def _read(extract: Extract, left_out: Notes) -> Iterator[Place | Boundary]:
    factory = osmium.geom.WKBFactory()
    # Ways and relations, until they turn out to be areas, with the nodes of ways.
    lines: dict[tuple[Kind, int], tuple[_Thing, list[tuple[float, float]]]] = {}
    objects = osmium.FileProcessor(str(extract.path)).with_locations().with_areas()
    for found in objects.with_filter(osmium.filter.KeyFilter(*_KEYS)):
        tags = {tag.k: tag.v for tag in found.tags}
        if isinstance(found, osmium.osm.Node):
            if found.location.valid():
                point = shapely.Point(found.location.lon, found.location.lat)
                yield from _made(_thing(extract, "node", found.id, tags), point, left_out)
        elif isinstance(found, osmium.osm.Area):
            kind: Kind = "way" if found.from_way() else "relation"
            try:
                area = shapely.from_wkb(factory.create_multipolygon(found))
            except RuntimeError:  # a broken ring is not an area
                continue
            lines.pop((kind, found.orig_id()), None)
            yield from _made(_thing(extract, kind, found.orig_id(), tags), area, left_out)
        elif isinstance(found, osmium.osm.Way):
            places = [(n.location.lon, n.location.lat) for n in found.nodes if n.location.valid()]
            lines["way", found.id] = _thing(extract, "way", found.id, tags), places
        else:
            lines["relation", found.id] = _thing(extract, "relation", found.id, tags), []
    for _, (thing, drawn) in sorted(lines.items()):
        yield from _of_parts(thing, drawn, left_out)


def _thing(extract: Extract, kind: Kind, number: int, tags: dict[str, str]) -> _Thing:
    return _Thing(kind, number, tags, extract.label(kind, number))


def _made(thing: _Thing, geometry: BaseGeometry, left_out: Notes) -> Iterator[Place | Boundary]:
    """Yield a place or boundary, if an object is one."""
    tags = thing.tags
    origin = f"osm-{thing.kind}-{thing.number}"
    if _is_boundary(tags):
        if geometry.geom_type == "Point":
            return
        if crosses_antimeridian(geometry):
            left_out.note("boundaries across the 180th meridian left out", thing.label)
            return
        yield Boundary(origin, tags["name"], _english(tags), int(tags["admin_level"]), geometry)
        return
    place = _place(origin, tags, geometry)
    if place is not None:
        yield place
    elif _kind_of(tags) is not None:
        left_out.note("places without a name left out", thing.label)


def _of_parts(
    thing: _Thing, drawn: list[tuple[float, float]], left_out: Notes
) -> Iterator[Place | Boundary]:
    """Yield a place that is not an area in the file, because it is a line or cut."""
    if _is_boundary(thing.tags):
        # Ways of a boundary may have its tags; only a relation is the boundary itself.
        if thing.kind == "relation":
            left_out.note("boundaries that the extract cuts left out", thing.label)
    elif _kind_of(thing.tags) is None:
        return
    elif drawn:
        yield from _made(thing, shapely.MultiPoint(drawn), left_out)
    else:
        left_out.note("places that the extract cuts left out", thing.label)


def _is_boundary(tags: dict[str, str]) -> bool:
    return (
        tags.get("boundary") == "administrative"
        and tags.get("admin_level", "").isdigit()
        and "name" in tags
    )


def _kind_of(tags: dict[str, str]) -> tuple[str, bool] | None:
    """Return the kind of place that an object is, and whether it counts without a name."""
    if tags.get("boundary") == "administrative":
        return None
    for key, value, kind, unnamed in _KINDS:
        if tags.get(key) == value:
            return kind, unnamed
    return None


def _place(origin: str, tags: dict[str, str], geometry: BaseGeometry) -> Place | None:
    found = _kind_of(tags)
    name = tags.get("name", "")
    if found is None or not (name or found[1]):
        return None
    kind = found[0]
    middle = shapely.centroid(geometry)
    return Place(
        id=origin,
        kind=kind,
        name=name or f"{kind.replace('_', ' ').capitalize()} {origin.rsplit('-', 1)[1]}",
        name_en=_english(tags),
        point=Point(lon=round(middle.x, 7), lat=round(middle.y, 7)),
    )


def _english(tags: dict[str, str]) -> str:
    name = tags.get("name:en", "")
    plain = tags.get("name", "")
    return name or (plain if plain.isascii() else "")


def _without_doubles(places: list[Place], left_out: Notes) -> list[Place]:
    kept: list[Place] = []
    by_name: dict[tuple[str, str], list[Place]] = {}
    # Areas (relation, way) sort after nodes but have the better centre: they come first here.
    for place in sorted(places, key=lambda p: p.id, reverse=True):
        near = by_name.setdefault((place.kind, place.name), [])
        station = place.kind in ("fire_station", "ambulance_post", "police_post", "hospital")
        if not station and any(
            abs(p.point.lon - place.point.lon) + abs(p.point.lat - place.point.lat)
            < _SAME_WITHIN_DEG
            for p in near
        ):
            label = place.id.removeprefix("osm-").replace("-", "/", 1)
            left_out.note("places that are in the map twice left out once", label)
            continue
        near.append(place)
        kept.append(place)
    return sorted(kept, key=lambda p: p.id)
