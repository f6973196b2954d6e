"""What is remembered of each object that moves among fences, in columns."""

from collections.abc import Sequence

import numpy as np

from geo.crs import FloatArray
from geo.fence_grid import IntArray
from geo.fence_state import ObjectState, Visit
from geo.fence_visits import Members

__all__ = ["Objects"]

_FRESH = {  # every column, and what stands there for an object never seen
    "lon": 0.0,
    "lat": 0.0,
    "margin": 0.0,
    "time": -np.inf,
    "due": np.inf,
    "content": -1,
    "_fence": -1,
    "_since": 0.0,
    "_mark": 0,
}


class Objects:
    """Objects by slot (0, 1, ... in the order in which they were first seen).

    Attributes
    ----------
    ids : list of str
        By slot.
    lon, lat, time, margin : array, shape (capacity,)
        Of the last fix: degrees, seconds, metres; time is -inf before the first one.
    content : array, shape (capacity,)
        Content of the last fix's cell if that alone says which fences the object is in; else -1.
    due : array, shape (capacity,)
        When the next visit becomes a dwelling; inf if none will.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._slots: dict[str, int] = {}
        self.lon, self.lat, self.margin = np.zeros((3, 64))
        self.time, self.due = np.full(64, -np.inf), np.full(64, np.inf)
        self.content = np.full(64, -1, dtype=np.int64)
        self._fence = np.full((64, 2), -1, dtype=np.int64)  # -1: no fence in this place
        self._since = np.zeros((64, 2))
        self._mark = np.zeros(64, dtype=np.int64)  # scratch of `repeated`

    def __len__(self) -> int:
        return len(self.ids)

    def slots_of(self, object_ids: Sequence[str]) -> IntArray:
        """Return the slots of objects, giving new ones to those not seen before."""
        slots = self._slots
        try:
            return np.fromiter(
                map(slots.__getitem__, object_ids), dtype=np.int64, count=len(object_ids)
            )
        except KeyError:
            for name in object_ids:
                if name not in slots:
                    slots[name] = len(self.ids)
                    self.ids.append(name)
            while len(self.ids) > self.lon.size:
                self._double()
            return self.slots_of(object_ids)

    def slot_of(self, object_id: str) -> int:
        """Return the slot of an object, -1 if it was never seen."""
        return self._slots.get(object_id, -1)

    def last_fixes(self, slots: IntArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return longitude, latitude, time and margin of the last fixes of these."""
        return self.lon[slots], self.lat[slots], self.time[slots], self.margin[slots]

    def repeated(self, slots: IntArray) -> bool:
        """Tell whether a slot occurs twice among these."""
        here = np.arange(slots.size)
        self._mark[slots] = here
        return bool((self._mark[slots] != here).any())

    def members(self, slots: IntArray) -> Members:
        """Return who of these is in which fences; objects are counted within `slots`."""
        fences = self._fence[slots]
        row, place = np.nonzero(fences >= 0)
        return Members(row, fences[row, place], self._since[slots[row], place])

    def inside(self, fence: int) -> IntArray:
        """Return the slots of all objects in a fence, ascending."""
        return np.flatnonzero((self._fence == fence).any(axis=1))

    def replace(self, slots: IntArray, members: Members) -> None:
        """Set which fences these objects are in; members are sorted by object."""
        self._fence[slots] = -1
        if members.object.size == 0:
            return
        first = np.searchsorted(members.object, members.object)
        place = np.arange(first.size) - first
        while place.max() >= self._fence.shape[1]:
            self._widen()
        self._fence[slots[members.object], place] = members.fence
        self._since[slots[members.object], place] = members.since

    def plan(
        self, slots: IntArray, members: Members, last: FloatArray, dwell_s: FloatArray
    ) -> None:
        """Set when the next dwelling of these objects is due, `last` being their last fixes'."""
        self.due[slots] = np.inf
        due = members.since + dwell_s[members.fence]
        waiting = due > last[members.object]
        np.minimum.at(self.due, slots[members.object[waiting]], due[waiting])

    def enter(self, slots: IntArray, fence: int, since: FloatArray, dwell_s: float) -> None:
        """Put objects that are not in a fence into it."""
        if slots.size == 0:
            return
        if (self._fence[slots] >= 0).all(axis=1).any():
            self._widen()
        place = np.argmin(self._fence[slots], axis=1)  # of a -1
        self._fence[slots, place], self._since[slots, place] = fence, since
        self.due[slots] = np.minimum(self.due[slots], since + dwell_s)

    def hasten(self, fence: int, dwell_s: float) -> None:
        """Take note that visits to a fence may become dwellings sooner than they would have."""
        slot, place = np.nonzero(self._fence == fence)
        np.minimum.at(self.due, slot, self._since[slot, place] + dwell_s)

    def place(self, states: Sequence[ObjectState], members: Members) -> None:
        """Take over the last fixes of objects, none of which was seen before, and their visits."""
        slots = self.slots_of([state.id for state in states])
        for name, values in (
            ("lon", [state.lon for state in states]),
            ("lat", [state.lat for state in states]),
            ("time", [state.time for state in states]),
            ("margin", [state.margin_m for state in states]),
        ):
            getattr(self, name)[slots] = values
        self.replace(slots, members)

    def states(self, slots: IntArray, fence_ids: Sequence[str]) -> list[ObjectState]:
        """Return what is remembered of these objects."""
        visits: list[list[Visit]] = [[] for _ in range(slots.size)]
        members = self.members(slots)
        order = np.lexsort((members.fence, members.object))
        for row, fence, since in zip(
            members.object[order].tolist(),
            members.fence[order].tolist(),
            members.since[order].tolist(),
            strict=True,
        ):
            visits[row].append(Visit(fence_ids[fence], since))
        columns = (
            [self.ids[slot] for slot in slots.tolist()],
            *(column.tolist() for column in self.last_fixes(slots)),
        )
        return [
            ObjectState(name, lon, lat, time, margin, tuple(inside))
            for name, lon, lat, time, margin, inside in zip(*columns, visits, strict=True)
        ]

    def leave(self, slots: IntArray, fence: int) -> None:
        """Take objects out of a fence; what is due may now be too early, which does no harm."""
        fences = self._fence[slots]
        fences[fences == fence] = -1
        self._fence[slots] = fences

    def _widen(self) -> None:
        self._fence = np.hstack([self._fence, np.full_like(self._fence, -1)])
        self._since = np.hstack([self._since, np.zeros_like(self._since)])

    def _double(self) -> None:
        size = self.lon.size
        for name, value in _FRESH.items():
            column: FloatArray = getattr(self, name)
            grown = np.resize(column, (2 * size, *column.shape[1:]))
            grown[size:] = value
            setattr(self, name, grown)
