"""``jingwei incidents list | show | watch``, and the operators' commands beside them."""

from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from cli import commands, watching
from cli.asking import ask
from cli.options import LanguageOption
from cli.output import (
    category_name,
    incident_state_name,
    language,
    local,
    severity_name,
    severity_order,
    write_json,
    write_table,
)
from cli.services import HomeOption, JsonOption
from cli.story import as_published, tell
from infra.ledger.queries import (
    EVIDENCE_PAGE,
    IncidentFilter,
    IncidentLine,
    IncidentWhole,
    find_incident,
    list_incidents,
    show_incident,
)
from schemas import outputs
from schemas.words import short_of

COLUMNS = ("number", "severity", "category", "state", "where", "opened", "ack", "units")

IncidentArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="An id, a number such as 310106-20261124-0007, or a unique part: 0007."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Show incidents and decide on them.")
    group.command(name="list")(list_)
    group.command()(show)
    group.command()(watch)
    commands.register(group)
    app.add_typer(group, name="incidents")


def list_(
    home: HomeOption = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Include closed incidents.")] = False,
    state: Annotated[list[str] | None, typer.Option(help="Only in this state.")] = None,
    severity: Annotated[
        list[str] | None, typer.Option(help="Only with this severity: P1 to P4, or unknown.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Only of this category, such as fire.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    lang: LanguageOption = None,  # noqa: ARG001 - its callback sets it
    as_json: JsonOption = False,
) -> None:
    """List incidents: unread ones, then by severity, newest first; by default open ones only."""
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
        write_json(
            [{"incident": outputs.incident(one.incident), "units": one.units} for one in lines]
        )
        return
    write_table(COLUMNS, map(row, lines), "no such incident")


def show(
    incident: IncidentArgument,
    home: HomeOption = None,
    *,
    page: Annotated[
        int, typer.Option(min=1, help=f"Page of evidence, {EVIDENCE_PAGE} per page.")
    ] = 1,
    lang: LanguageOption = None,  # noqa: ARG001 - its callback sets it
    as_json: JsonOption = False,
) -> None:
    """Show an incident in full: timeline, evidence, units, and the reasons."""
    whole = find(home, incident, page=page - 1)
    if as_json:
        write_json(as_published(whole))
        return
    for line in tell(whole):
        typer.echo(line)


def watch(
    home: HomeOption = None,
    *,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between updates.")] = 1.0,
    seconds: Annotated[
        float | None,
        typer.Option("--for", min=0, help="Seconds to watch (default: until interrupted)."),
    ] = None,
    lang: LanguageOption = None,  # noqa: ARG001 - its callback sets it
) -> None:
    """Watch open incidents, units on their way and alerts; off a terminal, one line per change."""
    watching.watch(home, every_s=every, for_s=seconds)


def find(home: Path | None, key: str, *, page: int = 0) -> IncidentWhole:
    """Return an incident in full by id, number or unique part; raises `NotFound`, `Ambiguous`."""

    async def question(conn: asyncpg.Connection) -> IncidentWhole:
        return await show_incident(conn, await find_incident(conn, key), page=page)

    return ask(home, question)


def by_severity(lines: list[IncidentLine]) -> list[IncidentLine]:
    """Return what nobody has read, then the worst severity first, otherwise in their order."""
    return sorted(lines, key=lambda line: severity_order(line.incident))


def row(line: IncidentLine) -> tuple[str, ...]:
    """Return an incident's cells under `COLUMNS`."""
    incident = line.incident
    return (
        incident.number,
        severity_name(incident.severity),
        category_name(incident.category),
        incident_state_name(incident.state),
        incident.title.partition(": ")[2] or incident.title,
        local(incident.opened_at),
        incident.acknowledged_by or "",
        " ".join(line.units)
        + (f" short: {short_of(incident.short, language())}" if incident.short else ""),
    )
