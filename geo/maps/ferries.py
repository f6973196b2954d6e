"""Ferries and car trains: ways that carry vehicles, by their timetable and not by their speed.

A crossing takes the time of its `duration` tag, the siren does not shorten it, and nothing starts
or ends on it. Waiting is not counted: a map does not say when the next one leaves. Without a
duration, speeds are those of OSRM's ``profiles/car.lua`` (ferries 5 km/h, car trains 10 km/h).
"""

import re
from collections.abc import Mapping
from typing import Final

from geo.maps.access import opens

__all__ = ["CARRIERS", "carrier_of", "carries_cars", "duration_s"]

CARRIERS: Final = {"ferry": 5.0, "shuttle_train": 10.0}
"""Values of `route` that are ways of their own, and their speed in km/h without a duration."""
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2})(?::(\d{2}))?")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_MINUTES = re.compile(r"(\d+(?:\.\d+)?)\s*(?:min(?:ute)?s?)?")
_LONGEST_S = 86_400.0


def carrier_of(tags: Mapping[str, str]) -> str | None:
    """Return the kind of ferry or train that a way is; None if it is a street or neither."""
    route = tags.get("route", "")
    return route if route in CARRIERS and "highway" not in tags else None


def carries_cars(tags: Mapping[str, str]) -> bool:
    """Whether a ferry is known to take cars: a tag for vehicles says so.

    Most ferries without such a tag take people only. A car train takes cars unless a tag denies it.
    """
    known = {key: value for key, value in tags.items() if not key.startswith("access")}
    said = opens(known)
    return said == "open" or (said is None and tags.get("route") == "shuttle_train")


def duration_s(text: str | None) -> float | None:
    """Parse a `duration`: ``00:10``, ``1:30:00``, ``10`` and ``10 min`` (minutes), ``PT10M``.

    Returns
    -------
    float or None
        Seconds; None if there is none, or it is not one (0, over a day).
    """
    text = (text or "").strip()
    seconds = 0.0
    if found := _MINUTES.fullmatch(text):
        seconds = float(found[1]) * 60.0
    elif found := _CLOCK.fullmatch(text):
        first, second, third, fourth = (float(part or 0) for part in found.groups())
        if found[1] and found[4]:  # days, hours, minutes, seconds
            seconds = ((first * 24.0 + second) * 60.0 + third) * 60.0 + fourth
        elif found[1] or found[4]:  # hours, minutes, seconds
            hours, minutes, rest = (first, second, third) if found[1] else (second, third, fourth)
            seconds = (hours * 60.0 + minutes) * 60.0 + rest
        else:
            seconds = (second * 60.0 + third) * 60.0
    elif len(text) > 1 and (found := _ISO.fullmatch(text.upper())):
        first, second, third, fourth = (float(part or 0) for part in found.groups())
        seconds = ((first * 24.0 + second) * 60.0 + third) * 60.0 + fourth
    return seconds if 0.0 < seconds <= _LONGEST_S else None
