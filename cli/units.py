"""``jingwei units list | show | refusals``: the fleet, and stamps that were not applied."""

from typing import Annotated

import asyncpg
import msgspec
import typer

from cli.asking import ask
from cli.output import clean, local, unit_kind_name, unit_state_name, write_json, write_table
from cli.services import HomeOption, JsonOption
from infra.ledger.errors import Ambiguous, NotFound
from infra.ledger.queries import Refusal, list_refusals, list_units
from schemas import codes
from schemas.records import Unit

COLUMNS = ("unit", "name", "kind", "state", "since", "station", "position", "incident")
REFUSAL_COLUMNS = ("unit", "stamp", "at", "by", "reason")
_LATEST = 10


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="See the fleet.")
    group.command(name="list")(list_)
    group.command()(show)
    group.command()(refusals)
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
    """Show all of a unit, with the latest of its stamps that were refused."""

    async def question(conn: asyncpg.Connection) -> tuple[Unit, list[Refusal]]:
        found = pick(await list_units(conn), unit)
        return found, await list_refusals(conn, found.id, _LATEST)

    found, refused = ask(home, question)
    if as_json:
        write_json({**msgspec.to_builtins(found), "refusals": refused})
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
    for refusal in refused:
        line = f"{refusal.status}, {local(refusal.at)}, by {refusal.by}: {refusal.reason}"
        typer.echo(clean(f"  {'refused':14}{line}"))


def refusals(
    home: HomeOption = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List stamps of units that were refused, and why."""

    async def question(conn: asyncpg.Connection) -> list[Refusal]:
        return await list_refusals(conn, limit=limit)

    found = ask(home, question)
    if as_json:
        write_json(found)
        return
    write_table(
        REFUSAL_COLUMNS,
        ((one.unit, one.status, local(one.at), one.by, one.reason) for one in found),
        "no stamp was refused",
    )


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
