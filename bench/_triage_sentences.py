"""The sentences by which triage is trained: labelled lines, the older corpus, and made ones."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bench import _labelled
from bench._labelled import Line
from bench._triage_score import DAY
from intake.triage.lexicon import lexicon
from schemas import codes

__all__ = ["NONE", "Sentence", "digest_of_sources", "sentences"]

NONE = "none"
"""The kind of what tells of no event."""
_ROOT = Path(__file__).parents[1]
_CORPUS = _ROOT / "tests" / "intake" / "triage_corpus.jsonl"
_LEXICON = _ROOT / "intake" / "triage" / "lexicon.json"
_SOURCES = (
    _LEXICON,
    _LEXICON.with_name("patterns.json"),
    _ROOT / "schemas" / "codes" / "categories.json",
    _labelled.path_of("tuning"),
    _CORPUS,
)
_NAMING = 4.5
"""From this weight on a word of the lexicon names its category."""
_PLAIN = {
    "zh": ("长安路12号{}，快来人", "{}", "这里{}，在长安路", "报警，长安路{}了", "长安路12号有{}"),
    "en": (
        "{} at 12 Mill Road, please hurry",
        "there is {} at Mill Road",
        "{}",
        "{}, please send someone to 12 Mill Road",
        "my neighbour at Mill Road, {}",
    ),
}
_PLACES = ("长安路", "Mill Road")
_MADE = 0.5
"""What a made sentence counts."""


@dataclass(frozen=True)
class Sentence:
    """A sentence: ``severity`` and ``danger`` None where nobody has judged; ``text`` if written.

    ``round`` is that of writing, 0 of the older corpus.
    """

    plain: str
    kind: str
    severity: str | None = None
    danger: bool | None = None
    text: str = ""
    service: str = ""
    right: frozenset[str] = frozenset()
    round: int | None = None
    counts: float = 1.0

    @property
    def event(self) -> bool:
        return self.kind != NONE


def digest_of_sources() -> str:
    """Return the SHA-256 of all files that sentences are made of, and read with."""
    digest = hashlib.sha256()
    for path in _SOURCES:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def sentences() -> list[Sentence]:
    """Return the sentences that may be used for tuning."""
    return [*map(_of_line, _labelled.read("tuning")), *_older(), *_made()]


def _of_line(line: Line) -> Sentence:
    broader = codes.categories(DAY)[line.category].broader
    return Sentence(
        plain=lexicon().prepare(line.text).plain,
        kind=line.category if line.event else NONE,
        severity=line.severity,
        danger=line.danger,
        text=line.text,
        service=line.service,
        right=frozenset({line.category, *line.accept, *([broader] if broader else [])}),
        round=line.round,
    )


def _older() -> Iterator[Sentence]:
    """Yield sentences of the older corpus.

    There, "other" also stands for what is harmless, and the set "unseen" is for judging.
    """
    for row in map(json.loads, _CORPUS.read_text(encoding="utf-8").splitlines()):
        if row.get("set") != "unseen" and row["category"] != "other":
            severity = row.get("severity")
            yield Sentence(
                plain=lexicon().prepare(row["text"]).plain,
                kind=row["category"],
                severity=severity,
                danger=None if severity is None else severity in {"P1", "P2"},
                text=row["text"],
                service=row["channel"],
                right=frozenset({row["category"]}),
                round=0,
            )


def _made() -> Iterator[Sentence]:
    """Yield a plain sentence for each word of the lexicon that names a category."""
    numbers = count()
    for category, terms in json.loads(_LEXICON.read_bytes())["terms"].items():
        for written, weight in terms.items():
            if weight >= _NAMING:
                word = re.sub(r"\([sv]\)$", "", written)
                frames = _PLAIN["zh" if word[0] >= "\u4e00" else "en"]
                text = frames[next(numbers) % len(frames)].format(word)
                plain = lexicon().prepare(text, _PLACES).plain
                yield Sentence(plain, category, counts=_MADE)
