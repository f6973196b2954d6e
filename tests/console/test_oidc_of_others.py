"""Signing in through a provider that others have written: oidc-provider-mock."""

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from console.app import make_app
from console.entry import CSRF_HEADER
from console.services import open_services
from console.settings import GatewaySettings, OidcSettings
from tests.cli.scene import Scene
from tests.console.visitors import URL, Visitors

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

BEGIN, SESSION = "/api/v1/session/oidc", "/api/v1/session"
PEOPLE = (
    {"sub": "1", "preferred_username": "wang.fang", "roles": ["dispatch"]},
    {"sub": "2", "preferred_username": "guest", "roles": ["accounting"]},
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    command = [sys.executable, "-u", "-m", "oidc_provider_mock", "--port=0", "--require-nonce=true"]
    people = [f"--user-claims={json.dumps(person)}" for person in PEOPLE]
    with subprocess.Popen(
        [*command, *people], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said = iter(process.stdout.readline, "")
            found = (
                re.search(r"http://(?:localhost|127\.0\.0\.1):([1-9]\d*)", line) for line in said
            )
            yield f"http://localhost:{next(filter(None, found))[1]}"
        finally:
            process.kill()


@pytest.fixture
async def visitors(scene: Scene, tokens, issuer: str) -> AsyncIterator[Visitors]:
    settings = OidcSettings(
        issuer=issuer,
        client_id="jingwei",
        client_secret="whatever, it knows nobody",
        gateway_url=URL,
        roles={"dispatch": "operator"},
    )
    async with open_services(scene.endpoints, GatewaySettings(), settings) as services:
        visitors = Visitors(make_app(services), tokens)
        yield visitors
        await visitors.close()


async def answered(browser: httpx.AsyncClient, form: dict[str, str]) -> httpx.Response:
    """Begin, answer the provider's form as the person, and come back to the gateway."""
    begun = await browser.get(BEGIN)
    assert begun.status_code == 303, begun.text
    async with httpx.AsyncClient() as elsewhere:
        back = await elsewhere.post(begun.headers["Location"], data=form)
    assert back.status_code == 302, back.text
    return await browser.get(back.headers["Location"])


async def test_an_operator_signs_in_works_and_leaves(visitors: Visitors, issuer: str) -> None:
    browser = visitors.nobody()
    assert (await answered(browser, {"sub": "1"})).status_code == 303
    who = (await browser.get(SESSION)).json()
    assert (who["name"], who["role"]) == ("wang.fang", "operator")
    assert (await browser.get("/api/v1/incidents")).status_code == 200
    assert (await browser.delete(SESSION, headers={CSRF_HEADER: who["csrf"]})).status_code == 204
    assert (await browser.get("/api/v1/incidents")).status_code == 401
    end = urlsplit((await browser.get(f"{BEGIN}/end")).headers["Location"])
    assert f"{end.scheme}://{end.netloc}{end.path}" == f"{issuer}/oauth2/end_session"


@pytest.mark.parametrize(
    ("form", "status"), [({"sub": "2"}, 403), ({"sub": "1", "action": "deny"}, 401)]
)
async def test_who_has_no_role_here_or_refuses_stays_outside(
    visitors: Visitors, form: dict[str, str], status: int
) -> None:
    browser = visitors.nobody()
    assert (await answered(browser, form)).status_code == status
    assert (await browser.get(SESSION)).status_code == 401
