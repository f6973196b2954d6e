"""Shortest paths in metres from lane to lane, within a limit, with a cache.

Map matching needs the same few paths again and again, each a few hundred metres long, so the whole
surroundings of a lane are searched once (like the origin-destination table of Yang and Gidofalvi
2018, "Fast map matching", but built on demand).
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geo.routing.expanded import Lanes
from geo.streets.columns import BoolArray, FloatArray, IntArray
from geo.streets.graph import StreetGraph

__all__ = ["LaneReach"]

_SMALLEST_M: Final = 256.0
_AT_ONCE: Final = 64
_MOST_CELLS: Final = 4_000_000
"""Size of the tables of one search, sources times lanes: 48 MB."""
_MOST_ENTRIES: Final = 5_000_000
"""About 160 MB; beyond it the cache is cleared."""
_U_TURN_M: Final = 50.0
"""Cost of a U-turn, as a detour: drivers do it, but GPS noise looks like it far more often. Our
choice; it must be larger than the error of two fixes."""


class _Reach(NamedTuple):
    """Lanes reached from a lane: in order, with distances from start to start, and predecessors."""

    limit_m: float
    lanes: IntArray
    metres: FloatArray
    seconds: FloatArray
    before: IntArray


class LaneReach:
    """Shortest paths over the lanes of a street graph; not to be shared between threads.

    Parameters
    ----------
    streets
        The map. Banned turns of two arcs are respected, longer banned sequences are not.
    against
        Also drive one-way streets against their direction, and banned turns.
    """

    def __init__(self, streets: StreetGraph, *, against: bool) -> None:
        arcs = streets.arcs
        every = Lanes.of(arcs)
        self.count = len(every) if against else len(arcs)
        self.arc = every.arc[: self.count]
        self.against_of = every.against if against else np.full(len(arcs), -1, dtype=np.int64)
        """For each arc the lane that drives it against its direction, or -1."""
        self.length_m = arcs.length_m[self.arc]
        self.seconds = arcs.ms[self.arc] / 1000.0
        """By the map, as a civilian."""
        start, end = _turns(every.tail[: self.count], every.head[: self.count])
        twin = np.concatenate([arcs.twin, self.arc[len(arcs) :]])
        twin[np.flatnonzero(self.against_of >= 0)] = self.against_of[self.against_of >= 0]
        weight = self.length_m[start] + np.where(twin[start] == end, _U_TURN_M, 0.0)
        if not against:
            allowed = ~_banned(streets, start, end)
            start, end, weight = start[allowed], end[allowed], weight[allowed]
        # Of equal turns, from a loop to itself, one will do; a stored zero is a way to SciPy.
        order = np.lexsort((weight, end, start))
        start, end, weight = start[order], end[order], weight[order]
        first = np.ones(len(start), dtype=np.bool_)
        first[1:] = (np.diff(start) != 0) | (np.diff(end) != 0)
        self._graph = csr_array(
            (weight[first], (start[first], end[first])), shape=(self.count, self.count)
        )
        self._known: dict[int, _Reach] = {}
        self._entries = 0

    def forget_if_full(self) -> None:
        """Keep the cache bounded; afterwards `between` needs paths to be measured again."""
        if self._entries > _MOST_ENTRIES:
            self._known, self._entries = {}, 0

    def ways(
        self, sources: IntArray, targets: IntArray, limit_m: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Measure the shortest path from the start of each source to the start of its target.

        Parameters
        ----------
        sources, targets, limit_m
            Lanes, and the search limit in metres, shape (pairs,).

        Returns
        -------
        metres, seconds
            Shape (pairs,), seconds by the map as a civilian; 0 from a lane to itself, inf if
            there is no path within the limit.
        """
        if not sources.size:
            return np.empty(0), np.empty(0)
        own, row = np.unique(sources, return_inverse=True)
        limits = np.zeros(len(own))
        np.maximum.at(limits, row, limit_m)
        reaches = self._reaches(own, limits)
        key = np.concatenate([r.lanes + i * self.count for i, r in enumerate(reaches)])
        metres = np.concatenate([r.metres for r in reaches])
        seconds = np.concatenate([r.seconds for r in reaches])
        wanted = row * self.count + targets
        at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        known = key[at] == wanted
        return np.where(known, metres[at], np.inf), np.where(known, seconds[at], np.inf)

    def between(self, source: int, target: int) -> list[int]:
        """Return the lanes between two lanes, on the path last measured between them."""
        reach = self._known[source]
        way: list[int] = []
        lane = target
        while lane != source:
            lane = int(reach.before[np.searchsorted(reach.lanes, lane)])
            way.append(lane)
        return way[-2::-1] if way else []

    def _reaches(self, lanes: IntArray, limits: FloatArray) -> list[_Reach]:
        limits = _SMALLEST_M * 2.0 ** np.ceil(np.log2(np.maximum(limits / _SMALLEST_M, 1.0)))
        known = self._known
        todo = [
            (limit, lane)
            for lane, limit in zip(lanes.tolist(), limits.tolist(), strict=True)
            if lane not in known or known[lane].limit_m < limit
        ]
        todo.sort()
        step = max(1, min(_AT_ONCE, _MOST_CELLS // self.count))
        for at in range(0, len(todo), step):
            self._search(todo[at : at + step])
        return [known[lane] for lane in lanes.tolist()]

    def _search(self, todo: list[tuple[float, int]]) -> None:
        limit = todo[-1][0]
        sources = [lane for _, lane in todo]
        metres, before = dijkstra(
            self._graph, indices=sources, limit=limit, return_predecessors=True
        )
        row, lane = np.nonzero(np.isfinite(metres))
        first = np.searchsorted(row, np.arange(len(sources) + 1)).tolist()
        found, back = metres[row, lane], before[row, lane].astype(np.int64)
        seconds = self._seconds_to(row, lane, back)
        for i, source in enumerate(sources):
            part = slice(first[i], first[i + 1])
            self._known[source] = _Reach(limit, lane[part], found[part], seconds[part], back[part])
        self._entries += len(lane)

    def _seconds_to(self, row: IntArray, lane: IntArray, back: IntArray) -> FloatArray:
        """Seconds of the ways that the lanes before tell, by jumps that double in length."""
        key = row * self.count + lane
        ahead = back >= 0  # a source has no lane before it
        to = np.where(ahead, np.searchsorted(key, row * self.count + back), np.arange(len(key)))
        seconds = np.where(ahead, self.seconds[np.maximum(back, 0)], 0.0)
        while (to[to] != to).any():
            seconds += seconds[to]
            to = to[to]
        return seconds + seconds[to]


def _turns(tail: IntArray, head: IntArray) -> tuple[IntArray, IntArray]:
    """Return all pairs of lanes of which the second begins where the first ends."""
    leaving = np.argsort(tail, kind="stable")
    nodes = int(max(tail.max(), head.max())) + 1
    first = np.searchsorted(tail[leaving], np.arange(nodes + 1))
    count = np.diff(first)[head]
    start = np.repeat(np.arange(len(tail)), count)
    place = np.arange(len(start)) - np.repeat(np.cumsum(count) - count, count)
    return start, leaving[first[head[start]] + place]


def _banned(streets: StreetGraph, start: IntArray, end: IntArray) -> BoolArray:
    count = len(streets.arcs)
    pairs = [ban for ban in streets.turns.banned if len(ban) == 2]  # noqa: PLR2004 - at a node
    keys = np.array([a * count + b for a, b in pairs], dtype=np.int64)
    banned: npt.NDArray[np.bool_] = np.isin(start * count + end, keys)
    return banned
