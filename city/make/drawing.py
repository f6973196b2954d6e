"""The hand-drawn data: the YAML files of ``jingan/`` as typed records."""

from functools import cache
from importlib.resources import files

import msgspec

LonLat = tuple[float, float]


class _Drawn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base: a name in Chinese and in English."""

    name: str
    name_en: str


class Subdistrict(_Drawn, frozen=True, kw_only=True):
    """A sub-district; it owns the area nearest to its centres."""

    id: str
    short: str
    short_en: str
    centres: tuple[LonLat, ...]


class HazardZone(_Drawn, frozen=True, kw_only=True):
    """Special ground within a radius of a place."""

    place: str
    radius_m: float
    hazard: str


class District(_Drawn, frozen=True, kw_only=True):
    """The outline and its parts."""

    id: str
    outline: tuple[LonLat, ...]
    subdistricts: tuple[Subdistrict, ...]
    hazard_zones: tuple[HazardZone, ...]


class Road(_Drawn, frozen=True, kw_only=True):
    """A main road as a polyline; `highway` is OpenStreetMap's class."""

    line: tuple[LonLat, ...]
    highway: str = msgspec.field(name="class", default="motorway")
    lanes: int = 2
    oneway: bool = False


class Roads(msgspec.Struct, frozen=True):
    """Streets that cross at grade, and expressways above them."""

    streets: tuple[Road, ...]
    elevated: tuple[Road, ...]


class DrawnPlace(_Drawn, frozen=True, kw_only=True):
    """A place that people name."""

    id: str
    kind: str
    at: LonLat


@cache
def district() -> District:
    """Return the district as drawn."""
    return msgspec.yaml.decode(_text("outline"), type=District)


@cache
def roads() -> Roads:
    """Return the main roads as drawn."""
    return msgspec.yaml.decode(_text("roads"), type=Roads)


@cache
def places() -> tuple[DrawnPlace, ...]:
    """Return the places as drawn."""
    return msgspec.yaml.decode(_text("places"), type=tuple[DrawnPlace, ...])


def _text(name: str) -> bytes:
    return files("city.make").joinpath("jingan", f"{name}.yaml").read_bytes()
