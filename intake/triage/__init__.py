"""Triage: what a citizen's report is about, how bad it is, and how sure that is.

Structured codes first (the city's table of call types, the Open311 service code); then the text,
which two readers read. A Chinese and English lexicon says which words and patterns of words speak
for what. A linear model has learned from labelled reports what words, pairs of words and pieces of
words mean. Both together give calibrated probabilities: of each kind of event, that life is in
danger, and that nothing has happened. They decide category, severity and confidence
(``verdict``). Pure: the day comes in as an argument, and the same text gives the same bits on every
machine. ``triage(report, on) -> Triage``.

What else a text may mean is told beside what it is taken for (``alternatives``): "the hydrant was
hit" is a burst pipe and may be a crash. Correlation asks the neighbours which it was.

============  ==========================================================================
module        what it holds
============  ==========================================================================
``blend``     probabilities, by what lexicon and linear model say together
``features``  what the linear model sees of a text
``frames``    what makes the words of an event tell of none: film, drill, question, past
``learned``   the linear model, and its file
``lexicon``   `Lexicon`: the words that triage knows
``look``      one look at a text with the lexicon
``patterns``  what words mean together
``reading``   each category's score, and the words behind it
``severity``  how bad it is by the words: danger to life, and what is usual for a category
``urgency``   which of many reports that wait are looked at first
``verdict``   category, severity and confidence, by the probabilities
``words``     where words stand in a text
============  ==========================================================================
"""

from collections.abc import Iterable
from datetime import date

import msgspec

from atlas.call_types import CallType
from intake.triage.blend import Judged, judge
from intake.triage.learned import Model, learned
from intake.triage.lexicon import Prepared
from intake.triage.look import Look, look
from intake.triage.reading import TextReading
from intake.triage.severity import quoted
from intake.triage.urgency import is_urgent
from intake.triage.verdict import Verdict, of_code, of_text
from schemas import codes
from schemas.inputs import CitizenReport
from schemas.records import Reading, Reason
from schemas.words import because

__all__ = ["Triage", "is_urgent", "triage"]

_BESIDE = 0.7
"""What a consequence's score counts as something else that the text may mean: others may tell of
it alone."""
_EXERCISE_CONFIDENCE = 0.2
_ALTERNATIVE = 0.3
"""With at least this share of what the category has, another one is an alternative."""
_MOST_ALTERNATIVES = 3
_LONGEST_TEXT = 5_000


class Triage(msgspec.Struct, frozen=True, kw_only=True):
    """What triage found.

    Attributes
    ----------
    category, severity
        Codes of the tables ``categories`` and ``severities``.
    confidence
        0 to 1: how sure the category is; of ``other`` with danger to life, how sure the danger is.
    reasons
        Which code, channel and words spoke for what, what the linear model makes of it, and what
        disagreed. A value ``words`` quotes the text.
    alternatives
        What else the text may mean, likeliest first; none is surer than the category.
    """

    category: str
    severity: str
    confidence: float
    reasons: tuple[Reason, ...]
    alternatives: tuple[Reading, ...] = ()


def triage(
    report: CitizenReport,
    on: date,
    names: Iterable[str] = (),
    call_type: CallType | None = None,
    model: Model | None = None,
) -> Triage:
    """Classify a citizen's report.

    Parameters
    ----------
    report
        Only its service code, channel and description are looked at.
    on
        The day whose code tables hold.
    names
        Names of places in the description: a "Water Street" is no water.
    call_type
        What the city's table of call types says of the report's service code. Its category holds
        as that of an Open311 code does; its severity may be raised by the text, never lowered.
    model
        What was learned; None for what comes with Jingwei.

    Returns
    -------
    Triage
        Category ``other`` with a confidence of 0.1 and the severity ``unknown`` where nothing was
        found; with the danger's severity and confidence where only danger to life was.
    """
    model = model or learned()
    channel = report.channel.strip()
    reasons: list[Reason] = []
    seen = look(report.description[:_LONGEST_TEXT], channel, on, names)
    coded = _coded(report.service_code, call_type, seen.reading, on, reasons)
    scores = model.linear.scores(seen.text.plain)
    judged = None
    if scores.known or seen.signals.spoken:
        judged = judge(scores, seen.signals, model.blend, codes.categories(on))
    _explain(seen, judged, reasons)
    if seen.signals.channel:
        category = next(iter(seen.signals.channel))
        reasons.append(because("channel_suggests", channel=channel, category=category))
    if coded is None:
        verdict = of_text(seen, judged, on, reasons)
    else:
        told = call_type.severity if call_type and call_type.category == coded else None
        verdict = of_code(coded, seen, judged, on, reasons, told=told)
    confidence = _unless_exercise(seen.text, verdict.confidence, reasons)
    alternatives = _alternatives(
        seen.reading, judged if coded is None else None, verdict, confidence, reasons
    )
    return Triage(
        category=verdict.category,
        severity=verdict.severity,
        confidence=round(confidence, 3),
        reasons=tuple(reasons),
        alternatives=alternatives,
    )


def _unless_exercise(text: Prepared, confidence: float, reasons: list[Reason]) -> float:
    marks = [hit.word for hit in text.hits["exercise"] if not hit.negated]
    if not marks:
        return confidence
    reasons.append(because("marked_exercise", words=quoted(marks)))
    return min(confidence, _EXERCISE_CONFIDENCE)


def _alternatives(
    reading: TextReading,
    judged: Judged | None,
    verdict: Verdict,
    confidence: float,
    reasons: list[Reason],
) -> tuple[Reading, ...]:
    """Return what else the text may mean: what is spoken of, and what is likely.

    By its share in what the category has: of the score in the lexicon, and of the probability.
    """
    category = verdict.category
    best = reading.score(category) or (reading.scores[0][1] if reading.scores else 0.0)
    shares = {
        code: score if score == reading.plain[code] else max(score, _BESIDE * reading.plain[code])
        for code, score in reading.scores
        if code in reading.words
    }
    shares = {code: score / best for code, score in shares.items()}
    own = 0.0 if judged is None else judged.share(category)
    if judged is not None and own > 0.0:
        for code, share in judged.kinds:
            if share >= _ALTERNATIVE * own:
                shares[code] = max(share / own, shares.get(code, 0.0))
    found = [
        Reading(category=code, confidence=round(confidence * min(1.0, share), 3))
        for code, share in sorted(shares.items(), key=lambda item: (-item[1], item[0]))
        if share >= _ALTERNATIVE and code not in (category, "other")
    ][:_MOST_ALTERNATIVES]
    if found:
        readings = tuple(
            because("reading", category=one.category, confidence=one.confidence) for one in found
        )
        reasons.append(because("may_also_be", readings=readings))
    return tuple(found)


def _coded(
    service_code: str | None,
    call_type: CallType | None,
    reading: TextReading,
    on: date,
    reasons: list[Reason],
) -> str | None:
    """Return the category of a service code, if it has one that says anything.

    The city's own table goes before the Open311 codes.
    """
    if call_type is None or call_type.category not in codes.categories(on):
        return _open311(service_code, on, reasons)
    reasons.append(
        because("call_type_means", call_type=call_type.code, category=call_type.category)
    )
    says_nothing = call_type.severity is None or reading.best in reading.words
    return None if call_type.category == "other" and says_nothing else call_type.category


def _open311(service_code: str | None, on: date, reasons: list[Reason]) -> str | None:
    """Return the category of an Open311 service code."""
    if not service_code:
        return None
    wanted = service_code.strip().upper()
    for category in codes.categories(on).values():
        if category.open311_service_code == wanted:
            reasons.append(
                because("service_code_means", service_code=wanted, category=category.code)
            )
            return None if category.code == "other" else category.code
    # Not quoted: what is no code of ours may be anything, a name or a number too.
    reasons.append(because("service_code_unknown"))
    return None


def _explain(seen: Look, judged: Judged | None, reasons: list[Reason]) -> None:
    reading = seen.reading
    for category, score in reading.scores:
        if category in reading.words:
            said = quoted(reading.words[category])
            reasons.append(
                because("text_says", words=said, category=category, score=round(score, 3))
            )
    if reading.denied:
        reasons.append(because("text_denies", words=quoted(reading.denied)))
    if judged is not None:
        kind, share = judged.kinds[0]
        reasons.append(
            because(
                "labelled_reports_say",
                category=kind,
                share=round(share, 3),
                danger=round(judged.danger, 3),
                harmless=round(judged.harmless, 3),
            )
        )
