"""Maps as services and editors write them: any order, ids below zero, objects deleted or twice."""

import re
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from atlas.city import CityData
from atlas.folder import load_city, save_city
from city.import_map import import_map
from cli.city import city as city_app
from geo.errors import BadMap
from geo.maps.extract import open_extract
from geo.maps.load import load_streets
from geo.routing.compiled import CompiledRouter

MAPS = Path(__file__).parent / "maps"
OVERPASS, JOSM = MAPS / "overpass.osm", MAPS / "josm.osm"


def objects_of(path: Path) -> list[ET.Element]:
    return [thing for thing in ET.parse(path).getroot() if thing.tag in ("node", "way", "relation")]


def written(path: Path, objects: list[ET.Element]) -> Path:
    root = ET.Element("osm", version="0.6")
    root.extend(objects)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def in_order(objects: list[ET.Element]) -> list[ET.Element]:
    rank = {"node": 0, "way": 1, "relation": 2}
    return sorted(objects, key=lambda thing: (rank[thing.tag], int(thing.get("id", ""))))


def city_of(folder: Path, objects: list[ET.Element]) -> CityData:
    return import_map(written(folder / "town.osm", objects)).city


def test_an_overpass_export_in_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(city_app, ["import", str(OVERPASS), str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    city = load_city(tmp_path / "out")
    assert {p.kind for p in city.places if not p.generated} >= {"fire_station", "police_post"}
    assert city.manifest.name == "Port Exe"
    assert city.streets.attributes["driving_side"] == "left"
    assert len(city.streets.turns.banned) == 1
    assert "district from the map's boundary 'Port Exe'" in done.output
    assert "fire station: 1 in the map" in done.output
    assert "1 ways of a ferry: way/104" in done.output
    assert "1 ways of highway=footway: way/106" in done.output
    # To the island by ferry: its timetable, whoever is in a hurry.
    router = CompiledRouter(city.streets, "emergency", city.snapper)
    route = router.route((-3.495, 50.7), (-3.477, 50.7012))
    assert 720 < route.seconds < 720 + 120
    assert city.snapper.snap(-3.484, 50.7001, 800).street_lon != pytest.approx(-3.484, abs=1e-4)


def test_a_josm_file_in_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(city_app, ["import", str(JOSM), str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    city = load_city(tmp_path / "out")
    names = {name for names in city.streets.arcs.names for name in names}
    assert names == {"规划一路", "规划二路"}
    assert {p.name for p in city.places if not p.generated} == {"规划医院", "规划消防站"}
    assert len(city.streets.turns.banned) == 1
    assert "deleted objects left out: node/-108, node/5001, way/77" in done.output
    assert "nodes with an id below zero (not uploaded) renumbered: node/-101" in done.output
    assert "pybind" not in done.output


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(["overpass", "negative"]))
def test_the_order_of_the_objects_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, seed: int, kind: str
) -> None:
    folder = tmp_path_factory.mktemp("shuffled")
    objects = objects_of(OVERPASS)
    expected = city_of(folder, in_order(objects))
    if kind == "negative":
        for thing in objects:
            thing.set("id", "-" + thing.get("id", ""))
            for ref in (*thing.iterfind("nd"), *thing.iterfind("member")):
                ref.set("ref", "-" + ref.get("ref", ""))
    Random(seed).shuffle(objects)
    assert city_of(folder, objects).digest == expected.digest


def test_an_object_twice_is_one_whichever_comes_first(tmp_path: Path) -> None:
    whole = objects_of(OVERPASS)
    expected = city_of(tmp_path, in_order(whole))
    bare = []
    for thing in objects_of(OVERPASS):  # as `out skel` writes them again
        for tag in list(thing.iterfind("tag")):
            thing.remove(tag)
        bare.append(thing)
    assert city_of(tmp_path, whole + bare).digest == expected.digest
    assert city_of(tmp_path, bare + whole).digest == expected.digest


def test_inspect_lists_what_was_read_and_left_out(tmp_path: Path) -> None:
    for target in (OVERPASS, tmp_path / "out"):
        if target != OVERPASS:
            import_map_to(target)
        done = CliRunner().invoke(city_app, ["inspect", str(target), "--json"])
        summary = msgspec.json.decode(done.output)
        assert {"what": "ways of a ferry", "count": 1, "examples": ["way/104"]} in summary["read"]
        all_ = next(line for line in summary["read"] if line["what"] == "ways open to all")
        assert all_ == {
            "what": "ways open to all",
            "count": 4,
            "examples": ["way/100", "way/101", "way/102"],
        }
        assert [line["what"] for line in summary["left_out"]] == ["ways of highway=footway"]
        assert summary["driving_side"] == {"side": "left", "told_by": "where it lies"}


def import_map_to(folder: Path) -> None:
    save_city(import_map(OVERPASS).city, folder)


def test_the_newest_version_counts(tmp_path: Path) -> None:
    old, new, gone = (ET.fromstring(text) for text in (
        '<way id="9" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="steps"/></way>',
        '<way id="9" version="2"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way>',
        '<way id="9" version="3" visible="false"/>',
    ))  # fmt: skip
    nodes = [ET.fromstring(f'<node id="{i}" lat="31.2" lon="121.4{i}"/>') for i in (1, 2)]
    streets = load_streets(written(tmp_path / "a.osm", [new, *nodes, old]))
    assert len(streets.arcs) == 2
    with pytest.raises(BadMap, match="no drivable street"):
        load_streets(written(tmp_path / "a.osm", [gone, new, *nodes, old]))


def test_ids_below_zero_get_free_ones(tmp_path: Path) -> None:
    things = [
        ET.fromstring(text.format('<tag k="highway" v="primary"/>'))
        for text in (
            '<node id="-1" lat="31.2" lon="121.40"/>',
            '<node id="1" lat="31.2" lon="121.41"/>',
            '<node id="-2" lat="31.2" lon="121.42"/>',
            '<way id="-1"><nd ref="-1"/><nd ref="1"/><nd ref="-2"/><nd ref="-9"/>{}</way>',
        )
    ]
    with open_extract(written(tmp_path / "a.osm", things)) as extract:
        assert extract.original == {("node", 3): -1, ("node", 2): -2, ("way", 1): -1}
        assert extract.label("node", 3) == "node/-1"
    streets = load_streets(tmp_path / "a.osm")
    assert sorted(streets.nodes.id.tolist()) == [2, 3]
    assert streets.report.warnings["way nodes that are not in the file"] == 1


@pytest.mark.parametrize(
    "inside",
    [
        '<center lat="31.2" lon="121.4"/>',
        '<bounds minlat="31" minlon="121" maxlat="32" maxlon="122"/>',
    ],
)
def test_what_overpass_puts_into_objects_is_passed_over(tmp_path: Path, inside: str) -> None:
    text = OVERPASS.read_text(encoding="utf-8")
    text = re.sub(r'(<(way|relation) id="\d+">)', rf"\1{inside}", text)
    (tmp_path / "town.osm").write_text(text, encoding="utf-8")
    (tmp_path / "same").mkdir()
    (tmp_path / "same" / "town.osm").write_bytes(OVERPASS.read_bytes())
    found, expected = (import_map(tmp_path / f).city for f in ("town.osm", "same/town.osm"))
    assert found.digest == expected.digest


def test_ways_with_their_geometry_need_no_nodes(tmp_path: Path) -> None:
    """As `out geom` writes them."""
    nodes = {t.get("id"): t for t in objects_of(OVERPASS) if t.tag == "node"}
    ways = [t for t in objects_of(OVERPASS) if t.tag == "way"]
    for nd in (nd for way in ways for nd in way.iterfind("nd")):
        nd.attrib |= {k: nodes[nd.get("ref")].get(k, "") for k in ("lat", "lon")}
    drawn = city_of(tmp_path, ways)
    assert drawn.streets.arcs.id == load_streets(OVERPASS).arcs.id
    assert [p.name for p in drawn.places if p.kind == "fire_station" and not p.generated]


def test_a_station_that_the_extract_cuts_is_used_or_named(tmp_path: Path) -> None:
    objects = [t for t in objects_of(OVERPASS) if t.get("id") not in ("21", "22")]
    imported = import_map(written(tmp_path / "a.osm", objects))
    assert "fire station: 1 in the map" in " ".join(imported.facts)
    objects = [t for t in objects if t.get("id") not in ("23", "24", "33")]
    imported = import_map(written(tmp_path / "a.osm", objects))
    assert imported.left_out.examples == {
        "boundaries that the extract cuts left out": ["relation/900"],
        "places that the extract cuts left out": ["way/200"],
    }
    inspected = CliRunner().invoke(city_app, ["inspect", str(tmp_path / "a.osm")])
    assert "1 places that the extract cuts left out: way/200" in inspected.output


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<osm><node id="x" lat="1" lon="2"/></osm>', "a node has the id 'x'"),
        ('<osm><node id="-1" lat="1" lon="2"/><way id="99999999999999999999"/></osm>', "too large"),
        ('<osm><node id="-1" lat="1"', "cannot be read"),
        ('<osm><node id="-1" lat="1" lon="777"/></osm>', "no drivable street"),
    ],
)
def test_no_words_of_a_library_reach_a_user(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.osm").write_text(text)
    with pytest.raises(BadMap, match=says) as caught:
        import_map(tmp_path / "a.osm")
    assert not re.search(r"pybind|C\+\+|Traceback", str(caught.value))
