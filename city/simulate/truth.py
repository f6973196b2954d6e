"""The true events as JSON lines: the simulator writes them, ``city.score`` reads them.

One tagged union (field ``record``): a ``start``, then events, the messages about them, false
reports, closures and malformed messages in order, and an ``end``. A file without an ``end`` comes
from a killed run, but its lines are still valid.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

__all__ = [
    "Closed",
    "Ended",
    "Happened",
    "Malformed",
    "Sent",
    "Started",
    "TruthLine",
    "TruthLog",
    "Undelivered",
    "read_truth",
]


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", omit_defaults=True):
    """Base of all lines."""


class Started(_Line, frozen=True, tag="start"):
    """A run begins; ``run`` is in every id of the run, so that a second run is not a repeat."""

    run: str
    at: datetime
    seed: int
    city: str
    region: str
    speed: float
    rate: float
    readings: float


class Happened(_Line, frozen=True, tag="event"):
    """A true event: one thing that happened at one place.

    Attributes
    ----------
    lon, lat
        WGS-84 degrees of the true site.
    """

    id: str
    category: str
    severity: str
    lon: float
    lat: float
    street: str
    at: datetime


class Sent(_Line, frozen=True, tag="sent"):
    """A report or alarm about an event, by its id in the ledger.

    Attributes
    ----------
    source, id
        As in the ledger's evidence: ``sensor`` and the datastream, or ``report`` and the
        ``service_request_id``.
    event
        None if there was no event (a prank).
    at, until
        When it was sent; for sensors the first and the last reading beyond the threshold.
    ripe
        For sensors: when the alarm has lasted for its minimum duration; before that it does not
        count.
    wrong
        None, ``place`` (kilometres off), ``category`` or ``prank``.
    duplicate
        A repeat: ``same_id`` (the same report again) or ``same_event`` (the identical message
        again).
    located
        ``WGS-84``, ``GCJ-02`` or ``BD-09`` if it has coordinates, otherwise ``words``.
    """

    source: str
    id: str
    event: str | None
    at: datetime
    until: datetime | None = None
    ripe: datetime | None = None
    wrong: str | None = None
    duplicate: str | None = None
    located: str | None = None


class Closed(_Line, frozen=True, tag="closure"):
    """A street condition was sent; ``kind`` as in ``inputs.StreetCondition``."""

    id: str
    kind: str
    at: datetime


class Malformed(_Line, frozen=True, tag="malformed"):
    """A malformed message was sent; ``kind`` names its fault."""

    kind: str
    topic: str
    at: datetime


class Undelivered(_Line, frozen=True, tag="undelivered"):
    """The broker never acknowledged a message, so Jingwei did not get it."""

    topic: str
    key: str
    reason: str


class Ended(_Line, frozen=True, tag="end"):
    """The run is over.

    Attributes
    ----------
    sent
        Messages acknowledged by the broker, by topic.
    malformed
        Number of malformed messages, by kind.
    """

    at: datetime
    events: int
    sent: dict[str, int]
    malformed: dict[str, int]
    undelivered: int = 0


TruthLine = Started | Happened | Sent | Closed | Malformed | Undelivered | Ended


class TruthLog:
    """Writes each line to a file and flushes it; without a path it writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("wb")

    def write(self, line: TruthLine) -> None:
        """Append a line and flush it."""
        if self._file is not None:
            self._file.write(msgspec.json.encode(line) + b"\n")
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


def read_truth(lines: Iterable[bytes]) -> list[TruthLine]:
    """Return the lines of a truth file; an incomplete last line is left out.

    Raises
    ------
    msgspec.MsgspecError
        A complete line is invalid.
    """
    decoder = msgspec.json.Decoder(TruthLine)
    return [decoder.decode(line) for line in lines if line.endswith(b"\n")]
