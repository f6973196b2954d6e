"""``jingwei incidents list | show | watch``, and the operators' commands beside them."""

from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from cli import commands, watching
from cli.asking import ask
from cli.output import (
    category_name,
    incident_state_name,
    local,
    write_json,
    write_table,
)
from cli.services import HomeOption, JsonOption
from cli.story import tell
from infra.ledger.queries import (
    EVIDENCE_PAGE,
    IncidentFilter,
    IncidentLine,
    IncidentWhole,
    find_incident,
    list_incidents,
    show_incident,
)

COLUMNS = ("number", "severity", "category", "state", "where", "opened", "ack", "units")

IncidentArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="An id, a number such as 310106-20261124-0007, or a unique part: 0007."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="See incidents, and decide on them.")
    group.command(name="list")(list_)
    group.command()(show)
    group.command()(watch)
    commands.register(group)
    app.add_typer(group, name="incidents")


def list_(
    home: HomeOption = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    state: Annotated[list[str] | None, typer.Option(help="Only in this state.")] = None,
    severity: Annotated[list[str] | None, typer.Option(help="P1 to P4.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Such as fire.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List incidents, the worst and latest first; the open ones unless asked otherwise."""
    wanted = IncidentFilter(
        open=None if everything or state else True,
        states=state or None,
        severities=severity or None,
        categories=category or None,
        limit=limit,
    )

    async def question(conn: asyncpg.Connection) -> list[IncidentLine]:
        return await list_incidents(conn, wanted)

    lines = by_severity(ask(home, question))
    if as_json:
        write_json(lines)
        return
    write_table(COLUMNS, map(row, lines), "no such incident")


def show(
    incident: IncidentArgument,
    home: HomeOption = None,
    *,
    page: Annotated[int, typer.Option(min=1, help=f"Of its evidence, {EVIDENCE_PAGE} a page.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Show all of an incident: what happened, who was sent, and why."""
    whole = find(home, incident, page=page - 1)
    if as_json:
        write_json(whole)
        return
    for line in tell(whole):
        typer.echo(line)


def watch(
    home: HomeOption = None,
    *,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between looks.")] = 1.0,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, help="Seconds to watch; for ever without.")
    ] = None,
) -> None:
    """Watch open incidents, units on their way and alerts; elsewhere a line a change."""
    watching.watch(home, every_s=every, for_s=seconds)


def find(home: Path | None, key: str, *, page: int = 0) -> IncidentWhole:
    """Return all of an incident by id, number or unique part; raises `NotFound`, `Ambiguous`."""

    async def question(conn: asyncpg.Connection) -> IncidentWhole:
        return await show_incident(conn, await find_incident(conn, key), page=page)

    return ask(home, question)


def by_severity(lines: list[IncidentLine]) -> list[IncidentLine]:
    """Return lines with the worst first, those of one severity in the order they came."""
    return sorted(lines, key=lambda line: line.incident.severity)


def row(line: IncidentLine) -> tuple[str, ...]:
    """Return an incident's cells under `COLUMNS`."""
    incident = line.incident
    return (
        incident.number,
        incident.severity,
        category_name(incident.category),
        incident_state_name(incident.state),
        incident.title.partition(": ")[2] or incident.title,
        local(incident.opened_at),
        incident.acknowledged_by or "",
        " ".join(line.units) + (f" short: {'; '.join(incident.short)}" if incident.short else ""),
    )
