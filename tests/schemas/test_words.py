"""Reasons are codes with values; each has words in both languages, and no word is left over."""

import ast
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from schemas import codes, wire, words
from schemas.effects import CommandAnswered, EvidencePlaced, StampRefused
from schemas.records import (
    Alert,
    Assignment,
    Evidence,
    Reason,
    Recommendation,
    Shortage,
    TimelineEntry,
)
from schemas.words import because, render, said

ROOMS = ("dispatch", "intake", "schemas")
ROOT = Path(words.__file__).parent.parent


@cache
def made() -> dict[str, set[str]]:
    """Codes of all reasons that the rooms make, with the names of their values."""
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "because":
                    continue
                (code,) = node.args
                assert isinstance(code, ast.Constant), f"{path}:{node.lineno}: name the code"
                values = {str(keyword.arg) for keyword in node.keywords}
                assert found.setdefault(str(code.value), values) == values, code.value
    return found


def named(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_every_reason_has_words_and_every_word_a_reason() -> None:
    assert set(made()) == set(codes.reasons())


@pytest.mark.parametrize("code", sorted(codes.reasons()))
def test_words_name_the_values_that_are_given(code: str) -> None:
    row = codes.reasons()[code]
    assert named(row.en) == named(row.zh) == made()[code]


def test_both_languages_are_rendered() -> None:
    short = Shortage(capability="pump", count=2, why=because("none_can_get_there", able=3))
    assert words.shortage(short) == "pump×2: none of 3 free units can get there"
    assert words.shortage(short, "zh") == "灭火×2：3 个空闲单位都到不了"
    reasons = (because("seconds_away", seconds=81.4), because("position_old", minutes=12.0))
    assert words.together(reasons) == "81 s away; position is 12 min old"
    assert words.together(reasons, "zh") == "81 秒可到；位置是 12 分钟前的"


def test_reasons_within_reasons_are_rendered_in_the_same_language() -> None:
    short = Shortage(capability="pump", count=2, why=because("none_free"))
    told = because("is_short", number="0007", short=words.lacks((short, short)))
    once = "pump×2: no free unit has it"
    assert render(told) == f"0007 is short of {once}; {once}"
    once = "灭火×2：没有具备此能力的空闲单位"
    assert render(told, "zh") == f"0007 缺少 {once}；{once}"
    chosen = tuple(because("unit_because", unit=u, why=(because("none_free"),)) for u in "AB")
    assert render(because("send", units=chosen)) == (
        "Send A (no free unit has it), B (no free unit has it)"
    )
    known = wire.decode(wire.encode(told), Reason)
    assert (known, hash(known)) == (told, hash(told))


def test_codes_have_their_chinese_names() -> None:
    change = because("category_changed", category_before="other", category="fire")
    assert render(change) == "other → fire"
    assert render(change, "zh") == "其他 → 火灾"
    closed = because("condition", condition_kind="closure", condition="C1")
    assert render(because("condition_over", condition=closed), "zh") == "封路 C1 已结束"


def test_words_of_somebody_stay_as_they_are() -> None:
    assert render(said("{not} a template"), "zh") == "{not} a template"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason(code="of_tomorrow"), "of_tomorrow"),
        (Reason(code="of_tomorrow", values={"units": 2}), "of_tomorrow: units 2"),
        (Reason(code="seconds_away", values={}), "seconds_away"),
        (Reason(code="seconds_away", values={"seconds": "many"}), "seconds_away: seconds many"),
    ],
)
def test_what_is_not_known_is_shown_as_it_is(reason: Reason, text: str) -> None:
    assert render(reason) == text
    assert render(reason, "zh") == text


def test_prose_of_earlier_versions_is_read_as_what_somebody_said() -> None:
    """Ledgers keep what was decided byte for byte; it must stay readable."""
    whole = wire.decode(
        b'{"policy":"p","requirements":["pump\xc3\x972"],"candidates":[{"unit":"U1",'
        b'"capability":"pump","seconds":80.0,"chosen":true,"reason":"80 s away"}],'
        b'"short":["pump\xc3\x971: none of 2 free units can get there","what else"],'
        b'"reasons":["fewest seconds"]}',
        Recommendation,
    )
    known, other = whole.short
    assert (known.capability, known.count) == ("pump", 1)
    assert words.shortage(known, "zh") == "灭火×1：none of 2 free units can get there"
    assert words.shortage(other) == "×0: what else"
    assert words.each(whole.reasons) == ("fewest seconds",)
    assert words.together(whole.candidates[0].reasons) == "80 s away"
    assert b'"reason":' not in wire.encode(whole)
    assert wire.decode(wire.encode(whole), Recommendation) == whole


NAMES = ("said", "reasons", "reason", "changes", "ended")
AT = '"2026-11-24T08:00:00Z"'


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (
            TimelineEntry,
            (
                '{"incident":"i","seq":1,"at":AT,"kind":"note","actor":"li","text":"old",'
                '"reasons":["old"],"cause":"c"}'
            ),
        ),
        (
            Alert,
            '{"id":"a","incident":"i","kind":"surplus","priority":1,"text":"old","raised_at":AT}',
        ),
        (
            Alert,
            (
                '{"id":"a","incident":"i","kind":"surplus","priority":1,"text":"old",'
                '"raised_at":AT,"ended_at":AT,"ended_by":"old"}'
            ),
        ),
        (
            Evidence,
            (
                '{"id":"e","source":"report","source_id":"r","phase":"opened","category":"fire",'
                '"severity":"P1","confidence":0.5,"point":null,"where":{},"observed_at":AT,'
                '"received_at":AT,"text":"fire","reasons":["old"]}'
            ),
        ),
        (
            Assignment,
            (
                '{"id":"a","incident":"i","unit":"u","capability":"pump","by":"li","eta_s":1.0,'
                '"route":null,"reasons":["old"],"dispatched":AT}'
            ),
        ),
        (
            EvidencePlaced,
            (
                '{"effect":"evidence","evidence":"e","incident":null,"placed":"ignored","score":0.0,'
                '"reasons":["old"]}'
            ),
        ),
        (
            StampRefused,
            '{"effect":"stamp_refused","unit":"u","status":"s","at":AT,"by":"crew","reason":"old"}',
        ),
        (
            CommandAnswered,
            (
                '{"effect":"command","command":"c","incident":"i","operator":"li","outcome":"tried",'
                '"reason":"old","version":1,"at":AT,"changes":["old"]}'
            ),
        ),
    ],
)
def test_every_record_of_earlier_versions_is_read(kind: type, record: str) -> None:
    known = wire.decode(record.replace("AT", AT).encode(), kind)
    fields = {name: getattr(known, name, None) for name in NAMES}
    told = [value for value in fields.values() if value]
    assert told
    assert all(value in (said("old"), (said("old"),)) for value in told)
    assert wire.decode(wire.encode(known), kind) == known


def test_an_answer_of_earlier_versions_without_a_reason_has_none() -> None:
    record = (
        '{"effect":"command","command":"c","incident":"i","operator":"li","outcome":"accepted",'
        f'"reason":"","version":1,"at":{AT}}}'
    )
    assert wire.decode(record.encode(), CommandAnswered).reason is None
