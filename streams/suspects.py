"""A message that fails by an error that nobody expected: the message's fault, or the worker's.

It is set aside only after it has failed alone in two starts of a worker, so that nothing that a
restart heals costs a message: at its first failure the worker ends, and the ledger remembers. And
not even then where so many fail that it must be the worker: when half of at least ten messages
tried alone fail, or when the last that were set aside were half of all that came since.
"""

from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

import asyncpg

from infra.ledger import strikes
from infra.ledger.strikes import Place
from streams.messages import Record

STARTS = 2
"""In so many starts a message must have failed alone."""
TRIED = 10
"""So many messages tell whether it is the worker; half of them failing says that it is."""

Try = Callable[[Record], Awaitable[Exception | None]]
"""Handles a message alone and undoes it; returns what it failed by."""
Failed = tuple[Record, Exception]


class Suspects:
    """Judges the messages that fail alone, in one start of a worker.

    Parameters
    ----------
    group
        The consumer group.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._start = uuid4()

    async def try_others(self, others: Sequence[Record], try_: Try) -> tuple[int, list[Failed]]:
        """Try some of the messages that came with one that failed, from first to last.

        Returns
        -------
        tuple
            How many were tried, and those that fail too.
        """
        step = max(1, len(others) // (TRIED - 1))
        chosen = others[::step][: TRIED - 1]
        tried = [(message, await try_(message)) for message in chosen]
        return len(chosen), [(message, error) for message, error in tried if error is not None]

    async def judge(
        self, conn: asyncpg.Connection, failed: Failed, tried: int, too: Sequence[Failed]
    ) -> str | None:
        """Count the failures; return why the worker must end, None if the message is at fault.

        Parameters
        ----------
        failed
            The message and its error.
        tried, too
            How many others were tried alone, and which of them failed too.
        """
        message, error = failed
        last = f"{_place(message)} failed alone by {type(error).__name__}: {error}"
        all_tried, all_failed = tried + 1, len(too) + 1
        if all_tried >= TRIED and 2 * all_failed >= all_tried:
            return (
                f"{all_failed} of {all_tried} messages tried alone failed, so it is the worker "
                f"that is broken, and none is set aside. {last}"
            )
        starts = await self._strike(conn, *failed)
        for other in too:
            await self._strike(conn, *other)
        if starts < STARTS:
            return f"{last}. It is set aside if it fails again after a restart"
        passed = await strikes.passed_since(conn, self._group, message.topic, TRIED // 2)
        if passed is not None and passed < TRIED:
            return (
                f"of the last {passed} messages of {message.topic} {TRIED // 2} were set aside, so "
                f"it is the worker that is broken, and no more are set aside. {last}"
            )
        return None

    async def _strike(self, conn: asyncpg.Connection, message: Record, error: Exception) -> int:
        place = Place(self._group, message.topic, message.partition, message.offset)
        text = f"{type(error).__name__}: {error}".replace("\0", " ")
        return await strikes.strike(conn, place, self._start, text[:1_000])


def _place(message: Record) -> str:
    return f"{message.topic}/{message.partition}/{message.offset}"
