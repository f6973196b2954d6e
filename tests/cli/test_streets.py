"""`jingwei route` and `jingwei isochrone` on the small made city."""

import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from atlas.city import CityData
from atlas.folder import save_city
from city.make import make_city
from cli.exit_codes import FAILED, USAGE
from geo.routing.compiled import CompiledRouter
from geo.routing.conditions import Conditions
from tests.cli.conftest import Run, data


@pytest.fixture(scope="module")
def city() -> CityData:
    return make_city(1, "small", lambda _: None)


@pytest.fixture(scope="module")
def ask(city: CityData, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("streets")
    save_city(city, folder / "city")
    return ("--city", str(folder / "city"), "--home", str(folder / "home"))


@pytest.fixture(scope="module")
def ends(city: CityData) -> tuple[str, str]:
    """Return two units whose stations are far apart."""
    router = CompiledRouter(city.streets, "emergency", city.snapper)
    posts = {unit.station: unit for unit in city.units}
    first = next(iter(posts.values()))
    here = city.places_by_id[first.station].point
    points = {s: city.places_by_id[s].point for s in posts}
    times = {s: router.route((here.lon, here.lat), (p.lon, p.lat)) for s, p in points.items()}
    return first.id, posts[max(times, key=lambda s: times[s].milliseconds)].id


def test_a_route_is_the_routers(run: Run, city: CityData, ask: Any, ends: tuple[str, str]) -> None:
    told = data(run("route", *ends, *ask, "--json"))
    router = CompiledRouter(city.streets, "emergency", city.snapper)
    units = {unit.id: unit for unit in city.units}
    points = [city.places_by_id[units[i].station].point for i in ends]
    way = router.route(*[(p.lon, p.lat) for p in points])
    assert told["seconds"] == way.seconds
    assert told["metres"] == pytest.approx(way.metres, abs=0.05)
    assert told["geometry"]["type"] == "LineString"
    assert [tuple(xy) for xy in told["geometry"]["coordinates"]] == list(way.coordinates)
    assert told["steps"][0]["manoeuvre"] == "depart"
    assert told["steps"][-1]["manoeuvre"] == "arrive"
    assert sum(s["seconds"] for s in told["steps"]) + told["walk_seconds"] == pytest.approx(
        told["seconds"]
    )


def test_a_closed_street_is_not_driven(
    run: Run, city: CityData, ask: Any, ends: tuple[str, str]
) -> None:
    usual = data(run("route", *ends, *ask, "--json"))
    street = usual["streets"][len(usual["streets"]) // 2]
    around = data(run("route", *ends, *ask, "--close", street, "--json"))
    assert street not in around["streets"]
    assert around["seconds"] > usual["seconds"]
    expected = {city.streets.arcs.id[i] for i in city.streets.arcs_by_name(street)}
    assert set(around["closed"]) == expected


def test_water_and_closed_lanes_slow_or_close(
    run: Run, city: CityData, ask: Any, ends: tuple[str, str]
) -> None:
    usual = data(run("route", *ends, *ask, "--json"))
    street = usual["streets"][len(usual["streets"]) // 2]
    arcs = {city.streets.arcs.id[i] for i in city.streets.arcs_by_name(street)}
    closed = data(run("route", *ends, *ask, "--close", street, "--json"))
    wet = data(run("route", *ends, *ask, "--flood", f"{street}=0.4", "--json"))
    assert wet["flood_depths"] == dict.fromkeys(sorted(arcs), 0.4)
    assert usual["seconds"] < wet["seconds"] <= closed["seconds"]
    deep = data(run("route", *ends, *ask, "--flood", f"{street}=0.5", "--json"))
    assert deep["seconds"] == closed["seconds"]
    all_lanes = data(run("route", *ends, *ask, "--lanes-closed", f"{street}=9", "--json"))
    assert all_lanes["lanes_closed"] == dict.fromkeys(sorted(arcs), 9)
    assert all_lanes["seconds"] == closed["seconds"]
    shown = run("route", *ends, *ask, "--flood", f"{street}=0.1", "--lanes-closed", f"{street}=1")
    assert f", {len(arcs)} with lanes closed, {len(arcs)} under water" in shown.stdout


def test_profiles_and_words(run: Run, ask: Any, ends: tuple[str, str]) -> None:
    seconds = {
        profile: data(run("route", *ends, *ask, "--profile", profile, "--json"))["seconds"]
        for profile in ("emergency", "civilian", "foot")
    }
    assert seconds["emergency"] < seconds["civilian"] < seconds["foot"]
    shown = run("route", *ends, *ask)
    assert shown.exit_code == 0
    assert "English" in shown.stdout
    assert "m\n" in shown.stdout
    assert "arrive" in shown.stdout.lower()
    assert any(word in shown.stdout for word in ("左转", "右转"))


def test_spots_by_coordinates_id_and_name(run: Run, city: CityData, ask: Any) -> None:
    place, sensor = city.places[-1], city.sensors[0]
    from_place = data(
        run("route", f"{place.point.lon},{place.point.lat}", sensor.id, *ask, "--json")
    )
    assert from_place["from"]["kind"] == "coordinates"
    assert from_place["to"]["kind"] == "sensor"
    by_id = data(run("route", place.id, sensor.id, *ask, "--json"))
    assert by_id["seconds"] == from_place["seconds"]
    street = city.streets.names()[0]
    assert data(run("route", street, sensor.id, *ask, "--json"))["from"]["kind"] == "street"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("route", "121.45,31.23", "Nowhere Lane"), USAGE),
        (("route", "-76.6,39.3", "-76.61,39.3"), USAGE),
        (("route", "121.45,95", "121.45,31.23"), USAGE),
        (("route", "PLACE", "PLACE", "--profile", "tank"), USAGE),
        (("route", "PLACE", "PLACE", "--close", "Nowhere Lane"), USAGE),
        (("route", "PLACE", "PLACE", "--flood", "Nowhere Lane=0.1"), USAGE),
        (("route", "PLACE", "PLACE", "--flood", "deep"), USAGE),
        (("route", "PLACE", "PLACE", "--flood", "ARC=11"), USAGE),
        (("route", "PLACE", "PLACE", "--flood", "ARC=nan"), USAGE),
        (("route", "PLACE", "PLACE", "--lanes-closed", "ARC=0.5"), USAGE),
        (("route", "PLACE", "PLACE", "--lanes-closed", "ARC=0"), USAGE),
        (("isochrone", "PLACE", "--minutes", "-1"), USAGE),
        (("isochrone", "PLACE", "--minutes", "4", "--out", "no/such/folder/f"), USAGE),
    ],
)
def test_what_cannot_be_asked(
    run: Run, city: CityData, ask: Any, arguments: tuple[str, ...], code: int
) -> None:
    words = [word.replace("ARC", city.streets.arcs.id[0]) for word in arguments]
    known = [city.places[0].id if word == "PLACE" else word for word in words]
    result = run(*known, *ask)
    assert result.exit_code == code
    assert not result.stdout
    if not isinstance(result.exception, SystemExit):
        assert str(result.exception).count("\n") == 0


def test_no_way_is_a_failure(run: Run, city: CityData, ask: Any, ends: tuple[str, str]) -> None:
    """All streets but one arc's pair near each end are closed."""
    usual = data(run("route", *ends, *ask, "--json"))
    arcs = city.streets.arcs
    router = CompiledRouter(city.streets, "emergency", city.snapper)
    way = router.route(*[(usual[k]["lon"], usual[k]["lat"]) for k in ("from", "to")])
    kept = {way.arcs[0], way.arcs[-1]}
    kept |= {twin for arc in kept for twin in city.streets.both_ways(arc)}
    closing = [arc for arc in arcs.id if arc not in kept]
    assert Conditions.of(closing).closed
    result = run("route", *ends, *ask, *[w for arc in closing for w in ("--close", arc)])
    assert result.exit_code == FAILED


def test_isochrones(run: Run, city: CityData, ask: Any, tmp_path: Path) -> None:
    out = tmp_path / "reach.geojson"
    written = run("isochrone", city.places[0].id, *ask, "--minutes", "2", "4", "--out", str(out))
    assert written.exit_code == 0
    assert written.stdout.strip() == str(out)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["type"] == "FeatureCollection"
    assert [f["properties"]["minutes"] for f in found["features"]] == [2.0, 4.0]
    near, far = (shapely.from_geojson(json.dumps(f["geometry"])) for f in found["features"])
    assert 0.0 < near.area < far.area
    assert far.buffer(1e-6).covers(near)
    assert data(run("isochrone", city.places[0].id, *ask, "--minutes", "2", "4")) == found
