"""The linear model: what was learned from labelled reports.

Each feature of a text (`intake.triage.features`) has a row of whole numbers, one for each kind of
event and one each for harmless, danger to life, P1 rather than P2, and P4 rather than P3. The rows
of a text are added up and divided by the root of the number of its features. Words that no labelled
report has got their rows from words of like meaning when the model was trained
(``bench/_triage_training.py`` makes the file).

Sums are of whole numbers, and division and root are rounded alike everywhere, so every machine
gets the same bits.
"""

import hashlib
import math
import zlib
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np

from intake.triage.blend import Blend, Scores
from intake.triage.features import features

__all__ = ["FILE", "LearnedFile", "Linear", "Model", "learned"]

FILE = "learned.msgpack"


class LearnedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file's form.

    Attributes
    ----------
    kinds
        Codes of the kinds: the first columns of the rows. ``harmless``, ``danger``, ``worst`` and
        ``least`` follow.
    features
        In the order of the rows, one a line; deflated.
    rows
        A signed byte a column, row by row; deflated.
    scales, intercepts
        By column: what one stands for, and what a text without any feature has.
    smoothing
        Added to the number of features.
    learned_from
        SHA-256 of the lexicon, patterns, code table and labelled sentences that it was made of.
    """

    kinds: tuple[str, ...]
    features: bytes
    rows: bytes
    scales: tuple[float, ...]
    intercepts: tuple[float, ...]
    smoothing: float
    blend: Blend
    learned_from: str = ""


class Linear:
    """The rows in memory; a text takes 0.2 ms."""

    def __init__(self, file: LearnedFile) -> None:
        self._kinds = file.kinds
        known = zlib.decompress(file.features).decode().split("\n")
        self._place = {feature: place for place, feature in enumerate(known)}
        rows = np.frombuffer(zlib.decompress(file.rows), np.int8)
        self._rows = rows.reshape(len(known), len(file.scales))
        self._scales, self._intercepts = file.scales, file.intercepts
        self._smoothing = file.smoothing

    def scores(self, plain: str) -> Scores:
        """Return what a normalised text scores."""
        found = features(plain)
        place = self._place
        places = [place[feature] for feature in found if feature in place]
        sums = self._rows[places].sum(axis=0, dtype=np.int64).tolist()
        root = math.sqrt(len(found) + self._smoothing)
        *kinds, harmless, danger, worst, least = (
            intercept + total * scale / root
            for total, scale, intercept in zip(sums, self._scales, self._intercepts, strict=True)
        )
        by_kind = dict(zip(self._kinds, kinds, strict=True))
        return Scores(by_kind, harmless, danger, worst, least, len(places))


class Model(msgspec.Struct, frozen=True):
    """What was learned; ``digest`` is the SHA-256 of the file."""

    linear: Linear
    blend: Blend
    digest: str


@cache
def learned() -> Model:
    """Return what comes with Jingwei."""
    data = files("intake.triage").joinpath(FILE).read_bytes()
    file = msgspec.msgpack.decode(data, type=LearnedFile)
    return Model(Linear(file), file.blend, hashlib.sha256(data).hexdigest())
