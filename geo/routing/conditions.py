"""Current street conditions: closures, slow-downs and water, as an immutable value."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from geo.errors import BadConditions

__all__ = ["DEEPEST_M", "FASTEST", "HOURS", "MOST_LANES", "OPEN", "SLOWEST", "Conditions"]

SLOWEST, FASTEST = 0.01, 10.0
"""Limits of a speed factor: close the arc instead of a lower factor."""
DEEPEST_M = 10.0
"""Greatest depth of water on a street, in metres: a larger figure is a mistake."""
HOURS = 168
"""Number of hours of a week."""
MOST_LANES = 20
"""No street has more lanes in one direction than this."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Street conditions, equal and hashable by content; create them with `Conditions.of`.

    A value has no start or end: the caller uses another value at another time. If an arc has
    several conditions, the slowest one counts, see `geo.routing.slowdowns`.
    """

    closed: frozenset[str]
    """Ids of arcs closed to all, even emergency vehicles, in both directions of travel along them
    (the opposite arc of a two-way street is a separate arc)."""
    speed_factors: tuple[tuple[str, float], ...]
    """(arc id, factor on its speed), sorted by id; 0.5 is half as fast."""
    lanes_closed: tuple[tuple[str, int], ...] = ()
    """(arc id, lanes closed in its direction), sorted by id; with no lane left the arc is closed to
    vehicles. People on foot can pass."""
    flood_depths: tuple[tuple[str, float], ...] = ()
    """(arc id, depth of water in metres), sorted by id; the profile decides how fast it can be
    passed, and up to which depth."""
    hour: int | None = None
    """Hour of the week, 0 to 167 from Monday 00:00, for historic speeds, if the router has any
    (`geo.routing.arc_speeds`); None for the map's own speeds."""

    @classmethod
    def of(
        cls,
        closed: Iterable[str] = (),
        speed_factors: Mapping[str, float] | None = None,
        lanes_closed: Mapping[str, int] | None = None,
        flood_depths: Mapping[str, float] | None = None,
        hour: int | None = None,
    ) -> "Conditions":
        """Make conditions from closed, slowed, narrowed and flooded arcs.

        Raises
        ------
        BadConditions
            A factor is not between 0.01 and 10, lanes closed are not 1 to 20, a depth of water
            is not between 0 and 10 m, or an hour is not 0 to 167.
        """
        factors = tuple(sorted((speed_factors or {}).items()))
        for arc_id, factor in factors:
            if not (math.isfinite(factor) and SLOWEST <= factor <= FASTEST):
                raise BadConditions(
                    f"speed factor {factor} of arc {arc_id!r} is not between {SLOWEST} and "
                    f"{FASTEST}: close the arc if nobody can pass"
                )
        lanes = tuple(sorted((lanes_closed or {}).items()))
        for arc_id, count in lanes:
            if not 1 <= count <= MOST_LANES:
                raise BadConditions(
                    f"{count} closed lanes on arc {arc_id!r} is not between 1 and {MOST_LANES}"
                )
        depths = tuple(sorted((flood_depths or {}).items()))
        for arc_id, depth in depths:
            if not 0.0 <= depth <= DEEPEST_M:
                raise BadConditions(
                    f"water of {depth} m on arc {arc_id!r} is not between 0 and {DEEPEST_M:g} m"
                )
        if hour is not None and not 0 <= hour < HOURS:
            raise BadConditions(
                f"hour {hour} of the week is not 0 to {HOURS - 1}, from Monday 00:00"
            )
        return cls(frozenset(closed), factors, lanes, depths, hour)


OPEN = Conditions(frozenset(), ())
