"""What makes the words of an event tell of none: film, sport, drill, last year, a question.

"A man is shot" is danger to life; in a film it is not. The lexicon has ``signs``: kinds of words
that say that a text tells of no event (fiction, sport, trade, feeling, question, notice, past, it
is over), each with a weight above 0, and kinds that say that it tells of one (a cry for help, now,
people, places, harm), with a weight below 0. The balance is the sum, in log odds; the more of a
category is said, the less is the balance. The weights are those of a logistic regression over
kinds (not words), fitted to the tuning part of the labelled set and the corpus of the tests.
"""

import msgspec

from intake.triage.lexicon import Lexicon, Prepared
from intake.triage.reading import TextReading
from intake.triage.words import columns

__all__ = ["Framing", "framing"]

_NO_EVENT = 0.4
"""From this balance on the text tells of no event."""
_NO_DANGER = 1.2
"""From this balance on it tells of none although it names a danger to life."""
_DOUBTFUL = -0.5
"""From this balance on an operator decides whether it does."""
_SHORT = 28
"""Columns of a text that needs no more than the name of the event; a Chinese letter takes two."""
_START = 1.1
"""The balance of a text that says nothing."""
_MOST_OF_A_KIND = 2
"""Words of one kind that count."""
_SCORE, _MOST_SCORE = -0.1, 8.0
"""Per point of the best category's score."""
_WORD, _MOST_WORDS = -0.97, 4
"""Per word of a category."""
_PLACED = -0.2
"""With an address, or a name that the city knows."""
_ASKED = 0.4
"""With a question mark."""
_CALL_TYPE, _LONGEST_CALL_TYPE = -1.2, 60
"""In capitals, as the call types of a dispatch system are."""
_CODED = -3.0
"""With a service code of its own."""


class Framing(msgspec.Struct, frozen=True):
    """What speaks for and against an event in a text.

    Attributes
    ----------
    against
        The words that say that there is none, by kind.
    balance
        Log odds that the text tells of no event.
    short
        Whether it says hardly more than what it is.
    """

    against: dict[str, list[str]]
    balance: float
    short: bool

    def coded(self) -> "Framing":
        """Return the same for a text with a service code of its own: somebody chose it."""
        return Framing(self.against, self.balance + _CODED, self.short)

    def is_no_event(self, *, danger: bool) -> bool:
        """Whether the words tell of no event; ``danger`` if they surely name one to life."""
        return bool(self.against) and self.balance >= (_NO_DANGER if danger else _NO_EVENT)

    @property
    def is_doubtful(self) -> bool:
        """Whether an operator should decide if they do."""
        return self.balance >= _DOUBTFUL and (bool(self.against) or not self.short)


def framing(text: Prepared, written: str, reading: TextReading, words: Lexicon) -> Framing:
    """Weigh what speaks for and against an event.

    Parameters
    ----------
    written
        The text as it was written.
    """
    found = words.find_signs(text)
    balance = _START + sum(
        words.signs[kind] * min(len(said), _MOST_OF_A_KIND) for kind, said in found.items()
    )
    best = max((score for code, score in reading.scores if code in reading.words), default=0.0)
    spoken = {word for said in reading.words.values() for word in said}
    balance += _SCORE * min(best, _MOST_SCORE) + _WORD * min(len(spoken), _MOST_WORDS)
    balance += _PLACED * text.placed + _ASKED * ("?" in text.text)
    balance += _CALL_TYPE * _is_call_type(written)
    against = {kind: said for kind, said in found.items() if words.signs[kind] > 0.0}
    return Framing(against, balance, columns(text.text) <= _SHORT)


def _is_call_type(written: str) -> bool:
    return written.isascii() and written.isupper() and len(written) <= _LONGEST_CALL_TYPE
