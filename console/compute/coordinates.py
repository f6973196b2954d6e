"""Coordinates as people type them: decimal degrees, minutes and seconds, in either order."""

import re
import unicodedata
from typing import NamedTuple

__all__ = ["Typed", "read_coordinates"]

_METRES_PER_DEGREE = 111_320.0
_LEAST_M = 10.0
"""What is typed with more digits comes from a receiver or a map that is no more exact."""
_MOST_LAT, _MOST_LON = 90.0, 180.0

_CRS = {
    crs: re.compile(rf"\(?(?:(?<![a-z])(?:{latin})(?![a-z0-9])|{chinese})\)?:?", re.IGNORECASE)
    for crs, latin, chinese in (
        ("WGS-84", r"wgs[-_ ]?84|epsg:?4326|gps", "国际坐标"),
        ("GCJ-02", r"gcj[-_ ]?0?2|amap", "高德|腾讯|火星坐标"),
        ("BD-09", r"bd[-_ ]?0?9|baidu", "百度"),
    )
}
_NORTH = r"n|北纬|lat(?:itude)?|纬度"
_SOUTH, _EAST, _WEST = r"s|南纬", r"e|东经|lon(?:gitude)?|lng|经度", r"w|西经"
_AXIS = f"(?:{_NORTH}|{_SOUTH}|{_EAST}|{_WEST})"
_ANGLE = (
    r"(?P<d{n}>[-+]?\d{{1,3}}(?:\.\d{{1,15}})?)\s*"
    r"(?:[°度d]\s*(?:(?P<m{n}>\d{{1,2}}(?:\.\d{{1,12}})?)\s*['分]\s*"
    r"(?:(?P<s{n}>\d{{1,2}}(?:\.\d{{1,10}})?)\s*(?:''|[\"秒])?\s*)?)?)?"
)
_BEFORE = re.compile(
    rf"\s*(?P<a1>{_AXIS})?[:=\s]*{_ANGLE.format(n=1)}[\s,;/、]+(?P<a2>{_AXIS})?[:=\s]*{_ANGLE.format(n=2)}\s*",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"\s*{one}\s*(?P<a1>{axis})[\s,;/、]*{two}\s*(?P<a2>{axis})\s*".format(
        axis=r"[nsew]", one=_ANGLE.format(n=1), two=_ANGLE.format(n=2)
    ),
    re.IGNORECASE,
)
_TIGHT = re.compile(
    rf"\s*(?P<a1>{_AXIS})[:=\s]*{_ANGLE.format(n=1)}[\s,;/、]*(?P<a2>{_AXIS})[:=\s]*{_ANGLE.format(n=2)}\s*",
    re.IGNORECASE,
)
_WRAPPED = re.compile(r"\s*(?:geo:|point\s*|@)?\(?([^()]*)\)?\s*", re.IGNORECASE)


class Typed(NamedTuple):
    """A point as it was typed, in degrees of the reference system ``crs``, None if not told.

    ``accuracy_m`` is what the last digit leaves open.
    """

    lon: float
    lat: float
    accuracy_m: float
    crs: str | None


def read_coordinates(text: str) -> list[Typed]:
    """Return the points that a text may mean; none if it is no pair of coordinates.

    Two where neither letters nor size tell longitude from latitude, longitude first.

    Examples
    --------
    >>> read_coordinates("31.2233N 121.4456E")
    [Typed(lon=121.4456, lat=31.2233, accuracy_m=10.0, crs=None)]
    """
    plain = unicodedata.normalize("NFKC", text).replace("′", "'").replace("″", '"')
    plain = plain.replace("’", "'").replace("”", '"').replace("''", '"')
    plain, crs = _without_crs(plain)
    is_uri = plain.strip().lower().startswith("geo:")
    wrapped = _WRAPPED.fullmatch(plain)
    if wrapped is None:
        return []
    for form in (_BEHIND, _TIGHT, _BEFORE):
        found = form.fullmatch(wrapped[1])
        if found is not None:
            return _points(found, crs, is_uri=is_uri)
    return []


def _points(found: re.Match[str], crs: str | None, *, is_uri: bool) -> list[Typed]:
    parts = [_degrees(found, n) for n in (1, 2)]
    if None in parts:
        return []
    (first, one_m), (second, two_m) = (part for part in parts if part is not None)
    axes = [_axis(found[f"a{n}"]) for n in (1, 2)]
    first *= -1.0 if axes[0] in ("s", "w") else 1.0
    second *= -1.0 if axes[1] in ("s", "w") else 1.0
    accuracy = round(max(one_m, two_m, _LEAST_M), 1)
    orders = [(first, second), (second, first)]  # longitude, latitude
    if axes[0] in ("n", "s") or axes[1] in ("e", "w") or is_uri:  # RFC 5870: latitude first
        orders = orders[1:]
    elif axes[0] in ("e", "w") or axes[1] in ("n", "s"):
        orders = orders[:1]
    return [
        Typed(lon, lat, accuracy, crs)
        for lon, lat in orders
        if abs(lon) <= _MOST_LON and abs(lat) <= _MOST_LAT
    ]


def _degrees(found: re.Match[str], n: int) -> tuple[float, float] | None:
    """Return an angle, and the metres that its last digit leaves open; None if it is none."""
    degrees, minutes, seconds = found[f"d{n}"], found[f"m{n}"], found[f"s{n}"]
    size, unit = abs(float(degrees)), 1.0
    last = degrees
    for part, share in ((minutes, 60.0), (seconds, 3600.0)):
        if part is None:
            continue
        if float(part) >= 60.0 or "." in last:  # noqa: PLR2004 - minutes and seconds
            return None
        size, unit, last = size + float(part) / share, 1.0 / share, part
    decimals = len(last.partition(".")[2])
    metres = 0.5 * unit * 10.0**-decimals * _METRES_PER_DEGREE
    return (-size if degrees.startswith("-") else size), metres


def _axis(word: str | None) -> str | None:
    if word is None:
        return None
    for letter, words in (("n", _NORTH), ("s", _SOUTH), ("e", _EAST), ("w", _WEST)):
        if re.fullmatch(words, word, re.IGNORECASE):
            return letter
    return None


def _without_crs(text: str) -> tuple[str, str | None]:
    for crs, words in _CRS.items():
        found = words.search(text)
        if found is not None:
            return text[: found.start()] + " " + text[found.end() :], crs
    return text, None
