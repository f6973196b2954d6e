"""The line that a route draws, with the time at each of its points."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from geo.crs import FloatArray, haversine_m
from geo.lines import Lines

__all__ = ["Trace", "trace"]


class Trace(NamedTuple):
    """A part of an arc as it is driven.

    `start` and `end` are fractions of its length in the direction of driving, which is against
    the arc's own if `against`; `ms` is the time for the part.
    """

    arc: int
    against: bool
    start: float
    end: float
    ms: int


def trace(
    pieces: Sequence[Trace], lines: Lines
) -> tuple[tuple[tuple[float, float], ...], tuple[int, ...]]:
    """Draw a route.

    Parameters
    ----------
    pieces
        In order of driving, at least one.
    lines
        Shapes of the arcs, WGS-84 degrees.

    Returns
    -------
    coordinates, times_ms
        (lon, lat) pairs, at least two, without repeated points; milliseconds since the start at
        each, at even speed within an arc.
    """
    parts = []
    before = 0
    at = 0
    while at < len(pieces):
        after = at + 1
        if _is_whole(pieces[at]):
            while after < len(pieces) and _is_whole(pieces[after]):
                after += 1
            xy, times = _whole(pieces[at:after], lines)
        else:
            xy, times = _cut(pieces[at], lines)
        parts.append((xy, times + before))
        before += sum(piece.ms for piece in pieces[at:after])
        at = after
    xy = np.concatenate([xy for xy, _ in parts])
    times = np.concatenate([times for _, times in parts])
    last = np.append((xy[1:] != xy[:-1]).any(axis=1), True)  # of points that repeat, the last
    coordinates = tuple(map(tuple, xy[last].tolist()))
    if len(coordinates) == 1:
        return coordinates * 2, (0, before)
    return coordinates, tuple(times[last].tolist())


def _is_whole(piece: Trace) -> bool:
    return piece.start == 0.0 and piece.end == 1.0


def _whole(pieces: Sequence[Trace], lines: Lines) -> tuple[FloatArray, FloatArray]:
    """Points of whole arcs, and the time at each since the first of them."""
    arcs = np.array([piece.arc for piece in pieces])
    against = np.array([piece.against for piece in pieces])
    ms = np.array([piece.ms for piece in pieces])
    rows, counts = lines.rows(arcs)
    piece = np.repeat(np.arange(len(pieces)), counts)
    ends = np.cumsum(counts)
    starts = ends - counts
    mirrored = rows[(starts + ends - 1)[piece] - np.arange(len(rows))]
    xy = lines.xy[np.where(against[piece], mirrored, rows)]
    step = np.concatenate([[0.0], haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])])
    step[starts] = 0.0
    distance = np.cumsum(step)
    distance -= distance[starts][piece]
    length = distance[ends - 1]
    # An arc without length is left in no time but at its last point.
    along = np.divide(distance, length[piece], where=length[piece] > 0.0, out=np.zeros(len(rows)))
    along[ends - 1] = 1.0
    return xy, np.rint(along * ms[piece]).astype(np.int64) + (np.cumsum(ms) - ms)[piece]


def _cut(piece: Trace, lines: Lines) -> tuple[FloatArray, FloatArray]:
    """Points of the driven part of an arc, and the time at each since it began."""
    xy = lines.xy[lines.first[piece.arc] : lines.first[piece.arc + 1]]
    if piece.against:
        xy = xy[::-1]
    steps = haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])
    distance = np.concatenate([[0.0], np.cumsum(steps)])
    if distance[-1] <= 0.0 or piece.end <= piece.start:
        where = np.array([piece.start, piece.end]) * distance[-1]
        along = np.array([0.0, 1.0])
    else:
        start, end = piece.start * distance[-1], piece.end * distance[-1]
        inner = distance[(distance > start) & (distance < end)]
        where = np.concatenate([[start], inner, [end]])
        along = (where - start) / (end - start)
    points = np.column_stack(
        [np.interp(where, distance, xy[:, 0]), np.interp(where, distance, xy[:, 1])]
    )
    return points, np.rint(along * piece.ms).astype(np.int64)
