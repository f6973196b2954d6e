"""Tiles in memory, the least recently used ones given up first."""

from collections import OrderedDict
from collections.abc import Hashable

_OVERHEAD = 300
"""Bytes of a tile's key and entry, about."""


class TileCache:
    """Tiles by key, within a number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._size = most_bytes, 0
        self._tiles: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """Return a tile, None if it is not here."""
        found = self._tiles.get(key)
        if found is not None:
            self._tiles.move_to_end(key)
        return found

    def put(self, key: Hashable, tile: bytes) -> None:
        """Keep a tile, and give up others if there is no room."""
        if key in self._tiles:
            return
        self._tiles[key] = tile
        self._size += len(tile) + _OVERHEAD
        while self._size > self._most:
            _, old = self._tiles.popitem(last=False)
            self._size -= len(old) + _OVERHEAD
