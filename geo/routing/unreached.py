"""Prove that targets a search did not find are unreachable, and not just too far for its numbers.

A search that counts up to a limit cannot distinguish the two. Checking every arc for every query
would be slow, so it is done once per weighting, from one node in the middle of the network, the
hub: which nodes lead to it, and to which nodes it leads. From the first to the second there is
always a path over the hub. Any other path stays outside one of the two sets, in dead ends and
closed rings; if all arcs there together are shorter than the limit, it cannot be too far.
"""

import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

__all__ = ["Unreached"]

IdArray = npt.NDArray[np.uint32]


class _Side(NamedTuple):
    """Nodes that lead to the hub, or to which it leads."""

    joined: npt.NDArray[np.bool_]
    short: bool
    """Whether no path among the other nodes is too long to be found."""


class Unreached:
    """Reachability under one weighting; several threads may query it.

    Parameters
    ----------
    node_count, tail, head
        Nodes, and the node ids of each arc, shape (m,).
    weights
        Weight of each arc, shape (m,); do not change it while this is used.
    limit
        Weight of a closed arc; paths that long are not found.
    hub
        A node to try first, such as the hub of an earlier weighting.
    """

    def __init__(
        self,
        node_count: int,
        tail: IdArray,
        head: IdArray,
        weights: IdArray,
        *,
        limit: int,
        hub: int | None = None,
    ) -> None:
        self._count, self._tail, self._head, self._weights = node_count, tail, head, weights
        self._limit = limit
        self._most = limit // 4  # a quarter for the arcs, a quarter for the offset of each end
        self._central = hub is None
        self.hub = self._middle() if hub is None else hub
        self._sides: dict[bool, _Side] = {}
        self._lock = threading.Lock()  # both sides must be seen from one hub

    def overlooked(self, sources: Sequence[int], targets: Sequence[int], offset: int) -> bool:
        """Whether there is a path from a source to a target, although a search has found none.

        Parameters
        ----------
        sources, targets
            Node ids; none of the targets was found from any of the sources.
        offset
            The largest offset at either end.
        """
        with self._lock:
            for backwards, nodes in ((True, sources), (False, targets)):
                side = self._side(backwards=backwards)
                if side.short and offset < self._most and not side.joined[list(nodes)].any():
                    return False
            to_hub, from_hub = self._side(backwards=True), self._side(backwards=False)
        if to_hub.joined[list(sources)].any() and from_hub.joined[list(targets)].any():
            return True
        # If a flood cuts a city in half, both parts are large: search from fewer nodes.
        backwards = len(targets) < len(sources)
        begins, ends = (targets, sources) if backwards else (sources, targets)
        wanted = np.zeros(self._count, dtype=np.bool_)
        wanted[list(ends)] = True
        links = self._links(backwards=backwards)
        return any(bool(wanted[_reached(links, node)].any()) for node in begins)

    def _side(self, *, backwards: bool) -> _Side:
        """Search from the hub, and from a better one if many nodes are left outside."""
        if backwards not in self._sides:
            side = self._around(backwards=backwards)
            if not side.short and not self._central:
                self.hub, self._central = self._middle(), True
                self._sides.clear()
                side = self._around(backwards=backwards)
            self._sides[backwards] = side
        return self._sides[backwards]

    def _around(self, *, backwards: bool) -> _Side:
        joined = np.zeros(self._count, dtype=np.bool_)
        joined[_reached(self._links(backwards=backwards), self.hub)] = True
        # A path from a node that does not lead to the hub only leaves such nodes; a path to a
        # node to which the hub does not lead only enters such nodes.
        aside = ~joined[self._tail if backwards else self._head] & (self._weights < self._limit)
        return _Side(joined, int(self._weights[aside].sum(dtype=np.uint64)) < self._most)

    def _links(self, *, backwards: bool) -> csr_array:
        """Return open arcs as a matrix, from head to tail if backwards."""
        is_open = self._weights < self._limit
        # The views only rename the bits: ids are below 2**31, and SciPy wants them signed.
        tail, head = (ids[is_open].view(np.int32) for ids in (self._tail, self._head))
        ends = (head, tail) if backwards else (tail, head)
        return csr_array((np.ones(len(tail)), ends), shape=(self._count, self._count))

    def _middle(self) -> int:
        """Return the first node of the largest strongly connected part."""
        label = connected_components(self._links(backwards=False), connection="strong")[1]
        return int(np.argmax(label == np.argmax(np.bincount(label))))


def _reached(links: csr_array, node: int) -> npt.NDArray[np.int32]:
    found: npt.NDArray[np.int32] = breadth_first_order(links, node, return_predecessors=False)
    return found
