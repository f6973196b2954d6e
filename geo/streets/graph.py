"""The street graph: a NetworkX `MultiDiGraph` to inspect, and numpy columns to compute with.

The graph has OSMnx's attribute names. Nodes: `x`, `y` (WGS-84 degrees), `highway` (such as
``traffic_signals``), `street_count`. Edges: `osmid`, `name`, `highway`, `oneway`, `reversed`,
`length` (m), `maxspeed`, `speed_kph`, `travel_time` (s), `geometry` (LineString, from u to v).
Further edge attributes: `lanes` (of both directions), `lanes:forward` and `lanes:backward`,
`access` (``emergency`` for arcs closed to other vehicles), `route` (``ferry`` or
``shuttle_train`` for arcs that carry vehicles), `maxheight`, `maxwidth`, `maxweight`,
`maxlength`, `closed_hours` and `kph_hours` (see `geo.streets.by_hour`), `barrier`, and, if the map
has it, `signal` (whether the driver faces the signal at v).
Graph: `restrictions`, `unresolved_restrictions` (see `geo.maps.restrictions`), `driving_side`
(``left`` or ``right``) and `driving_side_by` (what says so), and from when the map was first read
`warnings` (repairs and omissions), `warning_examples` and `survey` (what was read, and what was
left out on purpose).

To change a street graph, change a copy of `.graph` and make a new `StreetGraph` from it.
"""

from __future__ import annotations  # NetworkX's classes take a parameter in stubs only

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np
import shapely
from shapely.geometry import LineString

from geo.crs import check_lonlat, haversine_m
from geo.errors import BadMap, UnknownArc
from geo.streets.by_hour import ByHour
from geo.streets.clean import LONGEST_S, Cleaned, as_text, check_kind, clean, clean_restrictions
from geo.streets.columns import (
    Arcs,
    BoolArray,
    FloatArray,
    IntArray,
    Nodes,
    columns,
    shared,
    straight,
)
from geo.streets.lanes import lanes_of
from geo.streets.limits import LIMITS, limits_of
from geo.streets.lines import Lines
from geo.streets.notes import Notes
from geo.streets.turns import OSRM_CAR, Restriction, TurnRules, banned_of, headings

__all__ = ["Arcs", "GraphReport", "Nodes", "Notice", "StreetGraph", "line_length_m"]

_JUNCTION_STREETS = 3
_COMPONENTS_TOLD = 10
_HALF_ROUND_DEGREES = 180.0
_CARRIERS = ("ferry", "shuttle_train")
_ARC_ID = re.compile(r"(-?\d{1,19})-(-?\d{1,19})-(-?\d{1,19})")


@dataclass(frozen=True, slots=True)
class Notice:
    """How many there are, and the ids of the first few."""

    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GraphReport:
    """The contents of a map, and its problems.

    `largest_nodes` counts the largest strongly connected part (only reported, the others are kept
    too); `warnings` counts repairs and omissions, by a short sentence. `restrictions` counts turn
    restrictions in force, `unresolved` names the others, as (id, kind, reason).
    """

    nodes: int
    arcs: int
    length_km: float
    signals: int
    components: int
    largest_nodes: int
    warnings: Mapping[str, int]
    restrictions: int = 0
    unresolved: tuple[tuple[str, str, str], ...] = ()
    largest_components: tuple[int, ...] = ()
    """Crossings of the largest strongly connected parts, at most ten, in order."""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of the first few of each of `warnings`, if they are known."""
    read: Mapping[str, Notice] = field(default_factory=dict)
    """What the reader took from the map, by a short sentence."""
    left_out: Mapping[str, Notice] = field(default_factory=dict)
    """What it left out on purpose, since it is not for vehicles."""


class StreetGraph:
    """Streets to inspect (`graph`), to compute with (`nodes`, `arcs`) and to find by name.

    Create one with `StreetGraph.from_networkx`, `StreetGraph.from_arrays`, or a reader in
    `geo.maps.load`.
    """

    def __init__(
        self,
        nodes: Nodes,
        arcs: Arcs,
        report: GraphReport,
        attributes: Mapping[str, Any],
        make_graph: Callable[[StreetGraph], nx.MultiDiGraph[int]],
    ) -> None:
        self.nodes = nodes
        self.arcs = arcs
        self.report = report
        self.attributes = attributes
        """The graph's attributes: `restrictions`, `driving_side` and any others."""
        self._make_graph = make_graph

    @classmethod
    def from_networkx(
        cls, graph: nx.MultiDiGraph[int], warnings: Mapping[str, int] | None = None
    ) -> StreetGraph:
        """Compile a graph with OSMnx's attribute names; the given graph is not changed.

        Missing lengths, speeds, times and geometries are filled in; unusable nodes and arcs are
        left out and counted in the report. A finite `travel_time` or `speed_kph` is used as given.

        Parameters
        ----------
        graph
            Node ids are integers; nodes have `x` and `y` in WGS-84 degrees.
        warnings
            Counts of a reader, to add to the report; `Notes` with their examples.

        Raises
        ------
        BadMap
            The graph is not of this form, or no drivable street is left.
        """
        check_kind(graph)
        counts = Notes(warnings, warnings.examples if isinstance(warnings, Notes) else None)
        cleaned = clean(graph, counts)
        if not cleaned.edges:
            raise BadMap(
                "the map has no drivable street: check that it is a street map of the right area"
                + as_text(counts)
            )
        xs = [d["x"] for _, d in cleaned.nodes]
        if max(xs) - min(xs) > _HALF_ROUND_DEGREES:
            raise BadMap(
                f"the map reaches from {min(xs):.2f} to {max(xs):.2f} degrees of longitude: if it "
                "lies across the 180th meridian, cut it there and read the larger part"
            )
        attributes: dict[str, Any] = graph.graph | {"crs": "epsg:4326"}
        if "restrictions" in attributes:
            found = clean_restrictions(attributes["restrictions"], cleaned, counts)
            attributes["restrictions"] = found
        # A map that is saved and read again still reports the repairs of the first time.
        earlier = attributes.get("warnings")
        for what, n in earlier.items() if isinstance(earlier, dict) else ():
            counts[str(what)] = max(counts[str(what)], n if isinstance(n, int) else 1)
        earlier = attributes.get("warning_examples")
        for what, ids in earlier.items() if isinstance(earlier, dict) else ():
            if isinstance(ids, list | tuple):
                counts.examples.setdefault(str(what), [str(id_) for id_ in ids])
        attributes["warnings"] = {what: n for what, n in sorted(counts.items()) if n}
        examples = {what: ids for what, ids in sorted(counts.examples.items()) if ids}
        if examples:
            attributes["warning_examples"] = examples
        ids, tail, head = _ends(cleaned)
        data = [d for _, _, _, d in cleaned.edges]
        seconds = np.array([d["travel_time"] for d in data], dtype=np.float64)
        stated = [d.get("signal") for d in data]
        nodes, arcs, components = columns(
            node_id=ids,
            lon=np.array([d["x"] for _, d in cleaned.nodes], dtype=np.float64),
            lat=np.array([d["y"] for _, d in cleaned.nodes], dtype=np.float64),
            signal=np.array([d.get("highway") == "traffic_signals" for _, d in cleaned.nodes]),
            tail=tail,
            head=head,
            key=np.array([key for _, _, key, _ in cleaned.edges], dtype=np.int64),
            length_m=np.array([d["length"] for d in data], dtype=np.float64),
            speed_kph=np.array([d["speed_kph"] for d in data], dtype=np.float64),
            ms=np.maximum(np.rint(seconds * 1000.0), 1.0).astype(np.int64),
            lanes=np.array([lanes_of(d) for d in data], dtype=np.int64),
            oneway=np.array([d["oneway"] for d in data], dtype=np.bool_),
            emergency_only=np.array([d.get("access") == "emergency" for d in data]),
            stated=np.array([-1 if s is None else bool(s) for s in stated], dtype=np.int8),
            names=shared([_names(d) for d in data]),
            line=cleaned.shapes,
            carried=np.array([d.get("route") in _CARRIERS for d in data]),
            limits=limits_of(data),
            by_hour=ByHour.of(data),
        )
        report = _report(nodes, arcs, components, counts, attributes)
        return cls(nodes, arcs, report, attributes, _FromEdges(cleaned))

    @classmethod
    def from_arrays(
        cls,
        *,
        lon: FloatArray,
        lat: FloatArray,
        tail: IntArray,
        head: IntArray,
        speed_kph: FloatArray,
        node_id: IntArray | None = None,
        signal: BoolArray | None = None,
        line: Lines | None = None,
        length_m: FloatArray | None = None,
        ms: IntArray | None = None,
        lanes: IntArray | None = None,
        emergency_only: BoolArray | None = None,
        names: Sequence[tuple[str, ...]] | None = None,
    ) -> StreetGraph:
        """Make a street graph from clean columns, without a NetworkX graph in between.

        For large networks: a million arcs take about 200 MB, and their graph four times as much;
        `.graph` is only built on demand.

        Parameters
        ----------
        lon, lat, signal, node_id
            Columns of nodes, shape (n,); ids ascend, and are 0 to n - 1 by default.
        tail, head
            Indices of nodes, shape (m,).
        line
            Shapes from tail to head; straight by default.
        length_m, ms
            By default computed from shapes and speeds.
        lanes
            Lanes in the direction of each arc, at least 1; one by default.
        names
            All names of each arc, shape (m,).

        Raises
        ------
        BadMap
            There is no arc, an arc has no valid node, or a length, speed or time is invalid; no
            arc may take more than a day.
        BadCoordinates
        """
        check_lonlat(lon, lat)
        count, arcs_count = len(lon), len(tail)
        ids = np.arange(count, dtype=np.int64) if node_id is None else node_id
        ends = np.concatenate([tail, head])
        if not arcs_count:
            raise BadMap("the map has no drivable street: give at least one arc")
        if ends.min() < 0 or ends.max() >= count or (np.diff(ids) <= 0).any():
            raise BadMap("the map's arcs name nodes that do not exist, or node ids do not ascend")
        if line is None:
            line = straight(lon, lat, tail, head)
        order = np.lexsort((head, tail))
        tail, head, line = tail[order], head[order], line.take(order)
        length = line.lengths_m() if length_m is None else length_m[order].astype(np.float64)
        speed = speed_kph[order].astype(np.float64)
        good = np.isfinite(length) & (length >= 0.0) & np.isfinite(speed) & (speed > 0.0)
        exact = length / np.where(good, speed, 1.0) * 3600.0
        if ms is not None:
            exact = ms[order].astype(np.float64)
        good &= np.isfinite(exact) & (exact <= LONGEST_S * 1000.0)
        if not good.all():
            raise BadMap(
                f"{int((~good).sum())} arcs have an invalid length, speed or time: the first is "
                f"number {int(order[np.argmin(good)])}"
            )
        none = np.zeros(arcs_count, dtype=np.bool_)
        nodes, arcs, components = columns(
            node_id=ids,
            lon=lon.astype(np.float64),
            lat=lat.astype(np.float64),
            signal=np.zeros(count, dtype=np.bool_) if signal is None else signal,
            tail=tail.astype(np.int64),
            head=head.astype(np.int64),
            key=None,
            length_m=length,
            speed_kph=speed,
            ms=np.maximum(np.rint(exact), 1.0).astype(np.int64),
            lanes=np.maximum(lanes[order], 1).astype(np.int64)
            if lanes is not None
            else np.ones(arcs_count, dtype=np.int64),
            oneway=None,
            emergency_only=none if emergency_only is None else emergency_only[order],
            stated=np.full(arcs_count, -1, dtype=np.int8),
            names=((),) * arcs_count if names is None else shared([names[i] for i in order]),
            line=line,
        )
        attributes = {"crs": "epsg:4326"}
        report = _report(nodes, arcs, components, Notes(), attributes)
        return cls(nodes, arcs, report, attributes, _from_columns)

    @cached_property
    def graph(self) -> nx.MultiDiGraph[int]:
        """The streets as a NetworkX graph; built on first use."""
        return self._make_graph(self)

    @cached_property
    def turns(self) -> TurnRules:
        """Banned turns and turn costs; built on first use, without bans if none are known.

        Restrictions come from ``graph.graph["restrictions"]``; traffic keeps left if
        ``graph.graph["driving_side"]`` is ``"left"``.
        """
        nodes, arcs = self.nodes, self.arcs
        restrictions = tuple(
            Restriction(
                id=found["id"],
                kind=found["kind"],
                bans=tuple(tuple(map(self.arc_index, ban)) for ban in found["bans"]),
                exempt=tuple(found["exempt"]),
                condition=found["condition"],
            )
            for found in self.attributes.get("restrictions", ())
        )
        banned, exempt = banned_of(restrictions)
        exits = np.bincount(arcs.tail, minlength=len(nodes.id))
        start, end = headings(arcs.line)
        rules = TurnRules(
            banned=banned,
            emergency_exempt=exempt,
            restrictions=restrictions,
            signals=np.flatnonzero(nodes.signal),
            signalled=arcs.signalled,
            heading_start=start,
            heading_end=end,
            twin=arcs.twin,
            at_junction=nodes.street_count[arcs.head] >= _JUNCTION_STREETS,
            at_dead_end=(exits[arcs.head] == 1) & (arcs.twin >= 0),
            costs=OSRM_CAR,
        )
        return rules.left_hand() if self.attributes.get("driving_side") == "left" else rules

    def arc_index(self, arc_id: str) -> int:
        """Return the index of an arc in the columns.

        Raises
        ------
        UnknownArc
        """
        index = self._find(arc_id)
        if index is None:
            example = f"{self.nodes.id[self.arcs.tail[0]]}-{self.nodes.id[self.arcs.head[0]]}"
            raise UnknownArc(
                f"no arc {arc_id!r:.60} in this street graph: ids look like "
                f"'{example}-{self.arcs.key[0]}'"
            )
        return index

    def has_arc(self, arc_id: str) -> bool:
        """Whether there is an arc with this id."""
        return self._find(arc_id) is not None

    def arc_line(self, index: int) -> LineString:
        """Return the shape of an arc from tail to head, WGS-84 degrees."""
        return self.arcs.line[index]

    def arcs_by_name(self, name: str) -> IntArray:
        """Return the indices of arcs with this name in any language, in order, ignoring case."""
        return np.array(self._by_name.get(name.casefold(), []), dtype=np.int64)

    def names(self) -> list[str]:
        """Return all street names in all languages, sorted."""
        return sorted({name for names in self.arcs.names for name in names})

    def both_ways(self, arc_id: str) -> tuple[str, ...]:
        """Return the ids of an arc and, on a two-way street, its opposite; raises UnknownArc."""
        twin = int(self.arcs.twin[self.arc_index(arc_id)])
        return (arc_id,) if twin < 0 else (arc_id, self.arcs.id[twin])

    def _find(self, arc_id: str) -> int | None:
        found = _ARC_ID.fullmatch(arc_id)
        if found is None:
            return None
        u, v, key = map(int, found.groups())
        if f"{u}-{v}-{key}" != arc_id:
            return None
        tail = int(self.nodes.id.searchsorted(u))
        if tail >= len(self.nodes.id) or self.nodes.id[tail] != u:
            return None
        start, end = self._first_out[tail : tail + 2].tolist()
        heads = self.nodes.id[self.arcs.head[start:end]].tolist()
        for i, other in enumerate(heads, start):
            if other == v and self.arcs.key[i] == key:
                return i
        return None

    @cached_property
    def _first_out(self) -> IntArray:
        return np.searchsorted(self.arcs.tail, np.arange(len(self.nodes.id) + 1))

    @cached_property
    def _by_name(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for i, names in enumerate(self.arcs.names):
            for name in names:
                found[name.casefold()].append(i)
        return found


def line_length_m(line: LineString) -> float:
    """Return the great-circle length in metres of a LineString in WGS-84 degrees."""
    xy = shapely.get_coordinates(line)
    return float(haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1]).sum())


def _report(
    nodes: Nodes,
    arcs: Arcs,
    components: tuple[int, ...],
    counts: Notes,
    attributes: Mapping[str, Any],
) -> GraphReport:
    survey = attributes.get("survey")
    lost = attributes.get("unresolved_restrictions")
    return GraphReport(
        nodes=len(nodes.id),
        arcs=len(arcs),
        length_km=float(arcs.length_m.sum() / 1000.0),
        signals=int(nodes.signal.sum()),
        components=len(components),
        largest_nodes=components[0],
        warnings={what: n for what, n in sorted(counts.items()) if n},
        restrictions=len(attributes.get("restrictions", ())),
        unresolved=tuple(
            (str(found.get("id")), str(found.get("kind")), str(found.get("reason")))
            for found in (lost if isinstance(lost, list | tuple) else ())
            if isinstance(found, dict)
        ),
        largest_components=components[:_COMPONENTS_TOLD],
        examples={what: tuple(ids) for what, ids in sorted(counts.examples.items()) if ids},
        read=_notices(survey, "read"),
        left_out=_notices(survey, "left_out"),
    )


def _notices(survey: object, part: str) -> dict[str, Notice]:
    """Read a part of the attribute `survey`; whatever does not have its form is left out."""
    told = survey.get(part) if isinstance(survey, dict) else None
    return {
        str(what): Notice(said["count"], tuple(map(str, said.get("examples", ()))))
        for what, said in (told.items() if isinstance(told, dict) else ())
        if isinstance(said, dict) and isinstance(said.get("count"), int)
    }


def _ends(cleaned: Cleaned) -> tuple[IntArray, IntArray, IntArray]:
    """Return the ids of nodes, and the indices of the edges' ends among them."""
    ids = np.array([node for node, _ in cleaned.nodes], dtype=np.int64)
    ends = np.array([edge[:2] for edge in cleaned.edges], dtype=np.int64)
    return ids, np.searchsorted(ids, ends[:, 0]), np.searchsorted(ids, ends[:, 1])


def _names(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return all names of an edge, the local one first, without repetition."""
    found: list[str] = []
    for attribute in ("name", "name:zh", "name:en", "alt_name"):
        value = data.get(attribute)
        if value is None:
            continue
        for name in value if isinstance(value, list | tuple) else [value]:
            if isinstance(name, str) and name.strip() and name not in found:
                found.append(name)
    return tuple(found)


class _FromEdges:
    """Makes the graph of a `StreetGraph` from the edges from which it was compiled."""

    def __init__(self, cleaned: Cleaned) -> None:
        self._cleaned = cleaned

    def __call__(self, streets: StreetGraph) -> nx.MultiDiGraph[int]:
        graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(**streets.attributes)
        counts = streets.nodes.street_count.tolist()
        for (node, data), count in zip(self._cleaned.nodes, counts, strict=True):
            graph.add_node(node, **data | {"street_count": count})
        for (u, v, key, data), line in zip(self._cleaned.edges, self._cleaned.lines, strict=True):
            graph.add_edge(u, v, key, **data | {"geometry": line})
        return graph


def _from_columns(streets: StreetGraph) -> nx.MultiDiGraph[int]:
    """Make the graph of a `StreetGraph` from its columns alone."""
    nodes, arcs = streets.nodes, streets.arcs
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(**streets.attributes)
    for i, node in enumerate(nodes.id.tolist()):
        graph.add_node(node, x=float(nodes.lon[i]), y=float(nodes.lat[i]))
        graph.nodes[node]["street_count"] = int(nodes.street_count[i])
        if nodes.signal[i]:
            graph.nodes[node]["highway"] = "traffic_signals"
    for i, line in enumerate(arcs.line):
        data: dict[str, Any] = {
            "length": float(arcs.length_m[i]),
            "speed_kph": float(arcs.speed_kph[i]),
            "travel_time": float(arcs.ms[i]) / 1000.0,
            "oneway": bool(arcs.oneway[i]),
            "reversed": False,
            "geometry": line,
        }
        if arcs.lanes[i] > 1:
            data["lanes:forward"] = int(arcs.lanes[i])
        if arcs.emergency_only[i]:
            data["access"] = "emergency"
        if arcs.carried[i]:
            data["route"] = _CARRIERS[0]
        for size, column in arcs.limits.items():
            if np.isfinite(column[i]):
                data[LIMITS[size][0]] = float(column[i])
        if arcs.names[i]:
            data["name"] = arcs.names[i][0] if len(arcs.names[i]) == 1 else list(arcs.names[i])
        u, v = int(nodes.id[arcs.tail[i]]), int(nodes.id[arcs.head[i]])
        graph.add_edge(u, v, int(arcs.key[i]), **data)
    return graph
