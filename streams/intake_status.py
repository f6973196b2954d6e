"""Units' status stamps: validated and journaled."""

import asyncpg

from geo.city import CityData
from infra.ledger.outbox import Message
from schemas import codes, topics
from schemas.errors import UnknownCode
from schemas.ids import derive
from schemas.inputs import UnitStatus
from schemas.journal import UnitStamped
from streams.dead_letters import Fault
from streams.errors import BadInput
from streams.intake_positions import check_unit
from streams.limits import IntakeSettings
from streams.messages import Received, to_journal
from streams.validate import Checker, check_id, check_text, open_message

_MAX_REASON = 1_000


class StatusIntake:
    """Handler of ``city.unit.status``. The core decides whether a stamp fits."""

    name = "intake_status"
    topic = topics.UNIT_STATUS
    bulk = False

    def __init__(self, city: CityData, limits: IntakeSettings) -> None:
        self._region = city.manifest.region
        self._units = frozenset(unit.id for unit in city.units)
        self._checker = Checker(city, limits)
        self._stamps: list[Message] = []

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Load nothing."""

    def forget(self, partition: int) -> None:  # noqa: ARG002 - all drafts go
        """Throw away what was not written."""
        self._stamps.clear()

    def handle(self, message: Received) -> None:
        """Take in one stamp; a tombstone of a unit says nothing of what it does."""
        if message.value is None:
            return
        envelope, stamp = open_message(message, self.topic, UnitStatus)
        received = self._checker.received(message)
        check_unit(stamp.unit, self._units)
        check_id(stamp.by, "by")
        if stamp.incident is not None:
            check_id(stamp.incident, "incident")
        try:
            codes.unit_state(stamp.status)
        except UnknownCode as error:
            raise BadInput(Fault.UNKNOWN_CODE, str(error)) from error
        entry = UnitStamped(
            id=derive(f"{envelope.source}\x1f{envelope.id}", "stamp"),
            region=self._region,
            unit=stamp.unit,
            status=stamp.status,
            time=self._checker.time(stamp.time, "time", received),
            by=stamp.by,
            incident=stamp.incident,
            reason=None
            if stamp.reason is None
            else check_text(stamp.reason, "reason", _MAX_REASON),
        )
        self._stamps.append(to_journal(entry, correlation=stamp.incident, causation=envelope.id))

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:  # noqa: ARG002 - nothing but the journal
        """Return the entries."""
        stamps, self._stamps = self._stamps, []
        return stamps
