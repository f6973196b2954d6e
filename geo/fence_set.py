"""The fences that objects are watched among, by slot, and what is derived from them.

A fence keeps its slot when it is changed, and when it is put again after it was removed: slots are
the order in which transitions are told.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from geo.crs import FloatArray
from geo.errors import BadFence
from geo.fence_borders import Borders
from geo.fence_cells import FenceCells
from geo.fences import Fence, mended

__all__ = ["FenceSet", "Listed"]


class Listed(NamedTuple):
    """A slot to begin with: no fence if it was removed; `expires` in seconds."""

    id: str
    fence: Fence | None
    expires: float = math.inf


class FenceSet:
    """Fences by slot (0, 1, ...); they can be put and dropped.

    Parameters
    ----------
    listed
        To begin with, in the order of their slots.
    dwell_s
        How long a visit lasts before it is a dwelling, for fences whose attributes do not say so
        as `dwell_s`; inf: never; None: never, whatever attributes say.

    Attributes
    ----------
    ids, slots
        Ids by slot, slots by id.
    fences
        Mended; None where there is none any more.
    expires, dwell_s : array, shape (slots,)
        When a fence ends, and how long a visit lasts before it is a dwelling; seconds, inf: never.
    next_expiry
        When the next fence ends.
    dwells
        Whether any fence has dwellings.
    cells, borders
        The fences' geometry, prepared.

    Raises
    ------
    BadFence
        As `geo.fences.FenceIndex`, or a `dwell_s` that is no number of seconds greater than 0.
    """

    def __init__(self, listed: Iterable[Listed] = (), dwell_s: float | None = None) -> None:
        self._dwell_s = dwell_s
        self.ids: list[str] = []
        self.slots: dict[str, int] = {}
        self.fences: list[Fence | None] = []
        expires, dwells = [], []
        for fence_id, fence, end in listed:
            if fence_id in self.slots:
                raise BadFence(f"fence id {fence_id!r} is given twice: make ids unique")
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
        """Return a set of the same fences; geometry is shared until one of both is edited."""
        twin = FenceSet.__new__(FenceSet)
        twin.__dict__ |= self.__dict__
        twin.ids, twin.slots, twin.fences = [*self.ids], {**self.slots}, [*self.fences]
        twin.expires, twin.dwell_s = self.expires.copy(), self.dwell_s.copy()
        self._shared = twin._shared = True  # noqa: SLF001 - its own class
        return twin

    def dwelling(self, fence: Fence) -> float:
        """Return after how many seconds a visit to a fence is a dwelling."""
        if self._dwell_s is None:
            return math.inf
        own: object = fence.attributes.get("dwell_s")
        if own is None:
            return self._dwell_s
        if isinstance(own, bool) or not isinstance(own, int | float) or not 0.0 < own < math.inf:
            raise BadFence(
                f"fence {fence.id!r} has the dwell_s {own!r}: give seconds greater than 0"
            )
        return float(own)

    def slot_for(self, fence_id: str) -> int:
        """Return the slot of an id, an empty new one if it has none."""
        slot = self.slots.setdefault(fence_id, len(self.ids))
        if slot == len(self.ids):
            self.ids.append(fence_id)
            self.fences.append(None)
            self.expires = np.append(self.expires, math.inf)
            self.dwell_s = np.append(self.dwell_s, math.inf)
        return slot

    def put(self, slot: int, fence: Fence, expires: float) -> None:
        """Fill a slot, or fill it anew, with a mended fence."""
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
