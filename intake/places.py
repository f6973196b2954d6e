"""Where a point lies: the city's fences around it, as a record."""

from atlas.city import CityData
from schemas.records import Point, Where


def locate(city: CityData, point: Point | None, address: str | None = None) -> Where:
    """Return district, sub-district, beat and hazard zones of a point, as fence ids.

    Where nobody has said the place in words, it is the sub-district and the nearest street.
    """
    if point is None:
        return Where(address=address)
    found: dict[str, list[str]] = {}
    fences = city.fence_index.locate_one(point.lon, point.lat)
    for fence in fences:
        found.setdefault(fence.kind, []).append(fence.id)

    def first(kind: str) -> str | None:
        return found.get(kind, [None])[0]

    return Where(
        district=first("district"),
        subdistrict=first("subdistrict"),
        beat=first("beat"),
        hazard_zones=tuple(found.get("hazard_zone", ())),
        address=address
        or _in_words(city, point, [f.name for f in fences if f.kind == "subdistrict"]),
    )


def _in_words(city: CityData, point: Point, areas: list[str]) -> str | None:
    places, _ = city.snapper.places(point.lon, point.lat)
    names = [city.streets.arcs.name[place.arc] for place in places]
    words = areas[:1] + [name for name in names if name][:1]
    return " ".join(words) or None
