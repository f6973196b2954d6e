"""Signs that hold at some times: what is read of them, and what both routers make of it."""

import math
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.maps.conditional import hours_of
from geo.maps.graphml import read_graphml, write_graphml
from geo.routing.compiled import CompiledRouter
from geo.routing.conditions import Conditions
from geo.routing.reference import NetworkxRouter
from geo.streets.by_hour import ByHour, hours_text, kph_text
from geo.streets.graph import StreetGraph
from tests.geo.test_vehicles import EAST, WEST, line

MONDAY, SATURDAY, SUNDAY = 0, 5 * 24, 6 * 24


def seconds(streets: StreetGraph, hour: int | None, profile: str = "civilian") -> float:
    conditions = Conditions.of(hour=hour)
    found = CompiledRouter(streets, profile).etas([WEST], EAST, conditions)[0]
    assert found == NetworkxRouter(streets, profile).etas([WEST], EAST, conditions)[0]
    return found


@pytest.mark.parametrize(
    ("text", "touched", "covered"),
    [
        ("(Mo 07:00-09:00)", {7, 8}, {7, 8}),
        ("Mo 07:30-09:15", {7, 8, 9}, {8}),
        ("(Sa,Su 23:00-01:00)", {143, 144, 167, 0}, {143, 144, 167, 0}),
        ("(Mo-Tu 07:00-08:00,16:00-17:00; We 10:00-11:00)", {7, 16, 31, 40, 58}, None),
        ("(Su-Mo 07:00-08:00)", {7, 151}, None),
        ("24/7", set(range(168)), None),
        ("(Fr)", set(range(96, 120)), None),
        ("(00:00-24:00)", set(range(168)), None),
    ],
)
def test_hours_of_the_week(text: str, touched: set[int], covered: set[int] | None) -> None:
    assert hours_of(text) == (touched, touched if covered is None else covered)


@pytest.mark.parametrize(
    "text",
    ["(wet)", "(Apr-Oct)", "(PH)", "(sunset-sunrise)", "(weight>7.5)", "(07:00-25:00)", "()",
     "Mo 7-9", "(Mo-Fr 07:00-09:00 AND weight>3.5)", "(2026 Nov 30)", "(07:00-09:70)"],
)  # fmt: skip
def test_conditions_of_another_kind(text: str) -> None:
    assert hours_of(text) is None


def test_a_street_closed_in_the_morning(tmp_path: Path) -> None:
    tags = {"highway": "residential", "motor_vehicle:conditional": "no @ (Mo-Fr 07:00-09:30)"}
    streets = line(tmp_path, tags)
    open_at = seconds(streets, MONDAY + 6)
    assert math.isfinite(open_at)
    assert math.isinf(seconds(streets, MONDAY + 7))
    assert math.isinf(seconds(streets, MONDAY + 9))  # an hour that the closure touches
    assert seconds(streets, MONDAY + 10) == seconds(streets, SATURDAY + 8) == open_at
    assert math.isinf(seconds(streets, None))  # never illegal, at worst longer
    assert {seconds(streets, hour, "emergency") for hour in (None, 6, 7)} == {
        seconds(line(tmp_path, {"highway": "residential"}), None, "emergency")
    }
    read = streets.report.read["ways that are closed to all but crews at some times"]
    assert read.examples == ("way/2",)


def test_a_pedestrian_street_open_for_deliveries(tmp_path: Path) -> None:
    tags = {"highway": "pedestrian", "motor_vehicle:conditional": "yes @ (06:00-10:30)"}
    streets = line(tmp_path, tags)
    found = {hour: math.isfinite(seconds(streets, hour)) for hour in (5, 6, 9, 10, None)}
    assert found == {5: False, 6: True, 9: True, 10: False, None: False}
    assert math.isfinite(seconds(streets, None, "emergency"))


def test_a_one_way_street_by_the_hour(tmp_path: Path) -> None:
    tags = {"highway": "tertiary", "oneway:conditional": "-1 @ (Su)"}
    streets = line(tmp_path, tags)
    assert math.isfinite(seconds(streets, SATURDAY + 12))
    assert math.isinf(seconds(streets, SUNDAY + 12))
    router = CompiledRouter(streets, "civilian")
    assert math.isfinite(router.etas([EAST], WEST, Conditions.of(hour=SUNDAY + 12))[0])


def test_a_lower_limit_at_night(tmp_path: Path) -> None:
    tags = {"highway": "primary", "maxspeed": "60", "maxspeed:conditional": "30 @ (22:00-06:00)"}
    streets = line(tmp_path, tags)
    day = seconds(streets, 12)
    assert seconds(streets, 23) == pytest.approx(day + 0.95 * 3600 * (1 / 30 - 1 / 60), abs=1)
    assert seconds(streets, 5) == seconds(streets, 23)
    assert seconds(streets, None) == day
    forward = {"maxspeed:backward:conditional": "20 @ (12:00-13:00)"}
    assert seconds(line(tmp_path, tags | forward), 12) == day


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("access:conditional", "ways whose access at some times is not used"),
        ("oneway:conditional", "ways whose one-way rule at some times is not used"),
        ("maxspeed:conditional", "ways whose speed limit at some times is not used"),
    ],
)
def test_other_conditions_are_counted(tmp_path: Path, key: str, what: str) -> None:
    plain = line(tmp_path, {"highway": "primary"})
    streets = line(tmp_path, {"highway": "primary", key: "no @ (wet)"})
    assert streets.report.warnings[what] == 1
    assert streets.report.examples[what] == ("way/2",)
    assert seconds(streets, 7) == seconds(plain, 7)


def test_the_hour_is_that_of_the_citys_time_zone(tmp_path: Path) -> None:
    tags = {"highway": "primary", "maxspeed:conditional": "30 @ (22:00-06:00)"}
    streets = line(tmp_path, tags)
    write_graphml(streets, tmp_path / "again.graphml")
    again = read_graphml(tmp_path / "again.graphml")
    assert seconds(again, 23) == seconds(streets, 23)
    router = CompiledRouter(again, timezone="Asia/Shanghai")
    at = datetime(2026, 11, 30, 15, 30, tzinfo=ZoneInfo("UTC"))
    assert router.hour_at(at) == 23
    assert CompiledRouter(again).hour_at(at) is None
    plain = line(tmp_path, {"highway": "primary"})
    assert CompiledRouter(plain, timezone="Asia/Shanghai").hour_at(at) is None


@given(st.dictionaries(st.integers(0, 167), st.sampled_from([20.0, 30.0, 48.28032]), min_size=1))
def test_hours_are_written_and_read(kph: dict[int, float]) -> None:
    read = ByHour.of([{}, {"kph_hours": kph_text(kph), "closed_hours": hours_text(kph)}])
    assert read is not None
    assert read.closed.tolist() == [[1, hour] for hour in sorted(kph)]
    assert read.slowed.tolist() == read.closed.tolist()
    assert read.kph.tolist() == pytest.approx([kph[hour] for hour in sorted(kph)], rel=1e-5)


def test_text_of_another_form_is_ignored() -> None:
    assert ByHour.of([{"closed_hours": "soon", "kph_hours": "x@1;0@2;30@900-999"}]) is None
