"""Ferries, limits of size, and the side of the street, as maps write them."""

import math
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from geo.errors import BadConditions, BadMap, Unreachable
from geo.maps.driving_side import side_there
from geo.maps.ferries import duration_s
from geo.maps.graphml import read_graphml, write_graphml
from geo.maps.load import load_streets
from geo.routing.compiled import CompiledRouter
from geo.routing.profiles import PROFILES
from geo.routing.reference import NetworkxRouter
from geo.streets.graph import StreetGraph
from geo.streets.limits import parse_length_m, parse_weight_t

WEST, EAST = (121.402, 31.2), (121.428, 31.2)


def line(path: Path, tags: dict[str, str], more: str = "", **node: str) -> StreetGraph:
    """Three ways in a row of 950 m each, the middle one with these tags, a node 2 with others."""
    kvs = "".join(f'<tag k="{k}" v={quoteattr(v)}/>' for k, v in tags.items())
    end = "".join(f'<tag k="{k}" v="{v}"/>' for k, v in node.items())
    nodes = "".join(
        f'<node id="{i}" lat="31.2" lon="121.4{i - 1}">{end if i == 5 else ""}</node>'
        for i in range(1, 5)
    )
    primary = '<tag k="highway" v="primary"/>'
    path = path / "line.osm"
    path.write_text(
        f'<osm version="0.6">{nodes}<node id="5" lat="31.2" lon="121.415">{end}</node>'
        f'<way id="1"><nd ref="1"/><nd ref="2"/>{primary}</way>'
        f'<way id="2"><nd ref="2"/><nd ref="5"/><nd ref="3"/>{kvs}</way>'
        f'<way id="3"><nd ref="3"/><nd ref="4"/>{primary}</way>{more}</osm>'
    )
    return load_streets(path)


def seconds(streets: StreetGraph, profile: str = "emergency", **size: float) -> float:
    """The time from west to east; both routers say the same where no turn costs anything."""
    own = PROFILES[profile].sized(**size)
    found = CompiledRouter(streets, own).etas([WEST], EAST)[0]
    assert found == NetworkxRouter(streets, own).etas([WEST], EAST)[0]
    return found


FERRY = {"route": "ferry", "motor_vehicle": "yes"}


def test_a_ferry_takes_the_time_of_its_timetable(tmp_path: Path) -> None:
    streets = line(tmp_path, {**FERRY, "duration": "00:10"})
    driven = 2 * 0.763 * 3600 / 50
    assert seconds(streets, "civilian") == pytest.approx(600 + driven, abs=3)
    # The siren shortens the streets, not the crossing.
    assert seconds(streets) == pytest.approx(600 + 0.7 * driven, abs=3)
    assert streets.arcs.carried.sum() == 2
    assert streets.report.read["ways of a ferry"].examples == ("way/2",)
    # Nobody is on the water: near the middle of the crossing the nearest street is on a bank.
    snapped = CompiledRouter(streets).snapper.snap(121.4115, 31.2002)
    assert snapped.street_lon == pytest.approx(121.41)
    write_graphml(streets, tmp_path / "again.graphml")
    again = read_graphml(tmp_path / "again.graphml")
    assert seconds(again) == seconds(streets)
    assert again.report == streets.report


@pytest.mark.parametrize(
    ("tags", "reached"),
    [
        ({"route": "ferry", "motorcar": "yes"}, True),
        ({"route": "ferry", "vehicle": "designated"}, True),
        ({"route": "ferry"}, False),
        ({"route": "ferry", "foot": "yes", "motor_vehicle": "no"}, False),
        ({"route": "shuttle_train"}, True),
        ({"route": "bus"}, False),
    ],
)
def test_which_ferries_take_cars(tmp_path: Path, tags: dict[str, str], reached: bool) -> None:
    streets = line(tmp_path, tags)
    assert math.isfinite(seconds(streets)) == reached
    if not reached and tags["route"] == "ferry":
        left_out = streets.report.left_out["ways of a ferry not said to take cars"]
        assert (left_out.count, left_out.examples) == (1, ("way/2",))


def test_a_ferry_without_a_duration_is_slow(tmp_path: Path) -> None:
    assert seconds(line(tmp_path, FERRY)) > 0.95 * 3600 / 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:10", 600),
        ("1:30", 5400),
        ("00:01:00", 60),
        ("1:02:03", 3723),
        ("10", 600),
        ("10 min", 600),
        ("7.5", 450),
        ("PT1M", 60),
        ("PT1H30M", 5400),
        ("P", None),
        ("0", None),
        ("soon", None),
        ("P2D", None),
        (None, None),
    ],
)
def test_durations(text: str | None, expected: float | None) -> None:
    assert duration_s(text) == expected


@pytest.mark.parametrize(
    ("tag", "size"),
    [
        ({"maxheight": "3.2"}, {"height_m": 3.3}),
        ({"maxheight": "10'6\""}, {"height_m": 3.3}),
        ({"maxheight:physical": "3.2", "maxheight": "4"}, {"height_m": 3.3}),
        ({"maxwidth": "2.2 m"}, {"width_m": 2.5}),
        ({"maxweight": "7.5"}, {"weight_t": 18.0}),
        ({"maxweight": "7500 kg"}, {"weight_t": 18.0}),
        ({"maxlength": "10"}, {"length_m": 12.0}),
    ],
)
def test_who_is_too_large_finds_no_way(
    tmp_path: Path, tag: dict[str, str], size: dict[str, float]
) -> None:
    streets = line(tmp_path, {"highway": "primary", **tag})
    assert math.isinf(seconds(streets, **size))
    assert math.isinf(seconds(streets, "civilian", **size))
    assert seconds(streets) == seconds(streets, height_m=2.0, width_m=1.8, weight_t=1.5)
    assert math.isfinite(seconds(streets, "foot", **size))
    with pytest.raises(Unreachable):
        CompiledRouter(streets, PROFILES["emergency"].sized(**size)).route(WEST, EAST)
    write_graphml(streets, tmp_path / "again.graphml")
    assert math.isinf(seconds(read_graphml(tmp_path / "again.graphml"), **size))


def test_routers_of_all_sizes_share_one_index(tmp_path: Path) -> None:
    streets = line(tmp_path, {"highway": "primary", "maxheight": "3.2"})
    router = CompiledRouter(streets)
    low, high = router.fitting(height_m=3.2, weight_t=30), router.fitting(height_m=3.5)
    assert low is router
    assert high.index is router.index
    assert math.isinf(high.etas([WEST], EAST)[0])
    assert high.fitting() is not high
    assert high.fitting().etas([WEST], EAST) == router.etas([WEST], EAST)


@pytest.mark.parametrize("none", ["default", "none", "unsigned", "below_default", "no_sign", "0"])
def test_what_states_no_figure_is_no_limit(tmp_path: Path, none: str) -> None:
    assert not line(tmp_path, {"highway": "primary", "maxheight": none}).arcs.limits


def test_a_height_restrictor_stops_the_ladder_and_no_car(tmp_path: Path) -> None:
    node = {"barrier": "height_restrictor", "maxheight": "2.1"}
    streets = line(tmp_path, {"highway": "primary"}, **node)
    assert math.isfinite(seconds(streets, "civilian"))
    assert math.isinf(seconds(streets, height_m=3.5))


def test_figures() -> None:
    assert parse_length_m("6'3\"") == pytest.approx(1.905)
    assert parse_length_m("8'") == pytest.approx(2.4384)
    assert parse_length_m(["4", "3,8 m"]) == pytest.approx(3.8)
    assert parse_length_m("3.5;4") == 3.5
    assert parse_weight_t("8.9t") == pytest.approx(8.9)
    assert parse_weight_t("10 st") == pytest.approx(9.0718474)
    assert parse_weight_t("two") is None
    with pytest.raises(BadConditions, match="height_m"):
        PROFILES["emergency"].sized(height_m=-1.0)


def test_alternating_traffic_is_slower_and_a_reversible_street_for_crews(tmp_path: Path) -> None:
    plain = line(tmp_path, {"highway": "residential"})
    slow = line(tmp_path, {"highway": "residential", "oneway": "alternating"})
    assert seconds(slow, "civilian") > 1.3 * seconds(plain, "civilian")
    assert slow.report.read["ways open to all, one direction at a time"].count == 1
    turns = line(tmp_path, {"highway": "residential", "oneway": "reversible"})
    assert seconds(turns) == seconds(plain)
    assert math.isinf(seconds(turns, "civilian"))


def test_a_contraflow_bus_lane_is_as_fast_as_the_street(tmp_path: Path) -> None:
    against = {"highway": "residential", "oneway": "-1"}
    plain, slow = line(tmp_path, {"highway": "residential"}), line(tmp_path, against)
    lane = line(tmp_path, {**against, "busway": "opposite_lane"})
    assert seconds(slow) > 1.4 * seconds(plain)
    assert seconds(lane) == seconds(plain)
    assert math.isinf(seconds(lane, "civilian"))


def test_speeds_by_direction_and_zone(tmp_path: Path) -> None:
    tags = {"highway": "primary", "maxspeed": "60", "maxspeed:backward": "30 mph"}
    arcs = line(tmp_path, tags).arcs
    kph = dict(zip(arcs.id, arcs.speed_kph.tolist(), strict=True))
    assert (kph["2-3-0"], kph["3-2-0"]) == (60.0, pytest.approx(48.28032))
    zoned = line(tmp_path, {"highway": "primary", "source:maxspeed": "CN:rural"}).arcs
    assert sorted(set(zoned.speed_kph.tolist())) == [50.0, 70.0]
    signed = line(tmp_path, {"highway": "primary", "source:maxspeed": "sign"}).arcs
    assert set(signed.speed_kph.tolist()) == {50.0}


BORDER = (
    '<relation id="1"><tag k="boundary" v="administrative"/><tag k="admin_level" v="{level}"/>'
    '<tag k="{key}" v="{value}"/></relation>'
)


@pytest.mark.parametrize(
    ("tags", "more", "side"),
    [
        ({}, "", "right"),
        ({"driving_side": "left"}, "", "right"),  # one street of three is an exception
        ({}, BORDER.format(level=2, key="driving_side", value="left"), "left"),
        ({}, BORDER.format(level=2, key="ISO3166-1", value="GB"), "left"),
        ({}, BORDER.format(level=3, key="ISO3166-2", value="CN-HK"), "left"),
        ({}, BORDER.format(level=4, key="ISO3166-2", value="CN-GD"), "right"),
        (
            {},
            BORDER.format(level=4, key="ISO3166-2", value="CN-GD")
            + BORDER.format(level=3, key="ISO3166-2", value="CN-HK").replace('id="1"', 'id="2"'),
            "right",  # a map of Shenzhen has both: where it lies decides
        ),
        ({}, '<relation id="5"><tag k="addr:country" v="jp"/></relation>', "left"),
    ],
)
def test_which_side(tmp_path: Path, tags: dict[str, str], more: str, side: str) -> None:
    streets = line(tmp_path, {"highway": "primary", **tags}, more)
    assert streets.attributes["driving_side"] == side
    assert streets.turns.costs.left_hand == (side == "left")


def test_the_given_side_counts(tmp_path: Path) -> None:
    line(tmp_path, {"highway": "primary"})
    streets = load_streets(tmp_path / "line.osm", driving_side="left")
    assert streets.turns.costs.left_hand
    write_graphml(streets, tmp_path / "a.graphml")
    assert load_streets(tmp_path / "a.graphml").turns.costs.left_hand
    assert not load_streets(tmp_path / "a.graphml", driving_side="right").turns.costs.left_hand


LEFT = """London -0.12,51.5 Dover 1.31,51.13 Belfast -5.9,54.6 Dublin -6.26,53.35 Jersey -2.1,49.18
Nicosia 33.36,35.17 Valletta 14.5,35.9 Singapore 103.85,1.29 Johor 103.75,1.48 Kowloon 114.17,22.3
Sheung-Shui 114.13,22.5 Macao 113.545,22.195 Tokyo 139.7,35.7 Sapporo 141.35,43.06 Naha 127.68,26.2
Delhi 77.2,28.6 Karachi 67,24.9 Lahore 74.3,31.5 Peshawar 71.5,34 Kathmandu 85.3,27.7
Thimphu 89.64,27.47 Dhaka 90.4,23.8 Colombo 79.85,6.93 Male 73.5,4.17 Bangkok 100.5,13.75
Chiang-Mai 98.98,18.79 Nong-Khai 102.74,17.87 Kuala-Lumpur 101.7,3.14 Jakarta 106.85,-6.2
Dili 125.57,-8.55 Port-Moresby 147.2,-9.45 Sydney 151.2,-33.87 Auckland 174.76,-36.85
Suva 178.44,-18.14 Taveuni -179.98,-16.8 Apia -171.76,-13.83 Cape-Town 18.42,-33.92
Windhoek 17.08,-22.56 Kitwe 28.2,-12.8 Harare 31.05,-17.83 Maputo 32.58,-25.97 Kigoma 29.63,-4.88
Kampala 32.58,0.32 Nairobi 36.82,-1.29 Port-Louis 57.5,-20.16 Georgetown -58.16,6.8
Paramaribo -55.17,5.85 Nassau -77.35,25.05 Kingston -76.8,17.97 Bridgetown -59.6,13.1"""
RIGHT = """Shanghai 121.47,31.23 Shenzhen 114.06,22.54 Luohu 114.13,22.55 Shekou 113.92,22.49
Zhuhai 113.57,22.27 Hengqin 113.53,22.12 Calais 1.85,50.95 Cherbourg -1.62,49.64 Paris 2.35,48.85
Catania 15.1,37.5 Beirut 35.5,33.9 Busan 129.05,35.15 Taipei 121.5,25 Vladivostok 131.9,43.1
Kabul 69.2,34.5 Lhasa 91.1,29.65 Yangon 96.15,16.8 Vientiane 102.6,17.97 Siem-Reap 103.86,13.36
Saigon 106.7,10.8 Manila 121,14.6 Davao 125.6,7.07 Noumea 166.45,-22.27 Port-Vila 168.3,-17.7
Pago-Pago -170.7,-14.28 Luanda 13.23,-8.84 Lubumbashi 27.48,-11.66 Kigali 30.06,-1.95
Bujumbura 29.36,-3.38 Goma 29.22,-1.67 Addis-Ababa 38.75,9 Saint-Denis 55.45,-20.88
Cayenne -52.33,4.93 Boa-Vista -60.67,2.82 Miami -80.2,25.76 Havana -82.38,23.13
San-Juan -66.1,18.46 Marigot -63.08,18.07 Baltimore -76.6,39.3 Honolulu -157.86,21.3"""


@pytest.mark.parametrize(("side", "towns"), [("left", LEFT), ("right", RIGHT)])
def test_where_traffic_keeps_left(side: str, towns: str) -> None:
    words = towns.split()
    found = {
        name: side_there(*map(float, where.split(",")))
        for name, where in zip(words[::2], words[1::2], strict=True)
    }
    assert found == dict.fromkeys(found, side)


def test_a_map_on_both_sides_of_the_180th_meridian_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "taveuni.osm"
    path.write_text(
        '<osm version="0.6"><node id="1" lat="-16.8" lon="179.98"/><node id="2" lat="-16.8" '
        'lon="179.99"/><node id="3" lat="-16.8" lon="-179.99"/><node id="4" lat="-16.8" '
        'lon="-179.98"/><way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/>{}</way>'
        '<way id="2"><nd ref="3"/><nd ref="4"/>{}</way></osm>'.replace(
            "{}", '<tag k="highway" v="primary"/>'
        )
    )
    with pytest.raises(BadMap, match="180th meridian"):
        load_streets(path)
    path.write_text(
        path.read_text().replace('<way id="2"><nd ref="3"/><nd ref="4"/>', '<way id="2">')
    )
    streets = load_streets(path)
    assert streets.nodes.lon.min() > 0
    what = "streets cut at the 180th meridian"
    assert streets.report.examples[what] == ("way/1",)
