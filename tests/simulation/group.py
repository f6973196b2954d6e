"""The consumer group as Faust's consumer knows it: sessions, generations, whole polls.

Who is not heard for a session is left out; who is heard joins anew when the generation is another
than its own. A member that joins drops what it has fetched and begins at the ledger's guards.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random
from types import SimpleNamespace
from typing import Any

from streams.consumer import Looked
from streams.guards import next_offsets
from streams.polls import Poll
from tests.simulation.broker import Broker, Part, Stored
from tests.simulation.loop import Loop, Owner

SESSION_S = 6.0
JOIN_S = 3.0
HEARTBEAT_S = 1.0
_ROOM = 6
"""So many polls of a topic wait; then it is not fetched."""


class Coordinator:
    """The broker's part: who is in the group, and who has which partition."""

    def __init__(self, loop: Loop, broker: Broker, topics: list[str], chance: Random) -> None:
        self.loop, self.broker, self.chance = loop, broker, chance
        self.parts = [part for part in sorted(broker.logs) if part[0] in topics]
        self.generation = 0
        self.committed: dict[Part, int] = {}
        self.on_ack: Callable[[Part, int], None] = lambda _part, _offset: None
        self._heard: dict[Owner, float] = {}
        self._joined: dict[Owner, asyncio.Future[Any]] = {}
        self._preparing = False
        loop.outside(HEARTBEAT_S, self._expire)

    def beat(self, member: Owner) -> int:
        """Hear of a member; return the generation that it should have."""
        if member in self._heard:
            self._heard[member] = self.loop.now
        return self.generation

    def join(self, member: Owner) -> asyncio.Future[Any]:
        """Let a member join; the answer is its generation and its partitions."""
        self._heard[member] = self.loop.now
        future = self._joined[member] = self.loop.create_future()
        self.rebalance()
        if self._heard.keys() <= self._joined.keys():
            self.loop.outside(0.05, self._assign, self.generation)
        return future

    def leave(self, member: Owner) -> None:
        """Take a member out."""
        if self._heard.pop(member, None) is not None:
            self.rebalance()

    def rebalance(self) -> None:
        """Let all join anew."""
        if not self._preparing:
            self._preparing = True
            self.generation += 1
            self.loop.outside(JOIN_S, self._assign, self.generation)

    def _expire(self) -> None:
        for member, heard in list(self._heard.items()):
            if self.loop.now - heard > SESSION_S:
                self.broker.trace(f"group {member.name} is not heard")
                self.leave(member)
        self.loop.outside(HEARTBEAT_S, self._expire)

    def _assign(self, generation: int) -> None:
        if generation != self.generation or not self._preparing:
            return
        self._preparing = False
        joined, self._joined = self._joined, {}
        self._heard = dict.fromkeys(joined, self.loop.now)
        members = sorted(joined, key=lambda member: member.name)
        if not members:
            return
        turn = self.chance.randrange(len(members))
        mine: dict[Owner, list[Part]] = {member: [] for member in members}
        for number, part in enumerate(self.parts):
            mine[members[(number + turn) % len(members)]].append(part)
        self.broker.trace(f"group {generation}: {[member.name for member in members]}")
        for member, future in joined.items():
            if not future.done():
                future.set_result((generation, mine[member]))


class Consumer:
    """One worker's: what Faust and `streams.consumer` do, without a thread."""

    def __init__(self, owner: Owner, group: Coordinator, pool: Any, name: str) -> None:
        self.owner, self.group, self.pool, self.name = owner, group, pool, name
        self.broker = group.broker
        self.assigned: set[Part] | None = None
        self.position: dict[Part, int] = {}
        self.handed: dict[Part, int] = {}
        self.generation = -1
        self.streams = {
            topic: Stream(self, topic) for topic in sorted({topic for topic, _ in group.parts})
        }

    async def run(self) -> None:
        """Stay in the group until cancelled."""
        while True:
            if self.group.beat(self.owner) != self.generation:
                await self._join()
            await asyncio.sleep(HEARTBEAT_S)

    async def _join(self) -> None:
        self.assigned = None
        for stream in self.streams.values():
            stream.polls.clear()
        self.position.clear()
        self.handed.clear()
        self.generation, parts = await self.group.join(self.owner)
        if parts:
            guards = await next_offsets(self.pool, self.name, parts)
            self.position.update(guards)
            self.handed.update(dict.fromkeys(parts, 0))
        self.assigned = set(parts)

    async def fetch(self) -> None:
        """Hand out polls until cancelled."""
        chance = self.broker.chance
        while True:
            await asyncio.sleep(0.05 + chance.random() * 0.15)
            for part in sorted(self.assigned or ()):
                stream, log = self.streams[part[0]], self.broker.logs[part]
                at = self.position.get(part)
                if at is None or at >= len(log) or len(stream.polls) >= _ROOM or self.broker.down:
                    continue
                records = log[at : at + 1 + chance.randrange(8)]
                self.position[part] = self.handed[part] = records[-1].offset + 1
                stream.put(records)

    def looked(self, part: Part) -> Looked | None:
        at = self.position.get(part)
        return None if at is None else Looked(at, self.handed[part])

    def end(self, part: Part) -> int | None:
        return len(self.broker.logs[part]) if part in (self.assigned or ()) else None

    def ack(self, part: Part, offset: int) -> None:
        self.group.on_ack(part, offset)
        known = self.group.committed.get(part, 0)
        self.group.committed[part] = max(known, offset + 1)


class Stream:
    """A Faust stream of one topic's polls."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self.consumer, self.topic = consumer, topic
        self.polls: list[list[Stored]] = []
        self.enable_acks = True
        self.channel = SimpleNamespace(queue=SimpleNamespace(empty=lambda: not self.polls))
        self._came = asyncio.Event()

    def put(self, records: list[Stored]) -> None:
        self.polls.append(records)
        self._came.set()

    async def events(self) -> AsyncIterator[Any]:
        while True:
            while self.polls:
                yield Event(self.consumer, self.polls.pop(0))
            self._came.clear()
            await self._came.wait()


class Event:
    """A Faust event: a whole poll, and how to acknowledge it."""

    def __init__(self, consumer: Consumer, records: list[Stored]) -> None:
        last = records[-1]
        self.message = Poll(last.topic, last.partition, last.offset, records)
        self._consumer = consumer

    def ack(self) -> None:
        message = self.message
        self._consumer.ack((message.topic, message.partition), message.offset)
