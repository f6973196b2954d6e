"""An operator's command: into the journal, and its outcome from the ledger.

``jingwei incidents ack | assign | override | unassign | state | classify | note | hold |
resume | merge | unmerge | split | keep-apart | close | reopen``. A command is a journal entry
like all others: it is carried out, or refused with the reason, in the journal's order.
``--dry-run`` says what it would change; where two incidents become one, or one becomes two, that is
shown first.

::

    CommandError
    ├── CommandRefused     the core has answered no; the text says why
    ├── NoAnswer           it stands in the journal, but nobody has answered in time
    └── JournalUnreachable the broker did not take it; nothing has happened
"""

import asyncio
import getpass
import inspect
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import asyncpg
import msgspec
import typer
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from cli import exit_codes
from cli.asking import ask, ask_at, where
from cli.output import clean, write_json
from cli.services import HomeOption, JsonOption
from infra.ledger.pool import connect, ledger_errors
from infra.ledger.queries import (
    Outcome,
    command_outcome,
    find_evidence,
    find_incident,
    show_incident,
)
from infra.settings import Endpoints
from schemas import journal, topics, wire
from schemas.envelope import Envelope
from schemas.errors import SchemaError
from schemas.records import Incident, Point

_POLL_S = 0.05
SOURCE = "/jingwei/cli"


class CommandError(RuntimeError):
    """Base of what can become of a command but being accepted."""


class CommandRefused(CommandError):
    """The core refused the command; nothing has changed."""


class NoAnswer(CommandError):
    """The command stands in the journal; its outcome is not known yet."""


class JournalUnreachable(CommandError):
    """The broker did not take the command."""


exit_codes.BY_ERROR.update(
    {
        CommandError: exit_codes.FAILED,
        CommandRefused: exit_codes.REFUSED,
        NoAnswer: exit_codes.NO_ANSWER,
        JournalUnreachable: exit_codes.UNREACHABLE,
        SchemaError: exit_codes.USAGE,
    }
)

IncidentArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id, number or a unique part of either.")
]
UnitsArgument = Annotated[list[str], typer.Argument(metavar="UNIT…", help="Ids of units.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-m", help="Why; kept in the timeline.")]


async def give(endpoints: Endpoints, command: journal.Command, timeout_s: float) -> Outcome:
    """Write a command to the journal and wait for its outcome.

    Raises
    ------
    CommandRefused
        It is too large to be a command.
    JournalUnreachable
        The broker did not take it in time.
    NoAnswer
        The ledger has no outcome in time.
    """
    fault = journal.command_fault(command)
    if fault is not None:
        raise CommandRefused(fault)
    deadline = time.monotonic() + timeout_s
    ledger = await connect(endpoints.worker_url, application="jingwei-cli")
    try:
        await send(endpoints, [command], timeout_s)
        with ledger_errors():
            while time.monotonic() < deadline:
                outcome = await command_outcome(ledger, command.id)
                if outcome is not None:
                    return outcome
                await asyncio.sleep(_POLL_S)
    finally:
        await ledger.close()
    raise NoAnswer(
        f"command {command.id} stands in the journal, but has no answer after {timeout_s:g} s: "
        "is a worker running (`jingwei status`)? It will be carried out then; "
        f"`jingwei incidents outcome {command.id}` tells. Do not send it again"
    )


async def send(endpoints: Endpoints, entries: list[journal.Command], timeout_s: float) -> None:
    """Write commands to the journal, in order; on return the broker has them.

    Raises
    ------
    JournalUnreachable
        The broker did not take one in time.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=endpoints.bootstrap,
        acks="all",
        enable_idempotence=endpoints.broker_idempotent,
        request_timeout_ms=max(1_000, int(timeout_s * 1_000)),
    )
    try:
        async with asyncio.timeout(timeout_s):
            await producer.start()
            for entry in entries:
                await producer.send_and_wait(
                    topics.JOURNAL.name,
                    key=entry.region.encode(),
                    value=wire.encode(entry),
                    headers=_envelope(entry).headers(),
                )
    except (KafkaError, TimeoutError, OSError) as error:
        raise JournalUnreachable(
            f"the broker at {endpoints.bootstrap} did not take the command "
            f"({str(error) or type(error).__name__}): see `jingwei status`, then try again"
        ) from error
    finally:
        await producer.stop()


def command_for(
    incident: Incident,
    action: journal.Action,
    operator: str,
    expected_version: int | None = None,
) -> journal.Command:
    """Return a new command, with an id of its own."""
    return journal.Command(
        id=str(uuid.uuid4()),
        region=incident.region,
        operator=operator,
        incident=incident.id,
        action=action,
        expected_version=expected_version,
    )


def register(group: typer.Typer) -> None:
    """Add the operators' commands to ``jingwei incidents``."""
    for name, function in _COMMANDS.items():
        group.command(name=name)(_operators(function))
    group.command(name="outcome")(outcome)


def outcome(
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="The command's id.")],
    home: HomeOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Tell what became of a command that had no answer in time."""

    async def question(conn: asyncpg.Connection) -> Outcome | None:
        return await command_outcome(conn, command)

    found = ask(home, question)
    if found is None:
        raise NoAnswer(f"no answer to a command {command} is known: wait, or check its id")
    _answer(found, found.incident, as_json=as_json)


def acknowledge() -> journal.Action:
    """Say that you have seen an incident."""
    return journal.Acknowledge()


def assign(
    units: Annotated[
        list[str] | None, typer.Argument(metavar="[UNIT…]", help="Those recommended, without any.")
    ] = None,
    *,
    reason: ReasonOption = "",
) -> journal.Action:
    """Send units to an incident: these, or those recommended."""
    return journal.Assign(units=tuple(units or ()), reason=reason)


def override(units: UnitsArgument, *, reason: ReasonOption) -> journal.Action:
    """Send these units in place of all that are on their way."""
    return journal.Override(units=tuple(units), reason=reason)


def unassign(units: UnitsArgument, *, reason: ReasonOption) -> journal.Action:
    """Call units back from an incident."""
    return journal.Unassign(units=tuple(units), reason=reason)


def state(
    to: Annotated[str, typer.Argument(metavar="STATE", help="Such as controlled.")],
    *,
    reason: ReasonOption = "",
) -> journal.Action:
    """Bring an incident to a state."""
    return journal.SetState(state=to, reason=reason)


def classify(
    *,
    category: Annotated[str | None, typer.Option(help="Such as fire.")] = None,
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
    """Say that an incident is the same event as another one, which takes it in."""
    return journal.Merge(into=into, reason=reason)


def unmerge(*, reason: ReasonOption) -> journal.Action:
    """Undo a merge: ID, which was merged, is an event of its own after all."""
    return journal.Unmerge(reason=reason)


def split(
    evidence: Annotated[
        list[str],
        typer.Argument(
            metavar="EVIDENCE…", help="Ids of evidence, or of its reports or sensors, see `show`."
        ),
    ],
    *,
    into: Annotated[
        str | None, typer.Option("--into", metavar="ID", help="Else it opens a new incident.")
    ] = None,
    reason: ReasonOption,
) -> journal.Action:
    """Move evidence out of an incident, into another one or a new one."""
    return journal.Split(evidence=tuple(evidence), reason=reason, into=into)


def keep_apart() -> journal.Action:
    """Answer that an incident is no duplicate."""
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
        yes: Annotated[
            bool, typer.Option("--yes", "-y", help="Do not ask whether it shall be done.")
        ] = False,
        as_json: JsonOption = False,
        **own: Any,  # noqa: ANN401 - checked by typer
    ) -> None:
        action = function(**own)
        who = operator or getpass.getuser()
        order = _Order(home, incident, action, who, expected_version, timeout)
        if dry_run or (isinstance(action, _ASKED_FIRST) and not yes):
            tried = order.give(dry_run=True)
            if dry_run:
                _answer(*tried, as_json=as_json)
                return
            _ask(*tried)
        _answer(*order.give(), as_json=as_json)

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


class _Order(NamedTuple):
    """What an operator asks for, as it was typed."""

    home: Path | None
    key: str
    action: journal.Action
    operator: str
    expected_version: int | None
    timeout_s: float

    def give(self, *, dry_run: bool = False) -> tuple[Outcome, str]:
        """Give the command and return its outcome, and the incident's number."""
        endpoints = where(self.home)

        async def given() -> tuple[Outcome, str]:
            incident, wanted = await ask_at(
                endpoints, lambda conn: _resolve(conn, self.key, self.action)
            )
            command = command_for(incident, wanted, self.operator, self.expected_version)
            command = msgspec.structs.replace(command, dry_run=dry_run)
            return await give(endpoints, command, self.timeout_s), incident.number

        return asyncio.run(given())


_ASKED_FIRST = (journal.Merge, journal.Unmerge, journal.Split)
"""What is shown to the operator before it is done."""


def _ask(found: Outcome, incident: str) -> None:
    """Show what a command would change, and go on if the operator says yes."""
    if found.outcome == "refused":
        raise CommandRefused(f"refused: {found.reason}")
    for line in found.changes:
        typer.echo(clean(line), err=True)
    if not sys.stdin.isatty():
        raise CommandRefused(
            f"nothing was done to {incident}: nobody can be asked here; give --yes, or --dry-run "
            "to see this only"
        )
    typer.confirm("Do it?", abort=True, err=True)


async def _resolve(
    conn: asyncpg.Connection, key: str, action: journal.Action
) -> tuple[Incident, journal.Action]:
    """Return the incident meant, and the action with the ids of what else it names."""
    found = await find_incident(conn, key)
    whole = await show_incident(conn, found)
    match action:
        case journal.Merge():
            into = await find_incident(conn, action.into)
            return whole.incident, msgspec.structs.replace(action, into=into)
        case journal.Split():
            goal = None if action.into is None else await find_incident(conn, action.into)
            evidence = [await find_evidence(conn, found, name) for name in action.evidence]
            named = tuple(dict.fromkeys(evidence))
            split_ = msgspec.structs.replace(action, into=goal, evidence=named)
            return whole.incident, split_
    return whole.incident, action


def _answer(found: Outcome, incident: str, *, as_json: bool) -> None:
    if as_json:
        write_json(found)
        if found.outcome == "refused":
            raise typer.Exit(exit_codes.REFUSED)
        return
    if found.outcome == "refused":
        raise CommandRefused(f"refused: {found.reason}")
    if found.outcome == "tried":
        for line in found.changes:
            typer.echo(clean(line))
        return
    about = found.reason or f"{incident} is"
    typer.echo(clean(f"accepted: {about} at version {found.version}"))


def _envelope(command: journal.Command) -> Envelope:
    return Envelope(
        id=command.id,
        source=SOURCE,
        type=topics.JOURNAL.type,
        time=datetime.now(UTC),
        subject=command.region,
        correlation=command.incident,
    )


def _point(text: str) -> Point:
    lon, _, lat = text.partition(",")
    try:
        return Point(lon=float(lon), lat=float(lat))
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no place: give longitude,latitude such as 121.448,31.228"
        ) from error
