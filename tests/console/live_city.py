"""A region's core whose effects go into the ledger and, when the test says so, onto the topics."""

import random

import msgspec
from aiokafka import AIOKafkaProducer

from dispatch import Region
from infra.ledger.outbox import Message
from infra.ledger.pool import connect
from infra.settings import Endpoints
from schemas import journal
from schemas.ids import derive
from streams.publish import publish
from tests.cli.scene import Scene
from tests.dispatch import dispatch_world as world

CATEGORIES = ("fire", "traffic_crash", "lift_entrapment", "medical", "flood", "gas_leak")


class _Journal(world.Journal):
    """Makes ids of its own: topics are shared with other tests."""

    def __init__(self, region: str) -> None:
        super().__init__()
        self._region = region

    def entry_id(self) -> str:
        self.count += 1
        return derive(self._region, str(self.count))


class LiveCity(Scene):
    """Plays a city; `owed` are messages that are committed and not published yet."""

    def __init__(self, region: str, endpoints: Endpoints, seed: int = 1) -> None:
        super().__init__(region, endpoints)
        now, self.journal = self.journal.now, _Journal(region)
        self.journal.now = now
        self.owed: list[Message] = []
        self._random = random.Random(seed)

    async def _apply(self, conn, entry: journal.Entry) -> None:
        before = self.offset
        self._effects: list = []
        await super()._apply(conn, entry)
        place = f"{self.region}/{before}"
        self.owed += publish(entry.id, self.journal.now, self._effects, place)

    def _note(self, found) -> None:
        super()._note(found)
        self._effects = found

    async def publish(self, *, again: int = 0) -> None:
        """Publish what is owed; the last ``again`` messages a second time, as after a crash."""
        owed, self.owed = self.owed, []
        producer = AIOKafkaProducer(bootstrap_servers=self.endpoints.bootstrap)
        await producer.start()
        try:
            for message in [*owed, *owed[len(owed) - again :]]:
                await producer.send(
                    message.topic, message.value, key=message.key, headers=message.headers
                )
        finally:
            await producer.stop()

    async def go_on(self, entries: int) -> None:
        """Let something happen: the same for the same seed."""
        conn = await connect(self.endpoints.worker_url)
        try:
            for _ in range(entries):
                self.journal.wait(self._random.choice((1, 5, 20, 90)))
                await self._apply(conn, self._something())
        finally:
            await conn.close()

    def _something(self) -> journal.Entry:
        pick, made, kind = self._random, self.journal, self._random.random()
        snapshot = self.core.snapshot()
        spot = world.place(pick.uniform(0, 7), pick.uniform(0, 7))
        open_ones = [one.id for one in snapshot.incidents if one.closed_at is None]
        unit = pick.choice(snapshot.units)
        if kind < 0.25 or not open_ones:
            return made.evidence(pick.choice(CATEGORIES), pick.choice(("P1", "P2", "P3")), spot)
        if kind < 0.5:
            return journal.UnitMoved(
                id=made.entry_id(), region="", unit=unit.id, point=spot, time=made.now
            )
        if kind < 0.7:
            state = pick.choice(("en_route", "on_scene", "available", "returning"))
            return made.stamp(unit.id, state)
        if kind < 0.75:
            return made.tick()
        action = pick.choice(
            (
                journal.Acknowledge(),
                journal.AddNote(text="看见了"),
                journal.Classify(category=pick.choice(CATEGORIES), reason="so"),
                journal.Classify(severity=pick.choice(("P1", "P4")), reason="so"),
                journal.Classify(point=spot, reason="so"),
                journal.Assign(),
                journal.Close(disposition="resolved", reason="so"),
                journal.Close(disposition="resolved", reason="so"),
                journal.Merge(into=pick.choice(open_ones), reason="so"),
            )
        )
        return made.command(pick.choice(open_ones), action)


def units_of(city: LiveCity) -> dict[str, msgspec.Struct]:
    """Return the core's units by id."""
    return {unit.id: unit for unit in city.core.snapshot().units}


__all__ = ["LiveCity", "Region", "units_of"]
