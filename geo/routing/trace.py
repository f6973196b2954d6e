"""A route as a line, with the time at each of its points."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray, haversine_m
from geo.streets.lines import Lines

__all__ = ["Pieces", "Trace", "drawn", "trace"]

IntArray = npt.NDArray[np.int64]


class Trace(NamedTuple):
    """A driven part of an arc.

    `start` and `end` are fractions of its length in the direction of driving, which is opposite
    to the arc's own direction if `against`; `ms` is the time for the part.
    """

    arc: int
    against: bool
    start: float
    end: float
    ms: int


class Pieces(NamedTuple):
    """Many parts of arcs, in order of driving: the fields of `Trace` as columns."""

    arc: IntArray
    against: npt.NDArray[np.bool_]
    start: FloatArray
    end: FloatArray
    ms: IntArray

    @classmethod
    def of(cls, traces: Sequence[Trace]) -> "Pieces":
        """Return parts of arcs as columns."""
        arc, against, start, end, ms = zip(*traces, strict=True)
        return cls(
            np.array(arc, dtype=np.int64),
            np.array(against, dtype=np.bool_),
            np.array(start, dtype=np.float64),
            np.array(end, dtype=np.float64),
            np.array(ms, dtype=np.int64),
        )

    def taken(self, part: slice | IntArray) -> "Pieces":
        """Return some of the pieces."""
        return Pieces._make(column[part] for column in self)

    def without_empty(self) -> "Pieces":
        """Leave out pieces without length; add their time to the piece before.

        If no piece has a length, keep the first one.
        """
        kept = np.flatnonzero(self.end > self.start)
        if not kept.size:
            kept = np.zeros(1, dtype=np.int64)
        return self.taken(kept)._replace(ms=np.add.reduceat(self.ms, kept))


def trace(
    pieces: Sequence[Trace], lines: Lines
) -> tuple[tuple[tuple[float, float], ...], tuple[int, ...]]:
    """Draw a route, like `drawn`."""
    return drawn(Pieces.of(pieces), lines)


def drawn(pieces: Pieces, lines: Lines) -> tuple[tuple[tuple[float, float], ...], tuple[int, ...]]:
    """Draw a route.

    Parameters
    ----------
    pieces
        At least one.
    lines
        Shapes of the arcs, WGS-84 degrees.

    Returns
    -------
    coordinates, times_ms
        (lon, lat) pairs, at least two, without repeated points; milliseconds since the start at
        each, at even speed within an arc.
    """
    whole = (pieces.start == 0.0) & (pieces.end == 1.0)
    # Each cut piece is drawn alone, consecutive whole ones are drawn together.
    begins = np.ones(len(whole), dtype=np.bool_)
    begins[1:] = ~(whole[1:] & whole[:-1])
    firsts = np.flatnonzero(begins).tolist()
    before = (np.cumsum(pieces.ms) - pieces.ms).tolist()
    parts = []
    for first, end in itertools.pairwise([*firsts, len(whole)]):
        some = pieces.taken(slice(first, end))
        xy, times = _whole(some, lines) if whole[first] else _cut(some, lines)
        parts.append((xy, times + before[first]))
    xy = np.concatenate([xy for xy, _ in parts])
    times = np.concatenate([times for _, times in parts])
    last = np.append((xy[1:] != xy[:-1]).any(axis=1), True)  # of points that repeat, the last
    coordinates = tuple(map(tuple, xy[last].tolist()))
    if len(coordinates) == 1:
        return coordinates * 2, (0, int(pieces.ms.sum()))
    return coordinates, tuple(times[last].tolist())


def _whole(pieces: Pieces, lines: Lines) -> tuple[FloatArray, IntArray]:
    """Return the points of whole arcs, and the time at each since the first of them."""
    ms = pieces.ms
    rows, counts = lines.rows(pieces.arc)
    piece = np.repeat(np.arange(len(ms)), counts)
    ends = np.cumsum(counts)
    starts = ends - counts
    mirrored = rows[(starts + ends - 1)[piece] - np.arange(len(rows))]
    xy = lines.xy[np.where(pieces.against[piece], mirrored, rows)]
    step = np.concatenate([[0.0], haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])])
    step[starts] = 0.0
    distance = np.cumsum(step)
    distance -= distance[starts][piece]
    length = distance[ends - 1]
    # An arc without length takes all its time at its last point.
    along = np.divide(distance, length[piece], where=length[piece] > 0.0, out=np.zeros(len(rows)))
    along[ends - 1] = 1.0
    return xy, np.rint(along * ms[piece]).astype(np.int64) + (np.cumsum(ms) - ms)[piece]


def _cut(pieces: Pieces, lines: Lines) -> tuple[FloatArray, IntArray]:
    """Return the points of the driven part of one arc, and the time at each since its start."""
    arc, against, first, last, ms = (column[0] for column in pieces)
    xy = lines.xy[lines.first[arc] : lines.first[arc + 1]]
    if against:
        xy = xy[::-1]
    steps = haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])
    distance = np.concatenate([[0.0], np.cumsum(steps)])
    if distance[-1] <= 0.0 or last <= first:
        where = np.array([first, last]) * distance[-1]
        along = np.array([0.0, 1.0])
    else:
        start, end = first * distance[-1], last * distance[-1]
        inner = distance[(distance > start) & (distance < end)]
        where = np.concatenate([[start], inner, [end]])
        along = (where - start) / (end - start)
    points = np.column_stack(
        [np.interp(where, distance, xy[:, 0]), np.interp(where, distance, xy[:, 1])]
    )
    return points, np.rint(along * ms).astype(np.int64)
