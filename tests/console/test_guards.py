"""What stands before the application: headers, bodies, and that every error is a problem."""

import asyncio

import httpx
import pytest

from console.access import Role
from console.guards import BodyLimit
from console.pages import BUILT
from console.problems import KINDS
from infra.ledger.errors import LedgerUnavailable
from tests.conftest import lacking
from tests.console.visitors import Visitors

pytestmark = pytest.mark.postgis


def assert_problem(answer: httpx.Response, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == status
    assert said["type"].removeprefix("urn:jingwei:problem:") in KINDS
    assert said["title"]
    assert said["detail"]
    return said


async def test_every_answer_has_the_headers_that_keep_browsers_safe(visitors: Visitors) -> None:
    for path in ("/health", "/api/v1/docs", "/api/v1/incidents", "/nowhere"):
        headers = (await visitors.nobody().get(path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert not {"server", "access-control-allow-origin"} & set(headers)


async def test_errors_are_problems(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = visitors.of(Role.OPERATOR)
    assert_problem(await operator.get("/nowhere"), 404)
    assert_problem(await operator.get("/api/v1/incidents/"), 404)
    assert_problem(await operator.put("/api/v1/incidents"), 405)
    assert_problem(await visitors.nobody().get("/api/v1/units"), 401)
    assert_problem(await operator.get("/api/v1/incidents?severty=P1"), 422)

    async def fails(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("console.city.pages.policies", fails)
    assert "hunter2" not in str(assert_problem(await operator.get("/api/v1/policies"), 500))

    async def gone(*_: object) -> None:
        raise LedgerUnavailable("postgresql://gateway:hunter2@db")

    monkeypatch.setattr("console.city.pages.policies", gone)
    assert "hunter2" not in str(assert_problem(await operator.get("/api/v1/policies"), 503))


async def test_a_large_body_is_refused_whatever_it_says_of_its_size(visitors: Visitors) -> None:
    client = visitors.nobody()
    body = b'{"name": "' + b"x" * 10_000_000
    assert_problem(await client.post("/api/v1/session", content=body), 413)

    async def parts():
        for _ in range(20):
            yield b"x" * 10_000

    assert_problem(await client.post("/api/v1/session", content=parts()), 413)
    deep = b"[" * 60_000
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/api/v1/session", content=deep, headers=headers)
    assert_problem(answer, 422)


async def test_a_slow_body_is_given_up() -> None:
    reached, sent = [], []

    async def app(*_: object) -> None:
        reached.append(1)

    async def receive():
        await asyncio.sleep(3600)

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": []}
    await BodyLimit(app, 1_000, 0.01)(scope, receive, send)
    assert (reached, sent[0]["status"]) == ([], 408)


async def test_the_documents_load_nothing_from_elsewhere(visitors: Visitors) -> None:
    page = (await visitors.nobody().get("/api/v1/docs")).text
    assert "<script" not in page
    assert "http://" not in page.replace("http://json-schema", "")
    assert "https://" not in page
    assert "POST /api/v1/incidents/{incident}/commands" in page
    assert "For: operator, supervisor." in page
    assert (
        (await visitors.nobody().get("/api/v1/docs.css"))
        .headers["Content-Type"]
        .startswith("text/css")
    )


async def test_a_script_comes_packed_to_those_who_take_it(visitors: Visitors) -> None:
    if not BUILT.is_dir():
        lacking("the built pages (Node.js): make setup")
    found = max((BUILT / "assets").glob("*.js"), key=lambda file: file.stat().st_size)
    client = visitors.nobody()
    packed = await client.get(f"/assets/{found.name}", headers={"Accept-Encoding": "gzip"})
    plain = await client.get(f"/assets/{found.name}", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content == found.read_bytes()  # httpx unpacks it
    for answer in (packed, plain):
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Content-Type"].startswith("text/javascript")
    assert 3 * int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"])
    refused = await client.get(f"/assets/{found.name}.gz")
    assert refused.status_code == 404
