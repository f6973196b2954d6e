"""The compiled router: exact times and ways under live conditions, in microseconds.

It answers what `NetworkxRouter` does and more, from a contraction hierarchy over the expanded
graph, so banned turns hold and turns and signals cost what the map's `TurnRules` say. What a turn
costs is part of the time of the arc that it leads onto. Without turn rules it gives the same
times as `NetworkxRouter`, to the millisecond.

One `StreetIndex` serves routers of all profiles. Routers may be shared between threads.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import shapely

from geo.city_data import CityData
from geo.conditions import OPEN, Conditions
from geo.crs import FloatArray, utm_for
from geo.ends import Begin, End, Fleet, Spot, begins_at, direct_ms, end_at
from geo.errors import BadConditions, NoStreetNear, UnknownArc, Unreachable
from geo.hierarchy import Path as WayFound
from geo.isochrone import areas, reach
from geo.metrics import Metrics, Weighed
from geo.profiles import PROFILES, Profile
from geo.routing import Position, Route
from geo.snap import Snapped, Snapper
from geo.street_index import StreetIndex
from geo.streets import StreetGraph
from geo.trace import Trace, trace

__all__ = ["CompiledRouter"]

_REMEMBERED = 65_536
_LONGEST_MINUTES = 1_440


@dataclass(slots=True)
class _Asked:
    """What was asked under one metric, so that it need not be looked up again."""

    begins: dict[Position, Begin | None] = field(default_factory=dict)
    fleet: tuple[tuple[Position, ...], Fleet] | None = None


class CompiledRouter:
    """Routes over a `StreetGraph` for one profile.

    Parameters
    ----------
    streets
        The map.
    profile
        A `Profile`, or the name of one of `PROFILES`.
    snapper
        To share one between routers.
    index
        To share one between routers of the same map; compiled here when missing, which takes
        seconds for a large map.
    cache
        Folder that makes compiling quick the next time; see `StreetIndex.of`.

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
    ) -> None:
        self.streets = streets
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.snapper = snapper or Snapper(streets)
        self.index = index or StreetIndex.of(streets, cache=cache)
        self._expanded = self.index.expanded
        self._metrics = Metrics(streets, self._expanded, self.index.hierarchy, self.profile)
        self._usually_open = self._metrics.under(OPEN).open_arcs
        self._snaps: dict[tuple[float, float], Snapped | None] = {}
        self._asked: WeakKeyDictionary[Weighed, _Asked] = WeakKeyDictionary()

    def etas(
        self,
        sources: Sequence[Position],
        target: Position,
        conditions: Conditions = OPEN,
        cutoff_s: float | None = None,
    ) -> list[float]:
        """Travel times from many sources to one target.

        Positions seen before are not snapped again, so a fleet that mostly stands is cheap.

        Returns
        -------
        list of float
            Seconds; inf where no open way leads, no open street is within 300 m of either end, or
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
        """Travel times from each source to each target.

        Returns
        -------
        array of shape (sources, targets)
            Seconds; inf as in `etas`.

        Raises
        ------
        BadCoordinates, UnknownArc, WeightOverflow
        """
        weighed = self._metrics.under(conditions)
        fleet = self._fleet(sources, weighed)
        times = np.full((len(sources), len(targets)), math.inf)
        for column, target in enumerate(self._begins(targets, weighed)):
            if target is not None:
                end = self._end(target, weighed)
                times[:, column] = fleet.ms_to(end, weighed) / 1000.0
        return times

    def nearest(
        self, target: Position, sources: Sequence[Position], k: int, conditions: Conditions = OPEN
    ) -> list[tuple[int, float]]:
        """Find the sources from which a target is reached soonest.

        Returns
        -------
        list of (index, seconds)
            At most `k`, soonest first, the lower index among equals; unreachable ones left out.

        Raises
        ------
        BadCoordinates, UnknownArc, WeightOverflow
        """
        times = self.etas(sources, target, conditions)
        ranked = sorted((seconds, i) for i, seconds in enumerate(times) if math.isfinite(seconds))
        return [(i, seconds) for seconds, i in ranked[: max(k, 0)]]

    def route(self, source: Position, target: Position, conditions: Conditions = OPEN) -> Route:
        """Find the quickest way from a source to a target; for its turns see `geo.steps`.

        Raises
        ------
        NoStreetNear
            One of them is farther than 300 m from every open street.
        Unreachable
            No open way leads from one to the other.
        BadCoordinates, UnknownArc, WeightOverflow
        """
        weighed = self._metrics.under(conditions)
        begin, goal = self._begins([source, target], weighed)
        if begin is None or goal is None:
            raise _no_street(source, "source") if begin is None else _no_street(target, "target")
        end = self._end(goal, weighed)
        pieces = self._pieces(begin, end, weighed)
        if not pieces:
            start, stop = begin.snapped, end.snapped
            raise Unreachable(
                f"no open way leads from {start.lon:.6f}, {start.lat:.6f} to {stop.lon:.6f}, "
                f"{stop.lat:.6f}: check the closures and one-way streets"
            )
        return self._described(pieces, begin.walk_ms + end.walk_ms)

    def isochrone(
        self, source: Position, minutes: Sequence[float], conditions: Conditions = OPEN
    ) -> list[shapely.Geometry]:
        """Draw how far one gets within each of some times; see `geo.isochrone`.

        Returns
        -------
        list of Polygon or MultiPolygon
            WGS-84 degrees, as many as `minutes`; a longer time covers all of a shorter one.

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
        begin = self._begins([source], weighed)[0]
        if begin is None:
            raise _no_street(source, "source")
        rising = sorted(set(minutes))
        limits = [value * 60_000.0 for value in rising]
        reached = reach(begin, self._expanded, weighed, self._metrics.turn_ms, limits)
        nodes = self.streets.nodes
        metric = utm_for(float(nodes.lon.mean()), float(nodes.lat.mean()))
        drawn = dict(zip(rising, areas(reached, self.streets.arcs, metric), strict=True))
        return [drawn[value] for value in minutes]

    def _end(self, place: Begin, weighed: Weighed) -> End:
        return end_at(place.snapped, self._expanded, weighed, self._metrics.turn_ms)

    def _pieces(self, begin: Begin, end: End, weighed: Weighed) -> list[Trace]:
        """Parts of arcs of the quickest way, straight along one lane among equals; none if none."""
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
            return [self._piece(start.lane, start.fraction, goal.fraction, ms)]
        return [] if way is None else self._driven(way, begin, end, weighed)

    def _driven(self, way: WayFound, begin: Begin, end: End, weighed: Weighed) -> list[Trace]:
        expanded = self._expanded
        lanes = expanded.state_lane[way.nodes]
        ms = weighed.metric.weights[way.arcs].tolist()
        first = max(spot for spot in begin.spots if spot.lane == lanes[0])
        last: Spot = end.spot_after[way.nodes[-1]]
        arcs = expanded.lanes.arc[lanes[1:]].tolist()
        against = (lanes[1:] >= len(self.streets.arcs)).tolist()
        pieces = [self._piece(first.lane, first.fraction, 1.0, begin.leaving[first.lane])]
        pieces += [
            Trace(arc, turned, 0.0, 1.0, time)
            for arc, turned, time in zip(arcs, against, ms, strict=True)
        ]
        pieces.append(self._piece(last.lane, 0.0, last.fraction, end.entering[way.nodes[-1]]))
        return _without_empty(pieces)

    def _piece(self, lane: int, start: float, end: float, ms: int) -> Trace:
        against = lane >= len(self.streets.arcs)
        return Trace(int(self._expanded.lanes.arc[lane]), against, start, end, ms)

    def _described(self, pieces: list[Trace], walked: int) -> Route:
        arcs = self.streets.arcs
        chosen = np.array([piece.arc for piece in pieces])
        coordinates, times = trace(pieces, arcs.line)
        streets: list[str] = []
        for piece in pieces:
            names = arcs.names[piece.arc]
            if names and (not streets or streets[-1] != names[0]):
                streets.append(names[0])
        lengths = arcs.length_m[chosen].tolist()
        return Route(
            milliseconds=sum(piece.ms for piece in pieces) + walked,
            metres=sum(
                length * (piece.end - piece.start)
                for length, piece in zip(lengths, pieces, strict=True)
            ),
            coordinates=coordinates,
            times_ms=times,
            arcs=tuple(self._ids(chosen)),
            against=tuple(piece.against for piece in pieces),
            arc_ms=tuple(piece.ms for piece in pieces),
            streets=tuple(streets),
            walk_ms=walked,
        )

    def _ids(self, chosen: npt.NDArray[np.int64]) -> list[str]:
        arcs = self.streets.arcs
        tails, heads = arcs.node_id[arcs.tail[chosen]], arcs.node_id[arcs.head[chosen]]
        rows = zip(tails.tolist(), heads.tolist(), arcs.key[chosen].tolist(), strict=True)
        return [f"{u}-{v}-{key}" for u, v, key in rows]

    def _begins(self, positions: Sequence[Position], weighed: Weighed) -> list[Begin | None]:
        """Describe positions as beginnings, snapped to open streets; None where none is near."""
        asked = self._asked.setdefault(weighed, _Asked())
        known = asked.begins
        keys = [_key(position) for position in positions]
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        if missing:
            if len(known) > _REMEMBERED:
                known = asked.begins = {}  # another thread may still read the old ones
                missing = list(dict.fromkeys(keys))
            snapped = self._snapped(missing, weighed)
            near = [one for one in snapped if one is not None]
            begins = iter(begins_at(near, self._expanded, weighed))
            for key, one in zip(missing, snapped, strict=True):
                known[key] = None if one is None else next(begins)
        return [known[key] for key in keys]

    def _fleet(self, positions: Sequence[Position], weighed: Weighed) -> Fleet:
        """Put beginnings into columns, or remember the last ones."""
        asked = self._asked.setdefault(weighed, _Asked())
        key = tuple(positions)
        last = asked.fleet
        if last is None or last[0] != key:
            last = asked.fleet = key, Fleet.of(self._begins(positions, weighed))
        return last[1]

    def _snapped(self, positions: Sequence[Position], weighed: Weighed) -> list[Snapped | None]:
        """Snap positions to the streets usually open, and to others if those are closed now."""
        fresh = [p for p in positions if not isinstance(p, Snapped) and p not in self._snaps]
        if len(self._snaps) > _REMEMBERED:
            self._snaps = {}
            fresh = [p for p in positions if not isinstance(p, Snapped)]
        snaps = self._snaps
        snaps.update(zip(fresh, self._snap(fresh, self._usually_open), strict=True))
        answers = [p if isinstance(p, Snapped) else snaps[p] for p in positions]
        usable = self._usable(positions, answers, weighed)
        again = [i for i, snapped in enumerate(answers) if snapped is not None and not usable[i]]
        found = self._snap([_lonlat(positions[i]) for i in again], weighed.open_arcs)
        for i, snapped in zip(again, found, strict=True):
            answers[i] = snapped
        return answers

    def _snap(
        self, points: Sequence[tuple[float, float]], open_arcs: npt.NDArray[np.bool_]
    ) -> list[Snapped | None]:
        if not points:
            return []
        lons, lats = zip(*points, strict=True)
        return self.snapper.snap_many(lons, lats, open_arcs=open_arcs)

    def _usable(
        self, positions: Sequence[Position], snapped: Sequence[Snapped | None], weighed: Weighed
    ) -> list[bool]:
        """Whether each need not be snapped again: a given one keeps what is open of it."""
        arcs = np.array([p.arc for s in snapped if s for p in s.places], dtype=np.int64)
        foreign = arcs[(arcs < 0) | (arcs >= len(self.streets.arcs))]
        if foreign.size:
            raise UnknownArc(f"arc {foreign[0]} is not in this street graph: snap the point again")
        is_open = iter(weighed.open_arcs[arcs].tolist())
        answers = []
        for position, one in zip(positions, snapped, strict=True):
            found = [next(is_open) for _ in one.places] if one else []
            answers.append(any(found) if isinstance(position, Snapped) else all(found))
        return answers


def _no_street(position: Position, which: str) -> NoStreetNear:
    lon, lat = _lonlat(position)
    return NoStreetNear(
        f"no open street near the {which} {lon:.6f}, {lat:.6f}: check the position and the closures"
    )


def _key(position: Position) -> Position:
    return position if isinstance(position, Snapped) else _lonlat(position)


def _lonlat(position: Position) -> tuple[float, float]:
    if isinstance(position, Snapped):
        return position.lon, position.lat
    lon, lat = position
    return lon, lat


def _without_empty(pieces: list[Trace]) -> list[Trace]:
    """Leave out ends that drive nothing of their arc, their time given to the piece before."""
    kept: list[Trace] = []
    for piece in pieces:
        if piece.end > piece.start:
            kept.append(piece)
        elif kept:
            kept[-1] = kept[-1]._replace(ms=kept[-1].ms + piece.ms)
    if kept:
        return kept
    return [pieces[0]._replace(ms=sum(piece.ms for piece in pieces))]


def deciding_router(city: CityData, cache: Path | None = None) -> CompiledRouter:
    """Return the router that a city's dispatch decisions are made with.

    Worker and replay both take it from here: with different routers a replay would differ.

    Parameters
    ----------
    cache
        Folder that makes compiling the streets quick the next time.
    """
    return CompiledRouter(city.streets, "emergency", city.snapper, cache=cache)
