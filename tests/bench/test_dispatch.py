"""Figures of the benchmark of dispatch: paired differences, who counts as late, what is missing."""

import pytest

from bench import _dispatch_auckland as auckland
from bench._dispatch_kept import Kept
from bench.dispatch import _changes, _figures, _paired
from sim.calls import Answered, Call, Outcome


def answered(severity: str, arrival_s: float | None) -> Answered:
    call = Call("c", 0.0, 0.0, 0.0, "medical", severity, 0.0, None, 0.0)
    return Answered(call, arrival_s, 0)


def test_differences_are_paired_and_in_per_cent_of_the_usual():
    assert _paired([9.0, 18.0], [10.0, 20.0]) == {"change_pct": -10.0, "half_interval": 42.35}
    assert _paired([1.0], [0.0]) == {}


def test_who_is_never_reached_is_late():
    base = [[answered("P1", 100.0), answered("P1", 481.0)]]
    ours = [[answered("P1", None), answered("P1", 480.0)]]
    assert _changes(ours, base)["P1"]["late"]["change_pct"] == 0.0
    assert _changes(ours, base)["P1"]["mean"]["change_pct"] == pytest.approx(65.23)


def test_figures_name_the_worst_of_the_others():
    def change(pct: float) -> dict[str, float]:
        return {"change_pct": pct, "half_interval": 0.0}

    changes = {
        "P1": {"late": change(-20.0), "mean": change(-7.0), "p95": change(0.0)},
        "P3": {"late": {}, "mean": change(3.0), "p95": change(12.0)},
    }
    found = {
        "joint against closest idle": changes,
        "joint against closest, greedy diversion": changes,
        "joint, at once against closest idle": changes,
        "policies": {"joint": {"decision_ms": {"p99": 5.0}}},
    }
    assert _figures(found) == {
        "late_p1_change_pct": -20.0,
        "late_p1_change_vs_diversion_pct": -20.0,
        "late_p1_at_once_pct": -20.0,
        "worst_other_change_pct": 3.0,
        "p3_p95_change_pct": 12.0,
        "decision_p99_ms": 5.0,
    }


def test_what_was_not_played_has_no_figure():
    assert _figures({"policies": {}}) == {}


def test_a_kept_run_is_played_once_for_its_settings(tmp_path):
    played: list[str] = []

    def play() -> Outcome:
        played.append("")
        return Outcome(answered=[answered("P1", 100.0), answered("P3", None)], driven_s=7.0)

    first = Kept(tmp_path).run(("a", 1), play)
    again = Kept(tmp_path).run(("a", 1), play)
    other = Kept(tmp_path).run(("a", 2), play)
    assert [known for _, known in (first, again, other)] == [False, True, False]
    assert first[0] == again[0]
    assert len(played) == 2


def test_nothing_is_kept_unless_asked_for():
    assert Kept(None).run("a", Outcome) == (Outcome(), False)


def test_without_the_data_it_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.delenv(auckland.FOLDER, raising=False)
    assert auckland.FOLDER in str(auckland.missing())
    monkeypatch.setenv(auckland.FOLDER, str(tmp_path))
    assert "nodes.csv.gz" in str(auckland.missing())
