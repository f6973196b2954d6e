"""The whole demo in a home of its own: every process real."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from atlas.folder import save_city
from city.make import make_city
from infra.local import stack
from infra.settings import load_settings
from tests.conftest import ROOT
from tests.patience import patience

KEYS = {
    "startup_s", "readings", "reports", "evidence", "incidents", "dispatched",
    "report_to_assignment_ms", "dead_letters", "truth", "invariants",
}  # fmt: skip
TRUTH = {
    "events",
    "found_once",
    "split",
    "merged",
    "missed",
    "held_apart",
    "unread",
    "false_alarms",
}


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgis
@pytest.mark.timeout(300)
def test_the_demo_from_nothing_to_its_summary(home: Path) -> None:
    """Twice, as the second one finds what the first has left open."""
    folder, file = home.parent / "city", home.parent / "summary.json"
    save_city(make_city(size="small"), folder)
    try:
        for _ in range(2):
            shown, told = _demo(home, folder, file)
            found = json.loads(file.read_bytes())
            assert set(found) >= KEYS
            assert set(found["truth"]) == TRUTH
            assert found["invariants"]
            assert all(found["invariants"].values()), found["broken"]
            assert found["readings"] > 500
            assert found["truth"]["missed"] == 0
            assert found["dispatched"] > 0
            assert found["report_to_assignment_ms"]["p50"] > 0
            assert sum(found["dead_letters"].values()) > 0
            assert re.search(r"console: http://localhost:\d+/#link=\S{43}\n", told)
            assert "OPENED" in shown
            assert "assigned" in shown
            assert "\x1b" not in shown
            assert stack.status(load_settings(home)).endpoints is None
    finally:
        stack.down(load_settings(home), print, wipe=True)


def _demo(home: Path, city: Path, summary: Path) -> tuple[str, str]:
    command = [sys.executable, "-m", "cli.main", "demo", "--for", "16", "--rate", "40"]
    command += ["--home", str(home), "--city", str(city), "--summary", str(summary)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=patience(140),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr
