"""A city whose core works on the broker's journal, so that a page sees and changes it live."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition

from bench._live_client import OVER
from infra.ledger.pool import connect
from infra.settings import Endpoints
from intake import BadInput, IntakeLimits, Reports, noted
from schemas import journal, topics, wire
from schemas.records import Where
from tests.cli.scene import FIRST_COMMAND
from tests.console.live_city import LiveCity
from tests.console.town import settle_in
from tests.dispatch import dispatch_world as world
from tests.following import at_the_end
from tests.patience import patience

TEXTS = {
    "fire": "楼道里全是烟，三楼还有老人没下来",
    "medical": "老人倒在地上没有反应",
    "traffic_crash": "两辆车追尾，有人受伤",
    "lift_entrapment": "电梯停在六楼，里面有人",
    "flood": "地下车库进水，水已经到膝盖",
    "gas_leak": "走廊里闻到很浓的煤气味",
}
STREETS = ("南京西路", "成都北路", "石门二路", "北京西路", "愚园路", "万航渡路", "康定路", "新闸路")


class Stage(LiveCity):
    """Applies the journal, takes reports in, publishes what follows, on a thread of its own."""

    def __init__(self, region: str, endpoints: Endpoints) -> None:
        super().__init__(region, endpoints)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._work: asyncio.Task[None] | None = None
        self._over = False
        self._told: set[str] = set()

    def open(self) -> None:
        """Begin with the policy and the fleet."""
        self._do(self._open())

    def close(self) -> None:
        """Stop; a fault of the work is raised here."""
        self._over = True
        try:
            if self._work is not None:
                self._do(asyncio.wait_for(self._work, patience(20)))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(patience(20))
            self._loop.close()

    def happen(
        self,
        category: str,
        severity: str,
        column: float,
        row: float,
        confidence: float = 0.3,
    ) -> None:
        """Let somebody report something; with little confidence nobody is sent by itself."""
        self.happen_all([(category, severity, column, row)], confidence)

    def happen_all(
        self, events: list[tuple[str, str, float, float]], confidence: float = 0.3
    ) -> None:
        """Let several things be reported at once."""
        told = []
        for category, severity, column, row in events:
            noted = self.journal.evidence(
                category, severity, world.place(column, row), confidence=confidence
            )
            street = STREETS[(int(column) + int(row)) % len(STREETS)]
            house = 100 + int(column * 97 + row * 13)
            evidence = msgspec.structs.replace(
                noted.evidence,
                text=TEXTS.get(category, "请派人来看一下"),
                where=Where(district="d1", subdistrict="s1", address=f"{street}{house}号"),
            )
            told.append(msgspec.structs.replace(noted, evidence=evidence))
        self.tell(*told)

    def tell(self, *entries: journal.Entry) -> None:
        """Put entries into the journal, and wait until what follows is on its way to the pages."""
        self._do(self._tell(entries))

    def clear(self) -> None:
        """Let all that is open be over and every unit be free: a test begins with an empty list."""
        self._do(self._clear())

    @property
    def many(self) -> int:
        """How many incidents are open, and so shown."""
        return len(self._open_ones())

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(patience(40))

    async def _open(self) -> None:
        self._reports = Reports(await settle_in(self), IntakeLimits(), b"secret")
        await self.apply(self.journal.policy(), self.journal.fleet())
        await self.publish()
        ready = asyncio.Event()
        self._work = asyncio.create_task(self._follow(ready))
        begun = asyncio.create_task(ready.wait())
        await asyncio.wait({self._work, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()

    async def _follow(self, ready: asyncio.Event) -> None:
        async with (
            at_the_end(self.endpoints.bootstrap, (topics.JOURNAL, topics.REPORTS)) as consumer,
            self.applying() as apply,
        ):
            parts = consumer.assignment()
            await self._note_read({part: await consumer.position(part) for part in parts})
            ready.set()
            while not self._over:
                batch = await consumer.getmany(timeout_ms=50)
                taken = []
                for record in itertools.chain(*batch.values()):
                    if (entry := self._entry(record)) is not None:
                        await apply(entry)
                        taken.append(entry.id)
                if batch:
                    await self._note_read({p: found[-1].offset + 1 for p, found in batch.items()})
                if self.owed:
                    await self.publish()
                self._told.update(taken)

    def _entry(self, record: ConsumerRecord) -> journal.Entry | None:
        """Return what a message is, or becomes, in the journal of this city."""
        if record.topic == topics.REPORTS.name:
            self.journal.now = max(self.journal.now, datetime.now(UTC))
            with contextlib.suppress(BadInput):
                taken = self._reports.take(self._reports.open(record), self.journal.now)
                return noted(taken.evidence, self.region)
            return None
        if record.key != self.region.encode():
            return None
        self.journal.wait(0.1)
        self.offset = FIRST_COMMAND + record.offset
        return wire.decode(record.value, journal.Entry)

    async def _note_read(self, places: dict[TopicPartition, int]) -> None:
        """Say in the ledger how far the topics were read, or the core would seem to be late."""
        conn = await connect(self.endpoints.database_url)
        try:
            await conn.executemany(
                "INSERT INTO consumed (consumer_group, topic, partition, next_offset) "
                "VALUES ('stage', $1, $2, $3) "
                "ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET next_offset = $3",
                [(part.topic, part.partition, offset) for part, offset in places.items()],
            )
        finally:
            await conn.close()

    async def _tell(self, entries: tuple[journal.Entry, ...]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.endpoints.bootstrap)
        await producer.start()
        try:
            for entry in entries:
                here = msgspec.structs.replace(entry, region=self.region)
                await producer.send(
                    topics.JOURNAL.name, wire.encode(here), key=self.region.encode()
                )
        finally:
            await producer.stop()
        wanted = {entry.id for entry in entries}
        while not wanted <= self._told:
            if self._work is not None and self._work.done():
                self._work.result()
            await asyncio.sleep(0.01)

    async def _clear(self) -> None:
        made, units, entries = self.journal, self.core.snapshot().units, []
        for incident in self._open_ones():
            sent = tuple(unit.id for unit in units if unit.incident == incident)
            if sent:
                entries.append(made.command(incident, journal.Unassign(units=sent, reason="over")))
            over = journal.Close(disposition="resolved", reason="over")
            entries.append(made.command(incident, over))
        entries += [made.stamp(one.id, "available") for one in units if one.state != "available"]
        if entries:
            await self._tell(tuple(entries))

    def _open_ones(self) -> list[str]:
        return [one.id for one in self.core.snapshot().incidents if one.state not in OVER]
