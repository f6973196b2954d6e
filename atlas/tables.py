"""CSV files of a city's folder: their rows, and errors that name the line and what to do."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from atlas.errors import CityError

__all__ = ["read_rows", "write_rows"]


def read_rows(
    path: Path, columns: Sequence[str], needed: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a table with their lines: values without white space, by column.

    Raises
    ------
    CityError
        The file cannot be read, is not CSV in UTF-8, lacks a ``needed`` column, or has a row with
        more values than columns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CityError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CityError(f"{path} is not UTF-8: save it as CSV in UTF-8") from error
    reader = csv.DictReader(io.StringIO(text), restval="")
    names = [(name or "").strip().casefold() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    missing = [name for name in needed if name not in names]
    if missing:
        raise CityError(
            f"{path} has no column {missing[0]!r}: its first line is {', '.join(columns)}"
        )
    try:
        for values in reader:
            if None in values:
                raise CityError(
                    f"{path}, line {reader.line_num}: more values than columns: quote values with "
                    "commas"
                )
            yield (
                reader.line_num,
                {str(name): str(value).strip() for name, value in values.items()},
            )
    except csv.Error:
        raise CityError(
            f"{path}, line {reader.line_num}: this is not CSV: quotation marks do not match"
        ) from None


def write_rows(path: Path, columns: Sequence[str], rows: Iterator[Sequence[object]]) -> None:
    """Write a table; raises `OSError`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
