"""Find positions with an impossible time or place by comparing them with their unit's others.

After a fix of the year 2094, all later fixes of today are "not newer", and the unit would never be
seen again. A unit's fixes are cut into runs wherever the time jumps by more than a day. If runs are
decades apart, the side with most fixes is right; if their order is contradictory, the chain of
increasing times with most fixes is right. A run outside this chain is odd if it is clearly away
from it. A gap in a file is not odd, because the times still increase after it.

Of the fixes with possible times, those that are jumps are odd (`cli.jumps`).

Nothing can be decided if there are as many wrong fixes as right ones, and fixes farther apart in
the file than `_AT_ONCE` are not compared.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Literal

from cli.jumps import FASTEST_MPS, jumps
from geo.crs import haversine_m
from schemas.intake import Fix

AHEAD = timedelta(days=1)
"""A few fixes are odd if they are this far ahead of their unit's, which then go back …"""
BEHIND = timedelta(days=365)
"""… or this far behind them; this limit also holds for many fixes, ahead or behind."""
_FEW = 4
"""At most this many fixes are a few; more in a row may be months of a file in wrong order."""
_CLEARLY = 3
"""Less than a year ahead, a run must be this many times farther from its neighbours than they are
from each other."""
_ELSEWHERE = timedelta(days=4 * 365)
"""If times are not in order and no fix lies within a gap this long, one side is wrong."""
LONG_AGO = timedelta(days=3652)
"""The same for times in any order: a clock without a date starts in 1970, 1980 or 20 years ago."""
_AT_ONCE = 100_000
"""This many fixes wait for a decision, and as many more are compared: memory is bounded."""


@dataclass(frozen=True)
class Held:
    """A fix and its line in the file."""

    fix: Fix
    line: int


@dataclass(frozen=True)
class Odd:
    """Why a fix cannot be: its time is in the future or far from its unit's, or it jumps."""

    kind: Literal["future", "before", "after", "jump"]
    text: str

    def __str__(self) -> str:
        """Return the text."""
        return self.text


@dataclass
class _Run:
    """Consecutive fixes of a unit, none far from the one before it."""

    first: datetime
    low: datetime
    high: datetime
    last: datetime
    count: int = 1

    def takes(self, at: datetime) -> bool:
        """Add a time, unless it is far from the last one; return whether it was added."""
        if abs(at - self.last) > AHEAD:
            return False
        self.low, self.high, self.last = min(self.low, at), max(self.high, at), at
        self.count += 1
        return True


class OddFixes:
    """Hold a file's fixes until each can be compared with its unit's others.

    Parameters
    ----------
    latest
        Later times are in the future.
    at_once
        At most twice as many fixes are held.
    fastest_mps
        No vehicle is faster.
    """

    def __init__(
        self, latest: datetime, at_once: int = _AT_ONCE, *, fastest_mps: float = FASTEST_MPS
    ) -> None:
        self._fastest_mps = fastest_mps
        self._last: dict[str, Fix] = {}  # each unit's last right fix before the queue
        self._latest = latest
        self._at_once = at_once
        self._queue: list[Held] = []
        self._kept: dict[str, _Run] = {}  # each unit's last right run before the queue

    def take(self, fix: Fix, line: int) -> Iterator[tuple[Held, Odd | None]]:
        """Add the next fix; yield decided fixes in order, each with its fault or None."""
        if fix.at > self._latest:
            yield Held(fix, line), Odd("future", f"the time {fix.at.isoformat()} is in the future")
            return
        self._queue.append(Held(fix, line))
        if len(self._queue) >= 2 * self._at_once:
            yield from self._release(self._at_once)

    def ends(self) -> Iterator[tuple[Held, Odd | None]]:
        """Yield the remaining fixes."""
        yield from self._release(len(self._queue))

    def _release(self, count: int) -> Iterator[tuple[Held, Odd | None]]:
        runs = {unit: [replace(run)] for unit, run in self._kept.items()}
        places = []
        for held in self._queue:
            at, mine = held.fix.at, runs.setdefault(held.fix.unit, [])
            if not mine or not mine[-1].takes(at):
                mine.append(_Run(at, at, at, at))
            places.append(len(mine) - 1)
        odd = {unit: _odd(mine) for unit, mine in runs.items()}
        jumped = self._jumps(
            [place in odd[held.fix.unit] for held, place in zip(self._queue, places, strict=True)]
        )
        released, self._queue = self._queue[:count], self._queue[count:]
        kept: dict[str, _Run] = {}
        for number, (held, place) in enumerate(zip(released, places, strict=False)):
            unit, at = held.fix.unit, held.fix.at
            far = odd[unit].get(place)
            if far is None:
                run = kept.setdefault(unit, _Run(at, at, at, at, 0))
                run.low, run.high = min(run.low, at), max(run.high, at)
                run.last, run.count = at, run.count + 1
                jump = jumped.get(number)
                if jump is None:
                    self._last[unit] = held.fix
                yield held, jump
                continue
            where: Literal["after", "before"] = "after" if far > timedelta() else "before"
            text = f"{_far(abs(far))} {where} its unit's fixes around"
            yield held, Odd(where, f"the time {at.isoformat()} is {text}")
        self._kept |= kept

    def _jumps(self, odd: Sequence[bool]) -> dict[int, Odd]:
        """Return the jumps among the fixes of the queue with possible times, by their number."""
        mine: dict[str, list[tuple[int, Fix]]] = {
            unit: [(-1, last)] for unit, last in self._last.items()
        }
        for number, (held, is_odd) in enumerate(zip(self._queue, odd, strict=True)):
            if not is_odd:
                mine.setdefault(held.fix.unit, []).append((number, held.fix))
        return {
            fixes[place][0]: _jump(fixes[place][1], right)
            for fixes in mine.values()
            for place, right in jumps([fix for _, fix in fixes], self._fastest_mps).items()
            if fixes[place][0] >= 0
        }


def _jump(fix: Fix, right: Fix) -> Odd:
    km = haversine_m(right.lon, right.lat, fix.lon, fix.lat) / 1000.0
    seconds = abs((fix.at - right.at).total_seconds())
    return Odd(
        "jump",
        f"the place {fix.lon:.5f},{fix.lat:.5f} is {km:.1f} km from its unit's fixes around, "
        f"within {seconds:.0f} s: no vehicle is that fast",
    )


def _odd(runs: Sequence[_Run]) -> dict[int, timedelta]:
    """Return the indices of a unit's runs with an impossible time, and how far they are ahead."""
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
    """Return the indices of runs that are not years away from most; if equal, of the later ones."""
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
    """Return the runs that increase in time and together hold most fixes.

    Among equal chains, return the one with the fewest jumps.
    """
    before: dict[int, int | None] = {}
    # The best chains so far: a chain that ends later holds more fixes.
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
    """Return how far a run is ahead of a time; negative if behind it, 0 if around it."""
    return max(run.low - at, timedelta()) + min(run.high - at, timedelta())


def _far(time: timedelta) -> str:
    years = time / timedelta(days=365.25)
    return f"{years:.0f} years" if years >= 1 else f"{time / timedelta(days=1):.0f} days"
