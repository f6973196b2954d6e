"""Signing in and out: sessions, CSRF, limits of attempts, and what is never shown."""

import asyncio

import asyncpg
import httpx
import pytest

from console import secret
from console.access import Role
from console.entry import COOKIE, CSRF_HEADER
from console.services import Services
from console.sign_in import Credentials
from infra.ledger import accounts
from infra.ledger.errors import NotFound
from infra.ledger.pool import connect, transaction
from tests.cli.scene import Scene
from tests.console.visitors import PASSWORD, Visitors, sign_in

pytestmark = pytest.mark.postgis

SESSION = "/api/v1/session"


@pytest.fixture
async def owner(scene: Scene):
    conn = await connect(scene.endpoints.database_url)
    yield conn
    await conn.execute("DELETE FROM sign_in_failure")
    await conn.close()


async def test_a_session_begins_and_ends(visitors: Visitors, browser: httpx.AsyncClient) -> None:
    answer = await browser.post(SESSION, json={"name": "operator", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-jingwei=")
    for flag in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert flag in cookie
    assert "Domain" not in cookie
    csrf = answer.json()["csrf"]
    who = (await browser.get(SESSION)).json()
    assert (who["name"], who["role"], who["csrf"]) == ("operator", "operator", csrf)
    kept = browser.cookies[COOKIE]
    assert (await browser.delete(SESSION, headers={CSRF_HEADER: csrf})).status_code == 204
    assert COOKIE not in browser.cookies
    stolen = visitors.nobody(cookies={COOKIE: kept})
    assert (await stolen.get(SESSION)).status_code == 401


async def test_signing_in_again_ends_the_session_before(
    visitors: Visitors, browser: httpx.AsyncClient
) -> None:
    """A session that somebody planted is not taken over, and what was signed in before is over."""
    browser.cookies.set(COOKIE, "planted", domain="gateway.test")
    await sign_in(browser, Role.VIEWER)
    first = browser.cookies.jar
    first = next(c.value for c in first if c.name == COOKIE and c.value != "planted")
    again = visitors.nobody(cookies={COOKIE: first})
    await sign_in(again, Role.VIEWER)
    assert (await visitors.nobody(cookies={COOKIE: "planted"}).get(SESSION)).status_code == 401
    assert (await visitors.nobody(cookies={COOKIE: first}).get(SESSION)).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE session SET seen_at = now() - interval '31 minutes'",
        "UPDATE session SET created_at = now() - interval '12 hours 1 minute'",
        "UPDATE session SET revoked_at = now()",
        "UPDATE account SET disabled_at = now() WHERE name = 'viewer'",
    ],
    ids=["idle", "old", "revoked", "disabled"],
)
async def test_a_session_is_over(
    visitors: Visitors, owner: asyncpg.Connection, change: str
) -> None:
    client = await visitors.signed_in(Role.VIEWER)
    assert (await client.get(SESSION)).status_code == 200
    await owner.execute(change)
    try:
        assert (await client.get(SESSION)).status_code == 401
    finally:
        await owner.execute("UPDATE account SET disabled_at = NULL")


async def test_a_session_in_use_goes_on(visitors: Visitors, owner: asyncpg.Connection) -> None:
    client = await visitors.signed_in(Role.VIEWER)
    for _ in range(3):
        await owner.execute("UPDATE session SET seen_at = seen_at - interval '29 minutes'")
        assert (await client.get(SESSION)).status_code == 200


async def test_a_change_needs_the_csrf_token_and_the_own_site(visitors: Visitors) -> None:
    client = visitors.nobody()
    csrf = (await sign_in(client, Role.VIEWER))["csrf"]
    other = (await sign_in(visitors.nobody(), Role.VIEWER))["csrf"]
    for headers in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: other}, {CSRF_HEADER: "é".encode()}):
        answer = await client.delete(SESSION, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:jingwei:problem:csrf")
    for site in ("cross-site", "same-site"):
        headers = {CSRF_HEADER: csrf, "Sec-Fetch-Site": site}
        assert (await client.delete(SESSION, headers=headers)).status_code == 403
    # A link on another site's page may be followed: the browser leaves the cookie out.
    link = await visitors.nobody().get("/api/v1/docs", headers={"Sec-Fetch-Site": "cross-site"})
    assert link.status_code == 200
    form = {"name": "viewer", "password": PASSWORD}
    assert (await client.post(SESSION, data=form)).status_code == 415
    assert (await client.get(SESSION)).status_code == 200


async def _link(owner: asyncpg.Connection, name: str = "viewer") -> str:
    made = secret.make_link()
    async with transaction(owner) as conn:
        await accounts.add_link(conn, name, secret.digest(made), 15)
    return made


async def test_a_link_signs_in_once(visitors: Visitors, owner: asyncpg.Connection) -> None:
    link = await _link(owner)
    client = visitors.nobody()
    answer = await client.post(f"{SESSION}/link", json={"link": link})
    assert (answer.status_code, answer.json()["role"]) == (200, "viewer")
    assert (await client.get(SESSION)).json()["name"] == "viewer"
    again = await visitors.nobody().post(f"{SESSION}/link", json={"link": link})
    assert (again.status_code, again.json()["type"]) == (401, "urn:jingwei:problem:link")
    assert "Set-Cookie" not in again.headers
    kept = await owner.fetch("SELECT * FROM audit ORDER BY id DESC LIMIT 9")
    assert link not in str(kept)


async def test_of_two_at_once_one_comes_in_by_a_link(
    visitors: Visitors, owner: asyncpg.Connection
) -> None:
    link = await _link(owner)
    both = [visitors.nobody().post(f"{SESSION}/link", json={"link": link}) for _ in range(2)]
    assert sorted(one.status_code for one in await asyncio.gather(*both)) == [200, 401]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sign_in_link SET expires_at = now()",
        "UPDATE account SET disabled_at = now() WHERE name = 'viewer'",
    ],
    ids=["expired", "disabled"],
)
async def test_a_link_is_over(visitors: Visitors, owner: asyncpg.Connection, change: str) -> None:
    link = await _link(owner)
    await owner.execute(change)
    try:
        answer = await visitors.nobody().post(f"{SESSION}/link", json={"link": link})
        assert answer.status_code == 401
    finally:
        await owner.execute("UPDATE account SET disabled_at = NULL")


async def test_a_new_password_ends_links_and_none_is_made_for_nobody(
    visitors: Visitors, owner: asyncpg.Connection
) -> None:
    link = await _link(owner)
    async with transaction(owner) as conn:
        await accounts.set_password(conn, "viewer", secret.hash_password(PASSWORD))
    answer = await visitors.nobody().post(f"{SESSION}/link", json={"link": link})
    assert answer.status_code == 401
    with pytest.raises(NotFound):
        await _link(owner, "no-such-account")


async def test_links_are_not_guessed_at_will(visitors: Visitors, owner: asyncpg.Connection) -> None:
    client = visitors.nobody()
    seen = [
        (await client.post(f"{SESSION}/link", json={"link": f"guess-{n}"})).status_code
        for n in range(101)
    ]
    assert (seen[0], seen[-1]) == (401, 429)
    right = await client.post(f"{SESSION}/link", json={"link": await _link(owner)})
    assert right.status_code == 429


async def test_wrong_names_and_passwords_are_alike(
    browser: httpx.AsyncClient, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the answer nor the work done says whether there is such an account."""
    checked = []
    verify = secret._verify
    monkeypatch.setattr(secret, "_verify", lambda *a: checked.append(a) or verify(*a))
    seen = []
    before = await owner.fetchval("SELECT coalesce(max(id), 0) FROM audit")
    for name in ("viewer", "nobody", "' OR 1=1 --", "", "张\x00"):
        answer = await browser.post(SESSION, json={"name": name, "password": "wrong"})
        seen.append((answer.status_code, answer.json()))
        assert "Set-Cookie" not in answer.headers
    assert seen == [seen[0]] * 5
    assert seen[0][0] == 401
    assert len(checked) == 5
    parameters = {known.rpartition("$")[0].rpartition("$")[0] for known, _ in checked}
    assert len(parameters) == 1
    lines = await owner.fetch(
        "SELECT actor FROM audit WHERE action = 'sign_in_failed' AND id > $1", before
    )
    assert {line["actor"] for line in lines} == {"viewer", "(unknown)"}


async def test_attempts_are_limited_by_name_and_address(
    browser: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    for _ in range(10):
        wrong = await browser.post(SESSION, json={"name": "planner", "password": "wrong"})
        assert wrong.status_code == 401
    refused = await browser.post(SESSION, json={"name": "planner", "password": PASSWORD})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "900")
    await sign_in(browser, Role.VIEWER)
    await owner.execute("UPDATE sign_in_failure SET at = at - interval '15 minutes'")
    await sign_in(browser, Role.PLANNER)
    assert await owner.fetchval("SELECT count(*) FROM sign_in_failure") == 0
    hashed = secret.digest("planner").hex()
    await owner.executemany(
        "INSERT INTO sign_in_failure (account, address) VALUES ($1, '127.0.0.1')",
        [(f"{hashed}{n}",) for n in range(100)],
    )
    refused = await browser.post(SESSION, json={"name": "planner", "password": PASSWORD})
    assert refused.status_code == 429


@pytest.mark.parametrize(
    "body", [{}, {"name": 1, "password": "x"}, {"name": "a", "password": "b", "role": "operator"}]
)
async def test_no_more_than_name_and_password_is_taken(browser, body) -> None:
    assert (await browser.post(SESSION, json=body)).status_code == 422


async def test_a_token_is_taken_from_its_header_only(visitors: Visitors, tokens) -> None:
    token = tokens[Role.OPERATOR]
    assert (await visitors.of(Role.OPERATOR).get(SESSION)).json()["csrf"] is None
    client = visitors.nobody()
    for query in (f"?access_token={token}", f"?token={token}", f"?Authorization=Bearer {token}"):
        assert (await client.get(f"{SESSION}{query}")).status_code == 401
    assert (await visitors.nobody(cookies={COOKIE: token}).get(SESSION)).status_code == 401
    for scheme in (token, f"Basic {token}", f"Bearer {token}x", f"Bearer {token[:-1]}", "Bearer"):
        answer = await client.get(SESSION, headers={"Authorization": scheme})
        assert (answer.status_code, token in answer.text) == (401, False)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_token SET revoked_at = now() WHERE role = 'viewer'",
        "UPDATE api_token SET expires_at = now() WHERE role = 'viewer'",
        "UPDATE account SET disabled_at = now() WHERE name = 'viewer'",
        "UPDATE account SET role = 'planner' WHERE name = 'viewer'",
    ],
    ids=["revoked", "expired", "disabled", "the account's role no longer covers it"],
)
async def test_a_token_is_over(visitors: Visitors, owner: asyncpg.Connection, change: str) -> None:
    client = visitors.of(Role.VIEWER)
    assert (await client.get(SESSION)).status_code == 200
    await owner.execute(change)
    try:
        assert (await client.get(SESSION)).status_code == 401
    finally:
        await owner.execute(
            "UPDATE api_token SET revoked_at = NULL, expires_at = now() + interval '1 day';"
            "UPDATE account SET disabled_at = NULL;"
            "UPDATE account SET role = 'viewer' WHERE name = 'viewer'"
        )


async def test_the_ledger_has_no_secret_in_clear(
    visitors: Visitors, owner: asyncpg.Connection, tokens
) -> None:
    client = await visitors.signed_in(Role.VIEWER)
    cookie = next(c.value for c in client.cookies.jar if c.name == COOKIE)
    kept = ""
    for table in ("account", "session", "api_token", "sign_in_failure", "audit"):
        kept += str([tuple(row) for row in await owner.fetch(f"SELECT * FROM {table}")])
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in kept
    for hidden in (PASSWORD, cookie, *tokens.values(), *(t[12:] for t in tokens.values())):
        assert hidden not in kept


def test_secrets_are_in_no_repr(services: Services) -> None:
    assert PASSWORD not in repr(Credentials("a", PASSWORD))
    made = secret.make_token()
    assert made.text not in repr(made)
    assert "postgresql" not in repr(services)
    assert secret.prefix_of(made.text) == made.prefix
    assert [secret.prefix_of(t) for t in ("", "jw_", "jw_abcdefgh", "jw_abcdefgh_", "xx")] == [
        None
    ] * 5


async def test_a_password_is_checked_whole(owner: asyncpg.Connection, browser) -> None:
    """Argon2 does not stop at 72 bytes, as bcrypt does."""
    long = "x" * 200
    async with transaction(owner) as conn:
        await accounts.add_account(conn, "long", "viewer", secret.hash_password(long))
    await sign_in(browser, "long", long)
    wrong = await browser.post(SESSION, json={"name": "long", "password": long[:-1]})
    assert wrong.status_code == 401
