"""One replay from end to end: archive, core, ledger, report."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from dispatch import Region
from geo.routing import Router
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
from replay.player import Applied, Pace, Window, play
from replay.reader import Journaled, find_partition, read_journal
from replay.tally import Tally
from schemas import topics

_BLOCK = 2_000
"""Recorded effects are read from the ledger for so many offsets at once."""


class Watch(Protocol):
    """Who looks on while a replay runs."""

    def begins(self, entries: int) -> None:
        """Tell about how many entries the replay will read at most."""

    def passes(self, offset: int) -> None:
        """Tell that the entry at this offset is being read."""

    def sees(self, applied: Applied) -> None:
        """Show an entry of the window, and what the core answered."""


@dataclass(frozen=True)
class Report:
    """What a replay found.

    Attributes
    ----------
    partition, first_offset, last_offset
        What was compared in the journal; None when the window is empty.
    first_at, last_at
        Log-append times of those.
    entries
        How many, by kind.
    happened
        What came of them, counted by name.
    undecodable
        Messages of the window that are no entries; the worker has them in its dead letters.
    buried
        Entries of the window that the worker set aside, as it could not apply them; they are
        among its dead letters too, and passed over here as there.
    seconds
        Wall clock of the replay.
    equal, sha256, recorded_sha256, difference
        See ``replay.compare``; ``difference`` is a sentence with its parts.
    software
        What replayed, see ``infra.software``.
    decided_by
        The software that decided then, by the offset from which on it did.
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
    """Play a region's journal again and compare with the ledger.

    Parameters
    ----------
    connection
        To the ledger; it is only read.
    root
        The archive, see ``infra.archive.archive_root``.
    routers
        The streets of a city by its content hash, see ``replay.cities``.
    speed
        How many times faster than it was; None is as fast as it goes.
    patience_s
        How long to wait for an archive that is behind the ledger.

    Raises
    ------
    NothingRecorded, JournalMissing, ArchiveLags
        There is nothing to compare, or nothing to play.
    EntryFailed
        The core fails where the worker's did not.
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
            f"the ledger has applied nothing of the region {region!r}: check --region, and that "
            "it is the ledger of this broker"
        )
    needed = min(applied_to, window.end) if isinstance(window.end, int) else applied_to
    partition = await _archived(root, region, needed, patience_s)
    async with reading(connection) as conn:
        buried = await buried_offsets(conn, region, topics.JOURNAL.name, partition)
    watch.begins(applied_to + 1)
    # What stands before the first entry that this ledger applied, its cores never saw.
    journal = _watched(read_journal(root, partition, region, applied_from), applied_to, watch)
    record = _Record(connection, region, applied_to, window)
    comparison, tally, passed = Comparison(), Tally(), Counter[bool]()
    first: Applied | Journaled | None = None
    last: Applied | Journaled | None = None
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
        # What was decided before the window is decided again too, by today's rules.
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
    """The ledger's record of a region within a window, read forwards in blocks."""

    def __init__(self, connection: Any, region: str, last: int, window: Window) -> None:  # noqa: ANN401
        self._connection, self._region = connection, region
        self._last, self._window = last, window
        # Offsets are kept in order; what lies before a bound by offset need not be read.
        self._next = window.start if isinstance(window.start, int) else 0
        self._waiting: list[Recorded] = []

    async def before(self, offset: int) -> AsyncIterator[Recorded]:
        """Take what stands before an offset."""
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
        """Take what stands at an offset; all before it has been taken."""
        while not self._waiting and self._next <= min(offset, self._last):
            await self._read()
        if self._waiting and self._waiting[0].offset == offset:
            return self._waiting.pop(0)
        return None

    async def _read(self) -> None:
        end = min(self._next + _BLOCK - 1, self._last)
        # A transaction for each block: a paced replay would hold one open for hours.
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
            return  # the ledger has not come to it yet
        watch.passes(journaled.offset)
        yield journaled


async def _archived(root: Path, region: str, needed: int, patience_s: float) -> int:
    """Return the journal's partition when the archive has it up to an offset."""
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
