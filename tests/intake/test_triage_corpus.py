"""Triage on a corpus of what citizens write: right, never too mild, and honestly unsure.

The corpus is labelled by hand and independent of the city simulator's sentences. Two sets of it
are marked. ``held-out`` was written before the lexicon was last widened, without looking at what
of it is misread; ``unseen`` after that, and no word was chosen for it: whoever does so moves the
sentence out of the set.
"""

import json
import time
from collections import Counter
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from intake.triage import Triage, triage
from intake.triage.lexicon import lexicon
from intake.triage.patterns import PatternFile, Patterns
from intake.triage.words import inflected
from schemas import codes
from schemas.inputs import CitizenReport
from schemas.words import each

DAY = date(2100, 1, 1)
"""So late that rows count which begin tomorrow."""
LINES = [
    json.loads(line)
    for line in Path(__file__)
    .with_name("triage_corpus.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
CORPUS = [line for line in LINES if "set" not in line]
MARKED = {
    name: [line for line in LINES if line.get("set") == name] for name in ("held-out", "unseen")
}
SURE = 0.5
"""The policy's ``auto_assign_confidence``: below it a report waits for an operator."""


def judge(text: str, channel: str = "app") -> Triage:
    report = CitizenReport(
        service_request_id="r1",
        description=text,
        requested_datetime=datetime(2026, 11, 24, tzinfo=UTC),
        channel=channel,
    )
    return triage(report, DAY)


@pytest.fixture(scope="module")
def judged() -> list[tuple[dict[str, str], Triage]]:
    return [(line, judge(line["text"], line["channel"])) for line in CORPUS]


def test_the_corpus_covers_every_category_in_both_languages():
    seen = Counter((line["category"], line["text"].isascii()) for line in CORPUS)
    assert len(CORPUS) >= 400
    for category in codes.categories(DAY):
        assert min(seen[category, True], seen[category, False]) >= 9, category


def test_at_least_95_of_100_are_read_right(judged):
    wrong = [
        f"{line['category']} read as {found.category}: {line['text']}"
        for line, found in judged
        if found.category != line["category"]
    ]
    assert len(wrong) <= 0.05 * len(CORPUS), "\n".join(wrong)


@pytest.mark.parametrize(("name", "share"), [("held-out", 0.9), ("unseen", 0.8)])
def test_what_no_word_was_chosen_for_is_mostly_read_right_and_hardly_ever_surely_wrong(name, share):
    found = [(line, judge(line["text"], line["channel"])) for line in MARKED[name]]
    assert {line["category"] for line, _ in found} == set(codes.categories(DAY))
    wrong = [(line, said) for line, said in found if said.category != line["category"]]
    assert len(wrong) <= (1.0 - share) * len(found)
    assert sum(said.confidence >= SURE for _, said in wrong) <= 0.05 * len(found)


def test_no_danger_to_life_is_read_as_mild():
    judged = [(line, judge(line["text"], line["channel"])) for line in LINES]
    mild = [
        f"{found.category} {found.severity}: {line['text']}"
        for line, found in judged
        if line.get("severity") == "P1" and found.severity in {"P3", "P4"}
    ]
    assert not mild, "\n".join(mild)


def test_severity_is_read_right_where_it_is_clear(judged):
    clear = [(line, found) for line, found in judged if "severity" in line]
    wrong = [
        f"{line['severity']} read as {found.severity}: {line['text']}"
        for line, found in clear
        if found.severity != line["severity"]
    ]
    assert len(wrong) <= 0.05 * len(clear), "\n".join(wrong)


def test_most_of_what_is_read_right_is_sure_enough_to_send_somebody(judged):
    """Not all: the same words stand in harmless texts, of which 1 in 100 may be sent to at most.

    That limit has this price: by cross-validation nearly half of the hard lines and, here, 8 in 100
    of the plain ones wait for an operator's word.
    """
    right = [
        (found.confidence, line["text"])
        for line, found in judged
        if found.category == line["category"] != "other"
    ]
    unsure = [text for confidence, text in right if confidence < SURE]
    assert len(unsure) <= 0.08 * len(right), "\n".join(unsure)


@pytest.mark.parametrize(
    "text",
    [
        *("有味道", "楼下有水", "出事了快来人", "有人在哭", "电梯口有人", "有灰"),
        *(
            "something is leaking",
            "it smells here",
            "water on the floor",
            "the lift",
            "a loud noise",
        ),
        "the lift in my building is too slow, can you make them replace it",
    ],
)
def test_what_may_be_anything_waits_for_an_operator(text):
    assert judge(text).confidence < SURE


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        ("traffic_crash", "A lorry and a van collided, both lanes are blocked"),
        ("traffic_crash", "轿车撞上护栏，马路堵死了"),
        ("traffic_crash", "A bus struck a hydrant, water is spraying"),
        ("pipe_burst", "水管爆了，路都淹了"),
        ("pipe_burst", "The water main burst and the street is flooded"),
        ("storm_damage", "台风吹倒大树，压断电线，停电了，路也堵了"),
        ("lift_entrapment", "停电了，我们困在电梯里"),
        ("water_rescue", "A car crashed through the railing into the river"),
        ("crowd_crush", "人群往前推，有人被挤倒受伤"),
        ("manhole_hazard", "井盖被偷了"),
        ("gas_leak", "挖掘机挖断燃气管，路封了，有人头晕"),
    ],
)
def test_the_cause_outranks_its_consequences(cause, text):
    found = judge(text)
    assert found.category == cause, found
    assert found.confidence >= SURE, found


@pytest.mark.parametrize(
    ("category", "text"),
    [
        ("traffic_crash", "The car did not hit anyone"),
        ("traffic_crash", "车没撞到人"),
        ("road_obstruction", "Not a crash, a van broke down in the middle of the road"),
        ("structure_collapse", "天花板没有塌下来"),
    ],
)
def test_a_denied_part_denies_the_pattern(category, text):
    assert (judge(text).category == category) == (category == "road_obstruction")


def test_reasons_quote_no_more_than_known_words():
    found = judge("A car with plate AB1234 hit Jo (555 0100), a man")
    assert found.category == "traffic_crash"
    assert any("car … hit … man" in reason for reason in each(found.reasons))
    assert not any("555" in reason or "ab1234" in reason for reason in each(found.reasons))


def test_a_text_of_repetitions_costs_by_its_length():
    text = "路上有人被车撞了，水很大。" * 500
    rounds = [(_seconds(text[:500]), _seconds(text[:5_000])) for _ in range(5)]
    shorter, longer = map(min, zip(*rounds, strict=True))
    assert longer < 50 * shorter  # ten times, and room for a busy machine; a hundred by its square


def test_a_pattern_over_an_unknown_concept_is_refused():
    file = PatternFile(
        concepts={"car": ["car(s)"]}, patterns={"fire": {"car > moon": 1.0}}, worse={}, outranks={}
    )
    with pytest.raises(ValueError, match="no concept 'moon'"):
        Patterns(file)


def test_concepts_are_written_in_lower_case_and_bring_their_forms():
    words = Patterns(msgspec.structs.replace(_file(), patterns={}, worse={})).concepts_of
    assert words
    assert all(word == word.casefold().strip() for word in words)
    assert inflected("hit(v)") == ("hit", "hits", "hites", "hited", "hiting", "hitted", "hitting")


def test_ranks_name_known_categories():
    known = set(codes.categories(DAY))
    for cause, ranks in lexicon().outranks.items():
        consequences = {rank.consequence for rank in ranks}
        assert {cause, *consequences} <= known
        assert cause not in consequences


def test_words_and_patterns_speak_of_known_categories_and_severities():
    words = json.loads(files("intake.triage").joinpath("lexicon.json").read_bytes())
    categories = {*words["milder"], *words["usual"], *_file().patterns, *words["terms"]}
    categories.update(code for weights in words["channels"].values() for code in weights)
    assert categories <= set(codes.categories(DAY))
    severities = {*words["worse"], *_file().worse}
    severities.update(code for by_code in words["milder"].values() for code in by_code)
    assert severities <= set(codes.severities())


def test_sure_is_what_the_policy_says():
    assert codes.default_policy().auto_assign_confidence == SURE


def _file() -> PatternFile:
    data = files("intake.triage").joinpath("patterns.json").read_bytes()
    return msgspec.json.decode(data, type=PatternFile)


def _seconds(text: str) -> float:
    started = time.process_time()
    judge(text)
    return time.process_time() - started
