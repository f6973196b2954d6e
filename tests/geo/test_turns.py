import numpy as np
import pytest
from shapely.geometry import LineString

from geo.streets.graph import StreetGraph
from geo.streets.lines import Lines
from geo.streets.turns import NO_COSTS, OSRM_CAR, Restriction, TurnRules, banned_of, headings
from tests.geo.maps import LAT, LON, STEP, made_graph


def cross(signal: bool = False, **attributes: object) -> StreetGraph:
    """A crossing 0 with arms north 1, east 2, south 3, west 4, all two-way."""
    graph = made_graph()
    graph.clear()
    graph.graph |= {"crs": "epsg:4326", **attributes}
    for node, (x, y) in enumerate([(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]):
        graph.add_node(node, x=LON + x * STEP, y=LAT + y * STEP)
    if signal:
        graph.nodes[0]["highway"] = "traffic_signals"
    for node in (1, 2, 3, 4):
        graph.add_edge(0, node)
        graph.add_edge(node, 0)
    return StreetGraph.from_networkx(graph)


def ms(streets: StreetGraph, rules: TurnRules, start: int, end: int) -> int:
    return int(rules.turn_ms(streets.arc_index(f"{start}-0-0"), streets.arc_index(f"0-{end}-0")))


def test_a_turn_costs_by_its_angle() -> None:
    streets = cross()
    rules = streets.turns
    assert ms(streets, rules, 3, 1) == 0
    assert (
        ms(streets, rules, 3, 2) == OSRM_CAR.near_ms < OSRM_CAR.far_ms == ms(streets, rules, 3, 4)
    )
    assert ms(streets, rules, 3, 3) == OSRM_CAR.u_turn_ms
    dead_end = rules.turn_ms(streets.arc_index("0-1-0"), streets.arc_index("1-0-0"))
    assert dead_end == OSRM_CAR.dead_end_ms


def test_where_traffic_keeps_left_the_left_turn_is_the_near_one() -> None:
    streets = cross(driving_side="left")
    assert ms(streets, streets.turns, 3, 4) == OSRM_CAR.near_ms
    assert ms(streets, streets.turns, 3, 2) == OSRM_CAR.far_ms
    right = cross()
    assert ms(right, right.turns.left_hand(), 3, 4) == OSRM_CAR.near_ms


def test_signals_cost_whatever_the_turn_and_costs_can_be_switched_off() -> None:
    streets = cross(signal=True)
    rules = streets.turns
    assert rules.signals.tolist() == [0]
    assert ms(streets, rules, 3, 1) == OSRM_CAR.signal_ms
    assert ms(streets, rules, 3, 2) == OSRM_CAR.near_ms + OSRM_CAR.signal_ms
    free = rules.with_costs(NO_COSTS)
    assert NO_COSTS.free
    assert not OSRM_CAR.free
    assert {ms(streets, free, a, b) for a in range(1, 5) for b in range(1, 5)} == {0}


def test_many_turns_at_once_equal_one_by_one() -> None:
    streets = cross(signal=True)
    rules = streets.turns
    pairs = np.array(
        [
            (i, j)
            for i in range(len(streets.arcs))
            for j in range(len(streets.arcs))
            if streets.arcs.head[i] == streets.arcs.tail[j]
        ]
    )
    together = rules.turn_ms(pairs[:, 0], pairs[:, 1])
    assert together.dtype == np.int64
    assert together.tolist() == [int(rules.turn_ms(int(i), int(j))) for i, j in pairs]
    assert rules.turn_ms(np.array([], dtype=int), np.array([], dtype=int)).shape == (0,)


def test_going_on_along_one_street_costs_nothing_however_it_bends(small: StreetGraph) -> None:
    rules = small.turns
    bend = small.arc_index("4-3-0"), small.arc_index("3-1-0")  # two streets meet at node 3
    assert abs(rules.angle(*bend)) > 60
    assert rules.turn_ms(*bend) == 0


def test_a_graph_without_restrictions_has_an_empty_rule_set(small: StreetGraph) -> None:
    assert small.turns.banned == ()
    assert small.turns.restrictions == ()
    assert small.turns is small.turns


def test_bans_of_a_graph_are_by_arc_and_what_points_nowhere_is_counted() -> None:
    graph = made_graph()
    graph.graph["restrictions"] = [
        {"id": "a", "kind": "no_left_turn", "bans": [["1-2-0", "2-4-0"]], "exempt": ["emergency"]},
        {"id": "b", "kind": "no_u_turn", "bans": [["1-2-0", "4-2-0"], ["1-2-0", "9-9-0"]]},
        {"id": "c", "kind": "no_exit", "bans": [["5-2-0", "2-1-0", "1-3-0"]]},
    ]
    streets = StreetGraph.from_networkx(graph)
    rules = streets.turns
    left = (streets.arc_index("1-2-0"), streets.arc_index("2-4-0"))
    over = tuple(streets.arc_index(f"{pair}-0") for pair in ("5-2", "2-1", "1-3"))
    assert dict(zip(rules.banned, rules.emergency_exempt, strict=True)) == {left: True, over: False}
    assert streets.report.restrictions == 3
    assert streets.report.warnings["invalid banned turns left out"] == 2


def test_a_ban_on_a_duplicate_holds_on_the_arc_that_is_kept() -> None:
    graph = made_graph()
    graph.add_edge(2, 4, **graph.edges[2, 4, 0])
    graph.graph["restrictions"] = [
        {"id": "a", "kind": "no_left_turn", "bans": [["1-2-0", "2-4-1"], ["1-2-0", "2-4-0"]]}
    ]
    streets = StreetGraph.from_networkx(graph)
    assert streets.turns.banned == ((streets.arc_index("1-2-0"), streets.arc_index("2-4-0")),)


def test_a_turn_is_free_to_emergency_only_if_all_its_signs_say_so() -> None:
    both = [
        Restriction("a", "no_left_turn", ((1, 2),), ("emergency",)),
        Restriction("b", "no_entry", ((1, 2), (0, 2))),
    ]
    assert banned_of(both) == (((0, 2), (1, 2)), (False, False))
    assert banned_of(both[:1]) == (((1, 2),), (True,))


@pytest.mark.parametrize(
    ("to", "degrees"), [((0, 1), 0), ((1, 0), 90), ((0, -1), 180), ((-1, 0), 270)]
)
def test_headings(to: tuple[int, int], degrees: float) -> None:
    end = (LON + to[0] * STEP, LAT + to[1] * STEP)
    line = np.array([LineString([(LON, LAT), end, (end[0] + 1e-6, end[1] + 1e-6)])], dtype=object)
    start, late = headings(Lines.of(line))
    assert start[0] == pytest.approx(degrees, abs=0.1)
    assert late[0] == pytest.approx(degrees, abs=1.0)  # the hook of 15 cm at the end is no turn


def test_the_signal_behind_is_for_the_others() -> None:
    #  1 ---50 m--- 2 (signal) ---380 m--- 5: the stop line of those who come from 5
    graph = made_graph()
    graph.add_node(2, x=LON + 0.25 * STEP, y=LAT)
    graph.remove_edges_from([(2, 4), (4, 2)])
    graph.add_node(9, x=LON - STEP, y=LAT)
    graph.add_edge(1, 9)
    graph.add_edge(9, 1)
    streets = StreetGraph.from_networkx(graph)
    faced = streets.arcs.signalled
    assert faced[streets.arc_index("5-2-0")]
    assert not faced[streets.arc_index("1-2-0")]
    graph.edges[1, 2, 0]["signal"] = True
    graph.edges[5, 2, 0]["signal"] = False
    told = StreetGraph.from_networkx(graph)
    assert told.arcs.signalled[told.arc_index("1-2-0")]
    assert not told.arcs.signalled[told.arc_index("5-2-0")]
