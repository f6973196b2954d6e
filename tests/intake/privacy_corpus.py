"""The labelled corpus of made texts, and how well personal data is found in it.

``python -m tests.intake.privacy_corpus`` prints recall and precision by kind, for the half that
the rules were tuned on and for the half that was written afterwards and only judges.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from intake.privacy import Span, find

CORPUS = Path(__file__).with_name("privacy_corpus.jsonl")
KINDS = ("mobile", "landline", "foreign", "id", "card", "plate", "email", "account")


class Text(NamedTuple):
    """One text; ``half`` is ``tuning`` or ``judging``, ``spans`` are [start, end, kind]."""

    half: str
    language: str
    text: str
    spans: list[Span]


class Found(NamedTuple):
    """By kind: what there is, what of it was found whole, what was marked, and rightly."""

    there: Counter[str]
    found: Counter[str]
    marked: Counter[str]
    right: Counter[str]
    faults: list[str]

    @property
    def recall(self) -> float:
        return self.found.total() / self.there.total()

    @property
    def precision(self) -> float:
        return self.right.total() / self.marked.total()


def load(half: str) -> list[Text]:
    rows = map(json.loads, CORPUS.read_text(encoding="utf-8").splitlines())
    texts = [Text(r["half"], r["lang"], r["text"], [Span(*s) for s in r["spans"]]) for r in rows]
    return [text for text in texts if text.half == half]


def measure(texts: list[Text]) -> Found:
    """Find in each text; a mark is right that meets what there is and takes no word besides."""
    result = Found(Counter(), Counter(), Counter(), Counter(), [])
    for text in texts:
        marks = find(text.text)
        for span in text.spans:
            whole = any(m.start <= span.start and span.end <= m.end for m in marks)
            result.there[span.kind] += 1
            result.found[span.kind] += whole
            if not whole:
                result.faults.append(f"missed {text.text[span.start : span.end]!r}: {text.text}")
        for mark in marks:
            right = any(
                s.start < mark.end
                and mark.start < s.end
                and (mark.end - mark.start) - (s.end - s.start) <= 2
                for s in text.spans
            )
            result.marked[mark.kind] += 1
            result.right[mark.kind] += right
            if not right:
                result.faults.append(f"took {text.text[mark.start : mark.end]!r}: {text.text}")
    return result


def seconds(texts: list[Text]) -> list[float]:
    """Return the least time each text takes, sorted; others use the machine, too."""
    least = [float("inf")] * len(texts)
    for _ in range(5):
        for place, text in enumerate(texts):
            begun = time.perf_counter()
            find(text.text)
            least[place] = min(least[place], time.perf_counter() - begun)
    return sorted(least)


def report(half: str) -> list[str]:
    texts = load(half)
    result, taken = measure(texts), seconds(texts)
    harmless = sum(not text.spans for text in texts)
    return [
        f"{half}: {len(texts)} texts, {harmless} of them harmless",
        f"  recall {result.recall:.1%}, precision {result.precision:.1%}",
        *(f"  {kind:9} found {result.found[kind]} of {result.there[kind]}" for kind in KINDS),
        *(
            f"  [{kind}] right {result.right[kind]} of {count}"
            for kind, count in sorted(result.marked.items())
        ),
        f"  p50 {taken[len(taken) // 2]:.1e} s, p99 {taken[len(taken) * 99 // 100]:.1e} s",
        *(f"  {fault}" for fault in result.faults),
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join([*report("tuning"), *report("judging"), ""]))
