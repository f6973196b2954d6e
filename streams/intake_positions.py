"""Units' positions: every fix to the track and the fences, those that matter to the journal."""

from datetime import datetime

import asyncpg

from atlas.city import CityData
from infra.ledger import intake
from infra.ledger.outbox import Message
from infra.ledger.queries import list_units
from intake import LastMove, Positions
from schemas import topics
from schemas.intake import Fix
from streams.arrivals import Now, arrival, unknown
from streams.fencing import Fencing
from streams.handler import Handler
from streams.limits import IntakeSettings, limits_of
from streams.messages import Received, taken_in
from streams.sources import Sources


class PositionsIntake(Handler):
    """Handler of ``city.unit.positions``."""

    name = "intake_positions"
    topic = topics.POSITIONS
    bulk = True

    def __init__(self, city: CityData, settings: IntakeSettings, now: Now = unknown) -> None:
        self._positions = Positions(city, limits_of(settings))
        self._now = now
        self.sources = Sources(self.topic.name)
        self._last: dict[int, dict[str, LastMove]] = {}
        self._fencing = Fencing(city, settings)
        self._fixes: dict[tuple[str, datetime], tuple[Fix, str]] = {}
        self._moves: list[Message] = []
        self._begun: dict[int, int] = {}  # where the batch begins, by partition

    def move_to(self, city: CityData) -> None:
        """Follow units among the changed fences."""
        self._fencing.move_to(city)

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over who is in which fence; each unit's next position is journaled again."""
        self._last[partition] = {
            unit.id: LastMove(point=None, at=unit.position_at, told=unit.position_at)
            for unit in await list_units(conn)
            if unit.position_at is not None
        }
        await self.sources.load(conn, partition)
        await self._fencing.load(conn, partition)

    def forget(self, partition: int) -> None:
        """Throw away what was not written."""
        self._last.pop(partition, None)
        self.sources.forget(partition)
        self._fencing.forget(partition)
        self._begun.pop(partition, None)
        self._fixes.clear()
        self._moves.clear()

    def handle(self, message: Received) -> None:
        """Take in one fix."""
        self._begun.setdefault(message.partition, message.offset)
        opened = self._positions.open(message)
        envelope, position = opened
        last = self._last[message.partition]
        with self.sources.hearing(message, envelope, position.time) as clock:
            arrived = arrival(message, self._now)
            found = self._positions.take(opened, arrived, last.get(position.unit))
            clock.not_newer += found.is_late
        last[position.unit] = found.last
        self._fixes.setdefault((found.fix.unit, found.fix.at), (found.fix, envelope.id))
        if found.moved is not None:
            self._moves.append(taken_in(found.moved, envelope, causation=envelope.id))

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write the tracks and who is in which fence."""
        await self.sources.write(conn, partition)
        taken, self._fixes = self._fixes, {}
        moves, self._moves = self._moves, []
        if taken:
            await intake.insert_tracks(conn, [taken[key][0] for key in sorted(taken)])
        begun = self._begun.pop(partition, None)
        if begun is None:
            return moves
        return moves + await self._fencing.write(conn, partition, begun, list(taken.values()))

    def is_due(self, partition: int, now: datetime | None) -> bool:
        """Whether there are visits to end, or a source's clock is to be written."""
        if self.sources.is_due(partition):
            return True
        return now is not None and self._fencing.is_due(partition, now)

    def tend(self, partition: int, offset: int, now: datetime | None) -> None:
        """End visits to fences that are over, by another city or by their time."""
        if now is not None and self._fencing.is_due(partition, now):
            self._begun[partition] = offset
            self._fencing.end_fences(partition, now)
