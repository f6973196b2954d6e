"""What the times of a whole column mean."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import combinations
from typing import Final

from city.ingest.errors import BadOption, RowFault
from city.ingest.times.digits import BY_OPTION, DIGIT_FORMS, WHOLE, as_told
from city.ingest.times.forms import ORDERS, meanings
from city.ingest.times.stamp import PLAIN, Meanings, Stamp
from city.ingest.times.zones import Repeated, to_utc

__all__ = ["Column", "TimeOptions", "TimeReader"]

_LONGEST = 40
_DIGITS: Final = "--time-format"
_DATES: Final = "--date-order"
_GROUP = dict.fromkeys(ORDERS, _DATES) | dict.fromkeys((*DIGIT_FORMS, WHOLE, "six"), _DIGITS)
_FORM_NAMES = {
    "dmy": "day first",
    "mdy": "month first",
    "ymd": "year first",
    "roc": "year of the Republic of China first",
    "compact": "YYYYMMDD and time run together",
    "compact-yy": "YYMMDD and time run together",
    "roc-digits": "year of the Republic of China first, run together",
    "excel": "Excel's days since 1899-12-30",
    "excel-1904": "Excel's days since 1904-01-01",
    "epoch": "seconds since 1970",
    "epoch-ms": "milliseconds since 1970",
    "epoch-us": "microseconds since 1970",
    "epoch-ns": "nanoseconds since 1970",
}


@dataclass(frozen=True)
class TimeOptions:
    """What the user says of the file's times.

    Attributes
    ----------
    order
        One of `ORDERS`, or None.
    form
        One of `DIGIT_FORMS`, or a pattern of ``strptime`` for all texts, or None.
    zone
        Of times without an offset.
    repeated
        See `to_utc`.

    Raises
    ------
    BadOption
        ``form`` is neither a name nor a pattern that tells a date.
    """

    order: str | None = None
    form: str | None = None
    zone: tzinfo | None = None
    repeated: Repeated | None = None

    def __post_init__(self) -> None:
        """Check the pattern."""
        if self.form is None or self.form in DIGIT_FORMS:
            return
        probe = datetime(2021, 7, 20, 16, 30, 59)  # noqa: DTZ001 - any local time
        try:
            whole = datetime.strptime(probe.strftime(self.form), self.form).date() == probe.date()  # noqa: DTZ007
        except ValueError:
            whole = False
        if not whole:
            raise BadOption(
                f"--time-format {self.form!r}: write {', '.join(DIGIT_FORMS)}, or a pattern with "
                "year, month and day, such as %d/%m/%Y %H:%M"
            )

    @property
    def pattern(self) -> str | None:
        """Return the pattern, if the form is one."""
        return None if self.form in (None, *DIGIT_FORMS) else self.form


@dataclass
class _Group:
    """Texts of which only the column tells the meaning."""

    left: set[str] | None = None
    told_by: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The first row that excluded a form."""
    differing: dict[frozenset[str], tuple[int, str]] = field(default_factory=dict)
    """The first row that has different meanings in two forms."""
    fractions: bool = False
    first: tuple[int, str] = (0, "")

    def add(self, line: int, text: str, found: Meanings) -> None:
        if WHOLE in found:
            found = {("excel" if form == WHOLE else form): found[form] for form in found}
        else:
            self.fractions |= "excel" in found
        if self.left is None:
            self.left, self.first = set(found), (line, text)
        for form in (self.left | self.told_by.keys()) - found.keys():
            self.told_by.setdefault(form, (line, text))
        for form in found.keys() - self.left:
            self.told_by.setdefault(form, self.first)
        self.left &= found.keys()
        for one, other in combinations(sorted(found), 2):
            if found[one] != found[other]:
                self.differing.setdefault(frozenset((one, other)), (line, text))


class Column:
    """Learns from all texts of a column what they mean.

    Parameters
    ----------
    name
        The column, for error messages.
    """

    def __init__(self, name: str, options: TimeOptions) -> None:
        self._name, self._options = name, options
        self._groups: dict[str, _Group] = {}
        self._plain = 0
        self._unread: tuple[int, str] | None = None

    def add(self, line: int, value: object) -> None:
        """Look at a row's value."""
        if value is None or isinstance(value, bool | date):
            return
        text = as_text(value)
        found = meanings(text)
        if not found:
            self._unread = self._unread or (line, text)
        elif PLAIN in found:
            self._plain += 1
        else:
            group = _GROUP[next(iter(found))]
            self._groups.setdefault(group, _Group()).add(line, text, found)

    def reader(self) -> "TimeReader":
        """Return the reader of the column.

        Raises
        ------
        BadOption
            The column has texts with several meanings, and nothing tells which one is meant.
        """
        if self._options.pattern is not None:
            return TimeReader(self._options, {}, {}, ())
        forms: dict[str, str] = {}
        refused: dict[str, str] = {}
        notes: list[str] = []
        told = {_DATES: self._options.order, _DIGITS: self._options.form}
        for option, group in self._groups.items():
            form = told[option]
            if form is not None:
                forms[option] = form
                continue
            form, note = self._decide(group)
            if form is not None:
                forms[option] = form
                notes.append(note)
                continue
            text = f"the times{self._of()} cannot be read with certainty: {note}"
            if not self._plain or (not group.left and option == _DATES):
                raise BadOption(text)
            refused[option] = note
        for option, form in told.items():
            if form is not None:
                forms.setdefault(option, form)
        return TimeReader(self._options, forms, refused, tuple(notes))

    def _of(self) -> str:
        return f" of column {self._name!r}" if self._name else ""

    def _decide(self, group: _Group) -> tuple[str | None, str]:
        """Return the form of a group's texts and how it is known, or None and what to do."""
        left = sorted(group.left or ())
        if not left:
            (one, first), (other, second) = self._contradiction(group)
            return None, (
                f"{first!r} (line {one}) and {second!r} (line {other}) are of different forms: "
                f"{self._ask(sorted(group.told_by))}"
            )
        differing = [
            group.differing[pair]
            for pair in map(frozenset, combinations(left, 2))
            if pair in group.differing
        ]
        if differing:
            line, text = differing[0]
            meant = {form: found for form, found in _meant(text).items() if form in left}
            readings = " or ".join(
                f"{stamp.local:%Y-%m-%d %H:%M:%S} ({_FORM_NAMES.get(form, form)})"
                for form, stamp in meant.items()
                if form != "six"
            )
            said = (
                f"{text!r} (line {line}) is {readings}, and no row tells"
                if readings
                else (f"{text!r} (line {line}) has several meanings")
            )
            return None, f"{said}: {self._ask(left)}"
        form = left[0]
        if form == "six" or form in BY_OPTION or (form == "excel" and not group.fractions):
            line, text = group.first
            found = _meant(text).get(form)
            would = (
                ""
                if form == "six" or found is None
                else (f"as {_FORM_NAMES[form]} it would be {found.local:%Y-%m-%d %H:%M:%S}; ")
            )
            return (
                None,
                f"{text!r} (line {line}) may be any number; {would}{self._ask(left)}",
            )
        line, text = next(iter(group.told_by.values()), group.first)
        told = f", as {text!r} (line {line}) tells" if group.told_by or form in ORDERS else ""
        return form, f"{_FORM_NAMES[form]}{told}"

    @staticmethod
    def _contradiction(group: _Group) -> tuple[tuple[int, str], tuple[int, str]]:
        rows = sorted(set(group.told_by.values()))
        return rows[0], rows[-1]

    @staticmethod
    def _ask(forms: list[str]) -> str:
        if forms and forms[0] in ORDERS:
            return f"give --date-order {' or '.join(form for form in ORDERS if form in forms)}"
        names = [form for form in forms if form in DIGIT_FORMS]
        choice = f"{', '.join(names)}, or a pattern" if names else "a pattern"
        return f"give --time-format {choice} such as %d%m%Y%H%M"


class TimeReader:
    """Reads the times of a column, each in the form that the column has.

    Attributes
    ----------
    notes
        What was found out about the column, and from which row.
    """

    def __init__(
        self,
        options: TimeOptions,
        forms: Mapping[str, str],
        refused: Mapping[str, str],
        notes: tuple[str, ...],
    ) -> None:
        self._options, self._forms, self._refused = options, forms, refused
        self.notes = notes

    def read(self, value: object) -> datetime:
        """Return a value as a time in UTC, to the millisecond.

        Raises
        ------
        RowFault
            The value is no time, has another form than its column, or happens twice or never.
        BadOption
            It has no offset from UTC, and no zone is given.
        """
        text = as_text(value)
        stamp = self._typed(value) or self._stamp(text)
        at = to_utc(stamp, self._options.zone, self._options.repeated, text[:_LONGEST])
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    @staticmethod
    def _typed(value: object) -> Stamp | None:
        """Return the time of a value that is one in its file, as in a workbook."""
        if isinstance(value, datetime):
            return Stamp(value.replace(tzinfo=None), value.tzinfo)
        if isinstance(value, date):
            return Stamp(datetime(value.year, value.month, value.day))  # noqa: DTZ001 - local
        return None

    def _stamp(self, text: str) -> Stamp:
        if (pattern := self._options.pattern) is not None:
            return _by_pattern(text, pattern)
        found = meanings(text)
        if PLAIN in found:
            return found[PLAIN]
        form = self._forms.get(_DIGITS)
        if form is not None and (not found or _GROUP[next(iter(found))] == _DIGITS):
            told = as_told(text, form)
            if told is not None:
                return told
            if found:
                raise RowFault(f"{text[:_LONGEST]!r} is not a time in the form {form}")
        if not found:
            raise RowFault(
                f"{text[:_LONGEST]!r} is not a time: write it like 2015-12-10 17:40:00, or "
                "describe the column with --time-format, such as %d/%m/%Y %H:%M"
            )
        group = _GROUP[next(iter(found))]
        if group in self._refused:
            raise RowFault(f"{text[:_LONGEST]!r} is not read: {self._refused[group]}")
        form = self._forms.get(group, "")
        if form not in found:
            raise RowFault(
                f"{text[:_LONGEST]!r} is not a time, {_FORM_NAMES.get(form, form)}, as the "
                "column's others are"
            )
        return found[form]


def as_text(value: object) -> str:
    """Return a value as a text; a whole number has no point in it."""
    if isinstance(value, float) and math.isfinite(value):
        value = int(value) if value.is_integer() else Decimal(repr(value))
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value).strip()


def _meant(text: str) -> Meanings:
    found = meanings(text)
    return {("excel" if form == WHOLE else form): stamp for form, stamp in found.items()}


def _by_pattern(text: str, pattern: str) -> Stamp:
    try:
        found = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is added later
    except ValueError:
        raise RowFault(
            f"{text[:_LONGEST]!r} is not a time like --time-format {pattern!r}"
        ) from None
    return Stamp(found.replace(tzinfo=None), found.tzinfo)
