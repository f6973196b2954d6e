"""Joint assignment: which unit for which slot, for all slots together, at the least cost.

A slot is one unit that an incident needs: open, or held by a unit that is on its way and may be
re-assigned. Pure numbers: what may be assigned to what, and at which cost, is
`dispatch.together`'s business, which reads it from a `View`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from dispatch.matching import cheapest, components

Key = tuple[int, datetime, str, str, int]
"""Rank, time of opening and id of an incident, capability, number of the slot: its order."""


class Slot(NamedTuple):
    """One unit that an incident needs.

    Attributes
    ----------
    key
        By which slots are ordered; each has its own.
    present
        The unit that is on its way, None of an open slot.
    costs
        By unit that may be assigned, its cost; ``present`` is among them.
    queued
        The cost of assigning none.
    """

    key: Key
    present: str | None
    costs: Mapping[str, int]
    queued: int


class Solution(NamedTuple):
    """The unit of each slot (None: nobody), and what that costs in all."""

    units: dict[Key, str | None]
    cost: int


def solve(slots: Sequence[Slot], least_gain: int) -> Solution:
    """Return the cheapest assignment, with re-assignments only where they are worth it.

    In each part of the slots that has no unit in common with the others, units under way are
    re-assigned if that costs at least ``least_gain`` less than the best assignment which leaves
    them. So it never costs more than any assignment of free units to open slots, the greedy one
    among them. The order of ``slots`` does not matter; ties go to the smaller ids of units.
    """
    ordered = sorted(slots, key=lambda slot: slot.key)
    units = sorted({unit for slot in ordered for unit in slot.costs})
    number = {unit: place for place, unit in enumerate(units)}
    rows = [{number[unit]: cost for unit, cost in slot.costs.items()} for slot in ordered]
    found: dict[Key, str | None] = {}
    cost = 0
    for part in components(rows):
        best = _best([ordered[row] for row in part], units, [rows[row] for row in part], least_gain)
        found |= best.units
        cost += best.cost
    return Solution(found, cost)


def _best(
    slots: list[Slot], units: list[str], rows: list[dict[int, int]], least_gain: int
) -> Solution:
    held = {slot.present for slot in slots if slot.present is not None}
    free = [
        {column: cost for column, cost in row.items() if _may_stay(slot, units[column], held)}
        for slot, row in zip(slots, rows, strict=True)
    ]
    staying = _match(slots, units, free)
    if not held:
        return staying
    moved = _match(slots, units, rows)
    return moved if moved.cost + least_gain <= staying.cost else staying


def _may_stay(slot: Slot, unit: str, held: set[str]) -> bool:
    """Tell whether a unit may be assigned where nobody is re-assigned."""
    return unit == slot.present or (slot.present is None and unit not in held)


def _match(slots: list[Slot], units: list[str], rows: list[dict[int, int]]) -> Solution:
    columns = cheapest(rows, [slot.queued for slot in slots])
    found: dict[Key, str | None] = {}
    cost = 0
    for slot, column in zip(slots, columns, strict=True):
        unit = None if column is None else units[column]
        found[slot.key] = unit
        cost += slot.queued if unit is None else slot.costs[unit]
    return Solution(found, cost)
