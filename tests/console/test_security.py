"""What attackers try first, on every endpoint that the document has: OWASP's usual suspects.

What is special to one place is tried there: sign-in in `test_sign_in` and `test_oidc`, commands in
`test_commands`, who sees what in `test_access`, sockets in `test_sockets`.
"""

import asyncio
import copy
import re
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import partial
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from console.access import ACCESS, ANYBODY, Role
from console.app import make_app
from console.entry import COOKIE, CSRF_HEADER
from console.limits import Buckets, Connections
from console.problems import Problem
from console.services import open_services
from console.settings import GatewaySettings
from infra.ledger.pool import connect
from streams.topics import make_topics
from tests.cli.scene import Scene
from tests.console.visitors import Visitors, sign_in
from tests.patience import patience

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgis,
    pytest.mark.asyncio(loop_scope="module"),
]

CALLBACK = "GET /api/v1/session/oidc/callback"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_door(scene: Scene, tokens) -> AsyncIterator[Visitors]:
    """Return clients of a gateway that counts no requests, with its city loaded."""
    settings = GatewaySettings(rate=0, processes=1, compute_s=60)
    await make_topics(scene.endpoints.bootstrap)  # a stream waits for them
    async with open_services(scene.endpoints, settings) as services:
        await services.compute.warm()
        visitors = Visitors(make_app(services), tokens)
        yield visitors
        await visitors.close()


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """Return a socket that nothing may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        yield listening


def operations(document: dict) -> Iterator[tuple[str, str, dict]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def filled(path: str, value: str, **known: str) -> str:
    """Return a path with each of its parameters replaced, by the value or what is known of it."""
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], value), path)


async def test_nothing_gets_through_any_field(
    open_door: Visitors, scene: Scene, trap: socket.socket
) -> None:
    """SQL, HTML, headers, paths and addresses in every path, query, header and unknown field."""
    payloads = (
        "' OR 1=1; SELECT pg_sleep(99); DROP TABLE account; --",
        "<script>alert(1)</script>",
        "x\r\nX-Evil: 1\r\n\r\n<html>",
        "../../../../etc/passwd\x00",
        f"http://127.0.0.1:{trap.getsockname()[1]}/",
        "{{7*7}}${7*7}%s%n" + "𝕏" * 300,
    )
    client = open_door.of(Role.SUPERVISOR)
    tried = 0
    for method, path, operation in operations(open_door.app.openapi()):
        fields = [(one["in"], one["name"]) for one in operation.get("parameters", ())]
        for text in payloads:
            coded = quote(text, safe="")
            tries = [(filled(path, coded), {}), (filled(path, "x") + f"?{coded}=1", {})]
            tries += [(filled(path, "x"), {name: coded}) for at, name in fields if at == "header"]
            tries += [
                (f"{filled(path, 'x')}?{name}={coded}", {}) for at, name in fields if at == "query"
            ]
            for where, headers in tries:
                body = {"content": f'{{"{text}": 1}}'.encode()} if method != "GET" else {}
                kind = {"Content-Type": "application/json"}
                url = httpx.URL(where)
                if path.endswith("/stream"):
                    url = url.copy_add_param("once", "true")  # else it never ends
                async with asyncio.timeout(patience(20)):
                    answer = await client.request(method, url, headers=headers | kind, **body)
                tried += 1
                assert answer.status_code < 500, (method, url, answer.text)
                assert "X-Evil" not in answer.headers, (method, url)
                assert "root:" not in answer.text
                if "<script>" in answer.text:
                    assert "html" not in answer.headers["Content-Type"], (method, url)
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
                location = answer.headers.get("Location", "/")
                assert location.startswith("/") and not location.startswith("//")  # noqa: PT018
    assert tried > 200
    with pytest.raises(TimeoutError):
        trap.accept()
    owner = await connect(scene.endpoints.database_url)
    assert await owner.fetchval("SELECT count(*) FROM account") >= len(Role)
    await owner.close()


async def test_a_foreign_page_changes_nothing(open_door: Visitors) -> None:
    """Every endpoint that changes something wants the session's token and the own site."""
    client = open_door.nobody()
    csrf = (await sign_in(client, Role.SUPERVISOR))["csrf"]
    changing = [o for o in operations(open_door.app.openapi()) if o[0] not in ("GET", "HEAD")]
    assert len(changing) >= 3
    for method, path, _ in changing:
        url, row = filled(path, "x"), ACCESS[f"{method} {path}"]
        headers = {CSRF_HEADER: csrf, "Sec-Fetch-Site": "cross-site"}
        foreign = await client.request(method, url, headers=headers, json={})
        assert (foreign.status_code, foreign.json()["type"][20:]) == (403, "csrf"), (method, path)
        if row == ANYBODY:
            continue
        for wrong in ({}, {CSRF_HEADER: "x" * 64}):
            answer = await client.request(method, url, headers=wrong, json={})
            assert (answer.status_code, answer.json()["type"][20:]) == (403, "csrf"), (method, path)
        # Reading by another site's page is left to the browser: there is no CORS header.
    preflight = await client.options(
        "/api/v1/units",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
    )
    assert not [name for name in preflight.headers if name.startswith("access-control")]


async def test_what_somebody_may_not_see_is_as_if_it_were_not_there(
    open_door: Visitors, scene: Scene
) -> None:
    """By an id that somebody else has (IDOR): the same answer as by one that nobody has."""
    units = (await open_door.of(Role.OPERATOR).get("/api/v1/units")).json()["items"]
    foreign_unit = next(one["id"] for one in units if one["id"] != scene.unit)
    medical = next(one["id"] for one in units if one["department"] != "medical")
    foreign = {
        Role.RESPONDER: {"incident": scene.ids[1], "unit": foreign_unit},
        Role.DEPARTMENT: {"incident": scene.ids[2], "unit": medical},
    }
    tried = 0
    for row, roles in ACCESS.items():
        method, path = row.split(" ")
        for role, ids in foreign.items():
            named = [name for name in ids if f"{{{name}}}" in path]
            if role not in roles or not named:
                continue
            client, answers = open_door.of(role), []
            for value in (ids[named[0]], f"no-such-{uuid.uuid4()}"):
                answer = await client.request(method, filled(path, "x", **{named[0]: value}))
                answers.append((answer.status_code, answer.json()["type"], answer.json()["detail"]))
            assert answers[0] == answers[1], (row, role)
            tried += 1
    assert tried >= 8


async def test_no_body_takes_a_field_that_it_does_not_have(open_door: Visitors) -> None:
    """Mass assignment: role, account, id and the like beside right fields are an error."""
    document = open_door.app.openapi()
    tried = 0
    for _, path, operation in operations(document):
        body = operation.get("requestBody")
        if body is None:
            continue
        shape = copy.deepcopy(body["content"]["application/json"]["schema"])
        while "$ref" in shape:
            shape = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
        shapes = shape.get("anyOf", [shape])
        assert all(one.get("additionalProperties") is False for one in shapes), path
        tried += 1
    assert tried >= 2


async def test_every_answer_is_safe_for_browsers(
    open_door: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("console.city.pages.policies", fails)
    client, statuses = open_door.of(Role.SUPERVISOR), set()
    tries = [("GET", path, {}) for path in ("/health", "/api/v1/docs", "/nowhere", "/")]
    tries += [("GET", f"/api/v1/{path}", {}) for path in ("policies", "units/x", "units?x=1")]
    tries += [("PUT", "/api/v1/units", {}), ("POST", "/api/v1/session", {})]
    tries += [("POST", "/api/v1/session", {"content": b"x" * 70_000}), ("TRACE", "/", {})]
    for method, path, body in tries:
        answer = await client.request(method, path, **body)
        statuses.add(answer.status_code)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'"), (path, answer.status_code)
        assert "unsafe" not in policy
        assert "*" not in policy
        for name, value in {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            # The page of the console is asked for each time; it has nothing of anybody in it.
            "Cache-Control": "no-cache" if (path, answer.status_code) == ("/", 200) else "no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
        }.items():
            assert answer.headers[name] == value, (path, answer.status_code)
        assert "hunter2" not in answer.text
        assert not {"server", "x-powered-by"} & set(answer.headers)
    assert {200, 404, 405, 413, 415, 422, 500} <= statuses


async def test_a_secret_in_a_url_is_nobody(open_door: Visitors, tokens) -> None:
    token = tokens[Role.SUPERVISOR]
    for method, path, _ in operations(open_door.app.openapi()):
        if ACCESS[f"{method} {path}"] == ANYBODY:
            continue
        for name in ("access_token", "token", "Authorization", COOKIE):
            url = f"{filled(path, 'x')}?{name}={token}"
            assert (await open_door.nobody().request(method, url)).status_code in (401, 403)


async def test_a_bucket_fills_again() -> None:
    now, refused = [0.0], []
    buckets = Buckets(2, 3, lambda: now[0])

    def taken(name: str) -> int:
        for count in range(100):
            try:
                buckets.take(name)
            except Problem as problem:
                refused.append((problem.kind, problem.headers))
                return count
        return 100

    assert [taken("a"), taken("a"), taken("b")] == [3, 0, 3]
    now[0] += 1.0
    assert taken("a") == 2
    now[0] += 3_600.0
    assert taken("a") == 3
    assert refused == [("rate", {"Retry-After": "1"})] * 5
    for name in range(20_000):
        buckets.take(str(name))
    assert len(buckets._left) == 10_000
    free = Buckets(0, 1)
    assert all(free.take("a") is None for _ in range(10))


async def test_too_many_requests_are_told_when_to_come_again(
    scene: Scene, tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = partial(Buckets, clock=lambda: 0.0)  # else a slow machine fills the buckets meanwhile
    for user in ("console.limits", "console.services"):
        monkeypatch.setattr(f"{user}.Buckets", still)
    async with open_services(scene.endpoints, GatewaySettings(rate=0.1, burst=3)) as services:
        visitors = Visitors(make_app(services), tokens)

        async def until_refused(client: httpx.AsyncClient, path: str) -> tuple[int, str]:
            for count in range(50):
                answer = await client.get(path)
                if answer.status_code == 429:
                    assert answer.json()["type"] == "urn:jingwei:problem:rate"
                    assert answer.headers["Content-Security-Policy"]
                    return count, answer.headers["Retry-After"]
                assert answer.status_code == 200
            raise AssertionError("never refused")

        assert await until_refused(visitors.of(Role.VIEWER), "/api/v1/units") == (3, "10")
        # Another one is not in its way, until the address they share has had five times as much.
        assert await until_refused(visitors.of(Role.OPERATOR), "/api/v1/units") == (3, "10")
        assert await until_refused(visitors.nobody(), "/health") == (15 - 8, "2")
        await visitors.close()


async def test_an_address_has_so_many_connections_unless_it_is_a_proxy() -> None:
    counted = Connections(2, ["proxy"])
    assert [counted.begin("a") for _ in range(3)] == [True, True, False]
    assert counted.begin("b")
    for _ in range(3):
        counted.end("a")
    assert counted.begin("a")
    assert all(counted.begin("proxy") for _ in range(10))
    assert all(Connections(1, ["*"]).begin("a") for _ in range(10))
