"""How long units need to a scene, with the streets as they are now.

Asks the region's router; where the street map has no answer (no street near the place, or
the map is not known yet) a straight line stands in, said so in the reasons: a rough estimate
sends somebody, no estimate sends nobody.
"""

from collections.abc import Callable, Sequence
from math import inf, isinf
from typing import NamedTuple, TypeVar

from dispatch.state import State
from geo.crs import haversine_m
from geo.errors import NoStreetNear, Unreachable
from geo.routing import Conditions, Router
from schemas.records import Condition, Point, Route, Unit

Routers = Callable[[str], Router]
"""From a city's content hash to the router over its streets."""

_V = TypeVar("_V", int, float)

_DETOUR = 1.4
_STRAIGHT_MPS = 30 / 3.6
"""Straight-line estimate: detour index 1.4 (usual for dense street nets) at 30 km/h."""


class Way(NamedTuple):
    """Seconds to the scene, the route if the map has one, and a remark for the reasons."""

    seconds: float
    route: Route | None
    remark: str | None


class Travel:
    """Answers from the router of the city in force."""

    def __init__(self, routers: Routers) -> None:
        self._routers = routers

    def seconds(
        self, state: State, units: Sequence[Unit], scene: Point
    ) -> tuple[list[float], str | None]:
        """Return seconds to the scene for each unit, infinite where no way leads.

        The second value is a remark when the seconds are straight-line estimates.
        """
        if not units:
            return [], None
        router = self._router(state)
        if router is not None:
            places = [(unit.position.lon, unit.position.lat) for unit in units]
            target = (scene.lon, scene.lat)
            now = conditions(state, router)
            found = router.etas(places, target, now, cutoff_s=state.policy.max_eta_s)
            if not all(isinf(seconds) for seconds in found) or _has_street(router, scene, now.hour):
                return [float(seconds) for seconds in found], None
        return [_straight(unit, scene) for unit in units], "no street near: straight-line estimate"

    def way(self, state: State, unit: Unit, scene: Point) -> Way:
        """Return a unit's way to the scene."""
        router = self._router(state)
        if router is None:
            return Way(_straight(unit, scene), None, "no street map: straight-line estimate")
        try:
            route = router.route(
                (unit.position.lon, unit.position.lat),
                (scene.lon, scene.lat),
                conditions(state, router),
            )
        except (NoStreetNear, Unreachable) as error:
            return Way(_straight(unit, scene), None, f"straight-line estimate: {error}")
        record = Route(
            seconds=round(route.seconds, 3),
            metres=round(route.metres, 1),
            coordinates=tuple((round(lon, 7), round(lat, 7)) for lon, lat in route.coordinates),
            arcs=tuple(route.arcs),
            streets=tuple(route.streets),
        )
        return Way(record.seconds, record, None)

    def check(self, state: State, condition: Condition) -> None:
        """Raise `UnknownArc` or `BadConditions` if the street map cannot follow a condition."""
        router = self._router(state)
        arcs = condition.segments
        alone = Conditions.of(
            closed=arcs if _is_closure(condition) else (),
            speed_factors=_each(arcs, condition.speed_factor),
            lanes_closed=_each(arcs, condition.lanes_closed),
            flood_depths=_each(arcs, condition.depth_m),
            # The hour's, else two metrics would be weighed in place of one.
            hour=None if router is None else router.hour_at(state.now),
        )
        if router is not None:
            router.etas((), (0.0, 0.0), alone)

    def _router(self, state: State) -> Router | None:
        return None if state.city is None else self._routers(state.city)


def conditions(state: State, router: Router) -> Conditions:
    """Return the street conditions in force at the region's clock, the hour's speeds included.

    Of several of a kind on one arc the gravest holds: two works that close a lane each are taken
    for the same lane, since nothing says that they are not.
    """
    closed: dict[str, None] = {}
    factors: dict[str, float] = {}
    lanes: dict[str, int] = {}
    depths: dict[str, float] = {}
    for _, condition in sorted(state.conditions.items()):
        begun = condition.valid_from <= state.now
        over = condition.valid_until is not None and condition.valid_until <= state.now
        if not begun or over:
            continue
        for arc in condition.segments:
            if _is_closure(condition):
                closed[arc] = None
            if condition.speed_factor is not None:
                factors[arc] = min(condition.speed_factor, factors.get(arc, 1.0))
            if condition.lanes_closed is not None:
                lanes[arc] = max(condition.lanes_closed, lanes.get(arc, 0))
            if condition.depth_m is not None:
                depths[arc] = max(condition.depth_m, depths.get(arc, 0.0))
    return Conditions.of(tuple(closed), factors, lanes, depths, hour=router.hour_at(state.now))


def told(condition: Condition) -> str:
    """Return kind and id of a street condition, with its lanes or depth, for the reasons."""
    name = f"{condition.kind} {condition.id}"
    if condition.lanes_closed is not None:
        lanes = "1 lane" if condition.lanes_closed == 1 else f"{condition.lanes_closed} lanes"
        return f"{name} ({lanes} closed)"
    if condition.depth_m is not None:
        return f"{name} ({condition.depth_m:g} m of water)"
    return name


def _is_closure(condition: Condition) -> bool:
    said = (condition.speed_factor, condition.lanes_closed, condition.depth_m)
    return all(value is None for value in said)


def _each(arcs: Sequence[str], value: _V | None) -> dict[str, _V]:
    return {} if value is None else dict.fromkeys(arcs, value)


def _has_street(router: Router, scene: Point, hour: int | None) -> bool:
    """Tell whether the map reaches the scene at all, whoever is to come."""
    here = (scene.lon, scene.lat)
    return router.etas([here], here, Conditions.of(hour=hour))[0] < inf


def _straight(unit: Unit, scene: Point) -> float:
    metres = haversine_m(unit.position.lon, unit.position.lat, scene.lon, scene.lat)
    return round(float(metres) * _DETOUR / _STRAIGHT_MPS, 3)
