"""Rows of CSV: values with commas, semicolons, tabs or bars between them."""

import csv
import re
from collections.abc import Iterator

from city.ingest.errors import UnreadableFile
from city.ingest.lines import Lines
from city.ingest.rows import Row

_DELIMITERS = ",;\t|"
_SAYS_DELIMITER = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_NOT_CSV = (
    "this is not CSV: quotation marks do not match, a value is longer than "
    f"{csv.field_size_limit():,} characters, or a carriage return stands in it"
)


def csv_rows(lines: Lines) -> Iterator[Row]:
    """Read the rows behind the first line, which has the names of columns.

    Raises
    ------
    UnreadableFile
        There is no first line, or a name stands there twice.
    """
    source = iter(lines)
    header = next((line for line in source if line.strip()), None)
    said = None if header is None else _SAYS_DELIMITER.fullmatch(header)
    if said is not None:  # a line of Excel's
        header = next(source, None)
    if header is None:
        raise UnreadableFile("the file is empty: a CSV file needs a first line of column names")
    if lines.faults:
        raise UnreadableFile(f"line {lines.number}: {lines.faults[lines.number]}")
    delimiter = _delimiter(header) if said is None else said[1]
    names = _names(header, delimiter, lines.number)
    reader = csv.reader(source, delimiter=delimiter)
    while True:
        line = lines.number + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Row(line, fault=_NOT_CSV)
            continue
        fault = taken_fault(lines)
        if values or fault:
            yield _row(line, names, values, fault)


def _row(line: int, names: list[str], values: list[str], fault: str) -> Row:
    while len(values) > len(names) and not values[-1].strip():
        values.pop()  # delimiters at the end of a line
    if not fault and len(values) != len(names):
        return Row(line, fault=f"{len(values)} values for {len(names)} columns")
    return Row(line, dict(zip(names, values, strict=False)), fault)


def taken_fault(lines: Lines) -> str:
    """Return the faults of the lines so far, and clear them."""
    fault = "; ".join(lines.faults.values())
    lines.faults.clear()
    return fault


def _delimiter(header: str) -> str:
    """Return the delimiter that parts the header into most names."""
    return max(_DELIMITERS, key=lambda one: len(_parts(header, one)))


def _parts(header: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=delimiter))
    except csv.Error:
        return []


def _names(header: str, delimiter: str, line: int) -> list[str]:
    names = [name.strip() for name in _parts(header, delimiter)]
    names = [name or f"column {number}" for number, name in enumerate(names, start=1)]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise UnreadableFile(
            f"line {line}: the column names {', '.join(map(repr, twice))} are not unique: "
            "rename them"
        )
    return names
