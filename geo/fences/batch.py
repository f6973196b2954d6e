"""A batch of fixes, sorted by object and time."""

from dataclasses import dataclass

import numpy as np

from geo.crs import FloatArray
from geo.fences.grid import BoolArray, IntArray
from geo.fences.objects import Objects

__all__ = ["Batch", "Columns", "in_order"]

Columns = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


@dataclass(frozen=True, slots=True)
class Batch:
    """Fixes sorted by object and time, each with its object's previous fix.

    Attributes
    ----------
    place
        Index in the arrays of the call.
    slot, lon, lat, time, margin
        Each fix's object, degrees, seconds, metres.
    first, last
        Whether it is its object's first or last fix in the batch.
    from_lon, from_lat, from_time, from_margin
        The object's previous fix; a time of -inf if there was none.
    """

    place: IntArray
    slot: IntArray
    lon: FloatArray
    lat: FloatArray
    time: FloatArray
    margin: FloatArray
    first: BoolArray
    last: BoolArray
    from_lon: FloatArray
    from_lat: FloatArray
    from_time: FloatArray
    from_margin: FloatArray

    def object(self) -> IntArray:
        """Number the objects: 0, 0, 1, 2, 2, ..., one number for each fix."""
        return np.cumsum(self.first) - 1

    def where(self, chosen: BoolArray) -> "Batch":
        """Return the chosen fixes."""
        return Batch(*(getattr(self, name)[chosen] for name in self.__slots__))


def in_order(objects: Objects, slot: IntArray, columns: Columns) -> Batch:
    """Sort fixes by object; leave out fixes that are not newer than their object's earlier ones.

    Parameters
    ----------
    slot
        Object of each fix.
    columns
        Longitude, latitude, time and margin of each fix.
    """
    place = np.flatnonzero(columns[2] > objects.time[slot])
    if place.size < slot.size:
        slot, columns = slot[place], _at(columns, place)
    if not objects.repeated(slot):
        single = np.ones(slot.size, dtype=np.bool_)
        return Batch(place, slot, *columns, single, single, *objects.last_fixes(slot))
    order = np.argsort(slot, kind="stable")
    order = order[_newest_so_far(slot[order], columns[2][order])]
    place, slot, columns = place[order], slot[order], _at(columns, order)
    first = np.diff(slot, prepend=-1) != 0
    before = [
        np.where(first, stored, np.roll(column, 1))
        for stored, column in zip(objects.last_fixes(slot), columns, strict=True)
    ]
    return Batch(place, slot, *columns, first, np.append(first[1:], True), *before)


def _at(columns: Columns, place: IntArray) -> Columns:
    lon, lat, time, margin = columns
    return lon[place], lat[place], time[place], margin[place]


def _newest_so_far(slot: IntArray, time: FloatArray) -> BoolArray:
    """Return which fixes, grouped by object, are newer than all earlier ones of their group."""
    first = np.diff(slot, prepend=-1) != 0
    # Ranks of times within ranks of objects: one running maximum serves all groups.
    times, rank = np.unique(time, return_inverse=True)
    key = (np.cumsum(first) - 1) * times.size + rank
    newest = np.ones(key.size, dtype=np.bool_)
    newest[1:] = first[1:] | (key[1:] > np.maximum.accumulate(key)[:-1])
    return newest
