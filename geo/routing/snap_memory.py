"""Positions with their streets as columns, and a cache of positions snapped before.

A fleet that mostly stands still is queried again and again, so known positions are not snapped
again. Columns are cheaper than objects: a new fleet of 200 would make a thousand objects.
"""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray
from geo.errors import UnknownArc
from geo.routing.profiles import WALK_MS_PER_M
from geo.routing.reference import Position
from geo.streets.snap import Place, Snapped, Snapper

__all__ = ["Places", "SnapMemory", "lonlat"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

T = TypeVar("T", np.int64, np.float64)

_REMEMBERED = 65_536
_FEW = 2
"""Up to this many points are snapped faster one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Places on arcs of n positions.

    The places of position i are `first[i]` to `first[i + 1]` of `arc` and `fraction`, in order of
    arcs; there is none if no street is near. `walk_ms` is the time to the street, shape (n,), inf
    if there is none.
    """

    first: IntArray
    arc: IntArray
    fraction: FloatArray
    walk_ms: FloatArray

    @property
    def of(self) -> IntArray:
        """Index of the position that each place belongs to."""
        return np.repeat(np.arange(len(self.walk_ms)), np.diff(self.first))

    @property
    def at_street(self) -> BoolArray:
        """Whether each position has a street near, shape (n,)."""
        near: BoolArray = self.first[1:] > self.first[:-1]
        return near

    def at(self, i: int) -> list[tuple[int, float]]:
        """Return arc and fraction of each place of one position."""
        part = slice(self.first[i], self.first[i + 1])
        return list(zip(self.arc[part].tolist(), self.fraction[part].tolist(), strict=True))

    def __getitem__(self, part: slice) -> "Places":
        """Return some of the positions, one after the other."""
        start, end, _ = part.indices(len(self.walk_ms))
        low, high = self.first[start], self.first[end]
        return Places(
            self.first[start : end + 1] - low,
            self.arc[low:high],
            self.fraction[low:high],
            self.walk_ms[start:end],
        )

    def replaced(self, at: IntArray, by: "Places") -> "Places":
        """Return the places with other positions at some indices, which ascend."""
        kept = ~np.isin(self.of, at)
        of = np.concatenate([self.of[kept], at[by.of]])
        order = np.argsort(of, kind="stable")
        walk_ms = self.walk_ms.copy()
        walk_ms[at] = by.walk_ms
        return Places(
            np.searchsorted(of[order], np.arange(len(walk_ms) + 1)),
            np.concatenate([self.arc[kept], by.arc])[order],
            np.concatenate([self.fraction[kept], by.fraction])[order],
            walk_ms,
        )


class SnapMemory:
    """Snaps positions to some streets, each once; may be shared between threads.

    Parameters
    ----------
    snapper
        Of the map.
    open_arcs
        Arcs to snap to, shape (arcs,).
    """

    def __init__(self, snapper: Snapper, open_arcs: BoolArray) -> None:
        self._snapper, self._open = snapper, open_arcs
        self._lock = threading.Lock()
        self._row: dict[Position, int] = {}
        # As in `Places`, with room for more at the end.
        self._first: IntArray = np.zeros(1, dtype=np.int64)
        self._arc: IntArray = np.empty(0, dtype=np.int64)
        self._fraction: FloatArray = np.empty(0)
        self._walk_ms: FloatArray = np.empty(0)

    def places(self, positions: Sequence[Position]) -> Places:
        """Return the places of positions; already snapped positions keep theirs.

        Raises
        ------
        BadCoordinates
        UnknownArc
            A snapped position names an arc that is not in the map.
        """
        with self._lock:
            new = [p for p in dict.fromkeys(positions) if p not in self._row]
            if len(self._row) + len(new) > _REMEMBERED:
                self._row.clear()
                new = list(dict.fromkeys(positions))
            if new:
                self._learn(new)
            row = np.array([self._row[p] for p in positions], dtype=np.int64)
            start = self._first[row]
            count = self._first[row + 1] - start
            first = np.concatenate([[0], np.cumsum(count)])
            at = np.arange(first[-1]) + np.repeat(start - first[:-1], count)
            return Places(first, self._arc[at], self._fraction[at], self._walk_ms[row])

    def snapped(self, positions: Sequence[Position], open_arcs: BoolArray) -> Places:
        """Snap positions to other streets, without caching them."""
        points = [lonlat(position) for position in positions]
        if len(points) <= _FEW:
            return _in_columns([self._snapper.places(*point, open_arcs) for point in points])
        found = self._snapper.snap_columns(
            [lon for lon, _ in points], [lat for _, lat in points], open_arcs=open_arcs
        )
        return Places(found.first, found.arc, found.fraction, _walked(found.distance_m))

    def _learn(self, positions: Sequence[Position]) -> None:
        given = [position for position in positions if isinstance(position, Snapped)]
        points = [position for position in positions if not isinstance(position, Snapped)]
        for known, places in (
            (points, self.snapped(points, self._open)),
            (given, self._as_given(given)),
        ):
            row = len(self._row)
            used = int(self._first[row])
            self._first = _with(self._first, row + 1, used + places.first[1:])
            self._arc = _with(self._arc, used, places.arc)
            self._fraction = _with(self._fraction, used, places.fraction)
            self._walk_ms = _with(self._walk_ms, row, places.walk_ms)
            self._row.update(zip(known, itertools.count(row), strict=False))

    def _as_given(self, snapped: Sequence[Snapped]) -> Places:
        for place in (place for one in snapped for place in one.places):
            if not 0 <= place.arc < len(self._open):
                raise UnknownArc(
                    f"arc {place.arc} is not in this street graph: snap the point again"
                )
        return _in_columns([(one.places, one.distance_m) for one in snapped])


def lonlat(position: Position) -> tuple[float, float]:
    """Longitude and latitude of a position."""
    if isinstance(position, Snapped):
        return position.lon, position.lat
    lon, lat = position
    return lon, lat


def _in_columns(snapped: Sequence[tuple[Sequence[Place], float]]) -> Places:
    """Return places and distances of positions as columns."""
    places = [place for found, _ in snapped for place in found]
    return Places(
        np.cumsum([0, *(len(found) for found, _ in snapped)]),
        np.array([place.arc for place in places], dtype=np.int64),
        np.array([place.fraction for place in places], dtype=np.float64),
        _walked(np.array([distance_m for _, distance_m in snapped], dtype=np.float64)),
    )


def _walked(distance_m: FloatArray) -> FloatArray:
    walked: FloatArray = np.rint(distance_m * WALK_MS_PER_M)
    return walked


def _with(column: npt.NDArray[T], at: int, values: npt.NDArray[T]) -> npt.NDArray[T]:
    """Write values from a row on, into a longer column if there is no room."""
    end = at + len(values)
    if end > len(column):
        column = np.concatenate([column[:at], np.empty(max(end, 1024), dtype=column.dtype)])
    column[at:end] = values
    return column
