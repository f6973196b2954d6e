"""Connections: UTC, JSON decoded, time limits, and the database's errors as the ledger's."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import msgspec

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
    # A worker that stands still inside a transaction must not hold its fence for ever.
    "idle_in_transaction_session_timeout": "60s",
}
_CONNECT_TIMEOUT_S = 10.0


async def open_pool(
    url: str, minimum: int = 1, maximum: int = 8, application: str = "jingwei"
) -> asyncpg.Pool:
    """Open a pool of connections to the ledger.

    Parameters
    ----------
    url
        ``postgresql://user:password@host:port/database``.
    minimum, maximum
        Connections kept, and at most.
    application
        What ``pg_stat_activity`` shows.

    Raises
    ------
    LedgerUnavailable
        If the server cannot be reached.
    LedgerRefused
        If it refuses the user or the database, or the URL is none.
    """
    with ledger_errors():
        return await asyncpg.create_pool(
            url,
            min_size=minimum,
            max_size=maximum,
            init=_prepare,
            timeout=_CONNECT_TIMEOUT_S,
            server_settings=_SETTINGS | {"application_name": application},
        )


async def connect(url: str, application: str = "jingwei") -> asyncpg.Connection:
    """Open one connection with the same settings and errors as `open_pool`."""
    with ledger_errors():
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
    """Give a connection inside a transaction: all that is written is kept, or nothing.

    Raises
    ------
    LedgerError
        Whatever the database raises inside, mapped; see ``errors``.
    """
    with ledger_errors():
        async with _connection(source) as conn, conn.transaction():
            yield conn


@asynccontextmanager
async def reading(source: asyncpg.Pool | asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection inside a read-only transaction that sees one moment of the ledger."""
    with ledger_errors():
        async with (
            _connection(source) as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield conn


@contextmanager
def ledger_errors() -> Iterator[None]:
    """Raise the database's errors as the ledger's, with the original as their cause."""
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
            raise  # asyncpg was used wrongly: a defect, not a lost connection
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
_SERVERS_FAULT = (
    "25006",  # read only: a standby, or a failover under way
    "53",
    "57P",
    "58",  # the system under it: input and output, missing files
    "XX",  # internal errors, damaged pages
)
"""SQLSTATEs, or how they begin, that say nothing about what was to be written."""
_POSTGIS = ("lwgeom", "gserialized", "postgis", "geography", "lwpgerror")
"""Source files of PostGIS, as they begin."""


def _is_servers_fault(error: asyncpg.PostgresError) -> bool:
    """Whether waiting helps. PostGIS calls internal what is wrong with a geometry: then not."""
    file = getattr(error, "server_source_filename", None) or ""
    return (error.sqlstate or "").startswith(_SERVERS_FAULT) and not file.startswith(_POSTGIS)


def _unavailable(error: BaseException) -> LedgerUnavailable:
    return LedgerUnavailable(
        f"the ledger does not answer ({_text(error)}): is it up? see `jingwei status`"
    )


@asynccontextmanager
async def _connection(
    source: asyncpg.Pool | asyncpg.Connection,
) -> AsyncIterator[asyncpg.Connection]:
    if isinstance(source, asyncpg.Pool):
        async with source.acquire() as conn:
            yield conn
    else:
        yield source


async def _prepare(conn: asyncpg.Connection) -> None:
    await conn.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_to_jsonb,
        decoder=msgspec.json.decode,
    )


def _to_jsonb(value: object) -> str:
    """Return JSON that a jsonb column can hold: it knows no zero character."""
    text = msgspec.json.encode(value).decode()
    if "\\u0000" not in text:
        return text
    return msgspec.json.encode(_without_zero(msgspec.to_builtins(value))).decode()


def _without_zero(value: object) -> object:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [_without_zero(item) for item in value]
    if isinstance(value, dict):
        return {plain(str(key)): _without_zero(item) for key, item in value.items()}
    return value


def _text(error: BaseException) -> str:
    detail = getattr(error, "detail", None) or getattr(error, "hint", None)
    text = str(error) or type(error).__name__
    return f"{text} ({detail})" if detail else text
