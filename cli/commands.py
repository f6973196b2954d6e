"""An operator's command: into the journal, and its outcome from the ledger.

``jingwei incidents ack | assign | override | unassign | state | classify | note | hold |
resume | merge | unmerge | split | keep-apart | close | reopen``. A command is a journal entry
like all others: it is carried out, or refused with the reason, in the journal's order.
``--dry-run`` says what it would change; where two incidents become one, or one becomes two, that is
shown first.
"""

import getpass
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import asyncpg
import msgspec
import typer

from cli.asking import ask
from cli.options import LanguageOption
from cli.orders import NoAnswer, Order, tell
from cli.output import local, say, shorten, write_json, write_table
from cli.services import HomeOption, JsonOption
from infra.ledger.commands import Answer, command_answers, command_history
from infra.ledger.queries import find_incident
from schemas import journal
from schemas.records import Point

COLUMNS = ("at", "operator", "incident", "command", "asked", "outcome", "reason")
_LONGEST = 100

IncidentArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id, number or a unique part of either.")
]
UnitsArgument = Annotated[
    list[str],
    typer.Argument(metavar="UNIT…", help="Units by id, with or without the region, or by name."),
]
ReasonOption = Annotated[
    str, typer.Option("--reason", "-m", help="The reason, kept in the timeline.")
]


def register(group: typer.Typer) -> None:
    """Add the operators' commands to ``jingwei incidents``."""
    for name, function in _COMMANDS.items():
        group.command(name=name)(_operators(function))
    group.command(name="outcome")(outcome)
    group.command(name="commands")(commands)


def outcome(
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="The command's id.")],
    home: HomeOption = None,
    *,
    lang: LanguageOption = None,  # noqa: ARG001 - its callback sets it
    as_json: JsonOption = False,
) -> None:
    """Show the outcome of a command that had no answer in time."""

    async def question(conn: asyncpg.Connection) -> Answer | None:
        return (await command_answers(conn, [command])).get(command)

    found = ask(home, question)
    if found is None:
        raise NoAnswer(f"no answer to a command {command} is known: wait, or check its id")
    tell(found, as_json=as_json)


def commands(
    home: HomeOption = None,
    *,
    operator: Annotated[str | None, typer.Option(help="Only this operator's.")] = None,
    incident: Annotated[
        str | None, typer.Option(metavar="ID", help="Only on this incident.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the latest first.")] = 50,
    lang: LanguageOption = None,  # noqa: ARG001 - its callback sets it
    as_json: JsonOption = False,
) -> None:
    """List operators' commands and their outcomes."""

    async def question(conn: asyncpg.Connection) -> list[Answer]:
        of = None if incident is None else await find_incident(conn, incident)
        return await command_history(conn, operator=operator, incident=of, limit=limit)

    found = ask(home, question)
    if as_json:
        write_json(found)
        return
    write_table(COLUMNS, map(_row, found), "no command was answered yet")


def acknowledge() -> journal.Action:
    """Acknowledge an incident: you have seen it."""
    return journal.Acknowledge()


def assign(
    units: Annotated[
        list[str] | None,
        typer.Argument(metavar="[UNIT…]", help="The recommended ones by default."),
    ] = None,
    *,
    reason: ReasonOption = "",
) -> journal.Action:
    """Send units to an incident: these, or the recommended ones."""
    return journal.Assign(units=tuple(units or ()), reason=reason)


def override(units: UnitsArgument, *, reason: ReasonOption) -> journal.Action:
    """Replace the units under way by these."""
    return journal.Override(units=tuple(units), reason=reason)


def unassign(units: UnitsArgument, *, reason: ReasonOption) -> journal.Action:
    """Call units back from an incident."""
    return journal.Unassign(units=tuple(units), reason=reason)


def state(
    to: Annotated[str, typer.Argument(metavar="STATE", help="For example controlled.")],
    *,
    reason: ReasonOption = "",
) -> journal.Action:
    """Set the state of an incident."""
    return journal.SetState(state=to, reason=reason)


def classify(
    *,
    category: Annotated[str | None, typer.Option(help="For example fire.")] = None,
    severity: Annotated[str | None, typer.Option(help="P1 to P4.")] = None,
    place: Annotated[
        str | None, typer.Option("--at", metavar="LON,LAT", help="WGS-84 degrees.")
    ] = None,
    reason: ReasonOption = "",
) -> journal.Action:
    """Correct an incident's category, severity or place."""
    point = None if place is None else _point(place)
    return journal.Classify(category=category, severity=severity, point=point, reason=reason)


def note(text: Annotated[str, typer.Argument(metavar="TEXT")]) -> journal.Action:
    """Add a remark to an incident's timeline."""
    return journal.AddNote(text=text)


def hold(*, reason: ReasonOption) -> journal.Action:
    """Suspend automatic decisions on an incident."""
    return journal.Hold(reason=reason)


def resume() -> journal.Action:
    """End a hold."""
    return journal.Resume()


def merge(
    into: Annotated[str, typer.Argument(metavar="INTO", help="The incident that stays.")],
    *,
    reason: ReasonOption = "",
) -> journal.Action:
    """Merge an incident into another one: both are the same event."""
    return journal.Merge(into=into, reason=reason)


def unmerge(*, reason: ReasonOption) -> journal.Action:
    """Undo the merge of ID into another incident: it is a separate event."""
    return journal.Unmerge(reason=reason)


def split(
    evidence: Annotated[
        list[str],
        typer.Argument(
            metavar="EVIDENCE…", help="Ids of evidence, reports or sensors, as `show` lists them."
        ),
    ],
    *,
    into: Annotated[
        str | None,
        typer.Option(
            "--into", metavar="ID", help="The incident that gets it; a new one by default."
        ),
    ] = None,
    reason: ReasonOption,
) -> journal.Action:
    """Move evidence out of an incident, into another one or a new one."""
    return journal.Split(evidence=tuple(evidence), reason=reason, into=into)


def keep_apart() -> journal.Action:
    """Keep an incident apart from a suggested duplicate."""
    return journal.KeepApart()


def close(
    *,
    disposition: Annotated[
        str,
        typer.Option(
            "--disposition",
            "-d",
            help="resolved, unfounded, cancelled, duplicate, referred or no_action.",
        ),
    ],
    reason: ReasonOption = "",
) -> journal.Action:
    """Close an incident with a disposition."""
    return journal.Close(disposition=disposition, reason=reason)


def reopen(*, reason: ReasonOption) -> journal.Action:
    """Open a closed incident again."""
    return journal.Reopen(reason=reason)


_COMMANDS: dict[str, Callable[..., journal.Action]] = {
    "ack": acknowledge,
    "assign": assign,
    "override": override,
    "unassign": unassign,
    "state": state,
    "classify": classify,
    "note": note,
    "hold": hold,
    "resume": resume,
    "merge": merge,
    "unmerge": unmerge,
    "split": split,
    "keep-apart": keep_apart,
    "close": close,
    "reopen": reopen,
}


def _operators(function: Callable[..., journal.Action]) -> Callable[..., None]:
    """Return a command that asks for what ``function`` describes.

    Its parameters are the incident, those of ``function``, and the ones that all operators'
    commands share.
    """

    def run(
        incident: IncidentArgument,
        home: HomeOption = None,
        operator: Annotated[str, typer.Option(help="Who asks.", show_default=False)] = "",
        expected_version: Annotated[
            int | None, typer.Option(help="Refuse if the incident has moved on since.")
        ] = None,
        timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait.")] = 10.0,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Only say what would change.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
        lang: LanguageOption = None,  # noqa: ARG001 - its callback sets it
        as_json: JsonOption = False,
        **own: Any,  # noqa: ANN401 - checked by typer
    ) -> None:
        action = function(**own)
        who = operator or getpass.getuser()
        order = Order(incident, action, who, expected_version, timeout)
        order.carry_out(home, dry_run=dry_run, yes=yes, as_json=as_json)

    shared = inspect.signature(run).parameters
    own = inspect.signature(function).parameters
    merged = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in (
            shared["incident"],
            *own.values(),
            *(p for name, p in shared.items() if name not in ("incident", "own")),
        )
    ]
    run.__signature__ = inspect.Signature(merged)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in merged}
    run.__doc__ = function.__doc__
    return run


def _point(text: str) -> Point:
    lon, _, lat = text.partition(",")
    try:
        return Point(lon=float(lon), lat=float(lat))
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a place: give longitude,latitude such as 121.448,31.228"
        ) from error


def _row(answer: Answer) -> tuple[str, ...]:
    """Return a command's cells under `COLUMNS`."""
    name, asked = _asked(answer.action)
    return (
        local(answer.at),
        answer.operator,
        answer.number or answer.incident,
        name,
        asked,
        type(answer).__name__.lower(),
        "" if answer.said is None else say(answer.said),
    )


def _asked(action: journal.Action | None) -> tuple[str, str]:
    """Return an action's name, and what it was asked with; neither is known of old commands."""
    if action is None:
        return "", ""
    said = msgspec.to_builtins(action)
    name = str(said.pop("action")).replace("_", " ")
    parts = [f"{key}={_text(value)}" for key, value in said.items() if value not in (None, "", [])]
    return name, shorten("  ".join(parts), _LONGEST)


def _text(value: object) -> str:
    """Return a field of an action as people read it."""
    if isinstance(value, list):
        return ",".join(map(_text, value))
    if isinstance(value, dict):
        return ",".join(_text(part) for part in value.values() if part is not None)
    return str(value)
