"""The audit in the ledger: chained by the database, whoever writes, and checked from outside."""

import asyncio
import contextlib
import json
import uuid

import asyncpg
import pytest

from infra.audit_chain import Chain, hash_of
from infra.ledger import audit, connect, errors, reading, transaction
from infra.settings import Endpoints
from tests.cli.conftest import Run, data, point_at, run  # noqa: F401 - run is a fixture

pytestmark = pytest.mark.postgis
MOVE = "UPDATE audit SET id ="


async def fault(conn: asyncpg.Connection) -> str | None:
    chain = Chain()
    async with reading(conn) as tx:
        async for link in audit.links(tx):
            wrong = chain.follow(link)
            if wrong is not None:
                return wrong
    return chain.end()


async def test_many_writers_make_one_chain(endpoints: Endpoints, owner: asyncpg.Connection) -> None:
    """Three processes' worth of connections at once, some of which give up."""

    async def writer(number: int) -> None:
        role = (endpoints.gateway_url, endpoints.worker_url, endpoints.database_url)[number % 3]
        conn = await connect(role)
        try:
            for turn in range(10):
                with contextlib.suppress(ZeroDivisionError):
                    async with transaction(conn) as tx:
                        await audit.write(
                            tx, f"w{number}", "test", str(turn), note='张三\n\\u0000é"'
                        )
                        if turn % 4 == 3:
                            1 / 0  # noqa: B018
        finally:
            await conn.close()

    await asyncio.gather(*(writer(number) for number in range(9)))
    rows = await owner.fetch("SELECT id, role, actor FROM audit ORDER BY id")
    assert [row["id"] for row in rows] == list(range(1, 9 * 8 + 1))
    assert {row["role"] for row in rows} == {"jingwei_gateway", "jingwei_worker", "jingwei_owner"}
    assert await fault(owner) is None


async def test_nobody_changes_a_row_or_says_who_or_when(
    endpoints: Endpoints, owner: asyncpg.Connection
) -> None:
    gateway = await connect(endpoints.gateway_url)
    async with transaction(gateway) as conn:
        await audit.write(conn, "li", "test", "x")
    for change in (
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "INSERT INTO audit (at, actor, action, subject) VALUES (now(), 'a', 'b', 'c')",
        "INSERT INTO audit (role, actor, action, subject) VALUES ('x', 'a', 'b', 'c')",
        "INSERT INTO audit (hash, actor, action, subject) VALUES ('', 'a', 'b', 'c')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await gateway.execute(change)
    await gateway.close()
    for change in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(errors.InvariantBroken, match="append-only"):
            async with transaction(owner) as conn:
                await conn.execute(change)
    await owner.execute(
        "INSERT INTO audit (id, at, role, actor, action, subject)"
        " VALUES (99, '1999-01-01', 'nobody', 'a', 'b', 'c')"
    )
    row = await owner.fetchrow("SELECT * FROM audit WHERE actor = 'a'")
    assert (row["id"], row["role"]) == (2, "jingwei_owner")
    assert row["at"].year > 2000
    assert await fault(owner) is None


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE id = 3", "row 3 was changed"),
        ("UPDATE audit SET detail = '{\"n\": 4}' WHERE id = 3", "row 3 was changed"),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE id = 3", "row 3 was changed"),
        ("DELETE FROM audit WHERE id = 3", "row 4 does not follow row 2"),
        ("DELETE FROM audit WHERE id = 1", "row 2 does not follow the beginning"),
        ("UPDATE audit SET id = 99 WHERE id = 3", "row 4 does not follow row 2"),
        (
            f"{MOVE} 107 - id WHERE id IN (3, 4); {MOVE} id - 100 WHERE id > 100",
            "row 3 does not follow row 2",
        ),
    ],
)
async def test_an_owner_who_tampers_is_found(
    owner: asyncpg.Connection, change: str, found: str
) -> None:
    async with transaction(owner) as conn:
        for number in range(6):
            await audit.write(conn, "li", "test", "x", n=number)
    await owner.execute(f"ALTER TABLE audit DISABLE TRIGGER USER; {change}")
    assert (await fault(owner) or "").startswith(found)


def test_an_export_is_checked_without_a_ledger(
    endpoints: Endpoints,
    monkeypatch,
    run: Run,  # noqa: F811
    tmp_path,
) -> None:
    point_at(endpoints, monkeypatch)
    for name in ("li", "wang"):
        assert run("users", "add", name, "--role", "viewer").exit_code == 0
    anchor = tmp_path / "anchor"
    assert data(run("audit", "verify", "--anchor", anchor, "--json"))["rows"] == 2
    exported = run("audit", "export")
    assert exported.exit_code == 0
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    assert [json.loads(line["row"])[4] for line in lines] == ["add_account"] * 2 + ["export_audit"]
    assert lines[1]["hash"] == hash_of(lines[0]["hash"], lines[1]["row"])
    file = tmp_path / "audit.ndjson"
    file.write_text(exported.stdout)
    monkeypatch.setenv("JINGWEI_DATABASE_URL", f"postgresql://x@127.0.0.1:1/{uuid.uuid4().hex}")
    assert data(run("audit", "verify", file, "--anchor", anchor, "--json"))["head"]["id"] == 3
    cut = exported.stdout.splitlines(keepends=True)[:2]
    file.write_text("".join(cut))
    assert data(run("audit", "verify", file, "--json"))["rows"] == 2
    shorter = run("audit", "verify", file, "--anchor", anchor)
    assert (shorter.exit_code, "cut off" in str(shorter.exception)) == (6, True)
    file.write_text(exported.stdout.replace("viewer", "administrator"))
    broken = run("audit", "verify", file)
    assert (broken.exit_code, str(broken.exception).startswith("row 1 was changed")) == (6, True)
    for text in ("nonsense", '{"id": 1}'):
        file.write_text(text)
        assert run("audit", "verify", file).exit_code == 2
    assert run("audit", "verify", tmp_path / "nothing").exit_code == 2
