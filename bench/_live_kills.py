"""Gateway, worker and broker are killed while clients watch, which must show what the ledger has.

Everything is real: the processes are killed with SIGKILL, one after the other, while numbered
reports, positions and stamps go in. After quiet a checker that shares no code with the gateway
compares each client with the ledger.
"""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from atlas.city import CityData
from bench._live_client import Listener, differences
from console import secret
from console.access import Role
from infra.ledger import accounts
from infra.ledger.pool import connect, transaction
from infra.local import stack
from infra.local.state import Home, read_state
from infra.settings import Endpoints, Settings
from schemas import codes, topics, wire
from schemas.envelope import Envelope
from schemas.inputs import CitizenReport, Location, UnitPosition, UnitStatus
from schemas.topics import Topic

DEPARTMENT = "medical"
_QUIET_S = 120.0
_CODES = ("FIRE", "CRASH", "MEDICAL", "LIFT", "DISORDER")
_PER_S = 20.0


@dataclass
class Watched:
    """What was seen."""

    kills: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    faults: list[str] = field(default_factory=list)
    snapshots: int = 0
    resumed: int = 0
    events: int = 0


class Program:
    """A process of ours that can be killed and started again."""

    def __init__(
        self, name: str, arguments: list[str], folder: Path, settings: dict[str, str]
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "cli.main", *arguments]
        self._log, self._settings = folder / f"{name}.log", settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=os.environ | self._settings
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def revive(self) -> None:
        """Start it again if it has ended by itself, as a supervisor does."""
        if self._process is not None and self._process.poll() is not None:
            self.start()

    def tail(self) -> str:
        """Return the end of its log."""
        return self._log.read_text()[-2_000:]


async def watch(
    endpoints: Endpoints,
    settings: Settings,
    folder: Path,
    city: CityData,
    *,
    kills: int,
    group: str = "jingwei",
    seed: int = 1,
    between_s: tuple[float, float] = (1.5, 4.0),
) -> Watched:
    """Kill so many times, and say what was seen.

    Parameters
    ----------
    folder
        With the city in ``city``.
    between_s
        How long there is between two kills, at least and at most.
    """
    tokens = await make_tokens(endpoints, city.units[0].id)
    found, chance = Watched(), random.Random(seed)
    with held_port() as port:
        gateway = gateway_program(endpoints, folder, port)
        worker = worker_program(endpoints, folder, group)
        url = f"http://127.0.0.1:{port}/api/v1/stream"
        for program in (worker, gateway):
            program.start()
        roles = (Role.OPERATOR, Role.VIEWER, Role.SUPERVISOR, Role.DEPARTMENT, Role.RESPONDER)
        clients = {role: Listener(url, tokens[role]) for role in roles}
        try:
            for client in clients.values():
                client.start()
            async with sending(endpoints, city, seed) as count:
                for client in clients.values():
                    await client.until(lambda one: one.has("snapshot", 2), _QUIET_S)
                order = itertools.cycle((gateway, worker, None))
                for program in itertools.islice(order, kills):
                    await asyncio.sleep(chance.uniform(*between_s))
                    name = "broker" if program is None else program.name
                    found.kills[name] = found.kills.get(name, 0) + 1
                    await _kill(program, settings, list(clients.values()))
                await asyncio.sleep(between_s[0])
                found.sent = count()
            await settle(endpoints, group, worker)
            await _compare(endpoints, clients, city.units[0].id, found)
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"{error}\n{worker.tail()}\n{gateway.tail()}") from error
        finally:
            for client in clients.values():
                await client.stop()
            for program in (gateway, worker):
                program.kill()
    for client in clients.values():
        found.events += len(client.events)
        found.resumed += client.opened - 1
        found.snapshots += sum(
            name == "snapshot" and data["part"] == "begin" for name, data in client.events
        )
    return found


async def _kill(program: Program | None, settings: Settings, clients: list[Listener]) -> None:
    """Kill a process, the broker if it is None, and start it again."""
    if program is None:
        await asyncio.to_thread(kill_broker, settings)
        return
    before = [client.opened for client in clients]
    program.kill()
    program.start()
    if program.name == "gateway":  # one that has not begun cannot be killed
        for client, opened in zip(clients, before, strict=True):
            await client.until(lambda one, opened=opened: one.opened > opened, _QUIET_S)


async def _compare(
    endpoints: Endpoints, clients: dict[Role, Listener], unit: str, found: Watched
) -> None:
    """Compare each client with the ledger, for as long as changes may be on their way."""
    deadline = time.monotonic() + 30
    while True:
        faults = []
        for role, client in clients.items():
            if role in (Role.OPERATOR, Role.VIEWER, Role.SUPERVISOR):
                faults += [
                    f"{role}: {fault}"
                    for fault in await differences(client.shown, endpoints.database_url)
                ]
        faults += await _parts(endpoints, clients, unit)
        if not faults or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    found.faults += faults
    for role, client in clients.items():
        if role in (Role.OPERATOR, Role.VIEWER, Role.SUPERVISOR):
            found.faults += [f"{role}: {fault}" for fault in client.shown.faults]


async def _parts(endpoints: Endpoints, clients: dict[Role, Listener], unit: str) -> list[str]:
    """Compare what a department and a crew are shown."""
    own = [code for code, row in codes.categories().items() if DEPARTMENT in row.departments]
    conn = await asyncpg.connect(endpoints.database_url)
    try:
        of_department = await conn.fetch(
            "SELECT id, version FROM incident WHERE is_open AND category = ANY($1)", own
        )
        of_crew = await conn.fetch(
            "SELECT i.id, i.version FROM incident AS i JOIN assignment AS a "
            "ON a.incident_id = i.id WHERE a.ended IS NULL AND a.unit_id = $1",
            unit,
        )
    finally:
        await conn.close()
    faults = []
    for role, rows in ((Role.DEPARTMENT, of_department), (Role.RESPONDER, of_crew)):
        shown = {(i["id"], i["version"]) for i in clients[role].shown.incidents.values()}
        kept = {tuple(row) for row in rows}
        faults += [f"{role}: {fault}" for fault in sorted(map(str, shown ^ kept))]
    return faults


# -- processes -------------------------------------------------------------------------------


def environment(endpoints: Endpoints) -> dict[str, str]:
    """Return the settings by which our processes find broker, ledger and its key."""
    return {
        "JINGWEI_KAFKA_BOOTSTRAP": endpoints.bootstrap,
        "JINGWEI_KAFKA_IDEMPOTENT": str(endpoints.broker_idempotent),
        "JINGWEI_DATABASE_URL": endpoints.database_url,
        "JINGWEI_DATABASE_WORKER_URL": endpoints.worker_url,
        "JINGWEI_DATABASE_GATEWAY_URL": endpoints.gateway_url,
        "JINGWEI_KEY_FILE": str(endpoints.key_file),
    }


def worker_program(endpoints: Endpoints, folder: Path, group: str = "jingwei") -> Program:
    """Return a worker on the folder's city."""
    arguments = ["worker", "--city", str(folder / "city"), "--home", str(folder / "home")]
    arguments += ["--group", group, "--instance", "w1"]
    return Program("worker", arguments, folder, environment(endpoints))


def gateway_program(endpoints: Endpoints, folder: Path, port: int) -> Program:
    """Return a gateway on a port."""
    limits = {"JINGWEI_GATEWAY_STREAMS_PER_ACCOUNT": "5000", "JINGWEI_GATEWAY_STREAMS": "5000"}
    limits |= {"JINGWEI_GATEWAY_RATE": "0"}
    arguments = ["gateway", "--port", str(port), "--home", str(folder / "home")]
    return Program("gateway", arguments, folder, environment(endpoints) | limits)


def kill_broker(settings: Settings) -> None:
    """Kill the local broker and start it again where it was."""
    state = read_state(Home.at(settings.local.home))
    assert state is not None
    assert state.broker is not None
    os.kill(state.broker.process.pid, signal.SIGKILL)
    stack.up(settings, lambda line: print(line, file=sys.stderr))


@contextlib.contextmanager
def held_port() -> Iterator[int]:
    """Hold a port at which a program of ours is to listen, also while it is dead.

    No other program gets it then, nor does a client that comes back again and again connect to
    itself, as one may whose own port is the one that it asks for.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))  # and it never listens
        port: int = held.getsockname()[1]
        yield port


async def make_tokens(
    endpoints: Endpoints, unit: str, hashed: str = "no password"
) -> dict[Role, str]:
    """Make an account of each role, named as the role, with a token."""
    made = {role: secret.make_token() for role in Role}
    owner = await connect(endpoints.database_url)
    try:
        async with transaction(owner) as conn:
            for role, token in made.items():
                await accounts.add_account(
                    conn,
                    role.value,
                    role.value,
                    hashed,
                    department=DEPARTMENT if role is Role.DEPARTMENT else None,
                    unit=unit if role is Role.RESPONDER else None,
                )
                await accounts.add_token(
                    conn,
                    role.value,
                    token.prefix,
                    secret.digest(token.text),
                    role=role.value,
                    label="made",
                    days=1,
                )
    finally:
        await owner.close()
    return {role: token.text for role, token in made.items()}


# -- input -----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def sending(
    endpoints: Endpoints, city: CityData, seed: int, per_s: float = _PER_S
) -> AsyncIterator[Callable[[], int]]:
    """Send numbered reports, positions and stamps meanwhile; yield how many it were."""
    traffic = _Traffic(endpoints, city, seed)
    over = asyncio.Event()
    task = asyncio.create_task(traffic.run(over, per_s))
    try:
        yield lambda: traffic.count
    finally:
        over.set()
        await task


class _Traffic:
    def __init__(self, endpoints: Endpoints, city: CityData, seed: int) -> None:
        self._bootstrap, self._city = endpoints.bootstrap, city
        self._chance = random.Random(seed)
        self._name = f"live-{seed}-{time.time_ns()}"
        self.count = 0

    async def run(self, over: asyncio.Event, per_s: float) -> None:
        producer: AIOKafkaProducer | None = None
        while not over.is_set():
            topic, key, payload = self._next()
            name = f"{self._name}-{self.count}"
            headers = Envelope(id=name, source="urn:live", type=topic.type).headers()
            while True:  # one that may have been written is sent again: it is the same event
                try:
                    if producer is None:
                        producer = AIOKafkaProducer(
                            bootstrap_servers=self._bootstrap, request_timeout_ms=3_000
                        )
                        await producer.start()
                    await producer.send_and_wait(
                        topic.name, wire.encode(payload), key=key.encode(), headers=headers
                    )
                    break
                except (KafkaError, OSError):
                    if producer is not None:
                        await producer.stop()
                    producer = None
                    await asyncio.sleep(0.2)
            self.count += 1
            await asyncio.sleep(1 / per_s)
        if producer is not None:
            await producer.stop()

    def _next(self) -> tuple[Topic, str, object]:
        chance, now = self._chance, datetime.now(UTC)
        unit = chance.choice(self._city.units).id
        kind = chance.random()
        if kind < 0.25:
            name = f"{self._name}-{self.count}"
            report = CitizenReport(
                service_request_id=name,
                description=f"第 {self.count} 号",
                requested_datetime=now,
                service_code=chance.choice(_CODES),
                location=self._somewhere(),
            )
            return topics.REPORTS, name, report
        if kind < 0.7:
            return (
                topics.POSITIONS,
                unit,
                UnitPosition(unit=unit, location=self._somewhere(), time=now),
            )
        status = chance.choice(("en_route", "on_scene", "available"))
        return topics.UNIT_STATUS, unit, UnitStatus(unit=unit, status=status, time=now)

    def _somewhere(self) -> Location:
        west, south, east, north = self._city.manifest.bounds
        lon, lat = self._chance.uniform(west, east), self._chance.uniform(south, north)
        return Location(lon=lon, lat=lat, accuracy_m=5.0)


async def settle(endpoints: Endpoints, group: str, worker: Program) -> None:
    """Wait until the worker has read all there is and owes nothing, twice in a row.

    One that began while the broker was away has ended, and is started again.
    """
    names = [*topics.INPUTS, topics.JOURNAL]
    parts = [TopicPartition(t.name, number) for t in names for number in range(t.partitions)]
    ledger = await asyncpg.connect(endpoints.database_url)
    consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.bootstrap)
    await consumer.start()
    deadline, quiet = time.monotonic() + _QUIET_S, None
    try:
        while True:
            worker.revive()
            ends = await consumer.end_offsets(parts)
            rows = await ledger.fetch(
                "SELECT topic, partition, next_offset FROM consumed WHERE consumer_group = $1",
                group,
            )
            reached = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            owed = await ledger.fetchval("SELECT count(*) FROM outbox")
            behind = [part for part, end in ends.items() if reached.get(tuple(part), 0) < end]
            if not behind and not owed:
                if quiet == ends:
                    return
                quiet = ends
            else:
                quiet = None
            if time.monotonic() > deadline:
                raise TimeoutError(f"not quiet: behind in {behind}, owes {owed}")
            await asyncio.sleep(0.5)
    finally:
        await consumer.stop()
        await ledger.close()
