"""Exact shortest travel times in integer milliseconds over arcs held as arrays.

SciPy's Dijkstra computes with floats, in which integers below 2**53 are exact. So times are exact
and independent of the order of the search. Paths are derived from the times, lowest arc first, and
do not depend on how a heap breaks ties.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geo.crs import FloatArray

__all__ = ["Network", "Weighted"]

IntArray = npt.NDArray[np.int64]


class Network:
    """A network of arcs without weights.

    Parameters
    ----------
    node_count
        Nodes are 0 to node_count - 1.
    tail, head
        Node indices of each arc, shape (m,); loops and parallel arcs are allowed.
    """

    def __init__(self, node_count: int, tail: IntArray, head: IntArray) -> None:
        self.node_count = node_count
        self.tail, self.head = tail, head
        # A backward search goes from an arc's head to its tail, so rows are heads. Parallel arcs
        # are one entry, the fastest, because a sparse matrix cannot distinguish them.
        self._order = np.lexsort((tail, head))
        rows, columns = head[self._order], tail[self._order]
        first = np.ones(len(rows), dtype=np.bool_)
        first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
        self._starts = np.flatnonzero(first)
        self._rows, self._columns = rows[first], columns[first].astype(np.int32)
        self._out = np.argsort(tail, kind="stable")
        self._out_start = np.searchsorted(tail[self._out], np.arange(node_count + 1))

    def out_arcs(self, node: int) -> list[int]:
        """Arcs that leave a node, in order."""
        start, end = self._out_start[node], self._out_start[node + 1]
        arcs: list[int] = self._out[start:end].tolist()
        return arcs

    def weighted(self, ms: FloatArray) -> "Weighted":
        """Give each arc a time: whole milliseconds, or inf if it is closed."""
        if ms.shape != self.tail.shape or not (ms >= 0.0).all():
            raise ValueError("each arc needs a time of at least 0 ms, or inf")
        return Weighted(self, ms)

    def _backwards(self, ms: FloatArray) -> tuple[npt.NDArray[np.int32], FloatArray, IntArray]:
        """Columns, times and row starts of the open arcs, turned round."""
        if not len(ms):
            nothing = np.zeros(self.node_count + 1, dtype=np.int64)
            return np.empty(0, dtype=np.int32), np.empty(0), nothing
        quickest = np.minimum.reduceat(ms[self._order], self._starts)
        usable = np.isfinite(quickest)
        starts = np.searchsorted(self._rows[usable], np.arange(self.node_count + 1))
        return self._columns[usable], quickest[usable], starts


class Weighted:
    """A network with a time for each arc (`ms`, inf if closed); created by `Network.weighted`."""

    def __init__(self, network: Network, ms: FloatArray) -> None:
        self.network, self.ms = network, ms
        self._columns, self._times, self._starts = network._backwards(ms)  # noqa: SLF001 - its part

    def times_to(
        self, nodes: Sequence[int], offsets_ms: Sequence[float], limit_ms: float = math.inf
    ) -> FloatArray:
        """Return the travel time from every node to a goal that is reached from some nodes.

        Parameters
        ----------
        nodes, offsets_ms
            The goal is `offsets_ms[i]` whole milliseconds beyond `nodes[i]`.
        limit_ms
            Times above it may be returned as inf, which is faster.

        Returns
        -------
        array of shape (node_count,)
            Whole milliseconds; inf if there is no open route to the goal.
        """
        n = self.network.node_count
        if not len(nodes):
            return np.full(n, math.inf)
        best: dict[int, float] = {}
        for node, offset in zip(nodes, offsets_ms, strict=True):
            best[node] = min(offset, best.get(node, math.inf))
        # The goal is one more node, n, with arcs of the offsets (a stored zero is an arc to SciPy).
        columns = np.concatenate([self._columns, np.array(list(best), dtype=np.int32)])
        times = np.concatenate([self._times, np.array(list(best.values()))])
        starts = np.append(self._starts, len(columns)).astype(np.int32)
        matrix = csr_array((times, columns, starts), shape=(n + 1, n + 1))
        found: FloatArray = dijkstra(matrix, indices=n, limit=limit_ms)
        return found[:n]

    def follow(
        self, start: int, times: FloatArray, nodes: Sequence[int], offsets_ms: Sequence[float]
    ) -> tuple[list[int], int]:
        """Derive the shortest path from the result of `times_to`; all arcs take at least 1 ms.

        Returns
        -------
        arcs, goal
            Arcs from `start` to `nodes[goal]`. Among equally short paths, the one that ends
            soonest, then the one with the lowest arc at each node.
        """
        path: list[int] = []
        node = start
        while True:
            left = times[node]
            for goal, (at, offset) in enumerate(zip(nodes, offsets_ms, strict=True)):
                if at == node and offset == left:
                    return path, goal
            arc = next(
                a
                for a in self.network.out_arcs(node)
                if self.ms[a] + times[self.network.head[a]] == left
            )
            path.append(arc)
            node = int(self.network.head[arc])
