"""What holds on the streets now: closed arcs and speed factors, as an immutable value."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from geo.errors import BadConditions

__all__ = ["FASTEST", "OPEN", "SLOWEST", "Conditions"]

SLOWEST, FASTEST = 0.01, 10.0
"""Limits of a speed factor: slower than this nothing moves, and the arc is closed."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Street conditions, equal and hashable by content; make them by `Conditions.of`.

    When they begin and end is the caller's business: at each moment there is one such value.
    """

    closed: frozenset[str]
    """Ids of arcs closed to all, emergency vehicles too, in both directions of travel along them
    (the opposite arc of a two-way street is an arc of its own)."""
    speed_factors: tuple[tuple[str, float], ...]
    """(arc id, factor on its speed), sorted by id; 0.5 is half as fast."""

    @classmethod
    def of(
        cls, closed: Iterable[str] = (), speed_factors: Mapping[str, float] | None = None
    ) -> "Conditions":
        """Make conditions of what is closed and what is slower or faster than usual.

        Raises
        ------
        BadConditions
            A factor is not between 0.01 and 10.
        """
        factors = tuple(sorted((speed_factors or {}).items()))
        for arc_id, factor in factors:
            if not (math.isfinite(factor) and SLOWEST <= factor <= FASTEST):
                raise BadConditions(
                    f"speed factor {factor} of arc {arc_id!r} is not between {SLOWEST} and "
                    f"{FASTEST}: close the arc if nothing moves there"
                )
        return cls(frozenset(closed), factors)


OPEN = Conditions(frozenset(), ())
