"""The compiled router: exact times and routes under live conditions, in microseconds.

It does everything that `NetworkxRouter` does and more, with a contraction hierarchy over the
expanded graph. So banned turns are respected, and turns and signals cost the amounts in the map's
`TurnRules`. The cost of a turn is part of the time of the arc that it enters. Without turn rules
it gives the same times as `NetworkxRouter`, to the millisecond.

One `StreetIndex` serves routers of all profiles. Routers may be shared between threads.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import shapely

from geo.crs import FloatArray, utm_for
from geo.errors import BadConditions, NoStreetNear, Unreachable
from geo.routing.arc_speeds import ArcSpeeds, hour_of_week
from geo.routing.areas import areas
from geo.routing.conditions import OPEN, Conditions
from geo.routing.ends import (
    Begin,
    End,
    Many,
    Spot,
    begin_at,
    beginnings_of,
    direct_ms,
    end_at,
    ends_of,
)
from geo.routing.hierarchy import Path as WayFound
from geo.routing.isochrone import reach
from geo.routing.metrics import Metrics, Weighed
from geo.routing.profiles import PROFILES, Profile, forbidden
from geo.routing.reference import Position, Route
from geo.routing.snap_memory import Places, SnapMemory, lonlat
from geo.routing.street_index import StreetIndex
from geo.routing.trace import Pieces, Trace, drawn
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapped, Snapper

__all__ = ["CompiledRouter"]

_LONGEST_MINUTES = 1_440
# A sweep serves all places of one side at once. For ends it costs about half as much again, because
# several turns lead to each; so ends are swept only above this number per source.
_MORE_ENDS = 2


class CompiledRouter:
    """Routes over a `StreetGraph` for one profile.

    Parameters
    ----------
    streets
        The map.
    profile
        A `Profile`, or the name of one of `PROFILES`.
    snapper
        A snapper to share between routers.
    index
        An index to share between routers of the same map; by default compiled here, which takes
        seconds for a large map.
    cache
        Folder that speeds up compiling the next time; see `StreetIndex.of`.
    speeds
        Speeds of the streets by hour of the week; the conditions name the hour.
    timezone
        Name of the time zone in which signs that depend on the hour hold; by default that of the
        speeds. Without either they hold at all hours.

    Raises
    ------
    BadMap, WeightOverflow
    """

    def __init__(
        self,
        streets: StreetGraph,
        profile: Profile | str = "emergency",
        snapper: Snapper | None = None,
        *,
        index: StreetIndex | None = None,
        cache: Path | None = None,
        speeds: ArcSpeeds | None = None,
        timezone: str | None = None,
    ) -> None:
        self.streets = streets
        self.speeds = speeds
        self.timezone = timezone
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.snapper = snapper or Snapper(streets)
        self.index = index or StreetIndex.of(streets, cache=cache)
        self._expanded = self.index.expanded
        self._metrics = Metrics(streets, self._expanded, self.index.hierarchy, self.profile, speeds)
        self._usually_open = self._metrics.under(OPEN).open_arcs
        self._memory = SnapMemory(self.snapper, self._usually_open)
        # The last fleet of each metric: the same fleet is often queried again.
        self._fleets: WeakKeyDictionary[Weighed, tuple[tuple[Position, ...], Many]] = (
            WeakKeyDictionary()
        )

    def etas(
        self,
        sources: Sequence[Position],
        target: Position,
        conditions: Conditions = OPEN,
        cutoff_s: float | None = None,
    ) -> list[float]:
        """Return travel times from many sources to one target.

        Known positions are not snapped again, so a fleet that mostly stands still is cheap.

        Returns
        -------
        list of float
            Seconds; inf if there is no open route, no open street within 300 m of either end, or
            the time exceeds `cutoff_s`.

        Raises
        ------
        BadCoordinates, UnknownArc, WeightOverflow
        """
        times = self.matrix(sources, [target], conditions)[:, 0]
        if cutoff_s is not None:
            times[times * 1000.0 > cutoff_s * 1000.0] = math.inf
        answers: list[float] = times.tolist()
        return answers

    def matrix(
        self,
        sources: Sequence[Position],
        targets: Sequence[Position],
        conditions: Conditions = OPEN,
    ) -> FloatArray:
        """Return travel times from each source to each target.

        Returns
        -------
        array of shape (sources, targets)
            Seconds; inf as in `etas`.

        Raises
        ------
        BadCoordinates, UnknownArc, WeightOverflow
        """
        weighed = self._metrics.under(conditions)
        times = np.full((len(sources), len(targets)), math.inf)
        if len(targets) > _MORE_ENDS * len(sources):
            places = self._places([*sources, *targets], weighed)
            ends = ends_of(places[len(sources) :], self._expanded, weighed, self._metrics.turn_ms)
            for row in range(len(sources)):
                begin = self._begin(places, row, weighed)
                times[row] = ends.ms_from(begin, weighed)
        else:
            fleet, goals = self._fleet(tuple(sources), targets, weighed)
            for column in range(len(targets)):
                end = self._end(goals, column, weighed)
                times[:, column] = fleet.ms_to(end, weighed)
        times /= 1000.0
        return times

    def nearest(
        self, target: Position, sources: Sequence[Position], k: int, conditions: Conditions = OPEN
    ) -> list[tuple[int, float]]:
        """Find the sources with the shortest travel times to a target.

        Returns
        -------
        list of (index, seconds)
            At most `k`, fastest first, lower index first if equal; without unreachable ones.

        Raises
        ------
        BadCoordinates, UnknownArc, WeightOverflow
        """
        times = self.etas(sources, target, conditions)
        ranked = sorted((seconds, i) for i, seconds in enumerate(times) if math.isfinite(seconds))
        return [(i, seconds) for seconds, i in ranked[: max(k, 0)]]

    def route(self, source: Position, target: Position, conditions: Conditions = OPEN) -> Route:
        """Find the fastest route from a source to a target; for its turns see `geo.routing.steps`.

        Raises
        ------
        NoStreetNear
            One of them is farther than 300 m from every open street.
        Unreachable
            There is no open route from one to the other.
        BadCoordinates, UnknownArc, WeightOverflow
        """
        weighed = self._metrics.under(conditions)
        places = self._places([source, target], weighed)
        for i, (position, which) in enumerate(((source, "source"), (target, "target"))):
            if not places.at_street[i]:
                raise _no_street(position, which)
        begin, end = self._begin(places, 0, weighed), self._end(places, 1, weighed)
        pieces = self._pieces(begin, end, weighed)
        if pieces is None:
            (lon, lat), (to_lon, to_lat) = lonlat(source), lonlat(target)
            raise Unreachable(
                f"no open route leads from {lon:.6f}, {lat:.6f} to {to_lon:.6f}, "
                f"{to_lat:.6f}: check the closures and one-way streets"
            )
        return self._described(pieces, int(begin.walk_ms + end.walk_ms))

    def isochrone(
        self, source: Position, minutes: Sequence[float], conditions: Conditions = OPEN
    ) -> list[shapely.Geometry]:
        """Return the area reachable within each of some times; see `geo.routing.areas`.

        Returns
        -------
        list of Polygon or MultiPolygon
            WGS-84 degrees, one per time; the area of a longer time contains that of a shorter one.

        Raises
        ------
        BadConditions
            A time is not between 0 and 1,440 minutes.
        NoStreetNear, BadCoordinates, UnknownArc, WeightOverflow
        """
        for value in minutes:
            if not 0.0 <= value <= _LONGEST_MINUTES:
                raise BadConditions(f"{value} minutes are not between 0 and {_LONGEST_MINUTES}")
        weighed = self._metrics.under(conditions)
        places = self._places([source], weighed)
        if not places.at_street[0]:
            raise _no_street(source, "source")
        begin = self._begin(places, 0, weighed)
        rising = sorted(set(minutes))
        limits = [value * 60_000.0 for value in rising]
        reached = reach(begin, self._expanded, weighed, self._metrics.turn_ms, limits)
        nodes = self.streets.nodes
        metric = utm_for(float(nodes.lon.mean()), float(nodes.lat.mean()))
        drawn = dict(zip(rising, areas(reached, self.streets.arcs, metric), strict=True))
        return [drawn[value] for value in minutes]

    def fitting(
        self,
        *,
        height_m: float | None = None,
        width_m: float | None = None,
        weight_t: float | None = None,
        length_m: float | None = None,
    ) -> "CompiledRouter":
        """Return a router over the same index for a vehicle of these dimensions.

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
        return CompiledRouter(
            self.streets,
            own,
            self.snapper,
            index=self.index,
            speeds=self.speeds,
            timezone=self.timezone,
        )

    def hour_at(self, at: datetime) -> int | None:
        """Return the hour of the week to use at an aware time; None if no hour differs."""
        if self.speeds is not None:
            return self.speeds.hour_at(at)
        if self.streets.arcs.by_hour is None or self.timezone is None:
            return None
        return hour_of_week(at, ZoneInfo(self.timezone))

    def _begin(self, places: Places, i: int, weighed: Weighed) -> Begin:
        return begin_at(places, i, self._expanded, weighed)

    def _end(self, places: Places, i: int, weighed: Weighed) -> End:
        return end_at(places, i, self._expanded, weighed, self._metrics.turn_ms)

    def _pieces(self, begin: Begin, end: End, weighed: Weighed) -> Pieces | None:
        """Return the fastest route's parts of arcs, preferring one lane if equal; None if none."""
        straight = [
            (direct_ms(start, goal, weighed), start, goal)
            for start in begin.spots
            for goal in end.spots
            if start.lane == goal.lane and start.fraction <= goal.fraction
        ]
        best = min(straight, default=None)
        way = weighed.metric.path(begin.leaving, end.entering)
        if best is not None and (way is None or best[0] <= way.length):
            ms, start, goal = best
            return Pieces.of([self._piece(start.lane, start.fraction, goal.fraction, ms)])
        return None if way is None else self._driven(way, begin, end, weighed)

    def _driven(self, way: WayFound, begin: Begin, end: End, weighed: Weighed) -> Pieces:
        lanes = self._expanded.state_lane[way.nodes]
        first = max(spot for spot in begin.spots if spot.lane == lanes[0])
        last: Spot = end.spot_after[way.nodes[-1]]
        ends = Pieces.of(
            [
                self._piece(first.lane, first.fraction, 1.0, begin.leaving[first.lane]),
                self._piece(last.lane, 0.0, last.fraction, end.entering[way.nodes[-1]]),
            ]
        )
        whole = len(lanes) - 1
        between = Pieces(
            self._expanded.lanes.arc[lanes[1:]],
            lanes[1:] >= len(self.streets.arcs),
            np.zeros(whole),
            np.ones(whole),
            weighed.metric.weights[way.arcs].astype(np.int64),
        )
        columns = zip(ends, between, strict=True)
        return Pieces._make(
            np.concatenate([end[:1], middle, end[1:]]) for end, middle in columns
        ).without_empty()

    def _piece(self, lane: int, start: float, end: float, ms: int) -> Trace:
        against = lane >= len(self.streets.arcs)
        return Trace(int(self._expanded.lanes.arc[lane]), against, start, end, ms)

    def _described(self, pieces: Pieces, walked: int) -> Route:
        arcs = self.streets.arcs
        coordinates, times = drawn(pieces, arcs.line)
        streets: list[str] = []
        for names in map(arcs.names.__getitem__, pieces.arc.tolist()):
            if names and (not streets or streets[-1] != names[0]):
                streets.append(names[0])
        metres = arcs.length_m[pieces.arc] * (pieces.end - pieces.start)
        return Route(
            milliseconds=int(pieces.ms.sum()) + walked,
            metres=sum(metres.tolist()),  # one after the other, so that all routers round alike
            coordinates=coordinates,
            times_ms=times,
            arcs=tuple(self._ids(pieces.arc)),
            against=tuple(pieces.against.tolist()),
            arc_ms=tuple(pieces.ms.tolist()),
            streets=tuple(streets),
            walk_ms=walked,
        )

    def _ids(self, chosen: npt.NDArray[np.int64]) -> list[str]:
        arcs = self.streets.arcs
        tails, heads = arcs.node_id[arcs.tail[chosen]], arcs.node_id[arcs.head[chosen]]
        rows = zip(tails.tolist(), heads.tolist(), arcs.key[chosen].tolist(), strict=True)
        return [f"{u}-{v}-{key}" for u, v, key in rows]

    def _fleet(
        self, sources: tuple[Position, ...], targets: Sequence[Position], weighed: Weighed
    ) -> tuple[Many, Places]:
        """Return sources as columns, from the cache if they are the last ones; snap targets too."""
        known = self._fleets.get(weighed)
        if known is not None and known[0] == sources:
            return known[1], self._places(targets, weighed)
        places = self._places([*sources, *targets], weighed)
        fleet = beginnings_of(places[: len(sources)], self._expanded, weighed)
        self._fleets[weighed] = sources, fleet
        return fleet, places[len(sources) :]

    def _places(self, positions: Sequence[Position], weighed: Weighed) -> Places:
        """Snap positions to the usually open streets, and to others if these are closed now.

        An already snapped position keeps its open places, if it has any.
        """
        places = self._memory.places(positions)
        is_open = weighed.open_arcs[places.arc]
        if is_open.all():
            return places
        some, closed = np.zeros((2, len(positions)), dtype=np.bool_)
        some[places.of[is_open]] = closed[places.of[~is_open]] = True
        given = np.array([isinstance(position, Snapped) for position in positions])
        again = np.flatnonzero(np.where(given, ~some, closed))
        others = self._memory.snapped([positions[i] for i in again.tolist()], weighed.open_arcs)
        return places.replaced(again, others)


def _no_street(position: Position, which: str) -> NoStreetNear:
    lon, lat = lonlat(position)
    return NoStreetNear(
        f"no open street near the {which} {lon:.6f}, {lat:.6f}: check the position and the closures"
    )
