"""An operator's order: a command given at the desk, and its outcome told.

::

    OrderError
    ├── CommandRefused     the core has answered no, or the operator has; nothing has changed
    └── NoAnswer           nobody has answered in time: the command may still be carried out
"""

import asyncio
import sys
from pathlib import Path
from typing import NamedTuple

import typer

from cli import exit_codes
from cli.asking import where
from cli.output import clean, say, write_json
from desk import (
    Accepted,
    Desk,
    Outcome,
    Refused,
    TimedOut,
    Tried,
    errors,
    open_desk,
)
from schemas import journal
from schemas.errors import SchemaError

ASKED_FIRST = (journal.Merge, journal.Unmerge, journal.Split)
"""What is shown to the operator before it is done."""


class OrderError(RuntimeError):
    """Base of what can become of an order but being carried out."""


class CommandRefused(OrderError):
    """The command is refused; nothing has changed."""


class NoAnswer(OrderError):
    """The outcome of the command is not known yet."""


exit_codes.BY_ERROR.update(
    {
        OrderError: exit_codes.FAILED,
        CommandRefused: exit_codes.REFUSED,
        NoAnswer: exit_codes.NO_ANSWER,
        errors.DeskError: exit_codes.FAILED,
        errors.InvalidCommand: exit_codes.REFUSED,
        errors.JournalRefused: exit_codes.REFUSED,
        errors.JournalUnreachable: exit_codes.UNREACHABLE,
        SchemaError: exit_codes.USAGE,
    }
)


class Order(NamedTuple):
    """What an operator asks for, as it was typed."""

    incident: str
    action: journal.Action
    operator: str
    expected_version: int | None
    timeout_s: float

    def carry_out(self, home: Path | None, *, dry_run: bool, yes: bool, as_json: bool) -> None:
        """Give the command and tell its outcome; show first what is to be agreed to."""
        endpoints = where(home)

        async def at_desk() -> Outcome:
            async with open_desk(endpoints, self.operator, application="jingwei-cli") as desk:
                if isinstance(self.action, ASKED_FIRST) and not (yes or dry_run):
                    _agree(await self._give(desk, dry_run=True))
                return await self._give(desk, dry_run=dry_run)

        tell(asyncio.run(at_desk()), as_json=as_json)

    async def _give(self, desk: Desk, *, dry_run: bool) -> Outcome:
        command = await desk.command(
            self.incident,
            self.action,
            expected_version=self.expected_version,
            dry_run=dry_run,
        )
        return await desk.give(command, self.timeout_s)


def tell(outcome: Outcome, *, as_json: bool) -> None:
    """Write an outcome to stdout.

    Raises
    ------
    CommandRefused, NoAnswer
        The command was refused, or nobody has answered in time.
    """
    if as_json:
        write_json(outcome)
    match outcome:
        case TimedOut():
            raise NoAnswer(_no_answer(outcome))
        case Refused() if as_json:
            raise typer.Exit(exit_codes.REFUSED)
        case _ if as_json:
            return
        case Refused(said=why):
            raise CommandRefused(f"refused: {'' if why is None else say(why)}")
        case Tried(differences=differences):
            for line in differences:
                typer.echo(clean(say(line)))
        case Accepted(said=told):
            about = f"{outcome.number or outcome.incident} is" if told is None else say(told)
            typer.echo(clean(f"accepted: {about} at version {outcome.version}"))


def _agree(outcome: Outcome) -> None:
    """Show what a command would change, and go on if the operator says yes."""
    if not isinstance(outcome, Tried):
        tell(outcome, as_json=False)
        return
    for line in outcome.differences:
        typer.echo(clean(say(line)), err=True)
    if not sys.stdin.isatty():
        raise CommandRefused(
            f"{outcome.number} was not changed: there is no terminal to confirm on; give --yes, or "
            "--dry-run to see the effects only"
        )
    typer.confirm("Do it?", abort=True, err=True)


def _no_answer(late: TimedOut) -> str:
    return (
        f"command {late.command} has no answer after {late.waited_s:g} s: {late.reason}. It may "
        "still be carried out, so do not give another one; `jingwei incidents outcome "
        f"{late.command}` tells what became of it, `jingwei status` whether a worker runs"
    )
