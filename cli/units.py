"""``jingwei units list | show``: the fleet as it stands."""

from typing import Annotated

import asyncpg
import typer

from cli.asking import ask
from cli.output import clean, local, unit_kind_name, unit_state_name, write_json, write_table
from cli.services import HomeOption, JsonOption
from infra.ledger.errors import Ambiguous, NotFound
from infra.ledger.queries import list_units
from schemas import codes
from schemas.records import Unit

COLUMNS = ("unit", "name", "kind", "state", "since", "station", "position", "incident")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="See the fleet.")
    group.command(name="list")(list_)
    group.command()(show)
    app.add_typer(group, name="units")


def list_(
    home: HomeOption = None,
    *,
    kind: Annotated[list[str] | None, typer.Option(help="Such as ambulance.")] = None,
    state: Annotated[list[str] | None, typer.Option(help="Such as available.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List units with their state, place and incident."""
    units = [
        unit
        for unit in ask(home, list_units)
        if (not kind or unit.kind in kind) and (not state or unit.state in state)
    ]
    if as_json:
        write_json(units)
        return
    write_table(COLUMNS, map(row, units), "no such unit: has a worker taken over a city yet?")


def show(
    unit: Annotated[str, typer.Argument(metavar="ID", help="A unit's id, or a unique beginning.")],
    home: HomeOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show all of a unit."""

    async def question(conn: asyncpg.Connection) -> Unit:
        return pick(await list_units(conn), unit)

    found = ask(home, question)
    if as_json:
        write_json(found)
        return
    heading = f"{found.id}  {found.name}  {unit_kind_name(found.kind)}"
    typer.echo(clean(heading))
    for name, value in (
        ("state", unit_state_name(found.state)),
        ("availability", codes.unit_state(found.state).availability),
        ("since", local(found.status_at)),
        ("reason", found.reason),
        ("department", found.department),
        ("can do", ", ".join(found.capabilities)),
        ("station", found.station),
        ("position", f"{found.position.lon:.6f}, {found.position.lat:.6f}"),
        ("seen there", local(found.position_at) or "never: taken to be at home"),
        ("incident", found.incident),
        ("assignment", found.assignment),
    ):
        if value:
            typer.echo(clean(f"  {name:14}{value}"))


def pick(units: list[Unit], key: str) -> Unit:
    """Return the unit with this id or unique beginning; raises `NotFound`, `Ambiguous`."""
    found = [unit for unit in units if unit.id == key] or [
        unit for unit in units if unit.id.startswith(key)
    ]
    if not found or not key:
        raise NotFound(f"no unit is {key!r}: `jingwei units list` shows their ids")
    if len(found) > 1:
        some = ", ".join(unit.id for unit in found[:5])
        raise Ambiguous(f"{key!r} could be {some}{' …' if len(found) > 5 else ''}: give more of it")  # noqa: PLR2004
    return found[0]


def row(unit: Unit) -> tuple[str, ...]:
    """Return a unit's cells under `COLUMNS`."""
    return (
        unit.id,
        unit.name,
        unit_kind_name(unit.kind),
        unit_state_name(unit.state),
        local(unit.status_at),
        unit.station,
        f"{unit.position.lon:.5f},{unit.position.lat:.5f}",
        unit.incident or "",
    )
