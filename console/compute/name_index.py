"""Names that are like what was typed: the same, begun, in part, or with slips."""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import astuple, replace
from difflib import SequenceMatcher
from itertools import islice
from typing import NamedTuple

from atlas.city import CityData
from geo.gazetteer import Match

__all__ = ["Like", "NameIndex", "fold"]

_WORDS = {
    **dict.fromkeys(("rd", "lu"), "road"),
    **dict.fromkeys(("st", "jie"), "street"),
    **dict.fromkeys(("ave", "av", "dadao", "dajie"), "avenue"),
    **dict.fromkeys(("w", "xi"), "west"),
    **dict.fromkeys(("e", "dong"), "east"),
    **dict.fromkeys(("n", "bei"), "north"),
    **dict.fromkeys(("s", "nan"), "south"),
    **dict.fromkeys(("m", "mid", "zhong", "central"), "middle"),
}
"""Abbreviations and pinyin of what English names of streets spell out."""
_MOST_ALIKE = 40
_MOST_BEGUN = 200
_LEAST_RATIO = 0.6
_SHORT = 3


class Like(NamedTuple):
    """A place whose name is like what was typed; ``score`` is 1 where it is the same."""

    place: Match
    score: float


class NameIndex:
    """All names of a city's streets, fences and places."""

    def __init__(self, city: CityData) -> None:
        self._places: dict[str, dict[Match, None]] = defaultdict(dict)
        by_name: dict[tuple[str, str], Match] = {}
        for name, place in city.gazetteer.names():
            self._places[fold(name)][_anywhere(place)] = None
            by_name[place.kind, place.name] = _anywhere(place)
        for fence in city.fences:
            english = fence.attributes.get("name_en")
            known = by_name.get((fence.kind, fence.name))
            if isinstance(english, str) and known is not None:
                self._places[fold(english)][known] = None
        self._sorted = sorted(self._places)
        self._by_words: dict[str, list[str]] = defaultdict(list)
        self._by_pair: dict[str, list[str]] = defaultdict(list)
        for name in self._sorted:
            self._by_words[_words(name)].append(name)
            for pair in _pairs(name):
                self._by_pair[pair].append(name)

    def like(self, text: str, most: int) -> list[Like]:
        """Return places with names like a text, the likest first, each place once."""
        wanted = fold(text)
        if not wanted:
            return []
        names = self._begun(wanted) | self._alike(wanted) | set(self._by_words[_words(wanted)])
        scores = {name: _score(wanted, name) for name in names}
        best: dict[Match, float] = {}
        for name, score in scores.items():
            for place in self._places[name] if score > 0.0 else ():
                best[place] = max(score, best.get(place, 0.0))
        ranked = sorted(
            best.items(), key=lambda item: (-item[1], len(item[0].name), astuple(item[0]))
        )
        return [Like(place, round(score, 3)) for place, score in ranked[:most]]

    def _begun(self, wanted: str) -> set[str]:
        first = bisect_left(self._sorted, wanted)
        begun = islice(self._sorted, first, first + _MOST_BEGUN)
        return {name for name in begun if name.startswith(wanted)}

    def _alike(self, wanted: str) -> set[str]:
        """Return the names that share most pairs of neighbouring characters."""
        pairs = _pairs(wanted)
        shared = Counter(name for pair in pairs for name in self._by_pair.get(pair, ()))
        rated = {name: 2.0 * n / (len(pairs) + len(name)) for name, n in shared.items()}
        return set(sorted(rated, key=lambda name: (-rated[name], name))[:_MOST_ALIKE])


def fold(text: str) -> str:
    """Return a text in lower case and half width, words written out, without punctuation."""
    plain = unicodedata.normalize("NFKC", text).lower()
    parts = re.split(r"[^\w]+", re.sub(r"['’.]", "", plain).replace("_", " "))
    return " ".join(_WORDS.get(part, part) for part in parts if part)


def _words(folded: str) -> str:
    """Return the words in one order: Nanjing Xi Lu is West Nanjing Road."""
    return " ".join(sorted(folded.split(" ")))


def _pairs(folded: str) -> set[str]:
    whole = f"^{folded}"
    return {whole[i : i + 2] for i in range(len(whole) - 1)}


def _score(wanted: str, name: str) -> float:
    if _words(wanted) == _words(name):
        return 1.0 if wanted == name else 0.97
    share = len(wanted) / len(name)
    if name.startswith(wanted):
        return 0.85 + 0.1 * share
    if _begins_words(wanted.split(" "), name.split(" ")):
        return 0.75 + 0.1 * share
    if wanted in name:
        return 0.65 + 0.1 * share
    if len(wanted) < _SHORT:
        return 0.0
    ratio = _ratio(wanted, name)
    if " " in wanted:
        ratio = max(ratio, _ratio(_words(wanted), _words(name)))
    return 0.75 * ratio if ratio >= _LEAST_RATIO else 0.0


def _ratio(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    hopeless = matcher.real_quick_ratio() < _LEAST_RATIO or matcher.quick_ratio() < _LEAST_RATIO
    return 0.0 if hopeless else matcher.ratio()


def _begins_words(wanted: Iterable[str], words: Iterable[str]) -> bool:
    """Tell whether each word that was typed begins another word of the name."""
    rest = list(words)
    for one in wanted:
        begun = next((word for word in rest if word.startswith(one)), None)
        if begun is None:
            return False
        rest.remove(begun)
    return True


def _anywhere(place: Match) -> Match:
    """Return a match without the text in which it was found."""
    return replace(place, span=(0, 0))
