"""A small city's afternoon in a real ledger, and a dispatcher that answers commands."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from dispatch import Region
from infra.ledger import effects, intake
from infra.ledger.pool import connect, transaction
from infra.settings import Endpoints
from schemas import journal, topics, wire
from schemas.effects import IncidentWritten
from schemas.journal import EvidenceNoted
from tests.dispatch import dispatch_world as world
from tests.patience import patience

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
        with self._turn:
            self.offset = max(self.offset, offset)
            conn = await connect(self.endpoints.worker_url)
            try:
                for entry in entries:
                    await self._apply(conn, entry)
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
    ready, over = threading.Event(), threading.Event()
    fault: list[BaseException] = []

    async def run() -> None:
        await make_journal(scene.endpoints.bootstrap)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=scene.endpoints.bootstrap, enable_auto_commit=False
        )
        await consumer.start()
        try:
            parts = range(topics.JOURNAL.partitions)
            assigned = [TopicPartition(topics.JOURNAL.name, part) for part in parts]
            consumer.assign(assigned)
            await consumer.seek_to_end()
            for part in assigned:
                await consumer.position(part)
            ready.set()
            while not over.is_set():
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        if record.key == scene.region.encode():
                            entry = wire.decode(record.value, journal.Entry)
                            scene.journal.wait(1)
                            await scene.apply(entry, offset=FIRST_COMMAND + record.offset)
        finally:
            await consumer.stop()

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            fault.append(error)
        finally:
            ready.set()

    worker = threading.Thread(target=thread, daemon=True)
    worker.start()
    assert ready.wait(patience(30))
    try:
        yield
    finally:
        over.set()
        worker.join(30)
        if fault:
            raise fault[0]


async def make_journal(bootstrap: str) -> None:
    """Make the journal's topic, if it is not there."""
    await make_topic(bootstrap, topics.JOURNAL.name, topics.JOURNAL.partitions)


async def make_topic(bootstrap: str, name: str, partitions: int) -> None:
    """Make a topic, if it is not there."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if name not in await admin.list_topics():
            config = topics.JOURNAL.config()
            with contextlib.suppress(TopicAlreadyExistsError):
                await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
    finally:
        await admin.close()
