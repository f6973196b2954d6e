"""Connections: UTC, JSON decoded, time limits, and the database's errors as the ledger's."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

import asyncpg
import msgspec

from infra import database_url
from infra.ledger.errors import (
    InvariantBroken,
    LedgerError,
    LedgerRefused,
    LedgerUnavailable,
    Unstorable,
)
from infra.ledger.rows import plain

_SETTINGS = {
    "timezone": "UTC",
    "statement_timeout": "60s",
    "lock_timeout": "20s",
    # A worker that hangs inside a transaction must not hold its offset guard for ever.
    "idle_in_transaction_session_timeout": "60s",
}
_CONNECT_TIMEOUT_S = 10.0
_CLOSE_S = 5.0


async def open_pool(
    url: str,
    minimum: int = 1,
    maximum: int = 8,
    application: str = "jingwei",
    *,
    tidy: bool = True,
    **settings: str,
) -> asyncpg.Pool:
    """Open a pool of connections to the ledger.

    Parameters
    ----------
    url
        ``postgresql://user:password@host:port/database``.
    minimum, maximum
        Least and greatest number of connections.
    application
        Name in ``pg_stat_activity``.
    tidy
        Whether a connection's settings, locks and the like are reset after each use, which takes
        a round trip. A transaction that was left open is rolled back in any case.
    settings
        Further settings of PostgreSQL for these connections, such as ``statement_timeout``.

    Raises
    ------
    LedgerUnavailable
        The server cannot be reached.
    LedgerRefused
        The server refuses the user or the database, or the URL is invalid.
    """
    with _errors_of(url):
        return await asyncpg.create_pool(
            url,
            min_size=minimum,
            max_size=maximum,
            init=_prepare,
            reset=None if tidy else _leave,
            timeout=_CONNECT_TIMEOUT_S,
            server_settings=_SETTINGS | settings | {"application_name": application},
        )


async def close_pool(pool: asyncpg.Pool) -> None:
    """Close a pool when its connections are given back; after some seconds in any case."""
    try:
        await asyncio.wait_for(pool.close(), _CLOSE_S)
    except TimeoutError:
        pool.terminate()


async def connect(url: str, application: str = "jingwei") -> asyncpg.Connection:
    """Open one connection with the same settings and errors as `open_pool`."""
    with _errors_of(url):
        connection = await asyncpg.connect(
            url,
            timeout=_CONNECT_TIMEOUT_S,
            server_settings=_SETTINGS | {"application_name": application},
        )
        await _prepare(connection)
        return connection


@asynccontextmanager
async def transaction(
    source: asyncpg.Pool | asyncpg.Connection,
) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection inside a transaction: everything written is kept, or nothing.

    Raises
    ------
    LedgerError
        Any error of the database inside, mapped; see ``errors``.
    """
    with ledger_errors():
        async with _begun(source) as conn:
            yield conn


@asynccontextmanager
async def reading(source: asyncpg.Pool | asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection inside a read-only transaction, with one snapshot of the ledger."""
    with ledger_errors():
        async with _begun(source, isolation="repeatable_read", readonly=True) as conn:
            yield conn


@asynccontextmanager
async def asking(source: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection for single statements, each a transaction of its own.

    One statement takes one round trip, inside `reading` three.
    """
    with ledger_errors():
        async with source.acquire() as conn:
            yield conn


@contextmanager
def _errors_of(url: str) -> Iterator[None]:
    """Raise what goes wrong with connecting as the ledger's errors, without the URL's password."""
    try:
        database_url.check(url)
    except ValueError as error:
        raise LedgerRefused(f"the database URL cannot be used: {error}") from None
    try:
        with ledger_errors():
            yield
    except LedgerError as error:
        text = database_url.redact(str(error), url)
        if text == str(error):
            raise
        redacted = type(error)(text)
    else:
        return
    raise redacted


@contextmanager
def ledger_errors() -> Iterator[None]:
    """Map the database's errors to the ledger's, with the original as cause."""
    try:
        yield
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.SyntaxOrAccessError,
        asyncpg.ClientConfigurationError,
    ) as error:
        raise LedgerRefused(
            f"the ledger refuses: {_text(error)}; check the database URL, its role and its schema"
        ) from error
    except _UNAVAILABLE as error:
        if isinstance(error, asyncpg.InterfaceError) and "clos" not in str(error):
            raise  # wrong use of asyncpg: a defect, not a lost connection
        raise _unavailable(error) from error
    except asyncpg.IntegrityConstraintViolationError as error:
        raise InvariantBroken(f"the ledger refused a write: {_text(error)}") from error
    except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
        raise Unstorable(f"a value cannot be stored: {_text(error)}") from error
    except asyncpg.PostgresError as error:
        if _is_servers_fault(error):
            raise _unavailable(error) from error
        raise LedgerError(f"the ledger failed: {_text(error)}; see its server's log") from error


_UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,  # shutdown, statement timeout
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,  # the connection is gone
    asyncpg.InternalClientError,  # it was cut in mid-statement, and asyncpg lost count of it
)
_CUT = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What is said on a connection that was cut before."""
_SERVERS_FAULT = (
    "25006",  # read only: a standby, or a failover under way
    "53",
    "57P",
    "58",  # the system under it: input and output, missing files
    "XX",  # internal errors, damaged pages
)
"""SQLSTATEs, or their prefixes, that are not caused by the data to write."""
_POSTGIS = ("lwgeom", "gserialized", "postgis", "geography", "lwpgerror")
"""Prefixes of PostGIS's source files."""


def _is_servers_fault(error: asyncpg.PostgresError) -> bool:
    """Whether a retry may help. PostGIS reports a bad geometry as internal: then it does not."""
    file = getattr(error, "server_source_filename", None) or ""
    return (error.sqlstate or "").startswith(_SERVERS_FAULT) and not file.startswith(_POSTGIS)


def _unavailable(error: BaseException) -> LedgerUnavailable:
    return LedgerUnavailable(
        f"the ledger does not answer ({_text(error)}): is it up? see `jingwei status`"
    )


@asynccontextmanager
async def _begun(
    source: asyncpg.Pool | asyncpg.Connection, **how: str | bool
) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection inside a transaction that has begun."""
    async with AsyncExitStack() as afterwards:
        if isinstance(source, asyncpg.Pool):
            conn = await _begin_on_one_that_lives(source, afterwards, how)
        else:
            conn = source
            await afterwards.enter_async_context(conn.transaction(**how))
        yield conn


async def _begin_on_one_that_lives(
    pool: asyncpg.Pool, afterwards: AsyncExitStack, how: Mapping[str, str | bool]
) -> asyncpg.Connection:
    """Take a connection and begin a transaction on it; ``afterwards`` ends both.

    One that was cut while nobody used it, as by a server that was started again, shows it at the
    first word. Nothing has been done on it yet, so the next one is taken: all can be cut, and the
    last one is made anew.
    """
    for others in range(pool.get_max_size(), -1, -1):
        async with AsyncExitStack() as ends:
            conn = await ends.enter_async_context(pool.acquire())
            try:
                await ends.enter_async_context(conn.transaction(**how))
            except _CUT:
                if not others:
                    raise
                with suppress(asyncpg.InterfaceError):  # the pool has noticed by itself
                    conn.terminate()
            else:
                await afterwards.enter_async_context(ends.pop_all())
                return conn
    raise AssertionError("the last one begins or raises")


async def _leave(_conn: asyncpg.Connection) -> None:
    pass


async def _prepare(conn: asyncpg.Connection) -> None:
    await conn.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_to_jsonb,
        decoder=msgspec.json.decode,
    )


def _to_jsonb(value: object) -> str:
    """Return JSON that a jsonb column can store: it must have no zero character."""
    text = msgspec.json.encode(value).decode()
    if "\\u0000" not in text:
        return text
    return msgspec.json.encode(_without_zero(msgspec.to_builtins(value))).decode()


def _without_zero(value: object) -> object:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list | tuple):
        return [_without_zero(item) for item in value]
    if isinstance(value, dict):
        return {plain(str(key)): _without_zero(item) for key, item in value.items()}
    return value


def _text(error: BaseException) -> str:
    detail = getattr(error, "detail", None) or getattr(error, "hint", None)
    text = str(error) or type(error).__name__
    return f"{text} ({detail})" if detail else text
