"""The transitions that are told: their kinds, and a record of them in columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from geo.crs import FloatArray
from geo.fences.grid import IntArray

__all__ = [
    "CLOSED",
    "CROSS",
    "DWELL",
    "ENTER",
    "EXIT",
    "INSIDE",
    "KINDS",
    "OUTSIDE",
    "STATE_CHANGES",
    "Told",
    "Transition",
    "Transitions",
    "nothing_told",
]

KINDS = ("enter", "exit", "cross", "closed", "inside", "outside", "dwell")
"""All kinds, in the order in which those of one fix and fence are told."""
STATE_CHANGES = ("enter", "exit", "cross", "closed", "dwell")
"""The kinds that are told unless others are asked for: few, however many fixes there are."""

ENTER, EXIT, CROSS, CLOSED, INSIDE, OUTSIDE, DWELL = range(len(KINDS))


class Transition(NamedTuple):
    """One transition; `time` is in seconds."""

    object_id: str
    fence_id: str
    kind: str
    time: float


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """Transitions in columns, shape (n,); iterating gives each as a `Transition`.

    Sorted by fix, then by object, by fence (in the order in which fences were first put), by
    time and by kind.

    Attributes
    ----------
    fix
        Which of the fixes given brought it about; -1 if an edit did.
    object, fence
        Index in `object_ids` and `fence_ids`.
    kind
        Index in `KINDS`.
    time
        Seconds: of the fix; of `closed`, when the fence expired or was removed.
    object_ids, fence_ids
        The engine's own lists: what stands there stays, more may follow.
    ignored
        How many of the fixes given were not newer than their object's last.
    """

    fix: IntArray
    object: IntArray
    fence: IntArray
    kind: IntArray
    time: FloatArray
    object_ids: Sequence[str]
    fence_ids: Sequence[str]
    ignored: int = 0

    def __len__(self) -> int:
        return len(self.fix)

    def __iter__(self) -> Iterator[Transition]:
        columns = (self.object.tolist(), self.fence.tolist(), self.kind.tolist())
        for thing, fence, kind, time in zip(*columns, self.time.tolist(), strict=True):
            yield Transition(self.object_ids[thing], self.fence_ids[fence], KINDS[kind], time)


class Told:
    """Gathers transitions of the kinds that are asked for.

    Parameters
    ----------
    wanted
        Whether each of `KINDS` is asked for.
    """

    def __init__(self, wanted: Sequence[bool]) -> None:
        self._wanted = wanted
        self._ints: list[IntArray] = []
        self._times: list[FloatArray] = []

    def wants(self, kind: int) -> bool:
        """Tell whether a kind is asked for."""
        return self._wanted[kind]

    def add(
        self,
        kind: int,
        fix: IntArray | int,
        slot: IntArray,
        fence: IntArray | int,
        time: FloatArray | float,
    ) -> None:
        """Add transitions of one kind; a number stands for a whole column of it."""
        if slot.size == 0 or not self._wanted[kind]:
            return
        columns = np.empty((4, slot.size), dtype=np.int64)
        columns[0], columns[1], columns[2], columns[3] = fix, slot, fence, kind
        self._ints.append(columns)
        times = np.empty(slot.size)
        times[:] = time
        self._times.append(times)

    def transitions(
        self, object_ids: Sequence[str], fence_ids: Sequence[str], ignored: int = 0
    ) -> Transitions:
        """Return what was gathered, sorted."""
        if not self._ints:
            return nothing_told(object_ids, fence_ids, ignored)
        columns, time = np.concatenate(self._ints, axis=1), np.concatenate(self._times)
        order = np.lexsort((columns[3], time, columns[2], columns[1], columns[0]))
        fix, thing, fence, kind = columns[:, order]
        return Transitions(fix, thing, fence, kind, time[order], object_ids, fence_ids, ignored)


def nothing_told(
    object_ids: Sequence[str], fence_ids: Sequence[str], ignored: int = 0
) -> Transitions:
    """Return a record of no transitions."""
    return Transitions(_NO, _NO, _NO, _NO, _NO_TIME, object_ids, fence_ids, ignored)


_NO: IntArray = np.empty(0, dtype=np.int64)
_NO_TIME: FloatArray = np.empty(0)
