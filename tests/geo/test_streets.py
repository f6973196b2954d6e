import math

import networkx as nx
import numpy as np
import pytest
from shapely.geometry import LineString, Point

from geo.errors import BadMap, UnknownArc
from geo.streets.graph import StreetGraph
from geo.streets.maxspeed import default_kph, parse_maxspeed
from tests.geo.maps import LAT, LON, STEP, made_graph


def test_columns_are_ordered_and_filled(small: StreetGraph) -> None:
    arcs = small.arcs
    ends = ["1-2", "1-3", "2-1", "2-4", "2-5", "3-1", "4-2", "4-3", "5-2"]
    assert arcs.id == tuple(f"{pair}-0" for pair in ends)
    np.testing.assert_allclose(arcs.ms, np.rint(arcs.length_m * 100))  # 36 km/h is 10 m/s
    np.testing.assert_allclose(arcs.speed_kph, 36.0)
    assert arcs.length_m[0] == pytest.approx(190, abs=2)
    assert arcs.id[int(arcs.twin[0])] == "2-1-0"
    one_way = small.arc_index("4-3-0")
    assert arcs.twin[one_way] == -1
    assert arcs.oneway.tolist() == [i == one_way for i in range(9)]
    assert small.nodes.id[arcs.tail[one_way]] == 4
    assert small.nodes.signal.tolist() == [False, True, False, False, False]
    assert small.arc_line(0).coords[0] == (LON, LAT)


def test_the_graph_is_a_complete_copy_with_osmnx_names(small: StreetGraph) -> None:
    given = made_graph()
    kept = given.copy()
    streets = StreetGraph.from_networkx(given)
    assert nx.utils.graphs_equal(given, kept)
    data = streets.graph.edges[1, 2, 0]
    assert {"length", "speed_kph", "travel_time", "geometry", "oneway", "reversed"} <= set(data)
    assert streets.graph.nodes[2]["street_count"] == 3
    assert streets.graph.nodes[5]["street_count"] == 1


def test_names(small: StreetGraph) -> None:
    assert [small.arcs.id[i] for i in small.arcs_by_name("南京西路")] == [
        "1-2-0",
        "2-1-0",
        "2-5-0",
        "5-2-0",
    ]
    assert small.arcs_by_name("nowhere").size == 0
    assert small.names() == sorted(["南京西路", "石门一路", "茂名北路", "威海路"])
    graph = made_graph()
    graph.edges[1, 2, 0]["name"] = ["High Street", "Broad Street"]
    graph.edges[1, 2, 0]["name:en"] = "West Nanjing Road"
    streets = StreetGraph.from_networkx(graph)
    for name in ("high street", "BROAD STREET", "West Nanjing Road"):
        assert streets.arcs_by_name(name).tolist() == [0]
    assert streets.arcs.name[0] == "High Street"


def test_both_ways(small: StreetGraph) -> None:
    assert small.both_ways("1-2-0") == ("1-2-0", "2-1-0")
    assert small.both_ways("4-3-0") == ("4-3-0",)
    assert small.has_arc("4-3-0")
    assert not small.has_arc("3-4-0")
    with pytest.raises(UnknownArc, match="3-4-0"):
        small.both_ways("3-4-0")


def test_components_are_reported_and_not_taken(small: StreetGraph) -> None:
    graph = made_graph()
    graph.add_node(9, x=LON, y=LAT - STEP)
    graph.add_edge(1, 9)  # no way back
    streets = StreetGraph.from_networkx(graph)
    assert (streets.report.nodes, streets.report.components) == (6, 2)
    assert streets.report.largest_nodes == 5
    assert streets.nodes.in_largest.tolist() == [True] * 5 + [False]
    assert small.report.components == 1


def test_bad_parts_are_left_out_and_counted() -> None:
    graph = made_graph()
    graph.add_node(6, x=math.nan, y=LAT)
    graph.add_node(7, y=LAT)
    graph.add_edge(1, 6)
    graph.add_edge(1, 2, **graph.edges[1, 2, 0])  # the same again
    graph.add_node(8, x=LON, y=LAT)  # where node 1 is
    graph.add_edge(1, 8)
    graph.add_edge(8, 1)
    graph.add_edge(3, 3)
    with np.errstate(invalid="ignore"):
        graph.edges[1, 3, 0]["geometry"] = LineString([(LON, LAT), (math.nan, LAT)])
    graph.edges[2, 4, 0]["geometry"] = Point(LON, LAT)
    line = LineString([(LON + STEP, LAT), (LON + 2 * STEP, LAT)])
    graph.edges[5, 2, 0]["geometry"] = line  # drawn from 2 to 5
    graph.edges[2, 5, 0]["maxspeed"] = "signals"
    graph.edges[2, 5, 0]["length"] = math.nan
    streets = StreetGraph.from_networkx(graph)
    warnings = dict(streets.report.warnings)
    assert warnings.pop("arcs with the speed of their class (no maxspeed)") == 2
    assert warnings == {
        "nodes without a usable position left out, with their streets": 2,
        "duplicate arcs left out": 1,
        "arcs without length kept as 1 ms": 2,
        "loops without length left out": 1,
        "shapes with NaN coordinates replaced by a straight line": 1,
        "shapes that are not lines replaced by a straight line": 1,
        "shapes drawn against their arc turned round": 1,
        "arcs with the speed of their class (unreadable maxspeed)": 1,
    }
    assert streets.arcs.ms.min() == 1
    assert np.isfinite(streets.arcs.length_m).all()
    assert streets.arc_line(streets.arc_index("5-2-0")).coords[0] == (LON + 2 * STEP, LAT)


def test_parallel_streets_that_differ_are_both_kept() -> None:
    graph = made_graph()
    graph.add_edge(1, 2, travel_time=1.0)
    streets = StreetGraph.from_networkx(graph)
    assert streets.has_arc("1-2-1")
    assert "duplicate arcs left out" not in streets.report.warnings


def test_what_is_no_street_map_is_refused() -> None:
    with pytest.raises(BadMap, match="MultiDiGraph, not a Graph"):
        StreetGraph.from_networkx(nx.Graph())
    with pytest.raises(BadMap, match="no drivable street"):
        StreetGraph.from_networkx(nx.MultiDiGraph())
    projected = made_graph()
    projected.graph["crs"] = "epsg:32651"
    with pytest.raises(BadMap, match="epsg:32651: convert"):
        StreetGraph.from_networkx(projected)
    with pytest.raises(BadMap, match="node id 'a' is not an integer"):
        StreetGraph.from_networkx(nx.relabel_nodes(made_graph(), {1: "a"}))
    for _, data in (lost := made_graph()).nodes(data=True):
        data["x"] = math.nan
    with pytest.raises(BadMap, match="5 nodes without a usable position"):
        StreetGraph.from_networkx(lost)


def test_given_times_and_speeds_are_believed() -> None:
    graph = made_graph()
    graph.edges[1, 2, 0]["travel_time"] = 12.3456
    graph.edges[2, 1, 0]["speed_kph"] = 72.0
    graph.edges[2, 4, 0]["travel_time"] = 1e9
    streets = StreetGraph.from_networkx(graph)
    assert streets.arcs.ms[streets.arc_index("1-2-0")] == 12346
    back = streets.arc_index("2-1-0")
    assert streets.arcs.ms[back] == round(streets.arcs.length_m[back] * 50)
    assert streets.arcs.ms.max() == 86_400_000
    assert streets.report.warnings["arcs slower than a day cut to a day"] == 1


@pytest.mark.parametrize(
    ("tag", "kph"),
    [
        ("50", 50.0),
        (50, 50.0),
        ("30 mph", 48.28032),
        ("30mph", 48.28032),
        ("40 km/h", 40.0),
        ("CN:urban", 50.0),
        ("DE:zone:30", 30.0),
        ("walk", 7.0),
        (["30", "50"], 40.0),
        ("30;50", 40.0),
        ("50|none", 50.0),
        ("none", 130.0),
        ("GB:nsl_single", 96.56064),
        ("DE:zone30", 30.0),
        ("signals", None),
        ("0", None),
        ("900", None),
        (math.nan, None),
        (None, None),
        ([], None),
        (True, None),
    ],
)
def test_maxspeed(tag: object, kph: float | None) -> None:
    assert parse_maxspeed(tag) == (None if kph is None else pytest.approx(kph))


def test_default_speeds() -> None:
    assert default_kph("motorway") > default_kph("primary") > default_kph("residential")
    assert default_kph(["primary", "service"]) == default_kph("primary")
    assert default_kph("bridleway") == default_kph(None) == 30.0
