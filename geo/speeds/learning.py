"""Learn the speeds of streets by hour of the week from matched tracks.

A *passage* is one vehicle's drive over one arc. The time between two fixes is split among the arcs
in proportion to their expected times: first from the map, then from the learnt speeds, repeated a
few times until both agree (in essence, expectation and maximization). The costs that a router adds
for turns and signals are subtracted before, at most half of the time, so that they are not counted
twice. Under siren a vehicle needs 0.7 of the usual time (`geo.routing.profiles`), so its times are
divided by 0.7.

The passages of an arc in an hour of the week are winsorised to between a quarter of and four times
their median. Their mean time per metre is a harmonic mean of speeds; routes add times, so times
must be right on average. This mean is then shrunk towards a prior (Bühlmann's credibility,
1967), with n passages, and a weight of k passages for the prior::

    estimate = (n * mean + k * prior) / (n + k)

The prior of an hour of the week is the same estimate for that hour of the day on the other working
days, or on the other weekend day; its prior is the estimate for the rest of the week; and the prior
of that is the map's speed.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from geo.routing.arc_speeds import FASTEST_KPH, SLOWEST_KPH, ArcSpeeds, hour_of_week
from geo.routing.conditions import HOURS
from geo.routing.profiles import PROFILES
from geo.speeds.matching import Matched, Track
from geo.streets.columns import FloatArray, IntArray
from geo.streets.graph import StreetGraph

__all__ = ["Learnt", "SpeedLearner"]

_DAY: Final = 24
_WORKING_HOURS: Final = 5 * _DAY
_CLASSES: Final = 2 * _DAY
_ROUNDS: Final = 6
_LEAST_SHARE: Final = 0.5
_WINSORISED: Final = 4.0
_QUARTER_S: Final = 900.0


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """The learnt speeds, and the data behind them.

    `left_out` counts unused steps (from fix to fix) and passages, by a short reason.
    `median_change` is the median over arcs of learnt speed for the whole week divided by the map's.
    """

    speeds: ArcSpeeds
    passages: int
    arcs: int
    median_change: float
    left_out: Mapping[str, int]


class _Drives(NamedTuple):
    """Driven parts of arcs, each with its step and passage."""

    step: IntArray
    passage: IntArray
    arc: IntArray
    metres: FloatArray
    seconds: FloatArray
    """Of each step."""
    hour: IntArray
    """Of each passage."""
    passage_arc: IntArray


class SpeedLearner:
    """Gathers matched tracks, then learns.

    Parameters
    ----------
    streets
        The map that tracks were matched to.
    timezone
        Name of the time zone of the hours, such as ``Asia/Shanghai``.
    prior_samples
        Weight of the prior, in passages: k above.
    faster
        How many times faster than real ones the vehicles were, as in a simulated city.
    """

    def __init__(
        self,
        streets: StreetGraph,
        timezone: str,
        *,
        prior_samples: float = 5.0,
        faster: float = 1.0,
    ) -> None:
        self._streets, self._timezone = streets, timezone
        self._prior, self._faster = prior_samples, faster
        self._zone = ZoneInfo(timezone)
        self._drives: list[_Drives] = []
        self._left_out: Counter[str] = Counter()
        self._hours: dict[float, int] = {}

    def add(self, track: Track, matched: Matched, *, siren: bool = False) -> None:
        """Add a track, with times in seconds since 1970 (UTC), and the streets it drove.

        Parameters
        ----------
        siren
            Whether the whole track was driven under siren.
        """
        if not len(matched.step):
            return
        profile = PROFILES["emergency" if siren else "civilian"]
        length, steps = self._streets.arcs.length_m, len(matched.fix)
        time = track.time[matched.fix]
        seconds = np.append(np.diff(time), 0.0) * self._faster / profile.time_factor
        metres = (matched.part_end - matched.part_start) * length[matched.part_arc]
        total = np.bincount(matched.step, weights=metres, minlength=steps)
        turns = np.flatnonzero(
            (matched.step[1:] == matched.step[:-1])
            & (matched.part_arc[1:] != matched.part_arc[:-1])
        )
        cost = self._streets.turns.turn_ms(
            matched.part_arc[turns], matched.part_arc[turns + 1]
        ) / np.float64(1000.0)
        turning = np.bincount(matched.step[turns], weights=cost, minlength=steps)
        seconds = np.maximum(seconds - turning, seconds / 2.0)
        against = np.bincount(matched.step, weights=matched.part_against, minlength=steps) > 0.0
        driven = np.bincount(matched.step, minlength=steps) > 0
        fast = driven & ~against & (total * 3.6 > FASTEST_KPH * seconds)
        self._left_out["steps against a one-way street"] += int(against.sum())
        self._left_out["steps too fast to be true"] += int(fast.sum())
        usable = (driven & ~against & ~fast)[matched.step]
        # A passage continues while the same arc is driven on from the end of the last part.
        new = np.ones(len(matched.step), dtype=np.bool_)
        new[1:] = (matched.part_arc[1:] != matched.part_arc[:-1]) | (
            matched.part_start[1:] != matched.part_end[:-1]
        )
        new[1:] |= usable[1:] != usable[:-1]
        passage = np.cumsum(new) - 1
        hour = np.array([self._hour(t) for t in time[matched.step[new]].tolist()], dtype=np.int64)
        self._drives.append(
            _Drives(
                step=matched.step[usable],
                passage=passage[usable],
                arc=matched.part_arc[usable],
                metres=metres[usable],
                seconds=seconds,
                hour=hour,
                passage_arc=matched.part_arc[new],
            )
        )

    def learn(self) -> Learnt:
        """Estimate the speeds of the driven arcs."""
        arcs = self._streets.arcs
        drives = _joined(self._drives)
        map_pace = arcs.ms / 1000.0 / np.maximum(arcs.length_m, 0.01)
        metres = np.bincount(
            drives.passage, weights=drives.metres, minlength=len(drives.passage_arc)
        )
        share = metres / np.maximum(arcs.length_m[drives.passage_arc], 0.01)
        whole = np.flatnonzero(share >= _LEAST_SHARE)
        left_out = Counter(self._left_out)
        left_out["passages of less than half an arc"] += int(
            ((share < _LEAST_SHARE) & (share > 0)).sum()
        )
        levels = _Levels.of(drives.passage_arc[whole], drives.hour[whole])
        part_hour = drives.hour[drives.passage]
        believed, weekly = map_pace[drives.arc], map_pace
        cells = np.empty(0)
        for _ in range(_ROUNDS):
            worth = drives.metres * believed
            of_step = np.bincount(drives.step, weights=worth, minlength=len(drives.seconds))
            rate = drives.seconds / np.where(of_step > 0.0, of_step, 1.0)
            spent = np.bincount(
                drives.passage, weights=worth * rate[drives.step], minlength=len(metres)
            )
            cells, weekly = levels.paces(spent[whole] / metres[whole], map_pace, self._prior)
            believed = levels.at(drives.arc, part_hour, cells, weekly)
        kph = np.clip(3.6 / np.maximum(cells, 1e-9), SLOWEST_KPH, FASTEST_KPH)
        speeds = ArcSpeeds.of_indices(
            self._streets,
            self._timezone,
            arc=levels.cell // HOURS,
            hour=levels.cell % HOURS,
            kph=np.round(kph, 3),
            samples=levels.samples,
        )
        learnt = np.unique(speeds.arc)
        change = map_pace[learnt] / weekly[learnt]
        return Learnt(
            speeds,
            passages=len(whole),
            arcs=len(learnt),
            median_change=float(np.median(change)) if len(learnt) else math.nan,
            left_out={what: n for what, n in sorted(left_out.items()) if n},
        )

    def _hour(self, time: float) -> int:
        """Return the hour of the week of a time; UTC offsets are multiples of a quarter hour."""
        quarter = time // _QUARTER_S
        if quarter not in self._hours:
            at = datetime.fromtimestamp(quarter * _QUARTER_S, UTC)
            self._hours[quarter] = hour_of_week(at, self._zone)
        return self._hours[quarter]


class _Levels(NamedTuple):
    """Passages by arc and hour of the week, by arc and time of day, and by arc."""

    cell: IntArray
    """Arc times 168 plus hour, each once, in order, shape (cells,)."""
    cell_of: IntArray
    """For each passage."""
    samples: IntArray
    """Passages of each cell."""
    day: IntArray
    """Arc times 48 plus the class of the hour, each once, in order."""
    day_of: IntArray
    """For each cell."""

    @classmethod
    def of(cls, arc: IntArray, hour: IntArray) -> "_Levels":
        cell, cell_of, samples = np.unique(
            arc * HOURS + hour, return_inverse=True, return_counts=True
        )
        weekend = cell % HOURS >= _WORKING_HOURS
        day, day_of = np.unique(
            cell // HOURS * _CLASSES + cell % HOURS % _DAY + weekend * _DAY, return_inverse=True
        )
        return cls(cell, cell_of, samples, day, day_of)

    def paces(
        self, pace: FloatArray, map_pace: FloatArray, prior: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return seconds per metre of each cell, and of each arc of the map for the whole week.

        Parameters
        ----------
        pace
            Seconds per metre of each passage, shape (passages,).
        map_pace
            The map's, shape (arcs,).
        prior
            Weight of the prior, in passages.
        """
        sums = np.bincount(self.cell_of, self._winsorised(pace), minlength=len(self.cell))
        arc = self.cell // HOURS
        n_arc = np.bincount(arc, self.samples, minlength=len(map_pace))
        sum_arc = np.bincount(arc, sums, minlength=len(map_pace))
        weekly = (sum_arc + prior * map_pace) / (n_arc + prior)
        n_day = np.bincount(self.day_of, self.samples, minlength=len(self.day))
        sum_day = np.bincount(self.day_of, sums, minlength=len(self.day))
        # A broader level's prior uses only its other passages, so that none counts twice.
        at = self.day // _CLASSES
        other_days = (sum_arc[at] - sum_day + prior * map_pace[at]) / (n_arc[at] - n_day + prior)
        of = self.day_of
        other_hours = (sum_day[of] - sums + prior * other_days[of]) / (
            n_day[of] - self.samples + prior
        )
        return (sums + prior * other_hours) / (self.samples + prior), weekly

    def _winsorised(self, pace: FloatArray) -> FloatArray:
        order = np.lexsort((pace, self.cell_of))
        first = np.cumsum(self.samples) - self.samples
        low, high = first + (self.samples - 1) // 2, first + self.samples // 2
        median = ((pace[order[low]] + pace[order[high]]) / 2.0)[self.cell_of]
        clipped: FloatArray = np.clip(pace, median / _WINSORISED, median * _WINSORISED)
        return clipped

    def at(
        self, arc: IntArray, hour: IntArray, cells: FloatArray, weekly: FloatArray
    ) -> FloatArray:
        """Return seconds per metre of arcs at hours: of the cell, or of the week without a cell."""
        believed = weekly[arc]
        if len(self.cell):
            wanted = arc * HOURS + hour
            at = np.minimum(np.searchsorted(self.cell, wanted), len(self.cell) - 1)
            believed = np.where(self.cell[at] == wanted, cells[at], believed)
        return believed


def _joined(drives: list[_Drives]) -> _Drives:
    """Concatenate drives, and continue the numbers of steps and passages."""
    steps = passages = 0
    numbered = []
    for one in drives:
        numbered.append(one._replace(step=one.step + steps, passage=one.passage + passages))
        steps += len(one.seconds)
        passages += len(one.hour)
    if not numbered:
        no, none = np.empty(0, dtype=np.int64), np.empty(0)
        return _Drives(no, no, no, none, none, no, no)
    return _Drives(*(np.concatenate(columns) for columns in zip(*numbered, strict=True)))
