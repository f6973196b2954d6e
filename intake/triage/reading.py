"""What a text says: each category's score, and the words behind it."""

import math
from datetime import date

import msgspec

from intake.triage.lexicon import Lexicon, Prepared
from schemas import codes

__all__ = ["TextReading", "read"]

_STRENGTH_SCALE = 3.0
"""A text's score at which its strength is 1 - 1/e."""
_CAUSE = 3.0
"""From this score on a category counts as the cause of its consequences."""
_CAUSE_SHARE = 0.5
"""And with at least this share of the consequence's own score."""
_CONSEQUENCE = 0.3
"""What is left of a consequence's score beside its cause."""


class TextReading(msgspec.Struct, frozen=True):
    """What the text says: categories by falling score, the words behind them, what is denied.

    ``plain`` are the scores before consequences were lowered.
    """

    scores: list[tuple[str, float]]
    words: dict[str, list[str]]
    denied: list[str]
    plain: dict[str, float]

    @property
    def best(self) -> str | None:
        """The category that is spoken of most."""
        return self.scores[0][0] if self.scores else None

    def score(self, category: str) -> float:
        """Return how much a category is spoken of, from 0."""
        return next((score for code, score in self.scores if code == category), 0.0)

    @property
    def strength(self) -> float:
        """0 to 1: how much the best category is spoken of, and how far ahead it is."""
        if not self.scores:
            return 0.0
        first = self.scores[0][1]
        second = self.scores[1][1] if len(self.scores) > 1 else 0.0
        margin = (first - second) / first
        return (1.0 - math.exp(-first / _STRENGTH_SCALE)) * (0.5 + 0.5 * margin)


def read(text: Prepared, words: Lexicon, channel: dict[str, float], on: date) -> TextReading:
    """Score every category by its words: the strongest whole, each further one half.

    The heaviest pattern of a category counts as one word more.

    Parameters
    ----------
    channel
        Scores by category that the report's channel gives.
    on
        The day whose code tables hold.
    """
    hits = text.hits["terms"]
    said = dict.fromkeys(hit.word for hit in hits if not hit.negated)
    patterns = {
        category: (weight, phrase) for category, weight, phrase in words.find_patterns(text)
    }
    known = codes.categories(on)
    scores: dict[str, float] = {}
    found: dict[str, list[str]] = {}
    for category, terms in words.terms.items():
        spoken = {word: terms[word] for word in said if word in terms}
        if category in patterns:
            weight, phrase = patterns[category]
            spoken[phrase] = max(weight, spoken.get(phrase, 0.0))
        weights = sorted(spoken.values(), reverse=True)
        score = channel.get(category, 0.0)
        if weights:
            score += weights[0] + 0.5 * sum(weights[1:])
            found[category] = list(spoken)
        if score > 0.0 and category in known:
            scores[category] = score
    severities = codes.severities(on)
    ranks = {c: severities[known[c].default_severity].rank for c in scores}
    plain = scores
    scores = _causes_first(scores, {c for c, rank in ranks.items() if rank == 1}, text, words)
    # A tie goes to what is usually worse, then to the earlier in the file.
    ranked = sorted(scores.items(), key=lambda item: (-item[1], ranks[item[0]]))
    denied = list(dict.fromkeys(hit.word for hit in hits if hit.negated))
    return TextReading(ranked, found, denied, plain)


def _causes_first(
    scores: dict[str, float], deadly: set[str], text: Prepared, words: Lexicon
) -> dict[str, float]:
    """Return the scores with those of consequences lowered: a crash that blocks a road.

    A ``deadly`` cause, such as a fire, is one however much more is said of the rest.
    """
    lowered = {
        rank.consequence
        for cause, score in scores.items()
        for rank in words.outranks.get(cause, ())
        if rank.holds(text.text, text.tokens)
        and score >= _CAUSE
        and (cause in deadly or score >= _CAUSE_SHARE * scores.get(rank.consequence, 0.0))
    }
    return {
        category: score * _CONSEQUENCE if category in lowered else score
        for category, score in scores.items()
    }
