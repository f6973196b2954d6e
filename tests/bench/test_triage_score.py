"""What the benchmark of triage counts, on lines whose figures are counted by hand."""

import msgspec
import pytest

from bench import _labelled, triage
from bench._labelled import Line
from bench._triage_score import Answer, by, confusion, figures, is_right, misread_in, table_of

FIRE = Line(
    text="it burns",
    lang="en",
    category="fire",
    accept=("explosion",),
    severity="P1",
    danger=True,
    event=True,
    style="plain",
    service="119",
)
HARMLESS = Line(
    text="这首歌火了",
    lang="zh",
    category="other",
    accept=(),
    severity="none",
    danger=False,
    event=False,
    style="lookalike",
    service="social",
)
READ = [
    (FIRE, Answer("fire", "P1", 0.95)),
    (FIRE, Answer("explosion", "P2", 0.4)),
    (FIRE, Answer("medical", "unknown", 0.92)),
    (FIRE, Answer("medical", "P3", 0.5)),
    (HARMLESS, Answer("other", "P4", 0.1)),
    (HARMLESS, Answer("fire", "P1", 0.5)),
    (HARMLESS, Answer("fire", "P1", 0.49)),
    (HARMLESS, Answer("other", "P4", 0.5)),
    (HARMLESS, Answer("other", "unknown", 0.9)),
]


def test_shares_are_of_the_lines_that_they_speak_of():
    found = figures(READ)
    assert found == {
        "n": 9,
        "category_accuracy": pytest.approx(5 / 9, abs=1e-4),
        "category_accuracy_events": 0.5,
        "danger_n": 4,
        "danger_recall": 0.5,
        "danger_unread_share": 0.25,
        "harmless_n": 5,
        "false_p1_share": 0.2,
        "sent_by_itself_share": 0.4,
        "events_sent_share": 0.5,
        "severity_accuracy": 0.25,
        "sure_n": 3,
        "wrong_when_sure": pytest.approx(1 / 3, abs=1e-4),
    }


def test_a_share_of_no_line_is_left_out():
    assert "danger_recall" not in by(READ, "lang")["zh"]
    assert "false_p1_share" not in by(READ, "style")["plain"]


def test_an_accepted_category_is_right_and_any_other_wrong():
    assert is_right(FIRE, Answer("explosion", "P1", 1.0))
    assert not is_right(FIRE, Answer("other", "P1", 1.0))


def test_the_confusion_counts_what_is_accepted_as_the_label():
    counts = confusion(READ)
    assert counts == {"fire": {"fire": 2, "medical": 2}, "harmless": {"other": 3, "fire": 2}}
    assert "| fire | 4 | 2 | medical 2 |" in table_of(counts)
    assert "| harmless | 5 | 3 | fire 2 |" in table_of(counts)


def test_misread_lines_say_what_is_wrong():
    assert misread_in(READ[2:3]) == {
        "it burns": "category, danger: fire P1, read as medical unknown 0.92"
    }
    assert misread_in(READ[3:4])["it burns"].startswith("category, danger")
    assert misread_in(READ[5:6])["这首歌火了"].startswith("category, sent to: harmless none")
    assert misread_in(READ[4:5]) == {}


def test_each_reader_has_figures_and_the_first_has_them_without_a_name(lines, monkeypatch):
    sure = {"lexicon": lambda _: Answer("fire", "P1", 1.0), "second": lambda _: READ[4][1]}
    monkeypatch.setattr(triage, "readers", lambda *, second: sure)
    report = triage.run(quick=False)
    assert report.figures["danger_recall"] == 1.0
    assert report.figures["second_danger_recall"] == 0.0
    assert report.figures["false_p1_share"] == 1.0
    assert report.detail["second_confusion"]["fire"] == {"other": 10}


def test_without_the_judging_set_the_tuning_set_judges_and_says_so(lines, capsys):
    report = triage.run(quick=False)
    assert "judging.jsonl is not there" in capsys.readouterr().err
    assert "set: tuning" in report.notes
    assert report.figures["n"] == 20


def test_misread_lines_of_the_judging_set_are_not_shown(lines):
    (lines / "judging.jsonl").write_bytes((lines / "tuning.jsonl").read_bytes())
    with pytest.raises(SystemExit, match="judging lines stay unread"):
        triage.run(quick=False, misread=True)
    assert "set: judging" in triage.run(quick=False).notes


def test_the_page_gets_the_figures_between_its_marks(lines, monkeypatch):
    page = lines / "triage.md"
    page.write_text("# T\n<!-- begin: bench triage -->\nold\n<!-- end: bench triage -->\nrest\n")
    monkeypatch.setattr(triage, "_PAGE", page)
    triage.run(quick=False, write_docs=True)
    written = page.read_text(encoding="utf-8")
    assert written.startswith("# T\n<!-- begin")
    assert written.endswith("<!-- end: bench triage -->\nrest\n")
    assert "| harmless | 10 |" in written
    assert "old" not in written


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """A small tuning set without a judging one, and no peer."""
    rows = [
        msgspec.structs.replace(line, text=f"{line.text} {n}")
        for line in (FIRE, HARMLESS)
        for n in range(10)
    ]
    content = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    (tmp_path / "tuning.jsonl").write_bytes(content)
    monkeypatch.setattr(_labelled, "FOLDER", tmp_path)
    monkeypatch.setattr(triage, "_peers", lambda *_: {})
    return tmp_path
