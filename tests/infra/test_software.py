"""The name of what decides: the same for the same sources, another for any other."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import grimp
import pytest

from infra import software
from tests.conftest import ROOT

SOURCES = {
    "dispatch/__init__.py": "from dispatch.region import Region",
    "dispatch/region.py": "from geo import (\n    streets as s,\n)\nfrom schemas import codes",
    "dispatch/table.json": "{}",
    "geo/__init__.py": "",
    "atlas/__init__.py": "",
    "atlas/deciding.py": "from geo.router import Router",
    "geo/router.py": "import geo.inner.heap as heap",
    "geo/inner/__init__.py": "",
    "geo/inner/heap.py": "import numpy",
    "geo/streets.py": "if TYPE_CHECKING:\n    from geo.router import Router",
    "atlas/folder.py": '"""For its words:\n\nimport geo.steps\n"""',
    "geo/steps.py": "from geo import streets",
    "schemas/__init__.py": "",
    "schemas/wire.py": "",
    "schemas/codes/__init__.py": "",
    "schemas/codes/table.json": "[]",
    "schemas/generated/x.json": "[]",
    "schemas/generate.py": "from schemas import wire",
}


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rooms in small."""
    for name, text in SOURCES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(software, "files", lambda room: tmp_path / room)
    return tmp_path


def name() -> str:
    return software.deciding_software.__wrapped__()


def test_names_version_and_sources():
    assert re.fullmatch(
        re.escape(version("jingwei")) + r"\+[0-9a-f]{12}", software.deciding_software()
    )


@pytest.mark.parametrize(
    "changed",
    [
        "dispatch/region.py",
        "dispatch/table.json",
        "geo/inner/heap.py",
        "geo/inner/__init__.py",
        "geo/streets.py",
        "atlas/folder.py",
        "schemas/codes/table.json",
        "schemas/wire.py",
    ],
)
def test_what_decides_makes_another_name(rooms: Path, changed: str):
    before = name()
    (rooms / changed).write_text(f"{SOURCES[changed]} ")
    assert name() != before


@pytest.mark.parametrize(
    "changed", ["geo/steps.py", "schemas/generate.py", "schemas/generated/x.json", "geo/notes.txt"]
)
def test_what_decides_nothing_makes_no_other(rooms: Path, changed: str):
    before = name()
    (rooms / changed).write_text("x = 3")
    assert name() == before


def test_a_root_that_was_moved_is_missed(rooms: Path):
    (rooms / "atlas/deciding.py").rename(rooms / "atlas/routers.py")
    with pytest.raises(ModuleNotFoundError, match=r"atlas\.deciding"):
        name()


def test_the_words_of_directions_and_the_making_of_evidence_decide_nothing():
    deciding = software.deciding_modules()
    assert "dispatch.region" in deciding
    assert not [one for one in deciding if one.endswith(".steps") or one.startswith("intake")]


def test_it_is_what_the_core_is_made_of_and_no_more():
    """As import-linter's graph has it, over all rooms that there are."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    graph = grimp.build_graph(*config["tool"]["importlinter"]["root_packages"], cache_dir=None)
    made_of = set(software._ROOTS)
    for root in software._ROOTS:
        made_of |= graph.find_upstream_modules(root)
    parents = {name.rpartition(".")[0] for name in made_of if "." in name}
    assert set(software.deciding_modules()) == made_of | parents
