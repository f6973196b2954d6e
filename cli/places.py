"""Find a spot or a street of a city by the text given on the command line.

Errors, each one sentence::

    UnknownSpot
    ├── PlaceUnknown    not coordinates, nor an id or a name in the city
    └── StreetUnknown   neither a street's name nor an arc's id
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from atlas.city import CityData
from cli import exit_codes
from geo.crs import check_lonlat
from geo.streets.graph import StreetGraph

__all__ = ["Found", "PlaceUnknown", "StreetUnknown", "UnknownSpot", "closed_arcs", "find_place"]

_LONLAT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[,，]\s*(-?\d+(?:\.\d+)?)\s*")
_SUGGESTED = 3


class UnknownSpot(LookupError):
    """Base: nothing in the city has this name."""


class PlaceUnknown(UnknownSpot):
    """Not a place, sensor, unit or name of the city."""


class StreetUnknown(UnknownSpot):
    """Neither a street nor an arc of the city."""


exit_codes.BY_ERROR.update({UnknownSpot: exit_codes.USAGE})


@dataclass(frozen=True, slots=True)
class Found:
    """A spot in WGS-84 degrees; `kind` says what it is, or how it was found."""

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
        ``lon,lat`` in WGS-84 degrees; the id of a place, a sensor or a unit (meaning its
        station); or a name that the gazetteer knows, with its most accurate match.

    Raises
    ------
    BadCoordinates
        The coordinates are outside the globe.
    PlaceUnknown
        The text is none of these.
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
    """Return arc ids for street names or arc ids, in both directions.

    Raises
    ------
    StreetUnknown
        A text is neither a street's name nor an arc's id.
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
