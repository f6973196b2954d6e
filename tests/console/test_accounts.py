"""Accounts, tokens and dead letters in an administrator's hands."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from console.access import Role
from infra.ledger import intake
from infra.ledger.outbox import unpack_headers
from infra.ledger.pool import connect, transaction
from tests.cli.scene import Scene
from tests.console.visitors import Visitors, sign_in

pytestmark = pytest.mark.postgis
API = "/api/v1"


@pytest.fixture
async def owner(scene: Scene) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(scene.endpoints.database_url)
    yield conn
    await conn.close()


@pytest.fixture
def root(visitors: Visitors) -> httpx.AsyncClient:
    return visitors.of(Role.ADMINISTRATOR)


async def deeds(owner: asyncpg.Connection, subject: str) -> list[tuple]:
    rows = await owner.fetch(
        "SELECT actor, action, detail FROM audit WHERE subject = $1 ORDER BY id", subject
    )
    return [tuple(row) for row in rows]


async def test_an_accounts_life(
    root: httpx.AsyncClient, visitors: Visitors, owner: asyncpg.Connection
) -> None:
    made = await root.post(f"{API}/accounts", json={"name": "zhao", "role": "operator"})
    assert made.status_code == 201, made.text
    first, person = made.json()["password"], visitors.nobody()
    csrf = (await sign_in(person, "zhao", first))["csrf"]
    assert (
        await root.post(f"{API}/accounts", json={"name": "zhao", "role": "viewer"})
    ).status_code == 409
    # Its sessions have the new role at once.
    assert (await person.get(f"{API}/commands")).status_code == 200
    assert (await root.put(f"{API}/accounts/zhao/role", json={"role": "viewer"})).status_code == 204
    assert (await person.get(f"{API}/commands")).status_code == 403
    # Its session ends with its password, and while it is disabled nobody comes in.
    second = (await root.post(f"{API}/accounts/zhao/password")).json()["password"]
    assert (await person.get(f"{API}/session")).status_code == 401
    await sign_in(person, "zhao", second)
    assert (await root.delete(f"{API}/accounts/zhao/sessions")).status_code == 204
    assert (await person.get(f"{API}/session")).status_code == 401
    await sign_in(person, "zhao", second)
    off = await root.put(f"{API}/accounts/zhao/enabled", json={"enabled": False})
    assert off.status_code == 204
    assert (await person.get(f"{API}/session")).status_code == 401
    again = await person.post(f"{API}/session", json={"name": "zhao", "password": second})
    assert again.status_code == 401
    await root.put(f"{API}/accounts/zhao/enabled", json={"enabled": True})
    await sign_in(person, "zhao", second)
    assert csrf
    listed = (await root.get(f"{API}/accounts")).json()
    assert next(one for one in listed if one["name"] == "zhao")["role"] == "viewer"
    told = await deeds(owner, "zhao")
    changed = [action for actor, action, _ in told if actor == "administrator"]
    assert changed == [
        "add_account",
        "set_role",
        "set_password",
        "end_sessions",
        "disable",
        "enable",
    ]
    assert not {first, second} & {str(listed), str(told)}
    assert first not in str(told) + str(listed)
    assert "argon2" not in str(listed)


async def test_a_token_is_shown_once(
    root: httpx.AsyncClient, visitors: Visitors, owner: asyncpg.Connection
) -> None:
    path = f"{API}/accounts/supervisor/tokens"
    made = (await root.post(path, json={"role": "operator", "label": "wall", "days": 7})).json()
    client = visitors.nobody(headers={"Authorization": f"Bearer {made['token']}"})
    assert (await client.get(f"{API}/session")).json()["role"] == "operator"
    listed = (await root.get(f"{API}/tokens?account=supervisor")).json()
    (line,) = [one for one in listed if one["prefix"] == made["prefix"]]
    assert (line["label"], line["revoked_at"]) == ("wall", None)
    assert made["token"] not in str(listed)
    assert (await root.post(path, json={"role": "planner"})).status_code == 422
    assert (await root.post(f"{API}/accounts/nobody/tokens", json={})).status_code == 404
    assert (await root.delete(f"{API}/tokens/{made['prefix']}")).status_code == 204
    assert (await client.get(f"{API}/session")).status_code == 401
    assert (await root.delete(f"{API}/tokens/zzzzzzzz")).status_code == 404
    told = [
        action
        for _, action, detail in await deeds(owner, "supervisor")
        if made["prefix"] in str(detail)
    ]
    assert told == ["add_token", "revoke_token"]


async def test_no_administrator_is_made_or_changed_from_here(
    root: httpx.AsyncClient, scene: Scene
) -> None:
    """Not by the endpoints, and not by whoever has the gateway's own role in the database."""
    for method, path, body in (
        ("POST", "accounts", {"name": "second", "role": "administrator"}),
        ("PUT", "accounts/viewer/role", {"role": "administrator"}),
        ("PUT", "accounts/administrator/role", {"role": "viewer"}),
        ("PUT", "accounts/administrator/enabled", {"enabled": False}),
        ("POST", "accounts/administrator/password", None),
        ("POST", "accounts/administrator/tokens", {}),
    ):
        answer = await root.request(method, f"{API}/{path}", json=body)
        assert answer.status_code == 409, (path, answer.text)
        assert "jingwei users" in answer.json()["detail"]
    gateway = await connect(scene.endpoints.gateway_url)
    try:
        for statement in (
            "INSERT INTO account (name, role, password) VALUES ('x', 'administrator', 'x')",
            "UPDATE account SET role = 'administrator' WHERE name = 'viewer'",
            "INSERT INTO api_token VALUES ('aaaaaaaa', '', 'viewer', 'viewer', '', now(), now())",
            "UPDATE dead_letter SET redriven_at = NULL",
            "SELECT administer_redrive('viewer', 1)",
            "SELECT administer_account('nobody', 'viewer', 'disable', NULL, NULL, NULL, NULL)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await gateway.execute(statement)
    finally:
        await gateway.close()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "A b", "role": "viewer"}, "name"),
        ({"name": "a", "role": "king"}, "role"),
        ({"name": "a", "role": "department"}, "department"),
        ({"name": "a", "role": "department", "department": "navy"}, "department"),
        ({"name": "a", "role": "responder"}, "unit"),
        ({"name": "a", "role": "viewer", "unit": "U1"}, "unit"),
        ({"name": "a", "role": "viewer", "password": "x"}, "password"),
    ],
)
async def test_an_account_that_cannot_be(root: httpx.AsyncClient, body: dict, said: str) -> None:
    answer = await root.post(f"{API}/accounts", json=body)
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text


async def test_a_session_changes_nothing_without_its_csrf_token(visitors: Visitors) -> None:
    page = await visitors.signed_in(Role.ADMINISTRATOR)
    answer = await page.post(f"{API}/accounts", json={"name": "eve", "role": "operator"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:jingwei:problem:csrf")


async def test_a_dead_letter_is_sent_again_once(
    root: httpx.AsyncClient, visitors: Visitors, owner: asyncpg.Connection
) -> None:
    async with transaction(owner) as conn:
        await intake.insert_dead_letters(
            conn,
            [
                intake.DeadLetter(
                    source=intake.Source("city.unit.status", 3, 41),
                    key=b"U99",
                    value=b'{"unit": "U99"}',
                    headers=[("ce_id", b"7"), ("dlq_reason", b"an earlier one")],
                    reason="no unit 'U99'",
                    error="unknown_unit",
                    agent="intake_status",
                    at=datetime.now(UTC),
                )
            ],
        )
    path = f"{API}/dead-letters"
    (line,) = (await root.get(path, params={"error": "unknown_unit"})).json()["items"]
    assert (line["topic"], line["reason"], line["value_bytes"]) == (
        "city.unit.status",
        "no unit 'U99'",
        15,
    )
    assert 'U99"' not in str(line)
    for _ in range(2):
        assert (await root.post(f"{path}/{line['id']}/redrive")).status_code == 204
    owed = await owner.fetch("SELECT * FROM outbox WHERE topic = 'city.unit.status'")
    assert [(row["lane"], row["key"], row["value"]) for row in owed] == [
        ("city.unit.status/3/aside", b"U99", b'{"unit": "U99"}')
    ]
    assert unpack_headers(owed[0]["headers"]) == [("ce_id", b"7")]
    assert (await root.get(path, params={"error": "unknown_unit"})).json()["items"] == []
    again = (await root.get(path, params={"error": "unknown_unit", "redriven": True})).json()
    assert again["items"][0]["redriven_at"]
    assert [deed[:2] for deed in await deeds(owner, str(line["id"]))] == [
        ("administrator", "redrive")
    ]
    assert (await root.post(f"{path}/999999/redrive")).status_code == 404
    await owner.execute("DELETE FROM outbox")


@pytest.mark.kafka
async def test_how_the_system_is(visitors: Visitors, owner: asyncpg.Connection) -> None:
    told = (await visitors.of(Role.SUPERVISOR).get(f"{API}/status")).json()
    assert told["backlog"]["outbox"] == await owner.fetchval("SELECT count(*) FROM outbox")
    parts = {part["part"]: part["connections"] for part in told["parts"]}
    assert parts["jingwei-gateway"] >= 1
    lag = told["lag"]
    assert lag is None or {line["topic"] for line in lag} >= {"city.journal", "city.unit.status"}
