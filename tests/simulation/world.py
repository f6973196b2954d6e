"""One run, all of it from one seed: inputs, faults, quiet, and what the checker says."""

import gc
import hashlib
import json
import logging
import sys
import uuid
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from importlib import import_module
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from infra.ledger import snapshot
from infra.ledger.outbox import Message
from schemas import journal, topics
from schemas.ids import derive
from schemas.snapshot import Snapshot
from streams import exits
from streams.messages import to_journal
from tests.dispatch.dispatch_world import REGION, fleet
from tests.simulation.broker import EPOCH_MS, Broker, Client, Part
from tests.simulation.checker import FreshCore, check
from tests.simulation.group import Coordinator
from tests.simulation.ledger import Server
from tests.simulation.loop import OWNER, Loop, Owner
from tests.simulation.worker import GROUP, HOME, PARTITIONS, Worker

_BUSY_S = 20.0
"""Inputs and faults come within this time."""
_LIMIT_S = 300.0
"""By then all must be at rest."""
_TIMED = ("batch", "transactions", "caretaker", "pulse", "producer", "watchdog")
UNITS = fleet()[:6]
_EXPECTED = "It is set aside if it fails again after a restart"


class Died(BaseException):
    """The process has ended at this point."""


class Told(NamedTuple):
    """What is left of a run: what happened, with its time, and what is against the rules."""

    seed: int
    trace: list[str]
    wrong: list[str]

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


class World:
    """One run.

    Attributes
    ----------
    trace : list of str
        What happened, with its time: the same for the same seed.
    wrong : list of str
        What is against the rules.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = chance = Random(seed)
        self.trace: list[str] = []
        self.wrong: list[str] = []
        self.loop = Loop(chance, shuffles=chance.random() < 0.7)
        self.server = Server(self.loop, chance, self.note)
        outputs = (topics.INCIDENTS, topics.DISPATCHES, topics.ALERTS, topics.UNITS)
        letters = {f"dlq.{name}": 1 for name in PARTITIONS}
        partitions = PARTITIONS | {topic.name: 2 for topic in outputs} | letters
        self.broker = Broker(self.loop, chance, self.note, partitions)
        self.group = Coordinator(self.loop, self.broker, list(PARTITIONS), chance)
        self.group.on_ack = self._acked
        self.workers: dict[str, Worker] = {}
        self._starts: dict[str, int] = {}
        self._done = False
        self._idempotent = chance.random() < 0.7
        self._core = FreshCore(self.broker, HOME)

    def note(self, text: str) -> None:
        self.trace.append(f"{self.loop.now:9.4f} {text}")

    def run(self, stack: ExitStack) -> Told:
        """Run to rest; return what happened, and forget the run itself."""
        self._put_in_place(stack)
        self._begin()
        self.loop.run(lambda: self._done, _LIMIT_S)
        if not self._done:
            self.wrong.append(f"not at rest after {_LIMIT_S:.0f} s: {self._unrest()}")
        self.wrong += [one for one in self.loop.errors if one.startswith("Exception in")]
        self.wrong += check(self.server, self.broker, self._core, GROUP)
        told = Told(self.seed, self.trace, self.wrong)
        self.close()
        return told

    # What happens.

    def _begin(self) -> None:
        chance = self.chance
        for part in (
            journal.PolicyChanged(id=derive("sim", "policy"), region=REGION, policy=_policy()),
            journal.FleetChanged(
                id=derive("sim", "fleet"), region=REGION, city="grid", units=UNITS
            ),
        ):
            self._send(HOME, to_journal(part))
        for number in range(1 + chance.randrange(3)):
            self._start_worker(f"w{number}")
        self._plan_inputs()
        self._plan_faults()
        self.loop.outside(_BUSY_S, self._calm)

    def _send(self, partition: int, message: Message) -> None:
        self.broker.append(
            (message.topic, partition), [(message.key, message.value, message.headers)]
        )

    def _plan_inputs(self) -> None:
        chance, count = self.chance, 8 + self.chance.randrange(30)
        cursed = chance.randrange(count) if chance.random() < 0.2 else -1
        burst, reports = chance.random() < 0.4, chance.choice((0.3, 0.3, 0.9))
        for number in range(count):
            kind = "cursed" if number == cursed else "bad" if chance.random() < 0.08 else "good"
            said: dict[str, Any] = {"id": f"m{number}", "kind": kind}
            if chance.random() < 0.02:
                said["slow"] = chance.random() * 3
            draw = chance.random()
            if draw < reports:
                topic = topics.REPORTS.name
                said |= {"x": chance.randrange(4), "y": chance.randrange(4)}
                if chance.random() < 0.25:
                    said["urgent"] = True
            elif draw < 1 - (1 - reports) / 3:
                topic = topics.READINGS.name
                said |= {"sensor": f"s{chance.randrange(4)}"}
                said |= {"x": chance.randrange(4), "y": chance.randrange(4)}
            else:
                topic = topics.UNIT_STATUS.name
                unit = chance.choice(UNITS).id
                said |= {"unit": unit, "status": chance.choice(("en_route", "on_scene", "clear"))}
            key = str(said.get("sensor", said["id"]))
            partition = sum(key.encode()) % PARTITIONS[topic]
            at = 3.0 + chance.random() * (2.0 if burst else _BUSY_S - 5)
            value = json.dumps(said).encode()
            self.loop.outside(
                at, self.broker.append, (topic, partition), [(key.encode(), value, [])]
            )

    def _plan_faults(self) -> None:
        chance = self.chance
        ledger, broker = self.server.faults, self.broker.faults
        for faults, names, most in (
            (ledger, ("cut_before", "cut_after", "stall"), 0.03),
            (broker, ("refused", "unanswered", "doubled", "stall"), 0.12),
        ):
            for name in names:
                if chance.random() < 0.5:
                    setattr(faults, name, chance.random() * most)
        for act, most in (
            (self._kill, 4),
            (self._stop, 3),
            (self._rebalance, 3),
            (self.server.cut_all, 2),
            (self._ledger_away, 2),
            (self._broker_away, 2),
        ):
            for _ in range(chance.randrange(most + 1)):
                self.loop.outside(2.0 + chance.random() * (_BUSY_S - 3), act)

    def _start_worker(self, name: str) -> None:
        count = self._starts[name] = self._starts.get(name, 0) + 1
        owner = Owner(f"{name}.{count}")
        self.note(f"start {owner.name}")
        self.workers[name] = Worker(
            owner,
            self.loop,
            self.server,
            self.broker,
            self.group,
            idempotent=self._idempotent,
            died=self._died,
        )

    def _any(self) -> Worker | None:
        living = [one for _, one in sorted(self.workers.items()) if not one.owner.dead]
        return self.chance.choice(living) if living else None

    def _kill(self) -> None:
        worker = self._any()
        if worker is not None:
            self._in_mid_transaction(worker.owner, self._kill_now)

    def _kill_now(self, owner: Owner) -> None:
        if not owner.dead:
            self.note(f"kill {owner.name}")
            self._end(owner)

    def _in_mid_transaction(self, owner: Owner, act: Callable[[Owner], None]) -> None:
        """Do something to a worker now, or, as often, when it is next in a transaction."""
        looks = 500 if self.chance.random() < 0.5 else 0

        def look(left: int) -> None:
            inside = any(one.begun and one.owner is owner for one in self.server.sessions)
            if inside or not left:
                act(owner)
            else:
                self.loop.outside(0.004, look, left - 1)

        look(looks)

    def _end(self, owner: Owner) -> None:
        owner.dead = True
        for session in [one for one in self.server.sessions if one.owner is owner]:
            session.client_died()
        name = owner.name.partition(".")[0]
        self.loop.outside(0.3 + self.chance.random() * 3, self._start_worker, name)

    def _died(self, owner: Owner, why: str) -> None:
        """A worker has ended by itself."""
        if owner.dead:
            return
        self.note(f"{owner.name} ends: {why}")
        if _EXPECTED not in why and not why.startswith("UNREACHABLE"):
            self.wrong.append(f"{owner.name} ended by itself: {why}")
        self._end(owner)

    def _stop(self) -> None:
        worker = self._any()
        if worker is not None:
            self._in_mid_transaction(worker.owner, self._stop_now)

    def _stop_now(self, owner: Owner) -> None:
        if not owner.dead and not owner.stopped:
            seconds = 0.5 + self.chance.random() * 14
            self.note(f"stop {owner.name} for {seconds:.1f} s")
            owner.stopped = True
            self.loop.outside(seconds, self.loop.resume, owner)

    def _rebalance(self) -> None:
        self.note("rebalance")
        self.group.rebalance()

    def _ledger_away(self) -> None:
        self.note("ledger away")
        self.server.down = True
        self.server.cut_all()
        self.loop.outside(0.2 + self.chance.random() * 4, setattr, self.server, "down", False)

    def _broker_away(self) -> None:
        self.note("broker away")
        self.broker.down = True
        self.loop.outside(0.2 + self.chance.random() * 4, setattr, self.broker, "down", False)

    def _calm(self) -> None:
        self.note("calm")
        self.server.faults.__dict__.clear()
        self.broker.faults.__dict__.clear()
        self._look()

    def _look(self) -> None:
        self._done = not self._unrest()
        if not self._done:
            self.loop.outside(0.5, self._look)

    def _unrest(self) -> list[str]:
        guards = self.server.table("consumed")
        return [
            *(
                f"{topic}/{partition}"
                for (topic, partition), log in self.broker.logs.items()
                if topic in PARTITIONS and guards.get((GROUP, topic, partition), (0,))[0] < len(log)
            ),
            *(f"outbox {number}" for number in self.server.table("outbox")),
            *(
                name
                for name, one in self.workers.items()
                if one.owner.dead or one.owner.stopped or not one.idle
            ),
        ]

    def _acked(self, part: Part, offset: int) -> None:
        guard = self.server.table("consumed").get((GROUP, *part), (0,))[0]
        if guard <= offset:
            self.wrong.append(f"{part[0]}/{part[1]}/{offset} was acknowledged at guard {guard}")

    # What stands in for the world outside of Python.

    def _put_in_place(self, stack: ExitStack) -> None:
        """Put clocks, chance, the end of a process and Kafka's client in the place of the real."""
        loop, last = self.loop, [""]
        clock = SimpleNamespace(
            monotonic=lambda: loop.now, perf_counter=lambda: loop.now, time=lambda: loop.now
        )

        def told(text: str, *args: object) -> None:
            last[0] = text % args if args else text

        def leave(code: int) -> None:
            owner = OWNER.get()
            if owner is not None and not owner.dead:
                self._died(owner, f"{exits.Exit(code).name} {last[0]}")
            raise Died

        def put(module: str, name: str, value: Any) -> None:
            found = snapshot if module == "snapshot" else import_module(f"streams.{module}")
            stack.enter_context(patch.object(found, name, value))

        for module in _TIMED:
            put(module, "time", clock)
        put("exits", "os", SimpleNamespace(_exit=leave))
        put("exits", "logging", SimpleNamespace(shutdown=lambda: None))
        put("exits", "log", SimpleNamespace(critical=told))
        put("suspects", "uuid4", self._uuid)
        put("ticks", "uuid", SimpleNamespace(uuid4=self._uuid))
        put("transactions", "datetime", SimpleNamespace(now=self._now))
        put("producer", "AIOKafkaProducer", Client)
        put("dispatcher", "deciding_software", lambda: "simulated")
        put("snapshot", "load_snapshot", self._load_snapshot)

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.chance.getrandbits(128))

    def _now(self, zone: Any) -> datetime:
        return datetime.fromtimestamp(EPOCH_MS / 1000 + self.loop.now, zone)

    async def _load_snapshot(self, conn: Any, region: str) -> Snapshot | None:
        """Return what the ledger's tables say of a core: what a fresh one knows."""
        offset = await snapshot.applied_offset(conn, region)
        if offset < 0:
            return None
        return self._core.snapshot_at(offset)

    def close(self) -> None:
        """Let go of tasks that never end."""
        for worker in self.workers.values():
            worker.owner.dead = True
        for task in self.loop.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop = self.loop
        for kept in (loop.tasks, loop._ready, loop._timers):
            kept.clear()  # type: ignore[attr-defined]
        self.__dict__ = {}


def _policy() -> Any:
    from schemas import codes  # noqa: PLC0415

    return codes.default_policy()


def run(seed: int) -> Told:
    """Run one seed."""
    logging.disable(logging.CRITICAL)
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    gc.freeze()  # only what a run makes is looked through after it
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # coroutines that died unborn
            with ExitStack() as stack:
                told = World(seed).run(stack)
                gc.collect()  # here what tasks do in ``finally`` does no harm
            return told
    finally:
        gc.enable()
        gc.unfreeze()
        sys.unraisablehook = hook
        logging.disable(logging.NOTSET)
