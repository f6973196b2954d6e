"""Rows of a workbook's sheet: xlsx, xls or ods.

The library is Rust; whatever it raises, also a panic, becomes a sentence about the file.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from city.ingest.errors import BadOption, UnreadableFile
from city.ingest.rows import Row

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

T = TypeVar("T")

_HEADER_WITHIN = 20
"""The names of columns are looked for in this many rows: titles may stand above them."""
_NAMES_SHARE = 0.5

Cell = int | float | str | bool | time | date | datetime | timedelta


class Workbook:
    """One sheet of a workbook.

    Parameters
    ----------
    path
        The file.
    sheet
        Name of the sheet; None for the first one with rows.

    Attributes
    ----------
    height
        Number of rows, with those above the names.
    note
        Which sheet is read, and which others there are.

    Raises
    ------
    UnreadableFile
        It is no workbook, is protected by a password, or has no rows.
    BadOption
        It has no such sheet.
    """

    def __init__(self, path: Path, sheet: str | None = None) -> None:
        self._path = path
        book = self._guarded(lambda: _open(path))
        names = list(book.sheet_names)
        if sheet is not None and sheet not in names:
            raise BadOption(f"--sheet {sheet!r}: the sheets are {', '.join(map(repr, names))}")
        for name in names if sheet is None else [sheet]:
            found = self._guarded(partial(book.get_sheet_by_name, name))
            if found.height:
                self._sheet: CalamineSheet = found
                break
        else:
            raise UnreadableFile(f"{path} has no rows")
        self.height = self._sheet.height
        others = [name for name in names if name != self._sheet.name]
        more = f"; others are {', '.join(map(repr, others))} (--sheet)" if others else ""
        self.note = f"sheet {self._sheet.name!r}{more}"

    def rows(self) -> Iterator[Row]:
        """Read the rows below the names of columns.

        Raises
        ------
        UnreadableFile
            A name stands there twice, or the sheet is damaged.
        """
        cells = self._cells()
        head = [row for _, row in zip(range(_HEADER_WITHIN), cells, strict=False)]
        at = _header(head)
        names = self._names(head[at], at + 1)
        for number, row in enumerate(_chain(head[at + 1 :], cells), start=at + 2):
            values = {name: cell for name, cell in zip(names, row, strict=False) if cell != ""}
            if values:
                yield Row(number, {name: values.get(name) for name in names})

    def _cells(self) -> Iterator[list[Cell]]:
        # From the first row on, also if it is empty, so that numbers are those of the sheet.
        return iter(self._guarded(lambda: self._sheet.to_python(skip_empty_area=False)))

    def _names(self, row: list[Cell], number: int) -> list[str]:
        names = [str(cell).strip() or f"column {place}" for place, cell in enumerate(row, start=1)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UnreadableFile(
                f"{self._path}, row {number}: the column names {', '.join(map(repr, twice))} are "
                "not unique: rename them"
            )
        return names

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except (BadOption, UnreadableFile, ModuleNotFoundError, MemoryError):
            raise
        except OSError as error:
            raise UnreadableFile(
                f"{self._path} cannot be read: {error.strerror or 'no such file'}"
            ) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the file's fault
            raise self._unreadable(error) from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise self._unreadable(error) from None

    def _unreadable(self, error: BaseException) -> UnreadableFile:
        if type(error).__name__ == "PasswordError":
            return UnreadableFile(f"{self._path} is protected by a password: save it without one")
        return UnreadableFile(
            f"{self._path} is not a workbook (xlsx, xls or ods), or is damaged: open it in a "
            "spreadsheet program and save it again, as xlsx or CSV"
        )


def _open(path: Path) -> "CalamineWorkbook":
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - of an extra

    return CalamineWorkbook.from_path(str(path))


def _header(rows: list[list[Cell]]) -> int:
    """Return the first row of texts that is about as long as the longest: titles stand above it."""
    filled = [sum(cell != "" for cell in row) for row in rows]
    longest = max(filled)
    for number, row in enumerate(rows):
        texts = sum(isinstance(cell, str) and cell.strip() != "" for cell in row)
        if filled[number] >= _NAMES_SHARE * longest and texts >= _NAMES_SHARE * filled[number]:
            return number
    return next(number for number, count in enumerate(filled) if count)


def _chain(first: list[list[Cell]], rest: Iterator[list[Cell]]) -> Iterator[list[Cell]]:
    yield from first
    yield from rest
