"""The weights of one profile under changing conditions, customized and kept ready.

Two metrics are kept, each for one value of `Conditions`; the second is created when conditions
first change. New conditions then re-weigh the least recently used metric, only for arcs that
differ, while the other stays in use. If another thread still uses that metric, a new one replaces
it.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray
from geo.errors import MetricInUse, WeightOverflow
from geo.routing.arc_speeds import ArcSpeeds
from geo.routing.conditions import OPEN, Conditions
from geo.routing.expanded import BANNED, EXEMPT, Expanded
from geo.routing.hierarchy import CLOSED, Hierarchy, Metric
from geo.routing.profiles import Profile, forbidden, usual_ms
from geo.routing.slowdowns import lane_closure_ms, wading_ms
from geo.streets.graph import StreetGraph

__all__ = ["Metrics", "Weighed"]

IntArray = npt.NDArray[np.int64]

_KEPT = 2


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Weighed:
    """The streets' weights for one profile under some conditions."""

    conditions: Conditions
    metric: Metric
    lane_ms: FloatArray
    """Whole milliseconds for each lane, at least 1; inf if closed or forbidden."""
    open_arcs: npt.NDArray[np.bool_]
    """Arcs open in their own direction, shape (arcs,)."""


class Metrics:
    """Metrics of one profile; may be shared between threads.

    Parameters
    ----------
    streets, expanded, hierarchy
        The map, its expanded graph, and the hierarchy of that.
    profile
        The profile.
    speeds
        Speeds of the streets by hour of the week; the conditions name the hour.
    """

    def __init__(
        self,
        streets: StreetGraph,
        expanded: Expanded,
        hierarchy: Hierarchy,
        profile: Profile,
        speeds: ArcSpeeds | None = None,
    ) -> None:
        self._streets, self._expanded, self._hierarchy = streets, expanded, hierarchy
        self._profile = profile
        self._speeds = speeds
        self._usual: dict[int | None, FloatArray] = {}
        self._turn_ms = _turn_ms(expanded, profile)
        self._known: dict[str, int] = {}
        self._lock = threading.Lock()
        self._ready: OrderedDict[Conditions, Weighed] = OrderedDict()
        self._ready[OPEN] = self._made(OPEN)
        self._spare: list[Weighed] = []

    @property
    def turn_ms(self) -> npt.NDArray[np.int32]:
        """Cost of each turn for this profile; `CLOSED` if it is forbidden."""
        return self._turn_ms

    def under(self, conditions: Conditions) -> Weighed:
        """Weigh the streets under conditions.

        Raises
        ------
        UnknownArc
            Conditions name an arc that is not in the map.
        WeightOverflow
            A speed factor makes an arc take longer than 24 days.
        """
        with self._lock:
            found = self._ready.get(conditions)
            if found is not None:
                self._ready.move_to_end(conditions)
                found.metric.claim()
                return found
        self._arc_ms(conditions)  # an unknown arc is refused before anything is changed
        with self._lock:
            spare = self._taken()
        try:
            weighed = self._changed(spare, conditions) if spare else self._made(conditions)
        except WeightOverflow:
            if spare:
                self._spare.append(spare)
            raise
        weighed.metric.claim()
        with self._lock:
            self._ready[conditions] = weighed
            self._ready.move_to_end(conditions)
            while len(self._ready) > _KEPT:
                self._ready.popitem(last=False)
        return weighed

    def _taken(self) -> Weighed | None:
        """Remove a metric, so that only threads that have already claimed it can use it."""
        if self._spare:
            return self._spare.pop()
        return self._ready.popitem(last=False)[1] if len(self._ready) >= _KEPT else None

    def _index(self, ids: Iterable[str]) -> list[int]:
        """Look up arc ids with a cache, because conditions repeat them; raises UnknownArc."""
        known = self._known
        found = []
        for arc_id in ids:
            if arc_id not in known:
                known[arc_id] = self._streets.arc_index(arc_id)
            found.append(known[arc_id])
        return found

    def _made(self, conditions: Conditions) -> Weighed:
        lane_ms = np.empty(len(self._expanded.lanes))
        every = np.arange(len(self._streets.arcs))
        self._fill(lane_ms, every, self._arc_ms(conditions))
        lane_to = self._expanded.state_lane[self._expanded.turn_to]
        weights = self._weights(lane_ms[lane_to], self._turn_ms)
        metric = self._hierarchy.weighted(weights)
        return Weighed(conditions, metric, lane_ms, np.isfinite(lane_ms[: len(every)]))

    def _changed(self, spare: Weighed, conditions: Conditions) -> Weighed:
        """Re-weigh a spare metric for the arcs whose conditions differ."""
        touched = self._difference(spare.conditions, conditions)
        ms = self._arc_ms(conditions)[touched]
        lane_ms = spare.lane_ms.copy()
        lanes = self._fill(lane_ms, touched, ms)
        open_arcs = spare.open_arcs.copy()
        open_arcs[touched] = np.isfinite(ms)
        turns, _ = self._expanded.turns_into_each(lanes)
        lane_to = self._expanded.state_lane[self._expanded.turn_to[turns]]
        try:
            spare.metric.reweigh(turns, self._weights(lane_ms[lane_to], self._turn_ms[turns]))
        except MetricInUse:
            return self._made(conditions)
        return Weighed(conditions, spare.metric, lane_ms, open_arcs)

    def _difference(self, before: Conditions, after: Conditions) -> IntArray:
        """Return the arcs for which two conditions differ, sorted."""
        ids = before.closed ^ after.closed
        ids |= {arc_id for arc_id, _ in set(before.speed_factors) ^ set(after.speed_factors)}
        ids |= {arc_id for arc_id, _ in set(before.lanes_closed) ^ set(after.lanes_closed)}
        ids |= {arc_id for arc_id, _ in set(before.flood_depths) ^ set(after.flood_depths)}
        arcs = np.array(sorted(self._index(ids)), dtype=np.int64)
        if before.hour == after.hour:
            return arcs
        changed = self._usual_at(before.hour) != self._usual_at(after.hour)
        changed[arcs] = True
        return np.flatnonzero(changed)

    def _usual_at(self, hour: int | None) -> FloatArray:
        """Return milliseconds for all arcs as if all were open, inf if forbidden."""
        found = self._usual.get(hour)
        if found is None:
            found = usual_ms(self._streets.arcs, self._profile, self._speeds, hour)
            found[forbidden(self._streets.arcs, self._profile, hour)] = math.inf
            # For two metrics and their replacement; another thread may still read the old ones.
            recent = list(self._usual.items())[-_KEPT:]
            self._usual = {**dict(recent), hour: found}
        return found

    def _arc_ms(self, conditions: Conditions) -> FloatArray:
        """Return milliseconds for all arcs, unrounded; inf if closed."""
        usual = self._usual_at(conditions.hour)
        ms = usual.copy()
        slowed = self._index(arc_id for arc_id, _ in conditions.speed_factors)
        if not self._profile.on_foot:
            ms[slowed] /= [factor for _, factor in conditions.speed_factors]
        self._slow(ms, usual, conditions)
        ms[self._index(conditions.closed)] = math.inf
        return ms

    def _slow(self, ms: FloatArray, usual: FloatArray, conditions: Conditions) -> None:
        """Apply the slowest condition to arcs with closed lanes or water."""
        arcs = self._streets.arcs
        at = self._index(arc_id for arc_id, _ in conditions.lanes_closed)
        if at and not self._profile.on_foot:
            closed = np.array([count for _, count in conditions.lanes_closed])
            ms[at] = np.maximum(ms[at], lane_closure_ms(usual[at], arcs.lanes[at], closed))
        at = self._index(arc_id for arc_id, _ in conditions.flood_depths)
        if at:
            depth_m = np.array([depth for _, depth in conditions.flood_depths])
            ms[at] = np.maximum(ms[at], wading_ms(arcs.length_m[at], depth_m, self._profile))

    def _fill(self, lane_ms: FloatArray, arcs: IntArray, ms: FloatArray) -> IntArray:
        """Set the times of the lanes of some arcs; return these lanes."""
        lane_ms[arcs] = np.maximum(np.rint(ms), 1.0)
        against = self._expanded.lanes.against[arcs]
        turned = against >= 0
        factor = self._profile.against_factor or math.inf
        lane_ms[against[turned]] = np.maximum(np.rint(ms[turned] * factor), 1.0)
        return np.concatenate([arcs, against[turned]])

    def _weights(self, entered_ms: FloatArray, turn_ms: npt.NDArray[np.int32]) -> IntArray:
        """Return each turn's weight: its cost plus the time of the lane that it enters."""
        closed = np.isinf(entered_ms) | (turn_ms == CLOSED)
        total = np.where(closed, 0.0, entered_ms) + turn_ms
        if (total[~closed] >= CLOSED).any():
            raise WeightOverflow(
                f"an arc takes longer than {CLOSED} ms (24 days): check the travel times, and "
                "close the arc instead of slowing it to almost nothing"
            )
        total[closed] = CLOSED
        return total.astype(np.int64)


def _turn_ms(expanded: Expanded, profile: Profile) -> npt.NDArray[np.int32]:
    cost = np.rint(expanded.turn_ms * profile.turn_factor).astype(np.int64)
    banned = expanded.turn_ban == BANNED
    if profile.ban_penalty_ms is None:
        cost[banned | (expanded.turn_ban == EXEMPT)] = CLOSED
    else:
        cost[banned] += profile.ban_penalty_ms
    narrow: npt.NDArray[np.int32] = cost.astype(np.int32)
    return narrow
