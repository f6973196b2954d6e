"""Asking the ledger from plain code: one connection, one read-only moment, one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import asyncpg

from cli.output import set_city_clock
from infra.ledger.pool import connect, reading
from infra.ledger.queries import utc_offsets
from infra.settings import Endpoints, load_settings, resolve_endpoints

T = TypeVar("T")
Question = Callable[[asyncpg.Connection], Awaitable[T]]


def where(home: Path | None) -> Endpoints:
    """Return what to connect to.

    Raises
    ------
    LocalStackError
        If a setting cannot be used or nothing is running.
    """
    return resolve_endpoints(load_settings(home))


def ask(home: Path | None, question: Question[T]) -> T:
    """Return a question's answer.

    Raises
    ------
    LocalStackError
        As `where`.
    LedgerError
        The ledger cannot be reached, or the question's own error.
    """
    return asyncio.run(ask_at(where(home), question))


async def ask_at(endpoints: Endpoints, question: Question[T]) -> T:
    """Return a question's answer, on a connection that is closed again."""
    connection = await connect(endpoints.worker_url, application="jingwei-cli")
    try:
        async with reading(connection) as moment:
            set_city_clock(await utc_offsets(moment))
            return await question(moment)
    finally:
        await connection.close()
