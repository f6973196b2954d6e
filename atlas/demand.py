"""Where calls come from that a kind of unit answers, in ``demand.csv`` of a city's folder.

===========  =================================================================================
column       meaning
===========  =================================================================================
kind         code of the table ``unit_kinds``
lon, lat     the middle of a place, WGS-84 degrees
calls_a_day  calls of the worst severities from there on an average day, above 0
===========  =================================================================================

With it, units that become free wait where the next calls are best served (``docs/dispatch.md``).
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Final

from atlas.errors import CityError
from atlas.tables import read_rows, write_rows
from schemas import codes
from schemas.policy import Coverage, DemandCell
from schemas.records import Record

__all__ = ["Demand", "coverage", "read_demand", "write_demand"]

_COLUMNS: Final = ("kind", "lon", "lat", "calls_a_day")
_NUMBERS: Final = (("lon", -180.0, 180.0), ("lat", -90.0, 90.0), ("calls_a_day", 1e-6, 1e6))


class Demand(Record, frozen=True, kw_only=True):
    """Calls from one place for one kind of unit, on an average day."""

    kind: str
    lon: float
    lat: float
    calls_a_day: float


def read_demand(path: Path) -> tuple[Demand, ...]:
    """Read a table.

    Raises
    ------
    CityError
        The file cannot be read, or a row has an unknown kind or a number that cannot be; the text
        names the line, the column, the value and what to do.
    """
    return tuple(_row(path, line, row) for line, row in read_rows(path, _COLUMNS, _COLUMNS))


def write_demand(rows: Sequence[Demand], path: Path) -> None:
    """Write a table; raises `OSError`."""
    write_rows(path, _COLUMNS, ((r.kind, r.lon, r.lat, r.calls_a_day) for r in rows))


def coverage(rows: Iterable[Demand]) -> dict[str, Coverage]:
    """Return by kind the rules of a policy that say where free units wait."""
    cells: dict[str, list[DemandCell]] = {}
    for row in rows:
        cell = DemandCell(lon=row.lon, lat=row.lat, calls_a_day=row.calls_a_day)
        cells.setdefault(row.kind, []).append(cell)
    return {kind: Coverage(cells=tuple(found)) for kind, found in sorted(cells.items())}


def _row(path: Path, line: int, values: Mapping[str, str]) -> Demand:
    kind = values["kind"]
    if kind not in codes.unit_kinds():
        known = ", ".join(codes.unit_kinds())
        raise CityError(f"{path}, line {line}: kind is {kind!r:.40}: use one of {known}")
    numbers = {
        name: _number(path, line, name, values[name], least, most) for name, least, most in _NUMBERS
    }
    return Demand(kind=kind, **numbers)


def _number(  # noqa: PLR0917 - a value with where it stands
    path: Path, line: int, name: str, text: str, least: float, most: float
) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number) or not least <= number <= most:
        raise CityError(
            f"{path}, line {line}: {name} is {text!r:.40}: use a number from {least:g} to {most:g}"
        )
    return number
