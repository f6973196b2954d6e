"""The first pass over a file: its columns, the forms of its times, its decimal mark."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from city.ingest.errors import BadOption
from city.ingest.fields import FIELDS, STAMPS, Kind, Sources, joined
from city.ingest.mapping import make_mapping
from city.ingest.numbers import Decimals, Mark
from city.ingest.places import parse_point
from city.ingest.rows import Row
from city.ingest.table import Table
from city.ingest.times.column import Column, TimeOptions, TimeReader, as_text
from city.ingest.times.forms import meanings

_LOOK_AHEAD = 100
"""JSON rows may omit fields, so the columns are collected from this many rows."""


@dataclass(frozen=True)
class Survey:
    """What a file's rows are, as all of them together tell.

    Attributes
    ----------
    sources
        Columns of the fields.
    times
        Reader of the time, by the name of the field: ``time``, and stamps.
    decimals
        Reader of numbers.
    notes
        What was found out, one sentence each.
    """

    sources: Sources
    times: dict[str, TimeReader]
    decimals: Decimals
    notes: tuple[str, ...]


def survey(
    table: Table,
    kind: Kind,
    told: dict[str, str],
    defaults: dict[str, str],
    options: TimeOptions,
    *,
    mark: Mark | None,
) -> Survey | None:
    """Read all rows of a file once; None if none has a value.

    Raises
    ------
    BadMapping, BadOption, UnreadableFile
        The file cannot be read with certainty, and what to do.
    """
    ahead = list(itertools.islice(table.rows, _LOOK_AHEAD))
    columns = list(dict.fromkeys(name for row in ahead for name in row.values))
    if table.geometry and columns:
        columns = list(dict.fromkeys([*columns, "geometry.lon", "geometry.lat"]))
    if not columns:
        return None
    sources = make_mapping(kind, columns, told, defaults, _fits(ahead))
    timed = [name for name in ("time", *STAMPS) if name in sources.columns or name in defaults]
    series = {name: Column("+".join(sources.columns.get(name, ())), options) for name in timed}
    numeric = [
        field.name
        for field in FIELDS[kind]
        if field.number and (field.name in sources.columns or field.name in defaults)
    ]
    decimals = Decimals(mark)
    for row in itertools.chain(ahead, table.rows):
        if row.fault:
            continue
        for name, column in series.items():
            column.add(row.line, sources.value(row.values, name))
        for name in numeric:
            decimals.add(row.line, sources.value(row.values, name))
    decimals.settle()
    readers = {"time": series.pop("time").reader()}
    notes = [f"times: {note}" for note in readers["time"].notes]
    for name, column in series.items():
        try:
            readers[name] = column.reader()
        except BadOption as error:  # only the check of intervals needs it
            notes.append(f"{name} is not checked: {error}")
    if decimals.mark == "comma":
        notes.append("numbers have a decimal comma")
    return Survey(sources, readers, decimals, tuple(notes))


def _fits(rows: list[Row]) -> Callable[[str, tuple[str, ...]], bool]:
    def fits(field: str, columns: tuple[str, ...]) -> bool:
        if field not in {"time", "point", *STAMPS}:
            return True
        values: Iterator[object] = (
            joined([row.values.get(column) for column in columns]) for row in rows
        )
        given = [value for value in values if value is not None]
        if field == "point":
            return any(parse_point(value) is not None for value in given)
        return not given or any(not isinstance(v, str) or meanings(as_text(v)) for v in given)

    return fits
