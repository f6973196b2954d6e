"""Train the second reader's head: ``python -m bench._reader_training [--labelled FILE]``.

From the labelled sentences that may be used for tuning (``bench/labelled/tuning.jsonl`` and the
lines of ``tests/intake/triage_corpus.jsonl`` that are in no other set) to ``reader/head.msgpack``
and the reliability diagram in ``docs/pictures``. Prints what cross-validation says, as JSON. The
same sentences give the same head: folds and solver are fixed.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from reader.head import FILE, NONE, Head, Regression
from reader.model import Embedder
from schemas import codes

_ROOT = Path(__file__).parents[1]
_LABELLED = _ROOT / "bench" / "labelled" / "tuning.jsonl"
_CORPUS = _ROOT / "tests" / "intake" / "triage_corpus.jsonl"
_PICTURE = _ROOT / "docs" / "pictures" / "reader-reliability.png"
_SEVERITIES = ("P1", "P2", "P3", "P4")
_STRENGTH = {"kinds": 100.0, "severities": 10.0, "danger": 10.0, "harmless": 30.0}
"""Inverse regularisation, by cross-validation."""
_FOLDS = 10
_SEEDS = (0, 1, 2)

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """Sentences and their labels; ``severity`` and ``danger`` None where nobody has judged."""

    texts: list[str]
    kinds: list[str]
    accepted: list[set[str]]
    severity: list[str | None]
    danger: list[bool | None]


@dataclass(frozen=True)
class Answers:
    """Calibrated answers of cross-validation: how sure, and whether right."""

    sure: Matrix
    right: Flags


def read_lines(labelled: Path) -> Lines:
    """Return the sentences that may be used for tuning."""
    lines = Lines([], [], [], [], [])
    for row in map(json.loads, labelled.read_text(encoding="utf-8").splitlines()):
        lines.texts.append(row["text"])
        lines.kinds.append(row["category"] if row["event"] else NONE)
        right = {row["category"], *row["accept"]} if row["event"] else {NONE, "other"}
        lines.accepted.append(right)
        lines.severity.append(row["severity"] if row["severity"] in _SEVERITIES else None)
        lines.danger.append(row["danger"])
    known = set(lines.texts)
    for row in map(json.loads, _CORPUS.read_text(encoding="utf-8").splitlines()):
        # There, "other" also stands for what is harmless.
        if "set" in row or row["category"] == "other" or row["text"] in known:
            continue
        lines.texts.append(row["text"])
        lines.kinds.append(row["category"])
        lines.accepted.append({row["category"]})
        lines.severity.append(row.get("severity"))
        lines.danger.append(None if "severity" not in row else row["severity"] in ("P1", "P2"))
    return lines


def _fit(name: str, rows: Matrix, labels: NDArray[Any]) -> LogisticRegression:
    return LogisticRegression(C=_STRENGTH[name], max_iter=500).fit(rows, labels)


def _cross_validated(name: str, rows: Matrix, labels: NDArray[Any], seed: int) -> Matrix:
    """Return each row's scores by a regression that has not seen it."""
    scores: list[Matrix] = []
    places: list[NDArray[np.int64]] = []
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    for known, others in folds.split(rows, labels):
        found = _fit(name, rows[known], labels[known]).decision_function(rows[others])
        scores.append(found.reshape(len(others), -1))
        places.append(others)
    order = np.argsort(np.concatenate(places))
    in_order: Matrix = np.concatenate(scores)[order]
    return in_order


def _many(
    name: str, rows: Matrix, labels: NDArray[Any], right: Callable[[Matrix], Flags]
) -> tuple[Regression, Answers]:
    """Return a multinomial regression, its temperature, and its answers."""
    classes, numbers = np.unique(labels, return_inverse=True)
    runs = [_cross_validated(name, rows, labels, seed) for seed in _SEEDS]
    scores, truth = np.concatenate(runs), np.tile(numbers, len(runs))

    def loss(scale: float) -> float:
        return -float(log_softmax(scores * scale, axis=1)[np.arange(len(truth)), truth].mean())

    scale = float(minimize_scalar(loss, bounds=(0.05, 5.0), method="bounded").x)
    shares = softmax(scores * scale, axis=1)
    fitted = _fit(name, rows, labels)
    regression = Regression(
        classes=tuple(map(str, classes)),
        weights=fitted.coef_.astype("<f4").tobytes(),
        intercepts=tuple(map(float, fitted.intercept_)),
        scale=round(scale, 6),
    )
    return regression, Answers(shares.max(axis=1), right(shares))


def _yes_or_no(name: str, rows: Matrix, labels: Flags) -> tuple[Regression, Answers]:
    """Return a binary regression with Platt's scaling, and how sure it is of "yes"."""
    runs = [_cross_validated(name, rows, labels, seed)[:, 0] for seed in _SEEDS]
    scores, truth = np.concatenate(runs), np.tile(labels, len(runs))

    def loss(how: Matrix) -> float:
        p = np.clip(expit(scores * how[0] + how[1]), 1e-9, 1 - 1e-9)
        return -float(np.where(truth, np.log(p), np.log(1 - p)).mean())

    scale, shift = map(float, minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x)
    fitted = _fit(name, rows, labels)
    regression = Regression(
        classes=(name,),
        weights=fitted.coef_.astype("<f4").tobytes(),
        intercepts=tuple(map(float, fitted.intercept_)),
        scale=round(scale, 6),
        shift=round(shift, 6),
    )
    return regression, Answers(expit(scores * scale + shift), truth)


def train(lines: Lines, rows: Matrix, digest: str) -> tuple[Head, dict[str, Answers]]:
    """Return the head, and what cross-validation says of each of its regressions."""
    center = rows.mean(axis=0).astype(np.float32)
    rows -= center
    kinds = np.array(lines.kinds)
    classes = np.unique(kinds)

    def right(shares: Matrix) -> Flags:
        said = classes[shares.argmax(axis=1)]
        return np.array([a in b for a, b in zip(said, lines.accepted * len(_SEEDS), strict=True)])

    def named(shares: Matrix) -> Flags:
        return ~np.isin(classes[shares.argmax(axis=1)], (NONE, "other"))

    kept: list[Flags] = []

    def both(shares: Matrix) -> Flags:
        kept.append(named(shares))
        return right(shares)

    kind, answers = _many("kinds", rows, kinds, both)
    judged = np.array([one is not None for one in lines.severity])
    grave = np.array([str(one) for one in lines.severity])[judged]
    severity, severity_answers = _many(
        "severities",
        rows[judged],
        grave,
        lambda shares: np.unique(grave)[shares.argmax(axis=1)] == np.tile(grave, len(_SEEDS)),
    )
    known = np.array([one is not None for one in lines.danger])
    dangers = np.array([bool(one) for one in lines.danger])
    danger, danger_answers = _yes_or_no("danger", rows[known], dangers[known])
    harmless, harmless_answers = _yes_or_no("harmless", rows, kinds == NONE)
    head = Head(
        model=digest,
        center=center.astype("<f4").tobytes(),
        kinds=kind,
        severities=severity,
        danger=danger,
        harmless=harmless,
    )
    return head, {
        "kind": answers,
        "kind_named": Answers(answers.sure[kept[0]], answers.right[kept[0]]),
        "severity": severity_answers,
        "danger": danger_answers,
        "harmless": harmless_answers,
    }


def _at(answers: Answers, least: float) -> dict[str, float]:
    there = answers.sure >= least
    count = int(there.sum())
    wrong = int((there & ~answers.right).sum())
    return {
        "share": round(count / len(there), 4),
        "wrong": round(wrong / count, 4) if count else 0.0,
        "answers": count // len(_SEEDS),
    }


def _figures(answers: dict[str, Answers]) -> dict[str, Any]:
    steps = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99)
    found: dict[str, Any] = {
        name: {f"{step:g}": _at(one, step) for step in steps} for name, one in answers.items()
    }
    for name in ("kind", "severity"):
        found[name]["accuracy"] = round(float(answers[name].right.mean()), 4)
    for name in ("danger", "harmless"):
        one = answers[name]
        found[name]["accuracy"] = round(float(((one.sure >= 0.5) == one.right).mean()), 4)
    return found


def _draw(answers: dict[str, Answers], out: Path) -> None:
    """Draw how often answers of each confidence are right, against the confidence."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    titles = {"kind": "Kind of event", "danger": "Danger to life", "harmless": "Harmless"}
    figure = Figure(figsize=(10.5, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, title) in enumerate(titles.items(), start=1):
        axes = figure.add_subplot(1, len(titles), place)
        edges = np.linspace(0.0, 1.0, 11)
        bins = np.clip(np.digitize(answers[name].sure, edges) - 1, 0, 9)
        found = [number for number in range(10) if (bins == number).any()]
        means = [float(answers[name].sure[bins == number].mean()) for number in found]
        shares = [float(answers[name].right[bins == number].mean()) for number in found]
        counts = [int((bins == number).sum()) // len(_SEEDS) for number in found]
        axes.bar(edges[found] + 0.05, shares, width=0.09, color="#9db8d9")
        axes.plot([0, 1], [0, 1], color="#888888", linestyle="--", linewidth=1)
        axes.plot(means, shares, color="#1f4e79", marker="o", markersize=4)
        for number, share, count in zip(found, shares, counts, strict=True):
            where = (edges[number] + 0.05, share + 0.015)
            axes.annotate(str(count), where, ha="center", fontsize=7)
        axes.set(xlim=(0, 1), ylim=(0, 1.08), title=title, xlabel="probability that it says")
    figure.axes[0].set_ylabel("share that was right")
    figure.savefig(out, dpi=110, metadata={"Software": None})


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labelled", type=Path, default=_LABELLED)
    given = parser.parse_args(arguments)
    lines = read_lines(given.labelled)
    embedder = Embedder()
    rows = np.stack([embedder.vector(text) for text in lines.texts]).astype(np.float64)
    head, answers = train(lines, rows, embedder.digest)
    (_ROOT / "reader" / FILE).write_bytes(msgspec.msgpack.encode(head))
    _draw(answers, _PICTURE)
    unknown = sorted(set(head.kinds.classes) - set(codes.categories()) - {NONE})
    found = {"lines": len(lines.texts), "kinds_not_in_the_table": unknown} | _figures(answers)
    print(json.dumps(found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
