"""Nothing that a test has started outlives it."""

import os
import time
from pathlib import Path

import pytest

from tests import nursery

HERE = "tests.test_nursery"


def stand_still() -> None:
    """Run until it is killed."""
    time.sleep(600)


def is_there(pid: int) -> bool:
    """Say whether there is such a process, or one that nobody has reaped."""
    return Path(f"/proc/{pid}").exists()


def test_what_is_started_within_ends_with_it_whatever_fails(tmp_path: Path) -> None:
    before = nursery.start(f"{HERE}:stand_still", [], tmp_path / "log", os.environ)
    started: list[nursery.Child] = []

    def fail() -> None:
        with nursery.ending():
            started.append(nursery.start(f"{HERE}:stand_still", [], tmp_path / "log", os.environ))
            assert started[0].poll() is None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    (within,) = started
    assert within.returncode == -9
    assert not is_there(within.pid)
    assert before.poll() is None
    before.kill()
    assert before.wait() == -9


def test_a_nursery_that_is_closed_leaves_nothing(tmp_path: Path) -> None:
    """Python would tell of a process that still runs at its exit."""
    own = nursery._Nursery(preloaded=())
    request: dict[str, object] = {"target": f"{HERE}:stand_still", "arguments": [], "errors": None}
    child = own.start(request | {"log": str(tmp_path / "log"), "env": dict(os.environ)})
    assert child.poll() is None
    own.close()
    assert own._server.returncode == 0
    assert not is_there(child.pid)


def test_a_command_is_run_to_its_end_with_both_its_streams() -> None:
    told = nursery.run(["--help"], os.environ)
    assert told.returncode == 0
    assert "Usage: jingwei" in told.stdout
    refused = nursery.run(["no-such-command"], os.environ)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "no-such-command" in refused.stderr
