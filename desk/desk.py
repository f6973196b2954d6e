"""Commands given, and their outcomes awaited, on connections that are kept."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Any

import asyncpg

from desk.answers import Answers
from desk.errors import InvalidCommand, JournalUnreachable
from desk.names import resolve
from desk.outcome import Outcome, TimedOut
from desk.writer import Writer, outgoing
from infra.ledger.commands import Answer, command_answers, command_history
from infra.ledger.pool import close_pool, open_pool, reading
from infra.ledger.queries import find_incident
from infra.settings import Endpoints
from schemas import journal
from schemas.envelope import Envelope
from schemas.records import Incident
from schemas.topics import Topic


@contextlib.asynccontextmanager
async def open_desk(
    endpoints: Endpoints, operator: str = "", *, application: str = "jingwei-desk"
) -> AsyncIterator["Desk"]:
    """Open a desk, for as long as commands are given.

    Parameters
    ----------
    endpoints
        Where broker and ledger are. The desk reads the ledger as its gateway and never writes it.
    operator
        Who asks, where a command does not say.
    application
        What ``pg_stat_activity`` shows, and the ``ce_source`` of commands ends with.

    Raises
    ------
    LedgerError
        The ledger cannot be reached. Whether the broker can is seen with the first command.
    """
    pool = await open_pool(endpoints.gateway_url, 1, 4, application)
    answers = Answers(endpoints.gateway_url, application)
    writer = Writer(
        endpoints.bootstrap,
        idempotent=endpoints.broker_idempotent,
        source=f"/jingwei/{application.removeprefix('jingwei-')}",
    )
    tasks = [asyncio.create_task(answers.run()), asyncio.create_task(writer.connect())]
    try:
        yield Desk(pool, answers, writer, operator)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await writer.close()
        await close_pool(pool)


class Desk:
    """Where people act on regions; `open_desk` makes one. Any number of commands at a time."""

    def __init__(self, pool: asyncpg.Pool, answers: Answers, writer: Writer, operator: str) -> None:
        self._pool, self._answers, self._writer = pool, answers, writer
        self._operator = operator

    async def command(
        self,
        incident: str,
        action: journal.Action,
        *,
        operator: str = "",
        expected_version: int | None = None,
        dry_run: bool = False,
    ) -> journal.Command:
        """Return a new command, with an id of its own, from what an operator typed or pressed.

        Parameters
        ----------
        incident
            Id, number or a unique part of either; see `desk.names.resolve` for what else
            ``action`` may name so.
        operator
            Who asks, if not the operator of the desk.
        expected_version
            The command is refused if the incident has moved on since; None does not care.
        dry_run
            Nothing is to be done: the answer says what would change.

        Raises
        ------
        NotFound, Ambiguous
            There is none such, or more than one.
        LedgerUnavailable
            The ledger cannot be asked now.
        """
        async with reading(self._pool) as conn:
            found, named = await resolve(conn, incident, action)
        return command_for(
            found,
            named,
            operator or self._operator,
            expected_version=expected_version,
            dry_run=dry_run,
        )

    async def give(self, command: journal.Command, timeout_s: float = 10.0) -> Outcome:
        """Write a command to the journal and wait for its outcome.

        The same command may be given again, after `TimedOut` say: it is carried out once.

        Parameters
        ----------
        timeout_s
            Seconds, by the monotonic clock.

        Returns
        -------
        Outcome
            `Accepted`, `Refused` or `Tried` as the core has answered; `TimedOut` if nobody has
            answered in time.

        Raises
        ------
        InvalidCommand, JournalUnreachable, JournalRefused
            Nothing has happened; the text says why.
        """
        fault = journal.command_fault(command)
        if fault is not None:
            raise InvalidCommand(fault)
        loop, handed = asyncio.get_running_loop(), asyncio.Event()
        deadline = loop.time() + timeout_s
        with self._answers.expect(command.id) as answer:
            writing = asyncio.create_task(self._writer.write(self._writer.command(command), handed))
            either: set[asyncio.Future[Any]] = {writing, answer}
            try:
                await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                if writing.done() and not answer.done():
                    writing.result()
                    await asyncio.wait({answer}, timeout=max(0.0, deadline - loop.time()))
                if answer.done():
                    return answer.result()
                if not handed.is_set():
                    raise JournalUnreachable(
                        f"the broker did not take the message in {timeout_s:g} s, so nothing has "
                        "happened: see `jingwei status`, then try again"
                    )
                return self._timed_out(command, timeout_s, written=writing.done())
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)

    async def write(self, commands: Iterable[journal.Command], timeout_s: float = 10.0) -> None:
        """Write commands to the journal, in order, without waiting for their outcomes.

        Raises
        ------
        JournalUnreachable
            The broker has not confirmed all of them in time; the text says how many it has.
        JournalRefused
            The broker will never take one of them.
        """
        written = 0
        try:
            async with asyncio.timeout(timeout_s):
                for command in commands:
                    await self._writer.write(self._writer.command(command), asyncio.Event())
                    written += 1
        except (TimeoutError, JournalUnreachable) as error:
            raise JournalUnreachable(
                f"the broker has confirmed {written} commands and no more in {timeout_s:g} s "
                f"({str(error) or 'no answer'}): see `jingwei status`"
            ) from error

    async def send(
        self, topic: Topic, key: str, message: object, envelope: Envelope, timeout_s: float = 10.0
    ) -> bool:
        """Write an event to an input topic: a call taken, a stamp pressed.

        The same event may be sent again: who reads it takes an id once.

        Returns
        -------
        bool
            Whether the broker has confirmed it; if not, it may have arrived.

        Raises
        ------
        JournalUnreachable, JournalRefused
            Nothing has happened; the text says why.
        """
        handed = asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                await self._writer.write(outgoing(topic, key, message, envelope), handed)
        except TimeoutError:
            if handed.is_set():
                return False
            raise JournalUnreachable(
                f"the broker did not take the message in {timeout_s:g} s, so nothing has "
                "happened: see `jingwei status`, then try again"
            ) from None
        return True

    async def outcome(self, command: str) -> Answer | None:
        """Return the answer to a command by the command's id, None if there is none yet."""
        async with reading(self._pool) as conn:
            return (await command_answers(conn, [command])).get(command)

    async def history(
        self, *, operator: str | None = None, incident: str | None = None, limit: int = 50
    ) -> list[Answer]:
        """Return answered commands, the latest first.

        Parameters
        ----------
        operator, incident
            Only of this operator, only on this incident (named as in `command`).
        """
        async with reading(self._pool) as conn:
            of = None if incident is None else await find_incident(conn, incident)
            return await command_history(conn, operator=operator, incident=of, limit=limit)

    def _timed_out(self, command: journal.Command, waited_s: float, *, written: bool) -> TimedOut:
        fault = self._answers.fault
        if fault is not None:
            reason = str(fault)
        elif written:
            reason = "the command stands in the journal, but no worker has answered it"
        else:
            reason = "the broker has not confirmed that the command stands in the journal"
        return TimedOut(
            command=command.id,
            incident=command.incident,
            operator=command.operator,
            action=command.action,
            written=written,
            waited_s=waited_s,
            reason=reason,
        )


def command_for(
    incident: Incident,
    action: journal.Action,
    operator: str,
    *,
    expected_version: int | None = None,
    dry_run: bool = False,
) -> journal.Command:
    """Return a new command, with an id of its own, on an incident's record."""
    return journal.Command(
        id=str(uuid.uuid4()),
        region=incident.region,
        operator=operator,
        incident=incident.id,
        action=action,
        expected_version=expected_version,
        dry_run=dry_run,
    )
