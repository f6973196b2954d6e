"""Schema migrations: numbered SQL files, each applied once, in order, in a transaction.

Applying them again changes nothing. An applied file is never edited: a change is a new file. A
worker refuses a ledger that is newer or older than its code.
"""

import hashlib
from functools import cache
from importlib.resources import files

import asyncpg
import msgspec

from infra.ledger.errors import MigrationFailed, SchemaTooNew, SchemaTooOld
from infra.ledger.pool import connect, ledger_errors
from infra.ledger.statements import statement

_LOCK = 0x6A696E67776569  # "jingwei": one migration at a time in a database
_LOCK_WAIT = "120s"


class Migration(msgspec.Struct, frozen=True):
    """One numbered file and its hash."""

    number: int
    name: str
    sql: str
    sha256: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Return the migrations of this Jingwei, in order.

    Raises
    ------
    MigrationFailed
        Their numbers are not 1, 2, 3 …
    """
    found = []
    for file in files("infra.ledger").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            data = file.read_bytes()
            found.append(
                Migration(
                    number=int(file.name.split("_", 1)[0]),
                    name=file.name.removesuffix(".sql"),
                    sql=data.decode(),
                    sha256=hashlib.sha256(data).hexdigest(),
                )
            )
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        names = ", ".join(migration.name for migration in found)
        raise MigrationFailed(f"migrations are not numbered 1, 2, 3 …: {names}")
    return tuple(found)


SCHEMA = len(migrations())
"""Number of this Jingwei's newest migration."""


async def migrate(url: str) -> list[str]:
    """Migrate a database to this Jingwei's schema.

    Parameters
    ----------
    url
        URL of the owner. The database must have PostGIS, or the user the right to create it.

    Returns
    -------
    list of str
        Names of the migrations applied now; empty if there was nothing to do.

    Raises
    ------
    SchemaTooNew
        If the database was migrated by a newer Jingwei.
    MigrationFailed
        If an applied migration has been edited since, or one cannot be applied; those before
        it stay.
    LedgerUnavailable, LedgerRefused
        If the database cannot be reached or refuses.
    """
    conn = await connect(url, "jingwei migrate")
    try:
        with ledger_errors():
            await conn.execute(f"SET lock_timeout = '{_LOCK_WAIT}'; SET statement_timeout = 0")
            await conn.execute("SELECT pg_advisory_lock($1)", _LOCK)
            await conn.execute("SET client_min_messages = warning")
            await conn.execute(statement("migrations.make_table"))
            applied = await _applied(conn)
            _refuse_newer(applied)
            _refuse_edited(applied)
            pending = [item for item in migrations() if item.number not in applied]
            for migration in pending:
                await _apply(conn, migration)
            return [migration.name for migration in pending]
    finally:
        await conn.close()


async def check_schema(conn: asyncpg.Connection) -> None:
    """Check that a ledger has this Jingwei's schema.

    Raises
    ------
    SchemaTooNew
        The ledger has migrations that this Jingwei does not know.
    SchemaTooOld
        The ledger lacks migrations.
    MigrationFailed
        An applied migration differs from this Jingwei's.
    """
    with ledger_errors():
        made = await conn.fetchval(statement("migrations.has_table"))
        applied = await _applied(conn) if made else {}
    _refuse_newer(applied)
    _refuse_edited(applied)
    missing = [item.name for item in migrations() if item.number not in applied]
    if missing:
        raise SchemaTooOld(
            f"this ledger is at schema {max(applied, default=0)}, this Jingwei needs {SCHEMA} "
            f"(missing: {', '.join(missing)}): run `jingwei up`"
        )


async def _applied(conn: asyncpg.Connection) -> dict[int, tuple[str, str]]:
    rows = await conn.fetch(statement("migrations.applied"))
    return {row["number"]: (row["name"], row["sha256"]) for row in rows}


def _refuse_newer(applied: dict[int, tuple[str, str]]) -> None:
    newest = max(applied, default=0)
    if newest > SCHEMA:
        raise SchemaTooNew(
            f"this ledger is at schema {newest}, this Jingwei knows {SCHEMA}: upgrade Jingwei"
        )


def _refuse_edited(applied: dict[int, tuple[str, str]]) -> None:
    for migration in migrations():
        name, sha256 = applied.get(migration.number, (migration.name, migration.sha256))
        if (name, sha256) != (migration.name, migration.sha256):
            raise MigrationFailed(
                f"migration {migration.name} differs from the applied {name} "
                f"(sha256 {migration.sha256[:12]}…, applied {sha256[:12]}…): never edit an applied "
                "migration, put the change into a new one"
            )


async def _apply(conn: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with conn.transaction():
            await conn.execute(migration.sql)
            await conn.execute(
                statement("migrations.record"), migration.number, migration.name, migration.sha256
            )
    except asyncpg.PostgresError as error:
        hint = f"; {error.hint}" if error.hint else ""
        raise MigrationFailed(
            f"migration {migration.name} cannot be applied: {error}{hint}"
        ) from error
