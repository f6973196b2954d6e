"""One replay from beginning to end: archive, core, ledger, report."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from dispatch import Region
from geo.routing.reference import Router
from infra.archive import next_offset, partition_folder
from infra.ledger import snapshot
from infra.ledger.buried import buried_offsets
from infra.ledger.migrations import check_schema
from infra.ledger.pool import reading
from infra.ledger.snapshot import Recorded
from infra.software import deciding_software
from replay.changes import Change, changes_since
from replay.compare import Comparison
from replay.errors import ArchiveLags, JournalMissing, NothingRecorded
from replay.player import Pace, Replayed, Window, play
from replay.reader import Journaled, find_partition, read_journal
from replay.tally import Tally
from schemas import topics

_BLOCK = 2_000
"""Recorded effects are read from the ledger for this many offsets at once."""


class Watch(Protocol):
    """Observer of a running replay."""

    def begins(self, entries: int) -> None:
        """Report how many entries the replay will read at most."""

    def passes(self, offset: int) -> None:
        """Report that the entry at this offset is being read."""

    def sees(self, applied: Replayed) -> None:
        """Report an entry of the window and its effects."""


@dataclass(frozen=True)
class Report:
    """Result of a replay.

    Attributes
    ----------
    partition, first_offset, last_offset
        The compared part of the journal; None if the window is empty.
    first_at, last_at
        Log-append times of its first and last entry.
    entries
        Number of entries by kind.
    happened
        Number of effects by name.
    undecodable
        Messages of the window that are not entries; they are dead letters of the worker.
    buried
        Entries of the window that the worker set aside because it could not apply them. They
        are also dead letters; the replay skips them like the worker.
    seconds
        Duration of the replay.
    equal, sha256, recorded_sha256, difference
        See ``replay.compare``; ``difference`` is a sentence with its parts.
    software
        The software that replayed, see ``infra.software``.
    decided_by
        The software that decided, by its first offset.
    changes
        The rules that have changed since an earlier version decided, see ``replay.changes``.
    """

    region: str
    partition: int
    first_offset: int | None
    last_offset: int | None
    first_at: datetime | None
    last_at: datetime | None
    entries: dict[str, int]
    happened: dict[str, int]
    undecodable: int
    buried: int
    seconds: float
    equal: bool
    sha256: str
    recorded_sha256: str
    difference: dict[str, object] | None
    software: str
    decided_by: dict[int, str]
    changes: tuple[Change, ...]


async def run_replay(
    connection: Any,  # noqa: ANN401 - asyncpg ships no types
    root: Path,
    region: str,
    routers: Callable[[str], Router],
    watch: Watch,
    *,
    window: Window = Window(),  # noqa: B008 - frozen
    speed: float | None = None,
    patience_s: float = 10.0,
) -> Report:
    """Replay a region's journal and compare with the ledger.

    Parameters
    ----------
    connection
        Connection to the ledger; only read.
    root
        The archive, see ``infra.archive.archive_root``.
    routers
        Returns the router of a city by its digest, see ``replay.cities``.
    speed
        Times faster than real time; None for as fast as possible.
    patience_s
        How long to wait if the archive is behind the ledger.

    Raises
    ------
    NothingRecorded, JournalMissing, ArchiveLags
        There is nothing to compare, or nothing to replay.
    EntryFailed
        The core fails on an entry on which the worker's did not.
    infra.archive.ArchiveError, infra.ledger.errors.LedgerError
        The archive or the ledger cannot be read.
    """
    started = time.monotonic()
    async with reading(connection) as conn:
        await check_schema(conn)
        applied_to = await snapshot.applied_offset(conn, region)
        applied_from = await snapshot.first_applied_offset(conn, region)
    if applied_from is None:
        raise NothingRecorded(
            f"the ledger has no applied entry of the region {region!r}: check --region, and that "
            "the ledger belongs to this broker"
        )
    needed = min(applied_to, window.end) if isinstance(window.end, int) else applied_to
    partition = await _archived(root, region, needed, patience_s)
    async with reading(connection) as conn:
        buried = await buried_offsets(conn, region, topics.JOURNAL.name, partition)
    watch.begins(applied_to + 1)
    # The ledger's cores never saw entries before the first one that it applied.
    journal = _watched(read_journal(root, partition, region, applied_from), applied_to, watch)
    record = _Record(connection, region, applied_to, window)
    comparison, tally, passed = Comparison(), Tally(), Counter[bool]()
    first: Replayed | Journaled | None = None
    last: Replayed | Journaled | None = None
    for item in play(journal, Region(region, routers), window, Pace(speed), buried):
        first, last = first or item, item
        if isinstance(item, Journaled):
            passed[item.entry is None] += 1
            continue
        async for skipped in record.before(item.offset):
            comparison.add_unreplayed(skipped)
        comparison.add(item, await record.at(item.offset))
        tally.add(item)
        watch.sees(item)
    async for skipped in record.before(applied_to + 1):
        comparison.add_unreplayed(skipped)
    found = comparison.difference
    bounds = (0, -1) if first is None or last is None else (first.offset, last.offset)
    async with reading(connection) as conn:
        decided_by = await snapshot.deciders(conn, region, *bounds)
        # Entries before the window are also decided again, by today's rules.
        before = await snapshot.deciders(conn, region, applied_from, bounds[1])
    return Report(
        region=region,
        partition=partition,
        first_offset=None if first is None else first.offset,
        last_offset=None if last is None else last.offset,
        first_at=None if first is None else first.at,
        last_at=None if last is None else last.at,
        entries=dict(sorted(tally.entries.items())),
        happened=dict(sorted(tally.happened.items())),
        undecodable=passed[True],
        buried=passed[False],
        seconds=round(time.monotonic() - started, 3),
        equal=comparison.equal,
        sha256=comparison.sha256,
        recorded_sha256=comparison.recorded_sha256,
        difference=None if found is None else {"sentence": found.sentence(), **asdict(found)},
        software=deciding_software(),
        decided_by=decided_by,
        changes=changes_since(before, applied_from),
    )


class _Record:
    """The ledger's record of a region within a window, read forward in blocks."""

    def __init__(self, connection: Any, region: str, last: int, window: Window) -> None:  # noqa: ANN401
        self._connection, self._region = connection, region
        self._last, self._window = last, window
        # Records are in order of offset, so those before a bound by offset are not read.
        self._next = window.start if isinstance(window.start, int) else 0
        self._waiting: list[Recorded] = []

    async def before(self, offset: int) -> AsyncIterator[Recorded]:
        """Return the records before an offset."""
        while True:
            if not self._waiting:
                if self._next > self._last or self._next >= offset:
                    return
                await self._read()
            elif self._waiting[0].offset < offset:
                yield self._waiting.pop(0)
            else:
                return

    async def at(self, offset: int) -> Recorded | None:
        """Return the record at an offset; all earlier ones have been returned."""
        while not self._waiting and self._next <= min(offset, self._last):
            await self._read()
        if self._waiting and self._waiting[0].offset == offset:
            return self._waiting.pop(0)
        return None

    async def _read(self) -> None:
        end = min(self._next + _BLOCK - 1, self._last)
        # One transaction per block: a paced replay would hold a single one open for hours.
        async with reading(self._connection) as conn:
            rows = await snapshot.applied_range(conn, self._region, self._next, end)
        self._waiting = [
            row
            for row in rows
            if self._window.begun(row.offset, row.at) and not self._window.over(row.offset, row.at)
        ]
        self._next = end + 1


def _watched(journal: Iterator[Journaled], last: int, watch: Watch) -> Iterator[Journaled]:
    for journaled in journal:
        if journaled.offset > last:
            return  # the ledger has not reached it yet
        watch.passes(journaled.offset)
        yield journaled


async def _archived(root: Path, region: str, needed: int, patience_s: float) -> int:
    """Wait until the archive has the journal up to an offset; return the journal's partition."""
    deadline = time.monotonic() + patience_s
    while True:
        late = time.monotonic() > deadline
        try:
            partition = find_partition(root, region)
        except JournalMissing:
            if late:
                raise
        else:
            reached = next_offset(partition_folder(root, topics.JOURNAL.name, partition)) or 0
            if reached > needed:
                return partition
            if late:
                raise ArchiveLags(
                    f"the archive {root} has the journal of {region} up to offset {reached - 1}, "
                    f"the ledger has applied it up to {needed}: is the archiver "
                    "(`jingwei archive`) running? Start it, or replay with "
                    f"--to {reached - 1}"
                )
        await asyncio.sleep(0.2)
