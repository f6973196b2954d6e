"""Proof that what a search calls unreachable is so, and not merely too far for its numbers.

A search that counts up to a limit cannot tell the two apart. Looking at every arc for every
question would be slow, so it is done once for a weighting, from one node in the middle of the net,
the hub: which nodes lead to it, and which it leads to. From the first to the second a way leads
always, over the hub. Any other way stays outside one of the two sets, in dead ends and closed
rings, and where all arcs there together are shorter than the limit, it cannot be too far.
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
    """Nodes that lead to the hub, or that it leads to."""

    joined: npt.NDArray[np.bool_]
    short: bool
    """No way among the others is too long to be found."""


class Unreached:
    """What leads where under one weighting; may be asked from several threads.

    Parameters
    ----------
    node_count, tail, head
        Nodes, and the node ids of each arc, shape (m,).
    weights
        Of each arc, shape (m,); not to be changed while this is used.
    limit
        Weight of a closed arc; ways that long are not found.
    hub
        A node to try first, such as that of an earlier weighting.
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
        """Whether a way leads from a source to a target, given that a search has found none.

        Parameters
        ----------
        sources, targets
            Node ids; none of the targets was found from any of the sources.
        offset
            The largest that a way has at either end.
        """
        with self._lock:
            for backwards, nodes in ((True, sources), (False, targets)):
                side = self._side(backwards=backwards)
                if side.short and offset < self._most and not side.joined[list(nodes)].any():
                    return False
            to_hub, from_hub = self._side(backwards=True), self._side(backwards=False)
        if to_hub.joined[list(sources)].any() and from_hub.joined[list(targets)].any():
            return True
        # Halves of a city that a flood has cut apart are both large: look from the fewer nodes.
        backwards = len(targets) < len(sources)
        begins, ends = (targets, sources) if backwards else (sources, targets)
        wanted = np.zeros(self._count, dtype=np.bool_)
        wanted[list(ends)] = True
        links = self._links(backwards=backwards)
        return any(bool(wanted[_reached(links, node)].any()) for node in begins)

    def _side(self, *, backwards: bool) -> _Side:
        """Look from the hub, and from a better one if much is left outside."""
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
        # A way from a node that does not lead to the hub only ever leaves such nodes; a way to a
        # node that the hub does not lead to only ever enters such nodes.
        aside = ~joined[self._tail if backwards else self._head] & (self._weights < self._limit)
        return _Side(joined, int(self._weights[aside].sum(dtype=np.uint64)) < self._most)

    def _links(self, *, backwards: bool) -> csr_array:
        """Open arcs as a matrix, from head to tail if backwards."""
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
