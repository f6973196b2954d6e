"""Partitions that no worker of the group reads, though all are subscribed to their topic.

A worker that restarts under its instance id is given the assignment that it had (static membership,
KIP-345), and the broker tells it that its former self leads the group. Then no living worker leads,
and none notices what only a leader watches: a partition that was added, or a topic that did not
exist when the assignment was made. So each worker asks the broker what the group has. Those that
are nobody's make it join again; the broker then has the leader assign everything afresh, and
answers all others with what they have.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Protocol

from aiokafka.errors import KafkaError
from faust.types import TP

log = logging.getLogger(__name__)

EVERY_S = 5.0


class Group(Protocol):
    """The group as its consumer knows it (`streams.consumer.GuardedConsumer`)."""

    def unassigned(self) -> Awaitable[set[TP]]:
        """Return partitions of subscribed topics that the broker has assigned to nobody."""

    def join_again(self) -> Awaitable[None]:
        """Let the consumer join the group again."""


async def watch_unassigned(group: Group, every_s: float = EVERY_S) -> None:
    """Look whether every partition is somebody's, until cancelled.

    A partition counts that was nobody's in two looks: one that was just added is the living
    leader's to assign.
    """
    before: set[TP] = set()
    while True:
        await asyncio.sleep(every_s)
        try:
            now = await group.unassigned()
        except KafkaError as error:
            log.info("the assignment of the consumer group cannot be read now: %r", error)
            continue
        still = now & before
        if still:
            log.warning(
                "no worker reads %s: joining the group again",
                ", ".join(f"{tp.topic}/{tp.partition}" for tp in sorted(still)),
            )
            await group.join_again()
        before = now - still
