"""How many lanes a street has in the direction of an arc: `lanes` tags and defaults by class."""

import math
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["DEFAULT_LANES", "default_lanes", "lanes_of"]

# Lanes in one direction where the map says nothing. OpenStreetMap's wiki ("Key:lanes") takes
# motorways and trunk roads for two a direction and other streets for one; two on primary streets
# is this project's judgement (they are arterials, and tagged so in the cities at hand).
DEFAULT_LANES: Final = {"motorway": 2, "trunk": 2, "primary": 2}
_MOST = 20


def default_lanes(highway: object) -> int:
    """Lanes in one direction of an OSM `highway` class, or of the first of a list of them."""
    if isinstance(highway, list | tuple) and highway:
        highway = highway[0]
    return DEFAULT_LANES.get(str(highway), 1)


def lanes_of(edge: Mapping[str, Any]) -> int:
    """Lanes in the direction of an edge with OSMnx's attribute names, at least 1.

    `lanes:forward` or `lanes:backward`, by whether the edge is `reversed`; else `lanes`, which
    counts both directions of a two-way street: less those of the opposite direction if that is
    told, else half of them, rounded down. Of several values the smallest holds, the bottleneck.
    """
    here, there = "lanes:forward", "lanes:backward"
    if edge.get("reversed"):
        here, there = there, here
    told = _count(edge.get(here))
    if told is not None:
        return told
    total = _count(edge.get("lanes"))
    if total is None:
        return default_lanes(edge.get("highway"))
    if edge.get("oneway"):
        return total
    opposite = _count(edge.get(there))
    return max(total // 2 if opposite is None else total - opposite, 1)


def _count(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = value.split(";")
    counts = [_one(part) for part in (value if isinstance(value, list | tuple) else [value])]
    usable = [count for count in counts if count is not None]
    return min(usable) if usable else None


def _one(value: object) -> int | None:
    try:
        number = float(value)  # type: ignore[arg-type]  # anything may stand in a graph
    except (TypeError, ValueError):
        return None
    return int(number) if math.isfinite(number) and 1.0 <= number <= _MOST else None
