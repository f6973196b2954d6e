"""The engine's fences by slot, and data derived from them.

A fence keeps its slot when it is changed, or removed and put again: slots give the order of
reported transitions.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from geo.crs import FloatArray
from geo.errors import BadFence
from geo.fences.borders import Borders
from geo.fences.cells import FenceCells
from geo.fences.index import Fence, mended

__all__ = ["FenceSet", "Listed"]


class Listed(NamedTuple):
    """Initial content of a slot: no fence if it was removed; `expires` in seconds."""

    id: str
    fence: Fence | None
    expires: float = math.inf


class FenceSet:
    """Fences by slot (0, 1, ...); they can be put and dropped.

    Parameters
    ----------
    listed
        Initial fences, in the order of their slots.
    dwell_s
        How long a visit lasts before it is a `dwell`, for fences without an attribute `dwell_s`;
        inf: never; None: never, not even for fences with the attribute.

    Attributes
    ----------
    ids, slots
        Ids by slot, slots by id.
    fences
        Repaired fences; None for removed ones.
    expires, dwell_s : array, shape (slots,)
        When a fence ends, and how long a visit lasts before it is a `dwell`; seconds, inf: never.
    next_expiry
        When the next fence ends.
    dwells
        Whether any fence has `dwell` events.
    cells, borders
        The fences' geometry, prepared.

    Raises
    ------
    BadFence
        As in `geo.fences.index.FenceIndex`, or a `dwell_s` that is not a number above 0.
    """

    def __init__(self, listed: Iterable[Listed] = (), dwell_s: float | None = None) -> None:
        self._dwell_s = dwell_s
        self.ids: list[str] = []
        self.slots: dict[str, int] = {}
        self.fences: list[Fence | None] = []
        expires, dwells = [], []
        for fence_id, fence, end in listed:
            if fence_id in self.slots:
                raise BadFence(f"fence id {fence_id!r} is not unique: give each fence its own id")
            self.slots[fence_id] = len(self.ids)
            self.ids.append(fence_id)
            self.fences.append(None if fence is None else mended(fence)[0])
            expires.append(math.inf if fence is None else end)
            dwells.append(math.inf if fence is None else self.dwelling(fence))
        self.expires: FloatArray = np.array(expires, dtype=np.float64)
        self.dwell_s: FloatArray = np.array(dwells, dtype=np.float64)
        self.cells = FenceCells([None if f is None else f.geometry for f in self.fences])
        self.borders = Borders(self.cells)
        self._shared = False
        self._derive()

    def fork(self) -> "FenceSet":
        """Return a copy of the set; both share the geometry until one of them is edited."""
        twin = FenceSet.__new__(FenceSet)
        twin.__dict__ |= self.__dict__
        twin.ids, twin.slots, twin.fences = [*self.ids], {**self.slots}, [*self.fences]
        twin.expires, twin.dwell_s = self.expires.copy(), self.dwell_s.copy()
        self._shared = twin._shared = True  # noqa: SLF001 - its own class
        return twin

    def dwelling(self, fence: Fence) -> float:
        """Return after how many seconds a visit to a fence is a `dwell`."""
        if self._dwell_s is None:
            return math.inf
        own: object = fence.attributes.get("dwell_s")
        if own is None:
            return self._dwell_s
        if isinstance(own, bool) or not isinstance(own, int | float) or not 0.0 < own < math.inf:
            raise BadFence(f"fence {fence.id!r} has dwell_s {own!r}: give seconds greater than 0")
        return float(own)

    def slot_for(self, fence_id: str) -> int:
        """Return the slot of an id, or a new empty one."""
        slot = self.slots.setdefault(fence_id, len(self.ids))
        if slot == len(self.ids):
            self.ids.append(fence_id)
            self.fences.append(None)
            self.expires = np.append(self.expires, math.inf)
            self.dwell_s = np.append(self.dwell_s, math.inf)
        return slot

    def put(self, slot: int, fence: Fence, expires: float) -> None:
        """Put a repaired fence into a slot."""
        self._own()
        self.fences[slot] = fence
        self.expires[slot], self.dwell_s[slot] = expires, self.dwelling(fence)
        self.cells.put(slot, fence.geometry)
        self.borders.forget(slot)
        self._derive()

    def drop(self, slot: int) -> None:
        """Empty a slot."""
        self._own()
        self.fences[slot] = None
        self.expires[slot] = self.dwell_s[slot] = math.inf
        self.cells.drop(slot)
        self.borders.forget(slot)
        self._derive()

    def _derive(self) -> None:
        self.next_expiry = float(self.expires.min(initial=math.inf))
        self.dwells = bool(self.dwell_s.min(initial=math.inf) < math.inf)

    def _own(self) -> None:
        if self._shared:
            self.cells = self.cells.copy()
            self.borders = Borders(self.cells)
            self._shared = False
