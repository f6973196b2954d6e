"""Closed lanes and water on the streets: the formulas, and both routers under them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import BadConditions, UnknownArc
from geo.routing.compiled import CompiledRouter
from geo.routing.conditions import OPEN, Conditions
from geo.routing.profiles import PROFILES
from geo.routing.reference import NetworkxRouter
from geo.routing.slowdowns import lane_closure_ms, wading_kph, wading_ms
from geo.routing.street_index import StreetIndex
from geo.streets.graph import StreetGraph
from geo.streets.lanes import lanes_of
from tests.geo.maps import arc_ms, conditions_on, graphs, made_graph
from tests.geo.rules import rules_of
from tests.geo.test_routing import at

CAR, SIREN, FOOT = PROFILES["civilian"], PROFILES["emergency"], PROFILES["foot"]


def kph(depth_m: float, profile: str) -> float:
    return float(wading_kph(np.array([depth_m]), PROFILES[profile])[0])


@pytest.mark.parametrize(
    ("depth_m", "expected"),
    [(0.1, 40.6548), (0.2, 12.3648), (0.25, 4.9698), (0.299, 2.0886)],
)
def test_cars_follow_the_published_curve(depth_m: float, expected: float) -> None:
    """0.0009 w² - 0.5529 w + 86.9448, worked out by hand."""
    assert kph(depth_m, "civilian") == pytest.approx(expected, abs=1e-4)
    # Emergency vehicles: the same curve, stretched to their limit.
    assert kph(depth_m / 0.3 * 0.5, "emergency") == pytest.approx(expected, abs=1e-4)


def test_dry_is_no_limit_and_too_deep_is_closed() -> None:
    for name, limit in (("civilian", 0.3), ("emergency", 0.5), ("foot", 0.5)):
        assert kph(0.0, name) == math.inf
        assert 0.0 < kph(limit - 1e-9, name) < 3.0
        assert kph(limit, name) == kph(9.0, name) == 0.0
    assert kph(0.35, "foot") == pytest.approx(2.9)
    ms = wading_ms(np.array([100.0, 100.0, 100.0]), np.array([0.0, 0.25, 0.3]), CAR)
    assert ms[0] == 0.0
    assert ms[1] == pytest.approx(100 / (4.9698 / 3.6) * 1000, rel=1e-6)
    assert ms[2] == math.inf


@given(st.floats(0.001, 0.5), st.floats(0.001, 0.5), st.sampled_from(sorted(PROFILES)))
def test_deeper_is_never_faster(one: float, other: float, profile: str) -> None:
    shallow, deep = sorted((one, other))
    assert kph(shallow, profile) >= kph(deep, profile) >= 0.0


def test_lanes_left() -> None:
    usual = np.array([600.0, 600.0, 600.0, 600.0, 600.0])
    lanes, closed = np.array([3, 3, 3, 1, 2]), np.array([1, 2, 3, 1, 9])
    slow = lane_closure_ms(usual, lanes, closed)
    assert slow.tolist() == pytest.approx([900.0, 1800.0, math.inf, math.inf, math.inf])


@pytest.mark.parametrize(
    ("edge", "lanes"),
    [
        ({"lanes": "4", "oneway": False}, 2),
        ({"lanes": "4", "oneway": True}, 4),
        ({"lanes": "3", "oneway": False}, 1),
        ({"lanes": "1", "oneway": False}, 1),
        ({"lanes": "3", "lanes:forward": "2", "oneway": False, "reversed": False}, 2),
        ({"lanes": "3", "lanes:forward": "2", "oneway": False, "reversed": True}, 1),
        ({"lanes:backward": "2", "reversed": True}, 2),
        ({"lanes": ["4", "2"], "oneway": True}, 2),
        ({"lanes": "3;4", "oneway": True}, 3),
        ({"lanes": 2.0, "oneway": True}, 2),
        ({"lanes": "1.5", "oneway": True}, 1),
        ({"lanes": "many", "highway": "trunk"}, 2),
        ({"lanes": math.nan, "highway": ["primary", "service"]}, 2),
        ({"lanes": "-3", "highway": "residential"}, 1),
        ({"highway": "motorway"}, 2),
        ({}, 1),
    ],
)
def test_lanes_of_an_edge(edge: dict[str, object], lanes: int) -> None:
    assert lanes_of(edge) == lanes


def test_lanes_survive_arrays_and_graphs(small: StreetGraph) -> None:
    arcs = small.arcs
    lanes = np.arange(len(arcs)) % 3 + 1
    streets = StreetGraph.from_arrays(
        lon=small.nodes.lon,
        lat=small.nodes.lat,
        tail=arcs.tail,
        head=arcs.head,
        speed_kph=arcs.speed_kph,
        lanes=lanes,
    )
    assert streets.arcs.lanes.tolist() == lanes.tolist()
    again = StreetGraph.from_networkx(streets.graph)
    assert again.arcs.lanes.tolist() == lanes.tolist()


def test_conditions_of_all_kinds_are_values() -> None:
    a = Conditions.of(lanes_closed={"p": 1, "q": 2}, flood_depths={"r": 0.2, "p": 0.1})
    b = Conditions.of(lanes_closed={"q": 2, "p": 1}, flood_depths={"p": 0.1, "r": 0.2})
    assert a == b != OPEN
    assert hash(a) == hash(b)
    for count in (0, -1, 21):
        with pytest.raises(BadConditions, match="not between 1 and 20"):
            Conditions.of(lanes_closed={"p": count})
    for depth in (-0.1, 10.1, math.nan, math.inf):
        with pytest.raises(BadConditions, match="between 0 and 10 m"):
            Conditions.of(flood_depths={"p": depth})


def test_both_routers_refuse_unknown_arcs(small: StreetGraph) -> None:
    for router in (NetworkxRouter(small, "foot"), CompiledRouter(small, "foot")):
        for conditions in (
            Conditions.of(lanes_closed={"9-9-9": 1}),
            Conditions.of(flood_depths={"9-9-9": 0.0}),
        ):
            with pytest.raises(UnknownArc, match="9-9-9"):
                router.etas([at(0, 0)], at(1, 0), conditions)


def wide() -> StreetGraph:
    """The small map with two lanes a direction from 1 to 2 and one elsewhere."""
    graph = made_graph()
    for u, v, _, data in graph.edges(keys=True, data=True):
        if {u, v} == {1, 2}:
            data["lanes"] = "4"
    return StreetGraph.from_networkx(graph)


def routers(profile: str) -> list[NetworkxRouter | CompiledRouter]:
    streets = wide()
    index = StreetIndex.of(streets, rules_of(streets))
    return [NetworkxRouter(streets, profile), CompiledRouter(streets, profile, index=index)]


def test_the_next_query_sees_it_and_the_one_after_does_not() -> None:
    source, target = at(0.1, 0), at(0.9, 0)
    for router in routers("civilian"):
        (usual,) = router.etas([source], target)
        narrow = Conditions.of(lanes_closed={"1-2-0": 1, "2-1-0": 1})
        assert router.etas([source], target, narrow) == [pytest.approx(2 * usual, abs=0.002)]
        wet = Conditions.of(flood_depths={"1-2-0": 0.2})
        metres = router.route(source, target).metres
        (waded,) = router.etas([source], target, wet)
        assert waded == pytest.approx(metres / (12.3648 / 3.6), abs=0.01)
        assert router.route(source, target, wet).seconds == waded
        assert router.etas([source], target) == [usual]


def test_of_several_conditions_the_slowest_holds() -> None:
    source, target = at(0.1, 0), at(0.9, 0)
    for router in routers("civilian"):
        alone = [
            Conditions.of(speed_factors={"1-2-0": 0.4}),
            Conditions.of(lanes_closed={"1-2-0": 1}),
            Conditions.of(flood_depths={"1-2-0": 0.2}),
        ]
        together = Conditions.of(
            speed_factors={"1-2-0": 0.4}, lanes_closed={"1-2-0": 1}, flood_depths={"1-2-0": 0.2}
        )
        seconds = [router.etas([source], target, one)[0] for one in alone]
        assert len(set(seconds)) == 3
        assert router.etas([source], target, together) == [max(seconds)]
        shut = Conditions.of(closed=["1-2-0"], flood_depths={"1-2-0": 0.01})
        assert router.etas([source], target, shut) == [math.inf]  # 3 to 4 is against the one-way


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_no_lane_left_is_closed_to_drivers_and_deep_water_to_those_it_stops(profile: str) -> None:
    source, target = at(0, 0.5), at(0.9, 0)
    for router in routers(profile):
        assert router.route(source, target).arcs == ("3-1-0", "1-2-0")
        one, all_lanes = ({"1-2-0": 1}, {"1-2-0": 2})
        assert router.etas([source], target, Conditions.of(lanes_closed=one))[0] < 900
        shut = Conditions.of(lanes_closed=all_lanes)
        closed = Conditions.of(closed=["1-2-0"])
        expected = OPEN if profile == "foot" else closed
        assert router.etas([source], target, shut) == router.etas([source], target, expected)
        for depth in (0.29, 0.31, 0.49, 0.5, 2.0):
            deep = Conditions.of(flood_depths={"1-2-0": depth})
            near = [at(0.45, 0)], at(0.55, 0)
            waded = router.etas(*near, deep) != router.etas(*near, closed)
            assert waded == (depth < PROFILES[profile].wading_limit_m)


@given(graphs(), st.sampled_from(sorted(PROFILES)), st.data())
def test_arc_by_arc_as_said(streets: StreetGraph, profile: str, data: st.DataObject) -> None:
    """Both routers weigh each arc as plain arithmetic does, after any conditions before."""
    plain = NetworkxRouter(streets, profile)
    compiled = CompiledRouter(streets, profile, index=StreetIndex.of(streets, rules_of(streets)))
    for conditions in data.draw(st.lists(conditions_on(streets), min_size=1, max_size=4)):
        expected = [
            arc_ms(streets, PROFILES[profile], conditions, i) for i in range(len(streets.arcs))
        ]
        rounded = [max(1.0, float(np.rint(ms))) for ms in expected]
        open_arcs = [math.isfinite(ms) for ms in expected]
        weighed = compiled._metrics.under(conditions)
        assert weighed.open_arcs.tolist() == open_arcs
        assert weighed.lane_ms[: len(expected)].tolist() == rounded
        metric = plain._metric(conditions)
        assert metric.open_arcs.tolist() == open_arcs
        assert metric.weighted.ms[: len(expected)].tolist() == rounded
