"""Units that enter and leave the city's fences, and what has to be kept so that it can go on.

What changes the rules (another city, other settings, a fence that has ended while its units were
silent) begins new terms: whoever keeps the units keeps the terms, too, and from which message on
they hold, so that the same events can be told again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from atlas.city import CityData
from geo.fences.state import ObjectState
from intake.fence_watch import FenceNames, FenceTerms, FenceWatch, change_of_terms
from intake.limits import IntakeLimits
from schemas.intake import Fix
from schemas.outputs import FenceEvent

__all__ = ["FollowedUnits", "LastTerms", "Told", "fence_terms"]


def fence_terms(city: CityData, limits: IntakeLimits) -> FenceTerms:
    """Return the terms that the limits ask for."""
    return FenceTerms(
        city=city.digest,
        fences=city.fences_changed,
        kinds=limits.fence_kinds,
        dwell_s=limits.fence_dwell_s,
        hysteresis=limits.fence_hysteresis,
        detect=limits.fence_detect,
    )


class LastTerms(msgspec.Struct, frozen=True):
    """The terms that a partition's units were watched under last.

    Attributes
    ----------
    number
        Counts the partition's terms.
    terms
        The rules; None before any.
    until
        Fences that ended by then have ended.
    names
        Kind and name of the fences of that city, where it is another one.
    """

    number: int = 0
    terms: FenceTerms | None = None
    until: datetime | None = None
    names: FenceNames | None = None


class Told(msgspec.Struct, frozen=True):
    """What some fixes mean.

    Attributes
    ----------
    events
        In order, each with the fix that caused it; None where other terms did.
    states
        What is to be kept of the units that have changed.
    new_terms
        Whether other terms hold from the first of the fixes on.
    """

    events: list[tuple[FenceEvent, int | None]]
    states: tuple[ObjectState, ...]
    new_terms: bool


class FollowedUnits:
    """Follows the units of one partition.

    Parameters
    ----------
    watch
        The fences, under the terms that hold now.
    partition
        Its number, part of the ids of what other terms tell.
    units
        What was kept of the units.
    last
        The terms under which that was so.

    Attributes
    ----------
    number, until
        As in `LastTerms`, of the terms that hold now.
    watch
        The fences, under those terms.
    """

    def __init__(
        self,
        watch: FenceWatch,
        partition: int,
        units: Iterable[ObjectState] = (),
        last: LastTerms | None = None,
    ) -> None:
        last = last or LastTerms()
        self.watch, self._partition = watch, partition
        self.number, self.until = last.number, last.until
        self._follower, self._pending = watch.follow(
            units,
            until=last.until,
            cause=change_of_terms(partition, last.number + 1),
            names=last.names,
        )
        self._changed = last.terms != watch.terms or bool(self._pending)

    def under(self, watch: FenceWatch) -> "FollowedUnits":
        """Return these units under other terms, or as they are while something is to be told.

        What is to be told comes of one change of terms: so they never change twice before it is.
        """
        if watch is self.watch or self._changed or self._pending:
            return self
        last = LastTerms(self.number, self.watch.terms, self.until, self.watch.names)
        return FollowedUnits(watch, self._partition, self._follower.units(), last)

    def is_due(self, end: datetime) -> bool:
        """Whether there is something to tell or to keep without a fix, fences ending by ``end``."""
        return self._changed or self._follower.has_ended(end)

    def end_fences(self, end: datetime) -> None:
        """Close the visits to fences that have ended by ``end``; told by the next `take`."""
        if self._follower.has_ended(end):
            self._pending += self._follower.expire(end)
            self.until, self._changed = end, True

    def take(self, fixes: Sequence[Fix]) -> Told:
        """Take fixes in the order in which they came; return what is to be told and kept."""
        new_terms, self._changed = self._changed, False
        self.number += new_terms
        pending, self._pending = self._pending, []
        events: list[tuple[FenceEvent, int | None]] = [(event, None) for event in pending]
        events += self._follower.observe(fixes)
        changed = None if new_terms else {fix.unit for fix in fixes}
        return Told(events, self._follower.units(changed), new_terms)
