"""Fence events of a city's units; intake publishes them, and a replay computes them again.

A city's fences may have these attributes:

===============  ========================================================================
``valid_until``  ISO 8601 with an offset: the fence ends at this time
``dwell_s``      seconds after which a visit is a ``dwell`` event
===============  ========================================================================

Events and their ids depend on the order of the units' fixes and on the terms. They never depend on
the batches of fixes, or on restarts from the stored state.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
import numpy as np

from atlas.city import CityData
from geo.errors import BadFence
from geo.fences.index import FENCE_KINDS, Fence
from geo.fences.transitions import STATE_CHANGES, ObjectState, TransitionEngine, Transitions
from schemas.ids import derive
from schemas.outputs import FenceEvent

__all__ = [
    "FenceNames",
    "FenceTerms",
    "FenceWatch",
    "Follower",
    "UnitFix",
    "change_of_terms",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FenceNames = Mapping[str, tuple[str, str]]
"""Kind and name of fences by id."""


class UnitFix(Protocol):
    """A position of a unit."""

    @property
    def unit(self) -> str:
        """Id of the unit."""

    @property
    def at(self) -> datetime:
        """Time of the fix; aware, in whole milliseconds."""

    @property
    def lon(self) -> float:
        """WGS-84 degrees."""

    @property
    def lat(self) -> float:
        """WGS-84 degrees."""

    @property
    def accuracy_m(self) -> float | None:
        """Radius of the circle of accuracy in metres, if known."""


class FenceTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The rules and fences for fence events.

    Attributes
    ----------
    city
        Digest of the city with the fences.
    fences
        Number of the last change of a fence since the city's files were made.
    kinds
        Kinds of fences to use.
    dwell_s, hysteresis, detect
        As in `geo.fences.transitions.TransitionEngine`.
    """

    city: str
    fences: int = 0
    kinds: tuple[str, ...] = FENCE_KINDS
    dwell_s: float | None = None
    hysteresis: float = 1.0
    detect: tuple[str, ...] = STATE_CHANGES


class FenceWatch:
    """A city's fences under some terms, shared by any number of followers.

    Parameters
    ----------
    city
        The city that the terms name.
    terms
        The rules.

    Raises
    ------
    BadFence
        A `valid_until` or `dwell_s` is invalid.
    ValueError
        The terms are invalid, see `TransitionEngine`.
    """

    def __init__(self, city: CityData, terms: FenceTerms) -> None:
        unknown = sorted(set(terms.kinds) - set(FENCE_KINDS))
        if unknown:
            raise ValueError(f"unknown fence kind {unknown[0]!r}: use {', '.join(FENCE_KINDS)}")
        self.terms = terms
        fences = [fence for fence in city.fence_index.fences if fence.kind in terms.kinds]
        self.names: FenceNames = {fence.id: (fence.kind, fence.name) for fence in fences}
        ends = {fence.id: _end(fence) for fence in fences}
        self._engine = TransitionEngine(
            fences,
            dwell_s=terms.dwell_s,
            hysteresis=terms.hysteresis,
            detect=terms.detect,
            expires={name: end.timestamp() for name, end in ends.items() if end is not None},
        )

    def follow(
        self,
        units: Iterable[ObjectState] = (),
        *,
        until: datetime | None = None,
        cause: str = "",
        names: FenceNames | None = None,
    ) -> tuple["Follower", list[FenceEvent]]:
        """Start to follow units, or continue from another follower's state.

        Parameters
        ----------
        units
            The state of that follower, see `Follower.units`. If terms or city have changed,
            visits to fences that no longer exist are closed, and visits to new fences begin.
        until
            The last time that was passed to that follower's `expire`.
        cause
            What changed; part of the ids of the events that this causes.
        names
            Names of fences that may no longer exist, for their last events.

        Returns
        -------
        Follower, list of FenceEvent
            Events by unit; none if nothing has changed.
        """
        engine = self._engine.fork()
        if until is not None:
            engine.expire(until.timestamp())
        told = engine.resume(sorted(units, key=lambda state: state.id))
        follower = Follower(engine, {**(names or {}), **self.names})
        return follower, follower.told(told, cause=cause)


class Follower:
    """Follows some units; created by `FenceWatch.follow`."""

    def __init__(self, engine: TransitionEngine, names: FenceNames) -> None:
        self._engine = engine
        self._names = names

    def observe(self, fixes: Sequence[UnitFix]) -> list[tuple[FenceEvent, int]]:
        """Process fixes in order of arrival; return events, each with the fix that caused it.

        A fix that is not newer than its unit's last one is ignored.
        """
        if not fixes:
            return []
        told = self._engine.observe(
            [fix.unit for fix in fixes],
            [fix.lon for fix in fixes],
            [fix.lat for fix in fixes],
            [fix.at.timestamp() for fix in fixes],
            [np.nan if fix.accuracy_m is None else fix.accuracy_m for fix in fixes],
        )
        return list(zip(self.told(told, fixes), told.fix.tolist(), strict=True))

    def expire(self, now: datetime) -> list[FenceEvent]:
        """Close visits to fences that have ended by this time; return events by unit."""
        return self.told(self._engine.expire(now.timestamp()))

    def has_ended(self, now: datetime) -> bool:
        """Whether a fence has ended by this time for which `expire` was not called."""
        return self._engine.next_expiry <= now.timestamp()

    def units(self, units: Iterable[str] | None = None) -> tuple[ObjectState, ...]:
        """Return the state of these units, or of all."""
        return self._engine.objects(units)

    def told(
        self, told: Transitions, fixes: Sequence[UnitFix] = (), cause: str = ""
    ) -> list[FenceEvent]:
        """Return the engine's transitions as events; those without a fix by unit."""
        found = []
        for fix, (unit, fence, detect, time) in zip(told.fix.tolist(), told, strict=True):
            if fix >= 0:
                spot, accuracy_m = fixes[fix], fixes[fix].accuracy_m
                lon, lat = spot.lon, spot.lat
            else:
                (last,) = self._engine.objects([unit])
                lon, lat, accuracy_m = last.lon, last.lat, None
            ms = round(time * 1000.0)
            kind, name = self._names.get(fence, ("", ""))
            event = FenceEvent(
                id=derive(f"{unit}\x1f{fence}\x1f{ms}\x1f{cause}", f"fence {detect}"),
                unit=unit,
                fence=fence,
                fence_kind=kind,
                fence_name=name,
                detect=detect,
                at=_EPOCH + timedelta(milliseconds=ms),
                lon=lon,
                lat=lat,
                accuracy_m=accuracy_m,
            )
            found.append(event)
        return found if fixes else sorted(found, key=lambda event: event.unit)


def change_of_terms(partition: int, number: int) -> str:
    """Return the cause of events that a change of terms produces, see `FenceWatch.follow`."""
    return f"terms {partition}/{number}"


def _end(fence: Fence) -> datetime | None:
    text = fence.attributes.get("valid_until")
    if text is None:
        return None
    try:
        end = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        end = None
    if end is None or end.tzinfo is None:
        raise BadFence(
            f"fence {fence.id!r} has an invalid valid_until {text!r:.40}: give an ISO 8601 time "
            "with an offset, such as 2026-11-24T18:00:00+08:00"
        )
    return end.replace(microsecond=end.microsecond // 1000 * 1000)
