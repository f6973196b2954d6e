"""The time of day at the end of a text, with its offset from UTC."""

import re
from datetime import timedelta, timezone, tzinfo
from typing import NamedTuple

_HOURS_A_DAY = 24
_NOON = 12
_FARTHEST = timedelta(hours=14)
_MORNING = ("am", "上午")
_AFTERNOON = ("pm", "下午")
_HALF = re.compile(r"(?:[ap]\.?\s?m\b\.?|[上下]午)", re.IGNORECASE)
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?(?![\d:])",
        r"(?P<h>\d{1,2})\.(?P<m>\d{2})(?:\.(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?(?![\d.])",
        r"(?P<h>\d{1,2})[时時点點](?:(?P<m>\d{1,2})分(?:(?P<s>\d{1,2})秒)?)?(?!\d)",
        r"(?P<h>\d{1,2})h(?P<m>\d{2})(?!\d)",
        r"(?P<h>\d{2})(?P<m>\d{2})(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?(?!\d)",
        r"(?P<h>\d{1,2})(?P<m>\d{2})(?!\d)",
        r"(?P<h>\d{1,2})(?=\s?(?:[ap]\.?m\b|uhr\b))",
    )
)
_WORD = re.compile(r"\s?(?:uhr|hrs?|hours|h)\b\.?", re.IGNORECASE)
_UTC = re.compile(r"(?:Z|UTC|GMT)(?![A-Za-z+-])", re.IGNORECASE)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?(?!\d)", re.IGNORECASE)
_ABBREVIATION = re.compile(r"[A-Z]{2,5}(?![A-Za-z])")
_COMMENT = re.compile(r"\s*\([^()]*\)")


class Clock(NamedTuple):
    """A time of day since midnight, and the offset from UTC: known, abbreviated, or None."""

    since: timedelta
    offset: tzinfo | str | None = None


MIDNIGHT = Clock(timedelta(0))


def parse_clock(text: str, *, spaced: bool = False) -> Clock | None:
    """Parse a text that is a time of day from its beginning to its end.

    Accepts ``16:30``, ``16:30:00.5``, ``4:30 PM``, ``下午4:30``, ``16时30分``, ``16.30 Uhr``,
    ``16h30`` and ``1630``, each followed by ``Z``, ``UTC``, ``+08:00``, ``+0800``, ``+08``,
    ``GMT+8`` or an abbreviation such as ``CET``. Hour 24 is allowed at midnight.

    Parameters
    ----------
    spaced
        Whether an offset without seconds before it needs a space: ``10:00-11:00`` may be a period.
    """
    half, rest = _half(text.strip())
    for form in _FORMS:
        found = form.match(rest)
        if found is None:
            continue
        word = _WORD.match(rest, found.end())
        ends = rest[(word or found).end() :]
        if half is None:
            half, after = _half(ends.lstrip())
            ends = ends if half is None else after
        since = _since(found, half)
        parsed, offset = _offset(ends, glued=found.groupdict().get("s") is not None or not spaced)
        return Clock(since, offset) if since is not None and parsed else None
    return None


def _half(text: str) -> tuple[str | None, str]:
    found = _HALF.match(text)
    if found is None:
        return None, text
    name = re.sub(r"[.\s]", "", found[0]).casefold()
    return name, text[found.end() :].lstrip()


def _since(found: re.Match[str], half: str | None) -> timedelta | None:
    parts = found.groupdict()
    hour, minute, second = (int(parts.get(name) or 0) for name in "hms")
    if half is not None:
        if hour > _NOON or (hour == 0 and half in _AFTERNOON):
            return None
        hour = hour % _NOON + (_NOON if half in _AFTERNOON else 0)
    fraction = int((parts.get("f") or "0").ljust(6, "0")[:6])
    since = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=fraction)
    if minute >= 60 or second >= 60 or since > timedelta(hours=_HOURS_A_DAY):  # noqa: PLR2004
        return None
    return since


def _offset(text: str, *, glued: bool) -> tuple[bool, tzinfo | str | None]:
    spaced, rest = text[:1].isspace(), text.strip()
    if not rest:
        return True, None
    if found := _UTC.match(rest):
        return _ends(rest, found), timezone.utc  # noqa: UP017 - of one kind with the others
    if found := _OFFSET.match(rest):
        if not (glued or spaced or found[0][0].isalpha()):
            return False, None
        offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        offset = -offset if found[1] == "-" else offset
        return abs(offset) <= _FARTHEST and _ends(rest, found), timezone(
            max(-_FARTHEST, min(_FARTHEST, offset))
        )
    if found := _ABBREVIATION.match(rest):
        return _ends(rest, found), found[0]
    return False, None


def _ends(text: str, found: re.Match[str]) -> bool:
    """Whether nothing follows but a comment, as in ``GMT+0800 (China Standard Time)``."""
    rest = text[found.end() :]
    return not rest.strip() or _COMMENT.fullmatch(rest) is not None
