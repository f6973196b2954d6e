"""Cities from OpenStreetMap extracts: real ones, and small ones with one thing wrong."""

from pathlib import Path

import geopandas as gpd
import pytest
from typer.testing import CliRunner

from atlas.folder import load_city, save_city
from city.import_map import Imported, import_map
from cli.city import city as city_app
from geo.errors import BadMap

TOWN = """<?xml version='1.0' encoding='UTF-8'?>
<osm version="0.6">
  <node id="1" lat="31.2300" lon="121.4500" version="1"/>
  <node id="2" lat="31.2300" lon="121.4540" version="1"/>
  <node id="3" lat="31.2330" lon="121.4540" version="1"/>
  <node id="4" lat="31.2330" lon="121.4500" version="1"/>
  <node id="5" lat="31.2310" lon="121.4510" version="1">
    <tag k="amenity" v="fire_station"/><tag k="name" v="南京路消防站"/>
  </node>
  <node id="11" lat="31.2320" lon="121.4520" version="1"/>
  <node id="12" lat="31.2320" lon="121.4524" version="1"/>
  <node id="13" lat="31.2324" lon="121.4524" version="1"/>
  <node id="21" lat="31.2290" lon="121.4490" version="1"/>
  <node id="22" lat="31.2290" lon="121.4550" version="1"/>
  <node id="23" lat="31.2340" lon="121.4550" version="1"/>
  <node id="24" lat="31.2340" lon="121.4490" version="1"/>
  <way id="1" version="1">
    <nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
    <tag k="highway" v="secondary"/><tag k="name" v="环路"/>
  </way>
  <way id="2" version="1">
    <nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="11"/>
    <tag k="amenity" v="hospital"/><tag k="name" v="中心医院"/><tag k="name:en" v="Central"/>
  </way>
  <way id="3" version="1">
    <nd ref="21"/><nd ref="22"/><nd ref="23"/><nd ref="24"/><nd ref="21"/>
  </way>
  <relation id="9" version="1">
    <member type="way" ref="3" role="outer"/>
    <tag k="type" v="boundary"/><tag k="boundary" v="administrative"/>
    <tag k="admin_level" v="8"/><tag k="name" v="小镇"/>
  </relation>
</osm>
"""


@pytest.fixture
def town(tmp_path: Path) -> Path:
    path = tmp_path / "Small Town.osm"
    path.write_text(TOWN, encoding="utf-8")
    return path


def within_reach(imported: Imported) -> bool:
    city = imported.city
    points = [s.point for s in city.sensors] + [u.home for u in city.units]
    snapped = city.snapper.snap_many([p.lon for p in points], [p.lat for p in points], 60.0)
    return all(s is not None for s in snapped)


def test_what_the_map_shows_is_taken(town: Path) -> None:
    imported = import_map(town)
    city = imported.city
    assert city.manifest.name == "小镇"
    assert city.manifest.region == "small-town"
    assert city.manifest.timezone == "Asia/Shanghai"
    assert not city.manifest.schematic
    station = city.places_by_id["osm-node-5"]
    assert (station.kind, station.name, station.generated) == (
        "fire_station",
        "南京路消防站",
        False,
    )
    hospital = city.places_by_id["osm-way-2"]
    assert hospital.name_en == "Central"
    assert hospital.point.lon == pytest.approx(121.4522, abs=3e-4)
    district = next(f for f in city.fences if f.kind == "district")
    assert district.name == "小镇"
    assert within_reach(imported)


def test_what_the_map_lacks_is_generated_and_says_so(town: Path) -> None:
    imported = import_map(town)
    generated = [p for p in imported.city.places if p.generated]
    assert {p.kind for p in generated} >= {"ambulance_post", "police_post", "school"}
    assert all(p.id.startswith("generated-") for p in generated)
    assert any("fire station: 1 in the map" in fact for fact in imported.facts)
    assert any("ambulance post: 0 in the map" in fact for fact in imported.facts)


def test_the_same_file_and_seed_give_the_same_city(town: Path) -> None:
    first, again, other = (import_map(town, seed=seed).city for seed in (1, 1, 2))
    assert first.digest == again.digest
    assert first.digest != other.digest


def test_options(town: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        city_app,
        [
            *("import", str(town), str(tmp_path / "out")),
            *("--region", "x1", "--name", "某镇", "--timezone", "Europe/Paris"),
        ],
    )
    assert result.exit_code == 0, result.output
    manifest = load_city(tmp_path / "out").manifest
    assert (manifest.region, manifest.name, manifest.timezone) == ("x1", "某镇", "Europe/Paris")


@pytest.mark.parametrize("suffix", ["graphml", "gpkg", "parquet"])
def test_streets_alone_get_generated_stations(town: Path, tmp_path: Path, suffix: str) -> None:
    whole = import_map(town).city
    save_city(whole, tmp_path / "whole")
    file = tmp_path / f"Small Town.{suffix}"
    if suffix == "graphml":
        (tmp_path / "whole" / "streets.graphml").rename(file)
    else:
        arcs = whole.streets.arcs
        once = [i for i in range(len(arcs)) if arcs.twin[i] < 0 or arcs.twin[i] > i]
        table = gpd.GeoDataFrame(
            {
                "name": [arcs.name[i] for i in once],
                "highway": ["residential"] * len(once),
                "oneway": ["yes" if arcs.oneway[i] else "no" for i in once],
            },
            geometry=[arcs.line[i] for i in once],
            crs="EPSG:4326",
        )
        table.to_file(file) if suffix == "gpkg" else table.to_parquet(file)
    imported = import_map(file)
    city = imported.city
    assert len(city.streets.arcs) == len(whole.streets.arcs)
    assert (city.manifest.region, city.manifest.schematic) == ("small-town", False)
    assert "OpenStreetMap extract" not in city.manifest.source
    stations = [p for p in city.places if p.kind == "fire_station"]
    assert stations
    assert all(p.generated for p in stations)
    assert within_reach(imported)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("absent.osm", None),
        ("map.txt", b"hello"),
        ("broken.osm", b"<osm version='0.6'><node id='1'"),
        ("noise.osm.pbf", bytes(range(256)) * 8),
        ("empty.osm", b"<?xml version='1.0'?><osm version='0.6'></osm>"),
        ("streets.graphml", b"<graphml/>"),
    ],
)
def test_an_unusable_file_is_one_sentence_and_nothing_written(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadMap) as caught:
        import_map(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    result = CliRunner().invoke(city_app, ["import", str(tmp_path / name), str(tmp_path / "out")])
    assert isinstance(result.exception, BadMap)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "fire_stations", "hospitals", "timezone"),
    [
        ("shanghai-centre.osm", 0, 0, "Asia/Shanghai"),
        ("baltimore.osm.pbf", 10, 10, "UTC"),
        ("monaco.osm.pbf", 3, 5, "UTC"),
    ],
)
def test_real_extracts(
    shared_data: Path,
    tmp_path: Path,
    *,
    name: str,
    fire_stations: int,
    hospitals: int,
    timezone: str,
) -> None:
    imported = import_map(shared_data / name)
    city = imported.city
    real = [p.kind for p in city.places if not p.generated]
    assert real.count("fire_station") == fire_stations
    assert real.count("hospital") == hospitals
    assert any(p.kind == "hospital" for p in city.places)
    assert city.manifest.timezone == timezone
    assert within_reach(imported)
    stations = {u.station for u in city.units}
    assert all(p.id in stations for p in city.places if p.kind == "fire_station")
    if name == "shanghai-centre.osm":  # one of them will do, and this is the smallest
        save_city(city, tmp_path / "city")
        assert load_city(tmp_path / "city").digest == city.digest
