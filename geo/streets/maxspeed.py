"""Speed of a street if nothing else is known: by `maxspeed` tags or class defaults."""

import math
import re
from collections.abc import Iterable
from typing import Final

__all__ = ["DEFAULT_KPH", "DEFAULT_KPH_VALID_FROM", "default_kph", "parse_maxspeed"]

# Chosen within the design speeds of urban roads in CJJ 37-2012, in force from this day: expressway
# 60-100, arterial 40-60, sub-arterial 30-50, branch 20-40 km/h (checked against secondary sources
# only; the standard itself was not at hand). Which OSM class is which of these, and the figure
# within the range, are this project's judgement. 30 km/h for residential streets is the limit of
# city roads without a centre line (PRC Road Traffic Safety Law, Implementing Regulations, article
# 45 (1), checked). Links, service roads, tracks and paths are assumptions without a source.
DEFAULT_KPH_VALID_FROM: Final = "2012-05-01"
DEFAULT_KPH: Final = {
    "motorway": 80.0,
    "motorway_link": 50.0,
    "trunk": 70.0,
    "trunk_link": 40.0,
    "primary": 50.0,
    "primary_link": 40.0,
    "secondary": 45.0,
    "secondary_link": 35.0,
    "tertiary": 40.0,
    "tertiary_link": 30.0,
    "unclassified": 30.0,
    "road": 30.0,
    "residential": 30.0,
    "living_street": 15.0,
    "service": 15.0,
    "pedestrian": 10.0,
    "track": 15.0,
    "footway": 10.0,
    "path": 10.0,
    "cycleway": 10.0,
}
_FALLBACK_KPH = 30.0

# Implicit limits by zone (the part after the country in "CN:urban"), km/h. Urban, rural and
# motorway as in OpenStreetMap's wiki, "Default speed limits", for China (edition of 2023-10-21,
# checked). Trunk, living street and walking pace are not in it: assumptions. A zone of another
# country takes the same figures, which may be wrong there: tag such streets with numbers. Those of
# the United Kingdom have names of their own (60, 70 and 30 mph).
_ZONE_KPH = {
    "urban": 50.0,
    "rural": 70.0,
    "trunk": 100.0,
    "motorway": 120.0,
    "living_street": 20.0,
    "walk": 7.0,
    "nsl_single": 96.56064,
    "nsl_dual": 112.65408,
    "nsl_restricted": 48.28032,
}
# The speed that Germany advises on motorways without a limit (Autobahn-Richtgeschwindigkeits-V).
_NO_LIMIT_KPH = 130.0
_NUMBER = re.compile(r"(?:zone)?(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph|knots)?")
_UNIT_KPH = {"mph": 1.609344, "knots": 1.852}
_FASTEST_KPH = 200.0


def default_kph(highway: object) -> float:
    """Return the speed in km/h of an OSM `highway` class, or of the first in a list."""
    if isinstance(highway, list | tuple) and highway:
        highway = highway[0]
    return DEFAULT_KPH.get(str(highway), _FALLBACK_KPH)


def parse_maxspeed(value: object) -> float | None:
    """Parse an OSM `maxspeed`.

    Parameters
    ----------
    value
        ``50``, ``"50"``, ``"30 mph"``, ``"CN:urban"``, ``"DE:zone:30"``, ``"walk"``, ``"none"``;
        several, as a
        list or separated by semicolons or bars, are averaged, as OSMnx does.

    Returns
    -------
    float or None
        km/h; None if no limit is stated, or an absurd one (0, over 200 km/h). ``none``, for streets
        without a limit, is 130.
    """
    if isinstance(value, str):
        parts: Iterable[object] = re.split(r"[;|]", value)
    elif isinstance(value, list | tuple | set):
        parts = [p for v in sorted(value, key=str) for p in re.split(r"[;|]", str(v))]
    else:
        parts = [value]
    parts = list(parts)
    speeds = [speed for part in parts if (speed := _one(part)) is not None]
    if not speeds and any(isinstance(p, str) and p.strip() == "none" for p in parts):
        return _NO_LIMIT_KPH
    return sum(speeds) / len(speeds) if speeds else None


def _one(value: object) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip().casefold()
    last = text.rsplit(":", 1)[-1]
    if last in _ZONE_KPH:
        return _ZONE_KPH[last]
    match = _NUMBER.fullmatch(last)
    if match is None:
        return None
    speed = float(match[1]) * _UNIT_KPH.get(match[2], 1.0)
    return speed if math.isfinite(speed) and 0.0 < speed <= _FASTEST_KPH else None
