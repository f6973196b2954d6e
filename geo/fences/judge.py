"""Exact tests of fixes and changed fences, where grid cells do not decide."""

from dataclasses import dataclass

import numpy as np
import shapely

from geo.crs import FloatArray
from geo.fences.batch import Batch
from geo.fences.events import CLOSED, CROSS, DWELL, ENTER, EXIT, INSIDE, OUTSIDE, Told
from geo.fences.grid import IntArray
from geo.fences.objects import Objects
from geo.fences.set import FenceSet
from geo.fences.visits import Fixes, Pairs, Visits, follow

__all__ = ["Judge"]


@dataclass(frozen=True, slots=True)
class Judge:
    """Compares objects with fences, updates their state and reports transitions."""

    fences: FenceSet
    objects: Objects
    told: Told

    def fixes(self, batch: Batch, content: IntArray, clearance: FloatArray) -> None:
        """Follow objects through their fixes, with exact tests.

        Parameters
        ----------
        batch
            At least one fix, and all fixes of each object.
        content, clearance
            Content and clearance of the fixes' cells, see `geo.fences.cells.FenceCells`.
        """
        covered = Pairs(*self.fences.cells.locate(content, batch.lon, batch.lat))
        straddled = self._straddled(batch, clearance)
        if batch.time.max() >= self.fences.next_expiry:
            covered, straddled = self._alive(batch, covered), self._alive(batch, straddled)
        slots = batch.slot[batch.first]
        fixes = Fixes(batch.object(), batch.time, batch.from_time[batch.first])
        members = self.objects.members(slots)
        visits = follow(fixes, members, covered, straddled, self.fences.dwell_s)
        self.objects.replace(slots, visits.members)
        if self.fences.dwells:
            last = batch.time[batch.last]
            self.objects.plan(slots, visits.members, last, self.fences.dwell_s)

        def tell(kind: int, pairs: Pairs, time: FloatArray | None = None) -> None:
            if pairs.fix.size:
                when = batch.time[pairs.fix] if time is None else time
                self.told.add(
                    kind, batch.place[pairs.fix], batch.slot[pairs.fix], pairs.fence, when
                )

        tell(ENTER, visits.entered)
        expiry = self.fences.expires[visits.left.fence]
        over = expiry <= batch.time[visits.left.fix]
        tell(EXIT, visits.left.where(~over))
        tell(CLOSED, visits.left.where(over), expiry[over])
        tell(DWELL, visits.dwelt)
        tell(INSIDE, visits.inside)
        if self.told.wants(CROSS):
            tell(CROSS, self._crossed(batch, clearance, visits))
        if self.told.wants(OUTSIDE):
            tell(OUTSIDE, self._outside(batch, visits))

    def _straddled(self, batch: Batch, clearance: FloatArray) -> Pairs:
        near = np.flatnonzero((batch.margin >= clearance) & (batch.margin > 0.0))
        if near.size == 0:
            return Pairs(near, near)
        fix, fence = self.fences.borders.straddling(
            batch.lon[near], batch.lat[near], batch.margin[near]
        )
        return Pairs(near[fix], fence)

    def _crossed(self, batch: Batch, clearance: FloatArray, visits: Visits) -> Pairs:
        """Find the fences between two fixes that are both certainly outside."""
        grid = self.fences.cells.grid
        step_x = (batch.lon - batch.from_lon) * grid.metres_per_lon
        step_y = (batch.lat - batch.from_lat) * grid.metres_per_lat
        step = np.hypot(step_x, step_y)
        moved = np.flatnonzero((step >= clearance) & (step > 0.0) & np.isfinite(batch.from_time))
        if moved.size == 0:
            return Pairs(moved, moved)
        a_lon, a_lat = batch.from_lon[moved], batch.from_lat[moved]
        segments, of, fence = self.fences.borders.crossed(
            a_lon, a_lat, batch.lon[moved], batch.lat[moved]
        )
        outside = visits.outside_around(Pairs(moved[of], fence))
        of, fence = of[outside], fence[outside]
        meets = shapely.intersects(self.fences.cells.polygons[fence], segments[of])
        of, fence = of[meets], fence[meets]
        pairs = Pairs(moved[of], fence)
        unsure = self.fences.borders.straddles(
            fence, a_lon[of], a_lat[of], batch.from_margin[pairs.fix]
        )
        unsure |= self.fences.borders.straddles(
            fence, batch.lon[pairs.fix], batch.lat[pairs.fix], batch.margin[pairs.fix]
        )
        return self._alive(batch, pairs.where(~unsure))

    def _outside(self, batch: Batch, visits: Visits) -> Pairs:
        outside = self.fences.expires > batch.time[:, np.newaxis]
        outside &= [fence is not None for fence in self.fences.fences]
        outside[visits.inside.fix, visits.inside.fence] = False
        return Pairs(*np.nonzero(outside))

    def _alive(self, batch: Batch, pairs: Pairs) -> Pairs:
        return pairs.where(self.fences.expires[pairs.fence] > batch.time[pairs.fix])

    def fence(self, fence: int, at: float) -> None:
        """Compare every object's last fix with a fence that has changed, at the time `at`."""
        objects = self.objects
        count = len(objects)
        lon, lat, margin = objects.lon[:count], objects.lat[:count], objects.margin[:count]
        west, south, east, north = self.fences.cells.boxes[fence]
        reach_x = margin / self.fences.cells.grid.metres_per_lon
        reach_y = margin / self.fences.cells.grid.metres_per_lat
        near = (lon >= west - reach_x) & (lon <= east + reach_x)
        near &= (lat >= south - reach_y) & (lat <= north + reach_y)
        was = np.zeros(count, dtype=np.bool_)
        was[objects.inside(fence)] = True
        slot = np.flatnonzero(near | was)
        polygon = self.fences.cells.polygons[fence]
        now = shapely.intersects_xy(polygon, lon[slot], lat[slot])
        unsure = self.fences.borders.straddles(
            np.full(slot.size, fence), lon[slot], lat[slot], margin[slot]
        )
        time = np.maximum(objects.time[slot], at)
        before = was[slot]
        expires = float(self.fences.expires[fence])
        over = time >= expires
        now = np.where(unsure, before, now) & ~over
        entered, left = now & ~before, before & ~now
        self.told.add(ENTER, -1, slot[entered], fence, time[entered])
        self.told.add(EXIT, -1, slot[left & ~over], fence, time[left & ~over])
        self.told.add(CLOSED, -1, slot[left & over], fence, expires)
        objects.leave(slot[left], fence)
        dwell_s = float(self.fences.dwell_s[fence])
        objects.enter(slot[entered], fence, time[entered], dwell_s)
        objects.hasten(fence, dwell_s)
