"""Workers that have died, taken out of the consumer group before their session runs out.

Kafka gives a member's partitions to others only when it has not been heard for a session (15 s).
The ledger knows sooner: when a process ends, however it ends, its connections do. A member that has
none left is removed, as ``kafka-consumer-groups`` would, and its partitions are assigned afresh. If
it lives after all, because only its way to the ledger was cut, it joins again: nothing is done
twice, since the offset guards in the ledger decide who may write.

A member and its connections have one name, which a restarted worker does not have again. One whose
way to the ledger stays cut is removed once, or the group would never come to rest.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import NamedTuple, Protocol

import asyncpg
from aiokafka.errors import KafkaError

from infra.ledger import guard, reading
from infra.ledger.errors import LedgerError

log = logging.getLogger(__name__)

PREFIX = "jingwei-worker/"
"""Of the names of workers, in the ledger as in Kafka."""
EVERY_S = 0.5


class Member(NamedTuple):
    """A member of the group: Kafka's id of it, and its own name."""

    id: str
    name: str


class Group(Protocol):
    """The group as its consumer knows it (`streams.consumer.GuardedConsumer`)."""

    def members(self) -> Awaitable[list[Member]]:
        """Return the members; none while the group rebalances."""

    def remove(self, member: Member) -> Awaitable[None]:
        """Take a member out of the group."""

    def join_again(self) -> Awaitable[None]:
        """Let the consumer join the group again."""


async def watch_absent(
    pool: asyncpg.Pool, group: Group, own: str, every_s: float = EVERY_S
) -> None:
    """Look whether every member lives, until cancelled.

    A member counts that was absent in two looks: connections may be cut all at once, as when the
    database restarts, and come back one by one.

    Parameters
    ----------
    own
        This worker's name. Where the ledger does not show it, as behind a pooler that hides the
        names of its clients, it shows nobody's, and nobody is removed.
    """
    before: set[Member] = set()
    removed: set[str] = set()
    while True:
        await asyncio.sleep(every_s)
        try:
            async with reading(pool) as conn:
                here = await guard.workers(conn, PREFIX)
            absent = {
                member
                for member in await group.members()
                if own in here and member.name.startswith(PREFIX) and member.name not in here
            }
            removed -= here
            dead = {member for member in absent & before if member.name not in removed}
            for member in sorted(dead):
                log.warning("worker %s has ended: taking it out of the group", member.name)
                removed.add(member.name)
                await group.remove(member)
            if dead:
                await group.join_again()
        except LedgerError:
            absent = set()  # it is this worker that the ledger does not know
        except KafkaError as error:
            log.info("the members of the consumer group cannot be read now: %r", error)
            absent = set()
        before = absent
