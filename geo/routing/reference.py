"""Travel times and routes from units to an incident.

`Router` is the interface that the dispatcher uses. `NetworkxRouter` implements it on a
`StreetGraph`, with one backward search from the incident for any number of units. Times are exact
sums of whole milliseconds.

A time consists of the driven streets, with partial first and last arcs, and a walk off the street
at both ends, in a straight line at 5 km/h. Turns and signals cost nothing here; they do in
`geo.routing.compiled.CompiledRouter`, whose oracle this router is.

Emergency vehicles: with siren, the usual time times 0.7 (JEMSS); one-way streets are open against
their direction at three times the time (exempt where safe: PRC Road Traffic Safety Law, art. 53);
arcs for emergency vehicles only are open. Closed streets are closed to them, too. A position whose
nearest street is closed is snapped to the nearest open one.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from shapely.geometry import LineString

from geo.crs import FloatArray
from geo.errors import NoStreetNear, UnknownArc, Unreachable
from geo.routing.arc_speeds import ArcSpeeds
from geo.routing.conditions import OPEN, Conditions
from geo.routing.profiles import PROFILES, WALK_MS_PER_M, Profile, forbidden, usual_ms
from geo.routing.shortest import Network, Weighted
from geo.routing.slowdowns import lane_closure_ms, wading_ms
from geo.routing.trace import Trace, trace
from geo.streets.graph import StreetGraph
from geo.streets.snap import Place, Snapped, Snapper

__all__ = [
    "OPEN",
    "PROFILES",
    "Conditions",
    "NetworkxRouter",
    "Position",
    "Profile",
    "Route",
    "Router",
    "walk_ms",
]

Position = tuple[float, float] | Snapped
"""(lon, lat) in WGS-84 degrees, or a point already snapped to this street graph."""

_K = TypeVar("_K")
_V = TypeVar("_V")

_METRICS_KEPT = 8
_SEARCHES_KEPT = 32


@dataclass(frozen=True, slots=True)
class Route:
    """A route from a source to a target.

    `milliseconds` is the sum of `arc_ms` and `walk_ms` (both ends off the street) and equals the
    result of `etas`. `coordinates` are (lon, lat) along the streets, at least two, and `times_ms`
    the time since the start of driving at each of them. `arcs`, `against` (driven against its
    direction) and `arc_ms` are parallel. `metres` is the driven length. `streets` are names in
    order; a name is not repeated while the route stays on the street.
    """

    milliseconds: int
    metres: float
    coordinates: tuple[tuple[float, float], ...]
    times_ms: tuple[int, ...]
    arcs: tuple[str, ...]
    against: tuple[bool, ...]
    arc_ms: tuple[int, ...]
    streets: tuple[str, ...]
    walk_ms: int

    @property
    def seconds(self) -> float:
        """Travel time in seconds, walking included."""
        return self.milliseconds / 1000.0

    @property
    def line(self) -> LineString:
        """The route along the streets, WGS-84 degrees."""
        return LineString(self.coordinates)


class Router(Protocol):
    """The dispatcher's interface to the streets."""

    def etas(
        self,
        sources: Sequence[Position],
        target: Position,
        conditions: Conditions = OPEN,
        cutoff_s: float | None = None,
    ) -> list[float]:
        """Return seconds from each source to the target; inf if unreachable or over `cutoff_s`."""
        ...

    def route(self, source: Position, target: Position, conditions: Conditions = OPEN) -> Route:
        """Find the fastest route; raises NoStreetNear or Unreachable."""
        ...

    def hour_at(self, at: datetime) -> int | None:
        """Return the hour of the week at a time, for `Conditions`; None without historic speeds."""
        ...

    def fitting(
        self,
        *,
        height_m: float | None = None,
        width_m: float | None = None,
        weight_t: float | None = None,
        length_m: float | None = None,
    ) -> "Router":
        """Return a router for a vehicle of these dimensions: this one if it fits everywhere."""
        ...


class _Metric(NamedTuple):
    weighted: Weighted
    open_arcs: npt.NDArray[np.bool_]


class _Search(NamedTuple):
    """Times to a target: the places at which it can be reached, and the nodes before them."""

    goals: tuple[Place, ...]
    nodes: tuple[int, ...]
    offsets_ms: tuple[float, ...]
    times: FloatArray


class _Start(NamedTuple):
    """The best start of a route: a place, and the goal if it is on the same arc."""

    ms: float
    place: Place
    direct_goal: Place | None


class NetworkxRouter:
    """Routes over a `StreetGraph` for one profile; not to be shared between threads.

    Parameters
    ----------
    streets
        The map.
    profile
        A `Profile`, or the name of one of `PROFILES`.
    snapper
        A snapper to share between routers.
    speeds
        Speeds of the streets by hour of the week; the conditions name the hour.
    """

    def __init__(
        self,
        streets: StreetGraph,
        profile: Profile | str = "emergency",
        snapper: Snapper | None = None,
        *,
        speeds: ArcSpeeds | None = None,
    ) -> None:
        self.streets = streets
        self.speeds = speeds
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.snapper = snapper or Snapper(streets)
        arcs = streets.arcs
        # After the map's arcs come reversed one-way arcs, if the profile may drive them.
        allowed = self.profile.against_factor is not None
        turned = np.flatnonzero(arcs.twin < 0) if allowed else np.empty(0, dtype=np.int64)
        self._base = np.concatenate([np.arange(len(arcs)), turned])
        self._turned = {int(arc): len(arcs) + i for i, arc in enumerate(turned.tolist())}
        self._network = Network(
            len(streets.nodes.id),
            np.concatenate([arcs.tail, arcs.head[turned]]),
            np.concatenate([arcs.head, arcs.tail[turned]]),
        )
        self._metrics: OrderedDict[Conditions, _Metric] = OrderedDict()
        self._searches: OrderedDict[tuple[object, ...], _Search] = OrderedDict()

    def etas(
        self,
        sources: Sequence[Position],
        target: Position,
        conditions: Conditions = OPEN,
        cutoff_s: float | None = None,
    ) -> list[float]:
        """Return travel times from many sources to one target.

        Returns
        -------
        list of float
            Seconds; inf if there is no open route, no open street within 300 m of either end, or
            the time exceeds `cutoff_s`.

        Raises
        ------
        BadCoordinates, UnknownArc
        """
        metric = self._metric(conditions)
        *starts, goal = self._snapped([*sources, target], metric)
        if goal is None:
            return [math.inf] * len(starts)
        cutoff = math.inf if cutoff_s is None else cutoff_s * 1000.0
        search = self._search(goal, metric, conditions, cutoff)
        answers = []
        for snapped in starts:
            best = None if snapped is None else self._start(snapped, search, metric)
            total = math.inf
            if snapped is not None and best is not None:
                total = best.ms + walk_ms(snapped) + walk_ms(goal)
            answers.append(total / 1000.0 if total <= cutoff else math.inf)
        return answers

    def route(self, source: Position, target: Position, conditions: Conditions = OPEN) -> Route:
        """Find the fastest route from a source to a target.

        Raises
        ------
        NoStreetNear
            One of them is farther than 300 m from every open street.
        Unreachable
            There is no open route from one to the other.
        BadCoordinates, UnknownArc
        """
        metric = self._metric(conditions)
        start, goal = self._snapped([source, target], metric)
        if start is None or goal is None:
            missing, which = (source, "source") if start is None else (target, "target")
            lon, lat = _lonlat(missing)
            raise NoStreetNear(
                f"no open street near the {which} {lon:.6f}, {lat:.6f}: check the position and the "
                "closures"
            )
        search = self._search(goal, metric, conditions, math.inf)
        best = self._start(start, search, metric)
        if best is None:
            raise Unreachable(
                f"no open route leads from {start.lon:.6f}, {start.lat:.6f} to {goal.lon:.6f}, "
                f"{goal.lat:.6f}: check the closures and one-way streets"
            )
        return self._described(self._pieces(best, search, metric), walk_ms(start) + walk_ms(goal))

    def hour_at(self, at: datetime) -> int | None:
        """Return the hour of the week to use at an aware time; None without historic speeds."""
        return None if self.speeds is None else self.speeds.hour_at(at)

    def fitting(
        self,
        *,
        height_m: float | None = None,
        width_m: float | None = None,
        weight_t: float | None = None,
        length_m: float | None = None,
    ) -> "NetworkxRouter":
        """Return a router over the same map for a vehicle of these dimensions.

        It is this one if every street of the map is large enough.

        Raises
        ------
        BadConditions
            A dimension is not above 0.
        """
        own = self.profile.sized(
            height_m=height_m, width_m=width_m, weight_t=weight_t, length_m=length_m
        )
        arcs = self.streets.arcs
        if (forbidden(arcs, own) == forbidden(arcs, self.profile)).all():
            return self
        return NetworkxRouter(self.streets, own, self.snapper, speeds=self.speeds)

    def _metric(self, conditions: Conditions) -> _Metric:
        """Weigh the network under conditions; a change of conditions is another value, so new."""
        if conditions in self._metrics:
            self._metrics.move_to_end(conditions)
            return self._metrics[conditions]
        arcs, profile = self.streets.arcs, self.profile
        usual = usual_ms(arcs, profile, self.speeds, conditions.hour)
        ms = self._slowed(usual, conditions)
        closed = [self.streets.arc_index(arc_id) for arc_id in conditions.closed]
        ms[closed] = math.inf
        ms[forbidden(arcs, profile, conditions.hour)] = math.inf
        extended = ms[self._base]
        extended[len(arcs) :] *= profile.against_factor or 1.0
        metric = _Metric(
            self._network.weighted(np.maximum(np.rint(extended), 1.0)), np.isfinite(ms)
        )
        return _kept(self._metrics, conditions, metric, _METRICS_KEPT)

    def _slowed(self, usual: FloatArray, conditions: Conditions) -> FloatArray:
        """Slow arcs, one condition at a time; of several on one arc the slowest counts."""
        arcs, profile = self.streets.arcs, self.profile
        ms = usual.copy()
        for arc_id, factor in conditions.speed_factors:
            index = self.streets.arc_index(arc_id)
            ms[index] /= 1.0 if profile.on_foot else factor
        for arc_id, count in conditions.lanes_closed:
            one = [self.streets.arc_index(arc_id)]
            if not profile.on_foot:
                slow = lane_closure_ms(usual[one], arcs.lanes[one], np.array([count]))
                ms[one] = np.maximum(ms[one], slow)
        for arc_id, depth_m in conditions.flood_depths:
            one = [self.streets.arc_index(arc_id)]
            slow = wading_ms(arcs.length_m[one], np.array([depth_m]), profile)
            ms[one] = np.maximum(ms[one], slow)
        return ms

    def _snapped(self, positions: Sequence[Position], metric: _Metric) -> list[Snapped | None]:
        """Snap positions to open streets; snap again if all their own streets are closed."""
        answers: list[Snapped | None] = [None] * len(positions)
        todo = []
        for i, position in enumerate(positions):
            if isinstance(position, Snapped) and self._is_open(position, metric):
                answers[i] = position
            else:
                todo.append(i)
        points = [_lonlat(positions[i]) for i in todo]
        found = self.snapper.snap_many(
            [lon for lon, _ in points], [lat for _, lat in points], open_arcs=metric.open_arcs
        )
        for i, snapped in zip(todo, found, strict=True):
            answers[i] = snapped
        return answers

    def _is_open(self, snapped: Snapped, metric: _Metric) -> bool:
        for place in snapped.places:
            if not 0 <= place.arc < len(self.streets.arcs):
                raise UnknownArc(
                    f"arc {place.arc} is not in this street graph: snap the point again"
                )
        return any(metric.open_arcs[place.arc] for place in snapped.places)

    def _drivable(self, places: Sequence[Place], metric: _Metric) -> tuple[Place, ...]:
        """Places on open arcs, those against a one-way street included, as network arcs."""
        found = [place for place in places if metric.open_arcs[place.arc]]
        found += [
            Place(self._turned[place.arc], 1.0 - place.fraction)
            for place in found
            if place.arc in self._turned
        ]
        return tuple(found)

    def _search(
        self, goal: Snapped, metric: _Metric, conditions: Conditions, cutoff: float
    ) -> _Search:
        """Search backwards from a target, or return the cached search."""
        key = (conditions, goal.places, cutoff)
        if key in self._searches:
            self._searches.move_to_end(key)
            return self._searches[key]
        goals = self._drivable(goal.places, metric)
        nodes = tuple(int(self._network.tail[place.arc]) for place in goals)
        offsets = tuple(_part_ms(metric, p.arc, p.fraction) for p in goals)
        times = metric.weighted.times_to(nodes, offsets, cutoff)
        search = _Search(goals, nodes, offsets, times)
        return _kept(self._searches, key, search, _SEARCHES_KEPT)

    def _start(self, snapped: Snapped, search: _Search, metric: _Metric) -> _Start | None:
        """Choose the start: the fastest, then the lowest arc, then straight along it."""
        best: _Start | None = None
        for place in self._drivable(snapped.places, metric):
            options = [
                _Start(_part_ms(metric, place.arc, goal.fraction - place.fraction), place, goal)
                for goal in search.goals
                if goal.arc == place.arc and goal.fraction >= place.fraction
            ]
            left = search.times[self._network.head[place.arc]]
            total = left + _part_ms(metric, place.arc, 1.0 - place.fraction)
            options.append(_Start(float(total), place, None))
            for option in options:
                if math.isfinite(option.ms) and (best is None or option.ms < best.ms):
                    best = option
        return best

    def _pieces(self, start: _Start, search: _Search, metric: _Metric) -> list[Trace]:
        """Return the parts of arcs from the start to the goal, with their times."""
        place = start.place
        if start.direct_goal is not None:
            return [self._piece(place.arc, place.fraction, start.direct_goal.fraction, metric)]
        head = int(self._network.head[place.arc])
        path, i = metric.weighted.follow(head, search.times, search.nodes, search.offsets_ms)
        goal = search.goals[i]
        pieces = [self._piece(place.arc, place.fraction, 1.0, metric)]
        pieces += [self._piece(arc, 0.0, 1.0, metric) for arc in path]
        pieces.append(self._piece(goal.arc, 0.0, goal.fraction, metric))
        # If an end is on a crossing, no part of its arc is driven.
        return [piece for piece in pieces if piece.end > piece.start] or pieces[:1]

    def _piece(self, arc: int, start: float, end: float, metric: _Metric) -> Trace:
        base, against = int(self._base[arc]), arc >= len(self.streets.arcs)
        ms = int(_part_ms(metric, arc, end - start))
        return Trace(base, against, start, end, ms)

    def _described(self, pieces: list[Trace], walked: int) -> Route:
        arcs = self.streets.arcs
        coordinates, times = trace(pieces, arcs.line)
        streets: list[str] = []
        for piece in pieces:
            name = arcs.name[piece.arc]
            if name and (not streets or streets[-1] != name):
                streets.append(name)
        return Route(
            milliseconds=sum(piece.ms for piece in pieces) + walked,
            metres=sum(float(arcs.length_m[p.arc]) * (p.end - p.start) for p in pieces),
            coordinates=coordinates,
            times_ms=times,
            arcs=tuple(arcs.id[piece.arc] for piece in pieces),
            against=tuple(piece.against for piece in pieces),
            arc_ms=tuple(piece.ms for piece in pieces),
            streets=tuple(streets),
            walk_ms=walked,
        )


def walk_ms(snapped: Snapped) -> int:
    """Return milliseconds to walk from a point to its street, in a straight line at 5 km/h."""
    return round(snapped.distance_m * WALK_MS_PER_M)


def _part_ms(metric: _Metric, arc: int, fraction: float) -> float:
    """Return the time of a part of an arc in whole milliseconds."""
    return float(np.rint(metric.weighted.ms[arc] * fraction))


def _lonlat(position: Position) -> tuple[float, float]:
    if isinstance(position, Snapped):
        return position.lon, position.lat
    lon, lat = position
    return lon, lat


def _kept(cache: OrderedDict[_K, _V], key: _K, value: _V, size: int) -> _V:
    cache[key] = value
    if len(cache) > size:
        cache.popitem(last=False)
    return value
