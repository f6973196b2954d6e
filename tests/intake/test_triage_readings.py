"""Triage where words have more than one meaning: causes on a condition, names, second readings."""

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.triage import Triage, triage
from intake.triage.patterns import PatternFile, Patterns
from schemas import codes
from schemas.inputs import CitizenReport
from schemas.words import each

DAY = date(2100, 1, 1)
"""So late that rows count which begin tomorrow."""


def judge(text: str, names: tuple[str, ...] = (), code: str | None = None) -> Triage:
    report = CitizenReport(
        service_request_id="r1",
        description=text,
        requested_datetime=datetime(2026, 11, 24, tzinfo=UTC),
        service_code=code,
        channel="app",
    )
    return triage(report, DAY, names)


@pytest.mark.parametrize(
    ("category", "text"),
    [
        ("power_outage", "大楼停电，电梯也停了，还好里面没人"),
        ("power_outage", "小区没电了，电梯用不了，老人下不了楼"),
        ("power_outage", "The power went out and the lifts stopped working"),
        ("lift_entrapment", "停电了，电梯停在半当中，里面有人在喊"),
        ("lift_entrapment", "跳闸了，电梯里关了两个人"),
        ("lift_entrapment", "Power is out and we are stuck in the lift"),
    ],
)
def test_a_lift_is_the_matter_if_somebody_is_in_it_else_the_power(category, text):
    assert judge(text).category == category, judge(text)


@pytest.mark.parametrize(
    ("category", "text"),
    [
        ("pipe_burst", "消防栓被撞断了，水喷了一路"),
        ("pipe_burst", "Hydrant got knocked over, water everywhere"),
        ("traffic_crash", "卡车撞断了消防栓，司机受伤，水一直喷"),
        ("traffic_crash", "A van hit a hydrant and the driver is hurt"),
    ],
)
def test_water_outranks_being_hit_unless_a_vehicle_or_a_person_is_named(category, text):
    assert judge(text).category == category, judge(text)


@pytest.mark.parametrize(
    ("category", "text"),
    [
        ("medical", "A woman just collapsed in the lobby"),
        ("medical", "An old man collapsed in building 13 and won't wake up"),
        ("structure_collapse", "The building collapsed on a man"),
        ("structure_collapse", "Wall of building 4 collapsed, someone is under it"),
    ],
)
def test_who_collapses_is_ill_and_what_collapses_is_a_building(category, text):
    assert judge(text).category == category, judge(text)


@pytest.mark.parametrize(
    ("category", "severity", "text"),
    [
        ("fire", "P1", "停电之后配电间起火，有人困在电梯里"),
        ("fire", "P1", "The shop is on fire and the lift has stopped with people in it"),
        ("medical", "P1", "打架，有人晕倒了没有呼吸"),
    ],
)
def test_what_kills_is_not_lost_among_other_words(category, severity, text):
    found = judge(text)
    assert (found.category, found.severity) == (category, severity), found


def test_the_name_of_a_street_tells_nothing_of_what_happened_there():
    text = "孩子高烧抽筋，深水路三泉路路口"
    named = judge(text, ("深水路", "三泉路"))
    assert named.category == "medical"
    assert judge("孩子高烧抽筋").category == "medical"
    assert not any("水" in reason for reason in each(named.reasons))
    assert judge("Fire in Water Street", ("Water Street",)).category == "fire"
    assert judge("Fire at the Fire", ("Fire",)).category == "fire"
    assert judge("A man has a heart attack outside Art", ("Art",)).category == "medical"


def test_what_else_it_may_be_is_told_likeliest_first_and_said_in_the_reasons():
    found = judge("变压器冒烟，一半楼停电，味道很臭")
    sure = [reading.confidence for reading in found.alternatives]
    assert sure == sorted(sure, reverse=True)
    assert any(reason.startswith("may also be ") for reason in each(found.reasons))


def test_a_code_that_overrules_the_text_leaves_the_text_as_alternative():
    found = judge("整个小区停电了", code="FLOOD")
    assert found.category == "flood"
    assert [reading.category for reading in found.alternatives] == ["power_outage"]


@settings(deadline=None)  # the first text loads the lexicon
@given(st.text(max_size=300), st.none() | st.sampled_from(["FLOOD", "ROAD", "FIRE"]))
def test_alternatives_are_others_known_and_never_surer(text, code):
    found = judge(text, code=code)
    categories = [reading.category for reading in found.alternatives]
    assert len(set(categories)) == len(categories)
    assert set(categories) <= set(codes.categories(DAY)) - {found.category, "other"}
    assert all(0.0 <= one.confidence <= 1.0 for one in found.alternatives)
    assert found == judge(text, code=code)


@pytest.mark.parametrize(
    "written",
    ["flood if moon", "flood when water", "flood unless", "flood if water>moon", "flood if"],
)
def test_a_rank_over_an_unknown_concept_is_refused(written):
    file = PatternFile(
        concepts={"water": ["water"]}, patterns={}, worse={}, outranks={"fire": [written]}
    )
    with pytest.raises(ValueError, match="outranks"):
        Patterns(file)
    fine = msgspec.structs.replace(file, outranks={"fire": ["flood unless water"]})
    assert Patterns(fine).outranks["fire"][0].without == (("water",),)
