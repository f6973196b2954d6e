"""What a topic's transactions owe to Kafka: sent in order, while the next batch is dealt with.

Each source partition has two lanes in the outbox. Departments' feeds have the second one, so that
a topic of theirs that is missing or refuses holds up no assignment.
"""

import asyncio
import logging
from collections.abc import Sequence

import asyncpg

from infra.ledger import outbox
from infra.ledger.errors import LedgerUnavailable
from infra.ledger.outbox import Message
from streams.exits import Exit, die
from streams.relay import Relay, Row

log = logging.getLogger(__name__)

MOST_ROWS = 4_000
"""So many rows of a lane wait in memory; then the next batch waits."""
_AGAIN_S = 1.0


class Lanes:
    """The lanes of a topic's partitions.

    Parameters
    ----------
    topic
        Its name.
    """

    def __init__(self, topic: str, relay: Relay) -> None:
        self._topic = topic
        self._relay = relay
        self._first, self._aside = _Sending(relay), _Sending(relay)

    def names(self, partition: int) -> tuple[str, str]:
        """Return the lane of a partition, and that of what goes aside.

        They are the same under every group's name, so what a group leaves unsent, its successor
        sends. One group works on a ledger at a time.
        """
        lane = f"{self._topic}/{partition}"
        return lane, f"{lane}/aside"

    async def put(
        self, conn: asyncpg.Connection, messages: Sequence[tuple[int, Message]]
    ) -> list[Row]:
        """Write messages, each with its partition, in one round trip; return them as rows."""
        lanes = [self.names(partition)[message.aside] for partition, message in messages]
        sent = [message for _, message in messages]
        ids = await outbox.put_all(conn, lanes, sent)
        return list(zip(ids, sent, strict=True))

    async def send(self, rows: Sequence[Row]) -> None:
        """Begin to send committed rows; wait only where too many are on their way."""
        await self._first.add([row for row in rows if not row[1].aside])
        await self._aside.add([row for row in rows if row[1].aside])

    async def sent(self) -> None:
        """Wait until all that was handed over is acknowledged, or refused for good."""
        await self._first.wait()
        await self._aside.wait()

    async def drain(self, partition: int) -> None:
        """Send what a partition's lanes still hold, as after a crash.

        Returns when the first lane is empty: the other one follows in its own time.

        Raises
        ------
        LedgerError
            As the ledger's functions do.
        """
        lane, aside = self.names(partition)
        await self._first.wait()
        await self._relay.drain(lane)
        self._aside.drain(aside)

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return self._first.idle and self._aside.idle

    def stop(self) -> None:
        """Send no more; the next worker sends what is left."""
        self._first.stop()
        self._aside.stop()


class _Sending:
    """Sends what it is given, one after the other; rows that come meanwhile go together."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._rows: list[Row] = []
        self._lanes: list[str] = []
        self._drained: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return self._task is None

    async def add(self, rows: list[Row]) -> None:
        """Send rows; wait where too many are before them."""
        self._rows += rows
        self._begin()
        if len(self._rows) > MOST_ROWS:
            await self.wait()

    def drain(self, lane: str) -> None:
        """Send what a lane holds in the ledger."""
        self._lanes.append(lane)
        self._begin()

    async def wait(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        if self._task is None and (self._rows or self._lanes):
            self._task = asyncio.create_task(self._run(), name="lane")

    async def _run(self) -> None:
        try:
            while self._rows or self._lanes:
                lanes, self._lanes = self._lanes, []
                await self._drain(lanes)  # what was left goes before what is new
                rows, self._rows = self._rows, []
                # The ledger may have held them already: sent again, they would follow newer ones.
                await self._relay.send([row for row in rows if row[0] not in self._drained])
        except Exception as error:
            log.exception("a lane has failed")
            die(Exit.DEFECT, "messages that wait in a lane cannot be sent to Kafka: %s", error)
        finally:
            self._task = None

    async def _drain(self, lanes: list[str]) -> None:
        while lanes:
            try:
                self._drained = await self._relay.drain(*lanes)
            except LedgerUnavailable as error:
                log.warning("lanes: %s; again in %.0f s", error, _AGAIN_S)
                await asyncio.sleep(_AGAIN_S)
            else:
                return
