"""How far each source's clock is from the broker's: noticed, told, and never decided by.

A message's skew is its ``ce_time``, or else the time in its payload, less its arrival. It is
negative for whatever was under way for long, too; the median of a source's latest messages tells a
clock that is off from one message that is.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

import asyncpg

from infra.ledger import sources
from infra.ledger.sources import SourceClock
from intake.errors import BadInput
from intake.skimming import LATEST, Heard
from schemas.envelope import Envelope
from streams.messages import EPOCH, Received

log = logging.getLogger(__name__)

LOUD_S = 60.0
"""A skew beyond it is told in the log, once, and again when it has stepped."""
STEP_S = 10.0
"""The skew has stepped when it is so many seconds from what it was."""
SAVE_S = 3.0
_FEWEST = 3
"""So many messages say that a clock has stepped; one says nothing."""
MOST = 200
"""So many sources are told apart in a partition."""
OTHERS = "(others)"
"""What those beyond are counted as."""
_GONE = timedelta(hours=1)
"""One that was not heard for so long makes room for a new one."""


class Sources:
    """Notices a topic's sources and their clocks, by partition.

    Parameters
    ----------
    topic
        Its name.
    monotonic
        Seconds that only grow.
    """

    def __init__(self, topic: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._topic = topic
        self._monotonic = monotonic
        self._partitions: dict[int, _Partition] = {}

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over what the ledger has of a partition."""
        known = await sources.load_sources(conn, self._topic, partition)
        self._partitions[partition] = _Partition({one.source: one for one in known})

    def forget(self, partition: int) -> None:
        """Throw away what is remembered of a partition."""
        self._partitions.pop(partition, None)

    def hearing(
        self, message: Received, envelope: Envelope, said: datetime | None = None
    ) -> "_Hearing":
        """Notice a message, and whether it is refused in the block that this begins.

        Parameters
        ----------
        said
            The time in its payload, for producers that send no ``ce_time``.

        Returns
        -------
        context manager of SourceClock
            What is known of its source, to count in.
        """
        here = self._partitions.get(message.partition)
        if here is None:
            here = self._partitions[message.partition] = _Partition({})
        arrived = message.at
        clock = here.clock(envelope.source, arrived)
        clock.messages += 1
        clock.last_arrival = max(clock.last_arrival, arrived)
        skew = _skew(envelope.time or said, arrived)
        if skew is not None:
            here.note(clock, skew, [skew])
        return _Hearing(clock)

    def hear(self, partition: int, heard: Iterable[Heard]) -> None:
        """Notice messages that were taken in together, of which none was refused."""
        here = self._partitions.setdefault(partition, _Partition({}))
        for one in heard:
            at = EPOCH + timedelta(milliseconds=one.last_ms)
            clock = here.clock(one.source, at)
            clock.messages += one.messages
            clock.last_arrival = max(clock.last_arrival, at)
            here.note(clock, one.worst, one.skews)

    def is_due(self, partition: int) -> bool:
        """Whether something was noticed that has waited long enough to be written."""
        here = self._partitions.get(partition)
        if here is None or not (here.changed or here.gone):
            return False
        return self._monotonic() - here.saved >= SAVE_S

    async def write(self, conn: asyncpg.Connection, partition: int) -> None:
        """Write what was noticed, if that is due."""
        if not self.is_due(partition):
            return
        here = self._partitions[partition]
        changed = [here.clocks[name] for name in here.changed if name in here.clocks]
        for clock in changed:
            self._judge(clock, here.latest.get(clock.source, ()))
        if here.gone:
            await sources.forget_sources(conn, self._topic, partition, sorted(here.gone))
        await sources.save_sources(conn, self._topic, partition, changed)
        here.changed.clear()
        here.gone.clear()
        here.saved = self._monotonic()

    def _judge(self, clock: SourceClock, latest: "deque[float] | tuple[()]") -> None:
        """Say what the skew is now, and whether it has stepped; tell one that is large."""
        if not latest or clock.source == OTHERS:
            return
        now, before = round(median(latest), 3), clock.skew_s
        stepped = before is not None and abs(now - before) > STEP_S
        if stepped and len(latest) < _FEWEST:
            return
        clock.skew_s = now
        clock.steps += stepped
        if abs(now) > LOUD_S and (stepped or before is None):
            how = "ahead of" if now > 0 else "behind"
            log.warning(
                "the times of source %s on %s are %.0f s %s their arrival: is its clock wrong? see "
                "`jingwei sources`",
                clock.source,
                self._topic,
                abs(now),
                how,
            )


class _Hearing:
    """Counts a refusal inside its block; a generator would cost each message five times as much."""

    __slots__ = ("_clock",)

    def __init__(self, clock: SourceClock) -> None:
        self._clock = clock

    def __enter__(self) -> SourceClock:
        return self._clock

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, BadInput):
            self._clock.refused += 1


class _Partition:
    """What is remembered of a partition; ``latest`` has the skews of a source's latest messages."""

    def __init__(self, clocks: dict[str, SourceClock]) -> None:
        self.clocks = clocks
        self.latest: dict[str, deque[float]] = {}
        self.changed: set[str] = set()
        self.gone: set[str] = set()
        self.saved = float("-inf")

    def clock(self, source: str, at: datetime) -> SourceClock:
        """Return what is known of a source, or of all others where there are too many."""
        if source not in self.clocks and len(self.clocks) >= MOST:
            source = source if self._make_room(at) else OTHERS
        self.changed.add(source)
        self.gone.discard(source)
        found = self.clocks.get(source)
        if found is None:
            found = self.clocks[source] = SourceClock(source=source, last_arrival=at)
        return found

    def note(self, clock: SourceClock, worst: float, skews: Sequence[float]) -> None:
        """Remember messages' skews: the latest ones in their order, and the worst of all."""
        latest = self.latest.get(clock.source)
        if latest is None:
            latest = self.latest[clock.source] = deque(maxlen=LATEST)
        latest.extend(skews)
        if clock.worst_s is None or abs(worst) > abs(clock.worst_s):
            clock.worst_s = worst

    def _make_room(self, at: datetime) -> bool:
        """Forget the source that was not heard for longest, if that is long enough."""
        longest = min(
            (clock for clock in self.clocks.values() if clock.source != OTHERS),
            key=lambda clock: clock.last_arrival,
        )
        if at - longest.last_arrival < _GONE:
            return False
        del self.clocks[longest.source]
        self.latest.pop(longest.source, None)
        self.gone.add(longest.source)
        return True


def _skew(said: datetime | None, arrived: datetime) -> float | None:
    """Return by how many seconds a time is ahead of the arrival; None where there is none."""
    if said is None or said.tzinfo is None:
        return None
    try:
        utc = said if said.tzinfo is UTC else said.astimezone(UTC)
        return (utc - arrived).total_seconds()
    except OverflowError:
        return None
