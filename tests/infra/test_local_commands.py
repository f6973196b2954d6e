"""The commands of the local stack as a user runs them: streams and exit codes."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli import exit_codes
from cli.main import main
from infra.ledger import errors as ledger
from infra.local import errors


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def jingwei(monkeypatch, capsys):
    """Return a function that runs the command with these arguments and variables."""

    def run(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["jingwei", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Ended(ended.value.code or 0, out, err)

    return run


def test_status_without_a_stack(jingwei, home):
    ended = jingwei("status", "--json", "--home", str(home))
    found = json.loads(ended.stdout)
    assert ended.code == exit_codes.UNREACHABLE
    assert found["running"] is False
    assert found["broker"]["state"] == found["database"]["state"] == "stopped"
    assert not home.exists()


def test_doctor_without_a_stack(jingwei, home):
    ended = jingwei("doctor", "--json", JINGWEI_HOME=str(home))
    assert ended.code == exit_codes.UNREACHABLE
    assert {check["verdict"] for check in json.loads(ended.stdout)} <= {"ok", "optional", "silent"}


@pytest.mark.parametrize(
    ("environment", "code", "text"),
    [
        ({"JINGWEI_KAFKA_PORT": "x"}, exit_codes.USAGE, "JINGWEI_KAFKA_PORT='x'"),
        (
            {"JINGWEI_HOME": "/dev/null"},
            exit_codes.USAGE,
            "cannot create the home folder /dev/null",
        ),
        ({"JINGWEI_KAFKA_BOOTSTRAP": "127.0.0.1:1"}, exit_codes.UNREACHABLE, "no broker answers"),
    ],
)
def test_a_failing_up_says_one_sentence_on_stderr(jingwei, home, environment, code, text):
    ended = jingwei("up", **({"JINGWEI_HOME": str(home)} | environment))
    assert ended.code == code
    assert ended.stdout == ""
    assert ended.stderr.startswith("jingwei: ")
    assert ended.stderr.count("\n") == 1
    assert text in ended.stderr


def test_up_on_services_that_are_there_only_migrates(jingwei, home, endpoints):
    ended = jingwei(
        "up",
        "--no-gateway",
        "--json",
        JINGWEI_HOME=str(home),
        JINGWEI_KAFKA_BOOTSTRAP=endpoints.bootstrap,
        JINGWEI_DATABASE_URL=endpoints.database_url,
        JINGWEI_KEY_FILE=str(endpoints.key_file),
    )
    assert ended.code == exit_codes.OK, ended.stderr
    assert json.loads(ended.stdout)["broker_kind"] == "external"
    assert "using" in ended.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.JarsUnavailable("no Maven"), exit_codes.MISSING),
        (errors.StartFailed("Kafka", "it ended", Path("log"), ""), exit_codes.FAILED),
        (errors.StackNotRunning(Path("home")), exit_codes.UNREACHABLE),
        (ledger.SchemaTooNew("newer"), exit_codes.REFUSED),
    ],
)
def test_an_error_without_a_code_of_its_own_has_its_bases(error, code):
    assert exit_codes.code_of(error) == code
