"""The ledger's end of the desk: one look for all commands that wait for an answer.

PostgreSQL notifies when answers are written; each notification is one query, whatever the number
of commands that wait. Where notifications do not come through (a pooler between), it looks every
`LOOK_S`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

import asyncpg
import msgspec

from infra.ledger.commands import ANSWERED, Answer, command_answers
from infra.ledger.errors import LedgerError
from infra.ledger.pool import connect, ledger_errors

log = logging.getLogger(__name__)

LOOK_S = 0.25
_PAUSES_S = (0.1, 0.3, 1.0)
"""Between attempts to connect again; the last one is kept to."""


class Answers:
    """Waits for the ledger's answers to commands.

    Parameters
    ----------
    url
        Of a role that may read the table ``command``.
    application
        What ``pg_stat_activity`` shows.
    """

    def __init__(self, url: str, application: str) -> None:
        self._url, self._application = url, application
        self._waiting: dict[str, set[asyncio.Future[Answer]]] = {}
        self._wake = asyncio.Event()
        self.fault: Exception | None = None
        """Why the ledger cannot be looked into now, None while it can."""

    @contextlib.contextmanager
    def expect(self, command: str) -> Iterator["asyncio.Future[Answer]"]:
        """Give the answer to come to a command with this id."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._wake.set()
        self._waiting.setdefault(command, set()).add(answer)
        try:
            yield answer
        finally:
            others = self._waiting.get(command, set())
            others.discard(answer)
            if not others:
                self._waiting.pop(command, None)

    async def run(self) -> None:
        """Look for answers until cancelled, connecting again as often as the ledger is lost."""
        failures = 0
        while True:
            try:
                with ledger_errors():
                    connection = await connect(self._url, self._application)
                    try:
                        await connection.add_listener(ANSWERED, self._notified)
                        connection.add_termination_listener(self._notified)
                        self.fault, failures = None, 0
                        await self._watch(connection)
                    finally:
                        connection.terminate()
            except (LedgerError, asyncpg.InterfaceError, msgspec.ValidationError) as error:
                if self.fault is None:
                    log.warning("answers to commands cannot be read: %s", error)
                self.fault = error
            await asyncio.sleep(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
            failures += 1

    async def _watch(self, connection: asyncpg.Connection) -> None:
        """Look at each notification, and every `LOOK_S` while a command waits."""
        while not connection.is_closed():
            self._wake.clear()
            if self._waiting:
                for answer in (await command_answers(connection, self._waiting)).values():
                    self._settle(answer)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if self._waiting else None):
                    await self._wake.wait()

    def _settle(self, answer: Answer) -> None:
        for waiting in self._waiting.get(answer.command, ()):
            if not waiting.done():
                waiting.set_result(answer)

    def _notified(self, *_: object) -> None:
        self._wake.set()
