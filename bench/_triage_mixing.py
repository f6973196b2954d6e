"""The second stage of triage's model: kinds are mixed, and blended with the lexicon.

The first stage learns each column of the linear model by itself. But a text with a high score for
``water_rescue`` and one for danger is less likely a ``flood`` than the score of ``flood`` says. So
each kind's column becomes a weighted sum of all columns. Its weights, and those of what the lexicon
says, are fitted together, to sentences scored by models that had not seen them: each is believed as
much as it was right there. (To mix the columns of harmless, danger and severity brought nothing.)

A sum of sums is a sum: the weights of the columns (`Mixing`) are multiplied into the rows of the
model, and reading a text costs no more. What is left is the `Blend`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from bench._triage_sentences import Sentence
from intake.triage.blend import Blend, Scores, Signals, inputs, judge, kind_inputs
from intake.triage.learned import Linear

__all__ = ["Flags", "Fresh", "Matrix", "Mixed", "Mixing", "fit_second"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FIRM = 0.003
"""How firmly the weights of other columns stay at 0 in a kind, by cross-validation."""
_STRENGTH = 0.3
"""Inverse regularisation of the rest."""
_REST = ("harmless", "danger", "worst", "least")
"""The columns after the kinds."""


@dataclass(frozen=True)
class Mixing:
    """Weights of shape (columns before, columns after)."""

    weights: Matrix

    def __call__(self, scores: Scores) -> Scores:
        """Return scores after mixing."""
        *kinds, harmless, danger, worst, least = (
            float(one) for one in _columns(scores) @ self.weights
        )
        by_kind = dict(zip(scores.kinds, kinds, strict=True))
        return Scores(by_kind, harmless, danger, worst, least, scores.known)


class Mixed(Linear):
    """A linear model whose columns are mixed when it is asked."""

    def __init__(self, linear: Linear, mixing: Mixing) -> None:
        self._linear, self._mixing = linear, mixing

    def scores(self, plain: str) -> Scores:
        """Return what a normalised text scores."""
        return self._mixing(self._linear.scores(plain))


@dataclass(frozen=True)
class Fresh:
    """A sentence scored by a model that has not seen it."""

    sentence: Sentence
    linear: Linear
    scores: Scores
    signals: Signals


def fit_second(lines: Sequence[Fresh]) -> tuple[Mixing, Blend]:
    """Return how columns are mixed, and how much they and the lexicon are believed."""
    mixing, weights = _fit_kinds([one for one in lines if one.sentence.event])
    return mixing, _fit_rest([replace(one, scores=mixing(one.scores)) for one in lines], weights)


def _fit_kinds(events: Sequence[Fresh]) -> tuple[Mixing, tuple[float, ...]]:
    """Fit the kinds: what is right of an event shall have the highest likelihood."""
    kinds = list(events[0].scores.kinds)
    said = np.array(
        [
            [kind_inputs(kind, score, one.signals) for kind, score in one.scores.kinds.items()]
            for one in events
        ]
    )
    right = np.array([[float(k in one.sentence.right) for k in kinds] for one in events])
    columns = np.array([_columns(one.scores) for one in events])
    deviation = columns.std(axis=0)
    beside = columns / deviation
    inputs_, shape = said.shape[2], (beside.shape[1], len(kinds))

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        own, across = weights[:inputs_], weights[inputs_:].reshape(shape)
        powers = said @ own + beside @ across
        shares = np.exp(powers - powers.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        meant = right * shares
        found = meant.sum(axis=1, keepdims=True)
        slope = (shares - meant / found) / len(events)
        of_own = np.tensordot(slope, said, axes=2)
        of_across = beside.T @ slope + 2.0 * _FIRM * across
        firm = _FIRM * float((across**2).sum())
        return firm - float(np.log(found).mean()), np.concatenate([of_own, of_across.ravel()])

    start = np.zeros(inputs_ + shape[0] * shape[1])
    best = minimize(loss, start, jac=True, method="L-BFGS-B").x
    own, across = best[:inputs_], best[inputs_:].reshape(shape)
    mixing = np.eye(columns.shape[1])
    mixing[:, : len(kinds)] *= own[0]  # a kind's score is the first of its inputs
    mixing[:, : len(kinds)] += across / deviation[:, None]
    return Mixing(mixing), (1.0, *_rounded(own[1:]))


def _fit_rest(lines: Sequence[Fresh], kinds: tuple[float, ...]) -> Blend:
    """Fit each yes or no, by what is said of the kinds; these are mixed already."""
    none = (0.0,) * (1 + len(inputs(lines[0].scores, lines[0].signals, 0.0)))
    blend = Blend(kinds=kinds, harmless=none, danger=none, worst=none, least=none)
    said = np.array(
        [
            inputs(one.scores, one.signals, judge(one.scores, one.signals, blend).kinds[0][1])
            for one in lines
        ]
    )
    event = np.array([one.sentence.event for one in lines])
    severity = np.array([str(one.sentence.severity) for one in lines])
    danger = np.array([one.sentence.danger for one in lines])
    grave, mild = np.isin(severity, ("P1", "P2")), np.isin(severity, ("P3", "P4"))
    told = danger != None  # noqa: E711 - element by element
    return Blend(
        kinds=kinds,
        harmless=_logistic(said, ~event),
        danger=_logistic(said[told], danger[told].astype(bool)),
        worst=_logistic(said[grave], severity[grave] == "P1"),
        least=_logistic(said[mild], severity[mild] == "P4"),
    )


def _logistic(said: Matrix, truth: Flags) -> tuple[float, ...]:
    """Return intercept and weights of a logistic regression, for inputs as they are."""
    mean, deviation = said.mean(axis=0), said.std(axis=0) + 1e-9
    fitted = LogisticRegression(C=_STRENGTH, max_iter=1_000).fit((said - mean) / deviation, truth)
    weights = fitted.coef_[0] / deviation
    return _rounded([fitted.intercept_[0] - weights @ mean, *weights])


def _columns(scores: Scores) -> Matrix:
    rest = (getattr(scores, name) for name in _REST)
    return np.array([*scores.kinds.values(), *rest])


def _rounded(weights: Matrix | Sequence[float]) -> tuple[float, ...]:
    return tuple(round(float(weight), 5) for weight in weights)
