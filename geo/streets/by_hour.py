"""What signs change by the hour of the week: streets closed to all but crews, and lower limits.

Edges have them as text, so that a map can be saved: ``closed_hours`` such as ``7-8,31-32`` (hours
of the week from Monday 00:00, ends included) and ``kph_hours`` such as ``30@22-29;50@31``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray

__all__ = ["HOURS", "ByHour", "hours_text", "kph_text"]

IntArray = npt.NDArray[np.int64]

HOURS: Final = 168
"""Hours of a week."""
_RANGE = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")


@dataclass(frozen=True, slots=True, eq=False)
class ByHour:
    """Rows of an arc and an hour of the week, ordered by arc, then hour."""

    closed: IntArray
    """Arc and hour in which it is open to crews only, shape (rows, 2)."""
    slowed: IntArray
    """Arc and hour with a lower speed limit, shape (rows, 2)."""
    kph: FloatArray
    """The limits of `slowed`, km/h, shape (rows,)."""

    @classmethod
    def of(cls, edges: Iterable[Mapping[str, Any]]) -> "ByHour | None":
        """Read the attributes of edges, in the order of the arcs; None if none has any.

        Text that does not have the form above is ignored.
        """
        closed: list[tuple[int, int]] = []
        slowed: list[tuple[int, int]] = []
        kph: list[float] = []
        for arc, data in enumerate(edges):
            if "closed_hours" in data:
                closed += [(arc, hour) for hour in _hours(str(data["closed_hours"]))]
            if "kph_hours" in data:
                for hour, speed in sorted(_speeds(str(data["kph_hours"])).items()):
                    slowed.append((arc, hour))
                    kph.append(speed)
        if not closed and not slowed:
            return None
        return cls(
            np.array(closed, dtype=np.int64).reshape(-1, 2),
            np.array(slowed, dtype=np.int64).reshape(-1, 2),
            np.array(kph, dtype=np.float64),
        )

    def closed_at(self, hour: int | None) -> IntArray:
        """Return the arcs closed to all but crews at an hour; without one, those that ever are.

        So a route is never illegal, at worst longer, as with conditional turn restrictions.
        """
        rows = self.closed if hour is None else self.closed[self.closed[:, 1] == hour]
        return rows[:, 0]

    def slowed_at(self, hour: int | None) -> tuple[IntArray, FloatArray]:
        """Return the arcs with a lower limit at an hour, and the limits; none without an hour."""
        rows = self.slowed[:, 1] == (-1 if hour is None else hour)
        return self.slowed[rows, 0], self.kph[rows]

    def told(self) -> list[object]:
        """Return the rows as plain numbers, for a digest."""
        return [self.closed.tolist(), self.slowed.tolist(), self.kph.tolist()]


def hours_text(hours: Iterable[int]) -> str:
    """Write hours as ranges."""
    ranges: list[list[int]] = []
    for hour in sorted(hours):
        if ranges and ranges[-1][1] == hour - 1:
            ranges[-1][1] = hour
        else:
            ranges.append([hour, hour])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ranges)


def kph_text(kph: Mapping[int, float]) -> str:
    """Write speed limits by hour."""
    speeds = sorted(set(kph.values()))
    return ";".join(
        f"{speed:g}@{hours_text(hour for hour, own in kph.items() if own == speed)}"
        for speed in speeds
    )


def _hours(text: str) -> list[int]:
    found: set[int] = set()
    for part in text.split(","):
        ends = _RANGE.fullmatch(part.strip())
        if ends is not None:
            first, last = int(ends[1]), int(ends[2] or ends[1])
            found |= set(range(first, min(last, HOURS - 1) + 1))
    return sorted(found)


def _speeds(text: str) -> dict[int, float]:
    found: dict[int, float] = {}
    for part in text.split(";"):
        speed, _, hours = part.partition("@")
        try:
            kph = float(speed)
        except ValueError:
            continue
        if 0.0 < kph < np.inf:
            found |= dict.fromkeys(_hours(hours), kph)
    return found
