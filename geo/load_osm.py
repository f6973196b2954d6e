"""Read a street graph from OpenStreetMap data, XML or PBF.

What is taken: ways a car or an emergency vehicle may drive. Ways that only emergency vehicles may
use (`emergency=yes` on paths and squares, private grounds) get ``access="emergency"``. Ways are
cut where they meet, at their ends and at traffic signals; the shape between is kept. Not read
here: turn restrictions, barriers, conditional tags.
"""

from __future__ import annotations  # NetworkX's classes take a parameter in stubs only

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import osmium
from shapely.geometry import LineString

from geo.errors import BadMap
from geo.streets import StreetGraph, line_length_m

__all__ = ["read_osm"]

_THROUGH = ("motorway", "trunk", "primary", "secondary", "tertiary")
_DRIVABLE = frozenset(_THROUGH) | frozenset(f"{highway}_link" for highway in _THROUGH)
_DRIVABLE |= {"unclassified", "residential", "living_street", "service", "road"}
_EMERGENCY_IF_TAGGED = frozenset(("pedestrian", "footway", "path", "cycleway", "track"))
_KEPT_TAGS = (
    *("name", "name:en", "name:zh", "alt_name", "ref", "maxspeed", "lanes"),
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
        places, signals = _read_nodes(path, {ref for way in ways for ref in way.refs})
    except (RuntimeError, ValueError) as error:
        raise BadMap(f"{path} cannot be read as OSM data ({error}): download it again") from error
    graph = _graph(ways, places, signals, counts)
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


def _read_nodes(
    path: Path, wanted: set[int]
) -> tuple[dict[int, tuple[float, float]], dict[int, str]]:
    """Positions of the wanted nodes, and the `highway` tag of those that have one."""
    places: dict[int, tuple[float, float]] = {}
    marked: dict[int, str] = {}
    if not wanted:
        return places, marked
    reader = osmium.FileProcessor(str(path), osmium.osm.NODE)
    for node in reader.with_filter(osmium.filter.IdFilter(wanted)):
        assert isinstance(node, osmium.osm.Node)
        if node.location.valid():
            places[node.id] = (node.location.lon, node.location.lat)
            if "highway" in node.tags:
                marked[node.id] = node.tags["highway"]
    return places, marked


def _graph(
    ways: list[_Way],
    places: dict[int, tuple[float, float]],
    marked: dict[int, str],
    counts: Counter[str],
) -> nx.MultiDiGraph[int]:
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs="epsg:4326")
    uses = Counter(ref for way in ways for ref in way.refs)
    for way in ways:
        uses.update((way.refs[0], way.refs[-1]))
    joints = {ref for ref, n in uses.items() if n > 1 or marked.get(ref) == "traffic_signals"}
    for way in ways:
        for refs in _pieces(way.refs, joints, places, counts):
            for ref in (refs[0], refs[-1]):
                graph.add_node(ref, x=places[ref][0], y=places[ref][1])
                if ref in marked:
                    graph.nodes[ref]["highway"] = marked[ref]
            _add(graph, way, refs, places)
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
    graph: nx.MultiDiGraph[int], way: _Way, refs: list[int], places: dict[int, tuple[float, float]]
) -> None:
    line = LineString([places[ref] for ref in refs])
    data: dict[str, Any] = {tag: way.tags[tag] for tag in _KEPT_TAGS if tag in way.tags}
    data |= {
        "osmid": way.id,
        "highway": way.tags["highway"],
        "oneway": not (way.forward and way.backward),
        "length": line_length_m(line),
    }
    if way.emergency_only:
        data["access"] = "emergency"
    if way.forward:
        graph.add_edge(refs[0], refs[-1], **data, reversed=False, geometry=line)
    if way.backward:
        graph.add_edge(refs[-1], refs[0], **data, reversed=True, geometry=line.reverse())
