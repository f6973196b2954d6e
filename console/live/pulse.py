"""Signs of life, looked for every second: of broker, database, core, and of each client's right."""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence

import asyncpg
import msgspec

from console.access import Person, Role, scoped
from console.live.ages import Ages
from console.live.client import Client
from console.live.place import Layout
from console.settings import GatewaySettings
from infra.feed import BrokerAway, Feed, Published
from infra.ledger.errors import LedgerError
from infra.ledger.pool import reading
from infra.ledger.standing import Holder, holders, reached
from schemas import topics

log = logging.getLogger(__name__)

_EVERY_S = 1.0
_READ = [
    (topic.name, number)
    for topic in (*topics.INPUTS, topics.JOURNAL)
    for number in range(topic.partitions)
]
"""What workers and core read."""


class Pulse:
    """Looks whether all that the stream depends on is up to date, and who may still look."""

    def __init__(self, feed: Feed, pool: asyncpg.Pool, settings: GatewaySettings) -> None:
        self._feed, self._pool, self._settings = feed, pool, settings
        self._ages = Ages()
        self._layout: Layout | None = None

    def follow(self, layout: Layout | None) -> None:
        """Watch how far the gateway has read in these topics."""
        self._layout = layout

    def heard(self, batches: Sequence[Sequence[Published]]) -> None:
        """Take in that the broker has sent something."""
        if batches:
            self._ages.broker = time.monotonic()
            newest = max(records[-1].timestamp for records in batches)
            self._ages.event_ms = max(newest, self._ages.event_ms or 0)

    def heartbeat(self) -> bytes:
        """Return the data of a heartbeat."""
        return msgspec.json.encode(self._ages.heartbeat())

    async def run(self, clients: Collection[Client]) -> None:
        """Look every second, for good; ``clients`` is asked each time anew."""
        while True:
            begun = time.monotonic()
            try:
                await asyncio.gather(self._look_at_broker(), self._look_at_ledger(clients))
            except Exception:
                log.exception("stream: a look failed")
            await asyncio.sleep(max(0.1, begun + _EVERY_S - time.monotonic()))

    async def _look_at_broker(self) -> None:
        layout = self._layout
        if layout is None:
            return
        at = time.monotonic()
        try:
            ends = await self._feed.ends([*layout.parts, *_READ])
        except BrokerAway:
            return
        self._ages.broker = time.monotonic()
        streamed = set(layout.parts)
        self._ages.gateway.note(at, {part: end for part, end in ends.items() if part in streamed})
        self._ages.core.note(at, {part: end for part, end in ends.items() if part not in streamed})
        self._ages.gateway.reach(await self._feed.positions())

    async def _look_at_ledger(self, clients: Collection[Client]) -> None:
        watched = list(clients)
        sessions = {one.credential.digest for one in watched if not one.credential.is_token}
        tokens = {one.credential.digest for one in watched if one.credential.is_token}
        settings = self._settings
        try:
            async with reading(self._pool) as conn:
                self._ages.core.reach(await reached(conn))
                known = await holders(conn, sessions, tokens, settings.idle_s, settings.session_s)
        except LedgerError:
            _end_overdue(watched)  # who was signed out or idle meanwhile nobody knows
            return
        now = self._ages.database = time.monotonic()
        people = {digest: _person(holder) for digest, holder in known.items()}
        for client in watched:
            digest = client.credential.digest
            if people.get(digest) != client.person:
                client.end("signed_out")
            else:
                client.until = now + known[digest].left_s


def _end_overdue(clients: Collection[Client]) -> None:
    now = time.monotonic()
    for client in clients:
        if client.until < now:
            client.end("signed_out")


def _person(holder: Holder) -> Person | None:
    """Return who holds a session or token now."""
    role = scoped(holder.role, holder.scope) if holder.scope != holder.role else Role(holder.role)
    return None if role is None else Person(holder.name, role, holder.department, holder.unit)
