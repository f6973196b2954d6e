"""Fence transitions: who entered, left, crossed or dwelt in which fence, and when.

The semantics are those of Tile38's `DETECT`, object by object: each fix is compared with the one
before it.

==========  =========================================================================
`enter`     outside before (or never seen), inside now
`exit`      inside before, outside now
`cross`     outside before and now, but the straight line between the fixes meets the fence
`inside`    inside now (after `enter` too)
`outside`   outside now (after `exit` and `cross` too)
==========  =========================================================================

and what its users ask for beyond it:

==========  =========================================================================
`dwell`     inside for `dwell_s` or longer, at the first fix that shows it, once a visit
`closed`    inside a fence that expired or was removed: the visit ends without an exit
==========  =========================================================================

A border belongs to its fence. A fix whose circle of accuracy reaches a fence's border says nothing
about that fence: the object stays what it was (outside, if never seen), and neither end of a
`cross` may be such a fix. So a receiver that errs by its stated accuracy cannot make an object
flap. A fix that is not newer than its object's last one is ignored: a repeated or a late message
changes nothing.

The engine is pure: no clock, no chance. What it returns depends on the order of the fixes of each
object and of the edits, never on how the fixes were cut into batches. Lines are straight in
degrees and do not cross the antimeridian.
"""

import math
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import shapely

from geo.crs import FloatArray, check_lonlat
from geo.errors import BadFence, BadFix
from geo.fence_batch import Batch, in_order
from geo.fence_borders import Borders
from geo.fence_cells import FenceCells
from geo.fence_events import (
    CLOSED,
    CROSS,
    DWELL,
    ENTER,
    EXIT,
    INSIDE,
    KINDS,
    OUTSIDE,
    STATE_CHANGES,
    Told,
    Transition,
    Transitions,
    nothing_told,
)
from geo.fence_grid import BoolArray, IntArray
from geo.fence_objects import Objects
from geo.fence_visits import Fixes, Pairs, Visits, follow
from geo.fences import Fence, mended

__all__ = ["KINDS", "STATE_CHANGES", "Transition", "TransitionEngine", "Transitions"]


class TransitionEngine:
    """Follows objects among fences.

    Parameters
    ----------
    fences
        To begin with; more can be put at any time.
    dwell_s
        How long a visit lasts before it is a `dwell`, seconds, greater than 0; None: never.
    hysteresis
        A border within this many times the accuracy of a fix is too near to tell; 0: accuracy does
        not matter.
    detect
        The kinds to tell, of `KINDS`; `outside` costs time for every pair of fix and fence.

    Raises
    ------
    BadFence
        As `geo.fences.FenceIndex`.
    ValueError
        A parameter that makes no sense.

    Examples
    --------
    >>> from shapely.geometry import box
    >>> park = Fence("park", "hazard_zone", "park", box(121.44, 31.22, 121.45, 31.23))
    >>> engine = TransitionEngine([park])
    >>> for event in engine.observe(["E1", "E1"], [121.43, 121.445], [31.225, 31.225], [0.0, 9.0]):
    ...     print(event.object_id, event.kind, event.fence_id, event.time)
    E1 enter park 9.0
    """

    def __init__(
        self,
        fences: Iterable[Fence] = (),
        *,
        dwell_s: float | None = None,
        hysteresis: float = 1.0,
        detect: Collection[str] = STATE_CHANGES,
    ) -> None:
        if dwell_s is not None and not (math.isfinite(dwell_s) and dwell_s > 0.0):
            raise ValueError(f"dwell_s is {dwell_s}: give seconds greater than 0, or None")
        if not (math.isfinite(hysteresis) and hysteresis >= 0.0):
            raise ValueError(f"hysteresis is {hysteresis}: give a factor of 0 or greater")
        unknown = sorted(set(detect) - set(KINDS))
        if unknown:
            raise ValueError(f"no kind {unknown[0]!r} to detect: use some of {', '.join(KINDS)}")
        self._dwell_s = math.inf if dwell_s is None or "dwell" not in detect else dwell_s
        self._hysteresis = hysteresis
        self._detects = [kind in detect for kind in KINDS]
        usable: dict[str, Fence] = {}
        for fence in fences:
            if fence.id in usable:
                raise BadFence(f"fence id {fence.id!r} is given twice: make ids unique")
            usable[fence.id] = mended(fence)[0]
        self._fence_ids = list(usable)
        self._fence_slots = {fence_id: slot for slot, fence_id in enumerate(usable)}
        self._fences: list[Fence | None] = list(usable.values())
        self._expires = np.full(len(usable), np.inf)
        self._next_expiry = math.inf
        self._cells = FenceCells([fence.geometry for fence in usable.values()])
        self._borders = Borders(self._cells)
        self._objects = Objects()

    @property
    def fences(self) -> tuple[Fence, ...]:
        """The fences there are now, mended, in the order in which their ids were first put."""
        return tuple(fence for fence in self._fences if fence is not None)

    def inside(self, object_id: str) -> tuple[str, ...]:
        """Return the ids of the fences that an object is in."""
        slot = self._objects.slot_of(object_id)
        if slot < 0:
            return ()
        members = self._objects.members(np.array([slot]))
        return tuple(self._fence_ids[fence] for fence in sorted(members.fence.tolist()))

    def observe(
        self,
        object_ids: Sequence[str] | npt.NDArray[np.object_],
        lons: FloatArray | Sequence[float],
        lats: FloatArray | Sequence[float],
        times: FloatArray | Sequence[float],
        accuracies_m: FloatArray | Sequence[float] | None = None,
    ) -> Transitions:
        """Take fixes, in the order in which they came, and tell what they mean.

        Parameters
        ----------
        object_ids
            Whose they are; an object may have several.
        lons, lats
            WGS-84 degrees, shape (n,).
        times
            Seconds since any epoch, shape (n,).
        accuracies_m
            Radius of each fix's circle of accuracy, metres, shape (n,); NaN if unknown. Where it
            is unknown, the fix is taken for exact.

        Raises
        ------
        BadCoordinates
            As `geo.crs.check_lonlat`.
        BadFix
            A time that is not finite, an accuracy that is negative or infinite, columns of
            different lengths. Nothing was taken.
        """
        if len(object_ids) == len(lons) == len(lats) == len(times) == 1:
            accuracy = 0.0 if accuracies_m is None or len(accuracies_m) != 1 else accuracies_m[0]
            if self._quiet(str(object_ids[0]), *map(float, (lons[0], lats[0], times[0], accuracy))):
                return nothing_told(self._objects.ids, self._fence_ids)
        check_lonlat(lons, lats)
        lon = np.ascontiguousarray(lons, dtype=np.float64).ravel()
        lat = np.ascontiguousarray(lats, dtype=np.float64).ravel()
        time, margin = self._checked(lon.size, times, accuracies_m)
        if len(object_ids) != lon.size:
            raise BadFix(f"{len(object_ids)} object ids, but {lon.size} positions: give one each")
        slot = self._objects.slots_of(_listed(object_ids))
        batch = in_order(self._objects, slot, (lon, lat, time, margin))
        cell = self._cells.grid.cell_of(batch.lon, batch.lat)
        content, clearance = self._cells.contents(cell), self._cells.clearance_m(cell)
        certain = (self._cells.tests(content) == 0) & (
            (batch.margin < clearance) | (batch.margin == 0.0)
        )
        told = Told(self._detects)
        look = ~self._unchanged(batch, content, certain, clearance)
        if look.any():
            self._look(batch.where(look), content[look], clearance[look], told)
        self._remember(batch, np.where(certain, content, -1))
        ignored = lon.size - batch.slot.size
        return told.transitions(self._objects.ids, self._fence_ids, ignored)

    def put(self, fence: Fence, at: float, expires: float = math.inf) -> Transitions:
        """Add a fence, or change the one with its id.

        Every object is judged again by its last fix: those found inside enter, those that were
        inside and are not any more exit; visits that go on keep their beginning.

        Parameters
        ----------
        fence
            The fence as it is from now on.
        at
            When, seconds. An object with a later fix has its transition at that fix's time.
        expires
            From when on it is not there any more; fixes of that time and later are not in it.

        Raises
        ------
        BadFence
            As `geo.fences.FenceIndex`, or it expires before it begins. Nothing was changed.
        """
        if not expires > at:
            raise BadFence(f"fence {fence.id!r} expires at {expires}, not after {at}: leave it out")
        usable = mended(fence)[0]
        slot = self._fence_slots.setdefault(fence.id, len(self._fence_ids))
        if slot == len(self._fence_ids):
            self._fence_ids.append(fence.id)
            self._fences.append(None)
            self._expires = np.append(self._expires, math.inf)
        told = Told(self._detects)
        if self._expires[slot] <= at:
            self._close(slot, self._expires[slot], told)
        self._fences[slot] = usable
        self._cells.put(slot, usable.geometry)
        self._edited(slot, expires)
        self._judge_again(slot, at, told)
        return told.transitions(self._objects.ids, self._fence_ids)

    def remove(self, fence_id: str, at: float) -> Transitions:
        """Remove a fence; who is inside gets a `closed`, at the time `at` or the last fix's.

        Raises
        ------
        BadFence
            There is no such fence.
        """
        slot = self._fence_slots.get(fence_id, -1)
        if slot < 0 or self._fences[slot] is None:
            raise BadFence(f"there is no fence {fence_id!r} to remove: look at `fences`")
        told = Told(self._detects)
        self._close(slot, at, told)
        return told.transitions(self._objects.ids, self._fence_ids)

    def expire(self, now: float) -> Transitions:
        """Remove the fences that have expired; who is inside gets a `closed` of that time.

        Fixes from after a fence's expiry are not in it in any case; this ends the visits of
        objects from which no such fix came.
        """
        told = Told(self._detects)
        if now >= self._next_expiry:
            for slot in np.flatnonzero(self._expires <= now).tolist():
                self._close(slot, self._expires[slot], told)
        return told.transitions(self._objects.ids, self._fence_ids)

    def _checked(
        self,
        count: int,
        times: FloatArray | Sequence[float],
        accuracies_m: FloatArray | Sequence[float] | None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return times and margins, or refuse them."""
        time = np.ascontiguousarray(times, dtype=np.float64).ravel()
        if accuracies_m is None:
            margin = np.zeros(count)
        else:
            accuracy = np.ascontiguousarray(accuracies_m, dtype=np.float64).ravel()
            margin = np.where(np.isnan(accuracy), 0.0, accuracy) * self._hysteresis
        if not time.size == margin.size == count:
            raise BadFix(
                f"{count} positions, but {time.size} times and {margin.size} accuracies: give as "
                "many of each"
            )
        if not np.isfinite(time).all():
            raise BadFix(f"the time of fix {np.argmin(np.isfinite(time))} is not finite: mend it")
        good = (margin >= 0.0) & np.isfinite(margin)
        if not good.all():
            raise BadFix(
                f"the accuracy of fix {np.argmin(good)} is negative or infinite: give metres, or "
                "NaN if it is unknown"
            )
        return time, margin

    def _quiet(self, object_id: str, lon: float, lat: float, time: float, accuracy: float) -> bool:
        """Take one fix if nothing can come of it, as `_unchanged` would say; else do nothing.

        Anything odd about the fix is left to be refused by those who refuse it with an error.
        """
        objects, cells = self._objects, self._cells
        slot = objects.slot_of(object_id)
        if slot < 0 or self._detects[OUTSIDE] or not (abs(lon) <= 180.0 and abs(lat) <= 90.0):  # noqa: PLR2004 - degrees
            return False
        cell = cells.grid.cell_of_one(lon, lat)
        content, clearance = cells.content_of(cell), cells.clearance_of(cell)
        margin = 0.0 if math.isnan(accuracy) else accuracy * self._hysteresis
        step_x = (lon - objects.lon.item(slot)) * cells.grid.metres_per_lon
        step_y = (lat - objects.lat.item(slot)) * cells.grid.metres_per_lat
        step = step_x * step_x + step_y * step_y
        quiet = (
            content == objects.content.item(slot)
            and not (self._detects[INSIDE] and cells.covers_any(content))
            and objects.time.item(slot) < time < min(objects.due.item(slot), self._next_expiry)
            and (margin == 0.0 or 0.0 < margin < clearance)
            and (step == 0.0 or step < clearance * clearance)
        )
        if quiet:
            objects.lon[slot], objects.lat[slot] = lon, lat
            objects.time[slot], objects.margin[slot] = time, margin
        return quiet

    def _unchanged(
        self, batch: Batch, content: IntArray, certain: BoolArray, clearance: FloatArray
    ) -> BoolArray:
        """Tell which fixes cannot bring about anything: most, and all of their object's here."""
        if self._detects[OUTSIDE]:
            return np.zeros(batch.slot.size, dtype=np.bool_)
        grid = self._cells.grid
        step_x = (batch.lon - batch.from_lon) * grid.metres_per_lon
        step_y = (batch.lat - batch.from_lat) * grid.metres_per_lat
        step = step_x * step_x + step_y * step_y
        same: BoolArray = certain & (content == self._objects.content[batch.slot])
        same &= (step < clearance * clearance) | (step == 0.0)
        same &= batch.time < np.minimum(self._objects.due[batch.slot], self._next_expiry)
        if self._detects[INSIDE]:
            same &= self._cells.covers(content) == 0
        if batch.first.all():
            return same
        return np.logical_and.reduceat(same, np.flatnonzero(batch.first))[batch.object()]

    def _look(self, batch: Batch, content: IntArray, clearance: FloatArray, told: Told) -> None:
        """Follow objects through their fixes, test by test."""
        covered = Pairs(*self._cells.locate(content, batch.lon, batch.lat))
        straddled = self._straddled(batch, clearance)
        if batch.time.max() >= self._next_expiry:
            covered, straddled = self._alive(batch, covered), self._alive(batch, straddled)
        slots = batch.slot[batch.first]
        fixes = Fixes(batch.object(), batch.time, batch.from_time[batch.first])
        members = self._objects.members(slots)
        visits = follow(fixes, members, covered, straddled, self._dwell_s)
        self._objects.replace(slots, visits.members)
        if self._dwell_s < math.inf:
            self._objects.plan(slots, visits.members, batch.time[batch.last], self._dwell_s)

        def tell(kind: int, pairs: Pairs, time: FloatArray | None = None) -> None:
            if pairs.fix.size:
                when = batch.time[pairs.fix] if time is None else time
                told.add(kind, batch.place[pairs.fix], batch.slot[pairs.fix], pairs.fence, when)

        tell(ENTER, visits.entered)
        expiry = self._expires[visits.left.fence]
        over = expiry <= batch.time[visits.left.fix]
        tell(EXIT, visits.left.where(~over))
        tell(CLOSED, visits.left.where(over), expiry[over])
        tell(DWELL, visits.dwelt)
        tell(INSIDE, visits.inside)
        if self._detects[CROSS]:
            tell(CROSS, self._crossed(batch, clearance, visits))
        if self._detects[OUTSIDE]:
            tell(OUTSIDE, self._outside(batch, visits))

    def _straddled(self, batch: Batch, clearance: FloatArray) -> Pairs:
        near = np.flatnonzero((batch.margin >= clearance) & (batch.margin > 0.0))
        if near.size == 0:
            return Pairs(near, near)
        fix, fence = self._borders.straddling(batch.lon[near], batch.lat[near], batch.margin[near])
        return Pairs(near[fix], fence)

    def _crossed(self, batch: Batch, clearance: FloatArray, visits: Visits) -> Pairs:
        """Find the fences between two fixes that are both outside, and surely so."""
        grid = self._cells.grid
        step_x = (batch.lon - batch.from_lon) * grid.metres_per_lon
        step_y = (batch.lat - batch.from_lat) * grid.metres_per_lat
        step = np.hypot(step_x, step_y)
        moved = np.flatnonzero((step >= clearance) & (step > 0.0) & np.isfinite(batch.from_time))
        if moved.size == 0:
            return Pairs(moved, moved)
        a_lon, a_lat = batch.from_lon[moved], batch.from_lat[moved]
        segments, of, fence = self._borders.crossed(
            a_lon, a_lat, batch.lon[moved], batch.lat[moved]
        )
        outside = visits.outside_around(Pairs(moved[of], fence))
        of, fence = of[outside], fence[outside]
        meets = shapely.intersects(self._cells.polygons[fence], segments[of])
        of, fence = of[meets], fence[meets]
        pairs = Pairs(moved[of], fence)
        unsure = self._borders.straddles(fence, a_lon[of], a_lat[of], batch.from_margin[pairs.fix])
        unsure |= self._borders.straddles(
            fence, batch.lon[pairs.fix], batch.lat[pairs.fix], batch.margin[pairs.fix]
        )
        return self._alive(batch, pairs.where(~unsure))

    def _outside(self, batch: Batch, visits: Visits) -> Pairs:
        outside = self._expires > batch.time[:, np.newaxis]
        outside &= [fence is not None for fence in self._fences]
        outside[visits.inside.fix, visits.inside.fence] = False
        return Pairs(*np.nonzero(outside))

    def _alive(self, batch: Batch, pairs: Pairs) -> Pairs:
        return pairs.where(self._expires[pairs.fence] > batch.time[pairs.fix])

    def _remember(self, batch: Batch, content: IntArray) -> None:
        objects = self._objects
        if not batch.last.all():
            batch, content = batch.where(batch.last), content[batch.last]
        objects.lon[batch.slot], objects.lat[batch.slot] = batch.lon, batch.lat
        objects.time[batch.slot], objects.margin[batch.slot] = batch.time, batch.margin
        objects.content[batch.slot] = content

    def _judge_again(self, fence: int, at: float, told: Told) -> None:
        """Compare every object's last fix with a fence that has changed."""
        objects = self._objects
        count = len(objects)
        lon, lat, margin = objects.lon[:count], objects.lat[:count], objects.margin[:count]
        west, south, east, north = self._cells.boxes[fence]
        reach_x = margin / self._cells.grid.metres_per_lon
        reach_y = margin / self._cells.grid.metres_per_lat
        near = (lon >= west - reach_x) & (lon <= east + reach_x)
        near &= (lat >= south - reach_y) & (lat <= north + reach_y)
        was = np.zeros(count, dtype=np.bool_)
        was[objects.inside(fence)] = True
        slot = np.flatnonzero(near | was)
        polygon = self._cells.polygons[fence]
        now = shapely.intersects_xy(polygon, lon[slot], lat[slot])
        unsure = self._borders.straddles(
            np.full(slot.size, fence), lon[slot], lat[slot], margin[slot]
        )
        time = np.maximum(objects.time[slot], at)
        before = was[slot]
        expires = float(self._expires[fence])
        over = time >= expires
        now = np.where(unsure, before, now) & ~over
        entered, left = now & ~before, before & ~now
        told.add(ENTER, -1, slot[entered], fence, time[entered])
        told.add(EXIT, -1, slot[left & ~over], fence, time[left & ~over])
        told.add(CLOSED, -1, slot[left & over], fence, expires)
        objects.leave(slot[left], fence)
        objects.enter(slot[entered], fence, time[entered], self._dwell_s)

    def _close(self, fence: int, at: float, told: Told) -> None:
        slots = self._objects.inside(fence)
        told.add(CLOSED, -1, slots, fence, np.maximum(self._objects.time[slots], at))
        self._objects.leave(slots, fence)
        self._fences[fence] = None
        self._cells.drop(fence)
        self._edited(fence, math.inf)

    def _edited(self, fence: int, expires: float) -> None:
        self._expires[fence] = expires
        self._next_expiry = float(self._expires.min(initial=math.inf))
        self._borders.forget(fence)
        self._objects.content[:] = -1  # contents have changed their meaning


def _listed(object_ids: Sequence[str] | npt.NDArray[np.object_]) -> Sequence[str]:
    return object_ids.tolist() if isinstance(object_ids, np.ndarray) else object_ids
