"""All times that a text of digits may mean.

===============  ======================================================================
form             texts
===============  ======================================================================
``compact``      YYYYMMDD, with hh, hhmm, hhmmss or hhmmssfff behind it
``compact-yy``   YYMMDDhhmm, YYMMDDhhmmss
``roc-digits``   YYYMMDD of the Republic of China, with hhmm or hhmmss behind it
``excel``        days since 1899-12-30 with a fraction
``excel-1904``   days since 1904-01-01, as of old workbooks; never guessed
``epoch``        seconds since 1970 UTC; ``epoch-ms``, ``epoch-us`` and ``epoch-ns`` parts of them
``six``          YYMMDD, DDMMYY or MMDDYY: a pattern has to say which
===============  ======================================================================
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from city.ingest.times.stamp import FIRST_YEAR, LAST_YEAR, ROC_YEAR, Meanings, Stamp

_EPOCH = {"epoch": 1, "epoch-ms": 10**3, "epoch-us": 10**6, "epoch-ns": 10**9}
_EXCEL = {
    "excel": datetime(1899, 12, 30),  # noqa: DTZ001 - local
    "excel-1904": datetime(1904, 1, 1),  # noqa: DTZ001 - local
}
DIGIT_FORMS: Final = ("compact", "compact-yy", "roc-digits", *_EXCEL, *_EPOCH)
BY_OPTION: Final = frozenset({*_EPOCH, "compact-yy", "excel-1904", "six"})
"""These are never taken without having been asked for."""
WHOLE: Final = "excel-days"
"""An Excel serial without a fraction: any number of five digits would be one."""

_PLAUSIBLE = (Decimal(631_152_000), Decimal(4_102_444_800))
"""1990 and 2100 in seconds since 1970: a time of the 1970s is never meant."""
_SERIALS = (Decimal(32_874), Decimal(73_415))
"""1990 and 2100 in days since 1899-12-30."""


def digit_meanings(text: str) -> Meanings:
    """Return all that a text of digits, with at most one point among them, may mean."""
    found: Meanings = {}
    whole, _, fraction = text.partition(".")
    number = Decimal(text)
    if not fraction:
        for form, stamp in (
            ("compact", _compact(whole)),
            ("compact-yy", _short(whole)),
            ("roc-digits", _roc(whole)),
        ):
            if stamp is not None:
                found[form] = Stamp(stamp)
    for form, per_second in _EPOCH.items():
        if _PLAUSIBLE[0] <= number / per_second <= _PLAUSIBLE[1]:
            found[form] = _since_1970(number / per_second)
    if _SERIALS[0] <= number <= _SERIALS[1]:
        found["excel" if fraction else WHOLE] = Stamp(_serial(number, "excel"))
    if len(whole) == 6 and not fraction:  # noqa: PLR2004 - YYMMDD
        found["six"] = Stamp(datetime(1, 1, 1))  # noqa: DTZ001 - no time at all
    return found


def as_told(text: str, form: str) -> Stamp | None:
    """Return what a text of digits means in a form that the user named; None if nothing."""
    whole, _, fraction = text.removeprefix("-").partition(".")
    if not (whole + fraction).isdecimal():
        return None
    number = Decimal(text)
    readers: dict[str, Callable[[str], datetime | None]] = {
        "compact": _compact,
        "compact-yy": lambda digits: _short(digits) or _short_date(digits),
        "roc-digits": lambda digits: _roc(digits) or _roc_short(digits),
    }
    if form in readers:
        local = None if fraction else readers[form](whole)
        return None if local is None else Stamp(local)
    try:
        if form in _EXCEL:
            local = _serial(number, form)
            return Stamp(local) if FIRST_YEAR <= local.year <= LAST_YEAR else None
        stamp = _since_1970(number / _EPOCH[form])
    except OverflowError:
        return None
    return stamp if FIRST_YEAR <= stamp.local.year <= LAST_YEAR else None


def _compact(text: str) -> datetime | None:
    if len(text) not in {8, 10, 12, 14, 17}:
        return None
    return _time(int(text[:4]), text[4:6], text[6:8], text[8:])


def _short(text: str) -> datetime | None:
    if len(text) not in {10, 12}:
        return None
    return _short_date(text[:6], text[6:])


def _short_date(text: str, clock: str = "") -> datetime | None:
    if len(text) != 6:  # noqa: PLR2004 - YYMMDD
        return None
    year = int(text[:2])
    return _time(year + (1900 if year >= 69 else 2000), text[2:4], text[4:], clock)  # noqa: PLR2004


def _roc(text: str) -> datetime | None:
    # 050 to 150 are 1961 to 2061: other digits in this place are no such year.
    if len(text) not in {7, 11, 13} or not 50 <= int(text[:3]) <= 150:  # noqa: PLR2004
        return None
    return _time(int(text[:3]) + ROC_YEAR, text[3:5], text[5:7], text[7:])


def _roc_short(text: str) -> datetime | None:
    if len(text) != 6:  # noqa: PLR2004 - YYMMDD
        return None
    return _time(int(text[:2]) + ROC_YEAR, text[2:4], text[4:], "")


def _time(year: int, month: str, day: str, clock: str) -> datetime | None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    hour, minute, second = (int(clock[at : at + 2] or 0) for at in (0, 2, 4))
    try:
        return datetime(  # noqa: DTZ001 - local
            year, int(month), int(day), hour, minute, second, int(clock[6:] or 0) * 1000
        )
    except ValueError:
        return None


def _since_1970(seconds: Decimal) -> Stamp:
    local = datetime(1970, 1, 1) + timedelta(  # noqa: DTZ001 - UTC below
        milliseconds=int(seconds * 1000)
    )
    return Stamp(local, UTC)


def _serial(days: Decimal, form: str) -> datetime:
    """Return the time of a serial to the millisecond: it is a rounded part of a day."""
    return _EXCEL[form] + timedelta(milliseconds=int((days * 86_400_000).to_integral_value()))
