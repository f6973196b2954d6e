"""Units' positions: every fix to the track and the fences, those that matter to the journal."""

from datetime import datetime, timedelta

import asyncpg
import msgspec

from dispatch.set_back import Behind, behind
from geo.city import CityData
from geo.crs import haversine_m
from infra.ledger import intake
from infra.ledger.intake import Fix
from infra.ledger.outbox import Message
from infra.ledger.queries import list_units
from infra.ledger.sources import SourceClock
from schemas import topics
from schemas.envelope import Envelope
from schemas.ids import derive
from schemas.inputs import UnitPosition
from schemas.journal import UnitMoved
from schemas.records import Point
from streams.dead_letters import Fault
from streams.errors import BadInput
from streams.fencing import Fencing
from streams.limits import IntakeSettings
from streams.messages import Received, to_journal
from streams.sources import Sources
from streams.validate import Checker, Now, open_message, unknown

_MAX_SPEED_MPS = 100.0
_SET_BACK = timedelta(seconds=60)
"""Without a newer position for so long, an older time is the time of a clock that was set back."""
_FULL_CIRCLE = 360.0


class _Last(msgspec.Struct, frozen=True, kw_only=True):
    """The position journaled last.

    Attributes
    ----------
    point
        None after a start, when the next position is journaled wherever it is.
    at
        When it was, by the unit's clock as it goes now, and not after its arrival.
    told
        What the journal has as its time.
    behind
        The first of the positions heard last, while these are not newer than ``at``.
    """

    point: Point | None
    at: datetime
    told: datetime
    behind: Behind | None = None


class PositionsIntake:
    """Handler of ``city.unit.positions``."""

    name = "intake_positions"
    topic = topics.POSITIONS
    bulk = True

    def __init__(self, city: CityData, limits: IntakeSettings, now: Now = unknown) -> None:
        self._region = city.manifest.region
        self._units = frozenset(unit.id for unit in city.units)
        self._limits = limits
        self._checker = Checker(city, limits, now)
        self.sources = Sources(self.topic.name)
        self._last: dict[int, dict[str, _Last]] = {}
        self._fencing = Fencing(city, limits)
        self._fixes: dict[tuple[str, datetime], tuple[Fix, str]] = {}
        self._moves: list[Message] = []
        self._begun: dict[int, int] = {}  # where the batch begins, by partition

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over who is in which fence; each unit's next position is journaled again."""
        self._last[partition] = {
            unit.id: _Last(point=None, at=unit.position_at, told=unit.position_at)
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
        envelope, fix = open_message(message, self.topic, UnitPosition)
        with self.sources.hearing(message, envelope, fix.time) as clock:
            self._take(message, envelope, fix, clock)

    def _take(
        self, message: Received, envelope: Envelope, fix: UnitPosition, clock: SourceClock
    ) -> None:
        received = self._checker.received(message)
        check_unit(fix.unit, self._units)
        at = self._checker.time(fix.time, "time", received, envelope.source)
        point = self._checker.point(fix.location)
        _check_motion(fix)
        taken = Fix(
            fix.unit, at, point.lon, point.lat, point.accuracy_m, fix.speed_mps, fix.heading_deg
        )
        self._fixes.setdefault((fix.unit, at), (taken, envelope.id))
        time = self._time_to_tell(message.partition, fix.unit, point, at, received, clock)
        if time is None:
            return
        self._moves.append(
            to_journal(
                UnitMoved(
                    id=derive(f"{envelope.source}\x1f{envelope.id}", "moved"),
                    region=self._region,
                    unit=fix.unit,
                    point=point,
                    time=time,
                    heading_deg=fix.heading_deg,
                ),
                causation=envelope.id,
            )
        )

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

    def is_due(self, partition: int, now: datetime) -> bool:
        """Whether there are visits to end without a message."""
        return self._fencing.is_due(partition, now)

    def end_fences(self, partition: int, offset: int, now: datetime) -> None:
        """End visits to fences that are over; ``offset`` is the partition's next one."""
        self._begun[partition] = offset
        self._fencing.end_fences(partition, now)

    def _time_to_tell(  # noqa: PLR0917 - what a fix is
        self,
        partition: int,
        unit: str,
        point: Point,
        at: datetime,
        received: datetime,
        clock: SourceClock,
    ) -> datetime | None:
        """Return the time with which a position is journaled, None if it need not be.

        That is the unit's, as long as it goes on from what was told: of a clock that is ahead of
        the arrival, or was set back, it is the arrival. So no clock of a unit can freeze it.
        """
        last = self._last[partition].get(unit)
        at = min(at, received)
        if last is not None and at <= last.at:
            clock.not_newer += 1
            row = behind(last.behind, at, received)
            if not row.is_set_back(at, received, _SET_BACK):
                self._last[partition][unit] = msgspec.structs.replace(last, behind=row)
                return None
            last = msgspec.structs.replace(last, point=None)
        if last is not None and not self._matters(last, point, at):
            self._last[partition][unit] = msgspec.structs.replace(last, behind=None)
            return None
        told = at if last is None or at > last.told else max(received, last.told)
        self._last[partition][unit] = _Last(point=point, at=at, told=told)
        return told

    def _matters(self, last: _Last, point: Point, at: datetime) -> bool:
        if last.point is None:
            return True
        if (at - last.at).total_seconds() >= self._limits.move_s:
            return True
        moved = haversine_m(last.point.lon, last.point.lat, point.lon, point.lat)
        return moved >= self._limits.move_m


def check_unit(unit: str, known: frozenset[str]) -> None:
    """Refuse a unit that is not of the city's fleet."""
    if unit not in known:
        raise BadInput(Fault.UNKNOWN_UNIT, f"the fleet has no unit {unit[:60]!r}")


def _check_motion(fix: UnitPosition) -> None:
    if fix.speed_mps is not None and not 0.0 <= fix.speed_mps <= _MAX_SPEED_MPS:
        raise BadInput(Fault.RESULT, f"speed_mps {fix.speed_mps} is not 0 to {_MAX_SPEED_MPS:g}")
    if fix.heading_deg is not None and not 0.0 <= fix.heading_deg <= _FULL_CIRCLE:
        raise BadInput(Fault.RESULT, f"heading_deg {fix.heading_deg} is not 0 to 360")
