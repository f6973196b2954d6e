"""The topics' logs against the ledger: whether each is still the one that the guards count in.

A topic that was deleted and made anew begins at offset 0 again. Its messages must neither be taken
for those that were read of the old one, nor the other way round: the guards of the topic begin
anew, in the next incarnation, and a worker that read the old one ends and is started again. What
was not read of the old one is gone; ids make sure that nothing of it counts twice.

The journal is another matter: the cores stand at an offset of it. A journal that was made anew
belongs to another ledger, and is refused.
"""

import asyncio
import logging

import asyncpg
from aiokafka.partitioner import DefaultPartitioner

from infra.ledger import logs, transaction
from infra.ledger.errors import LedgerError
from infra.ledger.logs import TopicLog
from schemas import topics
from streams.errors import BrokerMissing, TopicsUnfit
from streams.exits import Exit, die
from streams.topic_ids import KnownTopic, known_topics

log = logging.getLogger(__name__)

READ = (*topics.INPUTS, topics.JOURNAL)
"""Topics that a worker reads."""
EVERY_S = 5.0


async def settle_logs(pool: asyncpg.Pool, bootstrap: str, region: str) -> dict[str, int]:
    """Bring the ledger's guards to the topics that the broker has now.

    Parameters
    ----------
    region
        Whose journal must be where it was.

    Returns
    -------
    dict
        The incarnation of each topic that a worker reads.

    Raises
    ------
    TopicsUnfit
        The journal was made anew, or the region has moved to another partition of it.
    BrokerMissing
        No broker answers.
    """
    found = await known_topics(bootstrap, [topic.name for topic in READ])
    async with transaction(pool) as conn:
        known = await logs.known_logs(conn)
        for name, topic in sorted(found.items()):
            if name == topics.JOURNAL.name and name in known:
                _refuse_other_journal(known[name], topic, region)
            await _settle(conn, name, topic, known.get(name))
        known = await logs.known_logs(conn)
    return {
        topic.name: known[topic.name].incarnation if topic.name in known else 0 for topic in READ
    }


async def _settle(
    conn: asyncpg.Connection, name: str, topic: KnownTopic, before: TopicLog | None
) -> None:
    if before is None:
        await logs.note_log(conn, name, 0, topic.id, topic.partitions)
    elif before.topic_id != topic.id:
        await logs.note_log(conn, name, before.incarnation + 1, topic.id, topic.partitions)
        log.error(
            "topic %s was deleted and recreated (id %s, before %s): it is read from its first "
            "offset; unread messages of the old topic are lost",
            *(name, topic.id, before.topic_id),
        )


def _refuse_other_journal(before: TopicLog, now: KnownTopic, region: str) -> None:
    """Refuse a journal that is not the one that the cores stand in."""
    if before.topic_id != now.id:
        raise TopicsUnfit(
            f"the topic {before.topic} was deleted and recreated (id {now.id}, the ledger knows "
            f"{before.topic_id}): the ledger's incidents refer to offsets of the old journal. Use "
            "the broker that has it, or reset broker and ledger (`jingwei down --wipe`)"
        )
    home, moved = home_of(region, before.partitions), home_of(region, now.partitions)
    if home != moved:
        raise TopicsUnfit(
            f"the topic {before.topic} had {before.partitions} partitions and has "
            f"{now.partitions} now: new entries of region {region} go to partition {moved}, older "
            f"ones are in {home}, and their order is lost. Never add partitions to a journal: "
            "reset broker and ledger (`jingwei down --wipe`)"
        )


def home_of(region: str, partitions: int) -> int:
    """Return the partition of a journal of so many that a region's entries go to."""
    every = list(range(partitions))
    return int(DefaultPartitioner()(region.encode(), every, every))


async def watch_logs(
    pool: asyncpg.Pool, bootstrap: str, region: str, incarnations: dict[str, int]
) -> None:
    """Look whether topics are made anew, until cancelled; if one is, the worker leaves.

    It cannot go on: messages of the old log are still on their way through it.
    """
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            now = await settle_logs(pool, bootstrap, region)
        except (BrokerMissing, LedgerError) as error:
            log.warning("the topics' ids are not known now: %s", error)
            continue
        except TopicsUnfit as error:
            die(Exit.REFUSED, "%s", error)
        anew = sorted(name for name in now if now[name] != incarnations[name])
        if anew:
            die(
                Exit.STALLED,
                "deleted and recreated: %s; the next start reads them from their first offset",
                ", ".join(anew),
            )
