"""New evidence into the ledger, and from there into the region's journal."""

from collections.abc import Sequence

import asyncpg

from infra.ledger import intake
from infra.ledger.intake import Source
from infra.ledger.outbox import Message
from intake.evidence import noted
from schemas.records import Evidence
from streams.messages import to_journal

Found = tuple[Evidence, Source, str]
"""Evidence, the message that it comes from, and that message's event id."""


async def write_evidence(
    conn: asyncpg.Connection, region: str, found: Sequence[Found]
) -> list[Message]:
    """Write evidence; return the journal entries of what the ledger did not have yet."""
    if not found:
        return []
    new = await intake.insert_evidence(conn, region, [(item, source) for item, source, _ in found])
    return [
        to_journal(noted(item, region), correlation=item.id, causation=cause)
        for item, _, cause in found
        if item.id in new
    ]
