"""From a file's coordinates to the location of an input message."""

import math
import re
from collections.abc import Callable
from functools import partial

import pyproj
from pyproj.exceptions import CRSError

from city.ingest.errors import BadOption, RowFault
from geo.crs import Crs, parse_crs
from geo.errors import UnknownCrs
from schemas.inputs import Location

Placer = Callable[[float, float, float | None], Location]
"""From x or longitude, y or latitude, and the accuracy in metres."""

_AROUND_DEG = 3.0
"""Coordinates this far outside a system's area of use were meant in another one."""
_PAIR = re.compile(r"\(\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*\)\s*")
_WKT = re.compile(
    r"(?:SRID=4326;)?\s*POINT\s*Z?\s*\(\s*(-?[\d.]+)\s+(-?[\d.]+)(?:\s+-?[\d.]+)?\s*\)",
    re.IGNORECASE,
)

_EPSG = re.compile(r"(?:urn:ogc:def:crs:)?EPSG:(?:[\d.]*:)?(\d+)", re.IGNORECASE)


def placer(crs: str) -> Placer:
    """Return a function that makes locations from coordinates in a reference system.

    WGS-84, GCJ-02 and BD-09 are sent unchanged, and the message names the system; any other EPSG
    code is converted to WGS-84 here.

    Parameters
    ----------
    crs
        ``WGS-84``, ``GCJ-02``, ``BD-09`` or ``EPSG:nnnn`` (x east, y north, whatever the axis
        order in the register).

    Raises
    ------
    BadOption
        The name is unknown.
    """
    try:
        return partial(_named, parse_crs(crs))
    except UnknownCrs:
        code = _EPSG.fullmatch(crs.strip())
    if code is None:
        raise BadOption(f"unknown --crs {crs!r}: use WGS-84, GCJ-02, BD-09 or EPSG:nnnn")
    try:
        system = pyproj.CRS.from_epsg(int(code[1]))
        there = pyproj.Transformer.from_crs(system, "EPSG:4326", always_xy=True)
    except (CRSError, OverflowError):
        raise BadOption(
            f"--crs {crs!r}: no reference system has this number; look it up at epsg.org, such as "
            "EPSG:2226 for California's zone 2 in US feet"
        ) from None
    return partial(_projected, there, system)


def parse_point(value: object) -> tuple[float, float] | None:
    """Return longitude and latitude of a value that has both; None if it is no point.

    Accepts a list ``[lon, lat]``, WKT ``POINT (lon lat)``, and ``(lat, lon)`` at the end of a
    text, as Socrata's portals write it. A pair without brackets has no known order.
    """
    match value:
        case [int() | float() as lon, int() | float() as lat, *_]:
            return float(lon), float(lat)
        case str():
            if found := _WKT.fullmatch(value.strip()):
                return float(found[1]), float(found[2])
            tail = value[max(0, value.rfind("(")) :]
            if found := _PAIR.fullmatch(tail):
                return float(found[2]), float(found[1])
    return None


def _named(crs: Crs, lon: float, lat: float, accuracy_m: float | None) -> Location:
    _check(lon, lat)
    return Location(lon=lon, lat=lat, crs=crs.value, accuracy_m=accuracy_m)


def _projected(
    there: pyproj.Transformer, system: pyproj.CRS, x: float, y: float, accuracy_m: float | None
) -> Location:
    lon, lat = there.transform(x, y)
    area = system.area_of_use
    inside = math.isfinite(lon) and math.isfinite(lat)
    if inside and area is not None:
        west, south, east, north = area.bounds
        width = (east - west) % 360.0
        inside = (
            south - _AROUND_DEG <= lat <= north + _AROUND_DEG
            and (lon - west + _AROUND_DEG) % 360.0 <= width + 2.0 * _AROUND_DEG
        ) or width == 0.0
    if not inside:
        raise RowFault(
            f"({x}, {y}) is outside the area of {system.name}: is --crs right, are x and y "
            "swapped, and is the unit right (feet, metres)?"
        )
    _check(lon, lat)
    # Seven decimals are a centimetre.
    return Location(lon=round(lon, 7), lat=round(lat, 7), accuracy_m=accuracy_m)


def _check(lon: float, lat: float) -> None:
    if not (abs(lon) <= 180 and abs(lat) <= 90):  # noqa: PLR2004 - degrees; true for NaN
        swapped = abs(lon) <= 90 and abs(lat) <= 180  # noqa: PLR2004
        hint = ": are lat and lon swapped?" if swapped else ": metres need --crs EPSG:nnnn"
        raise RowFault(f"longitude {lon} and latitude {lat} are not on the globe{hint}")
