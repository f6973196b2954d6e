"""One look at a text with the lexicon: words, readings, frames, danger, and all that as numbers."""

from collections.abc import Iterable
from datetime import date

import msgspec

from intake.triage.blend import Signals
from intake.triage.frames import Framing, framing
from intake.triage.lexicon import Lexicon, Prepared, lexicon
from intake.triage.reading import TextReading, read
from intake.triage.severity import UNKNOWN, Danger, find_danger, severity_of

__all__ = ["Look", "look"]


class Look(msgspec.Struct, frozen=True):
    """What the lexicon finds in a text."""

    text: Prepared
    reading: TextReading
    framing: Framing
    danger: Danger | None
    signals: Signals


def look(written: str, channel: str, on: date, names: Iterable[str] = ()) -> Look:
    """Look at a text as it was written."""
    words = lexicon()
    text = words.prepare(written, names)
    weights = words.channels.get(channel, {})
    reading = read(text, words, weights, on)
    frames = framing(text, written, reading, words)
    danger = find_danger(text, words)
    spoken = {code: score for code, score in reading.scores if code in reading.words}
    best = next(iter(spoken), None)
    severity = UNKNOWN if danger is None else danger.severity
    if best is not None:
        severity = severity_of(text, best, words, on, [])
    named = "" if danger is None else danger.severity if danger.is_sure else "weak"
    if (
        danger is not None
        and best is not None
        and not set(danger.words) - {*words.usual.get(best, ())}
    ):
        named = ""  # in a lift somebody is always trapped
    signals = Signals(
        spoken=spoken,
        denied=(_denied(reading, words) | words.find_denied_patterns(text)) - spoken.keys(),
        best=best,
        placed=text.placed,
        balance=frames.balance,
        danger=named,
        severity=severity,
        unhurt=any(hit.negated for worse in words.worse for hit in text.hits[f"worse {worse}"]),
        exercise=any(not hit.negated for hit in text.hits["exercise"]),
        channel=weights,
    )
    return Look(text, reading, frames, danger, signals)


def _denied(reading: TextReading, words: Lexicon) -> frozenset[str]:
    if not reading.denied:
        return frozenset()
    said = set(reading.denied)
    return frozenset(code for code, terms in words.terms.items() if not said.isdisjoint(terms))
