"""Joining small files into larger ones, so that hours of messages are few files.

Files are ranked by size in powers of 16 (a log-structured merge by tiers): as soon as 16
neighbours of one tier or below stand at the end, they become one of the next. Each message is
so rewritten once per power of 16, and a partition has some tens of files however long it runs.
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
"""A file this large is left alone: an hour of a busy topic."""


def compact(folder: Path) -> Segment | None:
    """Join the files of a partition that are ripe for it, if any.

    The joined file is whole and on disk before the others are removed. If the process dies
    between, both stay, and readers take every offset once.

    Returns
    -------
    Segment or None
        The new file, or None if nothing was to do.
    """
    try:
        joined = _ripe(segments(folder))
        if not joined:
            return None
        first, last = joined[0].first, max(segment.last for segment in joined)
        whole = all(map(is_whole, joined))
        result = write_tables(folder, first, last, _tables(joined), whole=whole)
    except FileNotFoundError:
        return None  # another process of the group had the partition before and compacts it too
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
    """Whether two neighbours may become one file: joining must hide no loss, and invent none."""
    try:
        return later.first <= earlier.last + 1 and is_whole(later) == is_whole(earlier)
    except ArchiveDamaged:
        return False  # left as it is for whoever restores it; what is new is kept all the same


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
