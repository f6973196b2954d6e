"""Street conditions: taken in and journaled."""

from datetime import datetime

import asyncpg

from atlas.city import CityData
from infra.ledger.outbox import Message
from intake import Streets
from schemas import topics
from streams.arrivals import Now, arrival, unknown
from streams.handler import Handler
from streams.messages import Received, taken_in
from streams.sources import Sources


class StreetsIntake(Handler):
    """Handler of ``city.street.conditions``."""

    name = "intake_streets"
    topic = topics.STREETS
    bulk = False

    def __init__(self, city: CityData, now: Now = unknown) -> None:
        self._streets = Streets(city)
        self._now = now
        self.sources = Sources(self.topic.name)
        self._changes: list[Message] = []

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over what is known of the sources' clocks."""
        await self.sources.load(conn, partition)

    def forget(self, partition: int) -> None:
        """Throw away what was not written, of all partitions."""
        self.sources.forget(partition)
        self._changes.clear()

    def handle(self, message: Received) -> None:
        """Take in one condition; a tombstone says that the condition of its key is over."""
        if message.value is None:
            self._withdraw(message)
            return
        opened = self._streets.open(message)
        envelope, condition = opened
        # Its own times say when it holds, which may be whenever.
        with self.sources.hearing(message, envelope):
            entry = self._streets.take(opened)
            self._changes.append(
                taken_in(
                    entry,
                    envelope,
                    correlation=condition.condition,
                    causation=envelope.id,
                )
            )

    def _withdraw(self, message: Received) -> None:
        at = arrival(message, self._now)
        place = f"{message.topic}/{message.partition}/{message.offset}/{message.at.isoformat()}"
        entry = self._streets.withdraw(message.key, place, at)
        self._changes.append(taken_in(entry, None, correlation=entry.condition))

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Return the entries."""
        await self.sources.write(conn, partition)
        changes, self._changes = self._changes, []
        return changes

    def is_due(self, partition: int, now: datetime | None) -> bool:  # noqa: ARG002 - at any time
        """Whether a source's clock is to be written."""
        return self.sources.is_due(partition)
