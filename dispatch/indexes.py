"""Indexes of a region's memory, so that an entry costs the same however much is open."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterator
from datetime import datetime
from math import ceil, cos, floor, nan, radians
from typing import Any, Generic, TypeVar

from schemas.records import Point

Id = TypeVar("Id", bound=Hashable)

_ROUND_DEG = 360.0
_FEW = 48
"""So many are looked through faster than their cells are."""
_METRES_PER_DEGREE = 111_000.0  # of latitude, rather too few than too many

_Inner = TypeVar("_Inner", dict[Any, Any], list[Any])

_Cell = tuple[int, int]
_Stand = tuple[datetime, str, float, float]
"""When, which id, and where: longitude and latitude, no numbers for what has no place."""


def copied(nested: dict[Id, _Inner]) -> dict[Id, _Inner]:
    """Return a copy of dicts or lists by id; what those hold is shared."""
    return {key: inner.copy() for key, inner in nested.items()}


class Ordered(Generic[Id]):
    """Ids in the order of their keys, which are comparable; an id put again moves."""

    def __init__(self) -> None:
        self._keys: dict[Id, Any] = {}
        self._sorted: list[tuple[Any, Id]] = []

    def put(self, item: Id, key: Any) -> None:  # noqa: ANN401 - whatever compares
        """Put an id where its key belongs."""
        if self._keys.get(item) == key:
            return
        self.drop(item)
        self._keys[item] = key
        insort(self._sorted, (key, item))

    def drop(self, item: Id) -> None:
        """Take an id out, if it is there."""
        if item in self._keys:
            del self._sorted[bisect_left(self._sorted, (self._keys.pop(item), item))]

    def copy(self) -> "Ordered[Id]":
        """Return the same ids in the same order, to be changed by itself."""
        twin = Ordered[Id]()
        twin._keys, twin._sorted = self._keys.copy(), self._sorted.copy()
        return twin

    def first(self) -> Any | None:  # noqa: ANN401
        """Return the smallest key, None without any."""
        return self._sorted[0][0] if self._sorted else None

    def until(self, key: Any, most: int | None = None) -> list[Id]:  # noqa: ANN401
        """Return the ids whose key is at most this one, and no more than ``most``."""
        end = bisect_right(self._sorted, key, key=lambda pair: pair[0])
        return [item for _, item in self._sorted[: end if most is None else min(end, most)]]

    def beyond(self, place: tuple[Any, Id] | None) -> Iterator[tuple[Any, Id]]:
        """Yield keys and ids behind a place, which need not be taken; from the first if None.

        Nothing may be put or dropped meanwhile.
        """
        begin = 0 if place is None else bisect_right(self._sorted, place)
        for index in range(begin, len(self._sorted)):
            yield self._sorted[index]

    def __iter__(self) -> Iterator[Id]:
        return iter([item for _, item in self._sorted])


class Shelf:
    """Ids by time and place (WGS-84).

    Cells are as large as the distance within which is asked: nine of them hold all that is near.
    """

    def __init__(self, reach_m: float) -> None:
        self._north = reach_m / _METRES_PER_DEGREE
        self._columns_round = max(1, floor(_ROUND_DEG / (2.0 * self._north)))
        self._stands: dict[str, tuple[_Cell | None, _Stand]] = {}
        self._by_time: list[_Stand] = []
        self._cells: dict[_Cell | None, list[_Stand]] = {}

    def put(self, item: str, point: Point | None, at: datetime) -> None:
        """Put an id at a place and time, or among those without a place."""
        self.drop(item)
        cell = None if point is None else self._cell(point)
        stand = (at, item, nan, nan) if point is None else (at, item, point.lon, point.lat)
        self._stands[item] = cell, stand
        insort(self._by_time, stand)
        insort(self._cells.setdefault(cell, []), stand)

    def drop(self, item: str) -> None:
        """Take an id out, if it is there."""
        if item not in self._stands:
            return
        cell, stand = self._stands.pop(item)
        del self._by_time[bisect_left(self._by_time, stand)]
        inside = self._cells[cell]
        del inside[bisect_left(inside, stand)]
        if not inside:
            del self._cells[cell]

    def around(self, point: Point | None, since: datetime) -> list[str]:
        """Return all ids since a time within reach of a point, and those without a place.

        Some are a little farther away; all since the time where ``point`` is None.
        """
        first = bisect_left(self._by_time, (since,))
        if point is None:
            return [stand[1] for stand in self._by_time[first:]]
        north, lon0, lat0 = self._north, point.lon, point.lat
        east = north / max(cos(radians(min(90.0, abs(lat0) + north))), 1e-6)
        round_about = _ROUND_DEG - east
        if len(self._by_time) - first <= _FEW:
            stands = self._by_time[first:]
        else:
            stands = self._near(point, east, since)
        # What has no place is nowhere: no comparison with it holds.
        return [
            item
            for _, item, lon, lat in stands
            if not (abs(lat - lat0) > north or east < abs(lon - lon0) < round_about)
        ]

    def _near(self, point: Point, east: float, since: datetime) -> list[_Stand]:
        """Return what stands in the cells around a point, and without a place, since a time."""
        column, row = self._cell(point)
        columns = ceil(east * self._columns_round / _ROUND_DEG)
        xs = range(column - columns, column + columns + 1)
        cells: dict[_Cell | None, None] = {None: None}
        cells |= {(x % self._columns_round, y): None for x in xs for y in (row - 1, row, row + 1)}
        found: list[_Stand] = []
        for cell in cells:
            inside = self._cells.get(cell)
            if inside is not None:
                found += inside[bisect_left(inside, (since,)) :]
        return found

    def _cell(self, point: Point) -> _Cell:
        column = floor(point.lon * self._columns_round / _ROUND_DEG) % self._columns_round
        return column, floor(point.lat / self._north)
