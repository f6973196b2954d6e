"""Positions whose time cannot be, told from their unit's others in a file.

A fix of the year 2094 among fixes of today makes all that follow not newer, so that its unit is
never seen again. A unit's fixes are cut into runs, where the time jumps by more than a day. Of runs
decades apart the side with most fixes is right; of those that contradict each other in order, the
chain of increasing times that holds most fixes. A run outside of it that lies clearly away is odd.
A gap in a file is no fault: after it the times go on increasing.

Where the wrong fixes are as many as the right ones nothing can be told, nor what lies farther in
the file than `_AT_ONCE` fixes.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

from infra.ledger.intake import Fix

AHEAD = timedelta(days=1)
"""A few fixes are odd when they are so far ahead of their unit's, which then go back …"""
BEHIND = timedelta(days=365)
"""… or so far behind them, as many fixes are both ways."""
_FEW = 4
"""More in a row may be months of a file in a wrong order."""
_CLEARLY = 3
"""Less than a year ahead, so many times farther from the fixes around than those are apart."""
_ELSEWHERE = timedelta(days=4 * 365)
"""No fix for so long between times that do not come one after the other: one side is wrong."""
LONG_AGO = timedelta(days=3652)
"""The same for any: a clock that has lost its date begins with 1970, 1980 or 20 years ago."""
_AT_ONCE = 100_000
"""So many wait to be judged, and as many more are looked at: memory does not grow with the file."""


@dataclass(frozen=True)
class Held:
    """A fix; ``line`` is its place in the file."""

    fix: Fix
    line: int


@dataclass
class _Run:
    """Fixes of a unit one after another, none far from the one before it."""

    first: datetime
    low: datetime
    high: datetime
    last: datetime
    count: int = 1

    def takes(self, at: datetime) -> bool:
        """Take a time in, unless it is far from the last."""
        if abs(at - self.last) > AHEAD:
            return False
        self.low, self.high, self.last = min(self.low, at), max(self.high, at), at
        self.count += 1
        return True


class OddTimes:
    """Holds a file's fixes back until each can be judged by its unit's others.

    Parameters
    ----------
    latest
        What is later cannot have been yet.
    at_once
        Twice as many are held at most.
    """

    def __init__(self, latest: datetime, at_once: int = _AT_ONCE) -> None:
        self._latest = latest
        self._at_once = at_once
        self._queue: list[Held] = []
        self._kept: dict[str, _Run] = {}  # of each unit, what was found right before the queue

    def take(self, fix: Fix, line: int) -> Iterator[tuple[Held, str | None]]:
        """Take the next fix; return those that can be judged, in order, and what is odd."""
        if fix.at > self._latest:
            yield Held(fix, line), f"the time {fix.at.isoformat()} lies after now"
            return
        self._queue.append(Held(fix, line))
        if len(self._queue) >= 2 * self._at_once:
            yield from self._release(self._at_once)

    def ends(self) -> Iterator[tuple[Held, str | None]]:
        """Return the rest."""
        yield from self._release(len(self._queue))

    def _release(self, count: int) -> Iterator[tuple[Held, str | None]]:
        runs = {unit: [replace(run)] for unit, run in self._kept.items()}
        places = []
        for held in self._queue:
            at, mine = held.fix.at, runs.setdefault(held.fix.unit, [])
            if not mine or not mine[-1].takes(at):
                mine.append(_Run(at, at, at, at))
            places.append(len(mine) - 1)
        odd = {unit: _odd(mine) for unit, mine in runs.items()}
        released, self._queue = self._queue[:count], self._queue[count:]
        kept: dict[str, _Run] = {}
        for held, place in zip(released, places, strict=False):
            unit, at = held.fix.unit, held.fix.at
            far = odd[unit].get(place)
            if far is None:
                run = kept.setdefault(unit, _Run(at, at, at, at, 0))
                run.low, run.high = min(run.low, at), max(run.high, at)
                run.last, run.count = at, run.count + 1
                yield held, None
                continue
            where = "after" if far > timedelta() else "before"
            text = f"{_far(abs(far))} {where} its unit's fixes around"
            yield held, f"the time {at.isoformat()} is {text}"
        self._kept |= kept


def _odd(runs: Sequence[_Run]) -> dict[int, timedelta]:
    """Return the places of a unit's runs whose time cannot be, and how far they are ahead."""
    era = _era(runs)
    chain = _chain(runs, era)
    odd = {}
    for place in sorted(set(range(len(runs))) - set(chain)):
        run, after = runs[place], bisect_left(chain, place)
        around = [runs[kept].last for kept in chain[max(0, after - 1) : after]]
        around += [runs[kept].first for kept in chain[after : after + 1]]
        away = min((_away(run, at) for at in around), key=abs)
        least = BEHIND
        if away > timedelta() and run.count <= _FEW:
            least = min(BEHIND, max(AHEAD, _CLEARLY * (around[-1] - around[0])))
        if abs(away) > least:
            odd[place] = away
    return odd


def _era(runs: Sequence[_Run]) -> list[int]:
    """Return the places of those runs that are not years away from most; of two equal the later."""
    by_time = sorted(range(len(runs)), key=lambda place: (runs[place].low, place))
    firsts = list(accumulate(reversed(by_time), min))[::-1]  # in the file, of it and all later ones
    eras: list[list[int]] = []
    high, last = runs[by_time[0]].high, by_time[0]
    for place, first in zip(by_time, firsts, strict=True):
        run = runs[place]
        if not eras or run.low - high > (LONG_AGO if last < first else _ELSEWHERE):
            eras.append([])
            last = place
        eras[-1].append(place)
        high, last = max(high, run.high), max(last, place)
    return sorted(max(reversed(eras), key=lambda era: sum(runs[one].count for one in era)))


def _chain(runs: Sequence[_Run], places: Sequence[int]) -> list[int]:
    """Return those that, one after the other, increase in time and hold most fixes.

    Of equal ones that with the fewest jumps.
    """
    before: dict[int, int | None] = {}
    # The best chains so far: the later one ends, the more it holds.
    ends: list[datetime] = []
    held: list[tuple[int, int]] = []
    lasts: list[int] = []
    for place in places:
        run = runs[place]
        best = bisect_right(ends, run.low + AHEAD) - 1
        count, jumps = held[best] if best >= 0 else (0, 0)
        before[place] = lasts[best] if best >= 0 else None
        mine = (count + run.count, jumps - 1)
        start = bisect_right(ends, run.high)
        if start and held[start - 1] >= mine:
            continue
        start = bisect_left(ends, run.high)
        stop = start
        while stop < len(ends) and held[stop] <= mine:
            stop += 1
        ends[start:stop], held[start:stop], lasts[start:stop] = [run.high], [mine], [place]
    chain = []
    link = lasts[-1] if lasts else None
    while link is not None:
        chain.append(link)
        link = before[link]
    return chain[::-1]


def _away(run: _Run, at: datetime) -> timedelta:
    """Return how far a run is ahead of a time, less than nothing behind it; 0 around it."""
    return max(run.low - at, timedelta()) + min(run.high - at, timedelta())


def _far(time: timedelta) -> str:
    years = time / timedelta(days=365.25)
    return f"{years:.0f} years" if years >= 1 else f"{time / timedelta(days=1):.0f} days"
