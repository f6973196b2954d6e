"""``jingwei units list | show | refusals``: the fleet, and refused stamps."""

from typing import Annotated

import asyncpg
import msgspec
import typer

from cli.asking import ask
from cli.options import LanguageOption
from cli.output import clean, local, say, unit_kind_name, unit_state_name, write_json, write_table
from cli.services import HomeOption, JsonOption
from infra.ledger.errors import Ambiguous, NotFound
from infra.ledger.queries import Refusal, incident_numbers, list_refusals, list_units
from schemas import codes
from schemas.records import Standby, Unit
from schemas.words import render

COLUMNS = ("unit", "name", "kind", "state", "since", "station", "position", "incident")
REFUSAL_COLUMNS = ("unit", "stamp", "at", "by", "reason")
_LATEST = 10


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Show the fleet.")
    group.command(name="list")(list_)
    group.command()(show)
    group.command()(refusals)
    app.add_typer(group, name="units")


def list_(
    home: HomeOption = None,
    *,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only of this kind, such as ambulance.")
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Only in this state, such as available.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List units with their state, place and incident."""

    async def question(conn: asyncpg.Connection) -> tuple[list[Unit], dict[str, str]]:
        units = [
            unit
            for unit in await list_units(conn)
            if (not kind or unit.kind in kind) and (not state or unit.state in state)
        ]
        return units, await incident_numbers(conn, (unit.incident for unit in units))

    units, numbers = ask(home, question)
    if as_json:
        write_json([_published(unit) for unit in units])
        return
    rows = (row(unit, numbers) for unit in units)
    write_table(COLUMNS, rows, "no such unit: has a worker started with a city?")


def show(
    unit: Annotated[str, typer.Argument(metavar="ID", help="A unit's id, or a unique prefix.")],
    home: HomeOption = None,
    *,
    lang: LanguageOption = None,  # noqa: ARG001 - its callback sets it
    as_json: JsonOption = False,
) -> None:
    """Show a unit in full, with its latest refused stamps."""

    async def question(
        conn: asyncpg.Connection,
    ) -> tuple[Unit, list[Refusal], dict[str, str]]:
        found = pick(await list_units(conn), unit)
        numbers = await incident_numbers(conn, [found.incident])
        return found, await list_refusals(conn, found.id, _LATEST), numbers

    found, refused, numbers = ask(home, question)
    if as_json:
        write_json({**_published(found), "refusals": refused})
        return
    heading = f"{found.id}  {found.name}  {unit_kind_name(found.kind)}"
    typer.echo(clean(heading))
    for name, value in (
        ("state", unit_state_name(found.state)),
        ("availability", codes.unit_state(found.state).availability),
        ("since", local(found.status_at)),
        ("reason", None if found.reason is None else say(found.reason)),
        ("department", found.department),
        ("can do", ", ".join(found.capabilities)),
        ("station", found.station),
        ("waits at", _standby(found)),
        ("position", f"{found.position.lon:.6f}, {found.position.lat:.6f}"),
        ("seen there", local(found.position_at) or "never: assumed to be at its station"),
        ("incident", numbers.get(found.incident or "", found.incident)),
        ("assignment", found.assignment),
    ):
        if value:
            typer.echo(clean(f"  {name:14}{value}"))
    for refusal in refused:
        line = f"{refusal.status}, {local(refusal.at)}, by {refusal.by}: {say(refusal.said)}"
        typer.echo(clean(f"  {'refused':14}{line}"))


def refusals(
    home: HomeOption = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, latest first.")] = 50,
    lang: LanguageOption = None,  # noqa: ARG001 - its callback sets it
    as_json: JsonOption = False,
) -> None:
    """List refused stamps of units, with reasons."""

    async def question(conn: asyncpg.Connection) -> list[Refusal]:
        return await list_refusals(conn, limit=limit)

    found = ask(home, question)
    if as_json:
        write_json(found)
        return
    write_table(
        REFUSAL_COLUMNS,
        ((one.unit, one.status, local(one.at), one.by, say(one.said)) for one in found),
        "no stamp was refused",
    )


def _standby(unit: Unit) -> str | None:
    """Return where a unit is to wait and why, if that is not its station."""
    if not isinstance(unit.standby, Standby):
        return None
    return f"{unit.standby.station} ({'; '.join(map(say, unit.standby.reasons))})"


def _published(unit: Unit) -> dict[str, object]:
    """Return a unit for programs: its reason in English, and the data beside it."""
    known: dict[str, object] = msgspec.to_builtins(unit)
    reason = None if unit.reason is None else render(unit.reason)
    return known | {"reason": reason, "said": known["reason"]}


def pick(units: list[Unit], key: str) -> Unit:
    """Return the unit with this id or unique prefix; raises `NotFound`, `Ambiguous`."""
    found = [unit for unit in units if unit.id == key] or [
        unit for unit in units if unit.id.startswith(key)
    ]
    if not found or not key:
        raise NotFound(f"there is no unit {key!r}: `jingwei units list` shows all ids")
    if len(found) > 1:
        some = ", ".join(unit.id for unit in found[:5])
        raise Ambiguous(f"{key!r} could be {some}{' …' if len(found) > 5 else ''}: give more of it")  # noqa: PLR2004
    return found[0]


def row(unit: Unit, numbers: dict[str, str]) -> tuple[str, ...]:
    """Return a unit's cells under `COLUMNS`; ``numbers`` are those of incidents, by id."""
    return (
        unit.id,
        unit.name,
        unit_kind_name(unit.kind),
        unit_state_name(unit.state),
        local(unit.status_at),
        unit.station,
        f"{unit.position.lon:.5f},{unit.position.lat:.5f}",
        numbers.get(unit.incident or "", unit.incident or ""),
    )
