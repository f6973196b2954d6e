"""Map matching: find the streets that a vehicle drove from the fixes of its GPS receiver.

A hidden Markov model after Newson and Krumm ("Hidden Markov Map Matching Through Noise and
Sparseness", 2009), solved with Viterbi's algorithm. The distance of a fix from its street has a
normal distribution with the fix's own accuracy, at least 4.07 m; the path over the streets from fix
to fix is longer than the straight line by an exponential distribution. Also:

- A path that could not be driven in the time, at 1.25 times the map's speed, is less likely, by an
  exponential distribution of the excess metres: so of a street and the expressway above it, the
  one that fits the vehicle's speed is chosen (the temporal part of Lou et al. 2009, "Map-Matching
  for Low-Sampling-Rate GPS Trajectories").
- A street that is not within 60 degrees of the course is 100 times less likely, as in
  `geo.streets.snap`; a street driven against its direction, by vehicles that may, 20 times.
- A fix that has hardly moved from the last one is skipped, as in the paper, so that standing does
  not look like a U-turn. A stop of more than two minutes ends a drive, and so does a gap.
- A fix from which no path continues counts as an outlier and is left out, at most two in a row;
  otherwise the drive ends there.

A path around the block back to the same lane is not considered: with a fix at least every minute
it does not happen between two fixes.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from geo.crs import haversine_m
from geo.errors import BadFix
from geo.routing.profiles import PROFILES
from geo.speeds.lane_reach import LaneReach
from geo.streets.columns import BoolArray, FloatArray, IntArray
from geo.streets.graph import StreetGraph
from geo.streets.snap import HEADING_TOLERANCE, Snapper

__all__ = ["MatchSettings", "Matched", "Matcher", "Track"]

_GPS_M: Final = 4.07
_ODDS_AGAINST_COURSE: Final = math.log(100.0)
_ODDS_AGAINST_ONEWAY: Final = math.log(20.0)
_TOO_FAST_M: Final = 10.0


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """Limits of a drive and of its noise. Except for the paper's model, they are our choice."""

    gap_s: float = 90.0
    """A longer silence ends a drive."""
    stand_s: float = 120.0
    """A longer stand ends a drive: no red light takes as long, a stop at the kerb does."""
    worst_accuracy_m: float = 100.0
    """A worse fix is left out."""
    fastest_mps: float = 50.0
    """A faster step is not driving."""
    slack_m: float = 250.0
    """A path may be this much longer than 1.5 times the straight line."""
    candidates: int = 12
    """Most lanes considered per fix."""
    hurry: float = 1.25
    """This many times the map's speed is normal."""
    skips: int = 2
    """Most fixes in a row that count as outliers."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One vehicle's fixes as columns of shape (n,)."""

    time: FloatArray
    """Seconds since any moment, increasing."""
    lon: FloatArray
    lat: FloatArray
    accuracy_m: FloatArray
    """Radius of 68 %; NaN where unknown."""
    course: FloatArray
    """Degrees clockwise from north; NaN if unknown or meaningless, such as while standing."""

    @classmethod
    def of(
        cls,
        times: Sequence[float] | FloatArray,
        lons: Sequence[float] | FloatArray,
        lats: Sequence[float] | FloatArray,
        accuracies_m: Sequence[float] | FloatArray | None = None,
        courses: Sequence[float] | FloatArray | None = None,
    ) -> "Track":
        """Make a track from fixes in order of time.

        Raises
        ------
        BadFix
            Columns differ in length, times do not increase, or one is not finite.
        """
        time = np.asarray(times, dtype=np.float64)
        unknown = np.full(len(time), np.nan)
        columns = [
            np.asarray(lons, dtype=np.float64),
            np.asarray(lats, dtype=np.float64),
            unknown if accuracies_m is None else np.asarray(accuracies_m, dtype=np.float64),
            unknown if courses is None else np.asarray(courses, dtype=np.float64),
        ]
        if any(len(column) != len(time) for column in columns):
            raise BadFix("the columns of a track differ in length: give one value per fix")
        if not np.isfinite(time).all() or (np.diff(time) <= 0.0).any():
            raise BadFix("the times of a track do not increase: sort its fixes, one per time")
        return cls(time, *columns)

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The streets that a track drove.

    Per matched fix, shape (m,): `fix` (its index in the track), `arc`, `fraction`, `drive` (the
    drive's number). Per part of an arc driven, shape (p,): `step` (the index of the matched fix
    before, so between it and the next), `part_arc`, `part_start`, `part_end` (fractions of the arc
    in the direction of driving), `part_against` (against a one-way street).
    """

    fix: IntArray
    arc: IntArray
    fraction: FloatArray
    drive: IntArray
    step: IntArray
    part_arc: IntArray
    part_start: FloatArray
    part_end: FloatArray
    part_against: IntArray
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Number of unmatched fixes, by a short reason."""


class _Places(NamedTuple):
    """Candidate places of fixes: lanes with fractions and log-likelihoods."""

    first: IntArray
    """The candidates of fix i are `first[i]` to `first[i + 1]`."""
    lane: IntArray
    fraction: FloatArray
    score: FloatArray


class Matcher:
    """Matches tracks to a street graph; not to be shared between threads.

    Parameters
    ----------
    streets
        The map.
    snapper
        A snapper to share.
    against
        Whether vehicles may ignore one-way streets and banned turns, as under siren.
    settings
        Limits of a drive.
    """

    def __init__(
        self,
        streets: StreetGraph,
        snapper: Snapper | None = None,
        *,
        against: bool = False,
        settings: MatchSettings | None = None,
    ) -> None:
        self._snapper = snapper or Snapper(streets)
        self._twin = streets.arcs.twin
        self._reach = LaneReach(streets, against=against)
        self._settings = settings or MatchSettings()
        time_factor = PROFILES["emergency"].time_factor if against else 1.0
        self._hurry = self._settings.hurry / time_factor

    def match(self, track: Track) -> Matched:
        """Find the streets of a track.

        Raises
        ------
        BadCoordinates
        """
        self._reach.forget_if_full()
        counts: Counter[str] = Counter()
        fixes, begins = self._moving(track, counts)
        places = self._places(track, fixes)
        lost = np.diff(places.first) == 0
        if lost.any():
            counts["no street near"] += int(lost.sum())
            fixes, begins = fixes[~lost], _passed_on(begins, lost)
            begins[1:] |= np.diff(track.time[fixes]) > self._settings.stand_s
            places = places._replace(first=np.append(places.first[:-1][~lost], places.first[-1]))
        drives = list(self._drives(track, fixes, begins, places, counts))
        return self._described(fixes, places, drives, counts)

    def _moving(self, track: Track, counts: Counter[str]) -> tuple[IntArray, BoolArray]:
        """Return fixes that have moved on, with a mark where another drive begins."""
        s = self._settings
        usable = ~(track.accuracy_m > s.worst_accuracy_m)
        counts["too inaccurate"] += int((~usable).sum())
        rows = np.flatnonzero(usable)
        if not rows.size:
            return rows, usable[rows]
        spacing = 2.0 * np.fmax(track.accuracy_m[rows], _GPS_M)
        times, lons, lats = track.time[rows], track.lon[rows], track.lat[rows]
        # Degrees to metres, exact enough to see whether a vehicle stands.
        x = np.radians(lons) * np.cos(np.radians(lats)) * 6_371_009.0
        y = np.radians(lats) * 6_371_009.0
        kept, marks = [0], [True]
        last = 0
        for i, (t, before, px, py, apart) in enumerate(
            zip(
                times[1:].tolist(),
                times[:-1].tolist(),
                x[1:].tolist(),
                y[1:].tolist(),
                spacing[1:].tolist(),
                strict=True,
            ),
            1,
        ):
            gap = t - before > s.gap_s
            if gap or math.hypot(px - x[last], py - y[last]) >= apart:
                kept.append(i)
                marks.append(gap or t - times[last] > s.stand_s)
                last = i
        counts["standing"] += len(rows) - len(kept)
        return rows[kept], np.array(marks, dtype=np.bool_)

    def _places(self, track: Track, fixes: IntArray) -> _Places:
        """Return the likeliest lanes near each fix."""
        accuracy = np.fmax(track.accuracy_m[fixes], _GPS_M)
        radius = np.clip(4.0 * accuracy, 40.0, 200.0)
        near = self._snapper.near(track.lon[fixes], track.lat[fixes], radius)
        twin, against = self._twin[near.arc], self._reach.against_of[near.arc]
        score = -0.5 * np.square(near.distance_m / accuracy[near.point])
        course = track.course[fixes][near.point]
        off = np.abs((course - near.bearing + 180.0) % 360.0 - 180.0)
        ahead = np.where(off > HEADING_TOLERANCE, _ODDS_AGAINST_COURSE, 0.0)
        back = np.where(180.0 - off > HEADING_TOLERANCE, _ODDS_AGAINST_COURSE, 0.0)
        two, turned = np.flatnonzero(twin >= 0), np.flatnonzero(against >= 0)
        point = np.concatenate([near.point, near.point[two], near.point[turned]])
        lane = np.concatenate([near.arc, twin[two], against[turned]])
        fraction = np.concatenate([near.fraction, 1.0 - near.fraction[two]])
        fraction = np.concatenate([fraction, 1.0 - near.fraction[turned]])
        score = np.concatenate(
            [
                score - ahead,
                (score - back)[two],
                (score - back)[turned] - _ODDS_AGAINST_ONEWAY,
            ]
        )
        order = np.lexsort((lane, -score, point))
        rank = np.arange(len(order)) - np.searchsorted(point[order], point[order])
        order = order[rank < self._settings.candidates]
        return _Places(
            np.searchsorted(point[order], np.arange(len(fixes) + 1)),
            lane[order],
            fraction[order],
            score[order],
        )

    def _drives(
        self,
        track: Track,
        fixes: IntArray,
        begins: BoolArray,
        places: _Places,
        counts: Counter[str],
    ) -> Iterator[list[tuple[int, int]]]:
        """Return for each drive the matched fixes (by row), each with its chosen candidate."""
        bounds = [*np.flatnonzero(begins).tolist(), len(fixes)]
        for start, end in pairwise(bounds):
            rows = np.arange(start, end)
            steps = iter(self._steps(track, fixes, places, rows[:-1], rows[1:]))
            drive = _Viterbi(start, _of(places.score, places, start))
            for row in range(start + 1, end):
                step = next(steps)
                if drive.last != row - 1:  # the fix before was left out
                    one = np.array([drive.last]), np.array([row])
                    step = self._steps(track, fixes, places, *one)[0]
                if drive.go(row, step, _of(places.score, places, row)):
                    continue
                if row - drive.last <= self._settings.skips:
                    counts["outlier"] += 1
                    continue
                yield from self._ended(drive, counts)
                drive = _Viterbi(row, _of(places.score, places, row))
            yield from self._ended(drive, counts)

    @staticmethod
    def _ended(drive: "_Viterbi", counts: Counter[str]) -> Iterator[list[tuple[int, int]]]:
        chosen = drive.best()
        if len(chosen) > 1:
            yield chosen
        else:
            counts["single, no drive"] += 1

    def _steps(
        self, track: Track, fixes: IntArray, places: _Places, before: IntArray, after: IntArray
    ) -> list[FloatArray]:
        """Return log-likelihoods of the paths between candidates of pairs of fixes, as matrices."""
        first = places.first
        wide, high = np.diff(first)[after], np.diff(first)[before]
        size = wide * high
        pair = np.repeat(np.arange(len(before)), size)
        cell = np.arange(len(pair)) - np.repeat(np.cumsum(size) - size, size)
        a = first[before][pair] + cell // wide[pair]
        b = first[after][pair] + cell % wide[pair]
        one, other = fixes[before], fixes[after]
        straight = haversine_m(track.lon[one], track.lat[one], track.lon[other], track.lat[other])
        elapsed = track.time[other] - track.time[one]
        error = np.hypot(
            np.fmax(track.accuracy_m[one], _GPS_M), np.fmax(track.accuracy_m[other], _GPS_M)
        )
        most = np.minimum(
            1.5 * straight + self._settings.slack_m,
            self._settings.fastest_mps * elapsed + 2.0 * error,
        )
        lane_a, lane_b, reach = places.lane[a], places.lane[b], self._reach
        along, on = places.fraction[a], places.fraction[b]
        limit = most[pair]
        way, took = reach.ways(lane_a, lane_b, limit + along * reach.length_m[lane_a])
        way += on * reach.length_m[lane_b] - along * reach.length_m[lane_a]
        took += on * reach.seconds[lane_b] - along * reach.seconds[lane_a]
        # Noise may move a vehicle that creeps a little backwards: it has not driven then.
        crept = (lane_a == lane_b) & (way < 0.0) & (way >= -2.0 * error[pair])
        way[crept] = 0.0
        likely = -np.abs(way - straight[pair]) / _beta(error)[pair]
        possible = self._hurry * elapsed[pair] / np.maximum(took, 1e-3)
        likely -= way * np.maximum(1.0 - possible, 0.0) / _TOO_FAST_M
        likely[(way < 0.0) | (way > limit)] = -np.inf
        ends = np.cumsum(size)
        return [
            likely[end - n : end].reshape(h, w)
            for end, n, h, w in zip(
                ends.tolist(), size.tolist(), high.tolist(), wide.tolist(), strict=True
            )
        ]

    def _described(
        self,
        fixes: IntArray,
        places: _Places,
        drives: list[list[tuple[int, int]]],
        counts: Counter[str],
    ) -> Matched:
        """Return drives as columns, with the paths between their fixes."""
        count = len(self._twin)
        rows: list[tuple[int, int, float, int]] = []
        parts: list[tuple[int, int, float, float]] = []
        for number, drive in enumerate(drives):
            at = 0.0
            for i, (row, choice) in enumerate(drive):
                place = int(places.first[row]) + choice
                lane, fraction = int(places.lane[place]), float(places.fraction[place])
                if i:
                    before = int(places.lane[int(places.first[drive[i - 1][0]]) + drive[i - 1][1]])
                    step = len(rows) - 1
                    if before == lane:
                        fraction = max(at, fraction)
                        parts.append((step, lane, at, fraction))
                    else:
                        parts.append((step, before, at, 1.0))
                        between = self._reach.between(before, lane)
                        parts += [(step, passed, 0.0, 1.0) for passed in between]
                        parts.append((step, lane, 0.0, fraction))
                rows.append((int(fixes[row]), lane, fraction, number))
                at = fraction
        fix, lane_at, fraction_at, drive_of = _table(rows)
        step_of, part, start, end = _table(parts)
        arc_of = self._reach.arc
        lanes, part_lane = lane_at.astype(np.int64), part.astype(np.int64)
        turned = lanes >= count
        return Matched(
            fix=fix.astype(np.int64),
            arc=arc_of[lanes],
            fraction=np.where(turned, 1.0 - fraction_at, fraction_at),
            drive=drive_of.astype(np.int64),
            step=step_of.astype(np.int64),
            part_arc=arc_of[part_lane],
            part_start=start,
            part_end=end,
            part_against=(part_lane >= count).astype(np.int64),
            left_out={what: n for what, n in sorted(counts.items()) if n},
        )


class _Viterbi:
    """The likeliest sequence of candidates so far, for one drive."""

    def __init__(self, row: int, score: FloatArray) -> None:
        self.last = row
        self._score = score
        self._rows = [row]
        self._back: list[IntArray] = []

    def go(self, row: int, step: FloatArray, score: FloatArray) -> bool:
        """Add one more fix; if no path leads to it, change nothing and return False."""
        total = self._score[:, None] + step
        back = total.argmax(axis=0)
        best = total[back, np.arange(total.shape[1])] + score
        top = best.max()
        if not math.isfinite(top):
            return False
        self._score = best - top
        self._rows.append(row)
        self._back.append(back)
        self.last = row
        return True

    def best(self) -> list[tuple[int, int]]:
        """Rows and the candidate of each, in order."""
        choice = int(self._score.argmax())
        chosen = [(self._rows[-1], choice)]
        for row, back in zip(self._rows[-2::-1], reversed(self._back), strict=True):
            choice = int(back[choice])
            chosen.append((row, choice))
        return chosen[::-1]


def _beta(error_m: FloatArray) -> FloatArray:
    """Return the mean of the exponential distribution: paths minus straight lines."""
    return 2.0 + 0.25 * error_m


def _of(column: FloatArray, places: _Places, row: int) -> FloatArray:
    return column[places.first[row] : places.first[row + 1]]


def _passed_on(begins: BoolArray, lost: BoolArray) -> BoolArray:
    """Return the marks without lost fixes; a lost fix's mark passes to the next fix."""
    group = np.cumsum(begins)[~lost]
    first = np.ones(len(group), dtype=np.bool_)
    first[1:] = np.diff(group) != 0
    return first


def _table(rows: Sequence[tuple[float, ...]]) -> tuple[FloatArray, ...]:
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return tuple(columns[:, i].copy() for i in range(4))
