"""Units' status stamps: validated and journaled."""

import asyncpg

from geo.city import CityData
from infra.ledger.outbox import Message
from schemas import codes, topics
from schemas.envelope import Envelope
from schemas.errors import UnknownCode
from schemas.ids import derive
from schemas.inputs import UnitStatus
from schemas.journal import UnitStamped
from streams.dead_letters import Fault
from streams.errors import BadInput
from streams.intake_positions import check_unit
from streams.limits import IntakeSettings
from streams.messages import Received, to_journal
from streams.sources import Sources
from streams.validate import Checker, Now, check_id, check_text, open_message, unknown

_MAX_REASON = 1_000


class StatusIntake:
    """Handler of ``city.unit.status``. The core decides whether a stamp fits."""

    name = "intake_status"
    topic = topics.UNIT_STATUS
    bulk = False

    def __init__(self, city: CityData, limits: IntakeSettings, now: Now = unknown) -> None:
        self._region = city.manifest.region
        self._units = frozenset(unit.id for unit in city.units)
        self._checker = Checker(city, limits, now)
        self.sources = Sources(self.topic.name)
        self._stamps: list[Message] = []

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over what is known of the sources' clocks."""
        await self.sources.load(conn, partition)

    def forget(self, partition: int) -> None:
        """Throw away what was not written, of all partitions."""
        self.sources.forget(partition)
        self._stamps.clear()

    def handle(self, message: Received) -> None:
        """Take in one stamp; a tombstone of a unit says nothing of what it does."""
        if message.value is None:
            return
        envelope, stamp = open_message(message, self.topic, UnitStatus)
        with self.sources.hearing(message, envelope, stamp.time):
            self._take(message, envelope, stamp)

    def _take(self, message: Received, envelope: Envelope, stamp: UnitStatus) -> None:
        received = self._checker.received(message)
        check_unit(stamp.unit, self._units)
        check_id(stamp.by, "by")
        if stamp.incident is not None:
            check_id(stamp.incident, "incident")
        try:
            codes.unit_state(stamp.status)
        except UnknownCode as error:
            raise BadInput(Fault.UNKNOWN_CODE, str(error)) from error
        time, doubt = self._checker.time_or_arrival(stamp.time, "time", received)
        said = None if stamp.reason is None else check_text(stamp.reason, "reason", _MAX_REASON)
        entry = UnitStamped(
            id=derive(f"{envelope.source}\x1f{envelope.id}", "stamp"),
            region=self._region,
            unit=stamp.unit,
            status=stamp.status,
            time=time,
            by=stamp.by,
            incident=stamp.incident,
            reason=said if doubt is None else "; ".join(filter(None, (said, doubt))),
        )
        self._stamps.append(to_journal(entry, correlation=stamp.incident, causation=envelope.id))

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Return the entries."""
        await self.sources.write(conn, partition)
        stamps, self._stamps = self._stamps, []
        return stamps
