from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString

from geo.crs import haversine_m
from geo.errors import BadMap
from geo.streets.graph import StreetGraph, line_length_m
from geo.streets.lines import Lines
from geo.streets.segment_grid import SegmentGrid
from tests.geo.maps import LAT, LON, STEP, graphs

points = st.tuples(st.integers(0, 6), st.integers(0, 6))
lines = st.lists(
    st.lists(points, min_size=2, max_size=5).map(
        lambda found: LineString([(LON + x * STEP, LAT + y * STEP) for x, y in found])
    ),
    min_size=1,
    max_size=6,
)


@given(lines, st.data())
def test_columns_are_the_same_as_geometries(found: list[LineString], data: st.DataObject) -> None:
    array = np.array(found, dtype=object)
    columns = Lines.of(array)
    assert list(columns) == found
    assert [columns[i - len(found)] for i in range(len(found))] == found
    assert np.asarray(columns).tolist() == found
    assert shapely.get_num_coordinates(columns).tolist() == np.diff(columns.first).tolist()
    chosen = np.array(data.draw(st.lists(st.integers(0, len(found) - 1), max_size=4)), dtype=int)
    assert columns[chosen].tolist() == [found[i] for i in chosen]
    assert columns.take(chosen)[:].tolist() == [found[i] for i in chosen]
    np.testing.assert_allclose(columns.lengths_m(), [line_length_m(line) for line in found])
    turned = Lines(columns.reversed_xy(), columns.first)
    assert list(turned) == [line.reverse() for line in found]


@given(lines, st.floats(0.0, 3000.0))
def test_points_along(found: list[LineString], metres: float) -> None:
    columns = Lines.of(np.array(found, dtype=object))
    for from_end in (False, True):
        for line, point in zip(found, columns.along(metres, from_end=from_end), strict=True):
            xy = shapely.get_coordinates(line)[:: -1 if from_end else 1]
            left = metres
            for a, b in pairwise(xy):
                step = haversine_m(*a, *b)
                if step >= left:
                    expected = a + (b - a) * (left / step if step else 0.0)
                    break
                left -= step
            else:
                expected = xy[-1]
            np.testing.assert_allclose(point, expected, atol=1e-9)


def test_an_index_that_is_not_there() -> None:
    columns = Lines.of(np.array([LineString([(0, 0), (1, 1)])], dtype=object))
    with pytest.raises(IndexError, match="line 1 of 1"):
        columns[1]


metres = st.floats(-500, 500)
spots = st.tuples(metres, metres)


@given(
    st.lists(st.tuples(spots, spots), min_size=1, max_size=8),
    st.lists(spots, min_size=1, max_size=5),
    st.floats(0.0, 300.0),
)
def test_the_grid_misses_no_segment(
    segments: list[tuple[tuple[float, float], tuple[float, float]]],
    places: list[tuple[float, float]],
    reach: float,
) -> None:
    a, b = np.array(segments).transpose(1, 0, 2)
    xy = np.array(places)
    point, segment = SegmentGrid(a, b).near(xy, reach)
    assert (np.diff(point) >= 0).all()
    pairs = set(zip(point.tolist(), segment.tolist(), strict=True))
    for i, place in enumerate(places):
        for j, ends in enumerate(segments):
            if LineString(ends).distance(shapely.Point(place)) < reach - 1e-6:
                assert (i, j) in pairs


@given(graphs())
def test_a_graph_from_its_columns_is_the_same(streets: StreetGraph) -> None:
    nodes, arcs = streets.nodes, streets.arcs
    again = StreetGraph.from_arrays(
        node_id=nodes.id,
        lon=nodes.lon,
        lat=nodes.lat,
        signal=nodes.signal,
        tail=arcs.tail,
        head=arcs.head,
        speed_kph=arcs.speed_kph,
        line=arcs.line,
        length_m=arcs.length_m,
        ms=arcs.ms,
        emergency_only=arcs.emergency_only,
        names=arcs.names,
    )
    for name in ("tail", "head", "ms", "twin", "emergency_only", "length_m"):
        np.testing.assert_array_equal(getattr(again.arcs, name), getattr(arcs, name))
    np.testing.assert_array_equal(again.nodes.in_largest, nodes.in_largest)
    compiled = StreetGraph.from_networkx(again.graph)
    np.testing.assert_array_equal(compiled.arcs.ms, arcs.ms)
    assert compiled.arcs.id == again.arcs.id
    np.testing.assert_array_equal(compiled.arcs.twin, arcs.twin)


def test_columns_that_are_no_network_are_refused() -> None:
    lon, lat = np.array([LON, LON + STEP]), np.array([LAT, LAT])
    tail, head = np.array([0]), np.array([1])
    speed = np.array([30.0])
    nothing = np.array([], dtype=np.int64)
    for changed, text in (
        ({"tail": nothing, "head": nothing, "speed_kph": np.array([])}, "no drivable street"),
        ({"head": np.array([2])}, "nodes that do not exist"),
        ({"node_id": np.array([2, 1])}, "do not ascend"),
        ({"speed_kph": np.array([0.0])}, "invalid length, speed or time: the first is number 0"),
        ({"length_m": np.array([np.nan])}, "invalid length"),
        ({"ms": np.array([86_400_001])}, "invalid length, speed or time"),
    ):
        columns = {"lon": lon, "lat": lat, "tail": tail, "head": head, "speed_kph": speed}
        with pytest.raises(BadMap, match=text):
            StreetGraph.from_arrays(**columns | changed)
