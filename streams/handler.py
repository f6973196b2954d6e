"""What an agent knows and does: the part of it that differs from topic to topic."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import asyncpg

from atlas.city import CityData
from infra.ledger.outbox import Message
from schemas.topics import Topic
from streams.messages import Received, Record

Act = Callable[[asyncpg.Connection], Awaitable[list[Message]]]
"""Writes something for a partition and returns what to publish."""


class Handler(Protocol):
    """One a topic, made by inheriting: so it has nothing to do between messages unless it says so.

    ``bulk`` says that its messages are many and small: they wait longer for company, and let
    those of other topics go first. ``ahead`` says that messages may be handled while `write`
    awaits the ledger: it takes what it writes from memory before its first ``await``.
    ``skims`` says that `skim` is worth calling.
    ``hurries`` says that what is urgent is brought forward, see `is_urgent`: handled before those
    ahead of it. So what `write` writes must be the same when it is written twice.
    ``portion`` is how many messages a transaction takes at the most: what reads the journal then
    begins with the first ones while the others are handled.
    """

    name: str
    topic: Topic
    bulk: bool
    ahead: bool = False
    skims: bool = False
    hurries: bool = False
    portion: int | None = None

    def move_to(self, city: CityData) -> None:  # noqa: ARG002 - a default
        """Take in what comes by the city's changed fences, between two messages."""
        return

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Bring the memory of a partition to where the ledger stands."""

    def forget(self, partition: int) -> None:
        """Throw away the memory of a partition and all that was not written."""

    def handle(self, message: Received) -> None:
        """Take in one message, or raise `BadInput` and leave memory as it was."""

    def is_urgent(self, record: Record) -> bool:  # noqa: ARG002 - a default
        """Tell by a quick look whether a record is to be handled before others that wait."""
        return False

    def skim(self, records: Sequence[Record]) -> Sequence[Record]:
        """Take in at once those records that change nothing but what is remembered of them.

        Of one partition, in order. What follows is as if `handle` had been given each.

        Returns
        -------
        sequence of Record
            The others, in their order, for `handle`.
        """
        return records

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write what the messages since the last call asked for; return what to publish."""

    def is_due(self, partition: int, now: datetime | None) -> bool:  # noqa: ARG002 - a default
        """Whether `tend` has something to do; asked often.

        Parameters
        ----------
        now
            The broker's time; None where it is not known, or where messages wait unread, which
            may change what has to be done.
        """
        return False

    def tend(self, partition: int, offset: int, now: datetime | None) -> None:  # noqa: ARG002 - a default
        """Do what is due between messages; the next `write` writes it.

        Parameters
        ----------
        offset
            The partition's next one: what is done stands before its message.
        now
            As for `is_due`.
        """
        return
