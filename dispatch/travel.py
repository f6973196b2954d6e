"""How long units need to a scene, with the streets as they are now.

Asks the region's router; where the street map has no answer (no street near the place, or
the map is not known yet) a straight line stands in, said so in the reasons: a rough estimate
sends somebody, no estimate sends nobody.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from typing import NamedTuple, TypeVar

import msgspec

from dispatch.asked import InForce, Place, Start, Way
from dispatch.state import State
from geo.crs import haversine_m
from geo.errors import NoStreetNear, Unreachable
from geo.routing.reference import Conditions, Router
from schemas.records import Condition, Point, Reason, Route, Unit, Vehicle
from schemas.words import because

Routers = Callable[[str], Router]
"""From a city's content hash to the router over its streets."""

_V = TypeVar("_V", int, float)

_FELT_S = 1.0
"""A way around what is too small for a vehicle is told from so many seconds on."""


class Times(NamedTuple):
    """Seconds to a scene by unit, and a remark where they are straight-line estimates."""

    seconds: list[float]
    remark: Reason | None


class Travel:
    """Answers from the router of the city in force; what is known is not asked again."""

    def __init__(self, routers: Routers) -> None:
        self._routers = routers
        self._fitting: dict[tuple[str, Vehicle], Router] = {}

    def seconds(self, state: State, starts: Sequence[Start], scene: Point, severity: str) -> Times:
        """Return seconds to the scene from each start, infinite where no way leads."""
        times = self._seconds(state, starts, scene)
        slower = state.policy.travel_factors.get(severity)
        if slower is None:
            return times
        return times._replace(seconds=[slower * seconds for seconds in times.seconds])

    def _seconds(self, state: State, starts: Sequence[Start], scene: Point) -> Times:
        router = self._router(state)
        found = [] if router is None else self._driven(state, router, starts, _place(scene))
        if not starts or (router is not None and self._is_reached(state, router, found, scene)):
            return Times(found, None)
        return Times(
            [_straight(state, start, scene) for start in starts], because("no_street_near")
        )

    def _driven(
        self, state: State, usual: Router, starts: Sequence[Start], here: Place
    ) -> list[float]:
        """Return seconds from each start, of which only those are asked for that are new."""
        now, most_s = conditions(state, usual), state.policy.max_eta_s
        state.known.under(usual, now, most_s)
        known = state.known.to(here)
        unknown: dict[Vehicle | None, dict[Start, None]] = {}
        for start in [start for start in starts if start not in known]:
            unknown.setdefault(start[2], {})[start] = None
        for vehicle, those in unknown.items():
            router = usual if vehicle is None else self._router_for(state, usual, vehicle)
            places = [(lon, lat) for lon, lat, _ in those]
            found = router.etas(places, here, now, cutoff_s=most_s)
            known.update(zip(those, map(float, found), strict=True))
        state.known.keep(here, known, starts)
        return list(map(known.__getitem__, starts))

    def usually(self, state: State, starts: Sequence[Place], scene: Place) -> list[float]:
        """Return seconds as they usually are: without any condition or hour, by a siren."""
        router = self._router(state)
        found: list[float] = []
        if router is not None:
            usual = Conditions.of()
            found = [float(s) for s in router.etas(starts, scene, usual, state.policy.max_eta_s)]
        if found and min(found) < inf:
            return found
        there = Point(lon=scene[0], lat=scene[1])
        return [_straight(state, (*start, None), there) for start in starts]

    def way(self, state: State, unit: Unit, scene: Point, severity: str) -> Way:
        """Return a unit's way to the scene."""
        way = self._known_way(state, unit, scene)
        slower = state.policy.travel_factors.get(severity)
        return way if slower is None else _slower(way, slower)

    def _known_way(self, state: State, unit: Unit, scene: Point) -> Way:
        question = start_of(unit), _place(scene)
        known = state.asked.ways.get(question)
        if known is None:
            known = state.asked.ways[question] = self._way(state, unit, scene)
        return known

    def _way(self, state: State, unit: Unit, scene: Point) -> Way:
        usual = self._router(state)
        if usual is None:
            return Way(_straight(state, start_of(unit), scene), None, because("no_street_map"))
        now, place, vehicle = conditions(state, usual), _place(unit.position), _vehicle(unit)
        router = usual if vehicle is None else self._router_for(state, usual, vehicle)
        try:
            route = router.route(place, _place(scene), now)
        except (NoStreetNear, Unreachable) as error:
            return Way(
                _straight(state, start_of(unit), scene),
                None,
                because("no_way_found", error=str(error)),
            )
        record = Route(
            seconds=round(route.seconds, 3),
            metres=round(route.metres, 1),
            coordinates=tuple((round(lon, 7), round(lat, 7)) for lon, lat in route.coordinates),
            arcs=tuple(route.arcs),
            streets=tuple(route.streets),
        )
        if router is usual:
            return Way(record.seconds, record, None)
        longer = record.seconds - usual.etas((place,), _place(scene), now)[0]
        told = because("too_large_for_shorter", seconds=round(longer, 1))
        return Way(record.seconds, record, told if longer >= _FELT_S else None)

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

    def _router_for(self, state: State, usual: Router, vehicle: Vehicle) -> Router:
        """Return the router over the streets that are large enough for a vehicle."""
        assert state.city is not None
        known = self._fitting.get((state.city, vehicle))
        if known is None:
            self._fitting = {key: one for key, one in self._fitting.items() if key[0] == state.city}
            known = usual.fitting(**msgspec.structs.asdict(vehicle))
            self._fitting[state.city, vehicle] = known
        return known

    def _is_reached(
        self, state: State, usual: Router, seconds: Sequence[float], scene: Point
    ) -> bool:
        """Tell whether the map reaches a scene to which units need so many seconds.

        It does where anybody can get there, and where a street is near, whoever is to come.
        """
        if min(seconds) < inf:
            return True
        here = _place(scene)
        if here not in state.asked.reached:
            hour = conditions(state, usual).hour
            alone = usual.etas([here], here, Conditions.of(hour=hour))
            state.asked.reached[here] = alone[0] < inf
        return state.asked.reached[here]


def conditions(state: State, router: Router) -> Conditions:
    """Return the street conditions in force at the region's clock, the hour's speeds included.

    Made when one begins, changes or ends; until then each hour has the same value.
    """
    hour = router.hour_at(state.now)
    known = state.in_force
    if known is None or (known.until is not None and known.until <= state.now):
        known = state.in_force = _in_force(state, hour)
    elif known.conditions.hour != hour:
        known = state.in_force = known._replace(conditions=replace(known.conditions, hour=hour))
    return known.conditions


def _in_force(state: State, hour: int | None) -> InForce:
    """Return all conditions in force as one value.

    Of several of a kind on one arc the gravest holds: two works that close a lane each are taken
    for the same lane, since nothing says that they are not.
    """
    closed: dict[str, None] = {}
    factors: dict[str, float] = {}
    lanes: dict[str, int] = {}
    depths: dict[str, float] = {}
    changes = []
    for _, condition in sorted(state.conditions.items()):
        bounds = (condition.valid_from, condition.valid_until)
        changes += [bound for bound in bounds if bound is not None and bound > state.now]
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
    made = Conditions.of(tuple(closed), factors, lanes, depths, hour=hour)
    return InForce(made, min(changes, default=None))


def told(condition: Condition) -> Reason:
    """Return kind and id of a street condition, with its lanes or depth, for the reasons."""
    kind, name = condition.kind, condition.id
    if condition.lanes_closed == 1:
        return because("condition_one_lane", condition_kind=kind, condition=name)
    if condition.lanes_closed is not None:
        lanes = condition.lanes_closed
        return because("condition_lanes", condition_kind=kind, condition=name, lanes=lanes)
    if condition.depth_m is not None:
        metres = condition.depth_m
        return because("condition_depth", condition_kind=kind, condition=name, metres=metres)
    return because("condition", condition_kind=kind, condition=name)


def _is_closure(condition: Condition) -> bool:
    said = (condition.speed_factor, condition.lanes_closed, condition.depth_m)
    return all(value is None for value in said)


def _each(arcs: Sequence[str], value: _V | None) -> dict[str, _V]:
    return {} if value is None else dict.fromkeys(arcs, value)


def start_of(unit: Unit) -> Start:
    """Return where a unit is, and how large."""
    return unit.position.lon, unit.position.lat, _vehicle(unit)


def _vehicle(unit: Unit) -> Vehicle | None:
    return None if unit.vehicle is msgspec.UNSET else unit.vehicle


def _place(point: Point) -> Place:
    return point.lon, point.lat


def _slower(way: Way, factor: float) -> Way:
    """Return a way that takes ``factor`` times as long."""
    route = way.route
    if route is not None:
        route = msgspec.structs.replace(route, seconds=round(factor * route.seconds, 3))
    return way._replace(seconds=round(factor * way.seconds, 3), route=route)


def _straight(state: State, start: Start, scene: Point) -> float:
    lon, lat, _ = start
    metres = haversine_m(lon, lat, scene.lon, scene.lat)
    straight = state.policy.straight_line
    return round(float(metres) * straight.detour / straight.speed_mps, 3)
