"""A reporter's contact: for whom, with what purpose, how often, and where it is never seen."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from console.access import Role
from console.app import make_app
from console.refusals import Refusals
from console.reveal import Contact
from console.services import Services
from infra.ledger.pool import connect, transaction
from infra.ledger.reporters import insert_reporters, open_vault
from tests.cli.scene import Scene
from tests.console.visitors import Visitors

pytestmark = pytest.mark.postgis
PHONE = "13912345678"
WHY = {"purpose": "call back about the fire"}


@pytest.fixture
async def owner(scene: Scene) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(scene.endpoints.database_url)
    yield conn
    await conn.close()


@pytest.fixture
async def path(scene: Scene, owner: asyncpg.Connection) -> str:
    """Return where the contact of the fire's reporter is revealed."""
    vault = await open_vault(owner, scene.endpoints.key_file)
    evidence = await owner.fetchval("SELECT id FROM evidence WHERE incident_id = $1", scene.ids[0])
    async with transaction(owner) as conn:
        await conn.execute("UPDATE evidence SET reporter_ref = 'who' WHERE id = $1", evidence)
        await insert_reporters(conn, [vault.seal("who", {"name": "王", "phone": PHONE})])
    return f"/api/v1/evidence/{evidence}/reveal"


async def looks(owner: asyncpg.Connection) -> list[tuple]:
    rows = await owner.fetch(
        "SELECT actor, subject, detail ->> 'purpose' FROM audit WHERE action = 'reveal' ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def test_a_contact_is_shown_for_a_purpose_and_never_kept(
    visitors: Visitors, path: str, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = await looks(owner)
    operator = visitors.of(Role.OPERATOR)
    answer = await operator.post(path, json=WHY)
    assert answer.json() == {
        "reporter": "who",
        "contact": {"name": "王", "phone": PHONE},
        "erased_at": None,
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await operator.get(path)).status_code == 405
    for body in (
        {},
        {"purpose": ""},
        {"purpose": "     "},
        {"purpose": "a\nbcdefg"},
        WHY | {"x": 1},
    ):
        assert (await operator.post(path, json=body)).status_code == 422, body
    assert (await looks(owner))[len(before) :] == [("operator", "who", WHY["purpose"])]
    for role in set(Role) - {Role.OPERATOR, Role.SUPERVISOR}:
        refused = await visitors.of(role).post(path, json=WHY)
        assert (refused.status_code, PHONE in refused.text) == (403, False)
    assert PHONE not in repr(Contact(reporter="who", contact={"phone": PHONE}))
    kept = str([tuple(row) for row in await owner.fetch("SELECT * FROM audit")])
    assert PHONE not in kept
    assert PHONE not in caplog.text


async def test_what_has_no_contact_is_not_found(
    visitors: Visitors, path: str, owner: asyncpg.Connection, scene: Scene
) -> None:
    operator = visitors.of(Role.OPERATOR)
    before = await looks(owner)
    for evidence in ("none", "' OR 1=1 --", "a%2Fb"):
        answer = await operator.post(f"/api/v1/evidence/{evidence}/reveal", json=WHY)
        assert answer.status_code == 404
    assert await looks(owner) == before
    await owner.execute(
        "DELETE FROM reporter_key; UPDATE reporter SET sealed = NULL, erased_at = now()"
    )
    answer = await operator.post(path, json=WHY)
    assert (answer.status_code, answer.json()["contact"]) == (200, None)
    assert answer.json()["erased_at"]
    await owner.execute("DELETE FROM reporter")


async def test_looks_are_limited_also_at_several_gateways_at_once(
    services: Services, tokens, path: str, owner: asyncpg.Connection
) -> None:
    done = len([look for look in await looks(owner) if look[0] == "supervisor"])
    settings = services.settings.model_copy(update={"reveals_per_hour": done + 5})
    limited = dataclasses.replace(services, settings=settings, refusals=Refusals(services.pool))
    visitors = Visitors(make_app(limited), tokens)
    clients = [visitors.of(Role.SUPERVISOR) for _ in range(12)]
    answers: list[httpx.Response] = await asyncio.gather(
        *(client.post(path, json=WHY) for client in clients)
    )
    await visitors.close()
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 7
    looked = [look for look in await looks(owner) if look[0] == "supervisor"]
    assert len(looked) == done + 5
    refused = await owner.fetchval(
        "SELECT count(*) FROM audit WHERE action = 'refused' AND actor = 'supervisor'"
        " AND detail ->> 'problem' = 'too-many'"
    )
    assert refused >= 1


async def test_a_gateway_without_the_key_says_so_and_notes_no_look(
    services: Services, tokens, path: str, owner: asyncpg.Connection, tmp_path
) -> None:
    before = await looks(owner)
    keyless = dataclasses.replace(services, key_file=tmp_path / "none")
    visitors = Visitors(make_app(keyless), tokens)
    answer = await visitors.of(Role.OPERATOR).post(path, json=WHY)
    await visitors.close()
    assert (answer.status_code, PHONE in answer.text) == (503, False)
    assert await looks(owner) == before
