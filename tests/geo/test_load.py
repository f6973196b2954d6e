import bz2
import gzip
import math
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from geo.errors import BadMap
from geo.maps.graphml import write_graphml
from geo.maps.load import load_streets
from geo.streets.graph import StreetGraph
from tests.geo.maps import LAT, LON, STEP, made_graph

#   3 - 4 - 8      a bent street 1-2-3, a one-way 5->2, a reversed one-way, a roundabout
NODES = {1: (0, 0), 2: (1, 0), 3: (2, 0), 4: (2, 1), 5: (1, 1), 6: (0, 1), 7: (0, 2), 8: (3, 3)}


def osm(tmp_path: Path, ways: list[tuple[list[int], dict[str, str]]], signals: str = "") -> Path:
    lines = ['<osm version="0.6">']
    for node, (x, y) in NODES.items():
        tag = '<tag k="highway" v="traffic_signals"/>' if str(node) in signals else ""
        lines.append(
            f'<node id="{node}" version="1" lon="{LON + x * STEP:.7f}" lat="{LAT + y * STEP:.7f}">'
            f"{tag}</node>"
        )
    for i, (refs, tags) in enumerate(ways):
        nds = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        kvs = "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags.items())
        lines.append(f'<way id="{100 + i}" version="1">{nds}{kvs}</way>')
    path = tmp_path / "map.osm"
    path.write_text("".join([*lines, "</osm>"]))
    return path


def arcs_of(streets: StreetGraph) -> set[str]:
    return {arc_id.rsplit("-", 1)[0] for arc_id in streets.arcs.id}


def test_ways_are_cut_where_they_meet_and_keep_their_shape(tmp_path: Path) -> None:
    path = osm(
        tmp_path,
        [
            ([1, 2, 3, 4], {"highway": "primary", "name": "A"}),
            ([5, 2], {"highway": "residential", "oneway": "yes"}),
        ],
    )
    streets = load_streets(path)
    assert arcs_of(streets) == {"1-2", "2-1", "2-4", "4-2", "5-2"}
    assert len(streets.arc_line(streets.arc_index("2-4-0")).coords) == 3
    data = streets.graph.edges[4, 2, 0]
    assert (data["osmid"], data["name"], data["reversed"]) == (100, "A", True)


def test_signals_inside_a_way_stay_nodes(tmp_path: Path) -> None:
    path = osm(tmp_path, [([1, 2, 3], {"highway": "primary"})], signals="2")
    streets = load_streets(path)
    assert arcs_of(streets) == {"1-2", "2-1", "2-3", "3-2"}
    assert streets.report.signals == 1


@pytest.mark.parametrize(
    ("tags", "arcs"),
    [
        ({"oneway": "yes"}, {"1-3"}),
        ({"oneway": "-1"}, {"3-1"}),
        ({"oneway": "no"}, {"1-3", "3-1"}),
        ({}, {"1-3", "3-1"}),
        ({"junction": "roundabout"}, {"1-3"}),
        ({"highway": "motorway"}, {"1-3"}),
        ({"highway": "motorway", "oneway": "no"}, {"1-3", "3-1"}),
        ({"highway": "living_street"}, {"1-3", "3-1"}),
    ],
)
def test_directions(tmp_path: Path, tags: dict[str, str], arcs: set[str]) -> None:
    streets = load_streets(osm(tmp_path, [([1, 2, 3], {"highway": "primary", **tags})]))
    assert arcs_of(streets) == arcs
    for data in streets.graph.edges.values():
        assert data["oneway"] == (len(arcs) == 1)


@pytest.mark.parametrize(
    ("tags", "emergency_only"),
    [
        ({"highway": "service"}, False),
        ({"highway": "service", "access": "private"}, True),
        ({"highway": "service", "access": "no", "emergency": "yes"}, True),
        ({"highway": "service", "access": "no"}, None),
        ({"highway": "service", "access": "no", "motor_vehicle": "yes"}, False),
        ({"highway": "pedestrian", "emergency": "yes"}, True),
        ({"highway": "pedestrian"}, True),
        ({"highway": "footway"}, None),
        ({"highway": "service", "area": "yes"}, None),
        ({"highway": "construction"}, None),
        ({"highway": "primary", "oneway": "reversible"}, True),
        ({"highway": "busway"}, True),
        ({"highway": "track"}, True),
        ({"highway": "service", "access": "no", "bus": "yes"}, True),
        ({"highway": "residential", "motor_vehicle": "no"}, True),
        ({"highway": "residential", "motor_vehicle": "no", "emergency": "no"}, None),
        ({"highway": "path", "motor_vehicle": "private"}, True),
        ({"highway": "path", "bicycle": "yes"}, None),
        ({"highway": "steps", "emergency": "yes"}, None),
        ({"highway": "track", "smoothness": "impassable"}, None),
        ({"highway": "bus_guideway", "bus": "yes"}, None),
        ({"highway": "residential", "emergency": "fire_hydrant", "access": "no"}, None),
    ],
)
def test_who_may_drive(tmp_path: Path, tags: dict[str, str], emergency_only: bool | None) -> None:
    ways = [([1, 2], {"highway": "primary"}), ([3, 4], tags)]
    streets = load_streets(osm(tmp_path, ways))
    if emergency_only is None:
        assert not streets.has_arc("3-4-0")
    else:
        assert streets.arcs.emergency_only[streets.arc_index("3-4-0")] == emergency_only


@pytest.mark.parametrize("suffix", [".osm", ".osm.xml", ".osm.gz", ".osm.bz2"])
def test_packed_files(tmp_path: Path, suffix: str) -> None:
    content = osm(tmp_path, [([1, 2], {"highway": "primary"})]).read_bytes()
    packed = {".osm.gz": gzip.compress, ".osm.bz2": bz2.compress}.get(suffix, bytes)(content)
    path = tmp_path / f"packed{suffix}"
    path.write_bytes(packed)
    assert arcs_of(load_streets(path)) == {"1-2", "2-1"}


def test_a_ring_and_a_way_drawn_there_and_back(tmp_path: Path) -> None:
    path = osm(
        tmp_path,
        [
            ([1, 2, 5, 6, 1], {"highway": "service"}),
            ([3, 4, 8, 4, 3], {"highway": "primary", "oneway": "no"}),
        ],
    )
    streets = load_streets(path)
    assert arcs_of(streets) == {"1-1", "3-8", "8-3"}
    assert streets.report.warnings["ways drawn there and back halved"] == 1
    assert streets.arcs.twin.tolist() == [1, 0, 3, 2]


def test_a_spur_on_the_way_is_cut_at_its_tip(tmp_path: Path) -> None:
    streets = load_streets(osm(tmp_path, [([1, 2, 5, 2, 3], {"highway": "primary"})]))
    assert arcs_of(streets) == {"1-2", "2-1", "2-5", "5-2", "2-3", "3-2"}
    assert streets.report.warnings["duplicate arcs left out"] == 2


def test_missing_nodes_cut_the_way_and_are_counted(tmp_path: Path) -> None:
    streets = load_streets(osm(tmp_path, [([1, 2, 99, 3, 4, 98], {"highway": "primary"})]))
    assert arcs_of(streets) == {"1-2", "2-1", "3-4", "4-3"}
    assert streets.report.warnings["way nodes that are not in the file"] == 2


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("absent.osm", None, "no map file"),
        ("absent.graphml", None, "no map file"),
        ("a.osm", b"<osm><node", "cannot be read"),
        ("b.osm.pbf", b"\x00\x01garbage", "cannot be read"),
        ("c.graphml", b"<graphml", "cannot be read"),
        ("d.graphml", b"<html></html>", "cannot be read"),
        ("e.osm", b'<osm version="0.6"></osm>', "no drivable street"),
        ("f.osm", b'<osm version="0.6"><node id="1" version="1" lon="NaN" lat="1"/></osm>', None),
        ("g.shp", b"", "unknown map format"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, text: str | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadMap, match=text) as caught:
        load_streets(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_graphml_there_and_back_is_the_same(tmp_path: Path, small: StreetGraph) -> None:
    path = tmp_path / "map.graphml"
    write_graphml(small, path)
    again = load_streets(path)
    assert again.graph.adj == small.graph.adj
    assert again.graph.nodes(data=True) == small.graph.nodes(data=True)
    assert again.arcs.id == small.arcs.id
    np.testing.assert_array_equal(again.arcs.ms, small.arcs.ms)
    np.testing.assert_array_equal(again.arcs.twin, small.arcs.twin)


def test_graphml_as_osmnx_writes_it(tmp_path: Path) -> None:
    graph = made_graph()
    for _, _, data in graph.edges(data=True):
        data.update(osmid="[1, 2]", length="100.0", name="['a', 'b']", oneway="False")
        data.update(geometry="LINESTRING (broken", highway="primary", maxspeed="['30', '50']")
    for _, data in graph.nodes(data=True):
        data.update(x=str(data["x"]), y=str(data["y"]), street_count="3")
    nx.write_graphml(graph, tmp_path / "g.graphml")
    streets = load_streets(tmp_path / "g.graphml")
    data = streets.graph.edges[1, 2, 0]
    assert (data["osmid"], data["name"], data["length"]) == ([1, 2], ["a", "b"], 100.0)
    assert data["speed_kph"] == 40.0
    assert data["oneway"] is False
    assert streets.report.warnings["unreadable values of geometry taken as missing"] == 9


def test_shanghai(shanghai: StreetGraph, tmp_path: Path) -> None:
    report = shanghai.report
    assert report.warnings["ways drawn there and back halved"] == 265
    assert "duplicate arcs left out" not in report.warnings
    assert report.signals > 250
    assert report.arcs > 1200
    assert ((shanghai.arcs.twin >= 0) == ~shanghai.arcs.oneway).all()
    assert shanghai.arcs_by_name("南京西路").size > 5
    write_graphml(shanghai, tmp_path / "s.graphml")
    again = load_streets(tmp_path / "s.graphml")
    assert again.arcs.id == shanghai.arcs.id
    np.testing.assert_array_equal(again.arcs.ms, shanghai.arcs.ms)
    np.testing.assert_array_equal(again.arcs.length_m, shanghai.arcs.length_m)


def test_baltimore_and_monaco(baltimore: StreetGraph, monaco: StreetGraph) -> None:
    for streets, nodes in ((baltimore, 5000), (monaco, 2000)):
        assert streets.report.nodes > nodes
        assert streets.report.largest_nodes > 0.9 * streets.report.nodes
        ends = np.column_stack([streets.nodes.lon, streets.nodes.lat])
        lines = streets.arcs.line
        first = np.array([line.coords[0] for line in lines])
        last = np.array([line.coords[-1] for line in lines])
        np.testing.assert_array_equal(first, ends[streets.arcs.tail])
        np.testing.assert_array_equal(last, ends[streets.arcs.head])
        assert math.isclose(
            sum(data["length"] for *_, data in streets.graph.edges(data=True)) / 1000,
            streets.report.length_km,
        )
    mph = baltimore.arcs.speed_kph
    assert np.isclose(mph, 25 * 1.609344).any()
