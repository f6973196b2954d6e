"""Search for a place by what people call it, and the names of a point."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from console.compute.cities import Cities, Town
from console.compute.coordinates import read_coordinates
from console.compute.shapes import Near, PlaceFound, PlaceNames
from geo.crs import Crs, haversine_m, parse_crs, to_wgs84
from geo.gazetteer import Match
from intake.places import locate
from schemas.records import Point

__all__ = ["find_places", "name_point"]

_AND = re.compile(
    r"\s*(?:[×&+/,，、;；]|\band\b|\bat\b|\bcorner of\b|与|和|靠近|近)\s*|(?<=[路街道])\s*(?=\w)"
)
_CROSSING_WORDS = re.compile(r"(?:交叉口|交叉路口|路口|口)$")
_TRIED = 3
"""So many streets of each name are tried for a crossing."""
_NEAR_M = 300.0
_LONGEST_NAME = 60


def find_places(cities: Cities, text: str, crs: str | None, most: int) -> list[PlaceFound]:
    """Return the places that a text may mean, the likeliest first.

    Parameters
    ----------
    text
        A street, crossing, landmark, address, district, or coordinates.
    crs
        Reference system of coordinates; None: as the text says, else each that it may be.
    """
    found = list(_coordinates(cities, text, None if crs is None else parse_crs(crs)))
    if not found:
        found = [place for town in cities for place in _by_name(town, text, most)]
    found.sort(key=lambda place: -place.score)
    return found[:most]


def name_point(cities: Cities, lon: float, lat: float, crs: str) -> PlaceNames:
    """Return what a point is called."""
    lon, lat = to_wgs84(lon, lat, crs)
    town = cities.at(lon, lat)
    fences: dict[str, list[str]] = {}
    for fence in town.city.fence_index.locate_one(lon, lat):
        fences.setdefault(fence.kind, []).append(fence.name)
    return PlaceNames(
        point=_point(lon, lat, None),
        region=town.region,
        address=locate(town.city, Point(lon=lon, lat=lat)).address,
        district=_first(fences, "district"),
        subdistrict=_first(fences, "subdistrict"),
        beat=_first(fences, "beat"),
        hazard_zones=tuple(fences.get("hazard_zone", ())),
        street=_nearest_street(town, lon, lat),
        place=_nearest_place(town, lon, lat),
    )


def _coordinates(cities: Cities, text: str, given: Crs | None) -> Iterator[PlaceFound]:
    for typed in read_coordinates(text):
        told = given or (None if typed.crs is None else parse_crs(typed.crs))
        for rank, crs in enumerate([told] if told else list(Crs)):
            lon, lat = to_wgs84(typed.lon, typed.lat, crs)
            for town in cities:
                if town.has(lon, lat):
                    yield _found(
                        town,
                        f"{typed.lon}, {typed.lat}",
                        "coordinates",
                        _point(lon, lat, typed.accuracy_m),
                        score=1.0 - 0.1 * rank,
                        crs=crs.value,
                    )


def _by_name(town: Town, text: str, most: int) -> list[PlaceFound]:
    scores: dict[Match, float] = {}
    for match, score in itertools.chain(
        _named_whole(town, text), _crossings(town, text), town.names.like(text, most)
    ):
        place = replace(match, span=(0, 0))
        scores[place] = max(score, scores.get(place, 0.0))
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0].accuracy_m, item[0].name))
    return [
        _found(town, m.name, m.kind, _point(m.lon, m.lat, m.accuracy_m), score=round(score, 3))
        for m, score in ranked[:most]
    ]


def _named_whole(town: Town, text: str) -> Iterator[tuple[Match, float]]:
    """Yield the places that the gazetteer finds in the text, by how much of it they are."""
    length = len(text.strip())
    for match in town.city.gazetteer.find(text):
        share = min(1.0, (match.span[1] - match.span[0]) / length)
        yield match, 0.6 + 0.39 * share


def _crossings(town: Town, text: str) -> Iterator[tuple[Match, float]]:
    """Yield the crossings of two streets whose names are like the text's parts."""
    parts = [part for part in _AND.split(_CROSSING_WORDS.sub("", text.strip())) if part]
    if len(parts) != 2 or max(map(len, parts)) > _LONGEST_NAME:  # noqa: PLR2004 - two streets
        return
    one, other = (
        [like for like in town.names.like(part, 4 * _TRIED) if like.place.kind == "street"][:_TRIED]
        for part in parts
    )
    for a, b in itertools.product(one, other):
        for match in town.city.gazetteer.find(f"{a.place.name} {b.place.name}"):
            if match.kind == "crossing":
                yield match, 0.8 + 0.18 * min(a.score, b.score)


def _found(
    town: Town, name: str, kind: str, point: Point, *, score: float, crs: str | None = None
) -> PlaceFound:
    fences: dict[str, list[str]] = {}
    for fence in town.city.fence_index.locate_one(point.lon, point.lat):
        fences.setdefault(fence.kind, []).append(fence.name)
    return PlaceFound(
        name=name,
        kind=kind,
        point=point,
        region=town.region,
        district=_first(fences, "district"),
        subdistrict=_first(fences, "subdistrict"),
        score=score,
        crs=crs,
    )


def _first(fences: dict[str, list[str]], kind: str) -> str | None:
    return next(iter(fences.get(kind, ())), None)


def _point(lon: float, lat: float, accuracy_m: float | None) -> Point:
    accuracy = None if accuracy_m is None else round(accuracy_m, 1)
    return Point(lon=round(lon, 7), lat=round(lat, 7), accuracy_m=accuracy)


def _nearest_street(town: Town, lon: float, lat: float) -> Near | None:
    places, metres = town.city.snapper.places(lon, lat)
    names = town.city.streets.arcs.name
    name = next((names[place.arc] for place in places if names[place.arc]), "")
    return Near(name=name, kind="street", metres=round(metres, 1)) if name else None


def _nearest_place(town: Town, lon: float, lat: float) -> Near | None:
    best, name, kind = _NEAR_M, "", ""
    for place in town.city.places:
        metres = float(haversine_m(lon, lat, place.point.lon, place.point.lat))
        if metres < best:
            best, name, kind = metres, place.name, place.kind
    return Near(name=name, kind=kind, metres=round(best, 1)) if name else None
