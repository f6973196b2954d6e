"""Files of the archive in which all messages are old."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.archive.erasure import logs_of, rewriting
from infra.archive.layout import Segment, kept_partitions, segments


def old_files(root: Path, topic: str, before: datetime) -> Iterator[tuple[Segment, datetime]]:
    """Yield a topic's files whose last message came before a time, with their first one's time.

    Of each partition the newest file stays: it says where the archiver goes on.
    """
    for folder in logs_of(root, topic):
        for partition in kept_partitions(root, folder):
            for segment in segments(root / folder / str(partition))[:-1]:
                times = pq.read_table(segment.path, columns=["timestamp"])["timestamp"]
                span = pc.min_max(times).as_py()
                last = span["max"]
                if last is None or last < before:
                    yield segment, span["min"] or datetime.fromtimestamp(0, UTC)


def delete_old_files(root: Path, topic: str, before: datetime) -> int:
    """Delete these files; return how many there were."""
    with rewriting(root):
        old = [segment.path for segment, _ in old_files(root, topic, before)]
        for path in old:
            path.unlink(missing_ok=True)
    return len(old)
