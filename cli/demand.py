"""``jingwei city demand``: where calls come from, counted in the ledger's incidents."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import cos, radians
from pathlib import Path
from typing import Annotated, NamedTuple

import asyncpg
import typer

from atlas.city import CityData
from atlas.demand import Demand, write_demand
from atlas.errors import CityError
from atlas.folder import load_city
from cli import exit_codes
from cli.asking import ask
from cli.output import write_json
from cli.periods import FromOption, ToOption, time_of
from cli.services import HomeOption, JsonOption
from dispatch.plans import requirements
from infra.ledger.demand import Called, calls, period, policy
from schemas import codes
from schemas.policy import Policy

_FILE = "demand.csv"
_LEAST = timedelta(days=1)
_METRES_A_DEGREE = 111_320.0


class NoCalls(RuntimeError):
    """The ledger has no incident from which demand could be counted."""


exit_codes.BY_ERROR[NoCalls] = exit_codes.FAILED


def register(city: typer.Typer) -> None:
    """Add this command to the group ``city``."""
    city.command()(demand)


def demand(
    folder: Annotated[Path, typer.Argument(help="A city's folder.")],
    home: HomeOption = None,
    *,
    start: FromOption = None,
    end: ToOption = None,
    severity: Annotated[
        list[str] | None, typer.Option(help="Severities that count (default: P1 and P2).")
    ] = None,
    cell: Annotated[
        float, typer.Option("--cell", min=50.0, help="Width of a cell in metres.")
    ] = 500.0,
    as_json: JsonOption = False,
) -> None:
    """Count where calls come from, so that free units wait where they are needed next.

    Writes demand.csv and replaces an earlier one. The city has a new digest: start its workers with
    the folder again.
    """
    city = load_city(folder)
    severities = severity or ["P1", "P2"]
    unknown = [code for code in severities if code not in codes.severities()]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(codes.severities())}")
    since, until = time_of(start, "--from"), time_of(end, "--to")

    async def question(conn: asyncpg.Connection) -> _Found:
        return await _calls(conn, city.manifest.region, severities, since, until)

    found = ask(home, question)
    rows = counted(city, found, cell)
    if not rows:
        raise NoCalls(
            f"the ledger has no incident of {', '.join(severities)} with a place in this period "
            f"to which units of this city would be sent"
        )
    try:
        write_demand(rows, folder / _FILE)
    except OSError as error:
        raise CityError(f"cannot write {folder / _FILE}: {error.strerror}") from error
    _show(folder, rows, found, as_json=as_json)


class _Found(NamedTuple):
    """What the ledger has: events, the days in which they were, and the plans in force."""

    calls: list[Called]
    days: float
    policy: Policy


async def _calls(
    conn: asyncpg.Connection,
    region: str,
    severities: Sequence[str],
    start: datetime | None,
    end: datetime | None,
) -> _Found:
    known = await period(conn, region)
    decides = await policy(conn, region) or codes.default_policy()
    if known is None:
        return _Found([], 1.0, decides)
    since, until = start or known[0], end or known[1] + timedelta(seconds=1)
    found = await calls(conn, region, severities, since, until)
    # Of less than a day nobody can tell how many calls a day has; their places still tell.
    return _Found(found, max(until - since, _LEAST) / timedelta(days=1), decides)


def counted(city: CityData, found: _Found, cell_m: float) -> list[Demand]:
    """Return by kind of unit and cell how many calls a day it is sent to, at their mean place.

    A kind is sent to what asks, by its plan, for something that the kind can do.
    """
    kinds = sorted({unit.kind for unit in city.units})
    able = {kind: set(codes.unit_kind(kind).capabilities) for kind in kinds}
    places: dict[tuple[str, int, int], list[Called]] = {}
    for call in found.calls:
        asked = {one.capability for one in requirements(found.policy, call.category, call.severity)}
        for kind in kinds:
            if not able[kind].isdisjoint(asked):
                places.setdefault((kind, *_cell(call, cell_m)), []).append(call)
    return [
        Demand(
            kind=kind,
            lon=round(sum(call.lon for call in there) / len(there), 6),
            lat=round(sum(call.lat for call in there) / len(there), 6),
            calls_a_day=round(len(there) / found.days, 6),
        )
        for (kind, *_), there in sorted(places.items())
    ]


def _cell(call: Called, metres: float) -> tuple[int, int]:
    """Return the column and row of a place in a grid of cells about so wide."""
    row = round(call.lat * _METRES_A_DEGREE / metres)
    middle = row * metres / _METRES_A_DEGREE
    return round(call.lon * _METRES_A_DEGREE * cos(radians(middle)) / metres), row


def _show(folder: Path, rows: Iterable[Demand], found: _Found, *, as_json: bool) -> None:
    kinds: dict[str, list[float]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row.calls_a_day)
    digest = load_city(folder).digest
    if as_json:
        told = {
            kind: {"cells": len(each), "calls_a_day": round(sum(each), 3)}
            for kind, each in kinds.items()
        }
        file = str(folder / _FILE)
        write_json({"file": file, "events": len(found.calls), "kinds": told, "digest": digest})
        return
    typer.echo(f"{folder / _FILE}: {len(found.calls)} events of {found.days:.1f} days")
    for kind, each in kinds.items():
        typer.echo(f"  {kind:<20} {len(each)} cells, {sum(each):.2f} calls a day")
    typer.echo(f"digest {digest}")
