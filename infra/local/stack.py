"""Bringing the local stack up and down, and telling how it is.

These functions wait and run event loops of their own: call them from plain code, not from
a coroutine. Those with ``bound`` start processes that end with the calling thread.
"""

import asyncio
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.ledger.migrations import migrate
from infra.ledger.reporters import seal_clear_contacts
from infra.local import broker, embedded, gateway, jars, kafka, ports, postgres, process
from infra.local.errors import MissingPrerequisite, Unreachable
from infra.local.state import (
    BrokerKind,
    Home,
    Running,
    StackState,
    locked,
    read_state,
    write_state,
)
from infra.settings import Endpoints, Settings, resolve_endpoints

Report = Callable[[str], None]
"""Takes one line of progress."""

PartState = Literal["running", "external", "stopped", "silent"]


@dataclass(frozen=True)
class Part:
    """One part of the stack.

    Attributes
    ----------
    state
        ``running``, ``external`` (not ours, answering), ``stopped``, or ``silent`` (its
        process or address is there, but gives no answer).
    """

    name: str
    state: PartState
    address: str | None
    pid: int | None


@dataclass(frozen=True)
class Status:
    """The stack as it is now; ``endpoints`` is None unless broker and database answer."""

    home: Path
    broker_kind: BrokerKind
    database: str
    broker: Part
    postgres: Part
    gateway: Part
    endpoints: Endpoints | None


def up(settings: Settings, report: Report, *, bound: bool = False) -> Endpoints:
    """Bring up what is not running, migrate the database, and return where it all is.

    Parts that run and answer are kept; parts named by the settings are only checked.

    Parameters
    ----------
    bound
        The processes end when the calling thread does, however it ends (for tests).

    Raises
    ------
    LocalStackError
        If a part cannot be had; what was started before it stays up.
    """
    home = Home.at(settings.local.home)
    home.make()
    with locked(home, lambda: report("another `jingwei` is changing the stack: waiting for it")):
        state = read_state(home) or StackState()
        try:
            broker_answers = _up_broker(settings, home, state, report, bound=bound)
            try:  # PostgreSQL comes up while the broker does
                _up_postgres(settings, home, state, report, bound=bound)
            finally:
                broker_answers()
        finally:
            write_state(home, state)
    endpoints = resolve_endpoints(settings)
    with _timed(report, "ledger's migrations"):
        asyncio.run(migrate(endpoints.database_url))
    sealed = asyncio.run(seal_clear_contacts(endpoints.database_url, endpoints.key_file))
    if sealed:
        report(f"{sealed} reporters' contacts are sealed now; they were in clear")
    return endpoints


def down(settings: Settings, report: Report, *, wipe: bool = False) -> None:
    """Stop what this home runs; with ``wipe`` delete its data too.

    Raises
    ------
    StopFailed
        If a process does not end.
    """
    home = Home.at(settings.local.home)
    if not home.path.is_dir():
        report(f"nothing to stop: {home.path} does not exist")
        return
    with locked(home, lambda: report("another `jingwei` is changing the stack: waiting for it")):
        state = read_state(home) or StackState()
        _stop(home, state, report)
        if wipe:
            postgres.wipe(state)
            for folder in (home.kafka, home.logs, home.data, home.archive):
                shutil.rmtree(folder, ignore_errors=True)
            for file in (home.secret_file, home.state_file, home.lock_file):
                file.unlink(missing_ok=True)
            if settings.ledger.url is None:  # else a ledger is left that needs it
                home.key_file.unlink(missing_ok=True)
            report(f"data deleted: {home.path}")
    if wipe and not any(home.path.iterdir()):
        home.path.rmdir()


def status(settings: Settings) -> Status:
    """Ask each part for an answer, and tell how it is; starts and changes nothing."""
    home = Home.at(settings.local.home)
    state = read_state(home) or StackState()
    broker_part = _broker_part(settings, state)
    postgres_part = _postgres_part(settings, home, state)
    both = {broker_part.state, postgres_part.state}
    return Status(
        home=home.path,
        broker_kind=BrokerKind.EXTERNAL if settings.kafka.bootstrap else state.broker_kind,
        database=state.database,
        broker=broker_part,
        postgres=postgres_part,
        gateway=_gateway_part(settings, state),
        endpoints=resolve_endpoints(settings) if both <= {"running", "external"} else None,
    )


def _up_broker(
    settings: Settings, home: Home, state: StackState, report: Report, *, bound: bool
) -> Callable[[], None]:
    """Start the broker if it does not run; return what waits until it answers."""
    outside = settings.kafka.bootstrap
    if outside is not None:
        if not asyncio.run(broker.answers(outside)):
            raise Unreachable(
                f"no broker answers at {outside} (JINGWEI_KAFKA_BOOTSTRAP): start it, or unset "
                "the variable to use a local one"
            )
        report(f"broker: using {outside}")
        state.database = "jingwei"
        return _nothing
    if state.broker is not None and state.broker_alive():
        if asyncio.run(broker.answers(state.bootstrap())):
            report(f"{_broker_name(state)}: already running at {state.bootstrap()}")
            state.database = state.own_database()  # a start with an outside broker had another
            return _nothing
        process.stop(_broker_name(state), state.broker.process, signal.SIGTERM, timeout_s=10)
    how = process.Start(settings.local.kafka_port, settings.local.start_timeout_s, bound)
    try:
        java, folder = _kafka_parts(settings, report)
    except MissingPrerequisite as missing:
        report(f"no Apache Kafka ({missing}); using the embedded broker: {embedded.COST}")
        return _telling(report, embedded.NAME, embedded.start(home, state, how))
    waiting = kafka.start(home, state, java=java, jars=folder, how=how)
    return _telling(report, f"{kafka.NAME} {jars.KAFKA_VERSION}", waiting)


def _nothing() -> None:
    """Wait for nothing."""


def _telling(report: Report, what: str, waiting: Callable[[], None]) -> Callable[[], None]:
    """Return the same wait that reports how long it took from now."""
    begin = time.monotonic()

    def wait() -> None:
        waiting()
        report(f"{what}: {time.monotonic() - begin:.1f} s")

    return wait


def _kafka_parts(settings: Settings, report: Report) -> tuple[Path, Path]:
    if settings.local.maven == "off":
        raise MissingPrerequisite("JINGWEI_MAVEN=off")
    java = jars.find_java()
    return java, jars.fetch(settings.local.maven_timeout_s, report)


def _up_postgres(
    settings: Settings, home: Home, state: StackState, report: Report, *, bound: bool
) -> None:
    outside = settings.ledger.url
    if outside is not None:
        if not postgres.answers(outside.get_secret_value()):
            raise Unreachable(
                "the database of JINGWEI_DATABASE_URL does not answer: start it, or unset the "
                "variable to use a local one"
            )
        report("database: using JINGWEI_DATABASE_URL")
        return
    if state.postgres is not None and state.postgres_alive():
        if postgres.answers(postgres.superuser_url(home, state.postgres.port)):
            report(f"{postgres.NAME}: already running on port {state.postgres.port}")
            postgres.make_database(home, state.postgres.port, state.database)
            return
        postgres.stop(state.postgres)
    with _timed(report, postgres.NAME):
        how = process.Start(settings.local.postgres_port, settings.local.start_timeout_s, bound)
        port = postgres.start(home, state, how)
    with _timed(report, f"database {state.database}"):
        postgres.make_database(home, port, state.database)


def _stop(home: Home, state: StackState, report: Report) -> None:
    if state.broker is None and state.postgres is None and state.gateway is None:
        report("nothing is running")
    if state.gateway is not None:
        with _timed(report, f"{gateway.NAME} stopped"):
            gateway.stop(state)
        write_state(home, state)
    if state.broker is not None:
        # PostgreSQL is asked at the same time: both take their time to write things down.
        if state.postgres is not None:
            process.ask_to_stop(state.postgres.process, signal.SIGINT)
        with _timed(report, f"{_broker_name(state)} stopped"):
            process.stop(_broker_name(state), state.broker.process, signal.SIGTERM, timeout_s=20)
        state.broker = None
        write_state(home, state)
    if state.postgres is not None:
        with _timed(report, f"{postgres.NAME} stopped"):
            postgres.stop(state.postgres)
        state.postgres = None
        write_state(home, state)


def _broker_part(settings: Settings, state: StackState) -> Part:
    outside = settings.kafka.bootstrap
    if outside is not None:
        there = asyncio.run(broker.answers(outside))
        return Part("broker", "external" if there else "silent", outside, None)
    if state.broker is None or not state.broker_alive():
        return Part("broker", "stopped", None, None)
    there = asyncio.run(broker.answers(state.bootstrap()))
    return _ours("broker", state.broker, answering=there)


def _postgres_part(settings: Settings, home: Home, state: StackState) -> Part:
    if settings.ledger.url is not None:
        state_now = _external(settings.ledger.url.get_secret_value())
        return Part("database", state_now, "JINGWEI_DATABASE_URL", None)
    if state.postgres is None or not state.postgres_alive():
        return Part("database", "stopped", None, None)
    there = postgres.answers(postgres.superuser_url(home, state.postgres.port))
    return _ours("database", state.postgres, answering=there)


def _gateway_part(settings: Settings, state: StackState) -> Part:
    if state.gateway is None or not state.gateway_alive():
        return Part("gateway", "stopped", None, None)
    port, tls = state.gateway.port, settings.local.gateway_certificate is not None
    there = gateway.answers(port, tls=tls)
    pid = state.gateway.process.pid
    return Part("gateway", "running" if there else "silent", gateway.url(port, tls=tls), pid)


def _external(url: str) -> PartState:
    try:
        return "external" if postgres.answers(url) else "silent"
    except Unreachable:
        return "silent"


def _ours(name: str, running: Running, *, answering: bool) -> Part:
    address = f"{ports.LOOPBACK}:{running.port}"
    return Part(name, "running" if answering else "silent", address, running.process.pid)


def _broker_name(state: StackState) -> str:
    return embedded.NAME if state.broker_kind is BrokerKind.EMBEDDED else kafka.NAME


@contextmanager
def _timed(report: Report, what: str) -> Iterator[None]:
    """Report a step when it is done, with the time that it took."""
    begin = time.monotonic()
    yield
    report(f"{what}: {time.monotonic() - begin:.1f} s")
