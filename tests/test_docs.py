"""What the pages say of the code is there: files, and the functions named behind them."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.joinpath("docs").glob("**/*.md"))
FILE = re.compile(r"(?<![\w./])((?:[a-z_]+/)+[a-z_0-9]+\.(?:py|sql|json|yaml|sh))\b")
NAMED = re.compile(r"`((?:[a-z_]+/)+\w+\.py)` `([A-Za-z_][\w.]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path):
    missing = {name for name in FILE.findall(page.read_text("utf-8")) if not (ROOT / name).exists()}
    assert not missing


def test_functions_that_the_architecture_names_are_there():
    found = NAMED.findall((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    assert len(found) > 25
    for file, name in found:
        module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        thing: object = importlib.import_module(module)
        for part in name.split("."):
            thing = getattr(thing, part)
