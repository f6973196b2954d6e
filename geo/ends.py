"""Where ways begin and end: positions as states of the expanded graph, with partial arcs.

A unit at fraction f of a lane has (1 - f) of the lane's time before it leaves the lane's state. An
incident at fraction g of a lane is reached by a turn into the lane and g of its time; so it ends
at the states before that turn, which also makes going round the block to a place just behind a
way like any other. Forwards along the same lane is a case of its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray
from geo.expanded import Expanded, IntArray
from geo.hierarchy import CLOSED
from geo.metrics import Weighed
from geo.routing import walk_ms
from geo.snap import Snapped

__all__ = ["Begin", "End", "Fleet", "Spot", "begins_at", "direct_ms", "end_at"]


class Spot(NamedTuple):
    """A place on a lane, and how far along it in the direction of driving (0 to 1)."""

    lane: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Begin:
    """Where a way may begin; `leaving` has the milliseconds left on the lane, by its state."""

    snapped: Snapped
    walk_ms: int
    spots: tuple[Spot, ...]
    leaving: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class End:
    """Where a way may end; `entering` has the milliseconds from the end of a state's lane.

    `spot_after` is the spot so reached, by state.
    """

    snapped: Snapped
    walk_ms: int
    spots: tuple[Spot, ...]
    entering: Mapping[int, int]
    spot_after: Mapping[int, Spot]


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Many beginnings in columns; made by `Fleet.of`."""

    begins: Sequence[Begin | None]
    states: tuple[int, ...]
    leaving_ms: FloatArray
    """Shape (states,)."""
    first: IntArray
    """First of the states of each beginning that has any, shape (placed,)."""
    placed: IntArray
    """Indices of these beginnings."""
    walk_ms: FloatArray
    """Shape (begins,)."""
    by_lane: Mapping[int, Sequence[tuple[int, float]]]
    """(index of beginning, fraction) of all that begin on a lane."""

    @classmethod
    def of(cls, begins: Sequence[Begin | None]) -> "Fleet":
        """Put beginnings into columns; None stands for a position without an open street."""
        states: list[int] = []
        leaving: list[int] = []
        first: list[int] = []
        placed: list[int] = []
        by_lane: dict[int, list[tuple[int, float]]] = {}
        for i, begin in enumerate(begins):
            if begin is None or not begin.leaving:
                continue
            first.append(len(states))
            placed.append(i)
            states.extend(begin.leaving)
            leaving.extend(begin.leaving.values())
            for lane, fraction in begin.spots:
                by_lane.setdefault(lane, []).append((i, fraction))
        return cls(
            begins=begins,
            states=tuple(states),
            leaving_ms=np.array(leaving, dtype=np.float64),
            first=np.array(first, dtype=np.int64),
            placed=np.array(placed, dtype=np.int64),
            walk_ms=np.array([0 if b is None else b.walk_ms for b in begins], dtype=np.float64),
            by_lane=by_lane,
        )

    def ms_to(self, end: End, weighed: Weighed) -> FloatArray:
        """Milliseconds from each beginning to an end, walking counted; inf where none leads."""
        total = np.full(len(self.begins), math.inf)
        if self.states:
            lengths = weighed.metric.lengths_to(self.states, end.entering)
            total[self.placed] = np.minimum.reduceat(lengths + self.leaving_ms, self.first)
        for goal in end.spots:
            for i, fraction in self.by_lane.get(goal.lane, ()):
                if fraction <= goal.fraction:
                    straight = direct_ms(Spot(goal.lane, fraction), goal, weighed)
                    total[i] = min(total[i], straight)
        return total + self.walk_ms + end.walk_ms


def begins_at(snapped: Sequence[Snapped], expanded: Expanded, weighed: Weighed) -> list[Begin]:
    """Describe snapped positions as beginnings of ways."""
    begins = []
    for place, spots in zip(snapped, _spots(snapped, expanded, weighed), strict=True):
        leaving: dict[int, int] = {}
        for (lane, fraction), ms in spots:
            left = round(ms * (1.0 - fraction))
            leaving[lane] = min(left, leaving.get(lane, left))
        begins.append(Begin(place, walk_ms(place), tuple(spot for spot, _ in spots), leaving))
    return begins


def end_at(
    snapped: Snapped, expanded: Expanded, weighed: Weighed, turn_ms: npt.NDArray[np.int32]
) -> End:
    """Describe a snapped position as the end of ways; `turn_ms` are the profile's turn costs."""
    (spots,) = _spots([snapped], expanded, weighed)
    entering: dict[int, int] = {}
    spot_after: dict[int, Spot] = {}
    for spot, ms in spots:
        part = round(ms * spot.fraction)
        for turn in expanded.turns_into([spot.lane]).tolist():
            cost = int(turn_ms[turn])
            state = int(expanded.turn_from[turn])
            if cost != CLOSED and cost + part < entering.get(state, CLOSED):
                entering[state] = cost + part
                spot_after[state] = spot
    only = tuple(spot for spot, _ in spots)
    return End(snapped, walk_ms(snapped), only, entering, spot_after)


def direct_ms(start: Spot, goal: Spot, weighed: Weighed) -> int:
    """Milliseconds forwards along one lane."""
    return round(float(weighed.lane_ms[start.lane]) * (goal.fraction - start.fraction))


def _spots(
    snapped: Sequence[Snapped], expanded: Expanded, weighed: Weighed
) -> list[list[tuple[Spot, float]]]:
    """Spots on open lanes, with the lane's time: on open arcs, then these against a one-way."""
    # Looked up for all at once: one by one, NumPy is slow.
    arcs = np.array([place.arc for one in snapped for place in one.places], dtype=np.int64)
    against = expanded.lanes.against[arcs]
    lookup = zip(
        weighed.open_arcs[arcs].tolist(),
        weighed.lane_ms[arcs].tolist(),
        against.tolist(),
        np.where(against >= 0, weighed.lane_ms[against], math.inf).tolist(),
        strict=True,
    )
    answers = []
    for one in snapped:
        spots: list[tuple[Spot, float]] = []
        turned: list[tuple[Spot, float]] = []
        for (arc, fraction), (is_open, ms, back, back_ms) in zip(one.places, lookup, strict=False):
            if is_open:
                spots.append((Spot(arc, fraction), ms))
                if math.isfinite(back_ms):
                    turned.append((Spot(back, 1.0 - fraction), back_ms))
        answers.append(spots + turned)
    return answers
