"""Each room's one screen of names is what is there: no module missing, no name made up.

A package's docstring has a table of its modules, one a row: ````module``  what it holds``. Names in
single backticks in a row are of that module, or of Jingwei by their full name.
"""

import importlib
import inspect
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]
PACKAGES = sorted(
    ".".join(init.parent.relative_to(ROOT).parts)
    for room in ROOMS
    for init in (ROOT / room).rglob("__init__.py")
)
RULE = re.compile(r"=+  =+")
ROW = re.compile(r"``(\w+)``  +(.*)")
NAME = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)(\([^`]*\))?`(?!`)")


def rows(package: ModuleType) -> dict[str, str]:
    """Return the text of each row by its module."""
    found: dict[str, str] = {}
    inside, last = 0, ""
    for line in (package.__doc__ or "").splitlines():
        if RULE.fullmatch(line):
            inside += 1
        elif inside == 2:
            if match := ROW.match(line):
                last = match[1]
                assert last not in found, f"{last} has two rows"
                found[last] = match[2]
            else:
                assert line.startswith("  "), f"neither a module's row nor the rest of one: {line}"
                found[last] += " " + line.strip()
    return found


def modules(package: str) -> set[str]:
    folder = ROOT.joinpath(*package.split("."))
    files = {file.stem for file in folder.glob("*.py")}
    inner = {init.parent.name for init in folder.glob("*/__init__.py")}
    return {name for name in files | inner if not name.startswith("_")}


def find(module: ModuleType, name: str) -> object:
    first, *rest = name.split(".")
    if first in ROOMS:
        parts = name.split(".")
        for cut in range(len(parts), 0, -1):
            try:
                found: object = importlib.import_module(".".join(parts[:cut]))
            except ModuleNotFoundError:
                continue
            rest = parts[cut:]
            break
    else:
        found, rest = module, [first, *rest]
    for part in rest:
        fields = getattr(found, "__annotations__", {}) | dict.fromkeys(
            getattr(found, "__struct_fields__", ())
        )
        found = fields[part] if part in fields else getattr(found, part)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_of_a_package_has_each_of_its_modules(package):
    assert set(rows(importlib.import_module(package))) == modules(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_each_name_in_a_table_is_there_and_takes_what_it_says(package):
    for row, text in rows(importlib.import_module(package)).items():
        module = importlib.import_module(f"{package}.{row}")
        for name, arguments in NAME.findall(text):
            try:
                found = find(module, name)
            except (AttributeError, KeyError):
                pytest.fail(f"{package}: the row of {row} names {name}, which is not there")
            if arguments:
                said = re.findall(r"(\w+)(?=[,)=])", arguments.split("->")[0])
                known = set(inspect.signature(found).parameters)
                assert set(said) <= known, f"{package}.{row}: {name} takes {sorted(known)}"
