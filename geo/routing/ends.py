"""Starts and ends of routes: positions as states of the expanded graph, on parts of arcs.

A unit at fraction f of a lane needs (1 - f) of the lane's time to leave the lane's state. An
incident at fraction g of a lane is reached by a turn into the lane and g of its time. So a route
ends in the states before that turn; driving around the block to a place just behind is then an
ordinary route. Driving forwards along the same lane is a special case.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray
from geo.routing.expanded import Expanded, IntArray
from geo.routing.hierarchy import CLOSED
from geo.routing.metrics import Weighed
from geo.routing.snap_memory import Places

__all__ = [
    "Begin",
    "End",
    "Many",
    "Spot",
    "begin_at",
    "beginnings_of",
    "direct_ms",
    "end_at",
    "ends_of",
]


class Spot(NamedTuple):
    """A place on a lane, and how far along it in the direction of driving (0 to 1)."""

    lane: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Begin:
    """Possible start of a route; `leaving` has the milliseconds left on the lane, by its state."""

    walk_ms: float
    spots: tuple[Spot, ...]
    leaving: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class End:
    """Possible end of a route; `entering` has the milliseconds from the end of a state's lane.

    `spot_after` is the spot reached from each state.
    """

    walk_ms: float
    spots: tuple[Spot, ...]
    entering: Mapping[int, int]
    spot_after: Mapping[int, Spot]


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """Many starts, or many ends, as columns; created by `beginnings_of` and `ends_of`."""

    states: tuple[int, ...]
    """States where routes start or end, position by position."""
    offset_ms: FloatArray
    """Time on the way's own lane there, shape (states,), as in `Begin.leaving`, `End.entering`."""
    first: IntArray
    """First of the states of each position that has any, shape (placed,)."""
    placed: IntArray
    """Indices of these positions."""
    walk_ms: FloatArray
    """Shape (positions,)."""
    spot_of: IntArray
    """Index of the position that each spot belongs to, shape (spots,)."""
    lane: IntArray
    fraction: FloatArray

    def ms_to(self, end: End, weighed: Weighed) -> FloatArray:
        """Return milliseconds from each start to an end, with walking; inf if there is no route."""
        total = self._best(weighed.metric.lengths_to(self.states, end.entering))
        for lane, fraction in end.spots:
            on = np.flatnonzero(self.lane == lane)
            self._straight(total, on, fraction - self.fraction[on], weighed)
        return total + self.walk_ms + end.walk_ms

    def ms_from(self, begin: Begin, weighed: Weighed) -> FloatArray:
        """Return milliseconds from a start to each end, with walking; inf if there is no route."""
        total = self._best(weighed.metric.lengths_from(begin.leaving, self.states))
        for lane, fraction in begin.spots:
            on = np.flatnonzero(self.lane == lane)
            self._straight(total, on, self.fraction[on] - fraction, weighed)
        return total + self.walk_ms + begin.walk_ms

    def _best(self, lengths: FloatArray) -> FloatArray:
        """Return the shortest route of each position."""
        total = np.full(len(self.walk_ms), math.inf)
        if len(lengths):
            total[self.placed] = np.minimum.reduceat(lengths + self.offset_ms, self.first)
        return total

    def _straight(
        self, total: FloatArray, on: IntArray, share: FloatArray, weighed: Weighed
    ) -> None:
        """Use a part of the lane forwards if that is faster, for spots on one lane."""
        ahead = share >= 0.0
        on = on[ahead]
        ms = np.rint(weighed.lane_ms[self.lane[on]] * share[ahead])
        np.minimum.at(total, self.spot_of[on], ms)


def beginnings_of(places: Places, expanded: Expanded, weighed: Weighed) -> Many:
    """Return positions as starts, in columns."""
    spots = _spots(places, expanded, weighed)
    left = np.rint(weighed.lane_ms[spots.lane] * (1.0 - spots.fraction))
    return _many(places, spots, spots.of, spots.lane, left)


def ends_of(
    places: Places, expanded: Expanded, weighed: Weighed, turn_ms: npt.NDArray[np.int32]
) -> Many:
    """Return positions as ends, in columns; `turn_ms` are the profile's turn costs."""
    spots = _spots(places, expanded, weighed)
    part = np.rint(weighed.lane_ms[spots.lane] * spots.fraction)
    turns, spot = expanded.turns_into_each(spots.lane)
    allowed = turn_ms[turns] != CLOSED
    turns, spot = turns[allowed], spot[allowed]
    entering = turn_ms[turns] + part[spot]
    return _many(places, spots, spots.of[spot], expanded.turn_from[turns], entering)


def begin_at(places: Places, i: int, expanded: Expanded, weighed: Weighed) -> Begin:
    """Return one of some positions as the start of routes."""
    spots = _spots_at(places, i, expanded, weighed)
    leaving: dict[int, int] = {}
    for (lane, fraction), ms in spots:
        left = round(ms * (1.0 - fraction))
        leaving[lane] = min(left, leaving.get(lane, left))
    return Begin(float(places.walk_ms[i]), tuple(spot for spot, _ in spots), leaving)


def end_at(
    places: Places,
    i: int,
    expanded: Expanded,
    weighed: Weighed,
    turn_ms: npt.NDArray[np.int32],
) -> End:
    """Return one of some positions as the end of routes; `turn_ms` as in `ends_of`."""
    spots = _spots_at(places, i, expanded, weighed)
    entering: dict[int, int] = {}
    spot_after: dict[int, Spot] = {}
    for spot, ms in spots:
        part = round(ms * spot.fraction)
        for turn in expanded.turns_into(spot.lane).tolist():
            cost = int(turn_ms[turn])
            state = int(expanded.turn_from[turn])
            if cost != CLOSED and cost + part < entering.get(state, CLOSED):
                entering[state] = cost + part
                spot_after[state] = spot
    only = tuple(spot for spot, _ in spots)
    return End(float(places.walk_ms[i]), only, entering, spot_after)


def direct_ms(start: Spot, goal: Spot, weighed: Weighed) -> int:
    """Return milliseconds forwards along one lane."""
    return round(float(weighed.lane_ms[start.lane]) * (goal.fraction - start.fraction))


class _Spots(NamedTuple):
    """Spots on open lanes as columns, ordered by the index of their position."""

    of: IntArray
    lane: IntArray
    fraction: FloatArray


def _spots(places: Places, expanded: Expanded, weighed: Weighed) -> _Spots:
    """Spots of all positions: of each on open arcs, then these against a one-way street."""
    is_open = weighed.open_arcs[places.arc]
    of, arc, fraction = places.of[is_open], places.arc[is_open], places.fraction[is_open]
    against = expanded.lanes.against[arc]
    turned = (against >= 0) & np.isfinite(weighed.lane_ms[against])
    of = np.concatenate([of, of[turned]])
    lane = np.concatenate([arc, against[turned]])
    fraction = np.concatenate([fraction, 1.0 - fraction[turned]])
    order = np.argsort(of, kind="stable")
    return _Spots(of[order], lane[order], fraction[order])


def _spots_at(
    places: Places, i: int, expanded: Expanded, weighed: Weighed
) -> list[tuple[Spot, float]]:
    """Spots of one position, with the lane's time; for so few, NumPy would be slow."""
    spots: list[tuple[Spot, float]] = []
    turned: list[tuple[Spot, float]] = []
    for arc, fraction in places.at(i):
        if weighed.open_arcs[arc]:
            spots.append((Spot(arc, fraction), float(weighed.lane_ms[arc])))
            back = int(expanded.lanes.against[arc])
            if back >= 0 and math.isfinite(weighed.lane_ms[back]):
                turned.append((Spot(back, 1.0 - fraction), float(weighed.lane_ms[back])))
    return spots + turned


def _many(
    places: Places,
    spots: _Spots,
    of: IntArray,
    states: npt.NDArray[Any],
    offset_ms: FloatArray,
) -> Many:
    """Group states by their position, in order."""
    new = np.ones(len(of), dtype=np.bool_)
    np.not_equal(of[1:], of[:-1], out=new[1:])
    first = np.flatnonzero(new)
    return Many(
        states=tuple(states.tolist()),
        offset_ms=offset_ms,
        first=first,
        placed=of[first],
        walk_ms=places.walk_ms,
        spot_of=spots.of,
        lane=spots.lane,
        fraction=spots.fraction,
    )
