"""The labelled set is well-formed: codes, shares, and no line twice, within a set and across."""

from collections import Counter
from datetime import date

import msgspec
import pytest

from bench import _labelled
from bench._labelled import LabelledError, Line, near_copies, normal, path_of, read
from schemas import codes

KNOWN = set(codes.categories(date(2100, 1, 1)))
THERE = [name for name in _labelled.SETS if path_of(name).exists()]
LEAST = {"tuning": 750, "judging": 450}


@pytest.fixture(scope="module", params=THERE)
def lines(request) -> list[Line]:
    return read(request.param)


@pytest.mark.parametrize("name", THERE)
def test_a_set_is_large_enough(name):
    assert len(read(name)) >= LEAST[name]


def test_codes_are_known(lines):
    assert {line.category for line in lines} == KNOWN
    for line in lines:
        assert set(line.accept) <= KNOWN - {line.category}, line.text


def test_texts_are_of_a_length_that_people_write(lines):
    assert [line.text for line in lines if not 2 <= len(line.text.strip()) <= 400] == []
    assert [line.text for line in lines if line.text != line.text.strip()] == []


def test_half_of_the_lines_is_in_each_language_and_a_third_harmless(lines):
    assert 0.45 <= sum(line.lang == "zh" for line in lines) / len(lines) <= 0.55
    assert 0.30 <= sum(not line.event for line in lines) / len(lines) <= 0.37
    for language in ("zh", "en"):
        own = [line for line in lines if line.lang == language]
        assert 0.28 <= sum(not line.event for line in own) / len(own) <= 0.40


def test_each_category_is_there_in_both_languages(lines):
    both = Counter(line.category for line in lines if line.event)
    assert [code for code, count in both.items() if count < 15] == []
    each = Counter((line.category, line.lang) for line in lines if line.event)
    assert {code for code in KNOWN if min(each[code, "zh"], each[code, "en"]) < 5} == set()


def test_each_style_and_service_is_there_in_both_languages(lines):
    seen = {(line.lang, line.style) for line in lines}
    assert len(seen) == 2 * 9
    assert len({(line.lang, line.service) for line in lines}) == 2 * 6


def test_a_harmless_line_is_labelled_as_such_and_no_other_line_is(lines):
    for line in lines:
        harmless = line.severity == "none", line.style == "lookalike"
        assert harmless == (not line.event, not line.event), line.text
        if not line.event:
            assert (line.danger, line.category) == (False, "other"), line.text


def test_danger_to_life_is_what_is_urgent(lines):
    for line in lines:
        if line.severity == "P1":
            assert line.danger, line.text
        if line.severity in {"P3", "P4", "none"}:
            assert not line.danger, line.text


def test_no_line_is_there_twice(lines):
    count = Counter(normal(line.text) for line in lines)
    assert [text for text, times in count.items() if times > 1] == []


@pytest.mark.skipif(len(THERE) < 2, reason="bench/labelled/judging.jsonl is not there")
def test_no_line_and_no_near_copy_of_it_is_in_both_sets():
    tuning, judging = ([line.text for line in read(name)] for name in _labelled.SETS)
    assert list(near_copies(tuning, judging)) == []


def test_a_near_copy_is_found_whatever_its_punctuation():
    theirs = ["My neighbour's flat is on fire!", "电梯 停在七楼，我们出不来。"]
    ours = ["my neighbours flat is on  FIRE", "电梯停在七楼我们出不来", "the flat next door burns"]
    assert list(near_copies(ours, theirs)) == list(zip(ours[:2], theirs, strict=True))


def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(_labelled, "FOLDER", tmp_path)
    with pytest.raises(LabelledError, match=r"judging\.jsonl is not there"):
        read("judging")
    good = read_one().decode()
    (tmp_path / "tuning.jsonl").write_text(f"{good}\n{good.replace('P1', 'P9')}\n")
    with pytest.raises(LabelledError, match=r"tuning\.jsonl, line 2: .*P9"):
        read("tuning")


def read_one() -> bytes:
    return msgspec.json.encode(
        Line(
            text="it burns",
            lang="en",
            category="fire",
            accept=(),
            severity="P1",
            danger=True,
            event=True,
            style="plain",
            service="119",
        )
    )
