"""The demo city: the same for a seed, tiled, connected, and everything in it within reach."""

from pathlib import Path

import numpy as np
import pytest
import shapely

from atlas.city import CityData
from atlas.errors import CityError
from atlas.folder import load_city, save_city
from city.make import make_city
from schemas import codes


@pytest.fixture(scope="module")
def full() -> CityData:
    return make_city(seed=7)


@pytest.fixture(scope="module")
def small() -> CityData:
    return make_city(seed=7, size="small")


@pytest.fixture(params=["small", "full"])
def made(request: pytest.FixtureRequest) -> CityData:
    return request.getfixturevalue(request.param)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.slow
def test_same_seed_same_bytes(full: CityData, tmp_path: Path) -> None:
    save_city(full, tmp_path / "a")
    save_city(make_city(seed=7), tmp_path / "b")
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_another_seed_is_another_city(small: CityData) -> None:
    other = make_city(seed=8, size="small")
    assert other.digest != small.digest
    assert other.units != small.units


def test_load_gives_back_what_was_saved(made: CityData, tmp_path: Path) -> None:
    save_city(made, tmp_path / "city")
    loaded = load_city(tmp_path / "city")
    assert loaded.digest == made.digest
    assert loaded.manifest == made.manifest
    assert loaded.places == made.places
    assert loaded.sensors == made.sensors
    assert loaded.units == made.units


def test_size(full: CityData, small: CityData) -> None:
    assert 2500 <= full.streets.report.nodes <= 4000
    assert 250 <= small.streets.report.nodes <= 400
    assert len(full.sensors) > 550
    assert {s.observed_property for s in small.sensors} == set(codes.observed_properties())
    assert {u.kind for u in small.units} == set(codes.unit_kinds())


def test_fleet_is_large_enough_for_the_demo(full: CityData) -> None:
    kinds = [u.kind for u in full.units]
    wanted = {
        "fire_engine": 40,
        "ladder_truck": 5,
        "hazmat_unit": 3,
        "ambulance": 40,
        "police_car": 40,
        "traffic_motorcycle": 24,
        "utility_crew": 14,
        "drainage_truck": 12,
        "city_patrol_car": 20,
        "environment_van": 8,
    }
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == wanted


@pytest.mark.parametrize("kind", ["subdistrict", "beat"])
def test_fences_tile_the_district(full: CityData, kind: str) -> None:
    district = next(f.geometry for f in full.fences if f.kind == "district")
    parts = [f.geometry for f in full.fences if f.kind == kind]
    assert sum(p.area for p in parts) == pytest.approx(district.area, rel=1e-12)
    assert shapely.coverage_is_valid(parts)
    assert shapely.symmetric_difference(shapely.union_all(parts), district).area == 0.0


def test_every_point_of_the_district_is_in_a_beat_of_its_subdistrict(full: CityData) -> None:
    rng = np.random.default_rng(3)
    west, south, east, north = full.manifest.bounds
    lon, lat = rng.uniform(west, east, 3000), rng.uniform(south, north, 3000)
    index = full.fence_index
    inside, _ = index.locate(lon, lat, "district")
    lon, lat = lon[inside], lat[inside]
    for kind in ("subdistrict", "beat"):
        points, _ = index.locate(lon, lat, kind)
        assert np.array_equal(np.unique(points), np.arange(lon.size))
    for x, y in zip(lon[:300].tolist(), lat[:300].tolist(), strict=True):
        own = {f.id for f in index.locate_one(x, y, "subdistrict")}
        assert {f.attributes["subdistrict"] for f in index.locate_one(x, y, "beat")} <= own


def test_streets_are_one_strongly_connected_part(made: CityData) -> None:
    report = made.streets.report
    assert report.components == 1
    assert report.warnings == {}
    assert report.signals > 100


def test_streets_have_oneways_and_lanes_for_emergency_vehicles(full: CityData) -> None:
    arcs = full.streets.arcs
    assert 0.03 < arcs.oneway.mean() < 0.4
    assert arcs.emergency_only.any()
    assert (arcs.twin[~arcs.oneway] >= 0).all()
    assert {"南京西路", "Nanjing West Road", "共和新路"} <= set(full.streets.names())


def test_all_is_near_a_street(made: CityData) -> None:
    points = [s.point for s in made.sensors] + [u.home for u in made.units]
    snapped = made.snapper.snap_many([p.lon for p in points], [p.lat for p in points], 60.0)
    assert all(s is not None for s in snapped)
    homes = snapped[len(made.sensors) :]
    assert max(s.distance_m for s in homes if s is not None) < 1.0


def test_units_belong_to_stations_of_their_service(made: CityData) -> None:
    kinds = {(made.places_by_id[u.station].kind, u.department) for u in made.units}
    assert len(kinds) == 8
    for unit in made.units:
        assert unit.capabilities == codes.unit_kind(unit.kind).capabilities
        assert unit.state == "available"
        assert unit.position == unit.home


def test_ids_and_names_are_unique(made: CityData) -> None:
    for ids in (
        [s.id for s in made.sensors],
        [u.id for u in made.units],
        [p.id for p in made.places],
        [p.name for p in made.places],
        [u.name for u in made.units],
    ):
        assert len(ids) == len(set(ids))


def test_places_are_found_by_what_people_say(made: CityData) -> None:
    for text, name in (
        ("久光百货门口有人晕倒", "久光百货"),
        ("smoke near Plaza 66", "恒隆广场"),
        ("共和新路大宁路路口撞车了", "共和新路"),
    ):
        assert any(name in match.name for match in made.gazetteer.find(text))


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(CityError, match="small, full"):
        make_city(size="huge")
