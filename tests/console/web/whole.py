"""A stage with all that a worker does: its city in the ledger, and stamps and streets taken in."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from console import secret
from infra.ledger import accounts, intake
from infra.ledger.city import store_streets
from infra.ledger.pool import connect, transaction
from infra.settings import Endpoints
from intake import BadInput, IntakeLimits, Stamps, Streets
from schemas import topics
from schemas.journal import Entry
from schemas.records import Unit
from streams.bootstrap import street_rows
from tests.console.town import settle_in, town
from tests.console.visitors import PASSWORD
from tests.console.web.stage import Stage
from tests.dispatch import dispatch_world as world
from tests.patience import patience

LonLat = tuple[float, float]
TAKEN = (topics.UNIT_STATUS, topics.STREETS)


class WholeStage(Stage):
    """What the gateway sends to the input topics stands in the journal a moment later."""

    def __init__(self, region: str, endpoints: Endpoints) -> None:
        super().__init__(region, endpoints)
        self._city = town(region)
        self._stamps = Stamps(self._city, IntakeLimits())
        self._streets = Streets(self._city)
        self._intake: asyncio.Task[None] | None = None
        self._hashed = secret.hash_password(PASSWORD)

    def close(self) -> None:
        """Stop; a fault of the work is raised here."""
        self._over = True
        if self._intake is not None:
            self._do(asyncio.wait_for(self._intake, patience(20)))
        super().close()

    def account(self, name: str, role: str, unit: str | None = None) -> None:
        """Make an account with the password of all."""
        self._do(self._account(name, role, unit))

    def until(self, is_so: Callable[[], object]) -> None:
        """Wait until something is so in the core."""
        deadline = time.monotonic() + patience(20)
        while not is_so():
            assert time.monotonic() < deadline, "nothing has come of it"
            time.sleep(0.02)

    def unit_at(self, incident: int = -1) -> Unit | None:
        """Return a unit that is assigned to an incident, the last one unless another is named."""
        found = self.ids[incident]
        return next((one for one in self.core.snapshot().units if one.incident == found), None)

    def driven(self, category: str) -> set[str]:
        """Return the arcs of the way that a unit is led to the open incident of a category."""
        way = self._way(category)
        return set() if way is None else {arc for pair in pairwise(way) for arc in _arcs(*pair)}

    def street_driven(self, category: str) -> tuple[LonLat, LonLat]:
        """Return both ends of a street in the middle of that way."""
        way = [spot for spot in self._way(category) or () if _node(spot) is not None]
        middle = (len(way) - 1) // 2
        return way[middle], way[middle + 1]

    def dead_letter(self) -> str:
        """Let a message be one that could not be used, and return its reason."""
        reason = f"no unit {uuid.uuid4().hex[:8]}"
        self._do(self._dead_letter(reason))
        return reason

    def _way(self, category: str) -> list[LonLat] | None:
        found = self.core.snapshot()
        of = {one.id for one in found.incidents if one.category == category}
        for one in found.assignments:
            if one.incident in of and one.ended is None and one.route is not None:
                return [(lon, lat) for lon, lat in one.route.coordinates]
        return None

    async def _dead_letter(self, reason: str) -> None:
        owner = await connect(self.endpoints.database_url)
        try:
            async with transaction(owner) as conn:
                await intake.insert_dead_letters(
                    conn,
                    [
                        intake.DeadLetter(
                            source=intake.Source(topics.UNIT_STATUS.name, 0, 7),
                            key=b"U99",
                            value=b"{}",
                            headers=[],
                            reason=reason,
                            error="unknown_unit",
                            agent="intake_status",
                            at=datetime.now(UTC),
                        )
                    ],
                )
        finally:
            await owner.close()

    async def _account(self, name: str, role: str, unit: str | None) -> None:
        owner = await connect(self.endpoints.database_url)
        try:
            async with transaction(owner) as conn:
                await accounts.add_account(conn, name, role, self._hashed, unit=unit)
        finally:
            await owner.close()

    async def _open(self) -> None:
        await settle_in(self)
        worker = await connect(self.endpoints.worker_url)
        try:
            async with transaction(worker) as conn:
                await store_streets(conn, self._city.digest, street_rows(self._city.streets))
        finally:
            await worker.close()
        await super()._open()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.endpoints.bootstrap, enable_auto_commit=False
        )
        await consumer.start()
        parts = [TopicPartition(one.name, part) for one in TAKEN for part in range(one.partitions)]
        consumer.assign(parts)
        await consumer.seek_to_end()
        for part in parts:
            await consumer.position(part)
        self._intake = asyncio.ensure_future(self._take_in(consumer))

    async def _take_in(self, consumer: AIOKafkaConsumer) -> None:
        try:
            while not self._over:
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        self.journal.now = max(self.journal.now, datetime.now(UTC))
                        with contextlib.suppress(BadInput):
                            await self._tell((self._entry_of(record),))
        finally:
            await consumer.stop()

    def _entry_of(self, record: ConsumerRecord) -> Entry:
        if record.topic == topics.STREETS.name:
            return self._streets.take(self._streets.open(record))
        return self._stamps.take(self._stamps.open(record), datetime.now(UTC))


def _node(spot: LonLat) -> int | None:
    """Return the crossing of the made world at a place, None if there is none."""
    column, row = (spot[0] - world.LON) / world.STEP, (spot[1] - world.LAT) / world.STEP
    near = abs(column - round(column)) < 0.01 and abs(row - round(row)) < 0.01
    return round(column) * world.SIZE + round(row) if near else None


def _arcs(one: LonLat, other: LonLat) -> set[str]:
    tail, head = _node(one), _node(other)
    return set() if tail is None or head is None else {f"{tail}-{head}-0"}
