"""The time formats that open data comes in.

* ISO 8601: ``2026-11-24T07:30:00+08:00``, ``2015-12-10 17:40:00``, ``2015-12-10``
* the same with slashes or single digits, ``2015/12/1 7:40``, or run together, ``20151210174000``
* American: ``12/10/2015 05:10:00 PM``, ``12/10/2015 17:10`` (month first, always)
* seconds or milliseconds since 1970 UTC, as a number or its digits
"""

import math
import re
from datetime import UTC, datetime, tzinfo

from city.ingest.errors import BadOption, RowFault

_AMERICAN = (
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_COMPACT = re.compile(r"[12]\d{13}")
_LOOSE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]+(\d{1,2})(:.+))?")
_MILLISECONDS_FROM = 1e11
"""As seconds this is the year 5138, as milliseconds 1973."""


def parse_time(value: object, zone: tzinfo | None) -> datetime:
    """Return the time that a value means, in UTC, to the millisecond.

    Parameters
    ----------
    value
        A text or number in one of the module's formats.
    zone
        Where a time without an offset was told.

    Raises
    ------
    RowFault
        The value is none of these.
    BadOption
        The time has no offset from UTC and no zone is given.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _epoch(float(value))
    text = str(value).strip()
    if _COMPACT.fullmatch(text):
        text = f"{text[:8]}T{text[8:]}"
    elif _NUMBER.fullmatch(text):
        return _epoch(float(text))
    time = _iso(text) or _american(text)
    if time is None:
        raise RowFault(f"{text[:40]!r} is no time that is read here, such as 2015-12-10 17:40:00")
    if time.tzinfo is None:
        if zone is None:
            raise BadOption(
                f"the time {text!r} does not say its offset from UTC: give the file's zone, such "
                "as --tz Asia/Shanghai"
            )
        time = time.replace(tzinfo=zone)
    try:
        return _to_milliseconds(time.astimezone(UTC))
    except OverflowError:
        raise RowFault(f"the time {text!r} is out of range") from None


def _iso(text: str) -> datetime | None:
    loose = _LOOSE.fullmatch(text)
    if loose is not None:
        year, month, day, hour, rest = loose.groups()
        text = f"{year}-{month:0>2}-{day:0>2}" + (f" {hour:0>2}{rest}" if hour else "")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _american(text: str) -> datetime | None:
    for form in _AMERICAN:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is put on later
        except ValueError:
            continue
    return None


def _epoch(number: float) -> datetime:
    if not math.isfinite(number):
        raise RowFault(f"{number} is no time")
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    try:
        return _to_milliseconds(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, OSError, ValueError):
        raise RowFault(f"{number} is no time: it is out of range") from None


def _to_milliseconds(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
