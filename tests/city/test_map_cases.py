"""The public cases of maps beside the clone, each with its right answer."""

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlas.errors import CityError
from atlas.folder import load_city, save_city
from city.import_map import import_map
from city.make import make_city
from cli.city import city as city_app
from geo.errors import BadFence
from geo.fences.index import FenceIndex, fences_from_geojson
from geo.maps.load import load_streets
from geo.routing.compiled import CompiledRouter
from tests.conftest import lacking

WEST, EAST = (121.40, 31.20), (121.43, 31.20)


@pytest.fixture
def cases(shared_data: Path) -> Path:
    found = shared_data.parent / "cases"
    if not found.is_dir():
        lacking(f"public cases in {found}")
    return found


def reached(path: Path, profile: str, *, back: bool = False) -> bool:
    ends = (EAST, WEST) if back else (WEST, EAST)
    seconds = CompiledRouter(load_streets(path), profile).etas([ends[0]], ends[1])[0]
    return math.isfinite(seconds)


def test_23_ways_before_nodes(cases: Path) -> None:
    facts = import_map(cases / "23-osm-ways-before-nodes/waysfirst.osm", region="t1").facts
    assert "fire station: 1 in the map, 3 generated" in facts
    assert "hospital: 1 in the map" in facts


def test_25_ids_below_zero(cases: Path) -> None:
    file = cases / "25-osm-negative-ids/negative.osm"
    done = CliRunner().invoke(city_app, ["inspect", str(file)])
    assert done.exit_code == 0
    assert "2 crossings, 2 arcs" in done.output
    assert "1 ways with an id below zero (not uploaded) renumbered: way/-1" in done.output


@pytest.mark.parametrize("profile", ["civilian", "emergency"])
@pytest.mark.parametrize("back", [False, True])
def test_26_alternating_traffic(cases: Path, profile: str, back: bool) -> None:
    assert reached(cases / "26-osm-oneway-alternating/alternating.osm", profile, back=back)


@pytest.mark.parametrize(
    ("name", "civilian"),
    [
        ("pedestrian", False),
        ("pedestrian_cars_allowed", True),
        ("bus_only", False),
        ("busway", False),
    ],
)
def test_27_streets_closed_to_cars(cases: Path, name: str, civilian: bool) -> None:
    file = cases / f"27-osm-streets-closed-to-cars/{name}.osm"
    assert reached(file, "emergency")
    assert reached(file, "civilian") == civilian


def test_29_a_ferry(cases: Path) -> None:
    streets = load_streets(cases / "29-osm-ferry/ferry.osm")
    for profile in ("civilian", "emergency"):
        seconds = CompiledRouter(streets, profile).etas([WEST], EAST)[0]
        assert 600 < seconds < 600 + 150


def test_30_left_hand_traffic(cases: Path) -> None:
    streets = load_streets(cases / "30-osm-left-hand-traffic/left.osm")
    router = CompiledRouter(streets, "civilian")
    west, north, south = (103.84, 1.29), (103.85, 1.30), (103.85, 1.28)
    left, right = (router.etas([west], end)[0] for end in (north, south))
    assert left < right


@pytest.mark.parametrize(
    ("name", "there", "back"),
    [
        ("oneway_motor_vehicle", True, False),
        ("motorcar_no", False, False),
        ("semicolon", False, False),
    ],
)
def test_34_direction_and_class(cases: Path, name: str, there: bool, back: bool) -> None:
    file = cases / f"34-osm-direction-and-class-of-vehicle/{name}.osm"
    assert reached(file, "civilian") == there
    assert reached(file, "civilian", back=True) == back


def test_38_a_fence_across_the_antimeridian(cases: Path, tmp_path: Path) -> None:
    feature = json.loads((cases / "38-fence-antimeridian/feature.json").read_text())
    save_city(make_city(1, "small"), tmp_path / "city")
    fences = tmp_path / "city" / "fences.geojson"
    collection = json.loads(fences.read_text())
    collection["features"].append(feature)
    fences.write_text(json.dumps(collection))
    with pytest.raises(CityError, match=r"'taveuni' .*180 degrees .*MultiPolygon"):
        load_city(tmp_path / "city")
    # The same fence, cut as RFC 7946 has it:
    box = [[[179.99, 31.2], [180, 31.2], [180, 31.3], [179.99, 31.3], [179.99, 31.2]]]
    other = [[[-180, 31.2], [-179.99, 31.2], [-179.99, 31.3], [-180, 31.3], [-180, 31.2]]]
    feature["geometry"] = {"type": "MultiPolygon", "coordinates": [box, other]}
    index = FenceIndex(fences_from_geojson({"features": [feature]}))
    found = [bool(index.locate_one(lon, 31.25)) for lon in (179.995, -179.995, 121.0)]
    assert found == [True, True, False]


@pytest.mark.parametrize(
    ("ring", "refused"),
    [
        ([[-90, 0], [90, 0], [90, 9], [-90, 9], [-90, 0]], False),
        ([[-90.1, 0], [90, 0], [90, 9], [-90, 9], [-90.1, 0]], True),
        ([[0, 0], [9, 0], [9, 9], [0, 0]], False),
    ],
)
def test_an_edge_longer_than_half_the_globe(ring: list[list[float]], refused: bool) -> None:
    hole = [[1, 1], [2, 1], [2, 2], [1, 1]]
    for rings in ([ring], [ring, hole]):
        geometry = {"type": "Polygon", "coordinates": rings}
        feature = {"id": "f", "geometry": geometry, "properties": {"kind": "beat"}}
        fences = fences_from_geojson({"features": [feature]})
        if refused:
            with pytest.raises(BadFence, match="RFC 7946"):
                FenceIndex(fences)
        else:
            assert len(FenceIndex(fences)) == 1
