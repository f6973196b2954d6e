"""Fence transitions the slow and obvious way: one fix, one fence at a time, plain shapely."""

import math

import shapely
from shapely.geometry import LineString, Point

from geo.crs import EARTH_RADIUS_M
from geo.fences.index import mended
from geo.fences.transitions import KINDS, Transition


class SlowEngine:
    def __init__(self, fences=(), *, dwell_s=None, hysteresis=1.0, detect=KINDS):
        self.order, self.fences, self.expires = [], {}, {}
        self.dwell_s = math.inf if dwell_s is None else dwell_s
        self.hysteresis, self.detect = hysteresis, detect
        self.last, self.since = {}, {}  # by object; by object and fence
        for fence in fences:
            self._set(fence, math.inf)

    def observe_one(self, thing, lon, lat, time, accuracy):
        """Return the transitions, None if the fix is ignored."""
        old = self.last.get(thing)
        if old is not None and time <= old[2]:
            return None
        new = (lon, lat, time, accuracy * self.hysteresis)
        told = []
        for fence in self.order:
            told += self._compare(thing, fence, old, new)
        self.last[thing] = new
        return [event for event in told if event.kind in self.detect]

    def put(self, fence, at, expires=math.inf):
        told = self._close(fence.id, self.expires[fence.id]) if self._over(fence.id, at) else []
        self._set(fence, expires)
        for thing, (lon, lat, time, margin) in self.last.items():
            when = max(time, at)
            was = (thing, fence.id) in self.since
            inside = self._covers(fence.id, lon, lat)
            if self._straddles(fence.id, lon, lat, margin):
                inside = was
            if when >= expires:
                if was:
                    told.append(self._leave(thing, fence.id, "closed", expires))
            elif inside and not was:
                self.since[thing, fence.id] = when
                told.append(Transition(thing, fence.id, "enter", when))
            elif was and not inside:
                told.append(self._leave(thing, fence.id, "exit", when))
        return self._sorted(told)

    def remove(self, fence_id, at):
        return self._sorted(self._close(fence_id, at))

    def expire(self, now):
        told = []
        for fence in list(self.order):
            if self._over(fence, now):
                told += self._close(fence, self.expires[fence])
        return self._sorted(told)

    def _compare(self, thing, fence, old, new):
        if fence not in self.fences:
            return []
        lon, lat, time, margin = new
        was = (thing, fence) in self.since
        if self.expires[fence] <= time:
            return [self._leave(thing, fence, "closed", self.expires[fence])] if was else []
        unsure = self._straddles(fence, lon, lat, margin)
        inside = was if unsure else self._covers(fence, lon, lat)
        if inside and not was:
            self.since[thing, fence] = time
            return [Transition(thing, fence, kind, time) for kind in ("enter", "inside")]
        if inside:
            told = [Transition(thing, fence, "inside", time)]
            due = self.since[thing, fence] + self.dwell_s
            if old[2] < due <= time:
                told.append(Transition(thing, fence, "dwell", time))
            return told
        told = [Transition(thing, fence, "outside", time)]
        if was:
            return [self._leave(thing, fence, "exit", time), *told]
        if old is not None and not unsure and not self._straddles(fence, *old[:2], old[3]):
            way = LineString([old[:2], (lon, lat)])
            if old[:2] != (lon, lat) and self.fences[fence].geometry.intersects(way):
                return [Transition(thing, fence, "cross", time), *told]
        return told

    def _set(self, fence, expires):
        if fence.id not in self.order:
            self.order.append(fence.id)
        self.fences[fence.id], self.expires[fence.id] = mended(fence)[0], expires

    def _over(self, fence, at):
        return fence in self.fences and self.expires[fence] <= at

    def _close(self, fence, at):
        told = [
            self._leave(thing, inside, "closed", max(at, self.last[thing][2]))
            for thing, inside in list(self.since)
            if inside == fence
        ]
        del self.fences[fence]
        return told

    def _leave(self, thing, fence, kind, time):
        del self.since[thing, fence]
        return Transition(thing, fence, kind, time)

    def _covers(self, fence, lon, lat):
        return self.fences[fence].geometry.covers(Point(lon, lat))

    def _straddles(self, fence, lon, lat, margin):
        if margin == 0.0:
            return False
        geometry = self.fences[fence].geometry
        _, south, _, north = geometry.bounds
        k = EARTH_RADIUS_M * math.pi / 180.0
        scale = (k * math.cos(math.radians((south + north) / 2.0)), k)
        border = shapely.transform(geometry.boundary, lambda xy: xy * scale)
        return border.distance(Point(lon * scale[0], lat * scale[1])) <= margin

    def _sorted(self, told):
        things = list(self.last)
        return sorted(
            (event for event in told if event.kind in self.detect),
            key=lambda e: (things.index(e.object_id), self.order.index(e.fence_id), e.time),
        )
