"""Customizable contraction hierarchies: shortest times over arrays of arcs, in microseconds.

A safe wrapper of RoutingKit's implementation (`routingkit_cch`; Dibbelt, Strasser, Wagner,
"Customizable Contraction Hierarchies", 2016). It adds what the library lacks:

- Ids and weights are checked with NumPy; a Rust panic, which is a BaseException, becomes a
  `HierarchyError`.
- Results are copied, so that none is alive during the next query.
- The library's search objects belong to the thread that created them, and forbid re-weighting while
  they live. Each thread keeps its own; `Metric.reweigh` raises `MetricInUse` while another
  thread's objects live.
- Weights saturate, so a sum never overflows to a small number. Targets farther than `CLOSED`
  (2**31 - 1 ms, 24 days) would look unreachable, so they are detected and refused.
"""

import contextlib
import math
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import routingkit_cch

from geo.crs import FloatArray
from geo.errors import HierarchyError, MetricInUse, WeightOverflow
from geo.routing.unreached import Unreached

__all__ = ["CLOSED", "Hierarchy", "Metric", "Path", "inertial_order"]

IdArray = npt.NDArray[np.uint32]

CLOSED = 2**31 - 1
"""Weight of a closed arc; RoutingKit's infinity."""

# Measured on Luxembourg's 507,976 turns, where a full customization takes 103 ms: one by one, 2,741
# changes all over the country take 78 ms and 4,072 take 108 ms; 54,833 adjacent ones take 72 ms.
# Nodes near each other are near in the order, so the number of touched parts of it is the measure.
_FEW, _FEW_OF = 64, 140
_PARTS, _FEW_PARTS = 512, 96


class Path(NamedTuple):
    """A shortest path: its length with the offsets of both ends, its nodes, its arcs."""

    length: int
    nodes: list[int]
    arcs: list[int]


def inertial_order(
    node_count: int,
    tail: npt.ArrayLike,
    head: npt.ArrayLike,
    lon: npt.ArrayLike,
    lat: npt.ArrayLike,
) -> IdArray:
    """Order nodes for contraction by nested dissection with inertial flow; takes seconds.

    The order affects the speed of queries, and which of several equally short paths is found, but
    never a length. Equal input gives equal output.

    Raises
    ------
    HierarchyError
        Ids are out of range, or arrays do not fit together.
    """
    tail_ids, head_ids = _ids(tail, node_count, "tail"), _ids(head, node_count, "head")
    x, y = np.asarray(lon, dtype=np.float32), np.asarray(lat, dtype=np.float32)
    if x.shape != (node_count,) or y.shape != (node_count,) or not np.isfinite([x, y]).all():
        raise HierarchyError("each node needs a finite longitude and latitude")
    if tail_ids.shape != head_ids.shape:
        raise HierarchyError(f"{tail_ids.size} tails but {head_ids.size} heads")
    if node_count == 0:
        return np.empty(0, dtype=np.uint32)
    with _no_panic("ordering nodes"):
        # The library's stub wants lists, but any sequence works, and arrays need less memory.
        order = routingkit_cch.compute_order_inertial(node_count, tail_ids, head_ids, y, x)  # type: ignore[arg-type]
    return np.array(order, dtype=np.uint32)


class Hierarchy:
    """The topology of arcs, ready for weights; immutable, may be shared between threads.

    Parameters
    ----------
    tail, head
        Node ids of each arc, shape (m,); loops and parallel arcs are allowed.
    order
        All nodes in contraction order, shape (n,); from `inertial_order`.

    Raises
    ------
    HierarchyError
        Ids are out of range, or `order` does not have each node once.
    """

    def __init__(self, tail: npt.ArrayLike, head: npt.ArrayLike, order: npt.ArrayLike) -> None:
        nodes = np.asarray(order)
        self.node_count = nodes.size
        ids = _ids(nodes, self.node_count, "order")
        if (np.bincount(ids, minlength=self.node_count) != 1).any():
            raise HierarchyError("the order does not have each node exactly once: compute it again")
        self.tail = _ids(tail, self.node_count, "tail")
        self.head = _ids(head, self.node_count, "head")
        if self.tail.shape != self.head.shape:
            raise HierarchyError(f"{self.tail.size} tails but {self.head.size} heads")
        rank = np.empty(self.node_count, dtype=np.int64)
        rank[ids] = np.arange(self.node_count)
        self._part = (rank * _PARTS // max(self.node_count, 1)).astype(np.uint16)
        with _no_panic("contracting"):
            self.inner = routingkit_cch.CCH(ids, self.tail, self.head, False)  # type: ignore[arg-type]

    @property
    def arc_count(self) -> int:
        """Number of arcs."""
        return int(self.tail.size)

    def few(self, arcs: IdArray) -> bool:
        """Whether re-weighting these arcs one by one is faster than customizing again."""
        if arcs.size <= max(_FEW, self.arc_count // _FEW_OF):
            return True
        return np.unique(self._part[self.tail[arcs]]).size <= _FEW_PARTS

    def weighted(self, weights: npt.ArrayLike) -> "Metric":
        """Customize for a weight of each arc.

        Parameters
        ----------
        weights
            Shape (m,), integers from 0 to `CLOSED`, which means closed.

        Raises
        ------
        WeightOverflow, HierarchyError
        """
        return Metric(self, weights)


class Metric:
    """A hierarchy with weights; created by `Hierarchy.weighted`.

    Several threads may query it at once. Lengths are exact integers as floats, and inf if there is
    no path.
    """

    def __init__(self, hierarchy: Hierarchy, weights: npt.ArrayLike) -> None:
        self.hierarchy = hierarchy
        self.weights = _weights(weights, hierarchy.arc_count)
        self._lock = threading.Lock()
        self._searches: weakref.WeakSet[_Searches] = weakref.WeakSet()
        self._unreached: Unreached | None = None
        self._hub: int | None = None
        with _no_panic("customizing"):
            self._inner = routingkit_cch.CCHMetric(hierarchy.inner, self.weights)  # type: ignore[arg-type]

    def reweigh(self, arcs: npt.ArrayLike, weights: npt.ArrayLike) -> None:
        """Change weights in place, for the next query.

        Few changes are applied one by one, many by customizing again, whichever is faster.

        Raises
        ------
        MetricInUse
            Another thread has used this metric and may use it again: weigh another one.
        WeightOverflow, HierarchyError
            Nothing has changed.
        """
        ids = _ids(arcs, self.hierarchy.arc_count, "arc")
        values = _weights(weights, ids.size)
        with self._lock:
            _MINE.drop(self)
            if len(self._searches):
                raise MetricInUse("another thread uses this metric: weigh another one")
            ids, last = np.unique(ids[::-1], return_index=True)  # the last word on an arc counts
            values = values[::-1][last]
            changed = self.weights[ids] != values
            ids, values = ids[changed], values[changed]
            self.weights[ids] = values
            self._unreached = None
            with _no_panic("customizing"):
                if self.hierarchy.few(ids):
                    updates = dict(zip(ids.tolist(), values.tolist(), strict=True))
                    updater = routingkit_cch.CCHMetricPartialUpdater(self.hierarchy.inner)
                    updater.apply(self._inner, updates)
                else:
                    self._inner.reset(self.weights)  # type: ignore[arg-type]

    def claim(self) -> None:
        """Forbid other threads to change the weights, until this thread ends or changes them."""
        self._mine()

    def lengths_to(self, sources: Sequence[int], targets: Mapping[int, int]) -> FloatArray:
        """Return lengths from each source to the nearest of several targets, shape (sources,).

        Parameters
        ----------
        sources
            Node ids; a query with the same tuple again is faster.
        targets
            Offset, 0 to `CLOSED` - 1, by node id: the distance of the goal beyond the node.

        Raises
        ------
        HierarchyError
            An id or an offset is out of range.
        WeightOverflow
            The path from a source is longer than 24 days.
        """
        return self._many(sources, targets, backwards=True)

    def lengths_from(self, sources: Mapping[int, int], targets: Sequence[int]) -> FloatArray:
        """Return lengths from the nearest of several sources to each target; see `lengths_to`."""
        return self._many(targets, sources, backwards=False)

    def path(self, sources: Mapping[int, int], targets: Mapping[int, int]) -> Path | None:
        """Find the shortest path from any source to any target, with offsets; None if none.

        Raises
        ------
        HierarchyError, WeightOverflow
        """
        starts, goals = self._ends(sources), self._ends(targets)
        if not starts or not goals:
            return None
        query = self._mine().query()
        with _no_panic("asking for a path"):
            result = query.run_multi(starts, goals)
            length = result.distance
            arcs = result.arc_path
            nodes = [] if arcs else result.node_path
            del result  # while it lives, the library refuses the next query
        if length is None:
            self._check_unreached(sources, targets)
            return None
        if arcs:  # deriving the nodes from them is faster than a query
            graph = self.hierarchy
            nodes = [int(graph.tail[arcs[0]]), *graph.head[arcs].tolist()]
        return Path(length, nodes, arcs)

    def length(self, source: int, target: int) -> float:
        """Return the length of the shortest path from one node to another; inf if there is none.

        Raises
        ------
        HierarchyError, WeightOverflow
        """
        (start, _), (goal, _) = *self._ends({source: 0}), *self._ends({target: 0})
        query = self._mine().query()
        with _no_panic("asking for a length"):
            length = query.run(start, goal).distance
        if length is None:
            self._check_unreached({start: 0}, {goal: 0})
            return math.inf
        return float(length)

    def _many(
        self, pinned: Sequence[int], ends: Mapping[int, int], *, backwards: bool
    ) -> FloatArray:
        pins = pinned if isinstance(pinned, tuple) else tuple(pinned)
        offsets = self._ends(ends)
        if not pins or not offsets:
            return np.full(len(pins), np.inf)
        mine = self._mine()
        with _no_panic("asking for lengths"):
            if backwards:
                answer = mine.to_one(pins).distances_to_multi(offsets)
            else:
                answer = mine.to_many(pins).distances_from_multi(offsets)
        lengths = np.array(answer, dtype=np.float64)  # None becomes NaN
        missing = np.isnan(lengths)
        if missing.any():
            unreached = dict.fromkeys((pins[i] for i in np.flatnonzero(missing).tolist()), 0)
            self._check_unreached(*((unreached, ends) if backwards else (ends, unreached)))
            lengths[missing] = np.inf
        return lengths

    def _ends(self, offsets: Mapping[int, int]) -> list[tuple[int, int]]:
        count = self.hierarchy.node_count
        for node, offset in offsets.items():
            if not (0 <= node < count and 0 <= offset < CLOSED):
                raise HierarchyError(
                    f"node {node} with offset {offset}: nodes are 0 to {count - 1}, offsets 0 to "
                    f"{CLOSED - 1}"
                )
        return list(offsets.items())

    def _mine(self) -> "_Searches":
        """Return this thread's search objects, kept until the metric changes or dies."""
        found = _MINE.find(self)
        if found is None:
            with self._lock:
                found = _Searches(self)
                self._searches.add(found)
                _MINE.keep(self, found)
        return found

    def _check_unreached(self, sources: Mapping[int, int], targets: Mapping[int, int]) -> None:
        """Raise an error if a target that was not found is only too far, not unreachable."""
        if self._unreached is None:
            graph = self.hierarchy
            self._unreached = Unreached(
                graph.node_count,
                graph.tail,
                graph.head,
                self.weights,
                limit=CLOSED,
                hub=self._hub,
            )
        offset = max(*sources.values(), *targets.values())
        overlooked = self._unreached.overlooked(list(sources), list(targets), offset)
        self._hub = self._unreached.hub
        if overlooked:
            raise WeightOverflow(
                f"a route is longer than {CLOSED} ms (24 days): check the travel times and speed "
                "factors"
            )


class _Searches:
    """The library's search objects for one metric and one thread, created on first use."""

    def __init__(self, metric: Metric) -> None:
        self.metric = weakref.ref(metric)
        self._inner = metric._inner  # noqa: SLF001 - its part
        self._node_count = metric.hierarchy.node_count
        self._query: routingkit_cch.CCHQuery | None = None
        self._to_one: tuple[tuple[int, ...], routingkit_cch.CCHManyToOne] | None = None
        self._to_many: tuple[tuple[int, ...], routingkit_cch.CCHOneToMany] | None = None

    def query(self) -> routingkit_cch.CCHQuery:
        if self._query is None:
            self._query = routingkit_cch.CCHQuery(self._inner)
        return self._query

    def to_one(self, sources: tuple[int, ...]) -> routingkit_cch.CCHManyToOne:
        if self._to_one is None:
            search = routingkit_cch.CCHManyToOne(self._inner, self._checked(sources))
            self._to_one = sources, search
        elif self._to_one[0] != sources:
            self._to_one[1].repin_sources(self._checked(sources))
            self._to_one = sources, self._to_one[1]
        return self._to_one[1]

    def to_many(self, targets: tuple[int, ...]) -> routingkit_cch.CCHOneToMany:
        if self._to_many is None:
            search = routingkit_cch.CCHOneToMany(self._inner, self._checked(targets))
            self._to_many = targets, search
        elif self._to_many[0] != targets:
            self._to_many[1].repin_targets(self._checked(targets))
            self._to_many = targets, self._to_many[1]
        return self._to_many[1]

    def _checked(self, nodes: tuple[int, ...]) -> list[int]:
        ids: list[int] = _ids(nodes, self._node_count, "node").tolist()
        return ids


class _Mine(threading.local):
    """A thread's search objects by metric; only the thread drops them: they must die in it."""

    def __init__(self) -> None:
        self._of: dict[int, _Searches] = {}

    def find(self, metric: Metric) -> _Searches | None:
        found = self._of.get(id(metric))
        return found if found is not None and found.metric() is metric else None

    def keep(self, metric: Metric, searches: _Searches) -> None:
        self._of = {key: kept for key, kept in self._of.items() if kept.metric() is not None}
        self._of[id(metric)] = searches

    def drop(self, metric: Metric) -> None:
        if self.find(metric) is not None:
            del self._of[id(metric)]


_MINE = _Mine()


def _ids(values: npt.ArrayLike, count: int, what: str) -> IdArray:
    """Check that values are ids below count."""
    given = np.asarray(values)
    if given.size == 0:
        return np.empty(0, dtype=np.uint32)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise HierarchyError(
            f"{what} ids must be a one-dimensional integer array, not {given.dtype}"
        )
    low, high = int(given.min()), int(given.max())
    if low < 0 or high >= count:
        wrong = low if low < 0 else high
        raise HierarchyError(f"{what} {wrong} is out of range: there are {count}")
    return given.astype(np.uint32, copy=False)


def _weights(values: npt.ArrayLike, count: int) -> IdArray:
    given = np.asarray(values)
    if given.shape != (count,):
        raise HierarchyError(f"weights of shape {given.shape} for {count} arcs: give one per arc")
    if count == 0:
        return np.empty(0, dtype=np.uint32)
    if given.dtype.kind not in "iu":
        raise HierarchyError(f"weights must be integers, not {given.dtype}: round them")
    low, high = int(given.min()), int(given.max())
    if low < 0 or high > CLOSED:
        wrong = low if low < 0 else high
        raise WeightOverflow(
            f"weight {wrong} is not between 0 and {CLOSED} ms (24 days): check the travel times "
            "and speed factors"
        )
    return given.astype(np.uint32)


@contextlib.contextmanager
def _no_panic(doing: str) -> Iterator[None]:
    """Turn a panic of the library, which is not an Exception, into a `HierarchyError`."""
    try:
        yield
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise HierarchyError(f"the routing library failed while {doing}: {error}") from None
