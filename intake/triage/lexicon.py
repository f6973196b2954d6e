"""The words triage knows, and how they are found in a text.

The words themselves are data (``lexicon.json``): weights by category, phrases that only look
like one (false friends), negations, words for severity, signs of an event or of none, marks of
exercises, usual misspellings, and the simplified forms of traditional characters. ``box(s)`` adds
the plural, ``push(v)`` the forms of a verb. What words mean only together is in
``patterns.json``, see `intake.triage.patterns`.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec

from intake.triage.patterns import Match, PatternFile, Patterns, Token
from intake.triage.words import (
    Scanner,
    Span,
    bounded,
    inflected,
    longest_first,
    misspellings,
    normalise,
)

__all__ = ["BLANK", "Hit", "Lexicon", "Prepared", "lexicon"]

BLANK = "\x1f"
"""Stands for each letter that was blanked."""
_BEFORE = 48
"""Characters before a word that are searched for its negation."""
_TOKENS_A_CONCEPT = 8
"""Kept of one concept in one text, so that a text of repetitions costs no more than another."""


class _Sign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of signs that a text tells of no event, or with a weight below 0 that it does."""

    weight: float
    words: list[str]


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's form; see `Lexicon` for what each part means."""

    terms: dict[str, dict[str, float]]
    false_friends: list[str]
    negators: list[str]
    fillers: list[str]
    worse: dict[str, list[str]]
    danger: dict[str, list[str]]
    cries: list[str]
    milder: dict[str, dict[str, list[str]]]
    usual: dict[str, list[str]]
    exercise: list[str]
    signs: dict[str, _Sign]
    channels: dict[str, dict[str, float]]
    misspelt: list[str]
    respelt: dict[str, str]
    simplified: dict[str, str]


class Hit(msgspec.Struct, frozen=True):
    """A word found in a text, and whether the text denies it ("no one injured")."""

    word: str
    start: int
    end: int
    negated: bool


class Prepared(msgspec.Struct, frozen=True):
    """A text ready for searching.

    Attributes
    ----------
    plain
        Normalised; names of places and parts of addresses are blanked.
    text
        The same without false friends: what tells nothing of the event is blanked.
    hits
        The words of each list that it holds.
    tokens
        The words of each concept that it holds and does not deny.
    placed
        Whether it names a place.
    """

    plain: str
    text: str
    hits: dict[str, list[Hit]]
    tokens: dict[str, list[Token]]
    placed: bool


class Lexicon:
    """Finds words in normalised text.

    Attributes
    ----------
    terms
        Weight by word, by category; 5 names the category, 1 barely hints at it.
    worse
        Words by the severity they raise to.
    danger
        Those that say so whatever the category is: somebody was shot, is trapped, drowns.
    cries
        Cries for help: a danger to life that nobody names.
    milder
        Words by the severity they lower to, by category.
    usual
        By category, words of ``worse`` that say nothing there: in a lift somebody is always
        trapped.
    signs
        Weight by kind of signs that a text tells of no event (above 0) or of one (below), see
        `intake.triage.frames`.
    channels
        Weight by category, by the channel's name.
    outranks
        By category, those that are its consequences.
    """

    def __init__(self, words: _Words, patterns: PatternFile) -> None:
        self.terms = {
            category: {form: w for word, w in terms.items() for form in inflected(word)}
            for category, terms in words.terms.items()
        }
        self._patterns = Patterns(patterns)
        self.outranks = self._patterns.outranks
        self._words = frozenset(self._patterns.concepts_of).union(*self.terms.values())
        self.danger = {severity: _forms(found) for severity, found in words.danger.items()}
        self.worse = {
            severity: (*_forms(found), *self.danger.get(severity, ()))
            for severity, found in words.worse.items()
        }
        self.usual = words.usual
        self.channels = words.channels
        self._milder: dict[str, list[tuple[str, str]]] = {}
        for category, by_severity in words.milder.items():
            for severity, found in by_severity.items():
                for word in _forms(found):
                    self._milder.setdefault(word, []).append((category, severity))
        self.signs = {name: sign.weight for name, sign in words.signs.items()}
        self._signs: dict[str, list[str]] = {}
        for name, sign in words.signs.items():
            for word in _forms(sign.words):
                self._signs.setdefault(word, []).append(name)
        self._simplified = str.maketrans(words.simplified)
        known = _tokens((*self._words, *_forms(words.misspelt), *self._signs))
        self._respelt = {
            wrong: right
            for right in words.misspelt
            for wrong in misspellings(right)
            if wrong not in known
        } | words.respelt
        self._misspelt = Scanner({"": self._respelt})
        self._false_friends = Scanner({"": _forms(words.false_friends)})
        self._scanner = Scanner(
            {
                "terms": dict.fromkeys(word for terms in self.terms.values() for word in terms),
                "concepts": self._patterns.concepts_of,
                **{f"worse {severity}": found for severity, found in self.worse.items()},
                "cries": _forms(words.cries),
                "milder": self._milder,
                "exercise": words.exercise,
                "signs": self._signs,
            }
        )
        fillers = "|".join(map(bounded, longest_first(words.fillers)))
        negators = "|".join(map(_negator, longest_first(words.negators)))
        self._negator = re.compile(negators)
        self._negation = re.compile(rf"(?:{negators})(?:\s*(?:{fillers}))*\s*$")
        self._joined = re.compile(
            rf"\s*(?:\bor\b|\bnor\b|和|或者|或|及|、)\s*(?:(?:{fillers})\s*)*"
        )

    def prepare(self, text: str, names: Iterable[str] = ()) -> Prepared:
        """Return ``text`` ready for searching: normalised, simplified, its words found.

        What tells nothing of the event is blanked: ``names`` of places (but for those that are
        words of ours: a bar called "Fire" may burn), addresses, false friends.
        """
        plain = self.plain(text)
        for name in longest_first(map(self.plain, names)):
            if len(name) > 1 and name not in self._words:
                # Whole words only: a gallery named "Art" is not in "heart".
                plain = re.sub(bounded(name), _blank, plain)
        plain = _ADDRESS.sub(_blank, plain)
        placed = BLANK in plain
        clean = _blanked(plain, self._false_friends.find(plain)[""])
        denies = self._negator.search(clean) is not None
        hits = {
            layer: self._hits(clean, spans, denies=denies)
            for layer, spans in self._scanner.find(clean).items()
        }
        return Prepared(plain, clean, hits, self._tokens(hits["concepts"]), placed)

    def plain(self, text: str) -> str:
        """Return ``text`` normalised, in simplified characters, its usual misspellings righted."""
        plain = normalise(text).translate(self._simplified)
        spans = self._misspelt.find(plain)[""]
        for start, end in reversed(spans):
            plain = plain[:start] + self._respelt[plain[start:end]] + plain[end:]
        return plain

    def find_patterns(self, prepared: Prepared) -> list[tuple[str, float, str]]:
        """Return each category that a pattern speaks for, its weight, and the words."""
        found = self._patterns.strongest(prepared.text, prepared.tokens)
        return [(category, weight, _words_of(match, prepared)) for category, weight, match in found]

    def find_worse_patterns(self, prepared: Prepared, severity: str) -> list[str]:
        """Return the words of the patterns that raise to ``severity``."""
        matches = self._patterns.worse(prepared.text, prepared.tokens, severity)
        return [_words_of(match, prepared) for match in matches]

    def find_milder(self, prepared: Prepared, category: str) -> list[tuple[str, str]]:
        """Return what lowers this category, each with its severity."""
        words = [
            (severity, hit.word)
            for hit in prepared.hits["milder"]
            if not hit.negated
            for lowered, severity in self._milder[hit.word]
            if lowered == category
        ]
        patterns = self._patterns.milder(prepared.text, prepared.tokens, category)
        return words + [(severity, _words_of(match, prepared)) for severity, match in patterns]

    def find_signs(self, prepared: Prepared) -> dict[str, list[str]]:
        """Return the words of each sign that the text tells of an event or of none."""
        found: dict[str, list[str]] = {}
        for word in dict.fromkeys(hit.word for hit in prepared.hits["signs"] if not hit.negated):
            for name in self._signs[word]:
                found.setdefault(name, []).append(word)
        return found

    def find_denied_patterns(self, prepared: Prepared) -> set[str]:
        """Return each category that a pattern would speak for if the text did not deny it."""
        hits = prepared.hits["concepts"]
        if not any(hit.negated for hit in hits):
            return set()
        found = self._patterns.strongest(prepared.text, self._tokens(hits, denied=True))
        return {category for category, _, _ in found}

    def _tokens(self, hits: list[Hit], *, denied: bool = False) -> dict[str, list[Token]]:
        """Return the words of each concept, those that the text denies only if asked for."""
        tokens: dict[str, list[Token]] = {}
        for hit in hits:
            if hit.negated and not denied:
                continue
            for concept in self._patterns.concepts_of[hit.word]:
                found = tokens.setdefault(concept, [])
                if len(found) < _TOKENS_A_CONCEPT:
                    found.append(Token(hit.start, hit.end))
        return tokens

    def _hits(self, text: str, spans: list[Span], *, denies: bool) -> list[Hit]:
        hits: list[Hit] = []
        for start, end in spans:
            negated = (
                denies and self._negation.search(text, max(0, start - _BEFORE), start) is not None
            )
            if not negated and hits and hits[-1].negated:
                # "no fire or smoke": what is joined to a denied word is denied with it.
                negated = self._joined.fullmatch(text, hits[-1].end, start) is not None
            hits.append(Hit(text[start:end], start, end, negated))
        return hits


@cache
def lexicon() -> Lexicon:
    """Return the lexicon of the files beside this module."""
    here = files("intake.triage")
    words = msgspec.json.decode(here.joinpath("lexicon.json").read_bytes(), type=_Words)
    patterns = msgspec.json.decode(here.joinpath("patterns.json").read_bytes(), type=PatternFile)
    return Lexicon(words, patterns)


def _tokens(words: Iterable[str]) -> frozenset[str]:
    """Return the single Latin words in words and phrases."""
    return frozenset(token for word in words for token in word.split())


def _forms(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(form for word in words for form in inflected(word))


def _blank(found: re.Match[str]) -> str:
    return BLANK * len(found.group())


def _blanked(text: str, spans: list[Span]) -> str:
    for start, end in spans:
        text = text[:start] + BLANK * (end - start) + text[end:]
    return text


_ADDRESS = re.compile(
    r"\d+ ?(?:号楼|号|弄|幢|栋|室|单元|楼)"
    r"|\b(?:building|block|floor|flat|apartment|apt|unit|room|number|no\.) ?\d+[a-z]?\b"
    r"|\b\d+(?:st|nd|rd|th) floor\b"
)
"""Parts of an address: "building 13" has not collapsed because a man in it has."""


def _words_of(match: Match, prepared: Prepared) -> str:
    # Only the words themselves: what stands between them may be a name or a number.
    return " … ".join(prepared.text[token.start : token.end] for token in match)


def _negator(word: str) -> str:
    # "是不是", "有没有": whether; a question denies nothing, and the worse reading is the safe one.
    asked = {"不是": "是", "没有": "有", "没": "有"}.get(word)
    return f"(?<!{asked}){word}" if asked else bounded(word)
