"""What a text's vector means: logistic regressions with calibrated probabilities.

Four of them, over the same vector: the kind of event, with ``none`` for harmless texts among the
kinds; its severity; whether life is in danger; whether the text is harmless. Multinomial ones are
calibrated by a temperature (Guo et al. 2017, "On Calibration of Modern Neural Networks"), binary
ones by Platt's scaling, both on answers of cross-validation. ``bench/_reader_training.py`` makes
the file.
"""

import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas import codes

FILE = "head.msgpack"
NONE = "none"
"""The kind of a harmless text."""
_EVEN = 0.5

Vector = NDArray[np.float32]


class Regression(msgspec.Struct, frozen=True, kw_only=True):
    """A logistic regression over vectors: one row of weights a class, one alone if binary.

    Attributes
    ----------
    weights
        Little-endian float32, row by row.
    scale, shift
        Calibration: the scores times ``scale``, plus ``shift`` (binary ones only).
    """

    classes: tuple[str, ...]
    weights: bytes
    intercepts: tuple[float, ...]
    scale: float = 1.0
    shift: float = 0.0

    def scores(self, vector: Vector) -> NDArray[np.float64]:
        """Return the calibrated scores of a vector, or of each row of a matrix."""
        rows = np.frombuffer(self.weights, "<f4").reshape(len(self.intercepts), -1)
        raw = vector.astype(np.float64) @ rows.T.astype(np.float64) + np.array(self.intercepts)
        scores: NDArray[np.float64] = raw * self.scale + self.shift
        return scores

    def probabilities(self, vector: Vector) -> dict[str, float]:
        """Return the probability of each class; of a binary one that of its one class."""
        scores = self.scores(vector)
        if len(scores) == 1:
            return {self.classes[0]: float(1.0 / (1.0 + np.exp(-scores[0])))}
        powers = np.exp(scores - scores.max())
        shares = powers / powers.sum()
        return dict(zip(self.classes, map(float, shares), strict=True))


class Meaning(NamedTuple):
    """What a text means; probabilities 0 to 1."""

    category: str
    confidence: float
    severity: str
    danger: float
    harmless: float


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The regressions, and the digest of the model on whose vectors they were trained.

    ``center`` is the mean vector of the training texts (little-endian float32), taken off first.
    """

    model: str
    center: bytes
    kinds: Regression
    severities: Regression
    danger: Regression
    harmless: Regression

    def meaning(self, vector: Vector) -> Meaning:
        """Return what a text with this vector means.

        A kind that the table of categories does not have yet counts as ``other``; so does none.
        """
        centered = vector - np.frombuffer(self.center, "<f4")
        shares: dict[str, float] = {}
        for kind, share in self.kinds.probabilities(centered).items():
            known = kind if kind in codes.categories() else "other"
            shares[known] = shares.get(known, 0.0) + share
        category = max(shares, key=lambda kind: (shares[kind], kind))
        (danger,) = self.danger.probabilities(centered).values()
        (harmless,) = self.harmless.probabilities(centered).values()
        severities = self.severities.probabilities(centered)
        pair = ("P1", "P2") if danger >= _EVEN else ("P3", "P4")
        return Meaning(
            category=category,
            confidence=_rounded(shares[category]),
            severity=max(pair, key=lambda code: severities[code]),
            danger=_rounded(danger),
            harmless=_rounded(harmless),
        )


def _rounded(probability: float) -> float:
    """Return a probability with three digits, never above what it is: 0.9496 is not yet 0.95."""
    return int(probability * 1000) / 1000


@cache
def load_head() -> tuple[Head, str]:
    """Return the head that comes with Jingwei, and the SHA-256 of its file."""
    data = files("reader").joinpath(FILE).read_bytes()
    return msgspec.msgpack.decode(data, type=Head), hashlib.sha256(data).hexdigest()
