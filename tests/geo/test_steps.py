import numpy as np
import pytest

from geo.errors import Unreachable
from geo.routing.compiled import CompiledRouter
from geo.routing.reference import NetworkxRouter
from geo.routing.steps import Manoeuvre, steps
from geo.streets.graph import StreetGraph
from tests.geo.test_routing import at


def test_words_of_a_route(small: StreetGraph) -> None:
    route = NetworkxRouter(small, "civilian").route(at(0.25, 0), at(1, 0.5))
    depart, turn, arrive = steps(route, small)
    assert depart.zh == "沿南京西路向东行驶 140 米"
    assert depart.en == "Drive east along 南京西路 for 140 m"
    assert (turn.manoeuvre, turn.street, turn.at_signal) == (Manoeuvre.LEFT, "茂名北路", True)
    assert turn.zh == "在信号灯处左转进入茂名北路，行驶 110 米"
    assert turn.en == "Turn left at the signal onto 茂名北路, then 110 m"
    assert (arrive.manoeuvre, arrive.metres) == (Manoeuvre.ARRIVE, 0.0)
    assert (arrive.zh, arrive.en) == ("到达目的地", "Arrive at the destination")
    right = steps(NetworkxRouter(small, "civilian").route(at(1.5, 0), at(1, 0.5)), small)
    assert [step.manoeuvre for step in right] == ["depart", "right", "arrive"]


def test_straight_on_needs_no_word_and_u_turns_and_wrong_ways_do(small: StreetGraph) -> None:
    router = NetworkxRouter(small, "civilian")
    assert len(steps(router.route(at(0.25, 0), at(1.5, 0)), small)) == 2
    emergency = steps(NetworkxRouter(small).route(at(0.4, 1), at(0.6, 1)), small)
    assert emergency[0].against
    assert emergency[0].zh.startswith("沿威海路向东行驶")
    assert "逆行" in emergency[0].zh
    assert "oncoming" in emergency[0].en
    renamed = small.graph.copy()
    renamed.edges[2, 5, 0]["name"] = renamed.edges[5, 2, 0]["name"] = "North Road"
    streets = StreetGraph.from_networkx(renamed)
    told = steps(NetworkxRouter(streets, "civilian").route(at(0.25, 0), at(1.5, 0)), streets)
    assert told[1].zh == "在信号灯处直行进入North Road，行驶 100 米"
    assert told[1].en == "Continue straight at the signal onto North Road, then 100 m"


@pytest.mark.parametrize("name", ["shanghai", "baltimore"])
def test_steps_add_up_to_the_route(name: str, request: pytest.FixtureRequest) -> None:
    streets: StreetGraph = request.getfixturevalue(name)
    router = CompiledRouter(streets)
    nodes = np.random.default_rng(5).integers(0, len(streets.nodes.id), (40, 2))
    lonlat = list(zip(streets.nodes.lon.tolist(), streets.nodes.lat.tolist(), strict=True))
    told = 0
    for source, target in nodes.tolist():
        try:
            route = router.route(lonlat[source], lonlat[target])
        except Unreachable:
            continue
        way = steps(route, streets)
        assert way[0].manoeuvre is Manoeuvre.DEPART
        assert [step.manoeuvre for step in way].count(Manoeuvre.ARRIVE) == 1
        assert way[-1].manoeuvre is Manoeuvre.ARRIVE
        assert sum(step.milliseconds for step in way) == sum(route.arc_ms)
        assert sum(step.metres for step in way) == pytest.approx(route.metres, rel=1e-5, abs=0.01)
        firsts = [step.first_arc for step in way[:-1]]
        assert firsts == sorted(set(firsts))
        told += len(way)
    assert told > 100
