"""Patterns over concepts: what words mean together, where no single word tells.

A concept is a set of Chinese and English words ("vehicle", "hit", "low_place"). A pattern is
written over concepts, so that one line reads both languages::

    vehicle > hit > person        in this order, each near the one before, in one sentence
    lift & stuck                  in any order, near each other
    smoke unless flames|crowd     the same, in a text that speaks of none of the others

Concepts, patterns and their weights are data (``patterns.json``), and so is which category is
the cause of which others: a crash that blocks a road is a crash. Some are so only on a condition:
a stopped lift is the matter if somebody is in it, else the power cut that stopped it.
"""

import re
from collections.abc import Iterator
from itertools import pairwise, product

import msgspec

from intake.triage.words import columns, inflected

__all__ = ["Match", "PatternFile", "Patterns", "Rank", "Token"]

_NEAR = 34
"""Columns between two parts of an ordered pattern; a Chinese character takes two."""
_TOGETHER = 80
"""Columns that an unordered pattern may span."""
_RANK = re.compile(
    r"(?P<consequence>\w+)(?: if (?P<given>[\w|>]+))?(?: unless (?P<without>[\w|>]+))?"
)
_SENTENCE_ENDS = frozenset(".!?;。!?;\n")


class PatternFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's form.

    Attributes
    ----------
    concepts
        Words by concept; ``box(s)`` adds the plural, ``push(v)`` the forms of a verb.
    patterns
        Weight by pattern, by category.
    worse
        Patterns by the severity they raise to.
    milder
        Patterns by the severity they lower to, by category.
    outranks
        By category, those that are its consequences: always, or ``CATEGORY if PART|PART`` (one of
        these is spoken of), or ``CATEGORY unless PART|PART``, or both in this order. A part is a
        concept, or several in order: ``person>keel``, with a person named before the fall. Of two
        lines of one consequence each is enough.
    """

    concepts: dict[str, list[str]]
    patterns: dict[str, dict[str, float]]
    worse: dict[str, list[str]]
    outranks: dict[str, list[str]]
    milder: dict[str, dict[str, list[str]]] = {}


class Token(msgspec.Struct, frozen=True):
    """A concept's word found in a text, and not denied there."""

    start: int
    end: int


class Rank(msgspec.Struct, frozen=True):
    """One category is the cause of another, where a condition holds.

    Attributes
    ----------
    given
        Of these one must be spoken of, each one concept or several in order; of none if empty.
    without
        None of these may be.
    """

    consequence: str
    given: tuple[tuple[str, ...], ...] = ()
    without: tuple[tuple[str, ...], ...] = ()

    @property
    def tells_senses_apart(self) -> bool:
        """Whether it says in which of its senses a word is meant: who is named before the fall."""
        return any(len(part) > 1 for part in self.given)

    def holds(self, text: str, tokens: dict[str, list["Token"]]) -> bool:
        """Whether it holds in a text with these tokens."""
        if self.given and not any(_is_spoken_of(text, tokens, part) for part in self.given):
            return False
        return not any(_is_spoken_of(text, tokens, part) for part in self.without)


Match = tuple[Token, ...]
"""The words that make up a pattern, in the order of the text."""


class Patterns:
    """Finds patterns among the tokens of one text."""

    def __init__(self, file: PatternFile) -> None:
        self.outranks = {
            cause: tuple(_rank(written, file) for written in consequences)
            for cause, consequences in file.outranks.items()
        }
        self.concepts_of: dict[str, tuple[str, ...]] = {}
        for concept, words in file.concepts.items():
            for word in (form for written in words for form in inflected(written)):
                known = self.concepts_of.get(word, ())
                if concept not in known:
                    self.concepts_of[word] = (*known, concept)
        self._weighted = _by_weight(file.patterns, file)
        self._worse = {
            severity: [_parsed(pattern, file) for pattern in patterns]
            for severity, patterns in file.worse.items()
        }
        self._milder = {
            category: {
                severity: [_parsed(pattern, file) for pattern in patterns]
                for severity, patterns in by_severity.items()
            }
            for category, by_severity in file.milder.items()
        }

    def strongest(
        self, text: str, tokens: dict[str, list[Token]]
    ) -> Iterator[tuple[str, float, Match]]:
        """Yield each category that a pattern speaks for, with its heaviest pattern."""
        for category, patterns in self._weighted.items():
            for pattern in patterns:
                match = _find(text, tokens, pattern)
                if match is not None:
                    yield category, pattern.weight, match
                    break

    def worse(self, text: str, tokens: dict[str, list[Token]], severity: str) -> list[Match]:
        """Return what raises to ``severity``."""
        return _all(self._worse.get(severity, []), text, tokens)

    def milder(
        self, text: str, tokens: dict[str, list[Token]], category: str
    ) -> list[tuple[str, Match]]:
        """Return what lowers a category, each with its severity."""
        return [
            (severity, match)
            for severity, patterns in self._milder.get(category, {}).items()
            for match in _all(patterns, text, tokens)
        ]


class _Pattern(msgspec.Struct, frozen=True):
    """A pattern as it is searched; ``weight`` is 0 where it has none."""

    concepts: tuple[str, ...]
    ordered: bool
    without: tuple[str, ...]
    weight: float = 0.0


def _by_weight(
    written: dict[str, dict[str, float]], file: PatternFile
) -> dict[str, list[_Pattern]]:
    return {
        meaning: sorted(
            (_parsed(pattern, file, weight) for pattern, weight in patterns.items()),
            key=lambda parsed: -parsed.weight,
        )
        for meaning, patterns in written.items()
    }


def _all(patterns: list[_Pattern], text: str, tokens: dict[str, list[Token]]) -> list[Match]:
    found = (_find(text, tokens, pattern) for pattern in patterns)
    return [match for match in found if match is not None]


def _parsed(written: str, file: PatternFile, weight: float = 0.0) -> _Pattern:
    together, _, exceptions = written.partition(" unless ")
    ordered = ">" in together
    concepts = tuple(part.strip() for part in together.split(">" if ordered else "&"))
    without = tuple(part.strip() for part in exceptions.split("|") if part.strip())
    unknown = [concept for concept in (*concepts, *without) if concept not in file.concepts]
    if unknown:
        message = f"patterns.json: pattern {written!r} names no concept {unknown[0]!r}: add it"
        raise ValueError(message)
    return _Pattern(concepts, ordered, without, weight)


def _rank(written: str, file: PatternFile) -> Rank:
    found = _RANK.fullmatch(written)
    given, without = (_parts(found[name]) if found else () for name in ("given", "without"))
    unknown = [c for part in (*given, *without) for c in part if c not in file.concepts]
    if found is None or unknown:
        message = (
            f"patterns.json: outranks {written!r} is not 'CATEGORY if PART|PART', 'CATEGORY unless "
            f"PART|PART' or both in this order, a part being CONCEPT or CONCEPT>CONCEPT, over "
            f"concepts that are there"
        )
        raise ValueError(message)
    return Rank(found["consequence"], given, without)


def _parts(written: str | None) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(part.split(">")) for part in (written or "").split("|") if part)


def _is_spoken_of(text: str, tokens: dict[str, list[Token]], part: tuple[str, ...]) -> bool:
    """Tell whether all concepts of a part are spoken of, each near the one before."""
    if any(concept not in tokens for concept in part):
        return False
    return len(part) == 1 or _in_order(text, tokens, part) is not None


def _find(text: str, tokens: dict[str, list[Token]], pattern: _Pattern) -> Match | None:
    """Return the first place where all concepts stand together."""
    for concept in pattern.concepts:
        if concept not in tokens:
            return None
    if any(concept in tokens for concept in pattern.without):
        return None
    if pattern.ordered:
        return _in_order(text, tokens, pattern.concepts)
    return _together(text, tokens, pattern.concepts)


def _in_order(text: str, tokens: dict[str, list[Token]], concepts: tuple[str, ...]) -> Match | None:
    chains: list[Match] = [(token,) for token in tokens[concepts[0]]]
    for concept in concepts[1:]:
        chains = [
            (*chain, following)
            for following in tokens[concept]
            for chain in chains
            if chain[-1].end <= following.start and _near(text[chain[-1].end : following.start])
        ]
    return chains[0] if chains else None


def _together(text: str, tokens: dict[str, list[Token]], concepts: tuple[str, ...]) -> Match | None:
    for chosen in product(*(tokens[concept] for concept in concepts)):
        placed = tuple(sorted(chosen, key=lambda token: token.start))
        apart = all(one.end <= other.start for one, other in pairwise(placed))
        if apart and columns(text[placed[0].start : placed[-1].end]) <= _TOGETHER:
            return placed
    return None


def _near(between: str) -> bool:
    return columns(between) <= _NEAR and _SENTENCE_ENDS.isdisjoint(between)
