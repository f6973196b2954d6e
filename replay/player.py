"""Playing a journal through the core, at the pace it had, faster, or as fast as it goes."""

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
    """What ``dispatch.Region`` offers to a replay."""

    def apply(self, entry: Entry, at: datetime) -> tuple[Effect, ...]:
        """Answer to one entry."""
        ...


@dataclass(frozen=True)
class Applied:
    """What the core answered to one entry, and the same in canonical bytes."""

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

    A bound is an offset or a time; both are included, None is open.
    """

    start: Bound | None = None
    end: Bound | None = None

    def __post_init__(self) -> None:
        start, end = self.start, self.end
        offsets = isinstance(start, int) and isinstance(end, int) and end < start
        times = isinstance(start, datetime) and isinstance(end, datetime) and end < start
        if offsets or times:
            raise BadWindow(f"the end {end} lies before the start {start}: swap --from and --to")

    def begun(self, offset: int, at: datetime) -> bool:
        """Whether an entry stands at or after the start."""
        return self.start is None or not _before(offset, at, self.start)

    def over(self, offset: int, at: datetime) -> bool:
        """Whether an entry stands after the end."""
        return self.end is not None and _after(offset, at, self.end)


def parse_bound(text: str) -> Bound:
    """Return the offset or time that a text names.

    Parameters
    ----------
    text
        Digits are a journal offset; anything else is an ISO 8601 time, in UTC unless it says
        otherwise: ``2026-11-24T07:30:00+08:00``, ``2026-11-24 07:30``.

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
    """Holds a replay to a multiple of the time it took; ``speed`` None is as fast as it goes."""

    def __init__(
        self,
        speed: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._speed, self._clock, self._sleep = speed, clock, sleep
        self._start: tuple[float, datetime] | None = None

    def wait_for(self, at: datetime) -> None:
        """Return when the wall clock has come to this time of the journal."""
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
"""What says nothing of the entry at which it comes up."""


def play(
    journal: Iterable[Journaled],
    core: Core,
    window: Window,
    pace: Pace,
    buried: Container[int] = (),
) -> Iterator[Applied | Journaled]:
    """Apply a journal to a core.

    Everything before the window is applied silently and at full speed; the replay ends with
    the window.

    Parameters
    ----------
    buried
        Offsets of the entries that the worker set aside, because it could not apply them.

    Yields
    ------
    Applied
        For each entry of the window.
    Journaled
        For each message of the window that is no entry, or that was set aside; the core never
        sees those.

    Raises
    ------
    EntryFailed
        The core fails at an entry that was not set aside.
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
            yield Applied(
                journaled.offset, journaled.at, journaled.entry, effects, wire.encode(effects)
            )


def _applied(core: Core, entry: Entry, journaled: Journaled) -> tuple[Effect, ...]:
    try:
        return core.apply(entry, journaled.at)
    except _NOT_THE_ENTRYS:
        raise
    # A panic of a compiled library is no Exception.
    except BaseException as error:
        kind = entry.__struct_config__.tag
        raise EntryFailed(
            f"the core fails at journal offset {journaled.offset}, entry {entry.id} ({kind}): "
            f"{type(error).__name__}: {error}. The worker did not set this entry aside, so it did "
            "not fail there: replay with the software that decided then, or report this as a defect"
        ) from error


def _before(offset: int, at: datetime, bound: Bound) -> bool:
    return at < bound if isinstance(bound, datetime) else offset < bound


def _after(offset: int, at: datetime, bound: Bound) -> bool:
    return at > bound if isinstance(bound, datetime) else offset > bound
