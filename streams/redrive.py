"""Dead letters sent back to where they came from, as they were."""

from collections.abc import Sequence

import asyncpg

from infra.ledger import queries, transaction
from infra.ledger.outbox import Message
from infra.ledger.queries import DeadLetterRow
from streams.dead_letters import without_notes
from streams.producer import Producer


async def redrive(
    pool: asyncpg.Pool | asyncpg.Connection, producer: Producer, letters: Sequence[DeadLetterRow]
) -> int:
    """Send dead letters again to their topics and mark them; return how many.

    Their bytes, key and headers are the original ones. They come with a new timestamp, so
    that what was too early or late then may be so again, and ids keep them from counting
    twice.

    Raises
    ------
    KafkaError
        The broker refuses; those sent before are marked.
    LedgerError
        The ledger cannot mark them; sending them again does no harm.
    """
    for letter in letters:
        message = Message(
            topic=letter.topic,
            key=letter.key,
            value=letter.value,
            headers=without_notes(letter.headers),
        )
        await producer.send_all([message])
        async with transaction(pool) as conn:
            await queries.mark_redriven(conn, [letter.id])
    return len(letters)
