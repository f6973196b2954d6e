"""Isochrones: the streets reachable within some minutes, and the area around them.

The streets are exact, by Dijkstra's search over the expanded graph with its turns and closures. The
area is everything within 50 m of reached streets, so it includes houses beside a street.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from shapely.ops import substring

from geo.crs import FloatArray, Metric
from geo.routing.ends import Begin
from geo.routing.expanded import Expanded
from geo.routing.hierarchy import CLOSED
from geo.routing.metrics import Weighed
from geo.streets.columns import Arcs

__all__ = ["Reached", "areas", "reach"]

_BESIDE_M = 50.0
_QUAD_SEGS = 4
_SMALLEST_HOLE_M2 = 20_000.0
_GRID_DEGREES = 1e-8  # a millimetre: no face is thin enough for rounding to invert it


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


def areas(reached: Sequence[Reached], arcs: Arcs, metric: Metric) -> list[shapely.Geometry]:
    """Draw the area within 50 m of reached streets, without holes under 2 hectares.

    Parameters
    ----------
    reached
        Reached parts, each including the one before.
    arcs, metric
        Arcs and projection of the map.

    Returns
    -------
    list of Polygon or MultiPolygon
        WGS-84 degrees, each covering the one before; empty if nothing is reached.
    """
    grown: list[shapely.Geometry] = []
    so_far: shapely.Geometry = shapely.MultiPolygon()
    for part in reached:
        so_far = shapely.union(so_far, _area(part, arcs, metric))
        grown.append(shapely.transform(so_far, _inverse(metric)))
    return _nested(grown)


def _nested(grown: Sequence[shapely.Geometry]) -> list[shapely.Geometry]:
    """Make each area cover the one before exactly, despite the rounding of crossing borders.

    The areas are built from the same faces, so that shared borders have the same points.
    """
    borders = shapely.union_all(shapely.boundary(grown), grid_size=_GRID_DEGREES)
    faces = shapely.get_parts(shapely.polygonize([borders]))
    middles = shapely.point_on_surface(faces)
    chosen = np.zeros(len(faces), dtype=np.bool_)
    nested: list[shapely.Geometry] = []
    for area in grown:
        shapely.prepare(area)
        chosen |= shapely.covers(area, middles)
        some = shapely.coverage_union_all(faces[chosen])
        nested.append(some if chosen.any() else shapely.MultiPolygon())
    return nested


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


def _area(reached: Reached, arcs: Arcs, metric: Metric) -> shapely.Geometry:
    whole = (reached.start <= 0.0) & (reached.end >= 1.0)
    twin = arcs.twin[reached.arc[whole]]
    once = np.unique(np.where(twin < 0, reached.arc[whole], np.minimum(reached.arc[whole], twin)))
    drawn = shapely.transform(arcs.line[once], _forward(metric))
    cut = shapely.transform(arcs.line[reached.arc[~whole]], _forward(metric))
    ends = reached.start[~whole].tolist(), reached.end[~whole].tolist()
    parts = [substring(*part, normalized=True) for part in zip(cut, *ends, strict=True)]
    around = shapely.buffer(np.concatenate([drawn, parts]), _BESIDE_M, quad_segs=_QUAD_SEGS)
    filled = [_without_small_holes(part) for part in shapely.get_parts(shapely.union_all(around))]
    return shapely.union_all(filled)


def _without_small_holes(polygon: shapely.Polygon) -> shapely.Polygon:
    holes = [ring for ring in polygon.interiors if shapely.Polygon(ring).area >= _SMALLEST_HOLE_M2]
    return shapely.Polygon(polygon.exterior, holes)


def _forward(metric: Metric) -> Callable[[FloatArray], FloatArray]:
    return lambda xy: np.column_stack(metric.forward(xy[:, 0], xy[:, 1]))


def _inverse(metric: Metric) -> Callable[[FloatArray], FloatArray]:
    return lambda xy: np.column_stack(metric.inverse(xy[:, 0], xy[:, 1]))
