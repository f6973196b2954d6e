"""The stored state of each object, in columns."""

from collections.abc import Sequence

import numpy as np

from geo.crs import FloatArray
from geo.fences.grid import IntArray
from geo.fences.state import ObjectState, Visit
from geo.fences.visits import Members

__all__ = ["Objects"]

_FRESH = {  # every column, and its value for an object never seen
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
        Ids by slot.
    lon, lat, time, margin : array, shape (capacity,)
        The last fix: degrees, seconds, metres; time is -inf before the first one.
    content : array, shape (capacity,)
        Content of the last fix's cell if it alone decides in which fences the object is; else -1.
    due : array, shape (capacity,)
        When the next visit becomes a `dwell`; inf if none will.
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
        """Return the slots of objects; new objects get new slots."""
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
        """Return the slot of an object, or -1 if it was never seen."""
        return self._slots.get(object_id, -1)

    def last_fixes(self, slots: IntArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return longitude, latitude, time and margin of these objects' last fixes."""
        return self.lon[slots], self.lat[slots], self.time[slots], self.margin[slots]

    def repeated(self, slots: IntArray) -> bool:
        """Whether a slot occurs twice."""
        here = np.arange(slots.size)
        self._mark[slots] = here
        return bool((self._mark[slots] != here).any())

    def members(self, slots: IntArray) -> Members:
        """Return which of these objects are in which fences; objects are indices into `slots`."""
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
        """Set when these objects' next `dwell` is due; `last` are the times of their last fixes."""
        self.due[slots] = np.inf
        due = members.since + dwell_s[members.fence]
        waiting = due > last[members.object]
        np.minimum.at(self.due, slots[members.object[waiting]], due[waiting])

    def enter(self, slots: IntArray, fence: int, since: FloatArray, dwell_s: float) -> None:
        """Add objects to a fence in which they are not yet."""
        if slots.size == 0:
            return
        if (self._fence[slots] >= 0).all(axis=1).any():
            self._widen()
        place = np.argmin(self._fence[slots], axis=1)  # of a -1
        self._fence[slots, place], self._since[slots, place] = fence, since
        self.due[slots] = np.minimum(self.due[slots], since + dwell_s)

    def hasten(self, fence: int, dwell_s: float) -> None:
        """Note that visits to a fence may become a `dwell` earlier than planned."""
        slot, place = np.nonzero(self._fence == fence)
        np.minimum.at(self.due, slot, self._since[slot, place] + dwell_s)

    def place(self, states: Sequence[ObjectState], members: Members) -> None:
        """Add objects never seen before, with their last fixes and visits."""
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
        """Return the state of these objects."""
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
        """Remove objects from a fence; `due` may then be too early, which does no harm."""
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
