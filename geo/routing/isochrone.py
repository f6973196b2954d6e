"""Isochrones: the streets reachable within some minutes.

They are exact, by Dijkstra's search over the expanded graph with its turns and closures.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geo.crs import FloatArray
from geo.routing.ends import Begin
from geo.routing.expanded import Expanded
from geo.routing.hierarchy import CLOSED
from geo.routing.metrics import Weighed

__all__ = ["Reached", "reach"]


class Reached(NamedTuple):
    """Reached parts of arcs, as columns; fractions are in the arc's own direction."""

    arc: npt.NDArray[np.int64]
    start: FloatArray
    end: FloatArray


def reach(
    begin: Begin,
    expanded: Expanded,
    weighed: Weighed,
    turn_ms: npt.NDArray[np.int32],
    limits_ms: Sequence[float],
) -> list[Reached]:
    """Find the parts of arcs reached within each of some times.

    Parameters
    ----------
    begin
        Start of the drive; its walk to the street counts.
    turn_ms
        Cost of each turn; `CLOSED` if it is forbidden.
    limits_ms
        Times, each below 24 days.
    """
    budgets = np.array([limit - begin.walk_ms for limit in limits_ms])
    entered = _entered(begin, expanded, weighed, turn_ms, float(budgets.max(initial=0.0)))
    answers = []
    for budget in budgets.tolist():
        lanes = np.flatnonzero(entered <= budget)
        end = np.minimum((budget - entered[lanes]) / weighed.lane_ms[lanes], 1.0)
        start = np.zeros(len(lanes))
        if budget >= 0.0:
            # The first lanes are driven from somewhere in the middle.
            first = np.array([spot.lane for spot in begin.spots], dtype=np.int64)
            at = np.array([spot.fraction for spot in begin.spots])
            ahead = np.minimum(at + budget / weighed.lane_ms[first], 1.0)
            lanes = np.concatenate([lanes, first])
            start, end = np.concatenate([start, at]), np.concatenate([end, ahead])
        against = lanes >= len(expanded.lanes.against)
        answers.append(
            Reached(
                expanded.lanes.arc[lanes],
                np.where(against, 1.0 - end, start),
                np.where(against, 1.0 - start, end),
            )
        )
    return answers


def _entered(
    begin: Begin,
    expanded: Expanded,
    weighed: Weighed,
    turn_ms: npt.NDArray[np.int32],
    limit_ms: float,
) -> FloatArray:
    """Return when each lane is entered, shape (lanes,); inf if after the limit or never."""
    states = len(expanded.state_lane)
    weights = weighed.metric.weights
    starts = np.searchsorted(expanded.turn_from, np.arange(states + 1))
    # An extra node leads to the first states. Closed turns are heavier than any limit.
    matrix = csr_array(
        (
            np.concatenate([weights, list(begin.leaving.values())]).astype(np.float64),
            np.concatenate([expanded.turn_to, list(begin.leaving)]).astype(np.int32),
            np.append(starts, len(weights) + len(begin.leaving)).astype(np.int32),
        ),
        shape=(states + 1, states + 1),
    )
    left = dijkstra(matrix, indices=states, limit=min(max(limit_ms, 0.0), CLOSED - 1.0))[:states]
    turns = np.flatnonzero(np.isfinite(left[expanded.turn_from]) & (weights != CLOSED))
    entered = np.full(len(expanded.lanes), np.inf)
    lane = expanded.state_lane[expanded.turn_to[turns]]
    np.minimum.at(entered, lane, left[expanded.turn_from[turns]] + turn_ms[turns])
    entered[entered > limit_ms] = np.inf
    return entered
