"""Map matching against drives whose streets are known."""

from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

from city.make import make_city
from geo.crs import utm_for
from geo.errors import BadFix
from geo.maps.load import load_streets
from geo.speeds.lane_reach import LaneReach
from geo.speeds.matching import Matched, Matcher, Track
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapper
from tests.geo.drives import Driver
from tests.geo.maps import LAT, LON, STEP, graphs, made_graph


def driven_m(streets: StreetGraph, matched: Matched) -> np.ndarray:
    """Metres matched to each arc."""
    metres = (matched.part_end - matched.part_start) * streets.arcs.length_m[matched.part_arc]
    return np.bincount(matched.part_arc, metres, minlength=len(streets.arcs))


def check(streets: StreetGraph, track: Track, matched: Matched) -> None:
    """What holds of every answer, whatever the track."""
    assert (np.diff(matched.fix) > 0).all()
    assert len(matched.fix) == 0 or (matched.fix[0] >= 0 and matched.fix[-1] < len(track))
    assert ((matched.part_start >= 0) & (matched.part_end <= 1)).all()
    assert (matched.part_start <= matched.part_end).all()
    assert (np.diff(matched.step) >= 0).all()
    used = np.unique(matched.step)
    assert (matched.drive[used] == matched.drive[used + 1]).all()
    arcs = streets.arcs
    for i in range(1, len(matched.step)):
        if matched.drive[matched.step[i]] != matched.drive[matched.step[i - 1]]:
            continue
        a, b = int(matched.part_arc[i - 1]), int(matched.part_arc[i])
        if a == b and matched.part_start[i] == matched.part_end[i - 1]:
            continue
        assert (matched.part_end[i - 1], matched.part_start[i]) == (1.0, 0.0)
        end = arcs.tail[a] if matched.part_against[i - 1] else arcs.head[a]
        begin = arcs.head[b] if matched.part_against[i] else arcs.tail[b]
        assert end == begin
    total = sum(matched.left_out.values())
    assert total + len(matched.fix) == len(track)


def evaluate(streets: StreetGraph, drives: int, **seen) -> tuple[float, float]:
    """Share of the true metres that are found, and of the found ones that are wrong."""
    driver, matcher = Driver(streets, 1), Matcher(streets)
    length = streets.arcs.length_m
    hit = true = wrong = found = 0.0
    for _ in range(drives):
        drive = driver.drive(driver.route(), **seen)
        matched = matcher.match(drive.track)
        check(streets, drive.track, matched)
        metres = driven_m(streets, matched)
        inner = np.array(sorted(set(drive.arcs[1:-1])), dtype=np.int64)
        hit += length[inner][metres[inner] > 0.5 * length[inner]].sum()
        true += length[inner].sum()
        found += metres.sum()
        wrong += metres.sum() - metres[sorted(set(drive.arcs))].sum()
    return hit / true, wrong / found


@pytest.mark.parametrize(
    ("seen", "recall", "wrong"),
    [
        # An expressway stands above streets in this city, 15 m aside: what is lost is that.
        ({}, 0.95, 0.04),
        ({"course": True}, 0.95, 0.04),
        ({"noise_m": 4.0, "every_s": 2.0}, 0.99, 0.01),
        ({"every_s": 20.0}, 0.9, 0.08),
    ],
)
def test_streets_of_the_made_city_are_found(seen, recall, wrong):
    streets = make_city(1, "small", lambda _: None).streets
    found, strayed = evaluate(streets, 25, **seen)
    assert found > recall
    assert strayed < wrong


@pytest.mark.parametrize("name", ["monaco.osm.pbf", "baltimore.osm.pbf"])
def test_streets_of_real_maps_are_found(shared_data: Path, name):
    streets = load_streets(shared_data / name)
    found, strayed = evaluate(streets, 25)
    assert found > 0.97
    assert strayed < 0.03


def line_of(*points: tuple[float, float]) -> tuple[list[float], list[float]]:
    return [LON + x * STEP for x, _ in points], [LAT + y * STEP for _, y in points]


@pytest.fixture
def along(small: StreetGraph) -> Track:
    """East along 1-2-5, a fix every 5 s."""
    return Track.of(np.arange(20) * 5.0, *line_of(*((i / 10 + 0.02, 0) for i in range(20))))


def test_a_straight_drive(small, along):
    matched = Matcher(small).match(along)
    check(small, along, matched)
    ids = [small.arcs.id[i] for i in dict.fromkeys(matched.part_arc.tolist())]
    assert ids == ["1-2-0", "2-5-0"]
    assert matched.left_out == {}
    assert driven_m(small, matched).sum() == pytest.approx(1.9 * 190.1, rel=0.01)


def test_the_course_chooses_the_direction_where_one_fix_does_not(small):
    for course, arc in ((90.0, "1-2-0"), (270.0, "2-1-0")):
        track = Track.of([0, 5], *line_of((0.4, 0), (0.4, 0.0)), courses=[course] * 2)
        moved = Track.of([0, 5], *line_of((0.4, 0), (0.5, 0.0)), courses=[course] * 2)
        assert len(Matcher(small).match(track).fix) == 0  # it stands: one fix is no drive
        found = Matcher(small).match(moved)
        assert {small.arcs.id[i] for i in found.arc.tolist()} == {
            arc if course == 90.0 else "1-2-0"
        }


def test_an_outlier_is_left_out(small, along):
    lon, lat = along.lon.copy(), along.lat.copy()
    lon[7], lat[7] = LON + 0.02 * STEP, LAT + 0.98 * STEP  # for one fix on a street far off
    track = Track.of(along.time, lon, lat, np.full(20, 5.0))
    matched = Matcher(small).match(track)
    check(small, track, matched)
    assert 7 not in matched.fix
    assert matched.drive.max() == 0
    assert {small.arcs.id[i] for i in matched.part_arc.tolist()} == {"1-2-0", "2-5-0"}


def test_gaps_and_stands_end_a_drive(small, along):
    late = along.time + np.where(np.arange(20) >= 10, 200.0, 0.0)
    matched = Matcher(small).match(Track.of(late, along.lon, along.lat))
    assert matched.drive.tolist() == [0] * 10 + [1] * 10
    # Twelve fixes at one spot: a stand of three minutes, then of one.
    for every, drives in ((15.0, 2), (5.0, 1)):
        lon = np.concatenate([along.lon[:10], np.full(12, along.lon[9]), along.lon[10:]])
        lat = np.full(32, LAT)
        time = np.cumsum(np.concatenate([np.full(10, 5.0), np.full(12, every), np.full(10, 5.0)]))
        track = Track.of(time, lon, lat)
        matched = Matcher(small).match(track)
        check(small, track, matched)
        assert matched.drive.max() + 1 == drives
        assert matched.left_out == {"standing": 12}


def test_noise_while_creeping_is_no_driving_backwards(small):
    x = [0.1, 0.25, 0.21, 0.32, 0.30, 0.45]
    track = Track.of(np.arange(6) * 10.0, *line_of(*((i, 0) for i in x)), np.full(6, 4.0))
    matched = Matcher(small).match(track)
    check(small, track, matched)
    assert {small.arcs.id[i] for i in matched.part_arc.tolist()} == {"1-2-0"}


def test_only_under_siren_against_a_oneway_street(small):
    track = Track.of(np.arange(8) * 5.0, *line_of(*((i / 10 + 0.1, 1) for i in range(8))))
    assert len(Matcher(small).match(track).fix) <= 2
    matched = Matcher(small, against=True).match(track)
    check(small, track, matched)
    assert {small.arcs.id[i] for i in matched.part_arc.tolist()} == {"4-3-0"}
    assert matched.part_against.all()
    assert (np.diff(matched.fraction) < 0).all()  # along the arc's own direction it goes back


def test_nothing_near_and_nothing_at_all(small):
    empty = Track.of([], [], [])
    check(small, empty, Matcher(small).match(empty))
    far = Track.of([0, 5, 10], [LON + 1, LON + 1.001, LON + 1.002], [LAT] * 3)
    matched = Matcher(small).match(far)
    check(small, far, matched)
    assert matched.left_out == {"no street near": 3}
    coarse = Track.of([0, 5], [LON, LON + 0.001], [LAT] * 2, [500.0, 101.0])
    assert Matcher(small).match(coarse).left_out == {"too inaccurate": 2}


@pytest.mark.parametrize("times", [[0, 0], [5, 0], [0, np.nan]])
def test_times_that_do_not_rise(times):
    with pytest.raises(BadFix, match="do not increase"):
        Track.of(times, [0, 0], [0, 0])


def test_columns_that_differ():
    with pytest.raises(BadFix, match="differ in length"):
        Track.of([0, 1], [0, 0], [0])


@settings(max_examples=80)
@given(
    graphs(),
    st.lists(st.tuples(st.floats(-1, 3), st.floats(-1, 3), st.floats(0, 300)), max_size=8),
)
def test_all_streets_within_a_radius(streets, points):
    lon = np.array([LON + x * STEP for x, _, _ in points])
    lat = np.array([LAT + y * STEP for _, y, _ in points])
    radius = np.array([r for _, _, r in points])
    near = Snapper(streets).near(lon, lat, radius)
    metric = utm_for(float(streets.nodes.lon.mean()), float(streets.nodes.lat.mean()))
    arcs = streets.arcs
    found = {
        (p, a): (f, d)
        for p, a, f, d in zip(near.point, near.arc, near.fraction, near.distance_m, strict=True)
    }
    for arc in range(len(arcs)):
        line = LineString(np.column_stack(metric.forward(*np.array(arcs.line[arc].coords).T)))
        for i in range(len(points)):
            spot = Point(metric.forward(lon[i], lat[i]))
            distance = line.distance(spot)
            first = arcs.twin[arc] < 0 or arcs.twin[arc] > arc
            if not first or distance > radius[i] + 1e-6:
                assert (i, arc) not in found
            elif distance < radius[i] - 1e-6:
                fraction, told = found[i, arc]
                assert told == pytest.approx(distance, abs=1e-6)
                there = line.interpolate(fraction, normalized=True)
                assert there.distance(spot) == pytest.approx(distance, abs=1e-5)


fixes = st.lists(
    st.tuples(
        st.floats(0.5, 200.0),
        st.floats(-1, 3),
        st.floats(-1, 3),
        st.one_of(st.just(np.nan), st.floats(0, 150)),
        st.one_of(st.just(np.nan), st.floats(0, 360)),
    ),
    max_size=25,
)


@settings(max_examples=150)
@given(graphs(), fixes, st.booleans())
def test_any_track_on_any_map(streets, rows, against):
    columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    track = Track.of(
        np.cumsum(columns[0]),
        LON + columns[1] * STEP,
        LAT + columns[2] * STEP,
        columns[3],
        columns[4],
    )
    matcher = Matcher(streets, against=against)
    matched = matcher.match(track)
    check(streets, track, matched)
    again = Matcher(streets, against=against).match(track)
    for name in ("fix", "arc", "fraction", "drive", "step", "part_arc", "part_end"):
        assert np.array_equal(getattr(matched, name), getattr(again, name))


@settings(max_examples=80)
@given(graphs(), st.integers(0, 2**32 - 1), st.booleans())
def test_ways_between_lanes_are_the_shortest(streets, seed, against):
    reach = LaneReach(streets, against=against)
    graph = nx.DiGraph()
    arcs, lanes = streets.arcs, range(reach.count)
    ends = [
        (arcs.head[arc], arcs.tail[arc]) if lane >= len(arcs) else (arcs.tail[arc], arcs.head[arc])
        for lane, arc in enumerate(reach.arc.tolist())
    ]
    graph.add_nodes_from(lanes)
    for a in lanes:
        for b in lanes:
            if ends[a][1] == ends[b][0]:
                back = arcs.twin[reach.arc[a]] == b if a < len(arcs) else reach.arc[a] == b
                back = back or (a < len(arcs) and reach.against_of[a] == b)
                graph.add_edge(a, b, m=float(reach.length_m[a]) + (50.0 if back else 0.0))
    rng = np.random.default_rng(seed)
    sources, targets = rng.integers(0, reach.count, (2, 30))
    limit = rng.uniform(0, 1500, 30)
    metres, seconds = reach.ways(sources, targets, limit)
    for a, b, most, found, took in zip(sources, targets, limit, metres, seconds, strict=True):
        try:
            shortest = nx.dijkstra_path_length(graph, a, b, weight="m")
        except nx.NetworkXNoPath:
            shortest = np.inf
        assert found == pytest.approx(shortest) if shortest <= most else found >= most
        if np.isfinite(found) and a != b:
            way = [a, *reach.between(int(a), int(b)), b]
            assert took == pytest.approx(reach.seconds[way[:-1]].sum())
            assert sum(graph.edges[u, v]["m"] for u, v in pairwise(way)) == pytest.approx(found)


def test_a_banned_turn_is_no_way():
    graph = made_graph()
    graph.graph["restrictions"] = [
        {
            "id": "relation/1",
            "kind": "no_left_turn",
            "bans": [["1-2-0", "2-4-0"]],
            "exempt": [],
            "condition": "",
        }
    ]
    streets = StreetGraph.from_networkx(graph)
    index = streets.arc_index
    one, other = np.array([index("1-2-0")]), np.array([index("2-4-0")])
    limit = np.array([5000.0])
    usual = LaneReach(StreetGraph.from_networkx(made_graph()), against=False)
    banned = LaneReach(streets, against=False)
    siren = LaneReach(streets, against=True)
    metres = [reach.ways(one, other, limit)[0] for reach in (usual, siren, banned)]
    assert metres[0] == metres[1] < metres[2]


def test_a_bent_street_is_followed():
    graph = nx.MultiDiGraph(crs="epsg:4326")
    graph.add_node(1, x=LON, y=LAT)
    graph.add_node(2, x=LON + STEP, y=LAT)
    bent = LineString([(LON, LAT), (LON, LAT + STEP), (LON + STEP, LAT + STEP), (LON + STEP, LAT)])
    for u, v, line in ((1, 2, bent), (2, 1, bent.reverse())):
        graph.add_edge(u, v, geometry=line, highway="residential", oneway=False)
    streets = StreetGraph.from_networkx(graph)
    at = [bent.interpolate(share, normalized=True) for share in np.linspace(0.05, 0.95, 15)]
    track = Track.of(np.arange(15) * 5.0, [p.x for p in at], [p.y for p in at])
    matched = Matcher(streets).match(track)
    check(streets, track, matched)
    assert {streets.arcs.id[i] for i in matched.part_arc.tolist()} == {"1-2-0"}
    assert (matched.part_end - matched.part_start).sum() == pytest.approx(0.9, abs=0.01)
