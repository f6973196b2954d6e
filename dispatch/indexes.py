"""Indexes of a region's memory, so that an entry costs the same however much is open."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterator
from math import ceil, cos, floor, radians
from typing import Any, Generic, TypeVar

from schemas.records import Point

Id = TypeVar("Id", bound=Hashable)

_CELL_DEG = 0.0025
"""Side of a cell, about 280 m of latitude; a whole number of cells goes round the globe."""
_CELLS_ROUND = round(360 / _CELL_DEG)
_METRES_PER_DEGREE = 111_195.0  # of latitude, mean sphere
_MANY_CELLS = 2_000
"""Beyond so many it is quicker to look at everything."""


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

    def has(self, item: Id) -> bool:
        """Tell whether an id is there."""
        return item in self._keys

    def first(self) -> Any | None:  # noqa: ANN401
        """Return the smallest key, None without any."""
        return self._sorted[0][0] if self._sorted else None

    def until(self, key: Any) -> list[Id]:  # noqa: ANN401
        """Return the ids whose key is at most this one."""
        end = bisect_right(self._sorted, key, key=lambda pair: pair[0])
        return [item for _, item in self._sorted[:end]]

    def beyond(self, item: Id | None) -> list[Id]:
        """Return the ids behind this one; all of them where it is not there."""
        begin = 0
        if item is not None and item in self._keys:
            begin = bisect_right(self._sorted, (self._keys[item], item))
        return [other for _, other in self._sorted[begin:]]

    def __iter__(self) -> Iterator[Id]:
        return iter([item for _, item in self._sorted])

    def __len__(self) -> int:
        return len(self._sorted)


class Grid:
    """Ids by the cell of their place (WGS-84); those without a place by itself."""

    def __init__(self) -> None:
        self._cell_of: dict[str, tuple[int, int] | None] = {}
        self._cells: dict[tuple[int, int] | None, dict[str, None]] = {}

    def put(self, item: str, point: Point | None) -> None:
        """Put an id at a place, or among those without one."""
        self.drop(item)
        cell = None if point is None else _cell(point)
        self._cell_of[item] = cell
        self._cells.setdefault(cell, {})[item] = None

    def drop(self, item: str) -> None:
        """Take an id out, if it is there."""
        if item not in self._cell_of:
            return
        cell = self._cell_of.pop(item)
        del self._cells[cell][item]
        if not self._cells[cell]:
            del self._cells[cell]

    def around(self, point: Point, metres: float) -> list[str]:
        """Return all ids within ``metres`` of a point, some farther away, and those without."""
        rows = ceil(metres / _METRES_PER_DEGREE / _CELL_DEG)
        narrow = max(cos(radians(min(90.0, abs(point.lat) + rows * _CELL_DEG))), 1e-6)
        columns = ceil(metres / _METRES_PER_DEGREE / narrow / _CELL_DEG)
        if (2 * rows + 1) * (2 * columns + 1) > _MANY_CELLS:
            return list(self._cell_of)
        column, row = _cell(point)
        found = list(self._cells.get(None, ()))
        for x in range(column - columns, column + columns + 1):
            for y in range(row - rows, row + rows + 1):
                found += self._cells.get((x % _CELLS_ROUND, y), ())
        return found


def _cell(point: Point) -> tuple[int, int]:
    return floor(point.lon / _CELL_DEG) % _CELLS_ROUND, floor(point.lat / _CELL_DEG)
