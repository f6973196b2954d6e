"""Evidence on its way to the core."""

from schemas.ids import derive
from schemas.journal import EvidenceNoted
from schemas.records import Evidence

__all__ = ["noted"]


def noted(evidence: Evidence, region: str) -> EvidenceNoted:
    """Return the journal entry by which a region's core gets evidence."""
    return EvidenceNoted(id=derive(evidence.id, "entry"), region=region, evidence=evidence)
