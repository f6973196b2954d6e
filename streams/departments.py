"""Departments' feeds: each gets the incidents it subscribes to, and no other.

Who was told of an incident once is told of it to its end, so that no department's sequence has
a hole and the close always comes; when an incident leaves the department's filter, the message
says so. A message keeps its id: it is the same event on another topic.
"""

import asyncpg
import msgspec

from infra.ledger import feeds
from infra.ledger.feeds import Subscription, Told
from infra.ledger.outbox import Message
from schemas import topics, wire
from schemas.outputs import IncidentChanged
from schemas.records import Incident
from streams.messages import Received
from streams.validate import open_message

SNAPSHOT = "snapshot"
YOURS = "yours"
NO_LONGER_YOURS = "no_longer_yours"

_MOST_MISSING = 100


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
        """Return what each subscriber gets, by the subscriptions as they are now.

        Who was told of what is written with it.
        """
        changes, self._changes = self._changes, []
        if not changes:
            return []
        subscriptions = await feeds.load_subscriptions(conn)
        known = await feeds.load_told(conn, {changed.incident_id for changed, _ in changes})
        news: dict[feeds.Telling, Told] = {}
        messages = []
        for changed, came in changes:
            for feed in subscriptions:
                telling = feed.id, changed.incident_id
                before = news.get(telling) or known.get(telling)
                told = tell(before, changed.seq, takes=_concerns(feed, changed.incident))
                if told is None:
                    continue
                news[telling], standing = told
                value = wire.encode(msgspec.structs.replace(changed, standing=standing))
                messages.append(
                    Message(topic=feed.target, key=came.key, value=value, headers=came.headers)
                )
        await feeds.save_told(conn, news, {feed.id: feed.target for feed in subscriptions})
        return messages


def tell(told: Told | None, seq: int, *, takes: bool) -> tuple[Told, str] | None:
    """Tell whether a feed gets a line of an incident, and what the incident is to it then.

    Parameters
    ----------
    told
        How far the feed was told of the incident; None if never.
    seq
        The line's number.
    takes
        Whether the feed's filter lets through the incident as the line left it.

    Returns
    -------
    tuple of Told and str, or None
        How far it is told now, and the message's ``standing``; None if it gets nothing.
    """
    standing = YOURS if takes else NO_LONGER_YOURS
    if told is None:
        return (Told(seq), SNAPSHOT) if takes else None
    if seq <= told.seq:  # a repeat, or a line that the broker had refused and now took
        if seq not in told.missing:
            return None
        return Told(told.seq, tuple(n for n in told.missing if n != seq)), standing
    if seq == told.seq + 1:
        return Told(seq, told.missing), standing
    # Lines are missing, as after the feed was switched off for a while: it begins anew.
    missing = (*told.missing, *range(told.seq + 1, seq))[-_MOST_MISSING:]
    return Told(seq, missing), SNAPSHOT if takes else NO_LONGER_YOURS


def _concerns(feed: Subscription, incident: Incident) -> bool:
    return feed.takes(incident.category, incident.severity, incident.where.subdistrict)
