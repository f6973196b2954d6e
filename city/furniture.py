"""Quantities for generated cities: the table ``furniture.yaml`` as typed records."""

from functools import cache
from importlib.resources import files

import msgspec


class _Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A count at scale 1, and the least count at any scale."""

    count: int
    least: int

    def at(self, scale: float) -> int:
        """Return the count at a scale; 1 is the demo city's."""
        return max(self.least, round(self.count * scale))


class Fleet(_Counted, frozen=True, kw_only=True):
    """Units of one kind; ``name`` is a pattern with ``{n}``."""

    kind: str
    name: str
    name_en: str


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A kind of station, and its units."""

    kind: str
    name: str
    name_en: str
    stations: int
    units: tuple[Fleet, ...]

    def stations_at(self, scale: float) -> int:
        """Return the number of stations at a scale."""
        return max(1, round(self.stations * scale))


class Buildings(_Counted, frozen=True, kw_only=True):
    """Generated buildings of one kind, beside ``main`` or ``quiet`` streets."""

    kind: str
    beside: str


class Sensors(_Counted, frozen=True, kw_only=True):
    """Sensors of one property, at places of these kinds or beside streets of a class."""

    property: str
    name: str
    at_kinds: tuple[str, ...] = msgspec.field(name="at", default=())
    beside: str | None = None


class Furniture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole table."""

    services: tuple[Service, ...]
    buildings: tuple[Buildings, ...]
    sensors: tuple[Sensors, ...]


@cache
def furniture() -> Furniture:
    """Return the table."""
    text = files("city").joinpath("furniture.yaml").read_bytes()
    return msgspec.yaml.decode(text, type=Furniture)
