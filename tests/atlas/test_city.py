"""A city's folder: whole or not at all, and every fault named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import networkx as nx
import pytest
from shapely.geometry import box

from atlas.city import CityData, Manifest, Place, Sensor
from atlas.errors import CityError
from atlas.folder import load_city, save_city
from geo.fences.index import Fence
from geo.streets.graph import StreetGraph
from schemas.records import Point, Unit

HERE = Point(lon=121.451, lat=31.231)


def build(**changes: Any) -> CityData:
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_node(1, x=121.45, y=31.23)
    graph.add_node(2, x=121.46, y=31.23, highway="traffic_signals")
    for u, v in ((1, 2), (2, 1)):
        graph.add_edge(
            u,
            v,
            name="南京西路",
            highway="primary",
            length=950.0,
            speed_kph=50.0,
            travel_time=68.4,
            oneway=False,
        )
    manifest = Manifest(
        name="城",
        name_en="City",
        region="r1",
        schematic=True,
        source="test",
        licence="Apache-2.0",
        bounds=(121.44, 31.22, 121.47, 31.24),
        seed=1,
    )
    unit = Unit(
        id="u1",
        region="r1",
        kind="ambulance",
        name="1号",
        department="medical",
        capabilities=("als", "bls"),
        station="s1",
        home=HERE,
        state="available",
        position=HERE,
    )
    parts: dict[str, Any] = {
        "fences": [
            Fence("d", "district", "区", box(121.44, 31.22, 121.47, 31.24), {"name_en": "D"})
        ],
        "places": [Place(id="s1", kind="ambulance_post", name="急救站", name_en="", point=HERE)],
        "sensors": [
            Sensor(id="x", datastream="x-1", observed_property="smoke", name="烟感", point=HERE)
        ],
        "units": [unit],
    }
    manifest = changes.pop("manifest", manifest)
    streets = changes.pop("streets", None) or StreetGraph.from_networkx(graph)
    return CityData.of(manifest, streets, **{**parts, **changes})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_city(build(), tmp_path / "city")
    return tmp_path / "city"


def test_round_trip(folder: Path) -> None:
    loaded, city = load_city(folder), build()
    assert loaded.digest == city.digest
    assert loaded.units == city.units
    assert loaded.places == city.places
    assert loaded.sensors == city.sensors
    assert loaded.fences[0].attributes == city.fences[0].attributes
    assert loaded.snapper.snap(121.455, 31.2301).distance_m < 20
    assert loaded.fence_index.locate_one(121.451, 31.231)[0].id == "d"
    assert loaded.gazetteer.find("急救站")


def test_digest_is_pinned() -> None:
    # A change here makes every journal's city unknown: raise FORMAT and say so in the changelog.
    assert build().digest == "ce624b5cc94a7821776fd711d13973cd97fbd66205880a3538253d91c232d2dc"


def test_digest_follows_the_content(folder: Path) -> None:
    path = folder / "units.json"
    path.write_text(path.read_text(encoding="utf-8") + "\n \n", encoding="utf-8")
    assert load_city(folder).digest == build().digest
    path.write_text(path.read_text(encoding="utf-8").replace("1号", "2号"), encoding="utf-8")
    assert load_city(folder).digest != build().digest


def test_saving_replaces_a_city_and_leaves_nothing_else(folder: Path) -> None:
    (folder / "old.txt").write_text("of the city before", encoding="utf-8")
    save_city(build(), folder)
    assert not (folder / "old.txt").exists()
    assert [p.name for p in folder.parent.iterdir()] == ["city"]


def test_saving_never_replaces_something_else(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(CityError, match="not a city"):
        save_city(build(), tmp_path / "letters")
    with pytest.raises(CityError, match="is a file"):
        save_city(build(), tmp_path / "letters" / "a.txt")
    assert (tmp_path / "letters" / "a.txt").read_text(encoding="utf-8") == "dear"


def test_a_failed_save_leaves_the_old_city(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("atlas.folder.write_graphml", full_disk)
    with pytest.raises(CityError, match="No space left"):
        save_city(build(places=[*build().places]), folder)
    assert load_city(folder).digest == build().digest
    assert [p.name for p in folder.parent.iterdir()] == ["city"]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CityError, match="no city folder"):
        load_city(tmp_path / "none")


@pytest.mark.parametrize(
    "name",
    [
        "city.json",
        "streets.graphml",
        "fences.geojson",
        "places.geojson",
        "sensors.geojson",
        "units.json",
    ],
)
def test_a_file_missing_or_garbled(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\xff{")
    with pytest.raises(CityError, match=name):
        load_city(folder)
    (folder / name).unlink()
    with pytest.raises(CityError, match=f"{name} is missing"):
        load_city(folder)


def test_a_schema_from_the_future(folder: Path) -> None:
    path = folder / "city.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    # A newer format may have a manifest that this reader cannot read at all.
    path.write_text(json.dumps({"format": 99, "manifest": {"new": 1}}), encoding="utf-8")
    with pytest.raises(CityError, match="format 99, which is too new"):
        load_city(folder)
    path.write_text(json.dumps({"manifest": data["manifest"]}), encoding="utf-8")
    with pytest.raises(CityError, match="no format version"):
        load_city(folder)


def unit(**changes: Any) -> Unit:
    return msgspec.structs.replace(build().units[0], **changes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build(units=[unit(station="nowhere")]), "station 'nowhere'"),
        (lambda: build(units=[unit(kind="tank")]), "unit_kinds"),
        (lambda: build(units=[unit(region="r2")]), "region 'r2'"),
        (lambda: build(units=[unit(), unit()]), "unit id 'u1' is not unique"),
        (
            lambda: build(
                sensors=[msgspec.structs.replace(build().sensors[0], observed_property="mood")]
            ),
            "observed_properties",
        ),
        (
            lambda: build(manifest=msgspec.structs.replace(build().manifest, timezone="Mars/Base")),
            "time zone",
        ),
    ],
)
def test_parts_that_do_not_fit(make: Callable[[], CityData], message: str) -> None:
    with pytest.raises(CityError, match=message):
        make()


def test_a_place_without_coordinates_is_named(folder: Path) -> None:
    path = folder / "places.geojson"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["features"][0]["geometry"] = None
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(CityError, match=r"feature 0 of .*places.geojson is not a place"):
        load_city(folder)


def test_turn_rules_are_part_of_a_city(folder: Path) -> None:
    graph = build().streets.graph.copy()
    graph.graph["restrictions"] = [
        {"id": "r/1", "kind": "no_u_turn", "bans": [["1-2-0", "2-1-0"]], "exempt": ["psv"]}
    ]
    city = build(streets=StreetGraph.from_networkx(graph))
    save_city(city, folder)
    loaded = load_city(folder)
    assert loaded.digest == city.digest != build().digest
    assert loaded.streets.turns.banned == ((0, 1),)
    graph.graph["restrictions"] = []
    assert build(streets=StreetGraph.from_networkx(graph)).digest == build().digest
    for change in ({"driving_side": "left"}, {"driving_side": "right"}):
        graph.graph |= change
        other = build(streets=StreetGraph.from_networkx(graph))
        assert (other.digest == build().digest) == (change["driving_side"] == "right")
    graph.edges[1, 2, 0]["signal"] = False
    silent = build(streets=StreetGraph.from_networkx(graph))
    save_city(silent, folder)
    assert load_city(folder).digest == silent.digest != build().digest
    assert not load_city(folder).streets.turns.signalled.any()


@pytest.mark.parametrize("text", ["no json", '[{"id": 1}]', "3", '{"a": 1}'])
def test_restrictions_that_cannot_be_read_are_refused(folder: Path, text: str) -> None:
    save_city(build(), folder)
    path = folder / "streets.graphml"
    graph = nx.read_graphml(path, node_type=int, force_multigraph=True)
    graph.graph["restrictions"] = text
    nx.write_graphml(graph, path)
    with pytest.raises(CityError, match="restrictions"):
        load_city(folder)
