"""Visits from a sequence of fixes for each object and fence: entering, staying, leaving.

All objects, fences and fixes are processed at once. Each object has a run of *lines*: one for its
state before the fixes, then one for each fix, in order. A pair of line and fence is stored only if
the fence covers the fix, the fix is too inaccurate to decide, or the object was inside before;
sorted by fence and line, neighbours are the fixes of one visit.
"""

from dataclasses import dataclass

import numpy as np

from geo.crs import FloatArray
from geo.fences.grid import BoolArray, IntArray

__all__ = ["Fixes", "Members", "Pairs", "Visits", "follow"]


@dataclass(frozen=True, slots=True)
class Pairs:
    """(fix, fence) pairs: two arrays of equal length."""

    fix: IntArray
    fence: IntArray

    def where(self, chosen: BoolArray) -> "Pairs":
        """Return the chosen pairs."""
        return Pairs(self.fix[chosen], self.fence[chosen])


@dataclass(frozen=True, slots=True)
class Members:
    """Objects inside fences: (object, fence, since); the object is an index in its batch."""

    object: IntArray
    fence: IntArray
    since: FloatArray


@dataclass(frozen=True, slots=True)
class Fixes:
    """Fixes sorted by object and time, and the time of each object's previous fix.

    Attributes
    ----------
    object
        0, 0, 1, 2, 2, ...: every object has a fix.
    time
        Seconds, shape as `object`.
    before
        Time of each object's last fix before these, shape (objects,).
    """

    object: IntArray
    time: FloatArray
    before: FloatArray


@dataclass(frozen=True, slots=True)
class Visits:
    """The visits of a batch of fixes.

    Attributes
    ----------
    entered, left, dwelt
        At which fix an object entered, was outside again, or had been inside for long enough.
    inside
        All fixes whose state is inside.
    members
        Objects inside after all fixes, sorted by object and fence.
    """

    entered: Pairs
    left: Pairs
    dwelt: Pairs
    inside: Pairs
    members: Members
    _keys: IntArray  # fence * lines + line of all states inside, ascending
    _fixes: Fixes

    def outside_around(self, pairs: Pairs) -> BoolArray:
        """Return for (fix, fence) pairs whether the object is outside at the fix and before it."""
        line = _line(pairs.fix, self._fixes.object)
        lines = self._fixes.object.size + self._fixes.before.size
        key = pairs.fence * lines + line
        return ~(_among(key, self._keys) | _among(key - 1, self._keys))


def follow(
    fixes: Fixes, members: Members, covered: Pairs, straddled: Pairs, dwell_s: FloatArray
) -> Visits:
    """Follow every object through its fixes.

    Parameters
    ----------
    fixes
        Fixes in order.
    members
        Objects inside before.
    covered
        The fences of each fix.
    straddled
        Fences with a border too near for a fix's accuracy: the object keeps its state there.
    dwell_s
        How long a visit to each fence must last to be a `dwell`; infinite for never.
    """
    if not (members.object.size or covered.fix.size or straddled.fix.size):
        none = Pairs(members.object, members.object)
        return Visits(none, none, none, none, members, members.object, fixes)
    count = fixes.object.size
    lines = count + fixes.before.size
    first = np.searchsorted(fixes.object, np.arange(fixes.before.size))
    line_of_fix = _line(np.arange(count), fixes.object)
    start_line = first + np.arange(first.size)
    time = np.empty(lines)
    time[line_of_fix], time[start_line] = fixes.time, fixes.before
    last = np.zeros(lines, dtype=np.bool_)
    last[start_line[1:] - 1] = True
    last[-1] = True

    start_key = members.fence * lines + start_line[members.object]
    sure_key = covered.fence * lines + line_of_fix[covered.fix]
    unsure_key = np.sort(straddled.fence * lines + line_of_fix[straddled.fix])
    sure_key = sure_key[~_among(sure_key, unsure_key)]
    key = np.concatenate([start_key, sure_key, unsure_key])
    order = np.argsort(key)
    key = key[order]
    starts = order < start_key.size
    unsure = order >= start_key.size + sure_key.size
    fence, line = np.divmod(key, lines)

    here = np.arange(key.size)
    follows = ~starts
    follows[1:] &= key[1:] - key[:-1] == 1
    follows[:1] = False
    told_by = np.maximum.accumulate(np.where(unsure & follows, 0, here))
    inside = ~unsure[told_by]
    stays = follows & inside
    stays[1:] &= inside[:-1]  # follows an inside line of its own visit
    enters = inside & ~stays & ~starts
    began = np.maximum.accumulate(np.where(inside & ~stays, here, 0))
    since = time[line]
    since[starts] = members.since[order[starts]]
    since = since[began]
    goes_on = np.zeros(key.size, dtype=np.bool_)
    goes_on[:-1] = stays[1:]
    leaves = inside & ~goes_on & ~last[line]
    long = inside & (time[line] >= since + dwell_s[fence])
    dwells = long & stays
    dwells[1:] &= ~long[:-1]

    fix_of_line = np.full(lines, -1, dtype=np.int64)
    fix_of_line[line_of_fix] = np.arange(count)
    fix = fix_of_line[line]
    stands = inside & last[line]
    return Visits(
        entered=Pairs(fix[enters], fence[enters]),
        left=Pairs(fix_of_line[line[leaves] + 1], fence[leaves]),
        dwelt=Pairs(fix[dwells], fence[dwells]),
        inside=Pairs(fix, fence).where(inside & ~starts),
        members=_sorted(Members(fixes.object[fix[stands]], fence[stands], since[stands])),
        _keys=key[inside],
        _fixes=fixes,
    )


def _line(fix: IntArray, objects: IntArray) -> IntArray:
    return fix + objects[fix] + 1


def _among(values: IntArray, ascending: IntArray) -> BoolArray:
    if ascending.size == 0:
        return np.zeros(values.size, dtype=np.bool_)
    at = np.minimum(np.searchsorted(ascending, values), ascending.size - 1)
    found: BoolArray = ascending[at] == values
    return found


def _sorted(members: Members) -> Members:
    order = np.lexsort((members.fence, members.object))
    return Members(members.object[order], members.fence[order], members.since[order])
