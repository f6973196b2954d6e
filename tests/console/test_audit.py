"""What the gateway writes to the audit, and who reads it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from console.access import Role
from infra.ledger.pool import connect
from tests.cli.scene import Scene
from tests.console.visitors import Visitors

pytestmark = pytest.mark.postgis
AUDIT = "/api/v1/audit"


@pytest.fixture
async def owner(scene: Scene) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(scene.endpoints.database_url)
    yield conn
    await conn.close()


@pytest.fixture
async def since(owner: asyncpg.Connection) -> int:
    return await owner.fetchval("SELECT coalesce(max(id), 0) FROM audit")


async def rows(owner: asyncpg.Connection, since: int) -> list[tuple]:
    found = await owner.fetch(
        "SELECT actor, action, subject, detail FROM audit WHERE id > $1 ORDER BY id", since
    )
    return [tuple(row) for row in found]


async def test_reading_the_audit_is_audited_and_paged(
    visitors: Visitors, owner: asyncpg.Connection, since: int
) -> None:
    boss = visitors.of(Role.SUPERVISOR)
    for _ in range(3):
        assert (await boss.get(AUDIT, params={"action": "read_audit"})).status_code == 200
    first = (await boss.get(AUDIT, params={"action": "read_audit", "limit": 2})).json()
    second = await boss.get(
        AUDIT, params={"action": "read_audit", "limit": 2, "after": first["next"]}
    )
    ids = [line["id"] for line in [*first["items"], *second.json()["items"]]]
    assert ids == sorted(set(ids), reverse=True)
    assert {line["action"] for line in first["items"]} == {"read_audit"}
    assert first["items"][0]["role"] == "jingwei_gateway"
    written = [row for row in await rows(owner, since) if row[1] == "read_audit"]
    assert len(written) == 5
    assert written[0][0] == "supervisor"
    assert written[0][3]["action"] == "read_audit"
    later = await boss.get(AUDIT, params={"since": "2999-01-01T00:00:00Z"})
    assert later.json() == {"items": [], "next": None}
    assert (await boss.get(AUDIT, params={"actor": "a\x00"})).status_code == 422


async def test_refusals_are_audited_and_do_not_flood(
    visitors: Visitors, owner: asyncpg.Connection, since: int
) -> None:
    viewer, stranger = visitors.of(Role.VIEWER), visitors.nobody()
    for _ in range(20):
        assert (await viewer.get(AUDIT)).status_code == 403
        assert (await stranger.get(AUDIT)).status_code == 401
        bad = await stranger.get(AUDIT, headers={"Authorization": "Bearer jw_aaaaaaaa_secret"})
        assert bad.status_code == 401
    refused = [row for row in await rows(owner, since) if row[1] == "refused"]
    assert [(row[0], row[2], row[3]["problem"]) for row in refused] == [
        ("viewer", f"GET {AUDIT}", "forbidden"),
        ("(unknown)", f"GET {AUDIT}", "sign-in"),
    ]
    assert refused[1][3]["token"] == "aaaaaaaa"
    assert "secret" not in str(refused)


async def test_the_first_use_of_a_token_is_audited_and_no_further(
    visitors: Visitors, owner: asyncpg.Connection, since: int
) -> None:
    await owner.execute("UPDATE api_token SET used_at = NULL WHERE account = 'planner'")
    for _ in range(3):
        assert (await visitors.of(Role.PLANNER).get("/api/v1/session")).status_code == 200
    await owner.execute("UPDATE api_token SET used_at = used_at - interval '1 hour'")
    assert (await visitors.of(Role.PLANNER).get("/api/v1/session")).status_code == 200
    used = [row for row in await rows(owner, since) if row[1] == "first_use_of_token"]
    assert [row[0] for row in used] == ["planner"]


@pytest.mark.kafka
async def test_commands_are_audited_with_their_outcome(
    visitors: Visitors, answered: Scene, owner: asyncpg.Connection, since: int
) -> None:
    path = f"/api/v1/incidents/{answered.ids[1]}/commands"
    operator = visitors.of(Role.OPERATOR)
    for key, action in (
        ("audit-1", {"action": "note", "text": "secret words"}),
        ("audit-2", {"action": "resume"}),
    ):
        await operator.post(path, json={"action": action}, headers={"Idempotency-Key": key})
    given = [row for row in await rows(owner, since) if row[1] == "command"]
    assert [(row[0], row[2], row[3]["action"], row[3]["outcome"]) for row in given] == [
        ("operator", answered.ids[1], "note", "accepted"),
        ("operator", answered.ids[1], "resume", "refused"),
    ]
    assert "secret words" not in str(given)
