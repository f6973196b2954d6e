"""Units' positions: every fix to the track and the fences, those that matter to the journal."""

from datetime import datetime

import asyncpg
import msgspec

from geo.city import CityData
from geo.crs import haversine_m
from infra.ledger import intake
from infra.ledger.intake import Fix
from infra.ledger.outbox import Message
from schemas import topics
from schemas.ids import derive
from schemas.inputs import UnitPosition
from schemas.journal import UnitMoved
from schemas.records import Point
from streams.dead_letters import Fault
from streams.errors import BadInput
from streams.fencing import Fencing
from streams.limits import IntakeSettings
from streams.messages import Received, to_journal
from streams.validate import Checker, open_message

_MAX_SPEED_MPS = 100.0
_FULL_CIRCLE = 360.0


class _Last(msgspec.Struct, frozen=True):
    """The position journaled last."""

    point: Point
    at: datetime


class PositionsIntake:
    """Handler of ``city.unit.positions``."""

    name = "intake_positions"
    topic = topics.POSITIONS
    bulk = True

    def __init__(self, city: CityData, limits: IntakeSettings) -> None:
        self._region = city.manifest.region
        self._units = frozenset(unit.id for unit in city.units)
        self._limits = limits
        self._checker = Checker(city, limits)
        self._last: dict[int, dict[str, _Last]] = {}
        self._fencing = Fencing(city, limits)
        self._fixes: dict[tuple[str, datetime], tuple[Fix, str]] = {}
        self._moves: list[Message] = []
        self._begun: dict[int, int] = {}  # where the batch begins, by partition

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over who is in which fence; each unit's next position is journaled again."""
        self._last[partition] = {}
        await self._fencing.load(conn, partition)

    def forget(self, partition: int) -> None:
        """Throw away what was not written."""
        self._last.pop(partition, None)
        self._fencing.forget(partition)
        self._begun.pop(partition, None)
        self._fixes.clear()
        self._moves.clear()

    def handle(self, message: Received) -> None:
        """Take in one fix."""
        self._begun.setdefault(message.partition, message.offset)
        envelope, fix = open_message(message, self.topic, UnitPosition)
        received = self._checker.received(message)
        check_unit(fix.unit, self._units)
        at = self._checker.time(fix.time, "time", received)
        point = self._checker.point(fix.location)
        _check_motion(fix)
        taken = Fix(
            fix.unit, at, point.lon, point.lat, point.accuracy_m, fix.speed_mps, fix.heading_deg
        )
        self._fixes.setdefault((fix.unit, at), (taken, envelope.id))
        last = self._last[message.partition]
        if not self._matters(last.get(fix.unit), point, at):
            return
        last[fix.unit] = _Last(point, at)
        self._moves.append(
            to_journal(
                UnitMoved(
                    id=derive(f"{envelope.source}\x1f{envelope.id}", "moved"),
                    region=self._region,
                    unit=fix.unit,
                    point=point,
                    time=at,
                    heading_deg=fix.heading_deg,
                ),
                causation=envelope.id,
            )
        )

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write the tracks and who is in which fence."""
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

    def _matters(self, last: _Last | None, point: Point, at: datetime) -> bool:
        if last is None:
            return True
        if at <= last.at:
            return False
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
