"""The gateway of the local stack: started, kept, replaced, shown and stopped with the rest."""

import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from infra.local import doctor, gateway, stack
from infra.local.state import Home, read_state
from infra.settings import load_settings
from tests.cli.conftest import Run, data, point_at, run  # noqa: F401 - run is a fixture
from tests.patience import patience

pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.slow]


@pytest.fixture
def place(endpoints, home: Path, monkeypatch):
    """Return the home of a stack whose broker and database are the tests'."""
    point_at(endpoints, monkeypatch)
    monkeypatch.setenv("JINGWEI_DATABASE_GATEWAY_URL", endpoints.gateway_url)
    monkeypatch.setenv("JINGWEI_GATEWAY_PORT", "0")
    monkeypatch.setenv("JINGWEI_KEY_FILE", str(endpoints.key_file))
    monkeypatch.setenv("JINGWEI_HOME", str(home))
    yield home
    stack.down(load_settings(home), print)


def _pid(home: Path) -> int:
    state = read_state(Home.at(home))
    return state.gateway.process.pid


def test_the_gateway_comes_and_goes_with_the_stack(place: Path, run: Run, monkeypatch) -> None:  # noqa: F811
    made = data(run("up", "--json"))
    first, pid = made["first_administrator"], _pid(place)
    with httpx.Client(base_url=made["gateway"], timeout=patience(20)) as client:
        assert client.get("/health/ready").json() == {"ok": True, "ledger": True}
        assert client.post("/api/v1/session", json=first).status_code == 200
    # The password is shown once and kept nowhere; what runs is kept.
    again = data(run("up", "--json"))
    assert (again["gateway"], again["first_administrator"]) == (made["gateway"], None)
    assert _pid(place) == pid
    kept = b"".join(file.read_bytes() for file in place.rglob("*") if file.is_file())
    assert first["password"].encode() not in kept
    part = json.loads(run("status", "--json").stdout)["gateway"]
    assert part == {"name": "gateway", "state": "running", "address": made["gateway"], "pid": pid}

    os.kill(pid, signal.SIGKILL)
    assert stack.status(load_settings(place)).gateway.state == "stopped"
    checks = {check.name: check for check in doctor.examine(load_settings(place))}
    assert (checks["gateway"].verdict, checks["gateway"].mend) == ("silent", "`jingwei up`")
    assert data(run("up", "--json"))["gateway"]
    assert _pid(place) != pid
    # Started with other addresses, it is another one.
    pid = _pid(place)
    monkeypatch.delenv("JINGWEI_DATABASE_GATEWAY_URL")
    assert data(run("up", "--json"))["gateway"]
    assert _pid(place) != pid

    stack.down(load_settings(place), print)
    assert stack.status(load_settings(place)).gateway.state == "stopped"
    assert run("up", "--no-gateway").exit_code == 0
    assert stack.status(load_settings(place)).gateway.state == "stopped"


def test_without_its_packages_the_stack_comes_up_and_says_so(
    place: Path,
    run: Run,  # noqa: F811
    monkeypatch,
) -> None:
    monkeypatch.setattr(gateway, "_PACKAGES", ("no_such_package",))
    shown = run("up")
    assert shown.exit_code == 0
    assert "jingwei[gateway]" in shown.stderr
    assert "gateway  " not in shown.stdout
    verdicts = {check.name: check.verdict for check in doctor.examine(load_settings(place))}
    assert verdicts["gateway's packages"] == "optional"
    assert "gateway" not in verdicts
