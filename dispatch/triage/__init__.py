"""Triage: what a citizen's report is about, how bad it is, and how sure that is.

Structured codes first (the Open311 service code, the channel's number), then a Chinese and
English lexicon over the free text: single words, and patterns of words that mean something only
together. A cause outranks its consequences. The first version behind an interface that later
work may replace: ``triage(report, on) -> Triage``. Pure: the day comes in as an argument.

What else a text may mean is told beside what it is taken for (``alternatives``): "the hydrant was
hit" is a burst pipe and may be a crash. Correlation asks the neighbours which it was.
"""

import math
from collections.abc import Iterable
from datetime import date

import msgspec

from dispatch.triage.lexicon import Hit, Lexicon, Prepared, lexicon
from schemas import codes
from schemas.inputs import CitizenReport
from schemas.records import Reading

__all__ = ["Triage", "triage"]

_CODE_CONFIDENCE = 0.8
"""Of a service code alone: citizens choose from a list, and sometimes wrongly."""
_STRENGTH_SCALE = 3.0
"""A text's score at which its strength is 1 - 1/e."""
_CLEAR = 4.0
"""From this score on a text speaks clearly of its category."""
_CAUSE = 3.0
"""From this score on a category counts as the cause of its consequences."""
_CAUSE_SHARE = 0.5
"""And with at least this share of the consequence's own score."""
_CONSEQUENCE = 0.3
"""What is left of a consequence's score beside its cause."""
_BESIDE = 0.7
"""And what it counts as something else that the text may mean: others may tell of it alone."""
_OVERRULED_CONFIDENCE = 0.6
_EXERCISE_CONFIDENCE = 0.2
_NOTHING_CONFIDENCE = 0.1
_MAX_CONFIDENCE = 0.97
_ALTERNATIVE = 0.3
"""With at least this share of the best score a category is an alternative."""
_MOST_ALTERNATIVES = 3
_LONGEST_TEXT = 5_000


class Triage(msgspec.Struct, frozen=True, kw_only=True):
    """What triage found.

    Attributes
    ----------
    category, severity
        Codes of the tables ``categories`` and ``severities``.
    confidence
        0 to 1: how sure the category is.
    reasons
        One sentence each: which code, channel and words spoke for what, and what disagreed.
    alternatives
        What else the text may mean, likeliest first; none is surer than the category.
    """

    category: str
    severity: str
    confidence: float
    reasons: tuple[str, ...]
    alternatives: tuple[Reading, ...] = ()


class _Text(msgspec.Struct, frozen=True):
    """What the text says: categories by falling score, the words behind them, what is denied.

    ``plain`` are the scores before consequences were lowered.
    """

    scores: list[tuple[str, float]]
    words: dict[str, list[str]]
    denied: list[str]
    plain: dict[str, float]

    @property
    def best(self) -> str | None:
        return self.scores[0][0] if self.scores else None

    def score(self, category: str) -> float:
        return next((score for code, score in self.scores if code == category), 0.0)

    @property
    def strength(self) -> float:
        """0 to 1: how much the best category is spoken of, and how far ahead it is."""
        if not self.scores:
            return 0.0
        first = self.scores[0][1]
        second = self.scores[1][1] if len(self.scores) > 1 else 0.0
        margin = (first - second) / first
        return (1.0 - math.exp(-first / _STRENGTH_SCALE)) * (0.6 + 0.4 * margin)


def triage(report: CitizenReport, on: date, names: Iterable[str] = ()) -> Triage:
    """Classify a citizen's report.

    Parameters
    ----------
    report
        Only its service code, channel and description are looked at.
    on
        The day whose code tables hold.
    names
        Names of places in the description: a "Water Street" is no water.

    Returns
    -------
    Triage
        Category ``other`` with a confidence of 0.1 where nothing was found.
    """
    words = lexicon()
    text = words.prepare(report.description[:_LONGEST_TEXT], names)
    reasons: list[str] = []
    reading = _read(text, words, words.channels.get(report.channel.strip(), {}), on)
    coded = _coded(report.service_code, on, reasons)
    _explain(reading, report.channel, words, reasons)
    category, confidence = _decide(coded, reading, on, reasons)
    severity = _severity(text, category, words, on, reasons)
    marks = [hit.word for hit in words.find_exercise(text) if not hit.negated]
    if marks:
        confidence = min(confidence, _EXERCISE_CONFIDENCE)
        reasons.append(f"marked as an exercise or test ({_quoted(marks)}): an operator decides")
    alternatives = _alternatives(reading, category, confidence, reasons)
    return Triage(
        category=category,
        severity=severity,
        confidence=round(confidence, 3),
        reasons=tuple(reasons),
        alternatives=alternatives,
    )


def _alternatives(
    text: _Text, category: str, confidence: float, reasons: list[str]
) -> tuple[Reading, ...]:
    """Return what else is spoken of, by the share of its score in that of what is believed."""
    best = text.score(category) or (text.scores[0][1] if text.scores else 0.0)
    said = {
        code: score if score == text.plain[code] else max(score, _BESIDE * text.plain[code])
        for code, score in text.scores
        if code in text.words and code not in (category, "other")
    }
    found = [
        Reading(category=code, confidence=round(confidence * min(1.0, score / best), 3))
        for code, score in sorted(said.items(), key=lambda item: (-item[1], item[0]))
        if score >= _ALTERNATIVE * best
    ][:_MOST_ALTERNATIVES]
    if found:
        named = ", ".join(f"{one.category} {one.confidence:.2f}" for one in found)
        reasons.append(f"may also be {named}")
    return tuple(found)


def _coded(service_code: str | None, on: date, reasons: list[str]) -> str | None:
    """Return the category of an Open311 service code, if it has one that says anything."""
    if not service_code:
        return None
    wanted = service_code.strip().upper()
    for category in codes.categories(on).values():
        if category.open311_service_code == wanted:
            reasons.append(f"service code {wanted} means {category.code}")
            return None if category.code == "other" else category.code
    # Not quoted: what is no code of ours may be anything, a name or a number too.
    reasons.append("the report's service code is not in the table: not used")
    return None


def _read(
    text: Prepared,
    words: Lexicon,
    channel: dict[str, float],
    on: date,
) -> _Text:
    """Score every category by its words: the strongest whole, each further one half.

    The heaviest pattern of a category counts as one word more.
    """
    hits = words.find_terms(text)
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
    deadly = {c for c in scores if severities[known[c].default_severity].rank == 1}
    plain, scores = scores, _causes_first(scores, deadly, text, words)
    ranked = sorted(  # a tie goes to what is usually worse, then to the earlier in the file
        scores.items(),
        key=lambda item: (-item[1], severities[known[item[0]].default_severity].rank),
    )
    return _Text(ranked, found, [hit.word for hit in hits if hit.negated], plain)


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
        if rank.holds(text.tokens)
        and score >= _CAUSE
        and (cause in deadly or score >= _CAUSE_SHARE * scores.get(rank.consequence, 0.0))
    }
    return {
        category: score * _CONSEQUENCE if category in lowered else score
        for category, score in scores.items()
    }


def _explain(reading: _Text, channel: str, words: Lexicon, reasons: list[str]) -> None:
    for category, score in reading.scores:
        if category in reading.words:
            reasons.append(f"text says {_quoted(reading.words[category])}: {category} {score:.1f}")
    if reading.denied:
        reasons.append(f"text denies {_quoted(reading.denied)}: not counted")
    hint = words.channels.get(channel.strip())
    if hint:
        reasons.append(f"channel {channel.strip()} suggests {next(iter(hint))}")


def _decide(coded: str | None, reading: _Text, on: date, reasons: list[str]) -> tuple[str, float]:
    """Return category and confidence from the code and what the text says."""
    spoken, strength = reading.best, reading.strength
    if coded is None:
        if spoken is None:
            reasons.append("neither code nor text says what it is about")
            return "other", _NOTHING_CONFIDENCE
        return spoken, min(strength, _MAX_CONFIDENCE)
    if spoken is None or spoken not in reading.words:
        return coded, _CODE_CONFIDENCE
    if spoken == coded:
        agreed = 1.0 - (1.0 - _CODE_CONFIDENCE) * (1.0 - strength)
        reasons.append("code and text agree")
        return coded, min(agreed, _MAX_CONFIDENCE)
    if _is_worse(spoken, coded, on) and reading.score(spoken) >= _CLEAR + reading.score(coded):
        reasons.append(f"text clearly says {spoken}, which is worse than the code's {coded}")
        return spoken, min(strength, _OVERRULED_CONFIDENCE)
    reasons.append(f"code says {coded}, text rather {spoken}: the code holds, with less confidence")
    return coded, _CODE_CONFIDENCE * (1.0 - 0.5 * strength)


def _is_worse(category: str, than: str, on: date) -> bool:
    known, severities = codes.categories(on), codes.severities(on)
    rank = severities[known[category].default_severity].rank
    return rank < severities[known[than].default_severity].rank


def _severity(
    text: Prepared,
    category: str,
    words: Lexicon,
    on: date,
    reasons: list[str],
) -> str:
    """Return the category's usual severity, raised or lowered by what the text says."""
    default = codes.category(category, on).default_severity
    severities = codes.severities(on)
    usual = frozenset(words.usual.get(category, ()))
    worse = {
        severity: _said(words.find_worse(text, severity), usual)
        + words.find_worse_patterns(text, severity)
        for severity in words.worse
    }
    for severity, found in worse.items():  # worst first, as in the file
        if found and severities[severity].rank <= severities[default].rank:
            reasons.append(f"severity {severity}: {_quoted(found)}")
            return severity
    if not any(worse.values()):
        milder = [
            (severity, hit.word)
            for severity, hit in words.find_milder(text, category)
            if not hit.negated
        ]
        if milder:
            severity = milder[0][0]
            reasons.append(f"severity {severity}: {_quoted([word for _, word in milder])}")
            return severity
    reasons.append(f"severity {default}: usual for {category}")
    return default


def _said(hits: list[Hit], usual: frozenset[str]) -> list[str]:
    words = (hit.word for hit in hits if not hit.negated and hit.word not in usual)
    return list(dict.fromkeys(words))


def _quoted(words: list[str]) -> str:
    return ", ".join(f"“{word}”" for word in dict.fromkeys(words))
