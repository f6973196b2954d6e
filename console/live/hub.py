"""The gateway's one reader of the broker, and the clients to which it tells what it reads."""

import asyncio
import heapq
import logging
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import asyncpg

from console.access import Person
from console.live.client import Client, frame
from console.live.history import History
from console.live.model import Model, Step
from console.live.place import Layout, Offsets, layout_of
from console.live.pulse import Pulse
from console.live.snapshot import Snapshots
from console.live.visibility import Told, View
from console.problems import Problem
from console.settings import GatewaySettings
from infra.feed import BrokerAway, Feed, FeedError, LogLost, Published
from infra.ledger.errors import LedgerError
from infra.ledger.pool import reading
from infra.ledger.standing import standing
from schemas import topics

log = logging.getLogger(__name__)

_PAST_S = 300.0
"""What was published so long before the gateway began can be asked for again."""
_AGAIN_S = 0.5
_BEAT_S = 5.0
_AHEAD_S = 5.0
"""A place that no message reaches in this time is of another log."""
_STREAMED = {topic.name: topic.partitions for topic in topics.OUTPUTS}
_TOGETHER_S, _TELLING_S = 0.25, 25e-6
"""Changes are told together that come within so long for each client, at most so long in all."""
_RETRY_MS = (1_000, 3_000)
"""Clients that were cut off together do not come back together."""

Taken = tuple[int, int, Step]
Group = tuple[View, bool]


class Hub:
    """Tells clients what the broker publishes, from the first client on.

    Parameters
    ----------
    bootstrap
        ``host:port`` of the broker, several separated by commas.
    pool
        Connections to the ledger.
    """

    def __init__(self, bootstrap: str, pool: asyncpg.Pool, settings: GatewaySettings) -> None:
        self._pool, self._settings = pool, settings
        self._feed = Feed(bootstrap)
        self._clients: set[Client] = set()
        self._of_account: Counter[str] = Counter()
        self._groups: dict[Group, set[Client]] = {}
        self._waiting: dict[Client, str | None] = {}
        self._apart: set[Client] = set()
        self._open: _Open | None = None
        self._pulse = Pulse(self._feed, pool, settings)
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    def join(self, client: Client, word: str | None) -> None:
        """Begin to tell a client, from the place that it names or with a snapshot.

        Raises
        ------
        Problem
            There are too many streams, or the gateway stops.
        """
        self._check(client.person)
        self._clients.add(client)
        self._of_account[client.person.name] += 1
        client.put(b"retry: %d\n\n" % random.randint(*_RETRY_MS))
        client.put(frame("heartbeat", self._pulse.heartbeat()))
        if self._open is None:
            self._waiting[client] = word
        else:
            self._attach(self._open, client, word)
        if not self._tasks:
            work = (self._run(), self._pulse.run(self._clients), self._beat())
            self._tasks = [asyncio.create_task(one) for one in work]

    def leave(self, client: Client) -> None:
        """Forget a client."""
        if client in self._clients:
            self._clients.remove(client)
            self._of_account[client.person.name] -= 1
            self._of_account += Counter()  # without those that have none
        self._waiting.pop(client, None)
        self._apart.discard(client)
        group = self._groups.get((client.view, client.own))
        if group is not None:
            group.discard(client)
            if not group:
                del self._groups[client.view, client.own]

    def stop(self) -> None:
        """End all streams: the gateway stops."""
        self._closed = True
        self._end_all("stopping")

    async def close(self) -> None:
        """Disconnect."""
        self.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._feed.close()

    def _check(self, person: Person) -> None:
        if self._closed:
            raise Problem("unavailable", "the gateway stops", {"Retry-After": "1"})
        own = self._of_account[person.name]
        if own >= self._settings.streams_per_account:
            raise Problem("streams", f"you have {own} already: close some", {"Retry-After": "5"})
        if len(self._clients) >= self._settings.streams:
            raise Problem("streams", "this gateway has as many as it may", {"Retry-After": "5"})

    # -- reading -----------------------------------------------------------------------------

    async def _run(self) -> None:
        said = ""
        while True:
            try:
                begun = await self._begin()
                said = ""
                self._open = begun
                waiting, self._waiting = self._waiting, {}
                for client, word in waiting.items():
                    self._attach(begun, client, word)
                await self._follow(begun)
            except (FeedError, LedgerError) as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("stream: %s; trying until it works", said)
            except Exception:
                log.exception("stream: it begins again")
            if self._open is not None:
                self._open = None
                self._end_all("restarted")
            self._pulse.follow(None)
            await asyncio.sleep(_AGAIN_S)

    async def _begin(self) -> "_Open":
        """Read what is open, and what was published shortly before."""
        layout = layout_of(await self._feed.topics(_STREAMED))
        starts, ends = await self._feed.open(layout.parts, _PAST_S)
        async with reading(self._pool) as conn:
            model = Model(await standing(conn))
        history = History(starts, self._settings.stream_history_bytes)
        begun = _Open(layout, starts, ends, model, history)
        self._pulse.follow(layout)
        while any(at < end for at, end in zip(begun.place, ends, strict=True)):
            batches = await self._feed.poll()
            self._pulse.heard(batches)
            begun.take(batches)
            for part, at in (await self._feed.positions()).items():  # over markers, too
                begun.place[begun.index[part]] = max(begun.place[begun.index[part]], at)
        return begun

    async def _follow(self, begun: "_Open") -> None:
        while True:
            try:
                batches = await self._feed.poll()
            except BrokerAway as error:
                log.warning("stream: %s; connecting again", error)
                await self._reconnect(begun)
                continue
            if batches:
                self._pulse.heard(batches)
                self._tell(begun, batches)
                # What comes while many clients are served goes to them together.
                await asyncio.sleep(min(_TOGETHER_S, len(self._clients) * _TELLING_S))

    async def _reconnect(self, begun: "_Open") -> None:
        while True:
            try:
                if layout_of(await self._feed.topics(_STREAMED)) != begun.layout:
                    raise LogLost("the topics are others than before")
                await self._feed.reopen(begun.layout.parts, begun.place)
            except BrokerAway:
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    # -- telling -----------------------------------------------------------------------------

    def _tell(self, begun: "_Open", batches: Sequence[Sequence[Published]]) -> None:
        parts: dict[Group, list[bytes]] = {group: [] for group in self._groups}
        apart: list[Taken] = []
        for taken in begun.each(batches):
            step = taken[2]
            apart.append(taken)
            word, plain = begun.layout.word(begun.place), None
            for group, told_of in parts.items():
                told = self._see(group, step)
                if told is None:
                    continue
                if told[1] is step.data:
                    plain = plain or frame(*told, word)
                    told_of.append(plain)
                else:
                    told_of.append(frame(*told, word))
        for group, frames in parts.items():
            if frames:
                data = b"".join(frames)
                for client in self._groups.get(group, ()):
                    client.put(data)
        for client in list(self._apart):
            self._tell_apart(begun, client, apart)

    def _see(self, group: Group, step: Step) -> Told | None:
        view, own = group
        if not step.past:
            return view.see(step)
        if own:  # it is part of the snapshot that these clients have
            return None
        if view.is_whole:
            return view.see(step)
        for client in list(self._groups.get(group, ())):
            client.end("restarted")  # whether it came into view is not known: a snapshot tells
        return None

    def _tell_apart(
        self, begun: "_Open", client: Client, steps: Iterable[Taken], *, free: bool = False
    ) -> None:
        """Tell a client that stands elsewhere, until it stands where the gateway does."""
        place = client.place
        assert place is not None
        for part, offset, step in steps:
            if offset < place[part]:
                continue
            place[part] = offset + 1
            told = self._see((client.view, client.own), step)
            if told is not None:
                client.put(frame(*told, begun.layout.word(place)), free=free)
        if all(at <= there for at, there in zip(place, begun.place, strict=True)):
            self._gather(client)

    def _attach(self, begun: "_Open", client: Client, word: str | None) -> None:
        place = None if word is None else begun.layout.offsets(word)
        reason = _why_snapshot(begun, client.view, word, place)
        if reason is not None:
            self._snapshot(begun, client, reason)
            return
        assert place is not None
        client.place, client.since = place, time.monotonic()
        self._apart.add(client)
        self._tell_apart(begun, client, list(begun.history.since(list(place))), free=True)

    def _snapshot(self, begun: "_Open", client: Client, reason: str) -> None:
        client.own = True
        for data in begun.snapshots.of(client.view, reason):
            client.put(data, free=True)
        if client.once:
            client.end(None)
        self._gather(client)

    def _gather(self, client: Client) -> None:
        """Let a client be told what its group is told."""
        client.place = None
        self._apart.discard(client)
        if client in self._clients:
            self._groups.setdefault((client.view, client.own), set()).add(client)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            data = self._pulse.heartbeat()
            begun, now = self._open, time.monotonic()
            if begun is not None:
                for client in list(self._apart):
                    if now - client.since > _AHEAD_S:
                        self._snapshot(begun, client, "unknown_place")
            plain = frame("heartbeat", data)
            placed = plain if begun is None else frame("heartbeat", data, begun.word)
            for client in list(self._clients):
                with_place = client not in self._apart and client not in self._waiting
                client.put(placed if with_place else plain)

    def _end_all(self, reason: str) -> None:
        for client in list(self._clients):
            client.end(reason)


class _Open:
    """What the gateway knows, from the place where it began."""

    def __init__(
        self, layout: Layout, place: Offsets, ends: Offsets, model: Model, history: History
    ) -> None:
        self.layout, self.place, self.model, self.history = layout, place, model, history
        self.index = {part: number for number, part in enumerate(layout.parts)}
        self.snapshots = Snapshots(model, lambda: self.word)
        self._ends = ends

    @property
    def word(self) -> bytes:
        """Where the gateway stands."""
        return self.layout.word(self.place)

    def take(self, batches: Sequence[Sequence[Published]]) -> None:
        """Take messages in."""
        for _ in self.each(batches):
            pass

    def each(self, batches: Sequence[Sequence[Published]]) -> Iterator[Taken]:
        """Take messages in and yield their steps; the place moves on with each."""
        # By time, since an incident and who is sent to it come on two topics.
        merged = heapq.merge(*batches, key=lambda record: record.timestamp)
        for record in merged:
            part = self.index[record.part]
            if record.offset < self.place[part]:
                continue
            step = self.model.take(record, past=record.offset < self._ends[part])
            self.place[part] = record.offset + 1
            if step is not None:
                self.snapshots.forget()
                self.history.put(part, record.offset, step)
                yield part, record.offset, step


def _why_snapshot(begun: _Open, view: View, word: str | None, place: Offsets | None) -> str | None:
    """Return why a client cannot go on from its place, None if it can."""
    if word is None:
        return "new"
    if place is None:
        return "unknown_place"
    if not begun.history.reaches(place):
        return "too_old"
    if begun.history.is_past(place) and not view.is_whole:
        return "restarted"
    return None
