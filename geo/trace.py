"""The line that a route draws, with the time at each of its points."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from geo.crs import FloatArray, haversine_m

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
    pieces: Sequence[Trace], lines: npt.NDArray[np.object_]
) -> tuple[tuple[tuple[float, float], ...], tuple[int, ...]]:
    """Draw a route.

    Parameters
    ----------
    pieces
        In order of driving, at least one.
    lines
        LineStrings of the arcs, WGS-84 degrees.

    Returns
    -------
    coordinates, times_ms
        (lon, lat) pairs, at least two, without repeated points; milliseconds since the start at
        each, at even speed within an arc.
    """
    coordinates: list[tuple[float, float]] = []
    times: list[int] = []
    before = 0
    for piece in pieces:
        xy, along = _cut(lines[piece.arc], piece)
        at = before + np.rint(along * piece.ms).astype(np.int64)
        for point, time in zip(xy.tolist(), at.tolist(), strict=True):
            lonlat = (point[0], point[1])
            if coordinates and coordinates[-1] == lonlat:
                times[-1] = time
            else:
                coordinates.append(lonlat)
                times.append(time)
        before += piece.ms
    if len(coordinates) == 1:
        coordinates, times = coordinates * 2, [0, before]
    return tuple(coordinates), tuple(times)


def _cut(line: shapely.LineString, piece: Trace) -> tuple[FloatArray, FloatArray]:
    """Points of the driven part of a line, and how far along that part they lie (0 to 1)."""
    xy = shapely.get_coordinates(line)
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
    return points, along
