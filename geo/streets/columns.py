"""Nodes and arcs of a street graph as NumPy columns, with derived columns."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.crs import FloatArray
from geo.streets.by_hour import ByHour
from geo.streets.lines import Lines
from geo.streets.signals import facing

__all__ = ["Arcs", "BoolArray", "FloatArray", "IntArray", "Nodes", "columns", "shared", "straight"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Nodes:
    """Crossings and dead ends, ordered by id; all arrays have shape (n,)."""

    id: IntArray
    lon: FloatArray
    lat: FloatArray
    signal: BoolArray
    in_largest: BoolArray
    """Whether it is in the largest strongly connected part."""
    street_count: IntArray
    """Number of streets, of either direction, that meet here."""


@dataclass(frozen=True, eq=False)
class Arcs:
    """Directed street segments, ordered by (u, v, key); all arrays have shape (m,)."""

    node_id: IntArray
    """Ids of nodes, as in `Nodes`."""
    tail: IntArray
    """Index in `Nodes`, not a node's id."""
    head: IntArray
    key: IntArray
    length_m: FloatArray
    speed_kph: FloatArray
    ms: IntArray
    """Civilian travel time in milliseconds, at least 1."""
    lanes: IntArray
    """Lanes in the direction of the arc, at least 1; see `geo.streets.lanes`."""
    oneway: BoolArray
    emergency_only: BoolArray
    """Open to emergency vehicles only."""
    signalled: BoolArray
    """The driver faces a signal at the head."""
    twin: IntArray
    """The arc of the same street in the opposite direction, or -1."""
    names: tuple[tuple[str, ...], ...]
    """All names in all languages, the local one first."""
    line: Lines
    """LineStrings from tail to head, WGS-84 degrees; created on demand."""
    carried: BoolArray
    """Ferries and car trains: their time is the timetable's, nothing starts or ends on them."""
    limits: Mapping[str, FloatArray] = field(default_factory=dict)
    """Largest vehicle, by size (`geo.streets.limits.SIZES`), inf without a limit; only sizes that
    any arc limits."""
    by_hour: ByHour | None = None
    """What signs change by the hour of the week, if any do."""

    def __len__(self) -> int:
        return len(self.tail)

    @cached_property
    def id(self) -> tuple[str, ...]:
        """Ids of all arcs."""
        ends = self.node_id[self.tail].tolist(), self.node_id[self.head].tolist()
        return tuple(f"{u}-{v}-{key}" for u, v, key in zip(*ends, self.key.tolist(), strict=True))

    @cached_property
    def name(self) -> tuple[str, ...]:
        """First name of each arc, "" if it has none."""
        return tuple(names[0] if names else "" for names in self.names)


def columns(
    *,
    node_id: IntArray,
    lon: FloatArray,
    lat: FloatArray,
    signal: BoolArray,
    tail: IntArray,
    head: IntArray,
    key: IntArray | None,
    length_m: FloatArray,
    speed_kph: FloatArray,
    ms: IntArray,
    lanes: IntArray,
    oneway: BoolArray | None,
    emergency_only: BoolArray,
    stated: npt.NDArray[np.int8],
    names: tuple[tuple[str, ...], ...],
    line: Lines,
    carried: BoolArray | None = None,
    limits: Mapping[str, FloatArray] | None = None,
    by_hour: ByHour | None = None,
) -> tuple[Nodes, Arcs, tuple[int, ...]]:
    """Add to columns what follows from them; arcs are ordered by (tail, head, key).

    Parameters
    ----------
    key
        None to number arcs of the same ends.
    oneway
        None to take arcs without an opposite one for one-way.
    carried, limits, by_hour
        By default no arc is a ferry, none limits the size of vehicles, and no sign depends on the
        hour.
    stated
        What the map itself says of signals, see `geo.streets.signals.facing`.

    Returns
    -------
    nodes, arcs, components
        With the number of nodes of each strongly connected part, the largest first.
    """
    twin = _twins(tail, head, line)
    once = (twin < 0) | (twin > np.arange(len(tail)))
    ends = np.concatenate([tail[once], head[once]])
    street_count = np.bincount(ends, minlength=len(node_id)).astype(np.int64)
    joined = coo_array((np.ones(len(tail)), (tail, head)), shape=(len(node_id), len(node_id)))
    _, label = connected_components(joined, directed=True, connection="strong")
    sizes = np.bincount(label)
    nodes = Nodes(
        id=node_id,
        lon=lon,
        lat=lat,
        signal=signal,
        in_largest=label == np.argmax(sizes),
        street_count=street_count,
    )
    arcs = Arcs(
        node_id=node_id,
        tail=tail,
        head=head,
        key=_keys(tail, head) if key is None else key,
        length_m=length_m,
        speed_kph=speed_kph,
        ms=ms,
        lanes=lanes,
        oneway=twin < 0 if oneway is None else oneway,
        emergency_only=emergency_only,
        signalled=facing(
            signal=signal,
            street_count=street_count,
            tail=tail,
            head=head,
            twin=twin,
            length_m=length_m,
            stated=stated,
        ),
        twin=twin,
        names=names,
        line=line,
        carried=np.zeros(len(tail), dtype=np.bool_) if carried is None else carried,
        limits=limits or {},
        by_hour=by_hour,
    )
    return nodes, arcs, tuple(np.sort(sizes)[::-1].tolist())


def straight(lon: FloatArray, lat: FloatArray, tail: IntArray, head: IntArray) -> Lines:
    """Straight lines between nodes."""
    xy = np.empty((2 * len(tail), 2))
    xy[0::2] = np.column_stack([lon[tail], lat[tail]])
    xy[1::2] = np.column_stack([lon[head], lat[head]])
    return Lines(xy, np.arange(0, len(xy) + 1, 2, dtype=np.int64))


def shared(names: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Equal tuples as the same object: the arcs of a street bear one."""
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    return tuple(known.setdefault(found, found) for found in names)


def _keys(tail: IntArray, head: IntArray) -> IntArray:
    """Number sorted arcs of the same ends."""
    new = np.ones(len(tail), dtype=np.bool_)
    new[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    start = np.flatnonzero(new)
    keys: IntArray = np.arange(len(tail)) - start[np.cumsum(new) - 1]
    return keys


def _twins(tail: IntArray, head: IntArray, line: Lines) -> IntArray:
    """Pair arcs that have the same shape in opposite directions."""
    twin = np.full(len(tail), -1, dtype=np.int64)
    count = int(max(tail.max(), head.max())) + 1
    # Only arcs whose ends are those of another arc, the other way round, can have a twin.
    there = tail * count + head
    mates = np.flatnonzero(np.isin(there, head * count + tail))
    forwards, backwards = line.xy.tobytes(), line.reversed_xy().tobytes()
    row = 2 * line.xy.itemsize
    waiting: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for i, start, end, here, back in zip(
        mates.tolist(),
        (line.first[mates] * row).tolist(),
        (line.first[mates + 1] * row).tolist(),
        there[mates].tolist(),
        (head * count + tail)[mates].tolist(),
        strict=True,
    ):
        partners = waiting.get((back, backwards[start:end]))
        if partners:
            other = partners.pop(0)
            twin[i], twin[other] = other, i
        else:
            waiting[here, forwards[start:end]].append(i)
    return twin
