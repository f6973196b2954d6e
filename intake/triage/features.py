"""What the linear model sees of a text: words, pairs of words, and letters in a row.

A feature is a string: a word as it is, a pair of neighbours ``one two`` (``^`` and ``$`` stand for
the ends of the text), a piece of a word ``#ollap`` or of a run of Chinese ``#着火``. Numbers are
all alike. Each counts once, in the order of the text.
"""

import re
from functools import lru_cache
from itertools import pairwise

import rjieba

__all__ = ["features", "words"]

_PART = re.compile(r"[a-z]+(?:'[a-z]+)*|\d+|[\u4e00-\u9fff]+|[?!]")
_LATIN = re.compile(r"[a-z]+")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_LATIN_SIZES, _CHINESE_SIZES = (3, 4, 5), (1, 2, 3)
_NUMBER = "0"


def words(plain: str) -> list[str]:
    """Return the words of a normalised text, Chinese ones as rjieba cuts them.

    >>> words("the lift at no. 12 won't open!")
    ['the', 'lift', 'at', 'no', '0', "won't", 'open', '!']
    """
    found: list[str] = []
    for part in _PART.findall(plain):
        if part[0] >= "\u4e00":
            found += rjieba.cut(part, hmm=False)
        else:
            found.append(_NUMBER if part[0].isdigit() else part)
    return found


def features(plain: str) -> list[str]:
    """Return the features of a normalised text, each once.

    >>> features("no gas")
    ['no', 'gas', '^ no', 'no gas', 'gas $', '#<no', '#no>', '#<no>', '#<ga', '#gas', '#as>', \
'#<gas', '#gas>', '#<gas>']
    """
    said = words(plain)
    found = dict.fromkeys(said)
    ends = ["^", *said, "$"]
    found.update(dict.fromkeys([f"{one} {other}" for one, other in pairwise(ends)]))
    for word in _LATIN.findall(plain):
        found.update(_pieces(f"<{word}>", _LATIN_SIZES))
    for run in _CHINESE.findall(plain):
        found.update(_pieces(run, _CHINESE_SIZES))
    return list(found)


@lru_cache(maxsize=10_000)
def _pieces(letters: str, sizes: tuple[int, ...]) -> dict[str, None]:
    return dict.fromkeys(
        [f"#{letters[at : at + n]}" for n in sizes for at in range(len(letters) - n + 1)]
    )
