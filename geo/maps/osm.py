"""Read a street graph from OpenStreetMap data, XML or PBF.

The reader takes ways that a car or an emergency vehicle may drive (`geo.maps.access`), car ferries
and car trains (`geo.maps.ferries`). Arcs for crews only get ``access="emergency"``. Ways are cut
where they meet, at their ends, at traffic signals and barriers, and where a turn restriction needs
it; the shape between is kept. Turn restrictions are resolved onto the arcs, see
`geo.maps.restrictions`; barriers that an emergency crew can open become separate short arcs, see
`geo.maps.barriers`. The file may have its objects in any order and ids below zero, see
`geo.maps.extract`.
"""

from __future__ import annotations  # NetworkX's classes take a parameter in stubs only

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import networkx as nx
import osmium
from shapely.geometry import LineString

from geo.errors import BadMap
from geo.maps.access import Direction, Use
from geo.maps.barriers import OPENING_S, barrier_of, insert_gate
from geo.maps.conditional import ByTime, use_by_hour
from geo.maps.driving_side import Side, side_of
from geo.maps.extract import OSMIUM_ERRORS, Extract, open_extract, unreadable
from geo.maps.ferries import CARRIERS, carrier_of, carries_cars, duration_s
from geo.maps.restrictions import read_restrictions, resolve
from geo.streets.by_hour import hours_text, kph_text
from geo.streets.graph import StreetGraph, line_length_m
from geo.streets.limits import LIMITS
from geo.streets.maxspeed import default_kph, parse_maxspeed
from geo.streets.notes import Notes

__all__ = ["read_extract", "read_osm"]

_LIMIT_TAGS: Final = tuple(tag for tags in LIMITS.values() for tag in tags)
_KEPT_TAGS = (
    *("name", "name:en", "name:zh", "alt_name", "ref"),
    *("lanes", "lanes:forward", "lanes:backward"),
    *("junction", "bridge", "tunnel", "service", "emergency"),
    *_LIMIT_TAGS,
)
# Where a street has no `maxspeed`, mappers may give the kind of zone that it lies in.
_ZONES = ("maxspeed:type", "source:maxspeed", "zone:maxspeed", "zone:traffic")
# Classes that are named in the report if they are not read; others are "other".
_NAMED: Final = frozenset(
    (
        *("footway", "path", "cycleway", "steps", "pedestrian", "track", "bridleway", "corridor"),
        *("construction", "proposed", "platform", "raceway", "bus_guideway", "service"),
    )
)
_ALTERNATING_FACTOR: Final = 0.4
"""Of the speed, if one direction at a time may be driven: OSRM's ``alternating_penalty``."""
_HALF_ROUND_DEGREES: Final = 180.0


@dataclass(slots=True)
class _Way:
    id: int
    refs: list[int]
    tags: dict[str, str]
    use: Use
    by_time: ByTime
    carrier: str | None = None
    seconds_per_m: float = 0.0
    """Of a ferry or car train."""


@dataclass(slots=True)
class _Report:
    """What the reader says about a file."""

    counts: Notes = field(default_factory=Notes)
    """Repairs, and data that could not be used."""
    read: Notes = field(default_factory=Notes)
    left_out: Notes = field(default_factory=Notes)
    """Data that is not for vehicles."""


@dataclass(slots=True)
class _Nodes:
    """The map's data about nodes of ways."""

    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    highway: dict[int, str] = field(default_factory=dict)
    signal_for: dict[int, str] = field(default_factory=dict)
    """forward, backward or both: the direction of the way that a signal faces."""
    barriers: dict[int, _Gate] = field(default_factory=dict)
    gates: dict[frozenset[int], _Gate] = field(default_factory=dict)
    """The same, by the two nodes on both sides of the barrier."""


class _Gate(NamedTuple):
    """A barrier, or a sign at one spot that limits the size of vehicles."""

    kind: str
    """Empty if it closes the street to nobody."""
    openable: bool
    """Whether an emergency crew can open it."""
    limits: dict[str, str]
    """Tags of the largest vehicle that gets through, if everybody may."""


_OPEN: Final = _Gate("", openable=True, limits={})


def read_osm(path: Path | str, *, driving_side: Side | None = None) -> StreetGraph:
    """Read the drivable streets of an OSM extract.

    Parameters
    ----------
    path
        ``.osm``, ``.osm.gz``, ``.osm.bz2`` or ``.osm.pbf``.
    driving_side
        The side of the street that traffic keeps to; told from the map by default, see
        `geo.maps.driving_side`.

    Returns
    -------
    StreetGraph
        Its report counts data that was read, repaired and left out.

    Raises
    ------
    BadMap
        The file is missing, unreadable, or without drivable streets.
    """
    with open_extract(path) as extract:
        return read_extract(extract, driving_side=driving_side)


def read_extract(extract: Extract, *, driving_side: Side | None = None) -> StreetGraph:
    """Read the streets of an open extract; see `read_osm`.

    Raises
    ------
    BadMap
    """
    report = _Report()
    counts = report.counts
    counts.also(extract.notes)
    try:
        ways = _read_ways(extract, report)
        nodes = _read_nodes(extract, {ref for way in ways for ref in way.refs}, report)
        relations = read_restrictions(extract.path, counts)
        side, reason = (driving_side, "given") if driving_side else side_of(extract, nodes.places)
    except OSMIUM_ERRORS as error:
        raise unreadable(extract.name, error) from error
    arms = Counter(ref for way in ways for ref in way.refs[:-1])
    arms.update(ref for way in ways for ref in way.refs[1:])
    _set_gates(ways, nodes, arms, extract, report)
    joints = {ref for ref, n in arms.items() if n != 2}  # noqa: PLR2004 - one street goes through
    joints |= {ref for way in ways for ref in (way.refs[0], way.refs[-1])}
    joints |= {ref for ref, kind in nodes.highway.items() if kind == "traffic_signals"}
    joints |= {ref for pair in nodes.gates for ref in pair}
    joints |= {ref for relation in relations for ref in relation.via_nodes}
    graph = _graph(ways, nodes, joints, extract, counts)
    restrictions, unresolved = resolve(relations, graph)
    graph.graph |= {"restrictions": restrictions, "unresolved_restrictions": unresolved}
    graph.graph |= {"driving_side": side, "driving_side_by": reason}
    graph.graph["survey"] = {"read": report.read.told(), "left_out": report.left_out.told()}
    if unresolved:
        counts["unresolved turn restrictions left out"] += len(unresolved)
    try:
        return StreetGraph.from_networkx(graph, counts)
    except BadMap as error:
        raise BadMap(f"{extract.name}: {error}") from error


def _read_ways(extract: Extract, report: _Report) -> list[_Way]:
    ways = []
    reader = osmium.FileProcessor(str(extract.path), osmium.osm.WAY)
    for way in reader.with_filter(osmium.filter.KeyFilter("highway", "route")):
        assert isinstance(way, osmium.osm.Way)
        tags = {tag.k: tag.v for tag in way.tags}
        label = extract.label("way", way.id)
        found = _way(way.id, tags, [node.ref for node in way.nodes], report, label)
        if found is not None:
            ways.append(found)
            report.read.note(_read_as(found), label)
    return sorted(ways, key=lambda way: way.id)


def _way(
    number: int, tags: dict[str, str], refs: list[int], report: _Report, label: str
) -> _Way | None:
    """Return a way that vehicles use; say why another one is left out."""
    carrier = carrier_of(tags)
    by_time = ByTime(Use("all", "all"), {}, {}, ())
    if carrier is not None:
        if not carries_cars(tags):
            report.left_out.note(f"ways of a {_called(carrier)} not said to take cars", label)
            return None
    elif "highway" not in tags:
        return None
    elif (found := use_by_hour(tags)) is None:
        report.left_out.note(_why_not(tags), label)
        return None
    else:
        by_time = found
    for what in by_time.unread:
        report.counts.note(what, label)
    for hours, what in ((by_time.closed, "closed to all but crews"), (by_time.kph, "slower")):
        if hours:
            report.read.note(f"ways that are {what} at some times", label)
    refs = _tidy(refs, report.counts, label)
    if len(refs) < 2:  # noqa: PLR2004
        report.counts.note("ways of fewer than two nodes left out", label)
        return None
    return _Way(number, refs, tags, by_time.use, by_time, carrier)


def _read_as(way: _Way) -> str:
    if way.carrier is not None:
        timed = duration_s(way.tags.get("duration")) is not None
        return f"ways of a {_called(way.carrier)}" + ("" if timed else " without a duration")
    if "all" not in (way.use.forward, way.use.backward):
        return "ways open to crews only"
    return "ways open to all" + (", one direction at a time" if way.use.alternating else "")


def _why_not(tags: Mapping[str, str]) -> str:
    if tags.get("area") == "yes":
        return "squares drawn as areas"
    highway = tags["highway"]
    return f"ways of highway={highway}" if highway in _NAMED else "ways of another highway"


def _called(carrier: str) -> str:
    return "car train" if carrier == "shuttle_train" else carrier


def _tidy(refs: list[int], counts: Notes, label: str) -> list[int]:
    """Drop repeated nodes; halve a way drawn forth and back, as OSMnx writes two-way streets."""
    tidy = [ref for i, ref in enumerate(refs) if i == 0 or ref != refs[i - 1]]
    if len(tidy) > 2 and tidy == tidy[::-1]:  # noqa: PLR2004
        counts.note("ways drawn there and back halved", label)
        tidy = tidy[: len(tidy) // 2 + 1]
    return tidy


def _read_nodes(extract: Extract, wanted: set[int], report: _Report) -> _Nodes:
    """Read positions and tags of the wanted nodes."""
    found = _Nodes()
    if not wanted:
        return found
    reader = osmium.FileProcessor(str(extract.path), osmium.osm.NODE)
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
            report.read.note("traffic signals", extract.label("node", node.id))
            direction = tags.get("traffic_signals:direction") or tags.get("direction", "")
            if direction in ("forward", "backward", "both"):
                found.signal_for[node.id] = direction
        barrier = barrier_of(tags)
        limits = {tag: tags[tag] for tag in _LIMIT_TAGS if tag in tags}
        if barrier is not None:
            found.barriers[node.id] = _Gate(*barrier, limits={})
        elif limits:
            found.barriers[node.id] = _Gate("", openable=True, limits=limits)
    return found


def _set_gates(
    ways: list[_Way], nodes: _Nodes, arms: Mapping[int, int], extract: Extract, report: _Report
) -> None:
    """Insert a short piece of street beside each barrier between two parts of a street."""
    counts = report.counts
    waiting = {}
    for ref, barrier in nodes.barriers.items():
        if arms[ref] == 2:  # noqa: PLR2004
            waiting[ref] = barrier
        elif arms[ref] > 2 and barrier.kind:  # noqa: PLR2004
            counts.note(
                "barriers where several streets meet not taken for closed",
                extract.label("node", ref),
            )
    for way in ways:
        for ref in [ref for ref in way.refs if ref in waiting]:
            new = insert_gate(way.refs, ref, nodes.places, counts)
            if new is not None:
                gate = nodes.gates[frozenset((ref, new))] = waiting.pop(ref)
                what = "open to emergency vehicles only" if gate.openable else "closed to all"
                if gate.kind:
                    counts.note(f"barriers {what}", extract.label("node", ref))


def _graph(
    ways: list[_Way], nodes: _Nodes, joints: set[int], extract: Extract, counts: Notes
) -> nx.MultiDiGraph[int]:
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs="epsg:4326")
    for way in ways:
        label = extract.label("way", way.id)
        pieces = list(_pieces(way.refs, joints, nodes.places, counts, label))
        if way.carrier is not None:
            drawn = [LineString([nodes.places[ref] for ref in refs]) for refs in pieces]
            way.seconds_per_m = _carried(way, sum(map(line_length_m, drawn)))
        for refs in pieces:
            gate = nodes.gates.get(frozenset(refs), _OPEN)
            if not gate.openable:
                continue
            for ref in (refs[0], refs[-1]):
                x, y = nodes.places[ref]
                graph.add_node(ref, x=x, y=y)
                if ref in nodes.highway:
                    graph.nodes[ref]["highway"] = nodes.highway[ref]
            _add(graph, way, refs, nodes, gate)
    return graph


def _carried(way: _Way, metres: float) -> float:
    """Return seconds per metre of a ferry or car train: of its timetable, if it has one."""
    seconds = duration_s(way.tags.get("duration"))
    if seconds is not None and metres > 0.0:
        return seconds / metres
    return 3.6 / CARRIERS[way.carrier or "ferry"]


def _pieces(
    refs: list[int],
    joints: set[int],
    places: dict[int, tuple[float, float]],
    counts: Notes,
    label: str,
) -> Iterator[list[int]]:
    """Cut a way at joints, where it turns back on itself, and where it cannot be drawn.

    That is around nodes which are not in the file, and at the 180th meridian.
    """
    piece: list[int] = []
    for i, ref in enumerate(refs):
        if ref not in places:
            counts.note("way nodes that are not in the file", label)
            if len(piece) > 1:
                yield piece
            piece = []
            continue
        if piece and abs(places[ref][0] - places[piece[-1]][0]) > _HALF_ROUND_DEGREES:
            counts.note("streets cut at the 180th meridian", label)
            if len(piece) > 1:
                yield piece
            piece = []
        piece.append(ref)
        turns_back = 0 < i < len(refs) - 1 and refs[i - 1] == refs[i + 1]
        if len(piece) > 1 and (ref in joints or turns_back):
            yield piece
            piece = [ref]
    if len(piece) > 1:
        yield piece


def _add(
    graph: nx.MultiDiGraph[int], way: _Way, refs: list[int], nodes: _Nodes, gate: _Gate
) -> None:
    line = LineString([nodes.places[ref] for ref in refs])
    data: dict[str, Any] = {tag: way.tags[tag] for tag in _KEPT_TAGS if tag in way.tags}
    use = way.use
    data |= {
        "osmid": way.id,
        "oneway": use.forward is None or use.backward is None,
        "length": line_length_m(line),
    }
    if "highway" in way.tags:
        data["highway"] = way.tags["highway"]
    if way.carrier is not None:
        data |= {"route": way.carrier, "travel_time": data["length"] * way.seconds_per_m}
        data["speed_kph"] = 3.6 / way.seconds_per_m
    data |= gate.limits
    if gate.kind:
        data |= {"barrier": gate.kind, "travel_time": OPENING_S}
    ends: tuple[tuple[Direction, int, int, LineString], ...] = (
        ("forward", refs[0], refs[-1], line),
        ("backward", refs[-1], refs[0], line.reverse()),
    )
    for direction, start, end, shape in ends:
        user = getattr(use, direction)
        if user is None:
            continue
        edge = data | {"reversed": direction == "backward", "geometry": shape}
        if user == "emergency" or gate.kind:
            edge["access"] = "emergency"
        _time(edge, way, direction, gate)
        faces = nodes.signal_for.get(end)
        if faces is not None:
            edge["signal"] = faces in (direction, "both")
        graph.add_edge(start, end, **edge)


def _time(edge: dict[str, Any], way: _Way, direction: Direction, gate: _Gate) -> None:
    """Add to an edge what decides how long it takes, and when it is open."""
    if (speed := _maxspeed(way.tags, direction)) is not None:
        edge["maxspeed"] = speed
    if direction in way.by_time.closed:
        edge["closed_hours"] = hours_text(way.by_time.closed[direction])
    if direction in way.by_time.kph:
        edge["kph_hours"] = kph_text(way.by_time.kph[direction])
    if way.use.alternating and not gate.kind:
        edge["travel_time"] = _alternating_s(edge)


def _maxspeed(tags: Mapping[str, str], direction: Direction) -> str | None:
    """Return the speed limit of a direction as tagged; else that of the zone, if it names one."""
    said = tags.get(f"maxspeed:{direction}") or tags.get("maxspeed")
    if said is not None:
        return said
    zones = (tags.get(key, "") for key in _ZONES)
    return next((zone for zone in zones if ":" in zone and parse_maxspeed(zone)), None)


def _alternating_s(edge: Mapping[str, Any]) -> float:
    kph = parse_maxspeed(edge.get("maxspeed")) or default_kph(edge["highway"])
    seconds: float = edge["length"] / (kph * _ALTERNATING_FACTOR) * 3.6
    return seconds
