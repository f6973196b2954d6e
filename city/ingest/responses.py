"""Disorder among the stamps of responses: intervals below zero, units in two responses at once."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

_SHOWN = 3


@dataclass(frozen=True)
class Disorder:
    """One kind of disorder.

    Attributes
    ----------
    what
        What is wrong, such as ``on_scene before enroute``.
    count
        How often.
    lines
        The first lines where it is.
    """

    what: str
    count: int
    lines: tuple[str, ...]


@dataclass
class _Seen:
    count: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.count += 1
        if len(self.lines) < _SHOWN:
            self.lines.append(line)


class Responses:
    """Looks at the stamps of each row. Keeps two numbers a row, to find overlaps at the end."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, str], _Seen] = {}
        self._busy: dict[str, array[float]] = {}

    def add(self, place: str, line: int, stamps: Mapping[str, datetime], unit: str | None) -> None:
        """Look at a row's stamps, in their order.

        Parameters
        ----------
        place
            Where the row stands, for the report.
        """
        for (one, earlier), (other, later) in pairwise(stamps.items()):
            if later < earlier:
                self._before.setdefault((one, other), _Seen()).add(place)
        begin = stamps.get("dispatched") or stamps.get("enroute")
        end = stamps.get("available")
        if unit and begin is not None and end is not None:
            spans = self._busy.setdefault(unit, array("d"))
            spans.extend((begin.timestamp(), end.timestamp(), line))

    def disorders(self) -> list[Disorder]:
        """Return what was found."""
        found = [
            Disorder(f"{other} before {one}", seen.count, tuple(seen.lines))
            for (one, other), seen in sorted(self._before.items())
        ]
        overlaps = _Seen()
        for unit in sorted(self._busy):
            spans = self._busy[unit]
            rows = sorted(zip(spans[::3], spans[1::3], spans[2::3], strict=True))
            busy_until, busy_line = float("-inf"), 0.0
            for begin, end, line in rows:
                if begin < busy_until:
                    overlaps.add(f"{unit}: {busy_line:.0f} and {line:.0f}")
                if end > busy_until:
                    busy_until, busy_line = end, line
        if overlaps.count:
            what = "unit dispatched before it was available from its last response"
            found.append(Disorder(what, overlaps.count, tuple(overlaps.lines)))
        return found
