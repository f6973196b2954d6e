"""Coordinates as the file has them, to what an input message may carry."""

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

_EPSG = re.compile(r"(?:urn:ogc:def:crs:)?EPSG:(?:[\d.]*:)?(\d+)", re.IGNORECASE)


def placer(crs: str) -> Placer:
    """Return what makes locations from coordinates in a reference system.

    WGS-84, GCJ-02 and BD-09 travel as they are, named in the message; any other EPSG code is
    converted to WGS-84 here.

    Parameters
    ----------
    crs
        ``WGS-84``, ``GCJ-02``, ``BD-09`` or ``EPSG:nnnn`` (x east, y north; whatever the order
        of the axes in the register).

    Raises
    ------
    BadOption
        The name means nothing.
    """
    try:
        return partial(_named, parse_crs(crs))
    except UnknownCrs:
        code = _EPSG.fullmatch(crs.strip())
    if code is None:
        raise BadOption(f"--crs {crs!r} is not known: use WGS-84, GCJ-02, BD-09 or EPSG:nnnn")
    try:
        there = pyproj.Transformer.from_crs(f"EPSG:{code[1]}", "EPSG:4326", always_xy=True)
    except CRSError as error:
        raise BadOption(f"--crs {crs!r} is not known to PROJ: {error}") from error
    return partial(_projected, there)


def _named(crs: Crs, lon: float, lat: float, accuracy_m: float | None) -> Location:
    _check(lon, lat)
    return Location(lon=lon, lat=lat, crs=crs.value, accuracy_m=accuracy_m)


def _projected(there: pyproj.Transformer, x: float, y: float, accuracy_m: float | None) -> Location:
    lon, lat = there.transform(x, y)
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise RowFault(f"({x}, {y}) lies outside the area of the reference system")
    _check(lon, lat)
    # Seven decimals are a centimetre.
    return Location(lon=round(lon, 7), lat=round(lat, 7), accuracy_m=accuracy_m)


def _check(lon: float, lat: float) -> None:
    if not (abs(lon) <= 180 and abs(lat) <= 90):  # noqa: PLR2004 - degrees; true for NaN
        swapped = abs(lon) <= 90 and abs(lat) <= 180  # noqa: PLR2004
        hint = ": are lat and lon swapped?" if swapped else ": metres need --crs EPSG:nnnn"
        raise RowFault(f"longitude {lon} and latitude {lat} are not on the globe{hint}")
