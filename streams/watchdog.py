"""The watchdog: a worker that has work and does none leaves, and is started again.

Faust's own livelock detector only logs. This one is a thread of its own, so that it sees an
event loop that stands still too.

Busy is not broken: a worker that deals with one message after the other is alive, however long
the rest waits. So it goes by messages dealt with, anywhere: a topic may wait ten times as long
while others are worked on, and one message or one commit may take ten times as long as no message
at all.
Time in which the worker got no CPU is not counted: a restart would only add to the load.
"""

import logging
import threading
import time
from collections.abc import Iterable

from streams.batch import Processor
from streams.exits import Exit, die
from streams.starved import Starved

log = logging.getLogger(__name__)

EVERY_S = 1.0
LONG = 10
"""So many times the patience one message may take, a topic may wait for others, and Kafka may take
for a commit: a late one costs nothing but reading again, and a broker that is slow is no fault
that an end of the worker would mend."""
BUSY = 2
"""So many times the patience a batch may take: the ledger's own time limits come first."""

HELD_S = 5.0
"""So long an open transaction may keep messages from being read before it is told."""
TELL_AGAIN_S = 60.0

Part = tuple[str, int]


class Vitals:
    """Signs of life, written by the event loop and read by the watchdog.

    Attributes
    ----------
    beat : float
        ``time.monotonic()`` when they were last written.
    waiting : dict of str to int
        Offsets that wait to be dealt with, by topic.
    behind : dict of (topic, partition) to int
        Committed offsets in Kafka that are behind what was acknowledged.
    """

    def __init__(self) -> None:
        self.beat = time.monotonic()
        self.waiting: dict[str, int] = {}
        self.behind: dict[Part, int] = {}


class Held:
    """Tells of partitions whose messages wait behind an open transaction of some producer.

    That is no fault of the worker's, and ending it would be no help.
    """

    def __init__(self) -> None:
        self._since: dict[Part, tuple[int, float]] = {}
        self._told: dict[Part, float] = {}

    def look(self, part: Part, readable: int | None, end: int | None, now: float) -> None:
        """Take in where what can be read of a partition ends, and where the partition does."""
        if readable is None or end is None or readable >= end:
            self._since.pop(part, None)
            return
        stood, since = self._since.get(part, (-1, now))
        if stood != readable:
            self._since[part] = readable, now
            return
        if now - since > HELD_S and now - self._told.get(part, -TELL_AGAIN_S) >= TELL_AGAIN_S:
            self._told[part] = now
            log.warning(
                "%s/%d: offsets %d to %d cannot be read for %.0f s: they are in or behind an open "
                "transaction of some producer",
                *(*part, readable, end - 1, now - since),
            )


class Watchdog(threading.Thread):
    """Ends the process when nothing moves for ``patience_s`` while something waits.

    Made in the thread of the event loop that it watches.
    """

    def __init__(self, processors: Iterable[Processor], vitals: Vitals, patience_s: float) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._processors = list(processors)
        self._vitals = vitals
        self._patience_s = patience_s
        self._done = threading.Event()
        self._stuck: dict[Part, tuple[int, float]] = {}
        self._starved = Starved(threading.get_native_id(), LONG * patience_s)

    def stop(self) -> None:
        """End the thread."""
        self._done.set()

    def run(self) -> None:
        """Look every second."""
        self._starved.look(time.monotonic(), EVERY_S)  # it may be stopped before the first second
        while not self._done.wait(EVERY_S):
            now = time.monotonic()
            self._starved.look(now, EVERY_S)
            fault = self.look(now)
            if fault is not None:
                die(Exit.STALLED, "%s", fault)

    def look(self, now: float) -> str | None:
        """Return what stands still, if something does."""
        handling = [
            (processor.handler.topic.name, begun)
            for processor in self._processors
            if (begun := processor.pulse.handling) is not None
        ]
        for topic, begun in handling:
            if self._still(begun, now) > LONG * self._patience_s:
                return f"{topic}: one message has been handled for {now - begun:.0f} s"
        if handling:
            return None  # the event loop is with the handler, and nothing else can move
        beat = self._vitals.beat
        if self._still(beat, now) > self._patience_s:
            return f"the event loop has stood still for {now - beat:.0f} s"
        return self._idle(now) or self._uncommitted(now)

    def _still(self, since: float, now: float) -> float:
        """Return for how many seconds that it could have used something has stood still."""
        return now - since - self._starved.since(since)

    def _idle(self, now: float) -> str | None:
        """Return which topic has messages that nobody deals with."""
        latest = max((processor.pulse.beat for processor in self._processors), default=now)
        moves = self._still(latest, now) <= self._patience_s
        for processor in self._processors:
            topic, beat = processor.handler.topic.name, processor.pulse.beat
            waiting = self._vitals.waiting.get(topic, 0)
            times = LONG if moves else BUSY if processor.pulse.busy else 1
            if waiting > 0 and self._still(beat, now) > times * self._patience_s:
                return (
                    f"{topic}: {waiting} messages wait and nothing was done for {now - beat:.0f} s"
                )
        return None

    def _uncommitted(self, now: float) -> str | None:
        """Return where Kafka's committed offsets do not follow what was acknowledged."""
        self._stuck = {
            part: known
            if (known := self._stuck.get(part)) is not None and known[0] == offset
            else (offset, now)
            for part, offset in self._vitals.behind.copy().items()
        }
        for (topic, partition), (offset, since) in self._stuck.items():
            if self._still(since, now) > LONG * self._patience_s:
                return f"{topic}/{partition}: commits have stood still at {offset}"
        return None
