"""How fast each street is driven at each hour of the week, where a city knows.

An hour of the week is a number from 0, Monday 00:00 to 01:00 on the city's clocks, to 167. A
table holds ordinary civilian speeds, turns and signals not counted: what a router adds for those
is added at all hours alike. Where it says nothing of an arc at an hour, it answers by what it
knows of the arc at that time of day on working days or on weekends; else of the whole week; else
the map's own speed holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from geo.columns import Arcs, FloatArray, IntArray
from geo.conditions import HOURS
from geo.errors import BadSpeeds, UnknownArc
from geo.streets import StreetGraph

__all__ = ["FASTEST_KPH", "SLOWEST_KPH", "ArcSpeeds", "hour_of_week"]

SLOWEST_KPH: Final = 1.0
FASTEST_KPH: Final = 200.0
_DAY: Final = 24
_WORKING_HOURS: Final = 5 * _DAY


def hour_of_week(at: datetime, zone: ZoneInfo) -> int:
    """Hour of the week of an aware time on the clocks of a zone, 0 to 167."""
    local = at.astimezone(zone)
    return local.weekday() * _DAY + local.hour


@dataclass(frozen=True, eq=False)
class ArcSpeeds:
    """Speeds by arc and hour of the week for one street graph; made by `ArcSpeeds.of`.

    Columns have shape (rows,), ordered by arc, then hour.
    """

    timezone: str
    """Name of the zone whose clocks tell the hour, such as ``Asia/Shanghai``."""
    arcs: int
    """How many arcs the street graph has."""
    arc: IntArray
    """Index of the arc in the street graph."""
    hour: IntArray
    kph: FloatArray
    samples: IntArray
    """How many drives each speed was learnt from, at least 1: its weight where it stands in."""

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
        """Take a table, a row for each arc and hour that is known, in any order.

        Parameters
        ----------
        streets
            The map.
        timezone
            Name of the city's zone.
        arc_ids, hours, kph, samples
            Of each row, shape (rows,); one sample each if not given.

        Raises
        ------
        UnknownArc
            An id names no arc of the map.
        BadSpeeds
            Columns differ in length, an hour is not 0 to 167 or stands twice for an arc, a speed
            is not 1 to 200 km/h, a number of samples is below 1, or there is no such zone.
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
        """Take a table as `of` does, its arcs by their index in the street graph."""
        count = len(streets.arcs)
        _check(count, timezone, arc=arc, hour=hour, kph=kph, samples=samples)
        order = np.lexsort((hour, arc))
        arc, hour = arc[order], hour[order]
        twice = np.flatnonzero((np.diff(arc) == 0) & (np.diff(hour) == 0))
        if twice.size:
            row = int(twice[0])
            raise BadSpeeds(
                f"hour {hour[row]} of arc {streets.arcs.id[arc[row]]!r} stands twice: give each "
                "arc and hour one row"
            )
        return cls(timezone, count, arc, hour, kph[order], samples[order])

    def __len__(self) -> int:
        return len(self.arc)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone whose clocks tell the hour."""
        return ZoneInfo(self.timezone)

    def hour_at(self, at: datetime) -> int:
        """Hour of the week at an aware time, 0 to 167."""
        return hour_of_week(at, self.zone)

    def kph_at(self, hour: int) -> FloatArray:
        """Speed of each arc at an hour of the week, shape (arcs,); NaN where the map's holds."""
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
        """Civilian milliseconds of each arc at an hour of the week, whole, at least 1.

        Raises
        ------
        UnknownArc
            These are not the arcs that the speeds are of.
        """
        if len(arcs) != self.arcs:
            raise UnknownArc(
                f"the speeds are of a street graph with {self.arcs} arcs, this one has "
                f"{len(arcs)}: learn or load them for this map"
            )
        ms = arcs.ms.astype(np.float64)
        kph = self.kph_at(hour)
        known = np.flatnonzero(~np.isnan(kph))
        ms[known] = np.maximum(np.rint(arcs.length_m[known] * 3600.0 / kph[known]), 1.0)
        return ms

    def digest(self, arcs: Arcs) -> str:
        """SHA-256, in hex, of the content, whatever the order of the arcs in the map."""
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
        """Arcs of some rows, and their speeds: harmonic means, weighted by samples.

        Times on an arc can be averaged, speeds cannot: hence harmonic.
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
            f"{len(arc)} arcs, {len(hour)} hours, {len(kph)} speeds and {len(samples)} numbers of "
            "samples: give as many of each"
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
            f"no time zone {timezone!r:.60}: use a name such as Asia/Shanghai"
        ) from error
