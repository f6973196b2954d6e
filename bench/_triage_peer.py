"""A classifier of the simple kind, as the peer of triage.

Logistic regression, one against the rest, over TF-IDF of one to three characters (scikit-learn). It
knows no more than the labelled lines that it learns from: their category (harmless lines being one
more) and their severity.
"""

from collections.abc import Iterable, Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from bench._labelled import Line, normal
from bench._triage_score import Answer

_FOLDS = 5
_SEED = 1


def trained_on(lines: Sequence[Line], judged: Iterable[Line]) -> list[Answer]:
    """Return the answers for ``judged`` of a classifier that learned from ``lines``."""
    texts = [normal(line.text) for line in judged]
    category, severity = _model(), _model()
    category.fit([normal(line.text) for line in lines], [_kind(line) for line in lines])
    severity.fit([normal(line.text) for line in lines], [line.severity for line in lines])
    shares = category.predict_proba(texts)
    return _answers(
        [category.classes_[row.argmax()] for row in shares],
        severity.predict(texts),
        shares.max(axis=1),
    )


def cross_validated(lines: Sequence[Line]) -> list[Answer]:
    """Return the answers for each fifth of the lines, learned from the other four."""
    answers: dict[int, Answer] = {}
    folds = KFold(_FOLDS, shuffle=True, random_state=_SEED)
    for train, test in folds.split(lines):
        said = trained_on([lines[at] for at in train], [lines[at] for at in test])
        answers |= dict(zip(map(int, test), said, strict=True))
    return [answers[at] for at in range(len(lines))]


def _model() -> Pipeline:
    return make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True),
        OneVsRestClassifier(
            LogisticRegression(C=10.0, class_weight="balanced", solver="liblinear")
        ),
    )


def _kind(line: Line) -> str:
    return line.category if line.event else "harmless"


def _answers(
    kinds: Iterable[str], severities: Iterable[str], sure: Iterable[float]
) -> list[Answer]:
    return [
        Answer("other", "none", float(share))
        if kind == "harmless"
        else Answer(str(kind), str(severity), float(share))
        for kind, severity, share in zip(kinds, severities, sure, strict=True)
    ]
