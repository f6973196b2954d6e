"""All times that one text may mean."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from city.ingest.times.clock import MIDNIGHT, Clock, parse_clock
from city.ingest.times.digits import digit_meanings
from city.ingest.times.stamp import FIRST_YEAR, LAST_YEAR, PLAIN, ROC_YEAR, Meanings, Stamp

ORDERS: Final = ("dmy", "mdy", "ymd", "roc")
"""Orders of day, month and year; ``roc`` is year, month and day, of the Republic of China."""

_LONGEST = 80
_PIVOT = 69
_TWO_DIGITS = 2
"""Years of two digits from this one on are of the 20th century, as in POSIX."""
_FIRST_SHORT_ROC = 79
"""1990; from 2011 on these years have three digits."""
_MONTHS = {
    name[:length]: number
    for number, name in enumerate(
        (
            *("january", "february", "march", "april", "may", "june", "july"),
            *("august", "september", "october", "november", "december"),
        ),
        start=1,
    )
    for length in {3, 4 if name.startswith("sept") else 3, len(name)}
}
_WEEKDAYS = {
    name[:length]: number
    for number, name in enumerate(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    )
    for length in {3, 4, 5, len(name)}
}
_WEEKDAY = re.compile(r"([a-z]{3,9})\.?,?\s+(?=\S)", re.IGNORECASE)
_CHINESE_WEEKDAY = re.compile(r"\s*\(?(?:星期|周|週|礼拜|禮拜)([一二三四五六日天])\)?\s*")

_YEAR_FIRST = re.compile(r"(?P<a>\d{4})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<c>\d{1,2})(?!\d)")
_YEAR_RUN = re.compile(r"(?P<a>\d{4})(?P<b>\d{2})(?P<c>\d{2})(?=[T ]\s*\d)")
_CHINESE = re.compile(r"(?P<a>\d{4})年\s?(?P<b>\d{1,2})月\s?(?P<c>\d{1,2})[日号號]?")
_ROC = re.compile(
    r"(?:(?:中[華华])?民[國国]|ROC)\s?(?P<a>\d{1,3})(?:年|(?P<s>[-/.]))\s?(?P<b>\d{1,2})(?:月|[-/.])\s?"
    r"(?P<c>\d{1,2})[日号號]?(?!\d)",
    re.IGNORECASE,
)
_ROC_BARE = re.compile(
    r"(?P<a>[01]\d\d)(?:年\s?(?P<b>\d{1,2})月\s?(?P<c>\d{1,2})日?|(?P<s>[-/.])(?P<d>\d{1,2})(?P=s)"
    r"(?P<e>\d{1,2}))(?!\d)"
)
_YEAR_LAST = re.compile(r"(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<c>\d{4})(?!\d)")
_SHORT = re.compile(r"(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<c>\d{2})(?!\d)")
_NAMED_DAY = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th)?[-/.\s]{0,2}(?P<m>[a-z]{3,9})\.?[-/.,\s]{0,2}(?P<y>\d{4}|\d{2})(?!\d)",
    re.IGNORECASE,
)
_NAMED_MONTH = re.compile(
    r"(?P<m>[a-z]{3,9})\.?[-/\s]?(?P<d>\d{1,2})(?:st|nd|rd|th)?(?:,\s?|[-/\s])(?P<y>\d{4})(?!\d)",
    re.IGNORECASE,
)
_NAMED_YEAR = re.compile(
    r"(?P<y>\d{4})[-/.\s](?P<m>[a-z]{3,9})\.?[-/.\s](?P<d>\d{1,2})(?!\d)", re.IGNORECASE
)
_YEAR_AT_END = re.compile(
    r"(?P<m>[a-z]{3,9})\.?\s+(?P<d>\d{1,2})\s+(?P<t>\d{1,2}:\d{2}(?::\d{2})?(?:\s+(?:[+-]\d{2}:?\d{2}"
    r"|[A-Z]{2,5}))?)\s+(?P<y>\d{4})",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\s*(?:T|,|;|:|_|um|at|à|às|alle|kl\.?)?\s*", re.IGNORECASE)
_CLOCK_FIRST = re.compile(
    r"(?P<t>\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\.?)?),?\s+(?:on\s+)?(?P<d>\S.*)", re.IGNORECASE
)
_TWO_CLOCKS = re.compile(r"(?:00:00(?::00(?:\.0+)?)?|12:00(?::00)?\s?AM)\s+(?=\d)", re.IGNORECASE)


def meanings(text: str) -> Meanings:
    """Return all that a text may mean, by form; empty if it is no time.

    The form is ``plain`` for texts with one meaning, one of `ORDERS` for dates of which only the
    column tells the order, or a form of `digits.digit_meanings`.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if not text or len(text) > _LONGEST:
        return {}
    if text.replace(".", "", 1).isdecimal() and text[-1] != ".":
        return digit_meanings(text)
    text, weekday = _without_weekday(text)
    found = _dated(text)
    if not found and (first := _CLOCK_FIRST.fullmatch(text)):
        clock = parse_clock(first["t"])
        found = {} if clock is None else _dated(first["d"], clock)
    if weekday is None:
        return found
    return {form: stamp for form, stamp in found.items() if stamp.local.weekday() == weekday}


def _dated(text: str, clock: Clock | None = None) -> Meanings:
    """Return what a text means that begins with a date; its clock is behind it if None."""
    for form, day, rest in _dates(text):
        time = _clock(text, rest) if clock is None else (None if rest.strip() else clock)
        if time is None:
            continue
        found: Meanings = {}
        for name, when in day.items():
            local = datetime(when.year, when.month, when.day) + time.since  # noqa: DTZ001 - local
            found[name] = Stamp(local, time.offset)
        if found or form:
            return found
    return {}


def _clock(text: str, rest: str) -> Clock | None:
    if not rest.strip():
        return MIDNIGHT
    between = _BETWEEN.match(rest)
    assert between is not None, "the pattern matches the empty text"
    if between.end() == 0 and not rest[0].isalpha() and not text[-len(rest) - 1].isalpha():
        return None
    after = rest[between.end() :]
    # Portals join a date's midnight and a column of its own for the time of day.
    doubled = _TWO_CLOCKS.match(after)
    if doubled is not None and (clock := parse_clock(after[doubled.end() :])) is not None:
        return clock
    year_first = _YEAR_FIRST.match(text) is not None or _YEAR_RUN.match(text) is not None
    return parse_clock(after, spaced=not year_first)


def _dates(text: str) -> Iterator[tuple[str, dict[str, date], str]]:
    """Yield the dates at the beginning of a text, by form, with the rest of the text."""
    for form, pattern in (
        ("year first", _YEAR_FIRST),
        ("run together", _YEAR_RUN),
        ("chinese", _CHINESE),
    ):
        if found := pattern.match(text):
            yield (
                form,
                _plain(int(found["a"]), int(found["b"]), int(found["c"])),
                text[found.end() :],
            )
    if found := _ROC.match(text):
        year = int(found["a"]) + ROC_YEAR
        yield "roc", _plain(year, int(found["b"]), int(found["c"])), text[found.end() :]
    if found := _ROC_BARE.match(text):
        month, day = found["b"] or found["d"], found["c"] or found["e"]
        year = int(found["a"]) + ROC_YEAR
        yield "roc", _plain(year, int(month), int(day)), text[found.end() :]
    if found := _YEAR_LAST.match(text):
        a, b, c = (int(found[name]) for name in "abc")
        yield "", _named({"dmy": (c, b, a), "mdy": (c, a, b)}), text[found.end() :]
    if found := _SHORT.match(text):
        yield "", _short(found), text[found.end() :]
    yield from _month_names(text)


def _month_names(text: str) -> Iterator[tuple[str, dict[str, date], str]]:
    for pattern in (_NAMED_DAY, _NAMED_MONTH, _NAMED_YEAR, _YEAR_AT_END):
        found = pattern.match(text)
        month = None if found is None else _MONTHS.get(found["m"].casefold())
        if found is None or month is None:
            continue
        day, year, rest = int(found["d"]), int(found["y"]), text[found.end() :]
        if pattern is _YEAR_AT_END:
            rest = f" {found['t']}{rest}"
        if len(found["y"]) == _TWO_DIGITS:
            orders = {"dmy": (_century(year), month, day)}
            if len(found["d"]) == _TWO_DIGITS:
                orders["ymd"] = (_century(day), month, year)
            yield "", _named(orders), rest
        else:
            yield "named", _plain(year, month, day), rest


def _short(found: re.Match[str]) -> dict[str, date]:
    a, b, c = (int(found[name]) for name in "abc")
    orders = {"dmy": (_century(c), b, a), "mdy": (_century(c), a, b)}
    if len(found["a"]) == _TWO_DIGITS:
        orders["ymd"] = (_century(a), b, c)
        if a >= _FIRST_SHORT_ROC:
            orders["roc"] = (a + ROC_YEAR, b, c)
    return _named(orders)


def _century(year: int) -> int:
    return year + (1900 if year >= _PIVOT else 2000)


def _plain(year: int, month: int, day: int) -> dict[str, date]:
    return _named({PLAIN: (year, month, day)})


def _named(parts: dict[str, tuple[int, int, int]]) -> dict[str, date]:
    found = {}
    for form, (year, month, day) in parts.items():
        if FIRST_YEAR <= year <= LAST_YEAR:
            try:
                found[form] = date(year, month, day)
            except ValueError:
                continue
    return found


def _without_weekday(text: str) -> tuple[str, int | None]:
    """Take the day of the week out of a text; it tells which of several dates is meant."""
    if found := _WEEKDAY.match(text):
        number = _WEEKDAYS.get(found[1].casefold())
        if number is not None:
            return text[found.end() :], number
    if found := _CHINESE_WEEKDAY.search(text):
        number = "一二三四五六日".find(found[1].replace("天", "日"))
        return f"{text[: found.start()]} {text[found.end() :]}".strip(), number
    return text, None
