"""A city's table of call types: what a service's own codes mean, in ``call_types.csv``.

========  ================================================================================
column    meaning
========  ================================================================================
service   channel of the reports whose codes these are, such as ``120``; empty for all channels
code      the service's code, or the name it uses as one; case and spaces do not matter
category  code of the table ``categories``
severity  code of the table ``severities``; empty for the category's usual one
note      for people
========  ================================================================================
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from atlas.errors import CityError
from atlas.tables import read_rows, write_rows
from schemas import codes
from schemas.records import Record

__all__ = ["CallType", "CallTypes", "read_call_types", "write_call_types"]

_COLUMNS: Final = ("service", "code", "category", "severity", "note")
_NEEDED: Final = ("code", "category")


class CallType(Record, frozen=True, kw_only=True):
    """A service's code and what it means.

    Attributes
    ----------
    service
        Channel of the reports; empty for all.
    severity
        None for the category's usual one.
    """

    service: str
    code: str
    category: str
    severity: str | None = None
    note: str = ""


class CallTypes:
    """Finds what a code means.

    Raises
    ------
    CityError
        A code stands twice for one service.
    """

    def __init__(self, rows: Iterable[CallType]) -> None:
        self._rows: dict[tuple[str, str], CallType] = {}
        for row in rows:
            key = _folded(row.service), _folded(row.code)
            if key in self._rows:
                raise CityError(
                    f"the call type {row.code!r:.60} of service {row.service!r:.60} stands twice: "
                    "keep one of them"
                )
            self._rows[key] = row

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, service: str, code: str | None) -> CallType | None:
        """Return the meaning of a code: of the service's own table first, then of all services'."""
        if not code:
            return None
        wanted = _folded(code)
        return self._rows.get((_folded(service), wanted)) or self._rows.get(("", wanted))


def read_call_types(path: Path) -> tuple[CallType, ...]:
    """Read a table.

    Raises
    ------
    CityError
        The file cannot be read, or a row has an unknown category or severity, or no code; the
        text names the line, the column, the value and what to do.
    """
    rows = [_row(path, line, values) for line, values in read_rows(path, _COLUMNS, _NEEDED)]
    CallTypes(rows)
    return tuple(rows)


def write_call_types(rows: Sequence[CallType], path: Path) -> None:
    """Write a table; raises `OSError`."""
    told = ((r.service, r.code, r.category, r.severity or "", r.note) for r in rows)
    write_rows(path, _COLUMNS, told)


def _row(path: Path, line: int, found: Mapping[str, str]) -> CallType:
    if not found["code"]:
        raise CityError(f"{path}, line {line}: code is empty: fill it in, or delete the line")
    for column, known in (("category", codes.categories()), ("severity", codes.severities())):
        value = found.get(column, "")
        if value not in known and (value or column == "category"):
            raise CityError(
                f"{path}, line {line}: {column} is {value!r:.40}: use one of {', '.join(known)}"
            )
    return CallType(
        service=found.get("service", ""),
        code=found["code"],
        category=found["category"],
        severity=found.get("severity") or None,
        note=found.get("note", ""),
    )


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
