"""Migrations: once, in order, by one at a time, and never by the wrong Jingwei."""

import asyncio

import asyncpg
import pytest

from infra.ledger import SCHEMA, check_schema, connect, errors, migrate, migrations
from infra.ledger.migrations import Migration
from infra.settings import Endpoints

pytestmark = pytest.mark.postgis


async def test_applying_twice_changes_nothing(database_url: str, owner: asyncpg.Connection) -> None:
    before = await owner.fetch("SELECT * FROM schema_migration ORDER BY number")
    assert await migrate(database_url) == []
    assert await owner.fetch("SELECT * FROM schema_migration ORDER BY number") == before
    assert [row["number"] for row in before] == list(range(1, SCHEMA + 1))
    await check_schema(owner)


@pytest.fixture
async def empty_url(database_url: str) -> str:
    conn = await asyncpg.connect(database_url)
    await conn.execute(
        "DROP SCHEMA planning CASCADE; DROP VIEW open_incident, incident_timeline,"
        " active_assignment"
    )
    tables = await conn.fetch("SELECT tablename FROM pg_tables WHERE tableowner = current_user")
    await conn.execute("DROP TABLE " + ", ".join(row[0] for row in tables) + " CASCADE")
    functions = await conn.fetch(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE proowner = current_user::regrole"
    )
    await conn.execute("DROP FUNCTION " + ", ".join(row[0] for row in functions))
    await conn.close()
    return database_url


async def test_two_at_once_apply_each_once(empty_url: str) -> None:
    applied = await asyncio.gather(migrate(empty_url), migrate(empty_url))
    assert sorted(map(len, applied)) == [0, SCHEMA]


async def test_a_worker_refuses_a_ledger_without_schema(empty_url: str) -> None:
    conn = await connect(empty_url)
    with pytest.raises(errors.SchemaTooOld, match=r"schema 0.*0001_foundations.*jingwei up"):
        await check_schema(conn)
    await conn.close()


async def test_an_older_jingwei_refuses_a_newer_ledger(
    database_url: str, owner: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    await owner.execute("INSERT INTO schema_migration VALUES ($1, 'future', 'x')", SCHEMA + 1)
    text = f"this ledger is at schema {SCHEMA + 1}, this Jingwei knows {SCHEMA}: upgrade Jingwei"
    with pytest.raises(errors.SchemaTooNew, match=text):
        await migrate(database_url)
    with pytest.raises(errors.SchemaTooNew, match=text):
        await check_schema(worker)


async def test_a_worker_refuses_an_older_ledger(
    owner: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    await owner.execute("DELETE FROM schema_migration WHERE number = $1", SCHEMA)
    with pytest.raises(errors.SchemaTooOld, match=f"schema {SCHEMA - 1}.*run `jingwei up`"):
        await check_schema(worker)


async def test_an_edited_migration_is_an_error(
    database_url: str, owner: asyncpg.Connection
) -> None:
    await owner.execute("UPDATE schema_migration SET sha256 = 'other' WHERE number = 2")
    with pytest.raises(errors.MigrationFailed, match=r"0002_streams.*never edited"):
        await migrate(database_url)


async def test_a_failing_migration_leaves_nothing_half_done(
    database_url: str, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Migration(SCHEMA + 1, "9999_bad", "CREATE TABLE half (id int); SELECT 1 / 0;", "x")
    known = (*migrations.migrations(), bad)
    monkeypatch.setattr(migrations, "migrations", lambda: known)
    monkeypatch.setattr(migrations, "SCHEMA", SCHEMA + 1)
    with pytest.raises(errors.MigrationFailed, match="9999_bad cannot be applied: division by"):
        await migrate(database_url)
    assert await owner.fetchval("SELECT to_regclass('half')") is None
    assert await owner.fetchval("SELECT max(number) FROM schema_migration") == SCHEMA


async def test_a_role_without_rights_is_told_so(endpoints: Endpoints) -> None:
    with pytest.raises(errors.LedgerRefused, match="permission denied"):
        await migrate(endpoints.worker_url)


async def test_a_database_that_is_not_there_is_one_sentence(endpoints: Endpoints) -> None:
    with pytest.raises(errors.LedgerUnavailable, match="does not answer"):
        await migrate("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(errors.LedgerRefused, match="does not exist"):
        await migrate(endpoints.database_url + "_not")
    with pytest.raises(errors.LedgerRefused, match="password"):
        await connect(endpoints.database_url.replace("jingwei_owner:", "jingwei_owner:wrong"))


async def test_lanes_lose_the_groups_name(
    empty_url: str, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that were waiting, and those set aside, lie in the lanes that are drained now."""
    known = migrations.migrations()
    before = next(item.number for item in known if item.name.endswith("_feeds"))
    monkeypatch.setattr(migrations, "migrations", lambda: known[: before - 1])
    monkeypatch.setattr(migrations, "SCHEMA", before - 1)
    await migrate(empty_url)
    lanes = ["a/b/city.incidents/3", "jingwei/city.journal/0", "lane"]
    await owner.execute(
        "INSERT INTO outbox (lane, topic, headers) SELECT l, 't', '' FROM unnest($1::text[]) AS l",
        lanes,
    )
    await owner.execute(
        "INSERT INTO outbox_refused (id, lane, topic, headers, created_at, reason)"
        " SELECT row_number() OVER (), l, 't', '', now(), 'r' FROM unnest($1::text[]) AS l",
        lanes,
    )
    monkeypatch.setattr(migrations, "migrations", lambda: known)
    monkeypatch.setattr(migrations, "SCHEMA", len(known))
    await migrate(empty_url)
    for table in ("outbox", "outbox_refused"):
        rows = await owner.fetch(f"SELECT lane FROM {table} ORDER BY id")
        assert [row["lane"] for row in rows] == ["city.incidents/3", "city.journal/0", "lane"]
