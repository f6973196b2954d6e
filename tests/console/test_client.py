"""The pages' client: of this gateway's document, and what is written with it is typed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import generate
from tests.conftest import lacking
from tests.patience import patience


@pytest.fixture(scope="module")
def web() -> Path:
    """Return the folder of the pages with its packages installed."""
    if shutil.which("npm") is None:
        lacking("Node with npm")
    lock, done = (
        generate.WEB / "package-lock.json",
        generate.WEB / "node_modules/.package-lock.json",
    )
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        installed = _run("npm", "ci", "--no-audit", "--no-fund")
        if installed.returncode:
            lacking(f"the packages of console/web ({installed.stderr.strip()[-200:]})")
    return generate.WEB


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=generate.WEB,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience(100),
    )


def test_the_client_is_of_this_document() -> None:
    """Without Node, too: its first line names the document."""
    made = generate.CLIENT.read_text()
    assert made.startswith(generate.stamp()), "stale: `python -m console.generate`"


def test_the_client_is_what_the_generator_makes(web: Path) -> None:
    assert generate.CLIENT.read_text() == generate.client(), "`python -m console.generate`"


@pytest.fixture
def wrong(web: Path) -> Iterator[Path]:
    file = web / "src/wrong.ts"
    yield file
    file.unlink()


def test_what_the_pages_ask_for_is_typed(web: Path, wrong: Path) -> None:
    wrong.write_text(
        'import { Gateway } from "./client";\n'
        'const { api } = new Gateway("");\n'
        'await api.GET("/api/v1/nothing");\n'
        'await api.GET("/api/v1/incidents", { params: { query: { severty: ["P1"] } } });\n'
        'const one = await api.GET("/api/v1/units", {});\n'
        "export const speed: string = one.data?.items[0]?.speed;\n"
    )
    checked = _run(generate.TOOLS / "tsc", "--noEmit")
    faults = [line for line in checked.stdout.splitlines() if line.startswith("src/")]
    assert {line.partition(",")[0] for line in faults} == {
        "src/wrong.ts(3", "src/wrong.ts(4", "src/wrong.ts(6",
    }, checked.stdout  # fmt: skip


def test_the_lock_file_names_no_registry() -> None:
    text = (generate.WEB / "package-lock.json").read_text()
    assert "resolved" not in text
    assert '"integrity"' in text
