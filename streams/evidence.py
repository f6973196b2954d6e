"""New evidence into the ledger, and from there into the region's journal."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from infra.ledger import intake
from infra.ledger.intake import Source
from infra.ledger.outbox import Message
from intake.evidence import noted
from schemas.envelope import Envelope
from schemas.records import Evidence
from streams.messages import taken_in


class Found(NamedTuple):
    """Evidence, the message that it comes from, and what that is called in the journal.

    ``event`` is the message's envelope; None where it was what did not come.
    """

    evidence: Evidence
    source: Source
    cause: str
    event: Envelope | None = None


async def write_evidence(
    conn: asyncpg.Connection, region: str, found: Sequence[Found]
) -> list[Message]:
    """Write evidence; return the journal entries of what the ledger did not have yet."""
    if not found:
        return []
    new = await intake.insert_evidence(conn, region, [(one.evidence, one.source) for one in found])
    return [_to_journal(one, region) for one in found if one.evidence.id in new]


def _to_journal(found: Found, region: str) -> Message:
    evidence = found.evidence
    return taken_in(
        noted(evidence, region),
        found.event,
        correlation=evidence.id,
        causation=found.cause,
        time=evidence.observed_at,
    )
