"""The street graph: a NetworkX `MultiDiGraph` to look at, and its arcs as numpy columns to compute.

The graph has OSMnx's attribute names. Nodes: `x`, `y` (WGS-84 degrees), `highway` (such as
``traffic_signals``), `street_count`. Edges: `osmid`, `name`, `highway`, `oneway`, `reversed`,
`length` (m), `maxspeed`, `speed_kph`, `travel_time` (s), `geometry` (LineString, from u to v).

To change a street graph, change a copy of `.graph` and make a new `StreetGraph` of it.
"""

from __future__ import annotations  # NetworkX's classes take a parameter in stubs only

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry import LineString

from geo.crs import Crs, FloatArray, haversine_m, parse_crs
from geo.errors import BadMap, UnknownArc, UnknownCrs
from geo.speeds import default_kph, parse_maxspeed

__all__ = ["Arcs", "GraphReport", "Nodes", "StreetGraph", "line_length_m"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# A limit on one arc's time keeps every sum of milliseconds far below 2**53, exact in a float.
_LONGEST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Nodes:
    """Crossings and dead ends, ordered by id; all arrays have shape (n,)."""

    id: IntArray
    lon: FloatArray
    lat: FloatArray
    signal: BoolArray
    in_largest: BoolArray
    """In the largest strongly connected part."""


@dataclass(frozen=True, slots=True)
class Arcs:
    """Directed street segments, ordered by (u, v, key); all arrays have shape (m,)."""

    id: tuple[str, ...]
    tail: IntArray
    """Index in `Nodes`, not a node's id."""
    head: IntArray
    length_m: FloatArray
    speed_kph: FloatArray
    ms: IntArray
    """Civilian travel time in milliseconds, at least 1."""
    oneway: BoolArray
    emergency_only: BoolArray
    """Open to emergency vehicles but not to others."""
    twin: IntArray
    """The arc of the same street in the opposite direction, or -1."""
    name: tuple[str, ...]
    """First name, "" if it has none."""
    line: npt.NDArray[np.object_]
    """LineString from tail to head, WGS-84 degrees."""

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True)
class GraphReport:
    """What a map contains and what was wrong with it.

    `largest_nodes` counts the largest strongly connected part, which is reported and not taken;
    `warnings` counts what was mended or left out, by a short sentence.
    """

    nodes: int
    arcs: int
    length_km: float
    signals: int
    components: int
    largest_nodes: int
    warnings: Mapping[str, int]


class StreetGraph:
    """Streets that can be looked at (`graph`), computed with (`nodes`, `arcs`) and named.

    Make one by `StreetGraph.from_networkx`, or by a reader of `geo.load`.
    """

    def __init__(
        self, graph: nx.MultiDiGraph[int], nodes: Nodes, arcs: Arcs, report: GraphReport
    ) -> None:
        self.graph = graph
        self.nodes = nodes
        self.arcs = arcs
        self.report = report
        self._arc_index = {arc_id: i for i, arc_id in enumerate(arcs.id)}
        self._by_name: dict[str, list[int]] = defaultdict(list)
        for i, (_, _, _, data) in enumerate(_sorted_edges(graph)):
            for name in _names(data):
                self._by_name[name.casefold()].append(i)

    @classmethod
    def from_networkx(
        cls, graph: nx.MultiDiGraph[int], warnings: Mapping[str, int] | None = None
    ) -> StreetGraph:
        """Compile a graph with OSMnx's attribute names; the given graph is not changed.

        Missing lengths, speeds, times and geometries are filled in; unusable nodes and arcs are
        left out and counted in the report. A finite `travel_time` or `speed_kph` is believed.

        Parameters
        ----------
        graph
            Node ids are integers; nodes have `x` and `y` in WGS-84 degrees.
        warnings
            Counts that a reader wants added to the report.

        Raises
        ------
        BadMap
            It is not such a graph, or no drivable street is left.
        """
        _check_kind(graph)
        counts = Counter(dict(warnings or {}))
        clean: nx.MultiDiGraph[int] = graph.copy()
        clean.graph["crs"] = "epsg:4326"
        _drop_bad_nodes(clean, counts)
        _fill_edges(clean, counts)
        _drop_duplicates(clean, counts)
        if clean.number_of_edges() == 0:
            raise BadMap(
                "the map has no drivable street: check that it is a street map of the right area"
                + _as_text(counts)
            )
        clean.remove_nodes_from([n for n in clean if clean.degree(n) == 0])
        nodes, arcs, components = _columns(clean)
        _count_streets(clean, arcs, nodes)
        report = GraphReport(
            nodes=len(nodes.id),
            arcs=len(arcs),
            length_km=float(arcs.length_m.sum() / 1000.0),
            signals=int(nodes.signal.sum()),
            components=components,
            largest_nodes=int(nodes.in_largest.sum()),
            warnings=dict(sorted(counts.items())),
        )
        return cls(clean, nodes, arcs, report)

    def arc_index(self, arc_id: str) -> int:
        """Index of an arc in the columns.

        Raises
        ------
        UnknownArc
        """
        try:
            return self._arc_index[arc_id]
        except KeyError:
            raise UnknownArc(
                f"no arc {arc_id!r:.60} in this street graph: ids look like {self.arcs.id[0]!r}"
            ) from None

    def has_arc(self, arc_id: str) -> bool:
        """Whether an id names an arc."""
        return arc_id in self._arc_index

    def arc_line(self, index: int) -> LineString:
        """Shape of an arc from tail to head, WGS-84 degrees."""
        return self.arcs.line[index]

    def arcs_by_name(self, name: str) -> IntArray:
        """Indices of the arcs that bear a name in any language, in order; case does not matter."""
        return np.array(self._by_name.get(name.casefold(), []), dtype=np.int64)

    def names(self) -> list[str]:
        """All street names in all languages, sorted."""
        return sorted({name for _, _, data in self.graph.edges(data=True) for name in _names(data)})

    def both_ways(self, arc_id: str) -> tuple[str, ...]:
        """Ids of an arc and, on a two-way street, of the opposite one; raises UnknownArc."""
        twin = int(self.arcs.twin[self.arc_index(arc_id)])
        return (arc_id,) if twin < 0 else (arc_id, self.arcs.id[twin])


def line_length_m(line: LineString) -> float:
    """Great-circle length in metres of a LineString in WGS-84 degrees."""
    xy = shapely.get_coordinates(line)
    return float(haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1]).sum())


def _check_kind(graph: nx.MultiDiGraph[int]) -> None:
    if not (isinstance(graph, nx.Graph) and graph.is_directed() and graph.is_multigraph()):
        raise BadMap(
            f"a street graph must be a NetworkX MultiDiGraph, not a {type(graph).__name__}: "
            "convert it, giving a two-way street an edge in each direction"
        )
    crs = graph.graph.get("crs", "epsg:4326")
    try:
        good = parse_crs(str(crs)) is Crs.WGS84
    except UnknownCrs:
        good = False
    if not good:
        raise BadMap(f"the map is in {str(crs)[:60]}: convert it to WGS-84 (EPSG:4326) first")
    for node in graph:
        if not isinstance(node, int):
            raise BadMap(f"node id {node!r:.40} is not an integer: relabel the nodes")


def _drop_bad_nodes(graph: nx.MultiDiGraph[int], counts: Counter[str]) -> None:
    bad = []
    for node, data in graph.nodes(data=True):
        x, y = _number(data.get("x")), _number(data.get("y"))
        if x is None or y is None or abs(x) > 180.0 or abs(y) > 90.0:  # noqa: PLR2004
            bad.append(node)
        else:
            data["x"], data["y"] = x, y
    if bad:
        counts["nodes without a usable position left out, with their streets"] += len(bad)
        graph.remove_nodes_from(bad)


def _fill_edges(graph: nx.MultiDiGraph[int], counts: Counter[str]) -> None:
    loops = []
    for u, v, key, data in graph.edges(keys=True, data=True):
        line = _line(graph, u, v, data.get("geometry"), counts)
        length = _number(data.get("length"))
        if length is None or length <= 0.0:
            length = line_length_m(line)
        if length <= 0.0:
            if u == v:
                counts["loops without length left out"] += 1
                loops.append((u, v, key))
                continue
            counts["arcs without length kept as 1 ms"] += 1
        data["geometry"], data["length"] = line, length
        _fill_time(data, counts)
        data["oneway"] = _flag(data.get("oneway", not graph.has_edge(v, u)))
        data["reversed"] = _flag(data.get("reversed", False))
    for u, v, key in loops:
        graph.remove_edge(u, v, key)


def _line(
    graph: nx.MultiDiGraph[int], u: int, v: int, geometry: object, counts: Counter[str]
) -> LineString:
    """Shape of an edge from u to v, a straight line when it has none that is usable."""
    a, b = graph.nodes[u], graph.nodes[v]
    if geometry is None:
        return LineString([(a["x"], a["y"]), (b["x"], b["y"])])
    if not isinstance(geometry, LineString) or geometry.is_empty:
        counts["shapes that are no line replaced by a straight one"] += 1
        return LineString([(a["x"], a["y"]), (b["x"], b["y"])])
    xy = shapely.get_coordinates(geometry)
    if not np.isfinite(xy).all():
        counts["shapes with NaN coordinates replaced by a straight line"] += 1
        return LineString([(a["x"], a["y"]), (b["x"], b["y"])])
    forwards = abs(xy[0, 0] - a["x"]) + abs(xy[0, 1] - a["y"])
    backwards = abs(xy[-1, 0] - a["x"]) + abs(xy[-1, 1] - a["y"])
    if backwards < forwards and u != v:
        counts["shapes drawn against their arc turned round"] += 1
        return shapely.reverse(geometry)
    return geometry


def _fill_time(data: dict[str, Any], counts: Counter[str]) -> None:
    speed = _number(data.get("speed_kph"))
    if speed is None or speed <= 0.0:
        tag = data.get("maxspeed")
        speed = parse_maxspeed(tag)
        if speed is None:
            speed = default_kph(data.get("highway"))
            if tag is None:
                counts["arcs with the speed of their class (no maxspeed)"] += 1
            else:
                counts["arcs with the speed of their class (unreadable maxspeed)"] += 1
    seconds = _number(data.get("travel_time"))
    if seconds is None or seconds <= 0.0:
        seconds = data["length"] / speed * 3.6
    if seconds > _LONGEST_S:
        counts["arcs slower than a day cut to a day"] += 1
        seconds = _LONGEST_S
    data["speed_kph"], data["travel_time"] = speed, seconds


def _drop_duplicates(graph: nx.MultiDiGraph[int], counts: Counter[str]) -> None:
    """Leave out arcs that equal one before in ends, shape and time: they are drawn twice."""
    seen: set[tuple[int, int, float, bytes]] = set()
    twice = []
    for u, v, key, data in _sorted_edges(graph):
        shape = shapely.get_coordinates(data["geometry"]).tobytes()
        mark = (u, v, data["travel_time"], shape)
        # A loop that retraces itself is one street in two directions, not the same one twice.
        if mark in seen and u != v:
            twice.append((u, v, key))
        seen.add(mark)
    if twice:
        counts["duplicate arcs left out"] += len(twice)
        for u, v, key in twice:
            graph.remove_edge(u, v, key)


def _columns(graph: nx.MultiDiGraph[int]) -> tuple[Nodes, Arcs, int]:
    node_ids = sorted(graph)
    at = {node: i for i, node in enumerate(node_ids)}
    edges = _sorted_edges(graph)
    data = [d for _, _, _, d in edges]
    tail = np.array([at[u] for u, _, _, _ in edges], dtype=np.int64)
    head = np.array([at[v] for _, v, _, _ in edges], dtype=np.int64)
    lines = np.empty(len(edges), dtype=object)
    lines[:] = [d["geometry"] for d in data]
    seconds = np.array([d["travel_time"] for d in data], dtype=np.float64)
    names = [_names(d) for d in data]
    arcs = Arcs(
        id=tuple(f"{u}-{v}-{key}" for u, v, key, _ in edges),
        tail=tail,
        head=head,
        length_m=np.array([d["length"] for d in data], dtype=np.float64),
        speed_kph=np.array([d["speed_kph"] for d in data], dtype=np.float64),
        ms=np.maximum(np.rint(seconds * 1000.0), 1.0).astype(np.int64),
        oneway=np.array([d["oneway"] for d in data], dtype=np.bool_),
        emergency_only=np.array([d.get("access") == "emergency" for d in data], dtype=np.bool_),
        twin=_twins(tail, head, lines),
        name=tuple(n[0] if n else "" for n in names),
        line=lines,
    )
    joined = coo_array((np.ones(len(edges)), (tail, head)), shape=(len(node_ids), len(node_ids)))
    components, label = connected_components(joined, directed=True, connection="strong")
    nodes = Nodes(
        id=np.array(node_ids, dtype=np.int64),
        lon=np.array([graph.nodes[n]["x"] for n in node_ids], dtype=np.float64),
        lat=np.array([graph.nodes[n]["y"] for n in node_ids], dtype=np.float64),
        signal=np.array(
            [graph.nodes[n].get("highway") == "traffic_signals" for n in node_ids], dtype=np.bool_
        ),
        in_largest=label == np.argmax(np.bincount(label)),
    )
    return nodes, arcs, int(components)


def _twins(tail: IntArray, head: IntArray, lines: npt.NDArray[np.object_]) -> IntArray:
    """Pair arcs that have the same shape in opposite directions."""
    twin = np.full(len(lines), -1, dtype=np.int64)
    waiting: dict[tuple[int, int, bytes], list[int]] = defaultdict(list)
    for i, (u, v) in enumerate(zip(tail.tolist(), head.tolist(), strict=True)):
        xy = shapely.get_coordinates(lines[i])
        partners = waiting[(v, u, np.ascontiguousarray(xy[::-1]).tobytes())]
        if partners:
            other = partners.pop(0)
            twin[i], twin[other] = other, i
        else:
            waiting[(u, v, xy.tobytes())].append(i)
    return twin


def _count_streets(graph: nx.MultiDiGraph[int], arcs: Arcs, nodes: Nodes) -> None:
    """Set OSMnx's `street_count`: how many streets, of either direction, meet at a node."""
    once = (arcs.twin < 0) | (arcs.twin > np.arange(len(arcs)))
    ends = np.concatenate([arcs.tail[once], arcs.head[once]])
    counts = np.bincount(ends, minlength=len(nodes.id)).tolist()
    for node, count in zip(nodes.id.tolist(), counts, strict=True):
        graph.nodes[node]["street_count"] = count


def _sorted_edges(graph: nx.MultiDiGraph[int]) -> list[tuple[int, int, int, dict[str, Any]]]:
    return sorted(graph.edges(keys=True, data=True), key=lambda edge: edge[:3])


def _names(data: Mapping[str, Any]) -> list[str]:
    """All names of an edge, the local one first, without repetition."""
    found: list[str] = []
    for attribute in ("name", "name:zh", "name:en", "alt_name"):
        value = data.get(attribute)
        for name in value if isinstance(value, list | tuple) else [value]:
            if isinstance(name, str) and name.strip() and name not in found:
                found.append(name)
    return found


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]  # anything may stand in a graph
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _flag(value: object) -> bool:
    if isinstance(value, list | tuple | set):
        return any(_flag(v) for v in value)
    return value in (True, 1, "True", "true", "yes", "1", "-1")


def _as_text(counts: Counter[str]) -> str:
    if not counts:
        return ""
    return " (" + "; ".join(f"{n} {what}" for what, n in sorted(counts.items())) + ")"
