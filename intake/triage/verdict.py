"""Category, severity and confidence, by the probabilities and the words.

What decides is chosen by cross-validation, see ``docs/triage.md``: danger to life is read early,
since a life costs more than a trip in vain; units go without an operator only where hardly any text
is harmless.
"""

from datetime import date
from typing import NamedTuple

from intake.triage.blend import Judged
from intake.triage.lexicon import BLANK, lexicon
from intake.triage.look import Look
from intake.triage.patterns import Rank
from intake.triage.reading import TextReading
from intake.triage.severity import UNKNOWN, quoted, severity_of
from intake.triage.words import columns
from schemas import codes
from schemas.kinds import OTHER
from schemas.records import Reason
from schemas.words import because

__all__ = ["Verdict", "of_code", "of_text"]

_DANGER = 0.12
"""From this probability on life is taken to be in danger. In cross-validation that found 96 of 100
dangers; by an earlier one some 43 of 100 that were found were none. (Field triage of the injured
aims at 95, and allows 50; American College of Surgeons, Committee on Trauma, 2014.)"""
_CODED_DANGER = 0.5
"""As ``_DANGER``, in a report to whose code somebody gave a severity."""
_USUAL_DANGER = 0.6
"""As ``_DANGER``, where no words of danger stand but the kind's usual ones: in a lift somebody is
always trapped."""
_MILD_DANGER = 0.2
"""As ``_DANGER``, where the words make it milder: a bin that burns away from everything."""
_WORST = 0.7
"""From this probability on a danger is P1."""
_HARMLESS = 0.5
"""From this probability on a text is taken for harmless, if life is not in danger."""
_SURELY_HARMLESS = 0.8
"""From this one on it is P4; between the two nobody knows how bad it is."""
_DOUBTFUL = 0.025
"""From this probability of harmless on an operator decides who is sent."""
_CLEARLY_DOUBTFUL = 0.1
"""As ``_DOUBTFUL``, where the words name the kind beyond doubt and no frame speaks against it."""
_OTHER = 0.7
"""From this probability on what is no kind of ours is read, and not unread."""

_BRIEF = 16
"""Columns of a text that is a name or a greeting and no more; a Chinese letter takes two."""
_HINT = 3.0
"""Below this score words are a hint and no more."""
_DOUBTFUL_CONFIDENCE = 0.4
_NO_EVENT_CONFIDENCE = 0.2
_NOTHING_CONFIDENCE = 0.1
_MAX_CONFIDENCE = 0.97
_CODE_CONFIDENCE = 0.8
"""Of a service code alone: citizens choose from a list, and sometimes wrongly."""
_OVERRULED_CONFIDENCE = 0.6
_CLEAR = 4.0
"""From this score on a text speaks clearly of its category."""
_LIKELY = 0.2
"""With at least this share of the likeliest kind's probability, a cause that is named may go before
it. In cross-validation, of 93 that were less likely 18 were right, and 78 of what they went
before."""
_BEYOND_DOUBT = 6.0
"""From this one on two of its words name it, or a word and a pattern."""


class Verdict(NamedTuple):
    """Codes of category and severity; ``confidence`` 0 to 1."""

    category: str
    severity: str
    confidence: float


def of_text(seen: Look, judged: Judged | None, on: date, reasons: list[Reason]) -> Verdict:
    """Return what a text alone says; ``judged`` None if it has no word that anybody knows."""
    if judged is None or _says_nothing(seen, judged):
        return _unread(reasons)
    kind, share = _kind(seen, judged, on)
    harmless = _harmless(seen, judged, kind)
    if harmless >= _HARMLESS:
        return _no_event(seen, judged, reasons)
    if kind == OTHER and judged.danger >= _DANGER:
        severity = _severity(seen, judged, kind, on, reasons)
        named = seen.danger.confidence if seen.danger and seen.danger.is_sure else 0.0
        confidence = max(named, judged.danger)
    elif kind == OTHER and share < _OTHER:
        return _unread(reasons)
    else:
        severity = _severity(seen, judged, kind, on, reasons)
        confidence = share * (1.0 - harmless)
    verdict = Verdict(kind, severity, min(confidence, _MAX_CONFIDENCE))
    if harmless >= _doubtful(seen, kind) or _hardly_says(seen, kind):
        return _doubted(verdict, seen, reasons)
    return verdict


def of_code(
    coded: str,
    seen: Look,
    judged: Judged | None,
    on: date,
    reasons: list[Reason],
    *,
    told: str | None,
) -> Verdict:
    """Return what a service code and the text say; ``told`` is the call type's severity.

    Whoever chose a code did not choose it for a film. So the words alone say if there is no event:
    the linear model has learned from texts without codes.
    """
    category, confidence = _by_code(coded, seen.reading, on, reasons)
    told = told if category == coded and told != UNKNOWN else None
    severity = severity_of(seen.text, category, lexicon(), on, reasons, told=told)
    if judged is not None and told is None and judged.danger >= _CODED_DANGER:
        severity = _raised(severity, judged, on, reasons)
    frames = seen.framing.coded()
    if frames.is_no_event(danger=seen.danger is not None and seen.danger.is_sure):
        reasons.append(because("no_event", signs=_signs(seen)))
        return Verdict(OTHER, "P4", _NO_EVENT_CONFIDENCE)
    verdict = Verdict(category, severity, confidence)
    return _doubted(verdict, seen, reasons) if frames.is_doubtful else verdict


def _kind(seen: Look, judged: Judged, on: date) -> tuple[str, float]:
    """Return the likeliest kind, and how likely it is.

    The name of a kind and no more is that kind. A cause that is clearly named goes before its
    consequence, and they are one event, so that their probabilities add up: a bus that struck a
    hydrant. What kills and is clearly named goes first, too, if an operator confirms it: a fire
    in which the lift has stopped. "Somebody is in the water, come quickly" is a cry for help, and
    names a kind too. And where the patterns say in which sense a word is meant, that sense holds
    however likely the other one is: a wife who shakes is ill.
    """
    kind, share = judged.kinds[0]
    named = seen.signals.best
    if named is None or named in (OTHER, kind):
        return kind, share
    score = seen.reading.score(named)
    both = seen.reading.plain.get(kind, 0.0) >= _HINT and kind in seen.reading.words
    likely = both or judged.share(named) >= _LIKELY * share
    rank = _rank(named, kind, seen)
    if score >= _CLEAR and rank is not None and likely:
        return named, min(share + judged.share(named), _MAX_CONFIDENCE)
    if score >= _CLEAR and rank is not None and rank.tells_senses_apart:
        return named, max(judged.share(named), _DOUBTFUL_CONFIDENCE)
    deadly = codes.severities(on)[codes.category(named, on).default_severity].rank == 1
    if score >= _CLEAR and likely and deadly and _is_worse(named, kind, on):
        return named, max(judged.share(named), _DOUBTFUL_CONFIDENCE)
    if score >= _CLEAR and (kind == OTHER or _is_brief(seen)):
        return named, max(judged.share(named), _DOUBTFUL_CONFIDENCE)
    return kind, share


def _rank(named: str, of: str, seen: Look) -> Rank | None:
    """Return why what is named is the cause of another kind, or meant in its place; None if not."""
    text, ranks = seen.text, lexicon().outranks.get(named, ())
    found = [
        rank for rank in ranks if rank.consequence == of and rank.holds(text.text, text.tokens)
    ]
    return max(found, key=lambda rank: rank.tells_senses_apart, default=None)


def _harmless(seen: Look, judged: Judged, kind: str) -> float:
    """Return how probably nothing has happened, where words say more than probabilities.

    "There is no fire here" denies its kind. "This is not a drill" is meant, if it names an event.
    And the name of an event alone, with no word that it is none, is left to an operator.
    """
    signals = seen.signals
    if kind in signals.denied:
        return 1.0
    score = signals.spoken.get(kind, 0.0)
    if score >= _HINT and any(hit.negated for hit in seen.text.hits["exercise"]):
        return 0.0
    alone = score >= _HINT and _is_brief(seen) and not seen.framing.against
    if alone and not signals.exercise:
        return min(judged.harmless, _HARMLESS - 0.01)
    return judged.harmless


def _is_brief(seen: Look) -> bool:
    said = seen.text.plain.replace(BLANK, "")  # names of places say nothing
    return columns(said) <= _BRIEF


def _says_nothing(seen: Look, judged: Judged) -> bool:
    """Tell whether a text is no more than a few words that name nothing: "hello there"."""
    brief = _is_brief(seen) and not seen.signals.spoken
    return brief and seen.danger is None and judged.kinds[0][0] == OTHER


def _doubtful(seen: Look, kind: str) -> float:
    """Return from which probability of harmless on an operator decides."""
    named = seen.signals.best == kind and seen.reading.score(kind) >= _BEYOND_DOUBT
    return _CLEARLY_DOUBTFUL if named and not seen.framing.against else _DOUBTFUL


def _hardly_says(seen: Look, kind: str) -> bool:
    """Tell whether a text is a few words that barely hint at its kind: "it smells here"."""
    return _is_brief(seen) and seen.danger is None and seen.signals.spoken.get(kind, 0.0) < _HINT


def _unread(reasons: list[Reason]) -> Verdict:
    reasons.append(because("nothing_says_what"))
    why = because("nothing_says_how_bad")
    reasons.append(because("severity_is", severity=UNKNOWN, why=why))
    return Verdict(OTHER, UNKNOWN, _NOTHING_CONFIDENCE)


def _no_event(seen: Look, judged: Judged, reasons: list[Reason]) -> Verdict:
    """Return what a text is that probably tells of no event."""
    reasons.append(because("no_event", signs=_signs(seen)))
    if judged.danger >= _DANGER:
        severity = "P1" if judged.worst >= _WORST else "P2"
        why = because("danger_all_the_same", danger=round(judged.danger, 3))
        reasons.append(because("severity_is", severity=severity, why=why))
    else:
        severity = "P4" if judged.harmless >= _SURELY_HARMLESS else UNKNOWN
    return Verdict(OTHER, severity, _NO_EVENT_CONFIDENCE)


def _severity(seen: Look, judged: Judged, category: str, on: date, reasons: list[Reason]) -> str:
    """Return the severity by the words, raised by the probabilities."""
    severity = severity_of(seen.text, category, lexicon(), on, reasons)
    if category == OTHER and seen.danger is not None and seen.danger.is_sure:
        said = quoted(seen.danger.words)
        reasons.append(because("danger_named", severity=seen.danger.severity, words=said))
    least = _least_danger(seen, category)
    return _raised(severity, judged, on, reasons) if judged.danger >= least else severity


def _least_danger(seen: Look, category: str) -> float:
    """Return from which probability on life is taken to be in danger."""
    if _is_usual(seen, category):
        return _USUAL_DANGER
    return _MILD_DANGER if lexicon().find_milder(seen.text, category) else _DANGER


def _is_usual(seen: Look, category: str) -> bool:
    """Tell whether all words of danger in a text are usual for its kind."""
    words = () if seen.danger is None else seen.danger.words
    return bool(words) and not set(words) - set(lexicon().usual.get(category, ()))


def _raised(severity: str, judged: Judged, on: date, reasons: list[Reason]) -> str:
    """Return the severity of a danger to life, at least."""
    least = "P1" if judged.worst >= _WORST else "P2"
    ranks = codes.severities(on)
    if ranks[severity].rank <= ranks[least].rank:
        return severity
    why = because("life_in_danger", danger=round(judged.danger, 3))
    reasons.append(because("severity_is", severity=least, why=why))
    return least


def _doubted(verdict: Verdict, seen: Look, reasons: list[Reason]) -> Verdict:
    """Return a verdict on a text that may tell of no event: nobody is sent by it alone."""
    if verdict.confidence <= _DOUBTFUL_CONFIDENCE:
        return verdict
    reasons.append(because("maybe_no_event", signs=_signs(seen)))
    return verdict._replace(confidence=_DOUBTFUL_CONFIDENCE)


def _signs(seen: Look) -> tuple[Reason, ...]:
    """Return the words that say so: “film” (fiction)."""
    against = seen.framing.against.items()
    found = tuple(because("sign", words=quoted(words), sign=kind) for kind, words in against)
    return found or (because("reads_like_none"),)


def _by_code(
    coded: str, reading: TextReading, on: date, reasons: list[Reason]
) -> tuple[str, float]:
    """Return category and confidence from the code and what the text says."""
    spoken, strength = reading.best, reading.strength
    if spoken is None or spoken not in reading.words:
        return coded, _CODE_CONFIDENCE
    if spoken == coded:
        agreed = 1.0 - (1.0 - _CODE_CONFIDENCE) * (1.0 - strength)
        reasons.append(because("code_and_text_agree"))
        return coded, min(agreed, _MAX_CONFIDENCE)
    if _is_worse(spoken, coded, on) and reading.score(spoken) >= _CLEAR + reading.score(coded):
        reasons.append(because("worse_than_code", category=spoken, category_other=coded))
        return spoken, min(strength, _OVERRULED_CONFIDENCE)
    reasons.append(because("code_holds", category=coded, category_other=spoken))
    return coded, _CODE_CONFIDENCE * (1.0 - 0.5 * strength)


def _is_worse(category: str, than: str, on: date) -> bool:
    known, severities = codes.categories(on), codes.severities(on)
    rank = severities[known[category].default_severity].rank
    return rank < severities[known[than].default_severity].rank
