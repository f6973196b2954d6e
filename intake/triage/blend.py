"""What the linear model and the lexicon say of a text together, as probabilities.

Weights over a handful of numbers, fitted to labelled reports that neither had seen: a reader is
believed as much as it was right there. Only addition, multiplication and division in a fixed order,
which IEEE 754 rounds alike everywhere, so every machine gets the same bits.
"""

import math
from collections.abc import Container, Iterable, Mapping

import msgspec

from schemas.kinds import OTHER, UNKNOWN

__all__ = ["Blend", "Judged", "Scores", "Signals", "inputs", "judge", "kind_inputs"]

_MOST = 8.0
"""A category's score in the lexicon beyond which more words say no more."""
_SQUARINGS = 10
_LEAST = -30.0
"""Log odds below which nothing becomes less likely."""


class Scores(msgspec.Struct, frozen=True):
    """What the linear model makes of a text, without a unit.

    Attributes
    ----------
    kinds
        By kind of event.
    harmless, danger, worst, least
        That nothing has happened; danger to life; P1 rather than P2; P4 rather than P3.
    known
        How many of the text's features the model knows.
    """

    kinds: dict[str, float]
    harmless: float
    danger: float
    worst: float
    least: float
    known: int


class Signals(msgspec.Struct, frozen=True):
    """What the lexicon makes of a text.

    Attributes
    ----------
    spoken
        Score by category of which words were found.
    denied
        Categories of which words were found that the text denies, and no others.
    best
        The one that is spoken of most.
    placed
        Whether it names a place.
    balance
        Log odds that the frames tell of no event (`intake.triage.frames`).
    danger
        Severity of a danger to life that is named whatever the kind is; ``weak`` if words speak of
        it only beside a kind; else an empty string.
    severity
        By its words; ``unknown`` where there are none.
    unhurt
        Whether it denies what would make it worse ("no one injured").
    exercise
        Whether it is marked as an exercise or test.
    channel
        Weight by category that the report's channel gives.
    """

    spoken: dict[str, float]
    denied: frozenset[str]
    best: str | None
    placed: bool
    balance: float
    danger: str
    severity: str
    unhurt: bool
    exercise: bool
    channel: Mapping[str, float]


class Blend(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of `kind_inputs`; and of `inputs`, after an intercept, for each yes or no."""

    kinds: tuple[float, ...]
    harmless: tuple[float, ...]
    danger: tuple[float, ...]
    worst: tuple[float, ...]
    least: tuple[float, ...]


class Judged(msgspec.Struct, frozen=True):
    """Probabilities, 0 to 1.

    Attributes
    ----------
    kinds
        Of each kind if something has happened, the likeliest first.
    harmless
        That nothing has happened that anybody should be sent to.
    danger
        That life is or may be in danger.
    worst, least
        Of P1 rather than P2 if it is, and of P4 rather than P3 if it is not.
    """

    kinds: tuple[tuple[str, float], ...]
    harmless: float
    danger: float
    worst: float
    least: float

    def share(self, kind: str) -> float:
        """Return the probability of a kind if something has happened."""
        return next((share for code, share in self.kinds if code == kind), 0.0)


def judge(
    scores: Scores, signals: Signals, blend: Blend, among: Container[str] | None = None
) -> Judged:
    """Return the probabilities by what both say, of the kinds ``among`` these (None: of all)."""
    powers = {
        kind: _dot(blend.kinds, kind_inputs(kind, score, signals))
        for kind, score in scores.kinds.items()
        if among is None or kind in among
    }
    top = max(powers.values())
    shares = {kind: _exponential(power - top) for kind, power in powers.items()}
    total = math.fsum(shares.values())
    kinds = sorted(
        ((kind, share / total) for kind, share in shares.items()),
        key=lambda one: (-one[1], one[0]),
    )
    said = (1.0, *inputs(scores, signals, kinds[0][1]))
    return Judged(
        tuple(kinds),
        harmless=_probability(_dot(blend.harmless, said)),
        danger=_probability(_dot(blend.danger, said)),
        worst=_probability(_dot(blend.worst, said)),
        least=_probability(_dot(blend.least, said)),
    )


def kind_inputs(kind: str, score: float, signals: Signals) -> tuple[float, ...]:
    """Return what speaks for a kind."""
    return (
        score,
        min(_MOST, signals.spoken.get(kind, 0.0)),
        float(kind == signals.best),
        float(kind in signals.denied),
        signals.channel.get(kind, 0.0),
        float(kind == OTHER),
        _spoken(signals) if kind == OTHER else 0.0,
    )


def inputs(scores: Scores, signals: Signals, surest: float) -> tuple[float, ...]:
    """Return what speaks for harmless, danger and severity; ``surest`` of the likeliest kind."""
    return (
        scores.harmless,
        scores.danger,
        scores.worst,
        scores.least,
        surest,
        signals.balance,
        _spoken(signals),
        float(bool(signals.denied)),
        float(signals.unhurt),
        float(signals.placed),
        float(signals.exercise),
        float(signals.danger == "P1"),
        float(signals.danger == "P2"),
        float(signals.danger == "weak"),
        float(signals.severity == "P1"),
        float(signals.severity == "P2"),
        float(signals.severity == "P4"),
        float(signals.severity == UNKNOWN),
    )


def _spoken(signals: Signals) -> float:
    """Return how much is said of the category, but ``other``, that is spoken of most."""
    named = (score for code, score in signals.spoken.items() if code != OTHER)
    return min(_MOST, max(named, default=0.0))


def _dot(weights: Iterable[float], values: Iterable[float]) -> float:
    """Return the sum of the products, added in order."""
    total = 0.0
    for weight, value in zip(weights, values, strict=True):
        total += weight * value
    return total


def _exponential(power: float) -> float:
    """Return nearly e to a power of at most 0, by ten squarings.

    The C library's may differ in the last bit from machine to machine; products do not.

    >>> round(_exponential(-1.0), 3)
    0.368
    """
    value = 1.0 + max(power, _LEAST) / (1 << _SQUARINGS)
    for _ in range(_SQUARINGS):
        value *= value
    return value


def _probability(log_odds: float) -> float:
    """Return the probability of log odds.

    >>> _probability(0.0)
    0.5
    """
    less = _exponential(-abs(log_odds))
    return 1.0 / (1.0 + less) if log_odds >= 0.0 else less / (1.0 + less)
