"""`jingwei users | tokens | gateway`: accounts made, and a gateway process that takes them."""

import asyncio
import re
import signal
import subprocess
import sys

import httpx
import pytest

from infra.ledger.pool import connect
from tests.cli.conftest import Run, data, point_at, run  # noqa: F401 - run is a fixture
from tests.patience import patience

pytestmark = pytest.mark.postgis


@pytest.fixture
def ledger(endpoints, monkeypatch):
    point_at(endpoints, monkeypatch)
    monkeypatch.setenv("JINGWEI_DATABASE_GATEWAY_URL", endpoints.gateway_url)
    return endpoints


def shown(result) -> str:
    """Return a secret that stands alone on stdout."""
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_accounts_and_tokens_from_the_command_line(ledger, run: Run) -> None:  # noqa: F811
    first = shown(run("users", "add", "admin", "--role", "administrator"))
    assert len(first) == 20
    again = run("users", "add", "admin", "--role", "viewer")
    assert again.exit_code == 2
    assert "already" in again.output
    assert shown(run("users", "password", "admin")) != first
    for wrong in (
        ("Admin", "--role", "viewer"),
        ("a b", "--role", "viewer"),
        ("dept", "--role", "department"),
        ("dept", "--role", "department", "--department", "navy"),
        ("crew", "--role", "responder"),
        ("crew", "--role", "viewer", "--unit", "U1"),
        ("who", "--role", "king"),
    ):
        assert run("users", "add", *wrong).exit_code == 2, wrong
    shown(run("users", "add", "boss", "--role", "supervisor"))
    token = shown(run("tokens", "add", "boss", "--role", "operator", "--days", "7"))
    assert run("tokens", "add", "boss", "--role", "administrator").exit_code == 2
    assert run("tokens", "add", "nobody").exit_code == 2
    (listed,) = data(run("tokens", "list", "boss", "--json"))
    assert (listed["role"], listed["prefix"]) == ("operator", token[3:11])
    assert run("tokens", "revoke", listed["prefix"]).exit_code == 0
    assert data(run("tokens", "list", "--json"))[0]["revoked_at"]
    assert run("tokens", "revoke", "nothing").exit_code == 2
    assert run("users", "disable", "boss").exit_code == 0
    assert run("users", "enable", "nobody").exit_code == 2
    output = run("users", "list").output + run("tokens", "list").output
    assert "admin" in output
    assert not {first, token} & set(output.split())
    lines = asyncio.run(_audit(ledger.database_url))
    assert [line["action"] for line in lines] == [
        "add_account",
        "set_password",
        "add_account",
        "add_token",
        "revoke_token",
        "disable",
    ]
    assert first not in str(lines)


async def _audit(url: str) -> list:
    conn = await connect(url)
    try:
        return await conn.fetch("SELECT actor, action, subject, detail FROM audit ORDER BY id")
    finally:
        await conn.close()


def test_a_gateway_process_serves_until_it_is_stopped(ledger, run: Run) -> None:  # noqa: F811
    command = [sys.executable, "-m", "cli.main", "gateway", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = process.stderr.readline() + process.stderr.readline()
            assert "nobody has an account yet" in said
            url = re.search(r"http://127\.0\.0\.1:\d+", said)[0]
            taken = subprocess.run(
                [*command[:-1], url.rpartition(":")[2]],
                capture_output=True,
                text=True,
                check=False,
                timeout=patience(60),
            )
            assert taken.returncode == 2
            assert "--port" in taken.stderr
            assert "Traceback" not in taken.stderr
            password = shown(run("users", "add", "admin", "--role", "administrator"))
            token = shown(run("tokens", "add", "admin"))
            with httpx.Client(base_url=url, timeout=patience(20)) as client:
                assert client.get("/health").json() == {"ok": True, "ledger": True}
                body = {"name": "admin", "password": password}
                assert client.post("/api/v1/session", json=body).status_code == 200
                headers = {"Authorization": f"Bearer {token}"}
                assert client.get("/api/v1/incidents", headers=headers).json()["items"] == []
                link = shown(run("users", "link", "admin", "--minutes", "5"))
                assert link.startswith("/#link=")  # no gateway of the local stack runs
                body = {"link": link.removeprefix("/#link=")}
                assert client.post("/api/v1/session/link", json=body).json()["name"] == "admin"
                answer = client.post("/api/v1/session", content=b"x" * 100_000)
                assert answer.status_code == 413
                assert client.get("/api/v1/units?secret=1").status_code == 401
            process.send_signal(signal.SIGTERM)
            _, rest = process.communicate(timeout=patience(30))
        finally:
            process.kill()
    assert process.returncode == 0, rest
    for hidden in (password, token, body["link"]):
        assert hidden not in said + rest
