"""Departments' feeds: each gets the incidents it subscribes to, and no other.

A message is passed on as it is, id included: it is the same event on another topic.
"""

import asyncpg

from infra.ledger import feeds
from infra.ledger.outbox import Message
from schemas import topics
from schemas.outputs import IncidentChanged
from streams.messages import Received
from streams.validate import open_message


class Departments:
    """Handler of ``city.incidents``."""

    name = "departments"
    topic = topics.INCIDENTS
    bulk = False

    def __init__(self) -> None:
        self._changes: list[tuple[IncidentChanged, Received]] = []

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Load nothing."""

    def forget(self, partition: int) -> None:  # noqa: ARG002 - all drafts go
        """Throw away what was not written."""
        self._changes.clear()

    def handle(self, message: Received) -> None:
        """Take in one change of an incident."""
        _, changed = open_message(message, self.topic, IncidentChanged)
        self._changes.append((changed, message))

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:  # noqa: ARG002 - drafts are the partition's
        """Return what each subscriber gets, by the subscriptions as they are now."""
        changes, self._changes = self._changes, []
        if not changes:
            return []
        subscriptions = await feeds.load_subscriptions(conn)
        return [
            Message(topic=feed.target, key=m.key, value=m.value, headers=m.headers)
            for changed, m in changes
            for feed in subscriptions
            if feed.takes(
                changed.incident.category,
                changed.incident.severity,
                changed.incident.where.subdistrict,
            )
        ]
