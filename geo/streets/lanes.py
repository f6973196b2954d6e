"""Number of lanes of a street in the direction of an arc, by `lanes` tags or class defaults."""

import math
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["DEFAULT_LANES", "default_lanes", "lanes_of"]

# Lanes in one direction if the map has no tag. OpenStreetMap's wiki ("Key:lanes") assumes two per
# direction for motorways and trunk roads and one for other streets; two on primary streets is this
# project's choice (they are arterials, and tagged so in the cities at hand).
DEFAULT_LANES: Final = {"motorway": 2, "trunk": 2, "primary": 2}
_MOST = 20


def default_lanes(highway: object) -> int:
    """Return the lanes in one direction of an OSM `highway` class, or of the first in a list."""
    if isinstance(highway, list | tuple) and highway:
        highway = highway[0]
    return DEFAULT_LANES.get(str(highway), 1)


def lanes_of(edge: Mapping[str, Any]) -> int:
    """Return the lanes in the direction of an edge with OSMnx's attribute names, at least 1.

    Use `lanes:forward` or, if the edge is `reversed`, `lanes:backward`. Otherwise use `lanes`,
    which counts both directions of a two-way street: subtract the lanes of the opposite direction
    if tagged, or take half, rounded down. Of several values the smallest counts, the bottleneck.
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
