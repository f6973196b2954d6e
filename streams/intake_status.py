"""Units' status stamps: taken in and journaled."""

from datetime import datetime

import asyncpg

from atlas.city import CityData
from infra.ledger.outbox import Message
from intake import Stamps
from schemas import topics
from streams.arrivals import Now, arrival, unknown
from streams.handler import Handler
from streams.limits import IntakeSettings, limits_of
from streams.messages import Received, taken_in
from streams.sources import Sources


class StatusIntake(Handler):
    """Handler of ``city.unit.status``. The core decides whether a stamp fits."""

    name = "intake_status"
    topic = topics.UNIT_STATUS
    bulk = False

    def __init__(self, city: CityData, settings: IntakeSettings, now: Now = unknown) -> None:
        self._stamps = Stamps(city, limits_of(settings))
        self._now = now
        self.sources = Sources(self.topic.name)
        self._entries: list[Message] = []

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over what is known of the sources' clocks."""
        await self.sources.load(conn, partition)

    def forget(self, partition: int) -> None:
        """Throw away what was not written, of all partitions."""
        self.sources.forget(partition)
        self._entries.clear()

    def handle(self, message: Received) -> None:
        """Take in one stamp; a tombstone of a unit says nothing of what it does."""
        if message.value is None:
            return
        opened = self._stamps.open(message)
        envelope, stamp = opened
        with self.sources.hearing(message, envelope, stamp.time):
            entry = self._stamps.take(opened, arrival(message, self._now))
            self._entries.append(
                taken_in(
                    entry,
                    envelope,
                    correlation=stamp.incident,
                    causation=envelope.id,
                )
            )

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Return the entries."""
        await self.sources.write(conn, partition)
        entries, self._entries = self._entries, []
        return entries

    def is_due(self, partition: int, now: datetime | None) -> bool:  # noqa: ARG002 - at any time
        """Whether a source's clock is to be written."""
        return self.sources.is_due(partition)
