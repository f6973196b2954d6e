"""Fixes that cannot cause a transition, known from the cells of this and the previous fix."""

from collections.abc import Sequence

import numpy as np

from geo.crs import FloatArray
from geo.fences.batch import Batch
from geo.fences.events import INSIDE, OUTSIDE
from geo.fences.grid import BoolArray, IntArray
from geo.fences.objects import Objects
from geo.fences.set import FenceSet

__all__ = ["take_quiet", "unchanged"]


def take_quiet(
    fences: FenceSet,
    objects: Objects,
    detects: Sequence[bool],
    object_id: str,
    fix: tuple[float, float, float, float],
) -> bool:
    """Store one fix if it can cause no transition (see `unchanged`); otherwise do nothing.

    An invalid fix is left to the code that raises an error for it.

    Parameters
    ----------
    detects
        Which of `geo.fences.events.KINDS` to detect.
    fix
        Longitude, latitude, time and margin; plain numbers are several times faster than arrays.
    """
    lon, lat, time, margin = fix
    cells = fences.cells
    slot = objects.slot_of(object_id)
    if slot < 0 or detects[OUTSIDE] or not (abs(lon) <= 180.0 and abs(lat) <= 90.0):  # noqa: PLR2004 - degrees
        return False
    cell = cells.grid.cell_of_one(lon, lat)
    content, clearance = cells.content_of(cell), cells.clearance_of(cell)
    step_x = (lon - objects.lon.item(slot)) * cells.grid.metres_per_lon
    step_y = (lat - objects.lat.item(slot)) * cells.grid.metres_per_lat
    step = step_x * step_x + step_y * step_y
    quiet = (
        content == objects.content.item(slot)
        and not (detects[INSIDE] and cells.covers_any(content))
        and objects.time.item(slot) < time < min(objects.due.item(slot), fences.next_expiry)
        and (margin == 0.0 or 0.0 < margin < clearance)
        and (step == 0.0 or step < clearance * clearance)
    )
    if quiet:
        objects.lon[slot], objects.lat[slot] = lon, lat
        objects.time[slot], objects.margin[slot] = time, margin
    return quiet


def unchanged(
    fences: FenceSet,
    objects: Objects,
    detects: Sequence[bool],
    batch: Batch,
    cells: tuple[IntArray, BoolArray, FloatArray],
) -> BoolArray:
    """Return which fixes cannot cause a transition, if that holds for all fixes of their object.

    Parameters
    ----------
    cells
        For each fix's cell: its content, whether that alone decides the fences, and its
        clearance in metres.
    """
    content, certain, clearance = cells
    if detects[OUTSIDE]:
        return np.zeros(batch.slot.size, dtype=np.bool_)
    grid = fences.cells.grid
    step_x = (batch.lon - batch.from_lon) * grid.metres_per_lon
    step_y = (batch.lat - batch.from_lat) * grid.metres_per_lat
    step = step_x * step_x + step_y * step_y
    same: BoolArray = certain & (content == objects.content[batch.slot])
    same &= (step < clearance * clearance) | (step == 0.0)
    same &= batch.time < np.minimum(objects.due[batch.slot], fences.next_expiry)
    if detects[INSIDE]:
        same &= fences.cells.covers(content) == 0
    if batch.first.all():
        return same
    return np.logical_and.reduceat(same, np.flatnonzero(batch.first))[batch.object()]
