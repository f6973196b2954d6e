"""What really happened, as JSON lines: the simulator writes them, ``city.score`` reads them.

One tagged union (field ``record``): a ``start``, then events, what was sent about them,
false reports, closures and malformed messages as they go, and an ``end``. A file without an
``end`` is of a run that was killed; what it says still holds.
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
    """A run begins; ``run`` is in every id it gives, so that a second run is no repeat."""

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
    """Something that was said of an event, by its id in the ledger.

    Attributes
    ----------
    source, id
        As the ledger's evidence names them: ``sensor`` and the datastream, or ``report`` and
        the ``service_request_id``.
    event
        None when nothing happened (a prank).
    at, until
        When it was sent; for sensors the first and the last reading beyond the threshold.
    ripe
        For sensors: when the alarm has lasted for its minimum duration, before which nobody
        may act on it.
    wrong
        None, ``place`` (kilometres off), ``category`` or ``prank``.
    duplicate
        A repeat of what was sent before: ``same_id`` (the report again) or ``same_event``
        (the very same message again).
    located
        ``WGS-84``, ``GCJ-02`` or ``BD-09`` when it carries coordinates, else ``words``.
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
    """A message that no reader can use was sent; ``kind`` says what is wrong with it."""

    kind: str
    topic: str
    at: datetime


class Undelivered(_Line, frozen=True, tag="undelivered"):
    """The broker never acknowledged a message: what it said was not heard."""

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
        How many of them were malformed, by kind.
    """

    at: datetime
    events: int
    sent: dict[str, int]
    malformed: dict[str, int]
    undelivered: int = 0


TruthLine = Started | Happened | Sent | Closed | Malformed | Undelivered | Ended


class TruthLog:
    """Writes the lines to a file as they come, each flushed; without a path it keeps none."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("wb")

    def write(self, line: TruthLine) -> None:
        """Append a line, at once on its way to the disk."""
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
    """Return the lines of a truth file; a last line that was cut off is left out.

    Raises
    ------
    msgspec.MsgspecError
        If a line that is whole is no truth.
    """
    decoder = msgspec.json.Decoder(TruthLine)
    return [decoder.decode(line) for line in lines if line.endswith(b"\n")]
