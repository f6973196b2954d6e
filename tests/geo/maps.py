"""Small maps to test on, and an oracle that shares nothing with the router but NetworkX."""

import math
import weakref
from typing import Any

import networkx as nx
import numpy as np
from hypothesis import strategies as st
from shapely.geometry import LineString

from geo.routing.profiles import PROFILES
from geo.routing.reference import Conditions, Profile
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapped

LON, LAT = 121.45, 31.23
STEP = 0.002  # about 190 m east, 222 m north


def made_graph() -> nx.MultiDiGraph:
    """Four crossings in a square and a dead end:

    ::

        3 <-- 4          3-4 one-way west, all others two-way
        |     |
        1 --- 2 --- 5
    """
    graph = nx.MultiDiGraph(crs="epsg:4326")
    places = {1: (0, 0), 2: (1, 0), 3: (0, 1), 4: (1, 1), 5: (2, 0)}
    for node, (x, y) in places.items():
        graph.add_node(node, x=LON + x * STEP, y=LAT + y * STEP)
    graph.nodes[2]["highway"] = "traffic_signals"
    for u, v, name, both in [
        (1, 2, "南京西路", True),
        (2, 5, "南京西路", True),
        (1, 3, "石门一路", True),
        (2, 4, "茂名北路", True),
        (4, 3, "威海路", False),
    ]:
        data = {"name": name, "highway": "secondary", "maxspeed": "36", "oneway": not both}
        graph.add_edge(u, v, **data)
        if both:
            graph.add_edge(v, u, **data)
    return graph


VEHICLES = (
    {"route": "ferry"},
    {"maxheight": "3.2 m"},
    {"maxweight": "7.5", "maxwidth": "2"},
    {"maxlength": "12", "route": "shuttle_train"},
    {"closed_hours": "0-5,7,20-160"},
    {"kph_hours": "5@0-7;2@8", "maxheight": "3"},
)
"""Tags of arcs that carry vehicles, or that large ones do not use."""


def profiles() -> st.SearchStrategy[Profile]:
    """Draw a profile, half of the time for a vehicle of some size."""
    sizes = {
        "height_m": st.sampled_from([2.0, 3.2, 3.8]),
        "width_m": st.sampled_from([1.9, 2.5]),
        "weight_t": st.sampled_from([2.0, 18.0]),
        "length_m": st.sampled_from([5.0, 13.0]),
    }
    sized = st.fixed_dictionaries({}, optional=sizes)
    return st.builds(
        lambda profile, size: profile.sized(**size),
        st.sampled_from([PROFILES[name] for name in sorted(PROFILES)]),
        st.just({}) | sized,
    )


@st.composite
def graphs(draw: st.DrawFn, *, vehicles: bool = False) -> StreetGraph:
    """Random maps with one-ways, parallel arcs, loops, dead ends and parts cut off.

    With `vehicles` also with ferries, limits of size, and signs by the hour.
    """
    tagged = (*VEHICLES,) if vehicles else ()
    count = draw(st.integers(2, 8))
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for node in range(count):
        graph.add_node(node * 7 - 10, x=LON + node % 3 * STEP, y=LAT + node // 3 * STEP)
    nodes = list(graph)
    pairs = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes))
    bends = st.integers(-3, 3)
    for (u, v), bend, both, seconds, access, lanes, more in draw(
        st.lists(
            st.tuples(
                pairs,
                bends,
                st.booleans(),
                st.floats(0.0005, 90, allow_nan=False),
                st.sampled_from(["yes", "yes", "yes", "emergency"]),
                st.sampled_from([None, "2", "4", "5"]),
                st.sampled_from([{}, {}, {}, *tagged]),
            ),
            min_size=1,
            max_size=16,
        )
    ):
        a, b = graph.nodes[u], graph.nodes[v]
        middle = ((a["x"] + b["x"]) / 2 + bend * 3e-4, (a["y"] + b["y"]) / 2 + abs(bend) * 2e-4)
        points = [(a["x"], a["y"]), middle, (b["x"], b["y"])]
        if u == v:
            points = [points[0], (a["x"] + 5e-4, a["y"]), (a["x"], a["y"] + 4e-4), points[0]]
        line = LineString(points)
        data = {"travel_time": seconds, "oneway": not both, "access": access, "lanes": lanes}
        data |= more
        graph.add_edge(u, v, geometry=line, **data)
        if both:
            graph.add_edge(v, u, geometry=line.reverse(), **data)
    return StreetGraph.from_networkx(graph)


@st.composite
def conditions_on(draw: st.DrawFn, streets: StreetGraph) -> Conditions:
    """Draw conditions of all kinds, on few arcs so that they meet; a third at most is closed."""
    ids = streets.arcs.id
    some = st.sampled_from(ids[: 1 + len(ids) // 2])
    return Conditions.of(
        closed=sorted(draw(st.sets(st.sampled_from(ids), max_size=len(ids) // 3))),
        speed_factors=draw(st.dictionaries(some, st.floats(0.1, 3.0), max_size=3)),
        lanes_closed=draw(st.dictionaries(some, st.integers(1, 4), max_size=3)),
        flood_depths=draw(
            st.dictionaries(some, st.floats(0.0, 0.6) | st.sampled_from([0.3, 0.5]), max_size=3)
        ),
        hour=draw(st.sampled_from([None, None, 3, 7, 8, 19])),
    )


_seen: weakref.WeakKeyDictionary[nx.MultiDiGraph, list[dict[str, Any]]] = (
    weakref.WeakKeyDictionary()
)


def _ways(graph: nx.MultiDiGraph) -> list[dict[str, Any]]:
    """Return the data of a graph's arcs in their order, listed once."""
    if graph not in _seen:
        _seen[graph] = [data for _, _, data in graph.edges(data=True)]
    return _seen[graph]


def arc_ms(streets: StreetGraph, profile: Profile, conditions: Conditions, i: int) -> float:
    """Milliseconds of an arc in its direction, not rounded, inf if closed: plain arithmetic."""
    arcs, arc_id = streets.arcs, streets.arcs.id[i]
    if not profile.on_foot:
        for size in ("height_m", "width_m", "weight_t", "length_m"):
            own, most = getattr(profile, size), arcs.limits.get(size)
            if own is not None and most is not None and own > most[i]:
                return math.inf
    if arc_id in conditions.closed or (arcs.emergency_only[i] and not profile.emergency_access):
        return math.inf
    hour, data = conditions.hour, _ways(streets.graph)[i]
    shut = hour is None or hour < 6 or hour == 7 or 20 <= hour <= 160
    if not profile.emergency_access and "closed_hours" in data and shut:
        return math.inf
    length, lanes = float(arcs.length_m[i]), int(arcs.lanes[i])
    depth = dict(conditions.flood_depths).get(arc_id, 0.0)
    if depth >= profile.wading_limit_m:
        return math.inf
    if profile.on_foot:
        ms = float(arcs.ms[i]) if arcs.carried[i] else length * 720.0
        return max(ms, length * 3600.0 / (5.0 * (1.0 - 1.2 * depth))) if depth else ms
    usual = int(arcs.ms[i])
    if "kph_hours" in data and hour is not None and hour <= 8:
        usual = max(usual, float(np.rint(length * 3600.0 / (2 if hour == 8 else 5))))
    usual = usual * (1.0 if arcs.carried[i] else profile.time_factor)
    ms = usual / dict(conditions.speed_factors).get(arc_id, 1.0)
    left = max(lanes - dict(conditions.lanes_closed).get(arc_id, 0), 0)
    if not left:
        return math.inf
    if left < lanes:
        ms = max(ms, usual / (left / lanes))
    if depth:
        mm = depth * 1000.0 * (300.0 / (profile.wading_limit_m * 1000.0))
        ms = max(ms, length * 3600.0 / (0.0009 * mm * mm - 0.5529 * mm + 86.9448))
    return ms


def oracle_ms(
    streets: StreetGraph,
    profile: Profile,
    conditions: Conditions,
    source: Snapped,
    target: Snapped,
) -> float:
    """Milliseconds by NetworkX on a graph with the two ends as nodes of their own."""
    arcs = streets.arcs
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(["source", "target"])

    def on(snapped: Snapped, arc: int) -> list[float]:
        return [p.fraction for p in snapped.places if p.arc == arc]

    for i in range(len(arcs)):
        usual = arc_ms(streets, profile, conditions, i)
        if math.isinf(usual):
            continue
        ways = [(int(arcs.tail[i]), int(arcs.head[i]), usual, on(source, i), on(target, i))]
        if arcs.twin[i] < 0 and profile.against_factor is not None:
            starts, ends = ([1.0 - f for f in on(s, i)] for s in (source, target))
            slow = usual * profile.against_factor
            ways.append((int(arcs.head[i]), int(arcs.tail[i]), slow, starts, ends))
        for tail, head, exact, starts, ends in ways:
            ms = max(1.0, float(np.rint(exact)))
            graph.add_edge(tail, head, ms=ms)
            for f in starts:
                graph.add_edge("source", head, ms=float(np.rint((1.0 - f) * ms)))
            for g in ends:
                graph.add_edge(tail, "target", ms=float(np.rint(g * ms)))
                for f in starts:
                    if f <= g:
                        graph.add_edge("source", "target", ms=float(np.rint((g - f) * ms)))
    try:
        return float(nx.dijkstra_path_length(graph, "source", "target", weight="ms"))
    except nx.NetworkXNoPath:
        return math.inf
