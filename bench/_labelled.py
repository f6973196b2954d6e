"""The labelled set in ``bench/labelled``: its lines, and when two of them are near copies.

What the fields mean and by which rules they are given stands in ``bench/labelled/README.md``.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

FOLDER = Path(__file__).with_name("labelled")
SETS = ("tuning", "judging")

Severity = Literal["P1", "P2", "P3", "P4", "unknown", "none"]
Style = Literal[
    "plain",
    "dialect",
    "typo",
    "swearing",
    "panic",
    "hint",
    "two_events",
    "no_place",
    "lookalike",
]
Service = Literal["119", "120", "110", "12345", "app", "social"]

_NEAR = 0.6
_GRAM = 3


class LabelledError(Exception):
    """A file of the labelled set cannot be used; the message says where and why."""


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text and what is right for it; ``round`` of writing, None of the first two."""

    text: str
    lang: Literal["zh", "en"]
    category: str
    accept: tuple[str, ...]
    severity: Severity
    danger: bool
    event: bool
    style: Style
    service: Service
    round: int | None = None


def path_of(name: str) -> Path:
    """Return the file of a set, be it there or not."""
    return FOLDER / f"{name}.jsonl"


def read(name: str) -> list[Line]:
    """Return the lines of a set; raises `LabelledError`."""
    path = path_of(name)
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LabelledError(f"{path} is not there: use --set with one of {SETS}") from None
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            found.append(msgspec.json.decode(line, type=Line))
        except msgspec.DecodeError as error:
            raise LabelledError(f"{path}, line {number}: {error}") from error
    return found


def normal(text: str) -> str:
    """Return a text without width, case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def near_copies(ours: Iterable[str], theirs: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of one text of each side that share most of their character trigrams.

    Near is a Jaccard index of 0.6 or more.
    """
    known = [(text, _grams(text)) for text in theirs]
    for text in ours:
        grams = _grams(text)
        for other, others in known:
            shared = len(grams & others)
            if shared >= _NEAR * (len(grams) + len(others) - shared):
                yield text, other


def _grams(text: str) -> frozenset[str]:
    plain = normal(text)
    if len(plain) <= _GRAM:
        return frozenset({plain})
    return frozenset(plain[at : at + _GRAM] for at in range(len(plain) - _GRAM + 1))
