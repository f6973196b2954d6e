import numpy as np
import pytest
from shapely.geometry import box

from geo.crs import haversine_m
from geo.fences.index import Fence
from geo.gazetteer import AddressPoint, Gazetteer, Match, PointOfInterest
from geo.streets.graph import StreetGraph
from tests.geo.maps import LAT, LON, STEP, made_graph


@pytest.fixture
def gazetteer() -> Gazetteer:
    graph = made_graph()
    graph.edges[1, 2, 0]["name:en"] = "West Nanjing Road"
    graph.edges[2, 4, 0]["name:en"] = "North Maoming Road"
    return Gazetteer(
        StreetGraph.from_networkx(graph),
        fences=[Fence("nx", "subdistrict", "南京西路街道", box(LON, LAT, LON + STEP, LAT + STEP))],
        points=[
            PointOfInterest("静安寺", "temple", 121.4453, 31.2237, ("Jing'an Temple",)),
            PointOfInterest("静安", "district_name", 121.45, 31.25),
        ],
        addresses=[AddressPoint("南京西路", "1266号", 121.4531, 31.2301)],
    )


def found(gazetteer: Gazetteer, text: str) -> list[tuple[str, str, str]]:
    return [(m.kind, m.name, text[slice(*m.span)]) for m in gazetteer.find(text)]


def test_a_street_is_its_middle_and_half_its_extent(gazetteer: Gazetteer) -> None:
    [match] = gazetteer.find("威海路着火了")
    assert (match.name, match.kind, match.span) == ("威海路", "street", (0, 3))
    assert match.lat == LAT + STEP
    assert match.accuracy_m == pytest.approx(190, abs=3)  # from one of its two ends
    [match] = gazetteer.find("南京西路有烟")
    assert (match.lon, match.lat) == (LON + STEP, LAT)
    assert match.accuracy_m == pytest.approx(190, abs=3)


def test_the_longest_name_wins(gazetteer: Gazetteer) -> None:
    assert found(gazetteer, "静安寺门口") == [("temple", "静安寺", "静安寺")]
    assert found(gazetteer, "静安区") == [("district_name", "静安", "静安")]
    assert found(gazetteer, "在南京西路街道") == [("subdistrict", "南京西路街道", "南京西路街道")]


@pytest.mark.parametrize(
    "text",
    [
        "南京西路、茂名北路路口车祸",
        "茂名北路靠近南京西路",
        "crash at North Maoming Road and West Nanjing Road",
        "crash at n. maoming rd / WEST  NANJING RD.",
    ],
)
def test_two_streets_name_their_crossing(gazetteer: Gazetteer, text: str) -> None:
    best = gazetteer.find(text)[0]
    assert best.kind == "crossing"
    assert (best.lon, best.lat) == (LON + STEP, LAT)
    assert best.accuracy_m == 30.0


def test_streets_that_do_not_meet_have_no_crossing(gazetteer: Gazetteer) -> None:
    kinds = {m.kind for m in gazetteer.find("石门一路和茂名北路")}
    assert kinds == {"street"}
    apart = "南京西路" + "那边过来的一辆车一直开到很远很远的地方" + "茂名北路"
    assert {m.kind for m in gazetteer.find(apart)} == {"street"}


def test_one_street_named_twice_is_no_crossing(gazetteer: Gazetteer) -> None:
    kinds = {m.kind for m in gazetteer.find("南京西路 (West Nanjing Road)")}
    assert kinds == {"street"}


@pytest.mark.parametrize("text", ["南京西路1266号三楼", "南京西路 １２６６ 号", "1266 南京西路"])
def test_a_house_number_that_is_known(gazetteer: Gazetteer, text: str) -> None:
    best = gazetteer.find(text)[0]
    assert (best.kind, best.lon, best.lat, best.accuracy_m) == ("address", 121.4531, 31.2301, 20.0)
    assert "66" in text[slice(*best.span)] or "６６" in text[slice(*best.span)]


def test_a_house_number_that_is_not_known_leaves_the_street(gazetteer: Gazetteer) -> None:
    assert [m.kind for m in gazetteer.find("南京西路9999号")] == ["street"]


def test_english_words_are_not_cut(gazetteer: Gazetteer) -> None:
    graph = made_graph()
    graph.edges[1, 2, 0]["name"] = "Main Street"
    streets = Gazetteer(StreetGraph.from_networkx(graph))
    assert found(streets, "fire on MAIN ST, help") == [("street", "Main Street", "MAIN ST")]
    assert found(streets, "remain still, domain street") == []
    assert found(gazetteer, "near jingan temple") == [("temple", "静安寺", "jingan temple")]


def test_nothing_is_found_in_nothing(gazetteer: Gazetteer) -> None:
    for text in ("", " ", "路", "有人摔倒了", "\ud800", "ﷺ" * 3):
        assert gazetteer.find(text) == []
    assert Gazetteer().find("南京西路") == []


def test_real_crossings(shanghai: StreetGraph, baltimore: StreetGraph) -> None:
    best = Gazetteer(shanghai).find("福州路 和 西藏中路 交叉口")[0]
    assert (best.kind, best.name) == ("crossing", "福州路 × 西藏中路")
    text = "smoke at corner of O'Donnell St. and S. Highland Ave"
    best = Gazetteer(baltimore).find(text)[0]
    assert (best.kind, text[slice(*best.span)]) == (
        "crossing",
        "O'Donnell St. and S. Highland Ave",
    )
    assert best.accuracy_m < 60
    every = Gazetteer(baltimore)
    for name in baltimore.names()[::10]:
        matches = [m for m in every.find(f"fire in {name}!") if m.kind == "street"]
        assert any(_covers(m, baltimore, name) for m in matches), name


def _covers(match: Match, streets: StreetGraph, name: str) -> bool:
    arcs = streets.arcs_by_name(name)
    lon, lat = (
        streets.nodes.lon[streets.arcs.tail[arcs]],
        streets.nodes.lat[streets.arcs.tail[arcs]],
    )
    return bool(np.all(haversine_m(lon, lat, match.lon, match.lat) <= match.accuracy_m + 1))
