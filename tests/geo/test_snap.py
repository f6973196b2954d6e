import math
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import haversine_m, utm_for
from geo.errors import BadCoordinates, NoStreetNear
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapper
from tests.geo.maps import LAT, LON, STEP, graphs


def test_both_directions_of_a_two_way_street(small: StreetGraph) -> None:
    snapped = Snapper(small).snap(LON + 0.25 * STEP, LAT - 0.0001)
    places = {small.arcs.id[p.arc]: p.fraction for p in snapped.places}
    assert places == {
        "1-2-0": pytest.approx(0.25, abs=1e-4),
        "2-1-0": pytest.approx(0.75, abs=1e-4),
    }
    assert snapped.distance_m == pytest.approx(11.1, abs=0.1)
    assert snapped.street_lat == pytest.approx(LAT, abs=1e-7)
    assert snapped.street_lon == pytest.approx(LON + 0.25 * STEP, abs=1e-7)


def test_one_direction_of_a_one_way_street(small: StreetGraph) -> None:
    snapped = Snapper(small).snap(LON + 0.25 * STEP, LAT + STEP)
    assert [small.arcs.id[p.arc] for p in snapped.places] == ["4-3-0"]
    assert snapped.places[0].fraction == pytest.approx(0.75, abs=1e-4)


def test_a_crossing_belongs_to_all_its_streets(small: StreetGraph) -> None:
    snapped = Snapper(small).snap(LON + STEP, LAT)
    assert {small.arcs.id[p.arc] for p in snapped.places} == {
        "1-2-0",
        "2-1-0",
        "2-4-0",
        "4-2-0",
        "2-5-0",
        "5-2-0",
    }
    assert {p.fraction for p in snapped.places} == {0.0, 1.0}


def test_beyond_the_distance_there_is_no_street(small: StreetGraph) -> None:
    snapper = Snapper(small)
    far = LAT - 0.0028  # 310 m
    with pytest.raises(NoStreetNear, match=r"within 300 m of 121.450000, 31.227200"):
        snapper.snap(LON, far)
    assert snapper.snap(LON, far, max_distance_m=320).distance_m == pytest.approx(310.5, abs=2)
    assert [s is None for s in snapper.snap_many([LON, LON], [far, LAT])] == [True, False]
    assert snapper.snap_many([], []) == []
    with pytest.raises(BadCoordinates):
        snapper.snap(math.nan, LAT)


def test_closed_streets_are_passed_over(small: StreetGraph) -> None:
    snapper = Snapper(small)
    usable = np.ones(len(small.arcs), dtype=bool)
    usable[small.arc_index("1-2-0")] = False
    point = (LON + 0.4 * STEP, LAT)
    one_way = snapper.snap(*point, open_arcs=usable)
    assert [small.arcs.id[p.arc] for p in one_way.places] == ["2-1-0"]
    usable[small.arc_index("2-1-0")] = False
    other = snapper.snap(*point, open_arcs=usable)
    assert {small.arcs.id[p.arc] for p in other.places} == {"1-3-0", "3-1-0"}
    assert other.distance_m == pytest.approx(76, abs=1)
    with pytest.raises(NoStreetNear):
        snapper.snap(*point, open_arcs=np.zeros(len(small.arcs), dtype=bool))


offsets = st.floats(-1.0, 3.0)


@given(graphs(), st.lists(st.tuples(offsets, offsets), min_size=1, max_size=8), st.data())
def test_equal_to_looking_at_every_arc(
    streets: StreetGraph, points: list[tuple[float, float]], data: st.DataObject
) -> None:
    usable = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(streets.arcs), max_size=len(streets.arcs)))
    )
    metric = utm_for(float(streets.nodes.lon.mean()), float(streets.nodes.lat.mean()))
    lines = [
        shapely.transform(line, lambda xy: np.column_stack(metric.forward(xy[:, 0], xy[:, 1])))
        for line in streets.arcs.line
    ]
    lon, lat = np.array(points).T * STEP + [[LON], [LAT]]
    for open_arcs in (None, usable):
        for i, snapped in enumerate(Snapper(streets).snap_many(lon, lat, 100.0, open_arcs)):
            point = shapely.Point(metric.forward(lon[i], lat[i]))
            away = np.array([line.distance(point) for line in lines])
            if open_arcs is not None:
                away[~open_arcs] = np.inf
            if snapped is None:
                assert away.min() > 100.0 - 1e-6
                continue
            assert snapped.distance_m == pytest.approx(away.min(), abs=1e-6)
            arcs = [place.arc for place in snapped.places]
            assert arcs == sorted(set(arcs))
            assert set(np.flatnonzero(away <= away.min() + 0.009)) <= set(arcs)
            assert (away[arcs] <= away.min() + 0.011).all()
            for place in snapped.places:
                spot = lines[place.arc].interpolate(place.fraction, normalized=True)
                assert spot.distance(point) == pytest.approx(away[place.arc], abs=1e-6)


def test_snapping_many_equals_snapping_one(baltimore: StreetGraph) -> None:
    rng = np.random.default_rng(7)
    lon = rng.uniform(baltimore.nodes.lon.min(), baltimore.nodes.lon.max(), 300)
    lat = rng.uniform(baltimore.nodes.lat.min(), baltimore.nodes.lat.max(), 300)
    snapper = Snapper(baltimore)
    together = snapper.snap_many(lon, lat)
    assert together == [snapper.snap_many([x], [y])[0] for x, y in zip(lon, lat, strict=True)]
    near = [s for s in together if s is not None]
    assert len(near) > 100
    for s in near:
        apart = haversine_m(s.lon, s.lat, s.street_lon, s.street_lat)
        assert s.distance_m == pytest.approx(apart, rel=5e-3, abs=1e-3)


def lanes() -> StreetGraph:
    """Two carriageways 10 m apart, east below and west above, and a two-way street far off."""
    graph = nx.MultiDiGraph(crs="epsg:4326")
    north = 10 / 111_000
    places = {
        1: (0, 0),
        2: (STEP, 0),
        3: (0, north),
        4: (STEP, north),
        5: (0, STEP),
        6: (STEP,) * 2,
    }
    for node, (x, y) in places.items():
        graph.add_node(node, x=LON + x, y=LAT + y)
    for u, v in ((1, 2), (4, 3), (5, 6), (6, 5)):
        graph.add_edge(u, v)
    return StreetGraph.from_networkx(graph)


def arcs_at(streets: StreetGraph, y_m: float, **about: float) -> set[str]:
    columns = {name: [value] for name, value in about.items()}
    point = [LON + STEP / 2], [LAT + y_m / 111_000]
    (snapped,) = Snapper(streets).snap_many(*point, **columns)
    assert snapped is not None
    return {streets.arcs.id[place.arc] for place in snapped.places}


def test_the_course_chooses_between_lanes() -> None:
    streets = lanes()
    assert arcs_at(streets, 3.0) == {"1-2-0"}
    assert arcs_at(streets, 3.0, headings=90.0) == {"1-2-0"}
    assert arcs_at(streets, 3.0, headings=270.0) == {"4-3-0"}
    assert arcs_at(streets, 3.0, headings=270.0 - 59.0) == {"4-3-0"}
    assert arcs_at(streets, 3.0, headings=180.0) == {"1-2-0"}  # agrees with neither
    assert arcs_at(streets, 3.0, headings=math.nan) == {"1-2-0"}


def test_a_good_fix_outweighs_its_course_and_a_poor_one_does_not() -> None:
    streets = lanes()
    assert arcs_at(streets, -8.0, headings=270.0, accuracies_m=3.0) == {"1-2-0"}
    assert arcs_at(streets, -8.0, headings=270.0, accuracies_m=15.0) == {"4-3-0"}


def test_the_course_chooses_the_direction_of_a_two_way_street() -> None:
    streets = lanes()
    far = STEP * 111_000
    assert arcs_at(streets, far) == {"5-6-0", "6-5-0"}
    assert arcs_at(streets, far, headings=80.0) == {"5-6-0"}
    assert arcs_at(streets, far, headings=-95.0) == {"6-5-0"}
    assert arcs_at(streets, far, headings=0.0) == {"5-6-0", "6-5-0"}


def test_a_closed_direction_is_not_chosen_by_the_course() -> None:
    streets = lanes()
    usable = np.ones(len(streets.arcs), dtype=bool)
    usable[streets.arc_index("4-3-0")] = False
    snapped = Snapper(streets).snap_many(
        [LON + STEP / 2], [LAT + 8 / 111_000], open_arcs=usable, headings=[270.0]
    )[0]
    assert snapped is not None
    assert [streets.arcs.id[p.arc] for p in snapped.places] == ["1-2-0"]


def test_a_coarse_fix_may_lie_farther_from_its_street(small: StreetGraph) -> None:
    snapper = Snapper(small)
    point = [LON], [LAT - 0.0035]  # 389 m
    assert snapper.snap_many(*point) == [None]
    assert snapper.snap_many(*point, accuracies_m=[math.nan]) == [None]
    assert snapper.snap_many(*point, accuracies_m=[50.0]) == [None]
    assert snapper.snap_many(*point, accuracies_m=[100.0])[0] is not None


@pytest.mark.parametrize(
    "about",
    [
        {"headings": [1.0]},
        {"headings": [math.inf, 0.0]},
        {"accuracies_m": [-1.0, 1.0]},
        {"accuracies_m": [[1.0, 1.0]]},
    ],
)
def test_bad_courses_and_accuracies_are_refused(small: StreetGraph, about: dict) -> None:
    with pytest.raises(BadCoordinates):
        Snapper(small).snap_many([LON, LON], [LAT, LAT], **about)


@given(
    graphs(),
    st.lists(
        st.tuples(offsets, offsets, st.one_of(st.just(math.nan), st.floats(-180, 360))),
        min_size=1,
        max_size=6,
    ),
    st.floats(0.0, 40.0),
)
def test_the_likeliest_street_of_all(
    streets: StreetGraph, points: list[tuple[float, float, float]], accuracy: float
) -> None:
    """By the formula, on every segment of every arc: nothing likelier is passed over."""
    lon, lat, course = np.array(points).T
    lon, lat = lon * STEP + LON, lat * STEP + LAT
    metric = utm_for(float(streets.nodes.lon.mean()), float(streets.nodes.lat.mean()))
    found = Snapper(streets).snap_many(
        lon, lat, 200.0, headings=course, accuracies_m=np.full(len(lon), accuracy)
    )
    sigma = max(accuracy, 4.07)
    for i, snapped in enumerate(found):
        point = shapely.Point(metric.forward(lon[i], lat[i]))
        costs, agreeing = {}, set()
        for arc, line in enumerate(streets.arcs.line):
            xy = np.column_stack(metric.forward(*shapely.get_coordinates(line).T))
            for a, b in pairwise(xy):
                away = shapely.LineString([a, b]).distance(point)
                bearing = math.degrees(math.atan2(*(b - a)))
                off = abs((bearing - course[i] + 180.0) % 360.0 - 180.0)
                agrees = math.isnan(course[i]) or (off <= 60.0 and not np.array_equal(a, b))
                if away <= 200.0 + accuracy:
                    cost = away**2 + (0.0 if agrees else 2 * sigma**2 * math.log(100))
                    if cost < costs.get(arc, math.inf):
                        costs[arc] = cost
                    if agrees:
                        agreeing.add(arc)
        assert (snapped is None) == (not costs)
        if snapped is None:
            continue
        least = min(costs.values())
        for place in snapped.places:
            # Both directions of a street are kept where neither agrees, so the twin may count.
            twin = int(streets.arcs.twin[place.arc])
            cost = min(costs[place.arc], costs.get(twin, math.inf))
            assert math.sqrt(cost) == pytest.approx(math.sqrt(least), abs=0.011 + 1e-6)


@given(
    graphs(),
    st.lists(st.tuples(offsets, offsets), min_size=1, max_size=6),
    st.sampled_from([0.0, 0.005, 24.0, 200.0, 300.0]),
    st.none() | st.integers(0, 2**32),
)
def test_one_point_alone_is_snapped_as_among_many(
    streets: StreetGraph, points: list[tuple[float, float]], limit: float, seed: int | None
) -> None:
    snapper = Snapper(streets)
    usable = None if seed is None else np.random.default_rng(seed).random(len(streets.arcs)) < 0.8
    crossings = list(zip(streets.nodes.lon.tolist(), streets.nodes.lat.tolist(), strict=True))
    lonlat = [(LON + x * STEP, LAT + y * STEP) for x, y in points] + crossings
    many = snapper.snap_many(*zip(*lonlat, strict=True), limit, usable)
    for point, snapped in zip(lonlat, many, strict=True):
        expected = ([], math.inf) if snapped is None else (list(snapped.places), snapped.distance_m)
        assert snapper.places(*point, usable, limit) == expected
    with pytest.raises(BadCoordinates):
        snapper.places(math.nan, LAT, usable)


@pytest.mark.parametrize("many", [1, 100])
def test_a_place_the_maps_projection_cannot_reach_has_no_street(
    small: StreetGraph, many: int
) -> None:
    """A quarter round the earth from the map, on the equator, the projection is infinite."""
    lon, lat = LON - 88.6, 0.0
    found = Snapper(small).snap_many([lon] * many + [LON], [lat] * many + [LAT])
    assert found[:many] == [None] * many
    assert found[many] is not None
    every = np.ones(len(small.arcs.id), dtype=np.bool_)
    assert Snapper(small).places(lon, lat, every) == ([], math.inf)
