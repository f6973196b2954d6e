"""A small city's afternoon in a real ledger, and a dispatcher that answers commands."""

import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
from aiokafka import ConsumerRecord

from dispatch import Region
from infra.ledger import effects, intake
from infra.ledger.pool import connect, transaction
from infra.settings import Endpoints
from schemas import journal, topics, wire
from schemas.effects import IncidentWritten
from schemas.journal import EvidenceNoted
from tests.dispatch import dispatch_world as world
from tests.following import Take, following, make_topic

Apply = Callable[..., Awaitable[None]]
FIRST_COMMAND = 10_000
"""Journal offsets of what stood there before lie below it, those of the broker's log above."""


class Scene:
    """The region's core, and all it has decided so far."""

    def __init__(self, region: str, endpoints: Endpoints) -> None:
        self.region, self.endpoints = region, endpoints
        self.core = Region(region, world.routers)
        self.journal = world.Journal()
        self.journal.now = datetime.now(UTC) - timedelta(minutes=5)
        self.offset = 0
        self._turn = threading.Lock()
        self.numbers: list[str] = []
        self.ids: list[str] = []

    async def apply(self, *entries: journal.Entry, offset: int = 0) -> None:
        """Apply entries and write what follows, as the dispatcher does.

        The first one stands at this offset, or behind what was applied before; threads wait for
        one another.
        """
        async with self.applying() as apply:
            await apply(*entries, offset=offset)

    @contextlib.asynccontextmanager
    async def applying(self) -> AsyncIterator[Apply]:
        """Return what applies entries, over one connection."""
        conn = await connect(self.endpoints.worker_url)

        async def apply(*entries: journal.Entry, offset: int = 0) -> None:
            with self._turn:
                self.offset = max(self.offset, offset)
                for entry in entries:
                    await self._apply(conn, entry)

        try:
            yield apply
        finally:
            await conn.close()

    async def _apply(self, conn, entry: journal.Entry) -> None:
        entry = msgspec.structs.replace(entry, region=self.region)
        if isinstance(entry, journal.FleetChanged):
            units = [msgspec.structs.replace(u, region=self.region) for u in entry.units]
            entry = msgspec.structs.replace(entry, units=tuple(units))
        found = self.core.apply(entry, self.journal.now)
        self._note(found)
        async with transaction(conn) as tx:
            if isinstance(entry, EvidenceNoted):
                source = intake.Source("city.citizen.reports", 0, self.offset)
                await intake.insert_evidence(tx, self.region, [(entry.evidence, source)])
            tag = type(entry).__struct_config__.tag
            applied = effects.Applied(self.offset, entry.id, tag, self.journal.now, found)
            await effects.write_applied(tx, self.region, [applied], self.core.clock)
        self.offset += 1

    def _note(self, found) -> None:
        for effect in found:
            if isinstance(effect, IncidentWritten) and effect.incident.id not in self.ids:
                self.ids.append(effect.incident.id)
                self.numbers.append(effect.incident.number)

    async def play(self) -> None:
        """Let a fire, a crash and a lift happen; the fire's first unit arrives."""
        made = self.journal
        fire = made.evidence("fire", "P1", world.place(2, 2))
        await self.apply(made.policy(), made.fleet(), fire)
        made.wait(20)
        await self.apply(made.evidence("traffic_crash", "P3", world.place(6, 6)))
        unit = next(u for u in self.core.snapshot().units if u.incident == self.ids[0])
        made.wait(30)
        await self.apply(made.stamp(unit.id, "en_route"))
        made.wait(60)
        await self.apply(made.stamp(unit.id, "on_scene"))
        await self.apply(made.evidence("lift_entrapment", "P3", world.place(5, 1), confidence=0.3))
        self.unit = unit.id


@contextlib.contextmanager
def answering(scene: Scene) -> Iterator[None]:
    """Answer the region's commands on the broker's journal, on a thread of its own."""

    @contextlib.asynccontextmanager
    async def begin() -> AsyncIterator[Take]:
        async with scene.applying() as apply:

            async def take(record: ConsumerRecord) -> None:
                if record.key == scene.region.encode():
                    scene.journal.wait(1)
                    entry = wire.decode(record.value, journal.Entry)
                    await apply(entry, offset=FIRST_COMMAND + record.offset)

            yield take

    with following(scene.endpoints.bootstrap, (topics.JOURNAL,), begin):
        yield


async def make_journal(bootstrap: str) -> None:
    """Make the journal's topic, if it is not there."""
    await make_topic(bootstrap, topics.JOURNAL.name, topics.JOURNAL.partitions)
