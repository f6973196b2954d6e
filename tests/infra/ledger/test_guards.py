"""What the database itself refuses, whoever asks."""

from datetime import UTC, datetime

import asyncpg
import pytest

from infra.ledger import connect, errors, transaction
from infra.ledger.effects import write_applied
from infra.ledger.erasure import erase
from infra.ledger.intake import (
    DeadLetter,
    Source,
    insert_dead_letters,
    insert_evidence,
)
from infra.ledger.outbox import Message, put
from infra.ledger.queries import get_dead_letter
from infra.ledger.reporters import insert_reporters, reveal
from infra.settings import Endpoints
from infra.vault import Sealed, Vault
from tests.infra.ledger.scenario import Play, fleet

pytestmark = pytest.mark.postgis


@pytest.fixture
async def play(worker: asyncpg.Connection) -> Play:
    play = Play("310106")
    batch = [play.apply(fleet("310106")), play.step(0, 1, 1), play.step(0, 3, 1)]
    async with transaction(worker) as conn:
        await insert_evidence(conn, "310106", play.evidence)
        await write_applied(conn, "310106", batch, play.core.clock)
    return play


async def test_the_timeline_only_grows(
    play: Play, owner: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    for change in (
        "UPDATE incident_entry SET text = 'other'",
        "DELETE FROM incident_entry",
        "TRUNCATE incident_entry",
    ):
        with pytest.raises(errors.InvariantBroken, match="incident_entry is append-only"):
            async with transaction(owner) as conn:
                await conn.execute(change)
        with pytest.raises(errors.LedgerRefused, match="permission denied"):
            async with transaction(worker) as conn:
                await conn.execute(change)


async def test_the_timeline_has_neither_gaps_nor_repeats(
    play: Play, worker: asyncpg.Connection
) -> None:
    incident = play.core.snapshot().incidents[0]
    for seq in (1, incident.version, incident.version + 2):
        with pytest.raises(errors.InvariantBroken, match="the next is not number"):
            async with transaction(worker) as conn:
                await conn.execute(
                    "INSERT INTO incident_entry"
                    " VALUES ($1, $2, now(), 'note', 'a', 'b', '{}', 'c')",
                    incident.id,
                    seq,
                )


async def test_a_unit_has_at_most_one_active_assignment(
    play: Play, worker: asyncpg.Connection
) -> None:
    with pytest.raises(errors.InvariantBroken, match="assignment_one_active_per_unit"):
        async with transaction(worker) as conn:
            await conn.execute(
                "INSERT INTO assignment (id, region, incident_id, unit_id, capability,"
                " assigned_by, eta_s, reasons, dispatched, record)"
                " SELECT 'other', region, incident_id, unit_id, capability, assigned_by, eta_s,"
                " reasons, dispatched, record FROM assignment WHERE ended IS NULL LIMIT 1"
            )


STAMPS = (
    "dispatched",
    "acknowledged",
    "en_route",
    "on_scene",
    "to_facility",
    "at_facility",
    "clear",
)


async def test_a_stamp_is_written_once(play: Play, worker: asyncpg.Connection) -> None:
    for stamp in STAMPS:
        await worker.execute(f"UPDATE assignment SET {stamp} = dispatched")
        await worker.execute(f"UPDATE assignment SET {stamp} = {stamp}")
        for change in ("dispatched + interval '1s'", *(("NULL",) * (stamp != "dispatched"))):
            with pytest.raises(errors.InvariantBroken, match=f"{stamp} is written once"):
                async with transaction(worker) as conn:
                    await conn.execute(f"UPDATE assignment SET {stamp} = {change}")


async def test_an_ended_assignment_stays_ended(play: Play, worker: asyncpg.Connection) -> None:
    await worker.execute("UPDATE assignment SET ended = 'completed'")
    for change in ("NULL", "'cancelled'"):
        with pytest.raises(errors.InvariantBroken, match="ended is written once"):
            async with transaction(worker) as conn:
                await conn.execute(f"UPDATE assignment SET ended = {change}")


async def test_planners_see_views_without_personal_data_only(
    play: Play, endpoints: Endpoints, owner: asyncpg.Connection
) -> None:
    planner = await connect(endpoints.planner_url)
    assert await planner.fetchval("SELECT count(*) FROM planning.incident") > 0
    assert await planner.fetchval("SELECT count(*) FROM planning.assignment WHERE eta_s > 0") > 0
    views = await owner.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'planning'")
    for view in views:
        await planner.fetch(f"SELECT * FROM planning.{view[0]}")
    hidden = {"text", "title", "address", "reporter_ref", "contact", "record", "triage"}
    columns = await owner.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'planning'"
    )
    assert not hidden & {row[0] for row in columns}
    tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE tableowner = current_user")
    for table in {row[0] for row in tables} - {"schema_migration"}:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await planner.fetch(f"SELECT * FROM {table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await planner.execute("DELETE FROM planning.incident")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await planner.fetchval("SELECT reveal_reporter('r', 'planner', 'curiosity', 'e')")
    await planner.close()


async def test_reading_personal_data_is_audited(
    endpoints: Endpoints, owner: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    vault = Vault(bytes(32))
    contact = {"name": "张三", "phone": "13800000000\x00"}
    async with transaction(worker) as conn:
        await insert_reporters(conn, [vault.seal("r1", contact)])
        await insert_reporters(conn, [vault.seal("r1", {"name": "another"})])
    for hidden in ("sealed FROM reporter", "key FROM reporter_key", "* FROM audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.fetch(f"SELECT {hidden}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await worker.fetchval("SELECT reveal_reporter('r1', 'worker', 'why', 'e')")
    gateway = await connect(endpoints.gateway_url)
    for hidden in ("ref FROM reporter", "ref FROM reporter_key"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await gateway.fetch(f"SELECT {hidden}")
    async with transaction(gateway) as conn:
        found = await reveal(conn, "r1", "王", "call back", "e1")
    assert vault.open(found.sealed) == contact
    with pytest.raises(errors.Unstorable, match="actor and a purpose"):
        async with transaction(gateway) as conn:
            await reveal(conn, "r1", "王", "", "e1")
    for change in ("DELETE FROM audit", "DELETE FROM reporter_key", "SELECT * FROM erasure"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await gateway.execute(change)
    await gateway.close()
    async with transaction(owner) as conn:
        await erase(conn, ["r1"], [], None)
    async with transaction(worker) as conn:
        await insert_reporters(conn, [vault.seal("r1", contact)])  # the report is read again
    assert await owner.fetchval("SELECT count(*) FROM reporter_key") == 0
    assert await owner.fetchval("SELECT sealed FROM reporter") is None
    rows = await owner.fetch("SELECT role, actor, action, subject, detail FROM audit")
    detail = {"purpose": "call back", "evidence": "e1"}
    assert [tuple(row) for row in rows] == [("jingwei_gateway", "王", "reveal", "r1", detail)]


async def test_a_dead_letters_content_is_personal_data_too(
    endpoints: Endpoints, owner: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    raw = b'{"phone": "13800000000"}'
    letter = DeadLetter(
        source=Source("city.citizen.reports", 0, 7),
        key=b"r1",
        value=raw,
        headers=[("ce_id", b"1")],
        reason="no text",
        error="PayloadError",
        agent="reports",
        at=datetime.now(UTC),
    )
    async with transaction(worker) as conn:
        await insert_dead_letters(conn, [letter])
        await put(conn, "lane", [Message("dlq.city.citizen.reports", b"r1", raw, [])])
    number = await owner.fetchval("SELECT id FROM dead_letter")
    gateway = await connect(endpoints.gateway_url)
    for hidden in ("dead_letter", "outbox", "outbox_refused"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await gateway.fetch(f"SELECT value FROM {hidden}")
    seen = await gateway.fetchrow("SELECT * FROM dead_letter_summary")
    assert seen["reason"] == "no text"
    assert seen["value_bytes"] == len(raw)
    assert not {"key", "value", "headers"} & set(seen.keys())
    assert await gateway.fetchval("SELECT count(*) FROM outbox WHERE lane = 'lane'") == 1
    read = "SELECT value FROM read_dead_letter($1, '王', $2)"
    with pytest.raises(asyncpg.InvalidParameterValueError, match="actor and a purpose"):
        await gateway.fetchval(read, number, "")
    assert await gateway.fetchval(read, number, "call back") == raw
    await gateway.close()
    planner = await connect(endpoints.planner_url)
    for refused in ("SELECT * FROM dead_letter_summary", "SELECT read_dead_letter(1, 'a', 'b')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await planner.fetch(refused)
    await planner.close()
    assert (await get_dead_letter(worker, number)).value == raw
    rows = await owner.fetch("SELECT role, actor, action, subject, detail FROM audit")
    assert [tuple(row) for row in rows] == [
        ("jingwei_gateway", "王", "read_dead_letter", str(number), {"purpose": "call back"})
    ]


async def test_the_gateway_writes_no_incidents_answers_or_accounts(
    play: Play, endpoints: Endpoints
) -> None:
    gateway = await connect(endpoints.gateway_url)
    assert await gateway.fetchval("SELECT count(*) FROM open_incident") > 0
    for change in (
        "DELETE FROM incident",
        "UPDATE incident SET state = 'closed'",
        "INSERT INTO command (id, region, incident_id, operator) VALUES ('c', 'r', 'i', 'o')",
        "INSERT INTO account (name, role, password) VALUES ('a', 'administrator', 'x')",
        "UPDATE account SET role = 'administrator'",
        "UPDATE session SET account = 'admin'",
        "UPDATE api_token SET role = 'administrator'",
        "UPDATE command_key SET digest = ''",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await gateway.execute(change)
    await gateway.close()


async def test_an_id_that_no_column_holds_is_refused_whole(worker: asyncpg.Connection) -> None:
    play = Play("310106")
    play.step(0, 1, 1)
    noted = play.evidence[0][0]
    bad = type(noted)(**{f: getattr(noted, f) for f in noted.__struct_fields__} | {"id": "a\x00b"})
    with pytest.raises(errors.Unstorable, match="cannot be stored"):
        async with transaction(worker) as conn:
            await insert_evidence(conn, "r", [(noted, Source("t", 0, 0)), (bad, Source("t", 0, 1))])
    assert await worker.fetchval("SELECT count(*) FROM evidence") == 0


async def test_a_key_longer_than_an_index_takes_is_refused(worker: asyncpg.Connection) -> None:
    noise = "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(5000))
    with pytest.raises(errors.Unstorable, match="index row"):
        async with transaction(worker) as conn:
            await insert_reporters(conn, [Sealed(noise, b"", b"")])


async def test_any_other_error_of_the_database_is_the_ledgers(worker: asyncpg.Connection) -> None:
    with pytest.raises(errors.LedgerError, match="the ledger failed") as raised:
        async with transaction(worker) as conn:
            await conn.execute("SELECT ST_GeomFromEWKB('\\x00')")
    assert type(raised.value) is errors.LedgerError
