"""Triage on what people outside write: the cases of ``../shared/cases``, and their relatives."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from intake.triage import Triage
from schemas import codes
from schemas.words import each
from tests.conftest import lacking
from tests.intake.test_triage import judge

DAY = date(2100, 1, 1)
"""So late that rows count which begin tomorrow."""
ROOT = Path(__file__).parents[2]
SENT = codes.default_policy().auto_assign_confidence


def case(name: str) -> list[dict[str, Any]]:
    """Return the texts of a case beside the clone; skips without it."""
    places = [up / "shared/cases" / name / "texts.jsonl" for up in ROOT.parents[:2]]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        lacking(f"the public case {name} in {places[0]}")
    assert found is not None
    return [json.loads(line) for line in found.read_text(encoding="utf-8").splitlines()]


def named(found: Triage) -> set[str]:
    """Return the category and its broader one: labels from outside use that."""
    row = codes.category(found.category)
    return {found.category, *([row.broader] if row.broader else [])}


def test_danger_to_life_is_read_as_such():
    for line in case("07-triage-danger-to-life-as-other-P4"):
        found = judge(line["text"])
        assert found.severity in line["severity"].split("|"), (line, found)
        assert named(found) & set(line["category"].split("|")), (line, found)


def test_no_word_is_found_across_the_border_of_two():
    for line in case("09-triage-words-within-words"):
        found = judge(line["text"])
        if "not" in line:
            assert line["not"] not in named(found), (line, found)
        if "category" in line:
            assert named(found) & set(line["category"].split("|")), (line, found)
            assert found.severity in line["severity"].split("|"), (line, found)


def test_figures_of_speech_send_nobody():
    for line in case("10-triage-figurative-english"):
        assert judge(line["text"]).confidence < SENT, line


@pytest.mark.parametrize(
    ("text", "severities"),
    [
        ("someone has been shot", {"P1"}),
        ("有人坠楼", {"P1"}),
        ("he is not breathing", {"P1"}),
        ("my brother is trapped under it", {"P1"}),
        ("杀人了", {"P1"}),
        ("我们被困了", {"P1", "P2"}),
        ("we are trapped, nine of us", {"P1", "P2"}),
        ("救命", {"P1", "P2"}),
        ("Somebody has been stabbed", {"P1"}),
        ("There's no pulse", {"P1"}),
        ("他没有呼吸了", {"P1"}),
        ("she is unconscious", {"P1"}),
    ],
)
def test_danger_to_life_is_read_whatever_the_kind(text, severities):
    found = judge(text)
    assert found.severity in severities, found
    assert any("danger to life" in r or r.startswith("severity P") for r in each(found.reasons)), (
        found
    )


def test_danger_without_a_kind_is_as_sure_as_the_danger():
    found = judge("we are trapped, nine of us, please come")
    assert (found.category, found.severity) == ("other", "P1")
    assert found.confidence >= SENT
    assert any("danger to life" in reason and "trapped" in reason for reason in each(found.reasons))


@pytest.mark.parametrize(
    "text",
    [
        "这部电影里的爆炸场面太真实了",
        "In the film a man is shot on the bridge",
        "去年这里着过火，现在重新装修了",
        "Last year there was a flood in our street, anniversary on Sunday",
        "请问如果发生火灾应该怎么办理赔",
        "How do I report a gas leak, which number?",
        "Our striker is on fire this season, what a goal",
        "全场清仓，跳楼价，最后三天",
        "虚惊一场，是误报，不用来了",
        "False alarm, no need to send anyone, it was only toast",
        "周三上午举行消防演练，届时会有烟雾",
        "I'm drowning in homework lol",
        "my phone is dead and the battery died",
        "老板气炸了，同事笑死",
    ],
)
def test_what_tells_of_no_event_sends_nobody(text):
    found = judge(text)
    assert found.confidence < SENT, found


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("楼上着火了，像电影里一样，快来人，三楼还有人", "fire"),
        ("Real fire in the kitchen, not a film, please send someone to 3 Mill Road", "fire"),
        ("去年也着过火，现在又烧起来了，快来，三楼有人没出来", "fire"),
    ],
)
def test_an_event_told_with_a_comparison_is_an_event(text, category):
    found = judge(text)
    assert (found.category, found.severity) == (category, "P1"), found


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("peple traped in elevater", "lift_entrapment"),
        ("amonia leak, everyone is chokin", "chemical_spill"),
        ("the hydrent is gushing", "pipe_burst"),
        ("消防拴爆了，水直往上喷", "pipe_burst"),
        ("路中间的经盖没了", "manhole_hazard"),
    ],
)
def test_words_are_read_misspelt(text, category):
    assert judge(text).category == category, judge(text)


@pytest.mark.parametrize(
    ("severity", "text"),
    [
        ("P3", "路边垃圾桶着火了，旁边没东西"),
        ("P2", "厨房有点冒烟，闻到焦味"),
        ("P1", "房子着火了，里面还有人没出来"),
        ("P3", "a wheelie bin is on fire, nothing near"),
        ("P2", "Smell of burning in the kitchen, some smoke"),
        ("P1", "The house is on fire and my kids are inside"),
    ],
)
def test_a_bin_a_smoking_kitchen_and_a_house_with_people_are_not_one_severity(severity, text):
    found = judge(text)
    assert (found.category, found.severity) == ("fire", severity), found


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Medical Emergency", "medical"),
        ("Vehicle fire", "fire"),
        ("Technical rescue", "structure_collapse"),
        ("Lock out", "child_locked_in"),
        ("Unconscious person", "medical"),
        ("Assault w/ weapon", "violence"),
        ("MISSING PERSON", "missing_person"),
        ("BOMB THREAT", "violence"),
        ("Carbon Monoxide", "gas_leak"),
        ("Traffic Collision", "traffic_crash"),
        ("Wires Down", "power_outage"),
        ("Water Rescue", "water_rescue"),
    ],
)
def test_names_of_call_types_are_read(text, category):
    found = judge(text)
    assert found.category == category, found
    assert found.severity != "unknown"


def test_broader_categories_are_known_and_end():
    known = codes.categories(DAY)
    for code in known:
        seen = [code]
        while (above := known[seen[-1]].broader) is not None:
            assert above in known
            assert above not in seen
            seen.append(above)
