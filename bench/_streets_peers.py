"""Other shortest-path engines, on the nodes and arcs of the same net.

They know no positions, only nodes. Each gets positions that are snapped already: a start is some
nodes with the milliseconds that are left to reach them, an end likewise, and both are joined to
the net for one question. Snapping is in our time and not in theirs.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

import networkx as nx
import numpy as np
import rustworkx
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from bench._streets_net import Floats, Ints

Seeds = Mapping[int, float]
"""Milliseconds by node."""
CLOSED_MS = 1e12
"""An arc that takes longer than any way is not used where there is another."""


class Peer(Protocol):
    """An engine with a weighted net: `tail`, `head`, `ms` of shape (m,)."""

    name: str

    def times(self, seeds: Seeds, nodes: Ints) -> Floats:
        """Return milliseconds from the seeds to each node; inf or `CLOSED_MS` and more if none."""

    def way(self, seeds: Seeds, ends: Seeds) -> tuple[float, list[int]]:
        """Return the quickest way's milliseconds and nodes from the seeds to one of the ends."""

    def reweigh(self, arcs: Ints, ms: Floats) -> None:
        """Change the weights of some arcs."""


class Networkx:
    """Plain NetworkX: Dijkstra in Python over a `DiGraph`."""

    name = "networkx"

    def __init__(self, count: int, tail: Ints, head: Ints, ms: Floats) -> None:
        self._source, self._goal = count, count + 1
        self._tail, self._head, self._ms = tail, head, ms.copy()
        graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        graph.add_nodes_from(range(count))
        rows = zip(tail.tolist(), head.tolist(), range(len(tail)), ms.tolist(), strict=True)
        for u, v, key, weight in rows:
            graph.add_edge(u, v, key, ms=weight)
        self._graph = graph

    def times(self, seeds: Seeds, nodes: Ints) -> Floats:
        """Search once from a node before all seeds."""
        self._graph.add_weighted_edges_from(
            ((self._source, node, ms) for node, ms in seeds.items()), "ms"
        )
        found = nx.single_source_dijkstra_path_length(self._graph, self._source, weight="ms")
        self._graph.remove_node(self._source)
        return np.array([found.get(node, np.inf) for node in nodes.tolist()])

    def way(self, seeds: Seeds, ends: Seeds) -> tuple[float, list[int]]:
        """Search from both sides."""
        graph, source, goal = self._graph, self._source, self._goal
        graph.add_weighted_edges_from(((source, node, ms) for node, ms in seeds.items()), "ms")
        graph.add_weighted_edges_from(((node, goal, ms) for node, ms in ends.items()), "ms")
        length, nodes = nx.bidirectional_dijkstra(graph, source, goal, weight="ms")
        graph.remove_nodes_from([source, goal])
        return length, nodes[1:-1]

    def reweigh(self, arcs: Ints, ms: Floats) -> None:
        """Set the edges' attributes."""
        for arc, weight in zip(arcs.tolist(), ms.tolist(), strict=True):
            self._graph[int(self._tail[arc])][int(self._head[arc])][arc]["ms"] = weight


class Rustworkx:
    """rustworkx: Dijkstra in Rust."""

    name = "rustworkx"

    def __init__(self, count: int, tail: Ints, head: Ints, ms: Floats) -> None:
        self._graph: Any = rustworkx.PyDiGraph(multigraph=True)
        self._graph.add_nodes_from(range(count))
        self._edges = self._graph.add_edges_from(
            list(zip(tail.tolist(), head.tolist(), ms.tolist(), strict=True))
        )

    def times(self, seeds: Seeds, nodes: Ints) -> Floats:
        """Search once from a node before all seeds."""
        source = self._joined(seeds, outwards=True)
        found = dict(rustworkx.dijkstra_shortest_path_lengths(self._graph, source, float).items())
        self._graph.remove_node(source)
        return np.array([found.get(node, np.inf) for node in nodes.tolist()])

    def way(self, seeds: Seeds, ends: Seeds) -> tuple[float, list[int]]:
        """Search until the end is reached."""
        source, goal = self._joined(seeds, outwards=True), self._joined(ends, outwards=False)
        paths = rustworkx.dijkstra_shortest_paths(self._graph, source, goal, weight_fn=float)
        nodes = list(paths[goal])
        steps = pairwise(nodes)
        length = sum(min(self._graph.get_all_edge_data(u, v)) for u, v in steps)
        self._graph.remove_nodes_from([source, goal])
        return length, nodes[1:-1]

    def reweigh(self, arcs: Ints, ms: Floats) -> None:
        """Set the edges' weights."""
        for arc, weight in zip(arcs.tolist(), ms.tolist(), strict=True):
            self._graph.update_edge_by_index(self._edges[arc], weight)

    def _joined(self, seeds: Seeds, *, outwards: bool) -> int:
        one: int = self._graph.add_node(-1)
        for node, ms in seeds.items():
            self._graph.add_edge(*((one, node) if outwards else (node, one)), ms)
        return one


class Scipy:
    """SciPy's `csgraph.dijkstra`, with one more row for the start."""

    name = "scipy"

    def __init__(self, count: int, tail: Ints, head: Ints, ms: Floats) -> None:
        self._count = count
        self._pairs, self._row_of = np.unique(tail * count + head, return_inverse=True)
        self._ms = ms.copy()
        self._starts = np.searchsorted(self._pairs, np.arange(count + 1) * count)
        self._columns = (self._pairs % count).astype(np.int32)
        self._pack()

    def times(self, seeds: Seeds, nodes: Ints) -> Floats:
        """Search once from the row after all others."""
        found: Floats = dijkstra(self._matrix(seeds), indices=self._count)
        return found[nodes]

    def way(self, seeds: Seeds, ends: Seeds) -> tuple[float, list[int]]:
        """Search everything, then go back from the best end."""
        times, before = dijkstra(self._matrix(seeds), indices=self._count, return_predecessors=True)
        node = min(ends, key=lambda end: times[end] + ends[end])
        length = float(times[node] + ends[node])
        nodes = []
        while node != self._count:
            nodes.append(node)
            node = int(before[node])
        return length, nodes[::-1]

    def reweigh(self, arcs: Ints, ms: Floats) -> None:
        """Set weights; parallel arcs are one entry, the quickest."""
        self._ms[arcs] = ms
        self._pack()

    def _pack(self) -> None:
        self._packed = np.full(len(self._pairs), np.inf)
        np.minimum.at(self._packed, self._row_of, self._ms)

    def _matrix(self, seeds: Seeds) -> csr_array:
        columns = np.concatenate([self._columns, np.array(list(seeds), dtype=np.int32)])
        times = np.concatenate([self._packed, np.array(list(seeds.values()), dtype=np.float64)])
        starts = np.append(self._starts, len(columns)).astype(np.int32)
        return csr_array((times, columns, starts), shape=(self._count + 1, self._count + 1))
