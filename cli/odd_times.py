"""Positions whose time cannot be, told from their neighbours in a file.

A fix of the year 2094 among fixes of today makes all that follow not newer, so that its unit is
never seen again. A gap in a file is no fault: after it the times stay where they are.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from infra.ledger.intake import Fix

AHEAD = timedelta(days=1)
"""A fix is odd when it is so far ahead of its neighbours and the file then goes back …"""
BEHIND = timedelta(days=365)
"""… or so far behind them: a clock that has lost its date begins with 1970 or 1980."""
_CLEARLY = 3
"""It is so many times farther from its neighbours than they are from each other."""
_EACH_SIDE = 4
_FEWEST = 2
"""Neighbours, on both sides together, that say which time is odd."""
_AT_ONCE = 10_000
"""More than so many wait for no neighbour: memory does not grow with the file."""


@dataclass
class Held:
    """A fix that waits for its unit's next ones; ``line`` is its place in the file."""

    fix: Fix
    line: int
    before: list[datetime]
    after: list[datetime] = field(default_factory=list)

    @property
    def fault(self) -> str | None:
        """What is odd about its time; None where nothing is."""
        at, others = self.fix.at, sorted(self.before + self.after)
        if len(others) < _FEWEST:
            return None
        low, high = others[(len(others) - 1) // 2], others[len(others) // 2]
        apart = _CLEARLY * (high - low)
        goes_back = any(at - later > AHEAD for later in self.after)
        if goes_back and at - high > max(AHEAD, apart):
            return f"the time {at.isoformat()} is {_far(at - high)} after its unit's fixes around"
        if low - at > max(BEHIND, apart):
            return f"the time {at.isoformat()} is {_far(low - at)} before its unit's fixes around"
        return None


class OddTimes:
    """Holds a file's fixes back until each can be judged by its neighbours.

    Parameters
    ----------
    latest
        What is later cannot have been yet.
    """

    def __init__(self, latest: datetime) -> None:
        self._latest = latest
        self._queue: deque[Held] = deque()
        self._lately: dict[str, list[Held]] = {}

    def take(self, fix: Fix, line: int) -> Iterator[tuple[Held, str | None]]:
        """Take the next fix; return those that can be judged, in order, and what is odd."""
        if fix.at > self._latest:
            yield Held(fix, line, []), f"the time {fix.at.isoformat()} lies after now"
            return
        lately = self._lately.setdefault(fix.unit, [])
        for held in lately:
            held.after.append(fix.at)
        held = Held(fix, line, [one.fix.at for one in lately])
        self._lately[fix.unit] = [*lately, held][-_EACH_SIDE:]
        self._queue.append(held)
        while len(self._queue[0].after) >= _EACH_SIDE or len(self._queue) > _AT_ONCE:
            yield self._release()
            if not self._queue:
                return

    def ends(self) -> Iterator[tuple[Held, str | None]]:
        """Return the rest."""
        while self._queue:
            yield self._release()

    def _release(self) -> tuple[Held, str | None]:
        held = self._queue.popleft()
        return held, held.fault


def _far(time: timedelta) -> str:
    years = time / timedelta(days=365.25)
    return f"{years:.0f} years" if years >= 1 else f"{time / timedelta(days=1):.0f} days"
