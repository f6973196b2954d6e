"""Migrations: once, in order, by one at a time, and never by the wrong Jingwei."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from infra.audit_chain import Chain
from infra.ledger import (
    SCHEMA,
    audit,
    check_schema,
    connect,
    errors,
    migrate,
    migrations,
    reading,
)
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
    with pytest.raises(errors.MigrationFailed, match=r"0002_streams.*never edit"):
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


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Let this Jingwei know the migrations before one, or all of them for None."""
    everything = migrations.migrations()

    def know(before: str | None) -> None:
        names = [item.name for item in everything]
        count = len(names) if before is None else names.index(before)
        monkeypatch.setattr(migrations, "migrations", lambda: everything[:count])
        monkeypatch.setattr(migrations, "SCHEMA", count)

    return know


async def test_lanes_lose_the_groups_name(
    empty_url: str, owner: asyncpg.Connection, known: Callable[[str | None], None]
) -> None:
    """Rows that were waiting, and those set aside, lie in the lanes that are drained now."""
    known("0014_feeds")
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
    known(None)
    await migrate(empty_url)
    for table in ("outbox", "outbox_refused"):
        rows = await owner.fetch(f"SELECT lane FROM {table} ORDER BY id")
        assert [row["lane"] for row in rows] == ["city.incidents/3", "city.journal/0", "lane"]


async def test_an_earlier_audit_is_chained_as_it_stands(
    empty_url: str, owner: asyncpg.Connection, known: Callable[[str | None], None]
) -> None:
    """With the gaps that its sequence left, and its times and roles."""
    known("0025_audit_chain")
    await migrate(empty_url)
    for number in range(5):
        await owner.execute(
            "INSERT INTO audit (actor, action, subject, detail) VALUES ($1, 'a', 's', $2)",
            f"w{number}",
            {"n": number},
        )
        await owner.execute("SELECT nextval('audit_id_seq')")
    before = await owner.fetch("SELECT id, at, role, actor, detail FROM audit ORDER BY id")
    known(None)
    await migrate(empty_url)
    assert await owner.fetch("SELECT id, at, role, actor, detail FROM audit ORDER BY id") == before
    await owner.execute("INSERT INTO audit (actor, action, subject) VALUES ('new', 'a', 's')")
    chain = Chain()
    async with reading(owner) as conn:
        faults = [chain.follow(link) async for link in audit.links(conn)]
    assert faults == [None] * 6
    assert chain.head.id == before[-1]["id"] + 1


async def test_what_an_older_ledger_had_forgotten_stays_forgotten(
    empty_url: str, owner: asyncpg.Connection, known: Callable[[str | None], None]
) -> None:
    """And what its lines said in words has its own columns."""
    known("0018_said_by_the_core")
    await migrate(empty_url)
    await owner.execute(
        "INSERT INTO region (region, clock, forgotten_until) VALUES"
        " ('r', '2026-11-24 12:00Z', '2026-11-24 10:00Z'), ('s', '2026-11-24 12:00Z', NULL)"
    )
    await owner.execute(
        "INSERT INTO incident (id, region, number, version, category, severity, confidence, state,"
        " is_open, title, hazard_zones, opened_at, updated_at, noticed_at, closed_at, merged_into,"
        " short, evidence_ids, record)"
        " SELECT i.id, i.region, i.id, 1, 'fire', 'P1', 1, 'closed', false, '', '{}', now(), now(),"
        " now(), i.closed::timestamptz, i.merged_into, '[]', '{}', ''"
        " FROM (VALUES ('long over', 'r', '2026-11-24 09:00Z', NULL),"
        "  ('taken in', 'r', '2026-11-24 11:30Z', 'long over'),"
        "  ('just over', 'r', '2026-11-24 11:00Z', NULL),"
        "  ('taken in, too', 'r', '2026-11-24 08:00Z', 'just over'),"
        "  ('open', 'r', NULL, NULL), ('elsewhere', 's', '2026-11-20 08:00Z', NULL)"
        ") AS i (id, region, closed, merged_into)"
    )
    await owner.execute(
        "INSERT INTO incident_entry (incident_id, seq, at, kind, actor, text, reasons, cause)"
        " SELECT 'open', seq, now(), kind, 'a', text, '{}', 'c'"
        " FROM (VALUES (1, 'reported', 'x'), (2, 'state', 'reported → triaged'),"
        "  (3, 'severity', 'P2 → P1'), (4, 'note', 'a → b'),"
        "  (5, 'classified', 'fire → gas_leak'), (6, 'classified', 'place 1.0, 2.0')"
        ") AS e (seq, kind, text)"
    )
    known(None)
    await migrate(empty_url)
    forgotten = await owner.fetch(
        "SELECT id, forgotten_at = '2026-11-24 12:00Z' AS then FROM incident"
        " WHERE forgotten_at IS NOT NULL ORDER BY id"
    )
    assert [tuple(row) for row in forgotten] == [("long over", True), ("taken in", True)]
    lines = await owner.fetch("SELECT before, after FROM incident_entry ORDER BY seq")
    assert [tuple(row) for row in lines] == [
        ("", ""),
        ("reported", "triaged"),
        ("P2", "P1"),
        ("", ""),
        ("fire", "gas_leak"),
        ("", ""),
    ]
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await owner.execute("UPDATE incident_entry SET before = 'x'")


async def test_what_was_short_in_prose_becomes_data(
    empty_url: str, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations.migrations()
    before = next(item.number for item in known if item.name.endswith("_reasons"))
    monkeypatch.setattr(migrations, "migrations", lambda: known[: before - 1])
    monkeypatch.setattr(migrations, "SCHEMA", before - 1)
    await migrate(empty_url)
    await owner.execute(
        "INSERT INTO incident (id, region, number, version, category, severity, confidence, state,"
        " is_open, title, hazard_zones, opened_at, updated_at, noticed_at, short, evidence_ids,"
        " record) SELECT 'i' || n, 'r', n, 1, 'fire', 'P2', 1, 'pending', true, 't', '{}', now(),"
        " now(), now(), short, '{}', '' FROM (VALUES (1, ARRAY['pump×2: no free unit has it',"
        " 'als×1: only 1 of 2 free units \"can\" get']), (2, '{}'::text[])) AS v (n, short)"
    )
    await owner.execute(
        "INSERT INTO recommendation (incident_id, at, policy, requirements, short, reasons,"
        " candidates, record) VALUES ('i1', now(), 'p', '{pump×2}', '{pump×1: no}',"
        """ '["fewest \\"s\\""]', '[{"unit": "U1", "reason": "80 s away"}]', '')"""
    )
    monkeypatch.setattr(migrations, "migrations", lambda: known)
    monkeypatch.setattr(migrations, "SCHEMA", len(known))
    await migrate(empty_url)

    def said(text: str) -> dict[str, object]:
        return {"code": "said", "values": {"text": text}}

    short = [row["short"] for row in await owner.fetch("SELECT short FROM incident ORDER BY id")]
    assert short == [
        [
            {"capability": "pump", "count": 2, "why": said("no free unit has it")},
            {
                "capability": "als",
                "count": 1,
                "why": said('only 1 of 2 free units "can" get'),
            },
        ],
        [],
    ]
    shown = await owner.fetchval("SELECT short FROM open_incident WHERE id = 'i1'")
    assert shown == ["pump×2", "als×1"]
    row = await owner.fetchrow("SELECT short, reasons, candidates FROM recommendation")
    assert row is not None
    assert row["short"] == [{"capability": "pump", "count": 1, "why": said("no")}]
    assert row["reasons"] == [said('fewest "s"')]
    assert row["candidates"] == [{"unit": "U1", "reasons": [said("80 s away")]}]
