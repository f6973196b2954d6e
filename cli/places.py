"""What people call a spot or a street on the command line, found in a city.

Errors, each one sentence::

    UnknownSpot
    ├── PlaceUnknown    no coordinates, no id and no name of the city
    └── StreetUnknown   no street's name and no arc's id
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cli import exit_codes
from geo.city import CityData
from geo.crs import check_lonlat
from geo.streets import StreetGraph

__all__ = ["Found", "PlaceUnknown", "StreetUnknown", "UnknownSpot", "closed_arcs", "find_place"]

_LONLAT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[,，]\s*(-?\d+(?:\.\d+)?)\s*")
_SUGGESTED = 3


class UnknownSpot(LookupError):
    """Base: nothing in the city is called so."""


class PlaceUnknown(UnknownSpot):
    """No place, sensor, unit or name of the city."""


class StreetUnknown(UnknownSpot):
    """No street and no arc of the city."""


exit_codes.BY_ERROR.update({UnknownSpot: exit_codes.USAGE})


@dataclass(frozen=True, slots=True)
class Found:
    """A spot in WGS-84 degrees; `kind` says how it was found or what it is."""

    name: str
    kind: str
    lon: float
    lat: float

    @property
    def lonlat(self) -> tuple[float, float]:
        """Longitude and latitude."""
        return self.lon, self.lat


def find_place(city: CityData, text: str) -> Found:
    """Find the spot that a text means.

    Parameters
    ----------
    text
        ``lon,lat`` in WGS-84 degrees; the id of a place, a sensor or a unit, which stands for its
        station; or a name that the gazetteer knows, of which the most accurate reading is taken.

    Raises
    ------
    BadCoordinates
        The coordinates are outside the globe.
    PlaceUnknown
        It is none of these.
    """
    numbers = _LONLAT.fullmatch(text)
    if numbers is not None:
        lon, lat = float(numbers[1]), float(numbers[2])
        check_lonlat([lon], [lat])
        return Found(f"{lon:g},{lat:g}", "coordinates", lon, lat)
    known = _by_id(city, text.strip())
    if known is not None:
        return known
    matches = city.gazetteer.find(text)
    if not matches:
        raise PlaceUnknown(
            f"nothing in {city.manifest.name_en or city.manifest.name} is called {text!r:.80}: "
            "give 'lon,lat', the id of a place, sensor or unit, or a street's, crossing's or "
            "place's name"
        )
    best = matches[0]
    return Found(best.name, best.kind, best.lon, best.lat)


def closed_arcs(streets: StreetGraph, wanted: Iterable[str]) -> frozenset[str]:
    """Return the ids of the arcs that streets' names or arcs' ids stand for, in both directions.

    Raises
    ------
    StreetUnknown
        One is neither.
    """
    closed: set[str] = set()
    for text in wanted:
        arcs = streets.arcs_by_name(text.strip())
        if arcs.size:
            closed.update(streets.arcs.id[i] for i in arcs.tolist())
        elif streets.has_arc(text):
            closed.update(streets.both_ways(text))
        else:
            near = difflib.get_close_matches(text, streets.names(), _SUGGESTED)
            hint = f"did you mean {', '.join(near)}?" if near else "see the map for its name"
            raise StreetUnknown(f"no street of the city is called {text!r:.80}: {hint}")
    return frozenset(closed)


def _by_id(city: CityData, text: str) -> Found | None:
    place = city.places_by_id.get(text)
    if place is not None:
        return Found(place.name, place.kind, place.point.lon, place.point.lat)
    for sensor in city.sensors:
        if text in (sensor.id, sensor.datastream):
            return Found(sensor.name, "sensor", sensor.point.lon, sensor.point.lat)
    for unit in city.units:
        if unit.id == text:
            station = city.places_by_id[unit.station]
            name = f"{unit.name}, {station.name}"
            return Found(name, unit.kind, station.point.lon, station.point.lat)
    return None
