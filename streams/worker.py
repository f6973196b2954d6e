"""One worker process: from settings to a running app, and to an exit code.

``run_worker`` blocks until SIGTERM or SIGINT, or until something breaks; see `streams.exits`.
"""

import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from faust.types import TP

from atlas.city import CityData
from geo.errors import GeoError
from geo.routing.reference import Router
from infra import memory
from infra.archive.errors import ArchiveError
from infra.environment import load
from infra.ledger import check_schema, guard, open_pool, reading, snapshot
from infra.ledger.errors import LedgerError, LedgerUnavailable
from infra.ledger.reporters import open_vault
from infra.local.errors import InvalidSettings, LocalStackError
from infra.settings import Endpoints, Settings, resolve_endpoints
from infra.vault import Vault
from schemas import topics
from streams.absent import PREFIX, watch_absent
from streams.app import make_app
from streams.backlog import Backlog
from streams.batch import Processor
from streams.bootstrap import announce, prepare_ledger
from streams.caretaker import Caretaker
from streams.cities import Cities
from streams.clock import BrokerClock
from streams.dispatcher import Dispatcher
from streams.errors import BrokerMissing, CannotStart
from streams.exits import Exit
from streams.fence_changes import watch_fences, with_changed_fences
from streams.handed_on import hand_on
from streams.handlers import make_handlers
from streams.limits import IntakeSettings
from streams.logs import home_of, settle_logs, watch_logs
from streams.metrics import Metrics
from streams.producer import Producer
from streams.relay import Relay
from streams.ticks import Ticks
from streams.topics import check_reach, make_topics, partition_count
from streams.turns import Turns
from streams.unassigned import watch_unassigned
from streams.warmup import warm_up
from streams.watchdog import Part, Watchdog

log = logging.getLogger(__name__)

READY = "worker is ready"

_EXITS: dict[type[Exception], Exit] = {
    GeoError: Exit.USAGE,
    ArchiveError: Exit.USAGE,
    OSError: Exit.USAGE,
    InvalidSettings: Exit.USAGE,
    LocalStackError: Exit.UNREACHABLE,
    BrokerMissing: Exit.UNREACHABLE,
    LedgerUnavailable: Exit.UNREACHABLE,
    CannotStart: Exit.REFUSED,
    LedgerError: Exit.REFUSED,
}
"""What ends a start, and how; a derived error that is not listed has its nearest base's."""


def run_worker(
    settings: Settings,
    city: Path | None = None,
    *,
    region: str | None = None,
) -> Exit:
    """Run a worker until it is told to stop.

    Parameters
    ----------
    settings
        As `infra.settings.load_settings` gives them.
    city
        The folder of the city to serve; without it the one that the ledger's region is in.
    region
        Which region that is; needed when the ledger has several.

    Returns
    -------
    Exit
        Why it ended. A sentence that says so is in the log.
    """
    policy = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # Faust's thread makes its own loop
    try:
        endpoints = resolve_endpoints(settings)
        cities = Cities(endpoints, city, region)
        with asyncio.Runner() as runner:
            return runner.run(_Worker(settings, endpoints, cities).run())
    except tuple(_EXITS) as error:
        log.critical("the worker cannot start: %s", error)
        return next(_EXITS[base] for base in type(error).__mro__ if base in _EXITS)
    finally:
        asyncio.set_event_loop_policy(policy)


_BATCH_SLACK = 10_000


class _Worker:
    """The parts of a worker, started in order and stopped in reverse."""

    _files: CityData
    _city: CityData
    _vault: Vault

    def __init__(self, settings: Settings, endpoints: Endpoints, cities: Cities) -> None:
        self._settings = settings.worker
        self._pool_size = settings.ledger.pool_min, max(settings.ledger.pool_max, 8)
        self._endpoints = endpoints
        self._cities = cities
        self._limits = load(IntakeSettings)
        self._incarnations: dict[str, int] = {}
        self._clock = BrokerClock()
        self._name = _name()

    async def run(self) -> Exit:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        async with AsyncExitStack() as stack:
            minimum, maximum = self._pool_size
            pool = await open_pool(self._endpoints.worker_url, minimum, maximum, self._name)
            stack.push_async_callback(_close, pool)
            producer = Producer(
                self._endpoints.bootstrap,
                idempotent=self._endpoints.broker_idempotent,
                clock=self._clock,
            )
            await producer.start()
            stack.push_async_callback(producer.stop)
            await self._prepare(pool, producer)
            return await self._serve(stack, pool, producer, stopping)

    async def _prepare(self, pool: asyncpg.Pool, producer: Producer) -> None:
        """Make and check what must be there before the first message is read."""
        async with reading(pool) as conn:
            await check_schema(conn)
        self._vault = await open_vault(pool, self._endpoints.key_file)
        self._files = self._city = await self._cities.serve(pool)
        made = await make_topics(self._endpoints.bootstrap)
        if made:
            log.info("made %d topics", len(made))
        region = self._city.manifest.region
        self._incarnations = await settle_logs(pool, self._endpoints.bootstrap, region)
        async with reading(pool) as conn:
            guards = {
                (topic.name, partition): offset
                for topic in (*topics.INPUTS, topics.JOURNAL)
                for partition, offset in (
                    await guard.of_topic(conn, self._settings.group, topic.name)
                ).items()
            }
            applied = await snapshot.applied_offset(conn, region)
        # Also a new group's journal must not end before what the ledger has from another.
        home = topics.JOURNAL.name, await _journal_partition(self._endpoints.bootstrap, region)
        guards[home] = max(guards.get(home, 0), applied + 1)
        # The embedded broker tells where a topic's last batch begins, not where it ends.
        slack = 0 if self._endpoints.broker_idempotent else _BATCH_SLACK
        await check_reach(self._endpoints.bootstrap, guards, slack)
        await prepare_ledger(pool, self._files)
        self._city = await with_changed_fences(pool, self._files)
        await announce(pool, producer, self._city)

    async def _serve(
        self, stack: AsyncExitStack, pool: asyncpg.Pool, producer: Producer, stopping: asyncio.Event
    ) -> Exit:
        relay, metrics = Relay(pool, producer), Metrics()
        await hand_on(pool, self._endpoints.bootstrap, self._settings.group, relay)
        region = self._city.manifest.region
        home = await _journal_partition(self._endpoints.bootstrap, region)
        dispatcher, turns = Dispatcher({region: home}, self._routers()), Turns()

        def applied() -> int | None:
            mine = (one for one in processors if one.handler is dispatcher)
            return next(mine).reached.get(home)

        group = self._settings.group
        backlog = Backlog(pool, producer, group=group, home=home, applied=applied)
        handlers = make_handlers(self._city, self._limits, self._clock.now, dispatcher, self._vault)
        known = self._city.fences_changed
        processors = [
            Processor(
                handler,
                group=group,
                pool=pool,
                relay=relay,
                metrics=metrics,
                turns=turns,
                backlog=backlog,
                incarnation=self._incarnations[handler.topic.name],
            )
            for handler in handlers
        ]
        app = make_app(self._settings, self._endpoints, pool, processors, metrics, name=self._name)
        names = {processor.handler.topic.name for processor in processors}
        caretaker = Caretaker(
            processors,
            pool,
            assigned=lambda: {
                (tp.topic, tp.partition) for tp in _assignment(app) if tp.topic in names
            },
            looked=lambda part: app.consumer.looked(TP(*part)),
            highwater=lambda part: _of_assigned(app, part, app.consumer.highwater),
            readable=lambda part: _of_assigned(app, part, app.consumer.stable_end),
            committed=lambda part: app.monitor.tp_committed_offsets.get(TP(*part)),
            look_s=self._limits.silence_check_s,
            clock=self._clock,
        )
        ticks = Ticks(dispatcher, producer, self._clock, region)
        await ticks.ask()  # so that the broker's time is known when the first message is read
        stack.push_async_callback(relay.close)
        stack.push_async_callback(_send_last, processors)
        await app.start()
        stack.push_async_callback(app.stop)
        watchdog = Watchdog(processors, caretaker.vitals, self._settings.patience_s)
        failed: list[BaseException] = []
        bootstrap = self._endpoints.bootstrap
        for name, run in (
            ("caretaker", caretaker.run),
            ("vitals", caretaker.watch),
            ("relay", relay.run),
            ("ticks", ticks.run),
            ("logs", lambda: watch_logs(pool, bootstrap, region, self._incarnations)),
            ("unassigned", lambda: watch_unassigned(app.consumer)),
            ("fences", lambda: watch_fences(pool, self._files, handlers, known)),
            ("absent", lambda: watch_absent(pool, app.consumer, self._name)),
            ("metrics", metrics.run),
        ):
            stack.push_async_callback(_cancel, _start(name, run, stopping, failed))
        watchdog.start()
        stack.callback(watchdog.stop)
        log.info("%s: region %s, group %s", READY, region, self._settings.group)
        return await _until_stopped(app, stopping, failed)

    def _routers(self) -> Callable[[str], Router]:
        """Return routers for every city that the journal may name."""
        warm_up(self._city, self._cities.router(self._city.digest))
        memory.settle()
        return self._cities.router


async def _until_stopped(app: Any, stopping: asyncio.Event, failed: list[BaseException]) -> Exit:  # noqa: ANN401 - Faust has no types
    stop = asyncio.ensure_future(stopping.wait())
    crash = asyncio.ensure_future(app.wait_until_stopped())
    await asyncio.wait([stop, crash], return_when=asyncio.FIRST_COMPLETED)
    for task in (stop, crash):
        task.cancel()
    if failed or app.crashed or not stopping.is_set():
        log.critical("the worker has failed: %s", failed or app.crash_reason)
        return Exit.DEFECT
    log.info("stopping")
    return Exit.STOPPED


def _start(
    name: str,
    run: Callable[[], Coroutine[Any, Any, None]],
    stopping: asyncio.Event,
    failed: list[BaseException],
) -> asyncio.Task[None]:
    """Start a background task; if it ends by an error, the worker ends."""

    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s has failed", name, exc_info=error)
            failed.append(error)
            stopping.set()

    task = asyncio.create_task(run(), name=name)
    task.add_done_callback(done)
    return task


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _send_last(processors: Sequence[Processor]) -> None:
    await asyncio.gather(*(processor.close() for processor in processors))


def _name() -> str:
    """Return this process's name in the ledger and in Kafka; a restarted one has another."""
    return f"{PREFIX}{socket.gethostname()[:24]}/{os.getpid()}/{secrets.token_hex(4)}"


async def _close(pool: asyncpg.Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), 5.0)
    except TimeoutError:
        pool.terminate()


async def _journal_partition(bootstrap: str, region: str) -> int:
    """Return the partition in which a region's journal lies."""
    return home_of(region, await partition_count(bootstrap, topics.JOURNAL.name))


def _assignment(app: Any) -> set[TP]:  # noqa: ANN401 - Faust has no types
    return set() if app.rebalancing else set(app.consumer.assignment())


def _of_assigned(app: Any, part: Part, offset: Callable[[TP], int | None]) -> int | None:  # noqa: ANN401 - Faust has no types
    tp = TP(*part)
    return offset(tp) if app.consumer.is_assigned(tp) else None
