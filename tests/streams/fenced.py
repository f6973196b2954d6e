"""The small made city with fences that units drive in and out of."""

from collections.abc import Iterable

from shapely.geometry import Point, box

from atlas.city import CityData
from geo.fences.index import Fence
from tests.city.toy import SIZE, lonlat

METRE = 1 / 111_195.0


def beats(across: int = 4) -> list[Fence]:
    """Return beats that tile the city, with shared borders."""
    side = SIZE / across
    return [
        Fence(
            f"beat-{i}-{j}",
            "beat",
            f"责任区{i}{j}",
            box(*lonlat(i * side, j * side), *lonlat((i + 1) * side, (j + 1) * side)),
        )
        for i in range(across)
        for j in range(across)
    ]


def zone(name: str, column: float, row: float, radius_m: float = 300.0, **more: object) -> Fence:
    """Return a round hazard zone."""
    circle = Point(lonlat(column, row)).buffer(radius_m * METRE)
    return Fence(f"zone-{name}", "hazard_zone", f"危险区{name}", circle, more)


def fenced(city: CityData, fences: Iterable[Fence] | None = None) -> CityData:
    """Return the city with its district and these fences; beats and zones if none are given."""
    more = [*beats(), zone("a", 5, 5), zone("b", 13, 13), zone("c", 20.5, 13)]
    return CityData.of(
        city.manifest,
        city.streets,
        fences=[*city.fences[:1], *(more if fences is None else fences)],
        places=city.places,
        sensors=city.sensors,
        units=city.units,
    )
