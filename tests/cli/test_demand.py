"""`jingwei city demand`: from a real ledger's incidents to where units wait."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from atlas.city import CityData
from atlas.demand import coverage
from atlas.folder import load_city, save_city
from city.make import make_city
from cli.exit_codes import FAILED, USAGE
from schemas.journal import PolicyChanged
from streams.bootstrap import _first_entries
from tests.cli.conftest import Run, data
from tests.cli.scene import Scene
from tests.dispatch import dispatch_world as world

pytestmark = pytest.mark.postgis


@pytest.fixture(scope="module")
def city() -> CityData:
    return make_city(1, "small", lambda _: None)


@pytest.fixture
def folder(city: CityData, scene: Scene, tmp_path: Path) -> Path:
    """Return the folder of a city of the scene's region."""
    manifest = msgspec.structs.replace(city.manifest, region=scene.region)
    units = tuple(msgspec.structs.replace(unit, region=scene.region) for unit in city.units)
    made = CityData.of(
        manifest,
        city.streets,
        fences=city.fences,
        places=city.places,
        sensors=city.sensors,
        units=units,
    )
    save_city(made, tmp_path / "city")
    return tmp_path / "city"


def test_calls_are_counted_by_who_answers_them(run: Run, scene: Scene, folder: Path):
    before = load_city(folder)
    assert before.demand == ()
    found = data(run("city", "demand", folder, "--severity", "P1", "--severity", "P3", "--json"))
    after = load_city(folder)
    assert found["digest"] == after.digest != before.digest
    assert found["events"] == 3, "the fire, the crash and the lift"
    engines = [row for row in after.demand if row.kind == "fire_engine"]
    fire = world.place(2, 2)
    assert (fire.lon, fire.lat) in [
        (pytest.approx(row.lon, abs=1e-5), pytest.approx(row.lat, abs=1e-5)) for row in engines
    ]
    assert {row.calls_a_day for row in engines} == {1.0}
    assert set(coverage(after.demand)) == set(found["kinds"])


def test_only_the_worst_count_unless_others_are_named(run: Run, folder: Path):
    found = data(run("city", "demand", folder, "--json"))
    assert found["events"] == 1
    assert {"fire_engine", "ambulance"} <= set(found["kinds"])


def test_what_turned_out_to_be_nothing_does_not_count(run: Run, scene: Scene, folder: Path):
    made, lift = scene.journal, scene.ids[2]
    close = world.journal.Close(disposition="unfounded", reason="false alarm")
    asyncio.run(scene.apply(made.command(lift, close)))
    assert data(run("city", "demand", folder, "--severity", "P3", "--json"))["events"] == 1


def test_a_period_without_incidents_is_told(run: Run, folder: Path):
    result = run("city", "demand", folder, "--to", "2020-01-01T00:00:00Z")
    assert result.exit_code == FAILED
    assert run("city", "demand", folder, "--from", "yesterday").exit_code == USAGE
    assert run("city", "demand", folder, "--severity", "P9").exit_code == USAGE


def test_a_worker_that_starts_with_it_tells_its_units(run: Run, folder: Path):
    run("city", "demand", folder)
    city = load_city(folder)
    (first,) = [e for e in _first_entries(city, None, None, 0) if isinstance(e, PolicyChanged)]
    assert set(first.policy.coverage) == {row.kind for row in city.demand}
    # A region that has that policy, but not these calls, gets them; the other way round, too.
    plain = msgspec.structs.replace(first.policy, coverage={})
    entries = _first_entries(city, city.digest, plain, 7)
    assert [type(e) for e in entries] == [PolicyChanged]
    assert _first_entries(city, city.digest, first.policy, 7) == []
