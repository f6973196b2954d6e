"""Run a journal through the core, at its own pace, faster, or as fast as possible."""

import time
from asyncio import CancelledError
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from infra.archive import ArchiveError
from infra.ledger.errors import LedgerError
from replay.errors import BadWindow, EntryFailed
from replay.reader import Journaled
from schemas import wire
from schemas.effects import Effect
from schemas.journal import Entry

Bound = int | datetime
"""A journal offset, or a time."""


class Core(Protocol):
    """The part of ``dispatch.Region`` that a replay uses."""

    def apply(self, entry: Entry, at: datetime) -> tuple[Effect, ...]:
        """Return the effects of one entry."""
        ...


@dataclass(frozen=True)
class Replayed:
    """The effects of one entry, and their canonical bytes."""

    offset: int
    at: datetime
    entry: Entry
    effects: tuple[Effect, ...]
    encoded: bytes

    @property
    def kind(self) -> str:
        """The entry's tag, such as ``evidence``, ``command`` or ``tick``."""
        return str(self.entry.__struct_config__.tag)


@dataclass(frozen=True)
class Window:
    """The part of the journal that is paced, shown and compared: from ``start`` to ``end``.

    A bound is an offset or a time; both are inclusive, None means no bound.
    """

    start: Bound | None = None
    end: Bound | None = None

    def __post_init__(self) -> None:
        start, end = self.start, self.end
        offsets = isinstance(start, int) and isinstance(end, int) and end < start
        times = isinstance(start, datetime) and isinstance(end, datetime) and end < start
        if offsets or times:
            raise BadWindow(f"the end {end} is before the start {start}: swap --from and --to")

    def begun(self, offset: int, at: datetime) -> bool:
        """Whether an entry is at or after the start."""
        return self.start is None or not _before(offset, at, self.start)

    def over(self, offset: int, at: datetime) -> bool:
        """Whether an entry is after the end."""
        return self.end is not None and _after(offset, at, self.end)


def parse_bound(text: str) -> Bound:
    """Parse an offset or a time.

    Parameters
    ----------
    text
        Digits are a journal offset; anything else is an ISO 8601 time, in UTC if it has no
        offset: ``2026-11-24T07:30:00+08:00``, ``2026-11-24 07:30``.

    Raises
    ------
    BadWindow
    """
    if text.isdecimal() and len(text) < len("20261124"):
        return int(text)
    try:
        time_ = datetime.fromisoformat(text)
    except ValueError:
        if text.isdecimal():
            return int(text)
        raise BadWindow(
            f"{text!r} is neither a journal offset nor an ISO 8601 time such as "
            "2026-11-24T07:30:00+08:00"
        ) from None
    return time_ if time_.tzinfo else time_.replace(tzinfo=UTC)


class Pace:
    """Paces a replay to a multiple of its original speed; ``speed`` None means no pacing."""

    def __init__(
        self,
        speed: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._speed, self._clock, self._sleep = speed, clock, sleep
        self._start: tuple[float, datetime] | None = None

    def wait_for(self, at: datetime) -> None:
        """Wait until the wall clock reaches this time of the journal."""
        if self._speed is None:
            return
        now = self._clock()
        if self._start is None:
            self._start = (now, at)
        wall, journal = self._start
        left = wall + (at - journal).total_seconds() / self._speed - now
        if left > 0:
            self._sleep(left)


_NOT_THE_ENTRYS = (
    *(ArchiveError, LedgerError, OSError, MemoryError),
    *(KeyboardInterrupt, SystemExit, GeneratorExit, CancelledError),
)
"""Errors that are not caused by the entry during which they occur."""


def play(
    journal: Iterable[Journaled],
    core: Core,
    window: Window,
    pace: Pace,
    buried: Container[int] = (),
) -> Iterator[Replayed | Journaled]:
    """Apply a journal to a core.

    Entries before the window are applied silently and at full speed; the replay ends with the
    window.

    Parameters
    ----------
    buried
        Offsets of entries that the worker set aside because it could not apply them.

    Yields
    ------
    Replayed
        For each entry of the window.
    Journaled
        For each message of the window that is not an entry, or that was set aside; the core
        never sees it.

    Raises
    ------
    EntryFailed
        The core fails on an entry that was not set aside.
    """
    for journaled in journal:
        if window.over(journaled.offset, journaled.at):
            return
        shown = window.begun(journaled.offset, journaled.at)
        if shown:
            pace.wait_for(journaled.at)
        if journaled.entry is None or journaled.offset in buried:
            if shown:
                yield journaled
            continue
        effects = _applied(core, journaled.entry, journaled)
        if shown:
            yield Replayed(
                journaled.offset, journaled.at, journaled.entry, effects, wire.encode(effects)
            )


def _applied(core: Core, entry: Entry, journaled: Journaled) -> tuple[Effect, ...]:
    try:
        return core.apply(entry, journaled.at)
    except _NOT_THE_ENTRYS:
        raise
    # A panic of a compiled library is not an Exception.
    except BaseException as error:
        kind = entry.__struct_config__.tag
        raise EntryFailed(
            f"the core fails at journal offset {journaled.offset}, entry {entry.id} ({kind}): "
            f"{type(error).__name__}: {error}. The worker applied this entry without failing: "
            "replay with the software that decided then, or report this as a defect"
        ) from error


def _before(offset: int, at: datetime, bound: Bound) -> bool:
    return at < bound if isinstance(bound, datetime) else offset < bound


def _after(offset: int, at: datetime, bound: Bound) -> bool:
    return at > bound if isinstance(bound, datetime) else offset > bound
