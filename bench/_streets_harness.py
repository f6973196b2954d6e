"""The same questions put to our routers and to engines that know only nodes."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from bench._streets_net import Floats, Ints
from bench._streets_peers import CLOSED_MS, Peer
from geo.routing.reference import walk_ms
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapped


@dataclass(frozen=True)
class Ends:
    """Snapped positions as nodes and milliseconds, for sources or for targets."""

    snapped: Sequence[Snapped]
    seeds: list[dict[int, float]]

    @classmethod
    def sources(cls, streets: StreetGraph, snapped: Sequence[Snapped]) -> "Ends":
        """Return what is left of each arc to its head."""
        return cls(snapped, [_seeds(streets, one, source=True) for one in snapped])

    @classmethod
    def targets(cls, streets: StreetGraph, snapped: Sequence[Snapped]) -> "Ends":
        """Return what is to be driven of each arc from its tail."""
        return cls(snapped, [_seeds(streets, one, source=False) for one in snapped])


def etas(backwards: Peer, streets: StreetGraph, units: Ends, target: Ends) -> Floats:
    """Return seconds from units to one target, by one search on the net turned round."""
    rows = [(i, node, ms) for i, seeds in enumerate(units.seeds) for node, ms in seeds.items()]
    nodes = np.array([node for _, node, _ in rows])
    found = backwards.times(target.seeds[0], nodes) + np.array([ms for _, _, ms in rows])
    best = np.full(len(units.seeds), np.inf)
    np.minimum.at(best, [i for i, _, _ in rows], found)
    goal = target.snapped[0]
    for i, snapped in enumerate(units.snapped):
        total = min(best[i], _straight_ms(streets, snapped, goal))
        best[i] = total + walk_ms(snapped) + walk_ms(goal)
    return _seconds(best)


def times_from(forwards: Peer, streets: StreetGraph, unit: Ends, targets: Ends) -> Floats:
    """Return seconds from one unit to many targets, by one search."""
    rows = [(i, node, ms) for i, seeds in enumerate(targets.seeds) for node, ms in seeds.items()]
    nodes = np.array([node for _, node, _ in rows])
    found = forwards.times(unit.seeds[0], nodes) + np.array([ms for _, _, ms in rows])
    best = np.full(len(targets.seeds), np.inf)
    np.minimum.at(best, [i for i, _, _ in rows], found)
    start = unit.snapped[0]
    for i, snapped in enumerate(targets.snapped):
        total = min(best[i], _straight_ms(streets, start, snapped))
        best[i] = total + walk_ms(start) + walk_ms(snapped)
    return _seconds(best)


def route(forwards: Peer, streets: StreetGraph, unit: Ends, target: Ends) -> tuple[float, Floats]:
    """Return seconds and the geometry over the crossings on the way."""
    length, way = forwards.way(unit.seeds[0], target.seeds[0])
    start, goal = unit.snapped[0], target.snapped[0]
    length = min(length, _straight_ms(streets, start, goal))
    nodes = np.array(way, dtype=np.int64)
    geometry = np.column_stack([streets.nodes.lon[nodes], streets.nodes.lat[nodes]])
    return (length + walk_ms(start) + walk_ms(goal)) / 1000.0, geometry


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the milliseconds that a call takes, and its answer."""
    started = time.perf_counter()
    answer = call()
    return (time.perf_counter() - started) * 1000.0, answer


def middle(values: Sequence[float], digits: int = 3) -> float:
    """Return the median, rounded."""
    return round(median(values), digits)


def same(what: str, theirs: Sequence[float] | Floats, ours: Sequence[float] | Floats) -> None:
    """Refuse to publish times of an engine that gives other answers."""
    differ = ~np.isclose(theirs, ours, rtol=0.0, atol=1e-6)
    if differ.any():
        i = int(np.argmax(differ))
        raise AssertionError(
            f"{what}: {int(differ.sum())} of {differ.size} answers differ from ours, "
            f"the first {theirs[i]} and {ours[i]} s"
        )


def weights(streets: StreetGraph) -> Floats:
    """Return the arcs' milliseconds."""
    return streets.arcs.ms.astype(np.float64)


def closing(arcs: Ints) -> Floats:
    """Return weights that close arcs."""
    return np.full(len(arcs), CLOSED_MS)


def _seconds(ms: Floats) -> Floats:
    return np.where(ms >= CLOSED_MS, np.inf, ms) / 1000.0


def _seeds(streets: StreetGraph, snapped: Snapped, *, source: bool) -> dict[int, float]:
    arcs = streets.arcs
    found: dict[int, float] = {}
    for arc, fraction in snapped.places:
        node = int(arcs.head[arc] if source else arcs.tail[arc])
        share = 1.0 - fraction if source else fraction
        ms = float(np.rint(float(arcs.ms[arc]) * share))
        found[node] = min(ms, found.get(node, math.inf))
    return found


def _straight_ms(streets: StreetGraph, start: Snapped, goal: Snapped) -> float:
    """Return the milliseconds along one arc, if both lie on it in that order."""
    there = dict(goal.places)
    return min(
        (
            float(np.rint(float(streets.arcs.ms[arc]) * (there[arc] - fraction)))
            for arc, fraction in start.places
            if arc in there and there[arc] >= fraction
        ),
        default=math.inf,
    )
