"""The ledger from synchronous code: one connection, one transaction."""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import asyncpg

from cli.output import set_city_clock
from infra.ledger.pool import connect, reading, transaction
from infra.ledger.queries import utc_offsets
from infra.settings import Endpoints, load_settings, resolve_endpoints

T = TypeVar("T")
Question = Callable[[asyncpg.Connection], Awaitable[T]]


def where(home: Path | None) -> Endpoints:
    """Return the endpoints to connect to.

    Raises
    ------
    LocalStackError
        A setting is invalid, or nothing is running.
    """
    return resolve_endpoints(load_settings(home))


def ask(home: Path | None, question: Question[T]) -> T:
    """Return the result of a query.

    Raises
    ------
    LocalStackError
        As in `where`.
    LedgerError
        The ledger cannot be reached, or the query failed.
    """
    return asyncio.run(ask_at(where(home), question))


async def ask_at(endpoints: Endpoints, question: Question[T]) -> T:
    """Return the result of a query, on a connection that is closed afterwards."""
    connection = await connect(endpoints.worker_url, application="jingwei-cli")
    try:
        async with reading(connection) as moment:
            set_city_clock(await utc_offsets(moment))
            return await question(moment)
    finally:
        await connection.close()


def as_owner(home: Path | None, work: Question[T]) -> T:
    """Return the result of work that the ledger's owner does in one transaction."""

    async def run() -> T:
        connection = await connect(where(home).database_url, application="jingwei-cli")
        try:
            async with transaction(connection) as conn:
                return await work(conn)
        finally:
            await connection.close()

    return asyncio.run(run())


def actor() -> str:
    """Return who works at this terminal, for the audit."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return f"user {os.getuid()} (command line)"
