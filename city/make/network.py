"""From lines to a street graph: cut at crossings, cleaned, strongly connected.

OSMnx's attribute names throughout. All coordinates are rounded to six decimals of a degree and
all lengths to a centimetre, so that the same seed gives the same bytes.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import networkx as nx
import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon

from city.make.elevated import Carriageway
from city.make.lines import Street
from geo.crs import Metric
from geo.streets.graph import StreetGraph, line_length_m

XY = tuple[float, float]
_CUT_GRID_M = 0.1
# Crossings nearer to each other than this are joined.
_MERGE_M = 17.0
# Loose ends shorter than this are drawing errors: the line overshoots its crossing.
_OVERSHOOT_M = 90.0
_DROP_SHARE = 0.10
_KPH = {
    "motorway": 80,
    "motorway_link": 40,
    "primary": 60,
    "secondary": 50,
    "tertiary": 40,
    "residential": 30,
    "service": 15,
}


def cross(streets: Sequence[Street], outline: Polygon, rng: Random) -> "nx.MultiGraph[XY]":
    """Cut streets where they meet.

    Returns
    -------
    MultiGraph
        Nodes are (x, y) in metres; edges carry `street` and `line`, the first drawn end of the
        line being the tail of a one-way street.
    """
    net = shapely.unary_union([s.line for s in streets], grid_size=_CUT_GRID_M)
    tree = shapely.STRtree([s.line for s in streets])
    graph: nx.MultiGraph[XY] = nx.MultiGraph()
    pieces = sorted(shapely.get_parts(net).tolist(), key=lambda p: list(p.coords))
    for piece in pieces:
        middle = piece.interpolate(0.5, normalized=True)
        near = tree.query(middle, predicate="dwithin", distance=2 * _CUT_GRID_M)
        if len(near) == 0:
            continue
        street = streets[int(near.min())]
        line = _drawn_way(piece, street)
        a, b = line.coords[0], line.coords[-1]
        graph.add_edge(a, b, street=street, line=line)
    _merge_close(graph)
    _drop_some(graph, rng)
    _prune(graph, outline)
    largest = max(nx.connected_components(graph), key=lambda c: (len(c), min(c)))
    graph.remove_nodes_from([n for n in list(graph) if n not in largest])
    return graph


def compile_streets(
    graph: "nx.MultiGraph[XY]", carriageways: Sequence[Carriageway], metric: Metric, rng: Random
) -> StreetGraph:
    """Number crossings from north to south, and give every street its directions."""
    points = set(graph) | {p for c in carriageways for p in (c.line.coords[0], c.line.coords[-1])}
    order = sorted(points, key=lambda p: (-p[1], p[0]))
    ids = {point: 1001 + i for i, point in enumerate(order)}
    signals = _signals(graph, rng)
    out: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs="epsg:4326")
    for point in order:
        lon, lat = _degrees(point, metric)
        mark = {"highway": "traffic_signals"} if point in signals else {}
        out.add_node(ids[point], x=lon, y=lat, **mark)
    edges = sorted(
        (
            (ids[d["line"].coords[0]], ids[d["line"].coords[-1]], d)
            for _, _, d in graph.edges(data=True)
        ),
        key=lambda e: (e[0], e[1], list(e[2]["line"].coords)),
    )
    for number, (u, v, data) in enumerate(edges, start=1):
        _add(out, u, v, data["street"], data["line"], osmid=100_000 + number, metric=metric)
    for number, way in enumerate(carriageways, start=1):
        u, v = ids[way.line.coords[0]], ids[way.line.coords[-1]]
        _add(out, u, v, way, way.line, osmid=900_000 + number, metric=metric)
    open_up(out)
    return StreetGraph.from_networkx(out)


def open_up(graph: "nx.MultiDiGraph[int]") -> int:
    """Make one-way streets two-way if a part could otherwise not be reached or left.

    Return the number of opened streets, never expressways or ramps.
    """
    opened = 0
    while True:
        part = {n: i for i, c in enumerate(nx.strongly_connected_components(graph)) for n in c}
        between = [
            (u, v, k, d)
            for u, v, k, d in sorted(graph.edges(keys=True, data=True), key=lambda e: e[:3])
            if part[u] != part[v] and d["oneway"] and not d["highway"].startswith("motorway")
        ]
        if not between:
            return opened
        for u, v, _, data in between:
            data["oneway"] = False
            back = {**data, "reversed": True, "geometry": shapely.reverse(data["geometry"])}
            graph.add_edge(v, u, **back)
            opened += 1


def _drawn_way(piece: LineString, street: Street) -> LineString:
    a, b = Point(piece.coords[0]), Point(piece.coords[-1])
    if street.line.project(a) > street.line.project(b):
        return shapely.reverse(piece)
    return piece


def _merge_close(graph: "nx.MultiGraph[XY]") -> None:
    """Join crossings at the ends of very short pieces; the busier one keeps its position."""
    while short := sorted(
        (d["line"].length, *sorted((u, v)))
        for u, v, d in graph.edges(data=True)
        if u != v and d["line"].length < _MERGE_M
    ):
        touched: set[XY] = set()
        for _, u, v in short:
            if touched.isdisjoint((u, v)):
                touched |= {u, v, *graph[u], *graph[v]}
                keep, gone = sorted((u, v), key=lambda n: (-_weight(graph, n), n))
                _merge(graph, keep, gone)
    for u, v in sorted({(u, v) for u, v, k in graph.edges(keys=True) if k > 0}):
        data = [(d["street"].main, -d["line"].length, k) for k, d in graph[u][v].items()]
        for _, _, key in sorted(data, reverse=True)[1:]:
            graph.remove_edge(u, v, key)
    graph.remove_edges_from([(u, v, k) for u, v, k in graph.edges(keys=True) if u == v])


def _merge(graph: "nx.MultiGraph[XY]", keep: XY, gone: XY) -> None:
    for a, b, data in list(graph.edges(gone, data=True)):
        other = b if a == gone else a
        if other not in (keep, gone):
            line = _moved(data["line"], gone, keep)
            graph.add_edge(keep, other, street=data["street"], line=line)
    graph.remove_node(gone)


def _weight(graph: "nx.MultiGraph[XY]", node: XY) -> int:
    return sum(10 if d["street"].main else 1 for _, _, d in graph.edges(node, data=True))


def _moved(line: LineString, old: XY, new: XY) -> LineString:
    coords = list(line.coords)
    end = 0 if coords[0] == old else -1
    coords[end] = new
    return LineString(coords)


def _drop_some(graph: "nx.MultiGraph[XY]", rng: Random) -> None:
    """Remove some pieces of side streets, so that not every crossing has four arms."""
    side = sorted(
        (u, v, k) if u <= v else (v, u, k)
        for u, v, k, d in graph.edges(keys=True, data=True)
        if d["street"].highway == "residential"
    )
    for u, v, k in side:
        if rng.random() < _DROP_SHARE and graph.degree(u) > 2 and graph.degree(v) > 2:  # noqa: PLR2004
            graph.remove_edge(u, v, k)


def _prune(graph: "nx.MultiGraph[XY]", outline: Polygon) -> None:
    """Remove loose ends: overshoots, and side streets that would end at the border."""
    while True:
        loose = []
        for node in [n for n in graph if graph.degree(n) == 1]:
            ((_, _, data),) = graph.edges(node, data=True)
            street, length = data["street"], data["line"].length
            at_border = outline.exterior.distance(Point(node)) < 2.0  # noqa: PLR2004
            overshoot = street.main and not at_border and length < _OVERSHOOT_M
            if overshoot or (street.highway == "residential" and at_border):
                loose.append(node)
        if not loose:
            return
        graph.remove_nodes_from(loose)


def _signals(graph: "nx.MultiGraph[XY]", rng: Random) -> set[XY]:
    """Return crossings of main roads; of those between two tertiary roads, every second one."""
    found = set()
    for node in sorted(graph):
        classes: dict[str, str] = {}
        for _, _, data in graph.edges(node, data=True):
            if data["street"].main:
                classes[data["street"].name[0]] = data["street"].highway
        busy = [c for c in classes.values() if c != "tertiary"]
        if len(classes) > 1 and graph.degree(node) > 2 and (busy or rng.random() < 0.5):  # noqa: PLR2004
            found.add(node)
    return found


def _add(
    graph: "nx.MultiDiGraph[int]",
    u: int,
    v: int,
    street: Street | Carriageway,
    line: LineString,
    *,
    osmid: int,
    metric: Metric,
) -> None:
    lon, lat = metric.inverse(*np.array(line.coords).T)
    geometry = LineString(np.round(np.column_stack([lon, lat]), 6))
    length = round(max(line_length_m(geometry), 0.01), 2)
    kph = _KPH[street.highway]
    data: dict[str, Any] = {
        "osmid": osmid,
        "highway": street.highway,
        "name": street.name[0],
        "name:en": street.name[1],
        "lanes": str(street.lanes),
        "maxspeed": str(kph),
        "oneway": street.oneway,
        "length": length,
        "speed_kph": float(kph),
        "travel_time": round(length / kph * 3.6, 3),
    }
    if street.access:
        data["access"] = street.access
    if street.highway.startswith("motorway"):
        data["bridge"] = "yes"
    graph.add_edge(u, v, **data, reversed=False, geometry=geometry)
    if not street.oneway:
        graph.add_edge(v, u, **data, reversed=True, geometry=shapely.reverse(geometry))


def _degrees(point: XY, metric: Metric) -> XY:
    lon, lat = metric.inverse(*point)
    return round(float(lon), 6), round(float(lat), 6)
