"""Triage: codes before words, words with their weights, and honest confidence."""

import unicodedata
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.triage import Triage, triage
from intake.triage.lexicon import lexicon
from intake.triage.words import normalise
from schemas import codes
from schemas.inputs import CitizenReport
from schemas.words import each

DAY = date(2100, 1, 1)
"""So late that rows count which begin tomorrow."""


def judge(text: str, code: str | None = None, channel: str = "app") -> Triage:
    report = CitizenReport(
        service_request_id="r1",
        description=text,
        requested_datetime=datetime(2026, 11, 24, tzinfo=UTC),
        service_code=code,
        channel=channel,
    )
    return triage(report, DAY)


SPOKEN = [
    ("fire", "三楼厨房着火了，浓烟滚滚，有人被困"),
    ("fire", "The kitchen is on fire, lots of smoke, people trapped on 3rd floor"),
    ("fire", "樓上失火，火勢很大"),
    ("gas_leak", "楼道里闻到煤气味，很浓"),
    ("gas_leak", "Strong smell of gas in the stairwell"),
    ("explosion", "听到一声爆炸，玻璃都碎了"),
    ("explosion", "There was an explosion at the workshop"),
    ("chemical_spill", "一辆槽罐车泄漏，刺鼻的不明液体流了一地"),
    ("chemical_spill", "Chemical spill, ammonia fumes from the warehouse"),
    ("traffic_crash", "两辆车追尾，有人受伤"),
    ("traffic_crash", "車禍，一輛電動車被撞"),
    ("traffic_crash", "A taxi collided with a scooter, the rider is bleeding"),
    ("medical", "有老人晕倒，没有呼吸了"),
    ("medical", "My father has chest pain and can't breathe"),
    ("epidemic", "学校食堂多人呕吐，怀疑食物中毒"),
    ("epidemic", "Outbreak of norovirus in the kindergarten, several people sick"),
    ("flood", "下立交积水，车被淹了"),
    ("flood", "The underpass is flooded, knee deep water"),
    ("storm_damage", "大风把树吹倒了，压住了一辆车"),
    ("storm_damage", "Billboard blown down by strong winds"),
    ("structure_collapse", "工地脚手架坍塌，有人被埋"),
    ("structure_collapse", "Part of the building collapsed, people under rubble"),
    ("lift_entrapment", "电梯卡住了，我们三个人困在电梯里"),
    ("lift_entrapment", "We are stuck in the elevator, 8th floor"),
    ("water_rescue", "有人落水，快来人"),
    ("water_rescue", "Someone fell into the river and is drowning"),
    ("crowd_crush", "广场人太多，人挤人，快要踩踏了"),
    ("crowd_crush", "It's dangerously overcrowded, people pushing and shoving"),
    ("public_disorder", "饭店门口有人打架，互相推搡"),
    ("public_disorder", "Two drunk men are fighting outside the bar"),
    ("violence", "饭店门口有人打架，其中一个持刀"),
    ("violence", "Two men fighting, one has a knife"),
    ("suicide_threat", "有个女孩坐在楼顶边上，说不想活了"),
    ("suicide_threat", "A man on the bridge is threatening to jump"),
    ("missing_person", "我妈妈走丢了，八十岁，有痴呆"),
    ("missing_person", "My son is missing, last seen at the park, he is six"),
    ("child_locked_in", "孩子被锁在车里了，车里很热"),
    ("child_locked_in", "A toddler is locked in the car, windows are closed"),
    ("animal_danger", "小区里有条恶犬追着人咬"),
    ("animal_danger", "A snake in the kitchen, please send someone"),
    ("earthquake", "地震了，房子在摇，大家都跑出来了"),
    ("earthquake", "Strong earthquake, the whole building is shaking"),
    ("landslide", "山体滑坡，石头把路埋了"),
    ("landslide", "A landslide came down on the houses below the hill"),
    ("evacuation", "养老院要紧急撤离，老人走不动，需要车转移"),
    ("evacuation", "We have been told to evacuate, my wife is in a wheelchair and cannot leave"),
    ("manhole_hazard", "路中间井盖不见了，很危险"),
    ("manhole_hazard", "Manhole cover missing in the middle of the street"),
    ("pipe_burst", "路边自来水管爆裂，水喷得很高"),
    ("pipe_burst", "A water main burst, water gushing everywhere"),
    ("power_outage", "整个小区停电了"),
    ("power_outage", "Power outage in the whole block"),
    ("road_obstruction", "货车抛锚，挡路了"),
    ("road_obstruction", "A broken down truck is blocking the road"),
    ("air_pollution", "工地扬尘，空气污染严重"),
    ("air_pollution", "Terrible smog, bad air quality near the factory"),
    ("other", "楼道里堆了很多杂物，没人清理"),
    ("other", "A dead fox on the pavement, please take it away"),
]


@pytest.mark.parametrize(("category", "text"), SPOKEN)
def test_text_alone_finds_every_category(category, text):
    found = judge(text)
    assert found.category == category, found
    assert found.confidence >= 0.4, found


def test_the_samples_cover_the_table():
    assert {category for category, _ in SPOKEN} == set(codes.categories(DAY))
    assert set(lexicon().terms) == set(codes.categories(DAY))


@pytest.mark.parametrize("code", sorted(codes.categories(DAY)))
def test_a_service_code_decides_where_the_text_says_nothing(code):
    found = judge("请尽快处理", code=codes.category(code).open311_service_code)
    assert found.category == code
    assert found.confidence == (0.8 if code != "other" else 0.1)


def test_code_and_text_in_agreement_are_surer_than_either():
    both = judge("着火了", code="FIRE").confidence
    assert both > judge("着火了").confidence
    assert both > judge("请尽快处理", code="FIRE").confidence


def test_a_conflict_lowers_confidence_and_is_explained():
    found = judge("整个小区停电了", code="FLOOD")
    assert found.category == "flood"
    assert found.confidence < 0.6
    assert any(
        "code says flood, text rather power_outage" in reason for reason in each(found.reasons)
    )


def test_clear_words_of_something_worse_overrule_the_code():
    found = judge("大火，浓烟，有人被困", code="ROAD")
    assert (found.category, found.severity) == ("fire", "P1")
    assert found.confidence <= 0.6
    assert any("worse than the code" in reason for reason in each(found.reasons))


def test_an_unknown_code_is_said_and_not_used():
    found = judge("着火了", code="XYZ")
    assert found.category == "fire"
    assert any("service code is not in the table" in reason for reason in each(found.reasons))
    assert not any("XYZ" in reason for reason in each(found.reasons))  # it may be anything


@pytest.mark.parametrize(
    ("channel", "category"), [("119", "fire"), ("120", "medical"), ("110", "public_disorder")]
)
def test_a_channel_alone_names_no_category_but_is_said(channel, category):
    found = judge("快来人啊", channel=channel)
    assert (found.category, found.severity, found.confidence) == ("other", "unknown", 0.1)
    assert f"channel {channel} suggests {category}" in each(found.reasons)


@pytest.mark.parametrize("text", ["", "你好", "hello there", "12345", "？？？", "𠀀" * 100])
def test_nothing_found_is_other_with_low_confidence(text):
    found = judge(text, channel="12345")
    assert (found.category, found.severity) == ("other", "unknown")  # unread is not harmless
    assert found.confidence <= 0.1


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("追尾了，没有人受伤", "P3"),
        ("追尾了，有人受伤", "P2"),
        ("追尾了，不知道有没有人受伤", "P2"),
        ("追尾了，司机被困", "P1"),
        ("Rear-ended at the lights, no one injured", "P3"),
        ("Rear-ended at the lights, nobody is hurt", "P3"),
        ("Rear-ended at the lights, driver injured", "P2"),
        ("Two cars crashed, driver trapped", "P1"),
        ("两车剐蹭", "P4"),
        ("垃圾桶着火", "P3"),
        ("垃圾桶着火，烧到旁边房子，有人被困", "P1"),
        ("电梯里有人被困", "P3"),
        ("电梯里有人被困，老人昏迷了", "P1"),
        ("Trapped in the lift", "P3"),
    ],
)
def test_severity_words_and_their_denial(text, severity):
    assert judge(text).severity == severity


@pytest.mark.parametrize("text", ["电梯里有人被困", "Trapped in the lift"])
def test_in_a_lift_somebody_is_always_trapped(text):
    assert judge(text).severity in {"P2", "P3"}


@pytest.mark.parametrize(
    "text",
    [
        "没有着火，只是想问问",
        "There is no fire here",
        "no fire or smoke, all fine",
        "not on fire",
        "门口火锅店生意火爆",
        "the fire station is nice",
        "烟花很好看",
    ],
)
def test_denials_and_false_friends_are_no_fire(text):
    assert judge(text).category != "fire"


def test_a_question_denies_nothing():
    assert judge("是不是着火了？").category == "fire"


@pytest.mark.parametrize(
    "text",
    [
        "消防演习，三楼着火",
        "This is a drill: fire on the 3rd floor",
        "测试电话，着火",
        "test call fire",
    ],
)
def test_exercises_are_marked_and_left_to_an_operator(text):
    found = judge(text)
    assert found.confidence <= 0.2
    assert any("exercise or test" in reason for reason in each(found.reasons))


@pytest.mark.parametrize("text", ["着火了，这不是演习", "Fire! This is not a drill"])
def test_no_exercise_is_no_exercise(text):
    found = judge(text)
    assert found.category == "fire"
    assert found.confidence > 0.5


def test_width_case_spacing_and_tradition_do_not_matter():
    plain = judge("着火了 fire")
    assert judge("着 火 了　ＦＩＲＥ") == plain
    assert judge("煤氣洩漏，樓裡有煙").category == "gas_leak"


def test_blanks_go_only_between_chinese_characters():
    assert normalise("Ｆｉｒｅ  着 火　了") == "fire 着火了"


@given(st.text(max_size=400), st.none() | st.text(max_size=12), st.text(max_size=6))
def test_any_text_gives_known_codes_and_a_confidence(text, code, channel):
    found = judge(text, code, channel)
    assert found.category in codes.categories(DAY)
    assert found.severity in codes.severities(DAY)
    assert 0.0 <= found.confidence <= 1.0
    assert found.reasons
    assert found == judge(text, code, channel)


@given(st.sampled_from([text for _, text in SPOKEN]), st.sampled_from(["NFC", "NFD", "NFKD"]))
def test_the_form_of_unicode_does_not_matter(text, form):
    assert judge(unicodedata.normalize(form, text)) == judge(text)
