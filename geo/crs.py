"""Coordinate systems: conversion to WGS-84, and distances.

GPS and OpenStreetMap use WGS-84. Maps and phones in China use GCJ-02 (AMap, Tencent), which is
off by up to 700 m (485 m at Jing'an), or BD-09 (Baidu), which adds another shift to GCJ-02.
Everything is converted to WGS-84 at the edge, so later code needs this module only for metres.

Outside a rough bounding box of China (72.004 to 137.8347 E, 0.8293 to 55.8271 N; the box that all
published implementations use, far larger than the country) GCJ-02 and BD-09 equal WGS-84 here.
Along the box's border, a strip as wide as the shift, the systems are not one-to-one; there the
inverse prefers the point inside.

Source of the formulae: the public reverse engineering of GCJ-02 (Krasovsky 1940 ellipsoid) and
Baidu's shift, as in every open implementation. Floats and arrays may differ in the last bit.
"""

# ruff: noqa: ANN401 - one formula for floats and arrays; the overloads give the exact types

import enum
import functools
import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyproj

from geo.errors import BadCoordinates, UnknownCrs

__all__ = [
    "Crs",
    "FloatArray",
    "Metric",
    "check_lonlat",
    "from_wgs84",
    "haversine_m",
    "parse_crs",
    "to_wgs84",
    "utm_for",
]

FloatArray = npt.NDArray[np.float64]

_NUMBER = (float, int)
EARTH_RADIUS_M = 6_371_008.8  # IUGG mean radius
_KRASOVSKY_A = 6378245.0
_KRASOVSKY_EE = 0.00669342162296594323
_BD_PI = math.pi * 3000.0 / 180.0
_CHINA = (72.004, 137.8347, 0.8293, 55.8271)
_WIDEST_SHIFT = 0.05  # degrees, generously
# Each step shrinks the error at least 40 times (BD-09) or 200 times (GCJ-02): from 0.007 degrees to
# the last bit. The count is fixed so that a point's result never depends on its neighbours.
_STEPS = 7


class Crs(enum.StrEnum):
    """The reference systems that input may use."""

    WGS84 = "WGS-84"
    GCJ02 = "GCJ-02"
    BD09 = "BD-09"


_ALIASES = {
    "wgs84": Crs.WGS84,
    "epsg4326": Crs.WGS84,
    "crs84": Crs.WGS84,
    "ogccrs84": Crs.WGS84,
    "urnogcdefcrsogc1.3crs84": Crs.WGS84,
    "urnogcdefcrsepsg4326": Crs.WGS84,
    "gps": Crs.WGS84,
    "gcj02": Crs.GCJ02,
    "gcj": Crs.GCJ02,
    "amap": Crs.GCJ02,
    "bd09": Crs.BD09,
    "bd09ll": Crs.BD09,
    "baidu": Crs.BD09,
}


def parse_crs(text: str) -> Crs:
    """Return the reference system with this name.

    Parameters
    ----------
    text
        A name such as ``WGS-84``, ``EPSG:4326``, ``gcj02`` or ``BD-09``; case, blanks, hyphens,
        underscores and colons do not matter.

    Raises
    ------
    UnknownCrs
        The name is unknown.
    """
    squeezed = text.casefold().translate(dict.fromkeys(map(ord, " -_:/")))
    try:
        return _ALIASES[squeezed]
    except KeyError:
        raise UnknownCrs(
            f"unknown coordinate reference system {text[:40]!r}: use WGS-84 (EPSG:4326), GCJ-02 "
            "or BD-09, or convert the coordinates first"
        ) from None


def check_lonlat(lon: object, lat: object) -> None:
    """Check longitude and latitude in degrees.

    Parameters
    ----------
    lon, lat
        Numbers or arrays of equal shape, in degrees.

    Raises
    ------
    BadCoordinates
        A value is missing, NaN, infinite or off the globe, or the shapes differ.
    """
    if type(lon) is float and type(lat) is float and abs(lon) <= 180.0 and abs(lat) <= 90.0:  # noqa: PLR2004
        return  # one point needs no arrays: every report and position asks
    try:
        lons = np.asarray(lon, dtype=np.float64)
        lats = np.asarray(lat, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadCoordinates(
            f"longitude {lon!r:.40} and latitude {lat!r:.40} are not numbers: give degrees"
        ) from None
    if lons.shape != lats.shape:
        raise BadCoordinates(
            f"{lons.shape} longitudes but {lats.shape} latitudes: give the same number of each"
        )
    good = (np.abs(lons) <= 180.0) & (np.abs(lats) <= 90.0)  # noqa: PLR2004 - false for NaN
    if not good.all():
        first = int(np.argmin(good.ravel()))
        raise BadCoordinates(
            f"longitude {lons.ravel()[first]} and latitude {lats.ravel()[first]} (point {first}) "
            "are not on the globe: give degrees, longitude first"
        )


@overload
def to_wgs84(lon: float, lat: float, crs: Crs | str) -> tuple[float, float]: ...
@overload
def to_wgs84(lon: FloatArray, lat: FloatArray, crs: Crs | str) -> tuple[FloatArray, FloatArray]: ...
def to_wgs84(lon: Any, lat: Any, crs: Crs | str) -> tuple[Any, Any]:
    """Convert from a named system to WGS-84.

    Parameters
    ----------
    lon, lat
        Degrees in `crs`: two floats, or two arrays of equal shape.
    crs
        A `Crs` or any name that `parse_crs` knows.

    Returns
    -------
    lon, lat
        Degrees in WGS-84, floats or arrays like the input; the inverse is exact to a micrometre.

    Raises
    ------
    UnknownCrs, BadCoordinates
    """
    lon, lat, system, xp = _prepared(lon, lat, crs)
    if system is Crs.BD09:
        lon, lat = _inverted(lon, lat, _bd_shift, xp)
    if system is not Crs.WGS84:
        lon, lat = _inverted(lon, lat, _gcj_shift, xp)
    return lon, lat


@overload
def from_wgs84(lon: float, lat: float, crs: Crs | str) -> tuple[float, float]: ...
@overload
def from_wgs84(
    lon: FloatArray, lat: FloatArray, crs: Crs | str
) -> tuple[FloatArray, FloatArray]: ...
def from_wgs84(lon: Any, lat: Any, crs: Crs | str) -> tuple[Any, Any]:
    """Convert from WGS-84 to a named system; parameters and errors as in `to_wgs84`."""
    lon, lat, system, xp = _prepared(lon, lat, crs)
    if system is not Crs.WGS84:
        lon, lat = _shifted(lon, lat, _gcj_shift, xp)
    if system is Crs.BD09:
        lon, lat = _shifted(lon, lat, _bd_shift, xp)
    return lon, lat


def _prepared(lon: Any, lat: Any, crs: Crs | str) -> tuple[Any, Any, Crs, ModuleType]:
    system = crs if isinstance(crs, Crs) else parse_crs(crs)
    if type(lon) is float and type(lat) is float:
        if not (abs(lon) <= 180.0 and abs(lat) <= 90.0):  # noqa: PLR2004 - true for NaN
            check_lonlat(lon, lat)
        return lon, lat, system, math
    check_lonlat(lon, lat)
    if np.ndim(lon) == 0:
        return float(lon), float(lat), system, math
    return np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64), system, np


def _in_china(lon: Any, lat: Any, margin: float = 0.0) -> Any:
    west, east, south, north = _CHINA
    in_lon = (lon >= west - margin) & (lon <= east + margin)
    return in_lon & (lat >= south - margin) & (lat <= north + margin)


def _choose(condition: Any, yes: Any, no: Any, xp: ModuleType) -> Any:
    if xp is math:
        return yes if condition else no
    return np.where(condition, yes, no)


def _shifted(lon: Any, lat: Any, shift: Any, xp: ModuleType) -> tuple[Any, Any]:
    inside = _in_china(lon, lat)
    dlon, dlat = shift(lon, lat, xp)
    return _choose(inside, lon + dlon, lon, xp), _choose(inside, lat + dlat, lat, xp)


def _inverted(lon: Any, lat: Any, shift: Any, xp: ModuleType) -> tuple[Any, Any]:
    """Undo a shift by fixed-point iteration: find p with p + shift(p) = (lon, lat)."""
    # Far outside, where the shift may not converge, iterate from the centre of the box instead.
    near = _in_china(lon, lat, margin=_WIDEST_SHIFT)
    goal_x, goal_y = _choose(near, lon, 105.0, xp), _choose(near, lat, 35.0, xp)
    x, y = goal_x, goal_y
    for _ in range(_STEPS):
        dlon, dlat = shift(x, y, xp)
        x, y = goal_x - dlon, goal_y - dlat
    inside = near & _in_china(x, y)
    return _choose(inside, x, lon, xp), _choose(inside, y, lat, xp)


def _gcj_shift(lon: Any, lat: Any, xp: ModuleType) -> tuple[Any, Any]:
    x, y = lon - 105.0, lat - 35.0
    pi, sin = math.pi, xp.sin
    root = xp.sqrt(xp.fabs(x))
    common = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    phi = lat / 180.0 * pi
    magic = 1.0 - _KRASOVSKY_EE * sin(phi) ** 2
    meridian = _KRASOVSKY_A * (1.0 - _KRASOVSKY_EE) / (magic * xp.sqrt(magic))
    parallel = _KRASOVSKY_A / xp.sqrt(magic) * xp.cos(phi)
    return east * 180.0 / (parallel * pi), north * 180.0 / (meridian * pi)


def _bd_shift(lon: Any, lat: Any, xp: ModuleType) -> tuple[Any, Any]:
    radius = xp.sqrt(lon * lon + lat * lat) + 0.00002 * xp.sin(lat * _BD_PI)
    theta = xp.atan2(lat, lon) + 0.000003 * xp.cos(lon * _BD_PI)
    return radius * xp.cos(theta) + 0.0065 - lon, radius * xp.sin(theta) + 0.006 - lat


@overload
def haversine_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float: ...
@overload
def haversine_m(
    lon1: FloatArray, lat1: FloatArray, lon2: FloatArray | float, lat2: FloatArray | float
) -> FloatArray: ...
def haversine_m(lon1: Any, lat1: Any, lon2: Any, lat2: Any) -> Any:
    """Great-circle distance in metres on the mean sphere (within 0.5 % of the ellipsoid).

    Parameters
    ----------
    lon1, lat1, lon2, lat2
        WGS-84 degrees: floats, or arrays against arrays or against one point.
    """
    plain = isinstance(lon1, _NUMBER) and isinstance(lat1, _NUMBER)
    plain = plain and isinstance(lon2, _NUMBER) and isinstance(lat2, _NUMBER)
    xp: Any = math if plain else np
    phi1, phi2 = lat1 * (math.pi / 180.0), lat2 * (math.pi / 180.0)
    sin_phi = xp.sin((phi2 - phi1) / 2.0)
    sin_lam = xp.sin((lon2 - lon1) * (math.pi / 360.0))
    h = sin_phi * sin_phi + xp.cos(phi1) * xp.cos(phi2) * sin_lam * sin_lam
    h = min(h, 1.0) if xp is math else np.minimum(h, 1.0)
    return 2.0 * EARTH_RADIUS_M * xp.asin(xp.sqrt(h))


@dataclass(frozen=True, slots=True)
class Metric:
    """A local projection to metres: UTM, whose scale errs below 0.1 % within its zone."""

    epsg: int
    _there: pyproj.Transformer
    _back: pyproj.Transformer

    def forward(self, lon: Any, lat: Any) -> tuple[Any, Any]:
        """WGS-84 degrees, longitude first, to (x east, y north) metres; floats or arrays."""
        x, y = self._there.transform(lon, lat)
        return x, y

    def inverse(self, x: Any, y: Any) -> tuple[Any, Any]:
        """(x, y) metres to (lon, lat) WGS-84 degrees; floats or arrays."""
        lon, lat = self._back.transform(x, y)
        return lon, lat


def utm_for(lon: float, lat: float) -> Metric:
    """Choose the UTM zone of a place (EPSG:32651 at Shanghai) as its metric projection.

    Raises
    ------
    BadCoordinates
    """
    check_lonlat(lon, lat)
    zone = min(int((lon + 180.0) // 6.0) + 1, 60)
    return _metric((32600 if lat >= 0 else 32700) + zone)


@functools.lru_cache(maxsize=16)
def _metric(epsg: int) -> Metric:
    there = pyproj.Transformer.from_crs("EPSG:4326", f"EPSG:{epsg}", always_xy=True)
    back = pyproj.Transformer.from_crs(f"EPSG:{epsg}", "EPSG:4326", always_xy=True)
    return Metric(epsg, there, back)
