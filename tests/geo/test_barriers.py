from pathlib import Path

import numpy as np
import pytest

from geo.maps.barriers import OPENING_S, barrier_of
from geo.routing.reference import NetworkxRouter
from geo.streets.graph import StreetGraph
from tests.geo.maps import LAT, LON, STEP
from tests.geo.test_restrictions import osm


@pytest.mark.parametrize(
    ("tags", "openable"),
    [
        ({"barrier": "gate"}, True),
        ({"barrier": "lift_gate"}, True),
        ({"barrier": "bollard"}, True),
        ({"barrier": "bollard", "bollard": "fixed"}, False),
        ({"barrier": "block"}, False),
        ({"barrier": "block", "emergency": "yes"}, True),
        ({"barrier": "gate", "emergency": "no"}, False),
        ({"barrier": "gate", "access": "private"}, True),
        ({"barrier": "gate", "access": "yes"}, None),
        ({"barrier": "gate", "access": "private", "motor_vehicle": "destination"}, None),
        ({"barrier": "bollard", "bollard": "removable"}, True),
        ({"barrier": "bollard", "bollard": "rising"}, True),
        ({"barrier": "bollard", "bollard": "irremovable"}, False),
        ({"barrier": "bollard", "motorcar": "yes", "access": "no"}, None),
        ({"barrier": "gate", "access": "agricultural;forestry"}, True),
        ({"barrier": "gate", "access": "agricultural;destination"}, None),
        ({"barrier": "fence", "sensory": "audible"}, None),
        ({"barrier": "entrance", "access": "some_tag"}, None),
        ({"barrier": "toll_booth"}, None),
        ({"barrier": "kerb"}, None),
        ({}, None),
    ],
)
def test_who_gets_through(tags: dict[str, str], openable: bool | None) -> None:
    assert barrier_of(tags) == (None if openable is None else (tags["barrier"], openable))


@pytest.mark.parametrize(
    ("tags", "openable"),
    [
        ({"access": "no"}, True),
        ({"motorcar": "no", "access": "yes"}, True),
        ({"barrier": "toll_booth", "motor_vehicle": "no"}, True),
        ({"access": "no", "emergency": "no"}, False),
        ({"access": "no", "motorcar": "yes"}, None),
        ({"access": "private"}, None),
        ({"highway": "crossing"}, None),
    ],
)
def test_a_sign_without_a_barrier_keeps_cars_out(
    tags: dict[str, str], openable: bool | None
) -> None:
    assert barrier_of(tags) == (None if openable is None else ("sign", openable))


def street(tmp_path: Path, node: int, tags: dict[str, str]) -> StreetGraph:
    """A street 1-2-3 and, at its end, the street 3-6-9."""
    ways = {5: [1, 2, 3], 7: [3, 6, 9]}
    return osm(tmp_path, ways, [], {"restriction": "no_u_turn"}, node_tags={node: tags})


@pytest.mark.parametrize("node", [2, 3])
def test_a_gate_is_a_metre_of_street_for_crews(tmp_path: Path, node: int) -> None:
    streets = street(tmp_path, node, {"barrier": "gate"})
    shut = streets.arcs.emergency_only
    assert {streets.arcs.id[i] for i in np.flatnonzero(shut)} == {
        f"-{node}-{node}-0",
        f"{node}--{node}-0",
    }
    np.testing.assert_allclose(streets.arcs.length_m[shut], 1.0, atol=0.01)
    assert (streets.arcs.ms[shut] == OPENING_S * 1000).all()
    assert streets.report.components == 1
    assert streets.report.warnings["barriers open to emergency vehicles only"] == 1
    ends = (LON + 0.1 * STEP, LAT), (LON + 2 * STEP, LAT + 1.9 * STEP)
    assert NetworkxRouter(streets, "civilian").etas(ends[:1], ends[1]) == [np.inf]
    assert NetworkxRouter(streets, "emergency").etas(ends[:1], ends[1])[0] < 100
    assert NetworkxRouter(streets, "civilian").etas([ends[0]], (LON + 0.9 * STEP, LAT))[0] < 30


def test_what_nobody_opens_parts_the_street(tmp_path: Path) -> None:
    streets = street(tmp_path, 2, {"barrier": "block"})
    assert not streets.arcs.emergency_only.any()
    assert streets.report.components == 2
    assert streets.report.warnings["barriers closed to all"] == 1


def test_a_gate_at_a_dead_end_or_a_crossing_closes_nothing(tmp_path: Path) -> None:
    assert not street(tmp_path, 1, {"barrier": "gate"}).arcs.emergency_only.any()
    crossing = osm(
        tmp_path,
        {5: [1, 2, 3], 1: [2, 5]},
        [],
        {"restriction": "no_u_turn"},
        node_tags={2: {"barrier": "gate"}},
    )
    assert not crossing.arcs.emergency_only.any()
    what = "barriers where several streets meet not taken for closed"
    assert crossing.report.warnings[what] == 1
