"""Tags that hold at some times only: ``motor_vehicle:conditional=no @ (Mo-Fr 07:00-09:00)``.

Read are days of the week and times of day, in any combination and list (``24/7``, ``Sa,Su``,
``22:00-06:00``, ``Mo-Fr 07:00-09:00,16:00-18:00; Sa 10:00-12:00``). Conditions by date, holiday,
sun, weather or vehicle are not; their tags are counted and ignored. Of several that hold the last
one counts, as in OpenStreetMap's wiki ("Conditional restrictions").

Hours of the week are whole, 0 from Monday 00:00: what closes or slows holds in each hour that it
touches, what opens only in hours that it covers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from geo.maps.access import CLASSES, Direction, Use, User, opens, use_of
from geo.streets.by_hour import HOURS
from geo.streets.maxspeed import parse_maxspeed

__all__ = ["ByTime", "hours_of", "use_by_hour"]

_DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAY = f"(?:{'|'.join(_DAYS)})"
_DAY_RANGE = f"{_DAY}(?:\\s*-\\s*{_DAY})?"
_TIME_RANGE = r"\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}"
_RULE = re.compile(
    rf"(?P<days>{_DAY_RANGE}(?:\s*,\s*{_DAY_RANGE})*)?\s*"
    rf"(?P<times>{_TIME_RANGE}(?:\s*,\s*{_TIME_RANGE})*)?"
)
_CLAUSE = re.compile(r"\s*([^;@()]+?)\s*@\s*(\([^()]*\)|[^;@()]+)\s*(?:;|$)")
_DAY_MINUTES: Final = 24 * 60
_WEEK_MINUTES: Final = 7 * _DAY_MINUTES
_HOUR_MINUTES: Final = 60
_SUFFIXES: Final = (["forward"], ["backward"])
_DIRECTIONS: Final[tuple[Direction, ...]] = ("forward", "backward")


@dataclass(frozen=True, slots=True)
class ByTime:
    """A way by the hour of the week."""

    use: Use
    """Who may drive there at any time."""
    closed: Mapping[Direction, frozenset[int]]
    """Hours in which it is closed to all but crews, of directions that are open at others."""
    kph: Mapping[Direction, Mapping[int, float]]
    """Lower speed limits, by hour."""
    unread: tuple[str, ...]
    """A sentence for each kind of conditional tag that could not be read."""


def use_by_hour(tags: Mapping[str, str]) -> ByTime | None:
    """Read who may drive along a way and how fast, by the hour; None if nobody ever may."""
    conditional = {key: text for key, text in tags.items() if key.endswith(":conditional")}
    plain = use_of(tags)
    if not conditional:
        return None if plain is None else ByTime(plain, {}, {}, ())
    overrides, unread = _overrides(conditional)
    uses = _uses(tags, overrides)
    closed: dict[Direction, frozenset[int]] = {}
    users: list[User | None] = []
    for direction in _DIRECTIONS:
        at_hours = [None if use is None else getattr(use, direction) for use in uses]
        shut = frozenset(hour for hour, user in enumerate(at_hours) if user != "all")
        always = None if plain is None else getattr(plain, direction)
        if len(shut) == HOURS:
            users.append("emergency" if "emergency" in (always, *at_hours) else None)
            continue
        users.append("all")
        if shut:
            closed[direction] = shut
    if users == [None, None]:
        return None
    alternating = plain is not None and plain.alternating
    kph, unread_speeds = _speeds(conditional)
    return ByTime(Use(users[0], users[1], alternating), closed, kph, (*unread, *unread_speeds))


def hours_of(condition: str) -> tuple[frozenset[int], frozenset[int]] | None:
    """Parse days and times of the week.

    Returns
    -------
    (touched, covered) or None
        Hours of the week, 0 to 167, that the condition holds in part, and as a whole; None if it
        is of another kind.
    """
    minutes = [False] * _WEEK_MINUTES
    for part in condition.strip(" ()").split(";"):
        rule = part.strip()
        found = _RULE.fullmatch(rule)
        if rule == "24/7":
            minutes = [True] * _WEEK_MINUTES
        elif not rule or found is None or not _mark(minutes, found["days"], found["times"]):
            return None
    by_hour = [minutes[h * _HOUR_MINUTES : (h + 1) * _HOUR_MINUTES] for h in range(HOURS)]
    touched = frozenset(hour for hour, part in enumerate(by_hour) if any(part))
    return touched, frozenset(hour for hour, part in enumerate(by_hour) if all(part))


def _mark(minutes: list[bool], days: str | None, times: str | None) -> bool:
    """Mark the minutes of a rule; whether its times are times."""
    for day in _days(days):
        for text in (times or "00:00-24:00").split(","):
            start, end = (_minute(time) for time in text.split("-"))
            if start is None or end is None:
                return False
            if end <= start:
                end += _DAY_MINUTES
            for minute in range(start, end):
                minutes[(day * _DAY_MINUTES + minute) % _WEEK_MINUTES] = True
    return True


def _days(text: str | None) -> list[int]:
    if text is None:
        return list(range(len(_DAYS)))
    found: list[int] = []
    for part in text.split(","):
        first, _, last = (day.strip() for day in part.partition("-"))
        start = _DAYS.index(first)
        length = (_DAYS.index(last) - start) % len(_DAYS) if last else 0
        found += [(start + i) % len(_DAYS) for i in range(length + 1)]
    return found


def _minute(text: str) -> int | None:
    hour, minute = (int(part) for part in text.split(":"))
    total = hour * _HOUR_MINUTES + minute
    return total if minute < _HOUR_MINUTES and total <= _DAY_MINUTES else None


def _clauses(text: str) -> list[tuple[str, frozenset[int], frozenset[int]]] | None:
    """Parse ``value @ (condition); …``; None if any condition is of another kind."""
    found = []
    at = 0
    while at < len(text.rstrip()):
        clause = _CLAUSE.match(text, at)
        hours = None if clause is None else hours_of(clause[2])
        if clause is None or hours is None:
            return None
        found.append((clause[1], *hours))
        at = clause.end()
    return found


def _overrides(conditional: Mapping[str, str]) -> tuple[list[dict[str, str]], list[str]]:
    """Return the tags that hold by hour, and a sentence for each kind of tag not read."""
    at_hours: list[dict[str, str]] = [{} for _ in range(HOURS)]
    unread: dict[str, None] = {}
    for key, text in sorted(conditional.items()):
        name = key.removesuffix(":conditional")
        parts = name.split(":")
        oneway = parts[0] == "oneway" and (parts[1:] == [] or parts[1:][0] in CLASSES)
        if not oneway and (parts[0] not in CLASSES or parts[1:] not in ([], *_SUFFIXES)):
            continue
        clauses = _clauses(text)
        if clauses is None:
            what = "one-way rule" if oneway else "access"
            unread[f"ways whose {what} at some times is not used"] = None
        for value, touched, covered in clauses or ():
            frees = value in ("no", "false", "0") if oneway else opens({"access": value}) == "open"
            for hour in covered if frees else touched:
                at_hours[hour][name] = value
    return at_hours, list(unread)


def _uses(tags: Mapping[str, str], at_hours: list[dict[str, str]]) -> list[Use | None]:
    known: dict[tuple[tuple[str, str], ...], Use | None] = {}
    found = []
    for override in at_hours:
        key = tuple(sorted(override.items()))
        if key not in known:
            known[key] = use_of({**tags, **override})
        found.append(known[key])
    return found


def _speeds(
    conditional: Mapping[str, str],
) -> tuple[dict[Direction, dict[int, float]], list[str]]:
    found: dict[Direction, dict[int, float]] = {}
    unread = []
    for direction in _DIRECTIONS:
        text = conditional.get(f"maxspeed:{direction}:conditional") or conditional.get(
            "maxspeed:conditional"
        )
        if text is None:
            continue
        clauses = _clauses(text)
        kph = [parse_maxspeed(value) for value, _, _ in clauses or ()]
        if clauses is None or None in kph:
            unread.append("ways whose speed limit at some times is not used")
            continue
        hours = found.setdefault(direction, {})
        for (_, touched, _), speed in zip(clauses, kph, strict=True):
            hours |= dict.fromkeys(touched, speed or 0.0)
    return found, unread[:1]
