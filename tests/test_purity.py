"""The pure rooms cannot come by a clock, chance or the environment without ruff saying so."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IMPURE = """
import random
import time
import uuid
from datetime import UTC, datetime
from os import environ
from time import monotonic

datetime.now(UTC)
uuid.uuid4()
"""


@pytest.mark.parametrize(
    ("room", "found"), [("schemas", 6), ("geo", 6), ("intake", 6), ("dispatch", 6), ("streams", 0)]
)
def test_what_is_impure_is_found_by_function(room: str, found: int) -> None:
    options = ["--select", "TID251", "--output-format", "concise", "--no-cache"]
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *options, "--stdin-filename", f"{room}/x.py", "-"],
        input=IMPURE,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout.count("TID251") == found, answer.stdout + answer.stderr
