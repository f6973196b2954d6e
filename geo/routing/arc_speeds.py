"""Speeds of streets by hour of the week, if a city has them.

An hour of the week is a number from 0 (Monday 00:00 to 01:00 in the city's time) to 167. A table
has ordinary civilian speeds without turns and signals; a router adds the same cost for those at
all hours. If an arc has no speed for an hour, its speed at that time of day on the other working
days (or the other weekend day) is used; otherwise its speed of the whole week; otherwise the map's
own speed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from geo.errors import BadSpeeds, UnknownArc
from geo.routing.conditions import HOURS
from geo.streets.columns import Arcs, FloatArray, IntArray
from geo.streets.graph import StreetGraph

__all__ = ["FASTEST_KPH", "SLOWEST_KPH", "ArcSpeeds", "hour_of_week"]

SLOWEST_KPH: Final = 1.0
FASTEST_KPH: Final = 200.0
_DAY: Final = 24
_WORKING_HOURS: Final = 5 * _DAY


def hour_of_week(at: datetime, zone: ZoneInfo) -> int:
    """Return the hour of the week of an aware time in a time zone, 0 to 167."""
    local = at.astimezone(zone)
    return local.weekday() * _DAY + local.hour


@dataclass(frozen=True, eq=False)
class ArcSpeeds:
    """Speeds by arc and hour of the week for one street graph; made by `ArcSpeeds.of`.

    Columns have shape (rows,), ordered by arc, then hour.
    """

    timezone: str
    """Name of the time zone of the hours, such as ``Asia/Shanghai``."""
    arcs: int
    """Number of arcs of the street graph."""
    arc: IntArray
    """Index of the arc in the street graph."""
    hour: IntArray
    kph: FloatArray
    samples: IntArray
    """Number of drives behind each speed, at least 1: its weight when it fills in for others."""

    @classmethod
    def of(
        cls,
        streets: StreetGraph,
        timezone: str,
        *,
        arc_ids: Sequence[str],
        hours: Sequence[int] | IntArray,
        kph: Sequence[float] | FloatArray,
        samples: Sequence[int] | IntArray | None = None,
    ) -> "ArcSpeeds":
        """Make speeds from a table with one row per known arc and hour, in any order.

        Parameters
        ----------
        streets
            The map.
        timezone
            Name of the city's time zone.
        arc_ids, hours, kph, samples
            Columns, shape (rows,); one sample each by default.

        Raises
        ------
        UnknownArc
            The map has no arc with an id.
        BadSpeeds
            Columns differ in length, an hour is not 0 to 167 or not unique for an arc, a speed
            is not 1 to 200 km/h, a number of samples is below 1, or the time zone is unknown.
        """
        index = {arc: streets.arc_index(arc) for arc in dict.fromkeys(arc_ids)}
        found = np.array([index[arc] for arc in arc_ids], dtype=np.int64)
        return cls.of_indices(
            streets,
            timezone,
            arc=found,
            hour=np.asarray(hours, dtype=np.int64),
            kph=np.asarray(kph, dtype=np.float64),
            samples=np.ones(len(found), dtype=np.int64)
            if samples is None
            else np.asarray(samples, dtype=np.int64),
        )

    @classmethod
    def of_indices(
        cls,
        streets: StreetGraph,
        timezone: str,
        *,
        arc: IntArray,
        hour: IntArray,
        kph: FloatArray,
        samples: IntArray,
    ) -> "ArcSpeeds":
        """Make speeds like `of`, with arcs given by their index in the street graph."""
        count = len(streets.arcs)
        _check(count, timezone, arc=arc, hour=hour, kph=kph, samples=samples)
        order = np.lexsort((hour, arc))
        arc, hour = arc[order], hour[order]
        twice = np.flatnonzero((np.diff(arc) == 0) & (np.diff(hour) == 0))
        if twice.size:
            row = int(twice[0])
            raise BadSpeeds(
                f"hour {hour[row]} of arc {streets.arcs.id[arc[row]]!r} is not unique: give one "
                "row per arc and hour"
            )
        return cls(timezone, count, arc, hour, kph[order], samples[order])

    def __len__(self) -> int:
        return len(self.arc)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone of the hours."""
        return ZoneInfo(self.timezone)

    def hour_at(self, at: datetime) -> int:
        """Return the hour of the week at an aware time, 0 to 167."""
        return hour_of_week(at, self.zone)

    def kph_at(self, hour: int) -> FloatArray:
        """Return each arc's speed at an hour of the week, shape (arcs,); NaN to use the map's."""
        kph = np.full(self.arcs, np.nan)
        same_day = (self.hour < _WORKING_HOURS) == (hour < _WORKING_HOURS)
        for rows in (
            np.arange(len(self.arc)),
            np.flatnonzero(same_day & (self.hour % _DAY == hour % _DAY)),
            np.flatnonzero(self.hour == hour),
        ):
            known, mean = self._mean(rows)
            kph[known] = mean
        return kph

    def ms_at(self, arcs: Arcs, hour: int) -> FloatArray:
        """Return each arc's civilian travel time at an hour, in whole milliseconds, at least 1.

        Raises
        ------
        UnknownArc
            The speeds belong to other arcs.
        """
        if len(arcs) != self.arcs:
            raise UnknownArc(
                f"the speeds are for a street graph with {self.arcs} arcs, but this one has "
                f"{len(arcs)}: learn or load speeds for this map"
            )
        ms = arcs.ms.astype(np.float64)
        kph = self.kph_at(hour)
        known = np.flatnonzero(~np.isnan(kph))
        ms[known] = np.maximum(np.rint(arcs.length_m[known] * 3600.0 / kph[known]), 1.0)
        return ms

    def digest(self, arcs: Arcs) -> str:
        """Return the SHA-256, in hex, of the content, whatever the order of the map's arcs."""
        sums = sha256()
        for part in (
            self.timezone.encode(),
            "\n".join(arcs.id[i] for i in self.arc.tolist()).encode(),
            self.hour.astype("<i8").tobytes(),
            self.kph.astype("<f8").tobytes(),
            self.samples.astype("<i8").tobytes(),
        ):
            sums.update(len(part).to_bytes(8, "big"))
            sums.update(part)
        return sums.hexdigest()

    def _mean(self, rows: IntArray) -> tuple[IntArray, FloatArray]:
        """Return the arcs of some rows, and their speeds: harmonic means, weighted by samples.

        The mean is harmonic because times on an arc can be averaged, but speeds cannot.
        """
        if not rows.size:
            return rows, np.empty(0)
        arc = self.arc[rows]
        first = np.flatnonzero(np.concatenate([[True], arc[1:] != arc[:-1]]))
        weight = self.samples[rows].astype(np.float64)
        pace = np.add.reduceat(weight / self.kph[rows], first)
        single = np.diff(np.append(first, len(rows))) == 1
        mean = np.where(single, self.kph[rows[first]], np.add.reduceat(weight, first) / pace)
        return arc[first], mean


def _check(
    count: int,
    timezone: str,
    *,
    arc: IntArray,
    hour: IntArray,
    kph: FloatArray,
    samples: IntArray,
) -> None:
    if not len(arc) == len(hour) == len(kph) == len(samples):
        raise BadSpeeds(
            f"{len(arc)} arcs, {len(hour)} hours, {len(kph)} speeds and {len(samples)} sample "
            "counts: give the same number of each"
        )
    if ((arc < 0) | (arc >= count)).any():
        raise UnknownArc(f"speeds for arcs beyond the {count} of this street graph")
    for what, wrong, limits in (
        ("hour", (hour < 0) | (hour >= HOURS), f"0 to {HOURS - 1}, from Monday 00:00"),
        ("speed", ~((kph >= SLOWEST_KPH) & (kph <= FASTEST_KPH)), "1 to 200 km/h"),
        ("number of samples", samples < 1, "at least 1"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            value = {"hour": hour, "speed": kph}.get(what, samples)[row]
            raise BadSpeeds(f"row {row}: {what} {value} is not {limits}")
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, KeyError) as error:
        raise BadSpeeds(
            f"unknown time zone {timezone!r:.60}: use a name such as Asia/Shanghai"
        ) from error
