"""A router that knows how long every way takes and draws none: most of a run's time would go there.

Times are those of the router behind it, to the millisecond, so the same units are sent.
"""

from collections.abc import Sequence
from datetime import datetime
from math import isinf

from geo.crs import haversine_m
from geo.routing.conditions import OPEN, Conditions
from geo.routing.reference import Position, Route, Router
from geo.streets.snap import Snapped

__all__ = ["TimesOnly"]


class TimesOnly:
    """Routes are straight lines with the time of the real way; what was asked last is known."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._target: Position | None = None
        self._conditions: Conditions = OPEN
        self._seconds: dict[Position, float] = {}

    def etas(
        self,
        sources: Sequence[Position],
        target: Position,
        conditions: Conditions = OPEN,
        cutoff_s: float | None = None,
    ) -> list[float]:
        """Return seconds from each source to the target; inf if unreachable or beyond cutoff."""
        found = self._router.etas(sources, target, conditions, cutoff_s)
        self._target, self._conditions = target, conditions
        self._seconds = dict(zip(sources, found, strict=True))
        return found

    def route(self, source: Position, target: Position, conditions: Conditions = OPEN) -> Route:
        """Return the time of the quickest way, without its streets; raises as the router does."""
        known = target == self._target and conditions == self._conditions
        seconds = self._seconds.get(source) if known else None
        if seconds is None or isinf(seconds):
            seconds = self._router.etas((source,), target, conditions)[0]
        if isinf(seconds) or isinstance(source, Snapped) or isinstance(target, Snapped):
            return self._router.route(source, target, conditions)
        milliseconds = round(seconds * 1000.0)
        return Route(
            milliseconds=milliseconds,
            metres=haversine_m(*source, *target),
            coordinates=(source, target),
            times_ms=(0, milliseconds),
            arcs=(),
            against=(),
            arc_ms=(),
            streets=(),
            walk_ms=0,
        )

    def hour_at(self, at: datetime) -> int | None:
        """Return the hour of the week to ask for at a time."""
        return self._router.hour_at(at)

    def fitting(
        self,
        *,
        height_m: float | None = None,
        width_m: float | None = None,
        weight_t: float | None = None,
        length_m: float | None = None,
    ) -> "TimesOnly":
        """Return the like for a vehicle of these dimensions."""
        return TimesOnly(
            self._router.fitting(
                height_m=height_m, width_m=width_m, weight_t=weight_t, length_m=length_m
            )
        )
