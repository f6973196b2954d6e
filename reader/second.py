"""From evidence to the second reader's opinion of it."""

import hashlib

from reader.errors import HeadOfOtherModel
from reader.head import Head, load_head
from reader.model import Embedder
from schemas.ids import derive
from schemas.journal import OpinionNoted
from schemas.records import Evidence, Opinion

LONGEST = 400
"""So many characters are read: time grows with the square, and the head knows no longer ones."""


class SecondReader:
    """Reads texts, one after the other; 30 to 70 ms of one core each.

    Attributes
    ----------
    model, digest
        As in `Opinion`.

    Raises
    ------
    HeadOfOtherModel
        The head was trained on another model.
    """

    def __init__(self, embedder: Embedder, head: Head, head_digest: str) -> None:
        if head.model != embedder.digest:
            raise HeadOfOtherModel(
                f"the second reader's head was trained on a model with the digest "
                f"{head.model[:12]}, {embedder.name} has {embedder.digest[:12]}: install the "
                "version that requirements/demo.lock names, or train the head again"
            )
        self._embedder, self._head = embedder, head
        self.model = embedder.name
        both = f"{embedder.digest}{head_digest}"
        self.digest = hashlib.sha256(both.encode()).hexdigest()

    @classmethod
    def load(cls) -> "SecondReader":
        """Load model and head; raises `ReaderError` if there are none that fit."""
        return cls(Embedder(), *load_head())

    @staticmethod
    def can_read(evidence: Evidence) -> bool:
        """Tell whether evidence is a text that a person wrote."""
        written = evidence.source == "report" and evidence.phase == "opened"
        return written and bool(evidence.text.strip())

    def opinion_of(self, evidence: Evidence) -> Opinion:
        """Return the opinion of a piece of evidence, by its text alone."""
        meaning = self._head.meaning(self._embedder.vector(evidence.text[:LONGEST]))
        return Opinion(
            evidence=evidence.id,
            category=meaning.category,
            severity=meaning.severity,
            confidence=meaning.confidence,
            danger=meaning.danger,
            harmless=meaning.harmless,
            model=self.model,
            digest=self.digest,
        )


def noted(opinion: Opinion, region: str) -> OpinionNoted:
    """Return the journal entry of an opinion; the same opinion gives the same entry."""
    entry = derive(opinion.evidence, f"opinion/{opinion.digest}")
    return OpinionNoted(id=entry, region=region, opinion=opinion)
