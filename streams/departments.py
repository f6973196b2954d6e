"""Departments' feeds: each gets the incidents it subscribes to, and no other.

Who was told of an incident once is told of it to its end, so that no department's sequence has
a hole and the close always comes; when an incident leaves the department's filter, the message
says so. A message keeps its id: it is the same event on another topic.
"""

from collections.abc import Sequence
from functools import cache

import asyncpg

from infra.ledger import feeds
from infra.ledger.feeds import Subscription, Told
from infra.ledger.outbox import Message
from schemas.outputs import IncidentChanged

SNAPSHOT = "snapshot"
YOURS = "yours"
NO_LONGER_YOURS = "no_longer_yours"

_MOST_MISSING = 100

Change = tuple[IncidentChanged, Message]
"""A change of an incident, and its message on ``city.incidents``."""


async def tell_departments(conn: asyncpg.Connection, changes: Sequence[Change]) -> list[Message]:
    """Return what each subscriber gets, by the subscriptions as they are now.

    Who was told of what is written with it.
    """
    if not changes:
        return []
    subscriptions = await feeds.load_subscriptions(conn)
    known = await feeds.load_told(conn, {changed.incident_id for changed, _ in changes})
    takers = cache(lambda *codes: frozenset(f.id for f in subscriptions if f.takes(*codes)))
    news: dict[feeds.Telling, Told] = {}
    messages = []
    for changed, message in changes:
        incident = changed.incident
        concerned = takers(incident.category, incident.severity, incident.where.subdistrict)
        for feed in subscriptions:
            telling = feed.id, changed.incident_id
            before = news.get(telling) or known.get(telling)
            told = tell(before, changed.seq, takes=feed.id in concerned)
            if told is None:
                continue
            news[telling], standing = told
            messages.append(_to(feed, message, standing))
    await feeds.save_told(conn, news, {feed.id: feed.target for feed in subscriptions})
    return messages


def _to(feed: Subscription, message: Message, standing: str) -> Message:
    """Return the message as a department gets it: with what the incident is to it, at the end."""
    assert message.value is not None
    value = b'%s,"standing":"%s"}' % (message.value[:-1], standing.encode())
    return Message(
        topic=feed.target,
        key=message.key,
        value=value,
        headers=message.headers,
        aside=True,
    )


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
