"""How late what is shown may be: seconds since each part was last known to be up to date."""

import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

Part = tuple[str, int]
_MOST = 600


class Behind:
    """How far a reader is behind what it reads.

    Where a log ended at some moments is noted; the last of them that the reader has reached is
    how old what it knows is.
    """

    def __init__(self) -> None:
        self._noted: deque[tuple[float, Mapping[Part, int]]] = deque()
        self.since: float | None = None

    def note(self, at: float, ends: Mapping[Part, int]) -> None:
        """Note where partitions ended at a moment, on the monotonic clock."""
        if len(self._noted) < _MOST:  # of one that stands still the oldest ones matter
            self._noted.append((at, ends))

    def reach(self, offsets: Mapping[Part, int]) -> None:
        """Take in how far the reader is."""
        while self._noted:
            at, ends = self._noted[0]
            if any(offsets.get(part, 0) < end for part, end in ends.items()):
                return
            self.since = at
            self._noted.popleft()


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway's time, and ages in seconds; null where nothing is known yet.

    Attributes
    ----------
    gateway_age
        Since this gateway had read all that was published.
    core_age
        Since workers and core had read all that was sent to them.
    broker_age, database_age
        Since they last answered.
    event_age
        Since the newest event was published.
    """

    at: datetime
    gateway_age: float | None
    core_age: float | None
    broker_age: float | None
    database_age: float | None
    event_age: float | None


class Ages:
    """What is known of the ages."""

    def __init__(self) -> None:
        self.gateway, self.core = Behind(), Behind()
        self.broker: float | None = None
        self.database: float | None = None
        self.event_ms: int | None = None

    def heartbeat(self) -> Heartbeat:
        """Return the ages now."""
        now, wall = time.monotonic(), datetime.now(UTC)
        event = None if self.event_ms is None else wall.timestamp() - self.event_ms / 1_000
        return Heartbeat(
            at=wall,
            gateway_age=_age(now, self.gateway.since),
            core_age=_age(now, self.core.since),
            broker_age=_age(now, self.broker),
            database_age=_age(now, self.database),
            event_age=None if event is None else max(0.0, round(event, 1)),
        )


def _age(now: float, since: float | None) -> float | None:
    return None if since is None else round(now - since, 1)
