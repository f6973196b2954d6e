"""Read a street graph from OpenStreetMap data, XML or PBF.

What is taken: ways a car or an emergency vehicle may drive. Ways that only emergency vehicles may
use (`emergency=yes` on paths and squares, private grounds) get ``access="emergency"``. Ways are
cut where they meet, at their ends, at traffic signals and barriers and where a turn restriction
needs it; the shape between is kept. Turn restrictions are resolved onto the arcs, see
`geo.load_restrictions`; barriers that an emergency crew opens become short arcs of their own, see
`geo.barriers`. Not read: conditional access and speeds.
"""

from __future__ import annotations  # NetworkX's classes take a parameter in stubs only

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
import osmium
from shapely.geometry import LineString

from geo.barriers import OPENING_S, barrier_of, insert_gate
from geo.errors import BadMap
from geo.load_restrictions import read_restrictions, resolve
from geo.streets import StreetGraph, line_length_m

__all__ = ["read_osm"]

_THROUGH = ("motorway", "trunk", "primary", "secondary", "tertiary")
_DRIVABLE = frozenset(_THROUGH) | frozenset(f"{highway}_link" for highway in _THROUGH)
_DRIVABLE |= {"unclassified", "residential", "living_street", "service", "road"}
_EMERGENCY_IF_TAGGED = frozenset(("pedestrian", "footway", "path", "cycleway", "track"))
_KEPT_TAGS = (
    *("name", "name:en", "name:zh", "alt_name", "ref", "maxspeed"),
    *("lanes", "lanes:forward", "lanes:backward"),
    *("junction", "bridge", "tunnel", "service", "emergency"),
)
_OWNERS_ONLY = frozenset(("private", "agricultural", "forestry", "military", "emergency"))


@dataclass(slots=True)
class _Way:
    id: int
    refs: list[int]
    tags: dict[str, str]
    forward: bool
    backward: bool
    emergency_only: bool


@dataclass(slots=True)
class _Nodes:
    """What the map says of the nodes of ways."""

    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    highway: dict[int, str] = field(default_factory=dict)
    signal_for: dict[int, str] = field(default_factory=dict)
    """forward, backward or both: the direction of the way that a signal faces."""
    barriers: dict[int, tuple[str, bool]] = field(default_factory=dict)
    """Kind, and whether an emergency crew can open it."""
    gates: dict[frozenset[int], tuple[str, bool]] = field(default_factory=dict)
    """The same by the pair of nodes that the barrier stands between."""


def read_osm(path: Path | str) -> StreetGraph:
    """Read the drivable streets of an OSM extract.

    Parameters
    ----------
    path
        ``.osm``, ``.osm.gz``, ``.osm.bz2`` or ``.osm.pbf``.

    Returns
    -------
    StreetGraph
        Its report counts what was left out.

    Raises
    ------
    BadMap
        The file is missing, unreadable, or without drivable streets.
    """
    path = Path(path)
    if not path.is_file():
        raise BadMap(f"no map file {path}: check the path")
    counts: Counter[str] = Counter()
    try:
        ways = _read_ways(path, counts)
        nodes = _read_nodes(path, {ref for way in ways for ref in way.refs})
        relations = read_restrictions(path, counts)
    except (RuntimeError, ValueError) as error:
        raise BadMap(f"{path} cannot be read as OSM data ({error}): download it again") from error
    arms = Counter(ref for way in ways for ref in way.refs[:-1])
    arms.update(ref for way in ways for ref in way.refs[1:])
    _set_gates(ways, nodes, arms, counts)
    joints = {ref for ref, n in arms.items() if n != 2}  # noqa: PLR2004 - one street goes through
    joints |= {ref for way in ways for ref in (way.refs[0], way.refs[-1])}
    joints |= {ref for ref, kind in nodes.highway.items() if kind == "traffic_signals"}
    joints |= {ref for pair in nodes.gates for ref in pair}
    joints |= {ref for relation in relations for ref in relation.via_nodes}
    graph = _graph(ways, nodes, joints, counts)
    restrictions, unresolved = resolve(relations, graph)
    graph.graph |= {"restrictions": restrictions, "unresolved_restrictions": unresolved}
    if unresolved:
        counts["turn restrictions that could not be resolved left out"] += len(unresolved)
    try:
        return StreetGraph.from_networkx(graph, counts)
    except BadMap as error:
        raise BadMap(f"{path}: {error}") from error


def _read_ways(path: Path, counts: Counter[str]) -> list[_Way]:
    ways = []
    reader = osmium.FileProcessor(str(path), osmium.osm.WAY)
    for way in reader.with_filter(osmium.filter.KeyFilter("highway")):
        assert isinstance(way, osmium.osm.Way)
        tags = {tag.k: tag.v for tag in way.tags}
        use = _use(tags)
        if use is None:
            continue
        direction = _direction(tags)
        if direction is None:
            counts["ways of changing direction left out"] += 1
            continue
        refs = _tidy([node.ref for node in way.nodes], counts)
        if len(refs) < 2:  # noqa: PLR2004
            counts["ways of fewer than two nodes left out"] += 1
            continue
        ways.append(_Way(way.id, refs, tags, *direction, emergency_only=use == "emergency"))
    return sorted(ways, key=lambda way: way.id)


def _use(tags: dict[str, str]) -> str | None:
    """Who may drive here: "all", "emergency", or None for nobody."""
    highway = tags["highway"]
    if tags.get("area") == "yes":
        return None
    emergency = tags.get("emergency", "no") in ("yes", "designated", "official")
    access = tags.get("motor_vehicle") or tags.get("vehicle") or tags.get("access") or "yes"
    if highway in _DRIVABLE:
        if access == "no":
            return "emergency" if emergency else None
        return "emergency" if access in _OWNERS_ONLY else "all"
    return "emergency" if highway in _EMERGENCY_IF_TAGGED and emergency else None


def _direction(tags: dict[str, str]) -> tuple[bool, bool] | None:
    """Whether a way may be driven (forwards, backwards); None if that changes by the hour."""
    oneway = tags.get("oneway", "")
    if oneway in ("reversible", "alternating"):
        return None
    if oneway in ("-1", "reverse"):
        return False, True
    if oneway in ("yes", "true", "1"):
        return True, False
    if oneway in ("no", "false", "0"):
        return True, True
    implied = tags["highway"] == "motorway" or tags.get("junction") in ("roundabout", "circular")
    return True, not implied


def _tidy(refs: list[int], counts: Counter[str]) -> list[int]:
    """Drop repeated nodes; halve a way drawn there and back, as OSMnx writes two-way streets."""
    tidy = [ref for i, ref in enumerate(refs) if i == 0 or ref != refs[i - 1]]
    if len(tidy) > 2 and tidy == tidy[::-1]:  # noqa: PLR2004
        counts["ways drawn there and back halved"] += 1
        tidy = tidy[: len(tidy) // 2 + 1]
    return tidy


def _read_nodes(path: Path, wanted: set[int]) -> _Nodes:
    """Read positions and tags of the wanted nodes."""
    found = _Nodes()
    if not wanted:
        return found
    reader = osmium.FileProcessor(str(path), osmium.osm.NODE)
    for node in reader.with_filter(osmium.filter.IdFilter(wanted)):
        assert isinstance(node, osmium.osm.Node)
        if not node.location.valid():
            continue
        found.places[node.id] = (node.location.lon, node.location.lat)
        if not node.tags:
            continue
        tags = {tag.k: tag.v for tag in node.tags}
        if "highway" in tags:
            found.highway[node.id] = tags["highway"]
        if tags.get("highway") == "traffic_signals":
            direction = tags.get("traffic_signals:direction") or tags.get("direction", "")
            if direction in ("forward", "backward", "both"):
                found.signal_for[node.id] = direction
        barrier = barrier_of(tags)
        if barrier is not None:
            found.barriers[node.id] = barrier
    return found


def _set_gates(
    ways: list[_Way], nodes: _Nodes, arms: Mapping[int, int], counts: Counter[str]
) -> None:
    """Put a short piece of street beside each barrier that two parts of a street meet at."""
    waiting = {}
    for ref, barrier in nodes.barriers.items():
        if arms[ref] == 2:  # noqa: PLR2004
            waiting[ref] = barrier
        elif arms[ref] > 2:  # noqa: PLR2004
            counts["barriers where several streets meet not taken for closed"] += 1
    for way in ways:
        for ref in [ref for ref in way.refs if ref in waiting]:
            new = insert_gate(way.refs, ref, nodes.places, counts)
            if new is not None:
                nodes.gates[frozenset((ref, new))] = waiting.pop(ref)
    for _, openable in nodes.gates.values():
        what = "open to emergency vehicles only" if openable else "closed to all"
        counts[f"barriers {what}"] += 1


def _graph(
    ways: list[_Way], nodes: _Nodes, joints: set[int], counts: Counter[str]
) -> nx.MultiDiGraph[int]:
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs="epsg:4326")
    for way in ways:
        for refs in _pieces(way.refs, joints, nodes.places, counts):
            kind, openable = nodes.gates.get(frozenset(refs), ("", True))
            if not openable:
                continue
            for ref in (refs[0], refs[-1]):
                x, y = nodes.places[ref]
                graph.add_node(ref, x=x, y=y)
                if ref in nodes.highway:
                    graph.nodes[ref]["highway"] = nodes.highway[ref]
            _add(graph, way, refs, nodes, kind)
    return graph


def _pieces(
    refs: list[int],
    joints: set[int],
    places: dict[int, tuple[float, float]],
    counts: Counter[str],
) -> Iterator[list[int]]:
    """Cut a way at joints, where it turns back on itself, and around nodes not in the file."""
    piece: list[int] = []
    for i, ref in enumerate(refs):
        if ref not in places:
            counts["way nodes that are not in the file"] += 1
            if len(piece) > 1:
                yield piece
            piece = []
            continue
        piece.append(ref)
        turns_back = 0 < i < len(refs) - 1 and refs[i - 1] == refs[i + 1]
        if len(piece) > 1 and (ref in joints or turns_back):
            yield piece
            piece = [ref]
    if len(piece) > 1:
        yield piece


def _add(
    graph: nx.MultiDiGraph[int], way: _Way, refs: list[int], nodes: _Nodes, barrier: str
) -> None:
    line = LineString([nodes.places[ref] for ref in refs])
    data: dict[str, Any] = {tag: way.tags[tag] for tag in _KEPT_TAGS if tag in way.tags}
    data |= {
        "osmid": way.id,
        "highway": way.tags["highway"],
        "oneway": not (way.forward and way.backward),
        "length": line_length_m(line),
    }
    if way.emergency_only or barrier:
        data["access"] = "emergency"
    if barrier:
        data |= {"barrier": barrier, "travel_time": OPENING_S}
    for driven, start, end, shape, direction in (
        (way.forward, refs[0], refs[-1], line, "forward"),
        (way.backward, refs[-1], refs[0], line.reverse(), "backward"),
    ):
        if not driven:
            continue
        edge = data | {"reversed": direction == "backward", "geometry": shape}
        faces = nodes.signal_for.get(end)
        if faces is not None:
            edge["signal"] = faces in (direction, "both")
        graph.add_edge(start, end, **edge)
