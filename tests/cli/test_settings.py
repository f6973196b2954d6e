"""Settings that cannot be used, through the real command line: one sentence, and no secret."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import nursery

PASSWORD = "hunter7"
NOWHERE = {
    "JINGWEI_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "JINGWEI_DATABASE_URL": f"postgresql://city:{PASSWORD}@127.0.0.1:1/city",
}


def jingwei(home: Path, *arguments: str, **named: str) -> subprocess.CompletedProcess[str]:
    return nursery.run(arguments, os.environ | {"JINGWEI_HOME": str(home)} | named)


@pytest.mark.parametrize(
    ("url", "command"),
    [
        (f"postgresql://city:{PASSWORD}/x@db/city", ("incidents", "ack", "1")),
        (f"postgresql://city:{PASSWORD}", ("up",)),
        (f"mysql://city:{PASSWORD}@db/city", ("worker",)),
        (f"postgresql://city@db:{PASSWORD}/city", ("doctor",)),
        (f"postgresql://city:x@{PASSWORD}@db/city", ("psql",)),
    ],
)
def test_a_malformed_database_url_is_named_and_not_shown(
    home: Path, url: str, command: tuple[str, ...]
) -> None:
    ended = jingwei(home, *command, JINGWEI_DATABASE_URL=url)
    assert PASSWORD not in ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert ended.stderr.startswith("jingwei: settings cannot be used: JINGWEI_DATABASE_URL: ")
    assert ended.stderr.count("\n") == 1


def test_a_traceback_that_is_asked_for_has_no_password_either(home: Path) -> None:
    url = f"postgresql://city:{PASSWORD}/x@db/city"
    ended = jingwei(home, "--debug", "status", JINGWEI_DATABASE_URL=url)
    assert "Traceback" in ended.stderr
    assert PASSWORD not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "command", [("incidents", "list"), ("doctor",), ("status",), ("worker", "--verbose")]
)
def test_a_database_that_is_not_there_is_told_without_the_password(
    home: Path, command: tuple[str, ...]
) -> None:
    ended = jingwei(home, *command, **NOWHERE)
    assert ended.returncode == 4
    assert PASSWORD not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("PAST_S", "long"), ("FENCE_KINDS", "beat"), ("FENCE_KINDS", '["moat"]')]
)
def test_a_wrong_limit_of_the_intake_ends_a_worker_with_its_name(
    home: Path, name: str, value: str
) -> None:
    ended = jingwei(home, "worker", **NOWHERE, **{f"JINGWEI_INTAKE_{name}": value})
    assert ended.returncode == 2, ended.stderr
    assert f"JINGWEI_INTAKE_{name}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_name_that_is_no_setting_is_told(home: Path) -> None:
    ended = jingwei(home, "status", JINGWEI_DATABASE_URI=f"postgresql://c:{PASSWORD}@h/d")
    assert "JINGWEI_DATABASE_URI is not a setting and is ignored" in ended.stderr
    assert "did you mean JINGWEI_DATABASE_URL?" in ended.stderr
    assert PASSWORD not in ended.stdout + ended.stderr
