"""Where words stand in a text: Latin ones whole, Chinese ones where words are.

All words of all lists ("layers") are found in one pass over a tree of letters. In a layer the
leftmost longest word counts and hides what it overlaps; layers do not hide each other.

There are no blanks between Chinese words, so a word can seem to stand where two others meet:
紧急救援 (urgent rescue) has no 急救 (first aid) in it. rjieba (MIT; the dictionary of jieba, no
hidden Markov model) cuts the text into words, and a word of ours that begins inside one of these
and ends outside it is none. It may end inside one: our lists have stems, such as 水管爆 for
水管爆裂.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import rjieba

__all__ = [
    "Scanner",
    "Span",
    "bounded",
    "columns",
    "inflected",
    "longest_first",
    "misspellings",
    "normalise",
]

Span = tuple[int, int]
"""Start and end of a word in a text."""

_FIRST_WIDE = "\u2e80"
_END = ""
"""Key of a node that ends a word; its value are the layers, each with whether it is Latin."""
_BLANKS = re.compile(r"\s+")
_BLANK_IN_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_IRREGULAR_END = re.compile(r"[^aeiou][aeiou][bdgklmnprt]$")
"""A stem whose last letter doubles: grab, grabbed."""


class Scanner:
    """Finds the words of several layers.

    Parameters
    ----------
    layers
        Words by layer, normalised.
    """

    def __init__(self, layers: Mapping[str, Iterable[str]]) -> None:
        self._layers = tuple(layers)
        # Nested dicts of letters. Any: mypy knows no recursive dict whose one key differs.
        self._root: dict[str, Any] = {}
        for layer, words in layers.items():
            for word in words:
                node = self._root
                for letter in word:
                    node = node.setdefault(letter, {})
                node[_END] = (*node.get(_END, ()), layer)

    def find(self, text: str) -> dict[str, list[Span]]:
        """Return where words stand in a normalised text, by layer, in the order of the text."""
        found: dict[str, list[Span]] = {layer: [] for layer in self._layers}
        free = dict.fromkeys(self._layers, 0)
        ends = _ends_of_words(text)
        root, size = self._root, len(text)
        after_latin = False
        for start, letter in enumerate(text):
            latin = letter in _LATIN
            if latin and after_latin:
                continue
            after_latin = latin
            node = root.get(letter)
            at = start + 1
            longest: dict[str, int] = {}
            while node is not None:
                layers = node.get(_END)
                if layers is not None and _is_whole(text, start, at, size, ends):
                    longest.update(dict.fromkeys(layers, at))
                if at == size:
                    break
                node = node.get(text[at])
                at += 1
            for layer, end in longest.items():
                if start >= free[layer]:
                    found[layer].append((start, end))
                    free[layer] = end
        return found


def _is_whole(text: str, start: int, end: int, size: int, ends: list[int]) -> bool:
    if text[end - 1] in _LATIN and end < size and text[end] in _LATIN:
        return False
    # The word of the dictionary in which ours begins must begin there too, or hold all of it.
    return not ends or ends[start] == 0 or end <= ends[start]


def _ends_of_words(text: str) -> list[int]:
    """Return for each letter 0 if a word begins there, else where the word around it ends."""
    if _CHINESE.search(text) is None:
        return []
    ends: list[int] = []
    for word in rjieba.cut(text, hmm=False):
        end = len(ends) + len(word)
        ends.append(0)
        ends.extend([end] * (len(word) - 1))
    return ends


def inflected(written: str) -> tuple[str, ...]:
    """Return the forms of a word written with ``(s)`` for a noun or ``(v)`` for a verb.

    A form that English does not have does no harm: nobody writes it.

    >>> inflected("push(v)")
    ('push', 'pushs', 'pushes', 'pushed', 'pushing')
    >>> inflected("grab(v)")
    ('grab', 'grabs', 'grabes', 'grabed', 'grabing', 'grabbed', 'grabbing')
    >>> inflected("smoke(v)")
    ('smoke', 'smokes', 'smoked', 'smoking')
    >>> inflected("bury(v)")
    ('bury', 'buries', 'buried', 'burying')
    """
    stem, mark = written[:-3], written[-3:]
    if mark == "(s)":
        return (stem, f"{stem}s")
    if mark != "(v)":
        return (written,)
    if stem.endswith("e"):
        return (stem, f"{stem}s", f"{stem}d", f"{stem[:-1]}ing")
    if stem.endswith("y") and stem[-2] not in "aeiou":
        return (stem, f"{stem[:-1]}ies", f"{stem[:-1]}ied", f"{stem}ing")
    plain = (stem, f"{stem}s", f"{stem}es", f"{stem}ed", f"{stem}ing")
    if _IRREGULAR_END.search(stem):
        return (*plain, f"{stem}{stem[-1]}ed", f"{stem}{stem[-1]}ing")
    return plain


def misspellings(word: str) -> Iterable[str]:
    """Yield how a word is misspelt in haste: a letter left out, doubled, or swapped with the next.

    >>> list(misspellings("gas"))[:3]
    ['gs', 'ga', 'gaas']
    """
    for at in range(1, len(word)):
        yield word[:at] + word[at + 1 :]
    for at in range(1, len(word)):
        yield word[:at] + word[at] + word[at:]
        yield word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]


def normalise(text: str) -> str:
    """Return ``text`` in NFKC, lower case, blanks squeezed, none between Chinese characters.

    >>> normalise("Ｆｉｒｅ  着 火　了")
    'fire 着火了'
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return _BLANK_IN_CHINESE.sub("", _BLANKS.sub(" ", folded)).strip()


def longest_first(words: Iterable[str]) -> list[str]:
    """Return the words without repeats, so that an alternation tries the longest first."""
    return sorted(set(words), key=lambda word: (-len(word), word))


def bounded(word: str) -> str:
    """Return an expression for a word: Latin ones match whole words, Chinese ones anywhere."""
    escaped = re.escape(word)
    return rf"(?<![a-z0-9]){escaped}(?![a-z0-9])" if word.isascii() else escaped


def columns(text: str) -> int:
    """Return how wide a text is: a Chinese letter takes two columns."""
    return sum(2 if letter >= _FIRST_WIDE else 1 for letter in text)
