"""One worker: the real parts, put together as `streams.worker` does, on the simulated services."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from schemas import topics
from streams.app import _add_agent
from streams.backlog import Backlog
from streams.batch import Processor
from streams.caretaker import Caretaker
from streams.clock import BrokerClock
from streams.dispatcher import Dispatcher
from streams.logs import home_of
from streams.metrics import Metrics
from streams.producer import Producer
from streams.relay import Relay
from streams.ticks import Ticks
from streams.turns import Turns
from streams.watchdog import Watchdog
from tests.dispatch.dispatch_world import REGION, routers
from tests.simulation.broker import Broker
from tests.simulation.group import Consumer, Coordinator
from tests.simulation.inputs import Readings, Reports, Stamps
from tests.simulation.ledger import Pool, Server
from tests.simulation.loop import Loop, Owner

GROUP = "jingwei"
PARTITIONS = {
    topics.REPORTS.name: 2,
    topics.READINGS.name: 2,
    topics.UNIT_STATUS.name: 1,
    topics.JOURNAL.name: 2,
}
HOME = home_of(REGION, PARTITIONS[topics.JOURNAL.name])
_PATIENCE_S = 30.0


class Worker:
    """A worker's process. ``died`` is called where it ends by itself."""

    def __init__(
        self,
        owner: Owner,
        loop: Loop,
        server: Server,
        broker: Broker,
        group: Coordinator,
        *,
        idempotent: bool,
        died: Callable[[Owner, str], None],
    ) -> None:
        self.owner, self.loop, self.died = owner, loop, died
        self.ready = False
        self.pool: Any = Pool(server, owner)
        self._server, self._broker, self._group = server, broker, group
        self._idempotent = idempotent
        self.processors: list[Processor] = []
        loop.start(owner, self._run(), f"{owner.name} main")

    async def _run(self) -> None:
        clock = BrokerClock(lambda: self.loop.now)
        producer = Producer(self._broker, idempotent=self._idempotent, clock=clock)  # type: ignore[arg-type]
        try:
            await producer.start()
        except Exception as error:  # noqa: BLE001 - as the supervisor sees it
            self.died(self.owner, f"UNREACHABLE {error}")
            return
        relay, metrics = Relay(self.pool, producer), Metrics()
        dispatcher, turns = Dispatcher({REGION: HOME}, routers), Turns()

        def applied() -> int | None:
            return self.processors[-1].reached.get(HOME)

        backlog = Backlog(self.pool, producer, group=GROUP, home=HOME, applied=applied)
        loop = self.loop
        self.processors = [
            Processor(
                handler,
                group=GROUP,
                pool=self.pool,
                relay=relay,
                metrics=metrics,
                turns=turns,
                backlog=backlog,
            )
            for handler in (Reports(loop), Readings(loop), Stamps(loop), dispatcher)
        ]
        consumer = self.consumer = Consumer(self.owner, self._group, self.pool, GROUP)
        caretaker = Caretaker(
            self.processors,
            self.pool,
            assigned=lambda: set(consumer.assigned or ()),
            looked=consumer.looked,
            highwater=consumer.end,
            readable=consumer.end,
            committed=self._group.committed.get,
            look_s=5.0,
            clock=clock,
        )
        ticks = Ticks(dispatcher, producer, clock, REGION)
        await ticks.ask()
        watchdog = Watchdog(self.processors, caretaker.vitals, _PATIENCE_S)
        for name, run in (
            ("group", consumer.run()),
            ("fetch", consumer.fetch()),
            ("caretaker", caretaker.run()),
            ("vitals", caretaker.watch()),
            ("relay", relay.run()),
            ("ticks", ticks.run()),
            ("watchdog", self._watch(watchdog)),
            *self._agents(consumer),
        ):
            self._start(name, run)
        self.ready = True

    def _agents(self, consumer: Consumer) -> list[tuple[str, Any]]:
        """Return the agents of `streams.app`, on streams of ours instead of Faust's."""
        made: list[tuple[str, Any]] = []
        app = SimpleNamespace(
            topic=lambda name, **_: name,
            agent=lambda topic, name, **_: (
                lambda run: made.append((name, run(consumer.streams[topic])))
            ),
        )
        settings: Any = SimpleNamespace(batch_within_s=0.05, batch_size=10)
        for processor in self.processors:
            _add_agent(app, processor, settings)
        return made

    async def _watch(self, watchdog: Watchdog) -> None:
        last = self.loop.now
        while True:
            await asyncio.sleep(1.0)
            now = self.loop.now
            if now - last > 2.0:  # it was stopped itself
                watchdog._starved._lost.append((now, now - last))
            last = now
            fault = watchdog.look(now)
            if fault is not None:
                self.died(self.owner, f"STALLED {fault}")

    def _start(self, name: str, run: Any) -> None:
        task = self.loop.start(self.owner, run, f"{self.owner.name} {name}")
        task.add_done_callback(lambda task: self._ended(name, task))

    def _ended(self, name: str, task: asyncio.Task[Any]) -> None:
        if not self.owner.dead and not task.cancelled() and task.exception() is not None:
            self.died(self.owner, f"FAILED {name}: {task.exception()!r}")

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return self.ready and all(not one.pulse.busy and one._lanes.idle for one in self.processors)
