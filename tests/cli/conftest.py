"""A real ledger with a small scenario, and the command line pointed at it."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.exit_codes import BY_ERROR, code_of
from cli.main import application
from infra.settings import Endpoints
from tests.cli.scene import Scene, answering

Run = Callable[..., Result]


@pytest.fixture
def scene(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a ledger in which a fire, a crash and a lift have happened."""
    point_at(endpoints, monkeypatch)
    made = Scene(f"r{uuid.uuid4().hex[:8]}", endpoints)
    asyncio.run(made.play())
    return made


@pytest.fixture
def desk(scene: Scene) -> Iterator[Scene]:
    """Return the same, with a dispatcher that answers commands."""
    with answering(scene):
        yield scene


@pytest.fixture
def run() -> Run:
    """Return what runs the command line; expected errors become exit codes as in `main`."""

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(application(), [str(argument) for argument in arguments])
        if isinstance(result.exception, tuple(BY_ERROR)):
            result.exit_code = code_of(result.exception)
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def point_at(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line find these services."""
    monkeypatch.setenv("JINGWEI_KAFKA_BOOTSTRAP", endpoints.bootstrap)
    monkeypatch.setenv("JINGWEI_KAFKA_IDEMPOTENT", str(endpoints.broker_idempotent))
    monkeypatch.setenv("JINGWEI_DATABASE_URL", endpoints.database_url)
    monkeypatch.setenv("JINGWEI_HOME", str(endpoints.home))


def data(result: Result) -> Any:
    """Return a command's JSON."""
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)
