"""Fence transitions: which object entered, left, crossed or stayed in which fence, and when.

The semantics are those of Tile38's `DETECT`, object by object: each fix is compared with the one
before it.

==========  =========================================================================
`enter`     outside before (or never seen), inside now
`exit`      inside before, outside now
`cross`     outside before and now, but the straight line between the fixes meets the fence
`inside`    inside now (after `enter` too)
`outside`   outside now (after `exit` and `cross` too)
==========  =========================================================================

and two kinds that Tile38's users ask for:

==========  =========================================================================
`dwell`     inside for `dwell_s` or longer, at the first fix that shows it, once per visit
`closed`    inside a fence that expired or was removed: the visit ends without an exit
==========  =========================================================================

A border belongs to its fence. A fix whose circle of accuracy reaches a fence's border says nothing
about that fence: the object keeps its state (outside, if never seen), and neither end of a `cross`
may be such a fix. So a receiver whose error is within its stated accuracy cannot make an object
flap. A fix that is not newer than its object's last one is ignored: a repeated or late message
changes nothing.

The engine is pure: no clock, no randomness. Its results depend on the order of each object's fixes
and of the edits, never on the batches of fixes. Lines are straight in degrees and do not cross the
antimeridian.
"""

import copy
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray, check_lonlat
from geo.errors import BadFence, BadFix
from geo.fences.batch import Batch, in_order
from geo.fences.events import (
    CLOSED,
    ENTER,
    EXIT,
    KINDS,
    STATE_CHANGES,
    Told,
    Transition,
    Transitions,
    nothing_told,
)
from geo.fences.grid import IntArray
from geo.fences.index import Fence, mended
from geo.fences.judge import Judge
from geo.fences.objects import Objects
from geo.fences.quiet import take_quiet, unchanged
from geo.fences.set import FenceSet, Listed
from geo.fences.state import EngineState, FenceState, ObjectState
from geo.fences.visits import Members

__all__ = [
    "KINDS",
    "STATE_CHANGES",
    "EngineState",
    "FenceState",
    "ObjectState",
    "Transition",
    "TransitionEngine",
    "Transitions",
]


class TransitionEngine:
    """Follows objects among fences.

    Parameters
    ----------
    fences
        Initial fences; more can be put at any time.
    dwell_s
        How long a visit lasts before it is a `dwell`, seconds, greater than 0; None: never. A
        fence may have its own `dwell_s` in its attributes.
    hysteresis
        A border within this many times the accuracy of a fix is too near to decide; 0: accuracy
        does not matter.
    detect
        The kinds to report, of `KINDS`; `outside` costs time for every pair of fix and fence.
    expires
        When fences end, by id, as in `put`; other fences never end.

    Raises
    ------
    BadFence
        As in `geo.fences.index.FenceIndex`.
    ValueError
        A parameter is invalid.

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
        expires: Mapping[str, float] | None = None,
    ) -> None:
        if dwell_s is not None and not (math.isfinite(dwell_s) and dwell_s > 0.0):
            raise ValueError(f"dwell_s is {dwell_s}: give seconds greater than 0, or None")
        if not (math.isfinite(hysteresis) and hysteresis >= 0.0):
            raise ValueError(f"hysteresis is {hysteresis}: give a factor of 0 or greater")
        unknown = sorted(set(detect) - set(KINDS))
        if unknown:
            raise ValueError(f"cannot detect {unknown[0]!r}: use some of {', '.join(KINDS)}")
        self._hysteresis = hysteresis
        self._detects = [kind in detect for kind in KINDS]
        self._dwell_s = (dwell_s or math.inf) if "dwell" in detect else None
        ends = expires or {}
        self._set = FenceSet(
            (Listed(fence.id, fence, ends.get(fence.id, math.inf)) for fence in fences),
            self._dwell_s,
        )
        self._objects = Objects()

    @classmethod
    def restore(
        cls,
        state: EngineState,
        fences: Iterable[Fence],
        *,
        dwell_s: float | None = None,
        hysteresis: float = 1.0,
        detect: Collection[str] = STATE_CHANGES,
    ) -> Self:
        """Return an engine that continues exactly from another one's `snapshot`.

        Parameters
        ----------
        state
            The snapshot.
        fences
            The fences of that engine, in any order.
        dwell_s, hysteresis, detect
            As in that engine.

        Raises
        ------
        BadFence
            A fence of the snapshot is missing or has another shape. To continue with other
            fences, see `resume`.
        BadFix
            As in `resume`.
        """
        given = {fence.id: fence for fence in fences}
        missing = [f.id for f in state.fences if not f.gone and f.id not in given]
        if missing:
            raise BadFence(f"the snapshot has a fence {missing[0]!r} that is missing here: give it")
        engine = cls(dwell_s=dwell_s, hysteresis=hysteresis, detect=detect)
        listed = [
            Listed(
                f.id, None if f.gone else given[f.id], math.inf if f.expires is None else f.expires
            )
            for f in state.fences
        ]
        engine._set = FenceSet(listed, engine._dwell_s)
        for told in engine.resume(state.objects):
            raise BadFence(
                f"fence {told.fence_id!r} has changed since the snapshot was taken: give it as "
                "it was, or use `resume` of a new engine"
            )
        return engine

    def fork(self) -> "TransitionEngine":
        """Return an engine like this one, without its objects.

        Both share the fences' geometry until one of them edits it.
        """
        twin = copy.copy(self)
        twin._set = self._set.fork()  # noqa: SLF001 - its own class
        twin._objects = Objects()  # noqa: SLF001
        return twin

    @property
    def fences(self) -> tuple[Fence, ...]:
        """The present fences, repaired, in the order in which their ids were first put."""
        return tuple(fence for fence in self._set.fences if fence is not None)

    @property
    def next_expiry(self) -> float:
        """When the next fence ends, in seconds; inf if none does."""
        return self._set.next_expiry

    def snapshot(self) -> EngineState:
        """Return the whole state except the fences' geometry, for `restore`."""
        known = zip(self._set.ids, self._set.fences, self._set.expires.tolist(), strict=True)
        return EngineState(
            fences=tuple(
                FenceState(name, None if math.isinf(end) else end, gone=fence is None)
                for name, fence, end in known
            ),
            objects=self.objects(),
        )

    def objects(self, object_ids: Iterable[str] | None = None) -> tuple[ObjectState, ...]:
        """Return the state of some objects, or of all (None); unknown objects are left out."""
        if object_ids is None:
            slots = np.arange(len(self._objects))
        else:
            found = [self._objects.slot_of(object_id) for object_id in object_ids]
            slots = np.array([slot for slot in found if slot >= 0], dtype=np.int64)
        return tuple(self._objects.states(slots, self._set.ids))

    def inside(self, object_id: str) -> tuple[str, ...]:
        """Return the ids of an object's fences."""
        slot = self._objects.slot_of(object_id)
        if slot < 0:
            return ()
        members = self._objects.members(np.array([slot]))
        return tuple(self._set.ids[fence] for fence in sorted(members.fence.tolist()))

    def observe(
        self,
        object_ids: Sequence[str] | npt.NDArray[np.object_],
        lons: FloatArray | Sequence[float],
        lats: FloatArray | Sequence[float],
        times: FloatArray | Sequence[float],
        accuracies_m: FloatArray | Sequence[float] | None = None,
    ) -> Transitions:
        """Process fixes in order of arrival, and return the transitions.

        Parameters
        ----------
        object_ids
            Object of each fix; an object may have several.
        lons, lats
            WGS-84 degrees, shape (n,).
        times
            Seconds since any epoch, shape (n,).
        accuracies_m
            Radius of each fix's circle of accuracy, metres, shape (n,); NaN if unknown. A fix of
            unknown accuracy counts as exact.

        Raises
        ------
        BadCoordinates
            As in `geo.crs.check_lonlat`.
        BadFix
            A time that is not finite, an accuracy that is negative or infinite, or columns of
            different lengths. No fix was processed.
        """
        if len(object_ids) == len(lons) == len(lats) == len(times) == 1:
            accuracy = 0.0 if accuracies_m is None or len(accuracies_m) != 1 else accuracies_m[0]
            reach = 0.0 if math.isnan(accuracy) else float(accuracy) * self._hysteresis
            fix = float(lons[0]), float(lats[0]), float(times[0]), reach
            if take_quiet(self._set, self._objects, self._detects, str(object_ids[0]), fix):
                return nothing_told(self._objects.ids, self._set.ids)
        check_lonlat(lons, lats)
        lon = np.ascontiguousarray(lons, dtype=np.float64).ravel()
        lat = np.ascontiguousarray(lats, dtype=np.float64).ravel()
        time, margin = self._checked(lon.size, times, accuracies_m)
        if len(object_ids) != lon.size:
            raise BadFix(f"{len(object_ids)} object ids but {lon.size} positions: give one id each")
        slot = self._objects.slots_of(_listed(object_ids))
        batch = in_order(self._objects, slot, (lon, lat, time, margin))
        cells = self._set.cells
        cell = cells.grid.cell_of(batch.lon, batch.lat)
        content, clearance = cells.contents(cell), cells.clearance_m(cell)
        certain = (cells.tests(content) == 0) & ((batch.margin < clearance) | (batch.margin == 0.0))
        told = Told(self._detects)
        of_cells = content, certain, clearance
        look = ~unchanged(self._set, self._objects, self._detects, batch, of_cells)
        if look.any():
            self._judge(told).fixes(batch.where(look), content[look], clearance[look])
        self._remember(batch, np.where(certain, content, -1))
        ignored = lon.size - batch.slot.size
        return told.transitions(self._objects.ids, self._set.ids, ignored)

    def resume(self, objects: Sequence[ObjectState]) -> Transitions:
        """Take over objects from another engine, which may have had other fences.

        Every object is compared again by its last fix, as in `put`: visits to fences that no
        longer exist are `closed`, and objects in fences that are new or have moved enter. For
        unchanged fences nothing is reported, and visits go on.

        Parameters
        ----------
        objects
            From the other engine's `objects` or `snapshot`; transitions are in this order.

        Raises
        ------
        BadCoordinates
            As in `observe`.
        BadFix
            A time or margin that is not finite, or an object given twice.
        ValueError
            This engine has already seen objects.
        """
        if len(self._objects):
            raise ValueError("this engine already follows objects: `fork` it first")
        lon, lat, time, margin = (
            np.array([getattr(o, name) for o in objects], dtype=np.float64)
            for name in ("lon", "lat", "time", "margin_m")
        )
        check_lonlat(lon, lat)
        if not np.isfinite(time).all() or not ((margin >= 0.0) & np.isfinite(margin)).all():
            raise BadFix("an object's last fix has an invalid time or margin: correct the state")
        if len({o.id for o in objects}) != len(objects):
            raise BadFix("an object is not unique: give each object once")
        told = Told([kind in (ENTER, EXIT, CLOSED) and on for kind, on in enumerate(self._detects)])
        fence_ids = self._take_over(objects, told)
        everyone = np.ones(len(objects), dtype=np.bool_)
        last = lon, lat, time, margin
        place = np.full(len(objects), -1)
        batch = Batch(place, np.arange(len(objects)), *last, everyone, everyone, *last)
        cell = self._set.cells.grid.cell_of(lon, lat)
        if len(objects):
            clearance = self._set.cells.clearance_m(cell)
            self._judge(told).fixes(batch, self._set.cells.contents(cell), clearance)
        return told.transitions(self._objects.ids, fence_ids)

    def put(self, fence: Fence, at: float, expires: float = math.inf) -> Transitions:
        """Add a fence, or change the one with its id.

        Every object is compared again by its last fix: objects now inside enter, objects no longer
        inside exit; visits that go on keep their start.

        Parameters
        ----------
        fence
            The fence from now on.
        at
            Time of the change, seconds. An object with a later fix has its transition at that
            fix's time.
        expires
            When the fence ends; fixes at that time and later are not in it.

        Raises
        ------
        BadFence
            As in `geo.fences.index.FenceIndex`, or it expires before it begins. Nothing was
            changed.
        """
        if not expires > at:
            raise BadFence(f"fence {fence.id!r} expires at {expires}, not after {at}: omit it")
        usable = mended(fence)[0]
        self._set.dwelling(usable)
        slot = self._set.slot_for(fence.id)
        told = Told(self._detects)
        if self._set.expires[slot] <= at:
            self._close(slot, self._set.expires[slot], told)
        self._set.put(slot, usable, expires)
        self._objects.content[:] = -1  # contents have changed their meaning
        self._judge(told).fence(slot, at)
        return told.transitions(self._objects.ids, self._set.ids)

    def remove(self, fence_id: str, at: float) -> Transitions:
        """Remove a fence; objects inside get a `closed`, at the time `at` or of their last fix.

        Raises
        ------
        BadFence
            There is no such fence.
        """
        slot = self._set.slots.get(fence_id, -1)
        if slot < 0 or self._set.fences[slot] is None:
            raise BadFence(f"there is no fence {fence_id!r} to remove: see `fences`")
        told = Told(self._detects)
        self._close(slot, at, told)
        return told.transitions(self._objects.ids, self._set.ids)

    def expire(self, now: float) -> Transitions:
        """Remove expired fences; objects inside get a `closed` at the time of expiry.

        A fix after a fence's expiry is never in it; this ends the visits of objects without such
        a fix.
        """
        told = Told(self._detects)
        if now >= self._set.next_expiry:
            for slot in np.flatnonzero(self._set.expires <= now).tolist():
                self._close(slot, self._set.expires[slot], told)
        return told.transitions(self._objects.ids, self._set.ids)

    def _checked(
        self,
        count: int,
        times: FloatArray | Sequence[float],
        accuracies_m: FloatArray | Sequence[float] | None,
    ) -> tuple[FloatArray, FloatArray]:
        """Check times and accuracies; return times and margins."""
        time = np.ascontiguousarray(times, dtype=np.float64).ravel()
        if accuracies_m is None:
            margin = np.zeros(count)
        else:
            accuracy = np.ascontiguousarray(accuracies_m, dtype=np.float64).ravel()
            margin = np.where(np.isnan(accuracy), 0.0, accuracy) * self._hysteresis
        if not time.size == margin.size == count:
            raise BadFix(
                f"{count} positions but {time.size} times and {margin.size} accuracies: give the "
                "same number of each"
            )
        if not np.isfinite(time).all():
            raise BadFix(f"the time of fix {np.argmin(np.isfinite(time))} is not finite: fix it")
        good = (margin >= 0.0) & np.isfinite(margin)
        if not good.all():
            raise BadFix(
                f"the accuracy of fix {np.argmin(good)} is negative or infinite: give metres, or "
                "NaN if it is unknown"
            )
        return time, margin

    def _remember(self, batch: Batch, content: IntArray) -> None:
        objects = self._objects
        if not batch.last.all():
            batch, content = batch.where(batch.last), content[batch.last]
        objects.lon[batch.slot], objects.lat[batch.slot] = batch.lon, batch.lat
        objects.time[batch.slot], objects.margin[batch.slot] = batch.time, batch.margin
        objects.content[batch.slot] = content

    def _take_over(self, objects: Sequence[ObjectState], told: Told) -> Sequence[str]:
        """Put objects where they were; return the fences' ids, those of fences gone behind them."""
        names = [*self._set.ids]
        slots = {n: i for n, i in self._set.slots.items() if self._set.fences[i] is not None}
        rows = [
            (row, visit, slots.get(visit.fence, -1))
            for row, state in enumerate(objects)
            for visit in state.visits
        ]
        kept = sorted((row, slot, visit.since) for row, visit, slot in rows if slot >= 0)
        row, slot, since = zip(*kept, strict=True) if kept else ((), (), ())
        self._objects.place(
            objects,
            Members(
                np.array(row, dtype=np.int64),
                np.array(slot, dtype=np.int64),
                np.array(since, dtype=np.float64),
            ),
        )
        for number, visit, found in rows:
            if found < 0:
                told.add(CLOSED, -1, np.array([number]), len(names), objects[number].time)
                names.append(visit.fence)
        return names

    def _judge(self, told: Told) -> Judge:
        return Judge(self._set, self._objects, told)

    def _close(self, fence: int, at: float, told: Told) -> None:
        slots = self._objects.inside(fence)
        told.add(CLOSED, -1, slots, fence, np.maximum(self._objects.time[slots], at))
        self._objects.leave(slots, fence)
        self._set.drop(fence)
        self._objects.content[:] = -1


def _listed(object_ids: Sequence[str] | npt.NDArray[np.object_]) -> Sequence[str]:
    return object_ids.tolist() if isinstance(object_ids, np.ndarray) else object_ids
