"""Join small files into larger ones, so that hours of messages need few files.

Files are ranked by size in powers of 16 (a log-structured merge by tiers): as soon as the last 16
files are of one tier or below, they become one file of the next tier. So each message is rewritten
once per power of 16, and a partition has some tens of files however long it runs.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.archive.errors import ArchiveDamaged
from infra.archive.layout import Segment, segments, sync_folder
from infra.archive.segment import is_whole, write_tables

FANOUT = 16
MAX_BYTES = 128 * 1024 * 1024
"""A file this large is not joined any more: an hour of a busy topic."""


def compact(folder: Path) -> Segment | None:
    """Join small files of a partition, if there are enough.

    The joined file is complete and on disk before the others are removed. If the process dies in
    between, all files stay, and readers use every offset once.

    Returns
    -------
    Segment or None
        The new file, or None if there was nothing to do.
    """
    try:
        joined = _ripe(segments(folder))
        if not joined:
            return None
        first, last = joined[0].first, max(segment.last for segment in joined)
        whole = all(map(is_whole, joined))
        result = write_tables(folder, first, last, _tables(joined), whole=whole)
    except FileNotFoundError:
        return None  # another process that owned the partition before is compacting it, too
    for segment in joined:
        if segment.path != result.path:
            segment.path.unlink(missing_ok=True)
    sync_folder(folder)
    return result


def _ripe(files: list[Segment]) -> list[Segment]:
    tail: list[Segment] = []
    size = 0
    for segment in reversed(files):
        size += segment.path.stat().st_size
        if size > MAX_BYTES or (tail and not _follows(tail[0], segment)):
            break
        tail.insert(0, segment)
    for tier in sorted({_tier(segment) for segment in tail}):
        run: list[Segment] = []
        for segment in reversed(tail):
            if _tier(segment) > tier:
                break
            run.insert(0, segment)
        if len(run) >= FANOUT:
            return run
    return []


def _follows(later: Segment, earlier: Segment) -> bool:
    """Whether two neighbouring files may be joined without hiding or inventing a loss."""
    try:
        return later.first <= earlier.last + 1 and is_whole(later) == is_whole(earlier)
    except ArchiveDamaged:
        return False  # keep it as it is, to be restored; new messages are archived all the same


def _tier(segment: Segment) -> int:
    tier, span = 0, segment.span
    while span >= FANOUT:
        span //= FANOUT
        tier += 1
    return tier


def _tables(files: list[Segment]) -> Iterator[pa.Table]:
    expected = 0
    for segment in files:
        with pq.ParquetFile(segment.path) as file:
            table = file.read()
        if segment.first < expected:
            table = table.filter(pc.field("offset") >= expected)
        expected = max(expected, segment.last + 1)
        yield table
