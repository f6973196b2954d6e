"""``jingwei city call-types``: tables of what the services' own codes mean."""

from collections import Counter
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from atlas.call_types import CallType, CallTypes, read_call_types, write_call_types
from atlas.errors import CityError
from atlas.folder import load_city
from schemas import codes

_FILE = "call_types.csv"
_EXAMPLES = resources.files("city.call_types")

Tally = tuple[tuple[str, str], int]


def register(city: typer.Typer) -> None:
    """Add this command to the group ``city``."""
    city.command("call-types")(add_call_types)


def add_call_types(
    folder: Annotated[Path, typer.Argument(help="A city's folder.")],
    tables: Annotated[
        list[str] | None,
        typer.Argument(help="Files, or names of shipped examples (default: list the examples)."),
    ] = None,
) -> None:
    """Add tables of call types to a city: which category and severity a service's code means.

    A row replaces the city's row of the same service and code. The city has a new digest: start
    its workers with the folder again.
    """
    city = load_city(folder)
    if not tables:
        for name in examples():
            typer.echo(f"{name:<12} {len(read_table(name))} codes")
        return
    rows = {_key(row): row for row in city.call_types}
    for name in tables:
        rows |= {_key(row): row for row in read_table(name)}
    try:
        write_call_types(tuple(rows.values()), folder / _FILE)
    except OSError as error:
        raise CityError(f"cannot write {folder / _FILE}: {error.strerror}") from error
    typer.echo(f"{folder / _FILE} has {len(rows)} codes")
    typer.echo(f"digest {load_city(folder).digest}")


def examples() -> list[str]:
    """Return the names of the shipped tables."""
    names = (file.name for file in _EXAMPLES.iterdir())
    return sorted(name.removesuffix(".csv") for name in names if name.endswith(".csv"))


def find_call_types(name: str) -> CallTypes:
    """Return a table by the name of an example, a file, or a city's folder; raises `CityError`."""
    if Path(name).is_dir():
        return CallTypes(read_call_types(Path(name) / _FILE))
    return CallTypes(read_table(name))


def read_table(name: str) -> tuple[CallType, ...]:
    """Return the rows of an example or a file; raises `CityError`."""
    if name in examples():
        with resources.as_file(_EXAMPLES / f"{name}.csv") as path:
            return read_call_types(path)
    return read_call_types(Path(name))


def by_call_type(
    counts: Mapping[tuple[str, str], int], table: CallTypes
) -> tuple[list[Tally], list[tuple[str, int]]]:
    """Return the rows by category and severity, and those of unknown codes; most first.

    Parameters
    ----------
    counts
        Rows by channel and code.
    """
    mapped: Counter[tuple[str, str]] = Counter()
    unmapped: Counter[str] = Counter()
    for (channel, code), count in counts.items():
        found = table.find(channel, code)
        if found is None:
            unmapped[code] += count
            continue
        severity = found.severity or codes.category(found.category).default_severity
        mapped[found.category, severity] += count
    by_number = lambda item: (-item[1], item[0])  # noqa: E731 - one order for both
    return sorted(mapped.items(), key=by_number), sorted(unmapped.items(), key=by_number)


def _key(row: CallType) -> tuple[str, str]:
    return row.service.casefold(), " ".join(row.code.casefold().split())
