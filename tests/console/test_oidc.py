"""Signing in through an identity provider that runs beside the test, right and wrong."""

import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from console import oidc
from console.access import Role
from console.app import make_app
from console.entry import COOKIE, CSRF_HEADER
from console.federated import COOKIE as KEPT
from console.oidc import Provider
from console.services import open_services
from console.settings import GatewaySettings, OidcSettings
from infra.environment import load
from infra.ledger.pool import connect
from infra.local.errors import InvalidSettings
from tests.cli.scene import Scene
from tests.console.provider import CLIENT, SECRET, Mock, running
from tests.console.visitors import URL, Visitors

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

BEGIN, SESSION = "/api/v1/session/oidc", "/api/v1/session"
ROLES = {"chief": "supervisor", "dispatch": "operator", "crew": "responder", "med": "department"}


@pytest.fixture(scope="module")
def served() -> Iterator[Mock]:
    with running() as provider:
        yield provider


@pytest.fixture
def mock(served: Mock) -> Iterator[Mock]:
    yield served
    fresh = Mock(served.url)
    for name in ("person", "metadata", "claims", "header", "token", "key", "signing"):
        setattr(served, name, getattr(fresh, name))


def settings(mock: Mock, **more) -> OidcSettings:
    given = {"issuer": mock.url, "client_id": CLIENT, "client_secret": SECRET, "gateway_url": URL}
    return OidcSettings(**given | {"roles": ROLES} | more)


@pytest.fixture
async def visitors(scene: Scene, tokens, mock: Mock) -> AsyncIterator[Visitors]:
    async with open_services(scene.endpoints, GatewaySettings(), settings(mock)) as services:
        visitors = Visitors(make_app(services), tokens)
        yield visitors
        await visitors.close()


async def to_provider(browser: httpx.AsyncClient) -> str:
    """Begin, and let the provider send the browser back; return where to."""
    begun = await browser.get(BEGIN)
    assert begun.status_code == 303, begun.text
    async with httpx.AsyncClient() as elsewhere:
        return (await elsewhere.get(begun.headers["Location"])).headers["Location"]


async def signed_in(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get(await to_provider(browser))


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert f"{COOKIE}=" not in answer.headers.get("Set-Cookie", "")
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_somebody_signs_in_works_and_signs_out(visitors: Visitors, mock: Mock) -> None:
    browser = visitors.nobody()
    begun = await browser.get(BEGIN)
    kept = begun.headers["Set-Cookie"]
    for flag in ("__Host-jingwei-oidc=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert flag in kept
    answer = await signed_in(browser)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/api/v1/docs")
    cookies = {c.partition("=")[0]: c for c in answer.headers.get_list("Set-Cookie")}
    assert "SameSite=strict" in cookies[COOKIE]
    assert KEPT not in browser.cookies
    who = (await browser.get(SESSION)).json()
    assert (who["name"], who["role"]) == ("li.ming", "operator")
    assert (await browser.get("/api/v1/incidents")).status_code == 200
    # There is no password that such an account could be entered with.
    for password in ("", "None", "x" * 20):
        wrong = await visitors.nobody().post(
            SESSION, json={"name": "li.ming", "password": password}
        )
        assert problem(wrong) == (401, "credentials")
    ended = await browser.delete(SESSION, headers={CSRF_HEADER: who["csrf"]})
    assert ended.status_code == 204
    assert (await browser.get(SESSION)).status_code == 401
    end = urlsplit((await browser.get(f"{BEGIN}/end")).headers["Location"])
    assert f"{end.scheme}://{end.netloc}{end.path}" == f"{mock.url}/end_session"
    assert dict(parse_qsl(end.query)) == {
        "client_id": CLIENT,
        "post_logout_redirect_uri": f"{URL}/api/v1/docs",
    }


async def test_the_role_follows_the_claim(visitors: Visitors, mock: Mock, scene: Scene) -> None:
    async def enters(sub: str, **claims) -> tuple[str, str]:
        mock.person = {"sub": sub, **claims}
        browser = visitors.nobody()
        answer = await signed_in(browser)
        if answer.status_code != 303:
            return problem(answer)
        who = (await browser.get(SESSION)).json()
        return who["name"], who["role"]

    named = {"preferred_username": "Wang Wei@city"}
    assert await enters("7", roles=["dispatch", "chief"], **named) == (
        "wang-wei-city", "supervisor",
    )  # fmt: skip
    assert await enters("7", roles="dispatch", **named) == ("wang-wei-city", "operator")
    refused = (403, "no-role")
    for none in ({}, {"roles": []}, {"roles": ["administrator"]}, {"roles": None}):
        assert await enters("7", **none, **named) == refused
    assert await enters("8", roles=["crew"]) == refused
    assert await enters("8", roles=["med"], department="") == refused
    assert (await enters("8", roles=["crew"], unit=scene.unit))[1] == "responder"
    # A name that another one has, here or at the provider, stays theirs.
    name, role = await enters("9", roles=["dispatch"], preferred_username="administrator")
    assert (name.startswith("administrator-"), role) == (True, "operator")
    other, _ = await enters("10", roles=["dispatch"], **named)
    assert other.startswith("wang-wei-city-")
    conn = await connect(scene.endpoints.database_url)
    try:
        await conn.execute("UPDATE account SET disabled_at = now() WHERE name = 'wang-wei-city'")
        assert await enters("7", roles=["chief"], **named) == refused
        said = await conn.fetch("SELECT action FROM audit WHERE actor = 'wang-wei-city'")
        assert {"add_account", "set_role", "sign_in", "sign_in_failed"} <= {r[0] for r in said}
    finally:
        await conn.close()


NOW = int(time.time())
WRONG = {
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somebody"},
    "another audience by this party": {"aud": ["somebody"], "azp": CLIENT},
    "no audience": {"aud": None},
    "an audience of several without a party": {"aud": [CLIENT, "somebody"]},
    "another party": {"azp": "somebody"},
    "expired": {"exp": NOW - 600},
    "without an end": {"exp": None},
    "from the future": {"iat": NOW + 86_400},
    "without a subject": {"sub": None},
    "for another access token": {"at_hash": "AAAA"},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
async def test_an_id_token_that_is_not_right_lets_nobody_in(
    visitors: Visitors, mock: Mock, claims: dict
) -> None:
    mock.claims = claims
    assert problem(await signed_in(visitors.nobody())) == (401, "identity")


async def test_a_signature_that_is_not_the_providers_lets_nobody_in(
    visitors: Visitors, mock: Mock
) -> None:
    mock.header = {"alg": "none"}
    assert problem(await signed_in(visitors.nobody())) == (401, "identity")
    mock.metadata = {"id_token_signing_alg_values_supported": ["RS256", "none", "HS256"]}
    browser = visitors.nobody()
    assert problem(await signed_in(browser)) == (401, "identity")
    # The public key as a shared secret: everybody has it.
    mock.header, public = {"alg": "HS256"}, mock.key.as_pem(private=False)
    mock.signing = OctKey.import_key(public.replace(b"BEGIN", b"begin"))
    assert problem(await signed_in(browser)) == (401, "identity")
    mock.header = {"alg": "RS256"}
    mock.signing = RSAKey.generate_key(2048)
    assert problem(await signed_in(browser)) == (401, "identity")
    mock.signing, mock.token = mock.key, {"id_token": None}
    assert problem(await signed_in(browser)) == (401, "identity")


async def test_an_answer_belongs_to_the_browser_that_began(visitors: Visitors, mock: Mock) -> None:
    """Nobody signs in somebody else as himself, with a stolen code, or twice."""
    victim, attacker = visitors.nobody(), visitors.nobody()
    back = await to_provider(attacker)
    assert problem(await victim.get(back)) == (401, "identity")
    await victim.get(BEGIN)
    assert problem(await victim.get(back)) == (401, "identity")
    path, _, query = back.partition("?")
    mine = dict(parse_qsl(urlsplit(await to_provider(victim)).query))
    theirs = dict(parse_qsl(query))
    for changed in (
        mine | {"code": theirs["code"]},  # PKCE: it was got with another verifier
        mine | {"state": ""},
        {"code": mine["code"]},
        {"state": mine["state"]},
        mine | {"iss": "https://evil.example"},
        {"state": mine["state"], "error": "access_denied", "error_description": "<b>x</b>"},
    ):
        answer = await victim.get(f"{path}?{urlencode(changed)}")
        assert problem(answer) == (401, "identity")
        assert "<b>" not in answer.text
    right = f"{path}?{urlencode(mine)}"
    assert problem(await visitors.nobody().get(right)) == (401, "identity")
    assert (await victim.get(right)).status_code == 303
    assert problem(await victim.get(right)) == (401, "identity")


async def test_a_session_that_was_there_before_is_over(visitors: Visitors, mock: Mock) -> None:
    browser = await visitors.signed_in(Role.VIEWER)
    planted = browser.cookies[COOKIE]
    assert (await signed_in(browser)).status_code == 303
    assert (await visitors.nobody(cookies={COOKIE: planted}).get(SESSION)).status_code == 401


async def test_new_keys_of_the_provider_are_asked_for(
    visitors: Visitors, mock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await signed_in(visitors.nobody())).status_code == 303
    mock.change_keys()
    before = mock.asked.count("keys")
    assert problem(await signed_in(visitors.nobody()))[0] == 401, "asked again too soon"
    assert mock.asked.count("keys") == before
    monkeypatch.setattr(oidc, "_LEAST_S", 0.0)
    assert (await signed_in(visitors.nobody())).status_code == 303


async def test_a_provider_that_is_down_or_wrong_is_said_to_be(mock: Mock) -> None:
    for changed in (
        {"issuer": "http://127.0.0.1:1"},
        {"authorization_endpoint": "http://provider.example/x"},
        {"authorization_endpoint": None},
        {"issuer": "https://evil.example"},
    ):
        mock.metadata = changed
        wanted = (
            settings(mock, issuer="http://127.0.0.1:1") if "1:1" in str(changed) else settings(mock)
        )
        with pytest.raises(Exception, match="does not answer as it should") as raised:
            await Provider(wanted).begin()
        assert raised.value.kind == "unavailable"


async def test_without_a_provider_there_is_nothing(scene: Scene, tokens) -> None:
    async with open_services(scene.endpoints, GatewaySettings(), OidcSettings()) as services:
        visitors = Visitors(make_app(services), tokens)
        for path in (BEGIN, f"{BEGIN}/callback?code=x&state=y", f"{BEGIN}/end"):
            assert problem(await visitors.nobody().get(path)) == (404, "not-found")
        await visitors.close()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"ISSUER": "http://id.example"}, "JINGWEI_OIDC_ISSUER"),
        ({"ISSUER": "https://id.example"}, "JINGWEI_OIDC_*"),
        ({"ROLES": '{"a": "king"}'}, "JINGWEI_OIDC_ROLES"),
        ({"AFTER": "//evil.example"}, "JINGWEI_OIDC_AFTER"),
        ({"AFTER": "/\\evil.example"}, "JINGWEI_OIDC_AFTER"),
    ],
)
def test_settings_that_cannot_be_used_are_named(monkeypatch, values: dict, named: str) -> None:
    monkeypatch.setenv("JINGWEI_OIDC_CLIENT_SECRET", "hunter2")
    for name, value in values.items():
        monkeypatch.setenv(f"JINGWEI_OIDC_{name}", value)
    with pytest.raises(InvalidSettings) as raised:
        load(OidcSettings)
    assert named in str(raised.value)
    assert "hunter2" not in str(raised.value) + repr(OidcSettings.model_construct())
