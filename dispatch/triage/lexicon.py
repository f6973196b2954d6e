"""The words triage knows, and how they are found in a text.

The words themselves are data (``lexicon.json``): weights by category, phrases that only look
like one (false friends), negations, words for severity, marks of exercises, and the simplified
forms of traditional characters. What words mean only together is in ``patterns.json``, see
`dispatch.triage.patterns`.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec

from dispatch.triage.patterns import Match, PatternFile, Patterns, Token

__all__ = ["Hit", "Lexicon", "Prepared", "lexicon", "normalise"]

_BEFORE = 48
"""Characters before a word that are searched for its negation."""
_TOKENS_A_CONCEPT = 8
"""Kept of one concept in one text, so that a text of repetitions costs no more than another."""


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's form; see `Lexicon` for what each part means."""

    terms: dict[str, dict[str, float]]
    false_friends: list[str]
    negators: list[str]
    fillers: list[str]
    worse: dict[str, list[str]]
    milder: dict[str, dict[str, list[str]]]
    usual: dict[str, list[str]]
    exercise: list[str]
    channels: dict[str, dict[str, float]]
    simplified: dict[str, str]


class Hit(msgspec.Struct, frozen=True):
    """A word found in a text, and whether the text denies it ("no one injured")."""

    word: str
    start: int
    end: int
    negated: bool


class Prepared(msgspec.Struct, frozen=True):
    """A text ready for searching, and the words of each concept that it holds and does not deny."""

    text: str
    tokens: dict[str, list[Token]]


class Lexicon:
    """Finds words in normalised text.

    Attributes
    ----------
    terms
        Weight by word, by category; 5 names the category, 1 barely hints at it.
    worse
        Words by the severity they raise to.
    milder
        Words by the severity they lower to, by category.
    usual
        By category, words of ``worse`` that say nothing there: in a lift somebody is always
        trapped.
    channels
        Weight by category, by the channel's name.
    outranks
        By category, those that are its consequences.
    """

    def __init__(self, words: _Words, patterns: PatternFile) -> None:
        self.terms = words.terms
        self._patterns = Patterns(patterns)
        self.outranks = self._patterns.outranks
        self._any_concept = _pattern(self._patterns.concepts_of)
        self._words = frozenset(self._patterns.concepts_of).union(*words.terms.values())
        self.worse = words.worse
        self.milder = words.milder
        self.usual = words.usual
        self.channels = words.channels
        self._simplified = str.maketrans(words.simplified)
        self._false_friends = _pattern(words.false_friends)
        self._any_term = _pattern(word for terms in words.terms.values() for word in terms)
        self._worse = {code: _pattern(found) for code, found in words.worse.items()}
        self._milder = {
            category: {code: _pattern(found) for code, found in by_code.items()}
            for category, by_code in words.milder.items()
        }
        self._exercise = _pattern(words.exercise)
        fillers = "|".join(map(_bounded, _longest_first(words.fillers)))
        negators = "|".join(map(_negator, _longest_first(words.negators)))
        self._negator = re.compile(negators)
        self._negation = re.compile(rf"(?:{negators})(?:\s*(?:{fillers}))*\s*$")
        self._joined = re.compile(
            rf"\s*(?:\bor\b|\bnor\b|和|或者|或|及|、)\s*(?:(?:{fillers})\s*)*"
        )

    def prepare(self, text: str, names: Iterable[str] = ()) -> Prepared:
        """Return ``text`` ready for searching: normalised and simplified.

        What tells nothing of the event is blanked: ``names`` of places (but for those that are
        words of ours: a bar called "Fire" may burn), addresses, false friends.
        """
        plain = self._plain(text)
        for name in _longest_first(map(self._plain, names)):
            if len(name) > 1 and name not in self._words:
                # Whole words only: a gallery named "Art" is not in "heart".
                plain = re.sub(_bounded(name), _blank, plain)
        clean = self._false_friends.sub(_blank, _ADDRESS.sub(_blank, plain))
        return Prepared(clean, self._find_tokens(clean))

    def _plain(self, text: str) -> str:
        return normalise(text).translate(self._simplified)

    def find_terms(self, prepared: Prepared) -> list[Hit]:
        """Return the categories' words in a prepared text; where they overlap, the longest."""
        return self._hits(self._any_term, prepared.text)

    def find_patterns(self, prepared: Prepared) -> list[tuple[str, float, str]]:
        """Return each category that a pattern speaks for, its weight, and the words."""
        found = self._patterns.strongest(prepared.text, prepared.tokens)
        return [(category, weight, _words_of(match, prepared)) for category, weight, match in found]

    def find_worse_patterns(self, prepared: Prepared, severity: str) -> list[str]:
        """Return the words of the patterns that raise to ``severity``."""
        matches = self._patterns.worse(prepared.text, prepared.tokens, severity)
        return [_words_of(match, prepared) for match in matches]

    def find_worse(self, prepared: Prepared, severity: str) -> list[Hit]:
        """Return the words that raise to ``severity``."""
        return self._hits(self._worse[severity], prepared.text)

    def find_milder(self, prepared: Prepared, category: str) -> list[tuple[str, Hit]]:
        """Return the words that lower this category, each with its severity."""
        return [
            (severity, hit)
            for severity, pattern in self._milder.get(category, {}).items()
            for hit in self._hits(pattern, prepared.text)
        ]

    def find_exercise(self, prepared: Prepared) -> list[Hit]:
        """Return the marks of an exercise or a test call."""
        return self._hits(self._exercise, prepared.text)

    def _find_tokens(self, prepared: str) -> dict[str, list[Token]]:
        tokens: dict[str, list[Token]] = {}
        for hit in self._hits(self._any_concept, prepared):
            if hit.negated:
                continue
            for concept in self._patterns.concepts_of[hit.word]:
                found = tokens.setdefault(concept, [])
                if len(found) < _TOKENS_A_CONCEPT:
                    found.append(Token(hit.start, hit.end))
        return tokens

    def _hits(self, pattern: re.Pattern[str], prepared: str) -> list[Hit]:
        hits: list[Hit] = []
        denies = self._negator.search(prepared) is not None
        for found in pattern.finditer(prepared):
            start, end = found.span()
            before = prepared[max(0, start - _BEFORE) : start]
            negated = denies and self._negation.search(before) is not None
            if not negated and hits and hits[-1].negated:
                # "no fire or smoke": what is joined to a denied word is denied with it.
                negated = self._joined.fullmatch(prepared, hits[-1].end, start) is not None
            hits.append(Hit(found.group(), start, end, negated))
        return hits


@cache
def lexicon() -> Lexicon:
    """Return the lexicon of the files beside this module."""
    here = files("dispatch.triage")
    words = msgspec.json.decode(here.joinpath("lexicon.json").read_bytes(), type=_Words)
    patterns = msgspec.json.decode(here.joinpath("patterns.json").read_bytes(), type=PatternFile)
    return Lexicon(words, patterns)


def normalise(text: str) -> str:
    """Return ``text`` in NFKC, lower case, blanks squeezed, none between Chinese characters.

    >>> normalise("Ｆｉｒｅ  着 火　了")
    'fire 着火了'
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return _BLANK_IN_CHINESE.sub("", _BLANKS.sub(" ", folded)).strip()


def _blank(found: re.Match[str]) -> str:
    return "\x1f" * len(found.group())


_ADDRESS = re.compile(
    r"\d+ ?(?:号楼|号|弄|幢|栋|室|单元|楼)"
    r"|\b(?:building|block|floor|flat|apartment|apt|unit|room|number|no\.) ?\d+[a-z]?\b"
    r"|\b\d+(?:st|nd|rd|th) floor\b"
)
"""Parts of an address: "building 13" has not collapsed because a man in it has."""

_BLANKS = re.compile(r"\s+")
_BLANK_IN_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")


def _words_of(match: Match, prepared: Prepared) -> str:
    # Only the words themselves: what stands between them may be a name or a number.
    return " … ".join(prepared.text[token.start : token.end] for token in match)


def _longest_first(words: Iterable[str]) -> list[str]:
    return sorted(set(words), key=lambda word: (-len(word), word))


def _bounded(word: str) -> str:
    """Latin words match whole words, Chinese ones anywhere: there are no blanks between them."""
    escaped = re.escape(word)
    return rf"(?<![a-z0-9]){escaped}(?![a-z0-9])" if word.isascii() else escaped


def _negator(word: str) -> str:
    # "是不是", "有没有": whether; a question denies nothing, and the worse reading is the safe one.
    asked = {"不是": "是", "没有": "有", "没": "有"}.get(word)
    return f"(?<!{asked}){word}" if asked else _bounded(word)


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Match the longest of the words at a place: Latin ones whole, Chinese ones anywhere."""
    known = set(words)
    latin = _trie({word for word in known if word.isascii()})
    chinese = _trie({word for word in known if not word.isascii()})
    bounded = rf"(?<![a-z0-9]){latin}(?![a-z0-9])" if latin else ""
    return re.compile("|".join(filter(None, (bounded, chinese))))


def _trie(words: set[str]) -> str:
    """Return an expression that tries each letter once, however many words begin with it."""
    tails: dict[str, set[str]] = {}
    for word in sorted(words):
        if word:
            tails.setdefault(word[0], set()).add(word[1:])
    branches = [re.escape(letter) + _trie(rest) for letter, rest in tails.items()]
    if not branches:
        return ""
    return f"(?:{'|'.join(branches)}){'?' if '' in words else ''}"
