"""How bad it is, and which words decided: danger to life is read apart from the category."""

from collections.abc import Iterable
from datetime import date

import msgspec

from intake.triage.lexicon import Lexicon, Prepared
from schemas import codes
from schemas.records import Reason
from schemas.words import because

__all__ = ["UNKNOWN", "Danger", "find_danger", "quoted", "severity_of"]

UNKNOWN = "unknown"
"""The severity of what could not be read: unread is not harmless."""
_SURE = 0.6
"""Of danger to life that a text names, whatever the kind: policy dispatches from 0.5 on."""
_SURER = 0.1
"""For each further word, up to two."""
_CRY = "P2"
"""Of a cry for help that does not say what is the matter."""
_UNSURE = 0.3
"""Of words that speak of danger only beside a category: an operator is asked."""


class Danger(msgspec.Struct, frozen=True):
    """Danger to life that a text speaks of, whatever its category.

    Attributes
    ----------
    severity
        P1 or P2.
    confidence
        0 to 1: how sure the danger is.
    words
        Those that say so.
    """

    severity: str
    confidence: float
    words: tuple[str, ...]

    @property
    def is_sure(self) -> bool:
        """Whether the words say so whatever the category is."""
        return self.confidence >= _SURE


def find_danger(text: Prepared, words: Lexicon) -> Danger | None:
    """Return the worst danger to life that the text speaks of, if any."""
    weak: Danger | None = None
    for severity in words.worse:  # worst first, as in the file
        found = _said(text, severity, frozenset())
        sure = [word for word in found if word in words.danger.get(severity, ())]
        sure += words.find_worse_patterns(text, severity)
        if sure:
            surer = _SURE + _SURER * min(len(sure) - 1, 2)
            return Danger(severity, surer, tuple(dict.fromkeys(sure)))
        if found and weak is None:
            weak = Danger(severity, _UNSURE, tuple(found))
    cries = [hit.word for hit in text.hits["cries"] if not hit.negated]
    if weak is None and cries:
        weak = Danger(_CRY, _UNSURE, tuple(cries))
    return weak


def severity_of(
    text: Prepared,
    category: str,
    words: Lexicon,
    on: date,
    reasons: list[Reason],
    *,
    told: str | None = None,
) -> str:
    """Return the category's usual severity, lowered or raised by what the text says.

    A severity that was ``told``, by a call type, stands in its place and is only raised.
    """
    usual = frozenset(words.usual.get(category, ()))
    severities = codes.severities(on)
    severity = told or codes.category(category, on).default_severity
    why = because("of_call_type") if told else because("usual_for", category=category)
    milder = () if told else words.find_milder(text, category)
    if milder:
        severity = milder[0][0]
        why = because("by_words", words=quoted(word for _, word in milder))
    for worse in words.worse:  # worst first, as in the file
        found = _said(text, worse, usual) + words.find_worse_patterns(text, worse)
        if found and severities[worse].rank <= severities[severity].rank:
            severity, why = worse, because("by_words", words=quoted(found))
            break
    reasons.append(because("severity_is", severity=severity, why=why))
    return severity


def _said(text: Prepared, severity: str, usual: frozenset[str]) -> list[str]:
    hits = text.hits[f"worse {severity}"]
    return list(
        dict.fromkeys(hit.word for hit in hits if not hit.negated and hit.word not in usual)
    )


def quoted(words: Iterable[str]) -> str:
    """Return words for a reason, each once."""
    return ", ".join(f"“{word}”" for word in dict.fromkeys(words))
