"""`jingwei up`, `status` and `psql`: the password is used, and not shown."""

import os
import subprocess
from urllib.parse import urlsplit

import pytest

from infra.database_url import split_password
from infra.settings import Endpoints
from tests import nursery
from tests.cli.conftest import Run, data, point_at


@pytest.mark.parametrize(
    ("url", "shown", "password"),
    [
        ("postgresql://a:p%40ss@h:5432/d", "postgresql://a@h:5432/d", "p@ss"),
        ("postgresql://a@h/d", "postgresql://a@h/d", None),
        ("postgresql://h/d?user=a&password=p", "postgresql://h/d?user=a", "p"),
        ("postgresql://a:p@[::1]:5/d?sslmode=require", "postgresql://a@[::1]:5/d?sslmode=require",
         "p"),
    ],
)  # fmt: skip
def test_a_password_is_taken_out_of_a_url(url: str, shown: str, password: str | None) -> None:
    assert split_password(url) == (shown, password)


@pytest.mark.parametrize("command", [("up", "--no-gateway"), ("status",)])
def test_people_are_not_shown_the_password(
    endpoints: Endpoints, run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    point_at(endpoints, monkeypatch)
    password = urlsplit(endpoints.database_url).password
    assert password
    shown = run(*command).stdout
    assert password not in shown
    assert "password  in JINGWEI_DATABASE_URL" in shown
    found = data(run(*command, "--json"))
    assert found.get("endpoints", found)["database_url"] == endpoints.database_url


def _psql(endpoints: Endpoints, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    named = {
        "JINGWEI_KAFKA_BOOTSTRAP": endpoints.bootstrap,
        "JINGWEI_DATABASE_URL": endpoints.database_url,
        "JINGWEI_HOME": str(endpoints.home),
    }
    return nursery.run(["psql", *arguments], os.environ | named | more)


def test_psql_runs_on_the_ledger_with_its_own_options_and_exit_code(endpoints: Endpoints) -> None:
    ended = _psql(endpoints, "-tAc", "SELECT current_user")
    assert (ended.returncode, ended.stdout) == (0, "jingwei_owner\n"), ended.stderr
    ended = _psql(endpoints, "--set=ON_ERROR_STOP=1", "-c", "SELECT 1", "-f", "no such file")
    assert ended.returncode not in (0, 2), ended.stderr
    ended = _psql(endpoints, "-v", "ON_ERROR_STOP=1", "--file", "-", "--no-such-option")
    assert ended.returncode != 0
    assert "no-such-option" in ended.stderr


def test_without_psql_it_says_what_to_install(endpoints: Endpoints) -> None:
    ended = _psql(endpoints, PATH="/nowhere")
    assert ended.returncode == 3
    assert "apt-get install postgresql-client" in ended.stderr
