"""The archive's journal, entry by entry."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiokafka.partitioner import DefaultPartitioner

from infra.archive import Kept, kept_partitions, partition_folder, read_kept
from replay.errors import JournalMissing
from schemas import topics, wire
from schemas.admission import entry_fault
from schemas.envelope import open_event
from schemas.errors import SchemaError
from schemas.journal import Entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_10000_MS = 253_402_300_800_000


@dataclass(frozen=True)
class Journaled:
    """One message of the journal.

    Attributes
    ----------
    offset
        Offset in the journal's partition.
    at
        Kafka's log-append time, UTC.
    entry
        None if the value is not a journal entry; in the worker it became a dead letter.
    fault
        Why it is not an entry.
    """

    offset: int
    at: datetime
    entry: Entry | None
    fault: str = ""


def find_partition(root: Path, region: str) -> int:
    """Return the partition of a region's journal.

    Kafka's default partitioner chooses it by the region's key. If the journal has another number
    of partitions than the topic table, all partitions are searched for the key.

    Raises
    ------
    JournalMissing
        No partition has a message with the region's key.
    """
    key = region.encode()
    kept = kept_partitions(root, topics.JOURNAL.name)
    everywhere = list(range(topics.JOURNAL.partitions))
    usual = DefaultPartitioner()(key, everywhere, everywhere)
    keys: set[bytes] = set()
    for partition in sorted(kept, key=lambda partition: (partition != usual, partition)):
        for message in read_kept(partition_folder(root, topics.JOURNAL.name, partition)):
            if message.key == key:
                return partition
            keys.add(message.key or b"")
    others = ", ".join(sorted(other.decode(errors="replace") for other in keys))
    has = f"it has {others}" if keys else "it is empty"
    raise JournalMissing(
        f"the archive {root} has no journal of the region {region!r} ({has}): is the archiver "
        "(`jingwei archive`) running?"
    )


def read_journal(root: Path, partition: int, region: str, start: int = 0) -> Iterator[Journaled]:
    """Read a region's journal from an offset on, in order.

    Parameters
    ----------
    root
        See ``infra.archive.archive_root``.
    partition
        Partition of the region's journal.
    region
        Region of the entries. Entries of other regions in the partition are left out; messages
        that are not entries are returned, because they might belong to the region.
    start
        The first offset to read.

    Raises
    ------
    infra.archive.ArchiveGap
        An offset of the partition is missing.
    infra.archive.ArchiveDamaged
        A file cannot be read.
    """
    folder = partition_folder(root, topics.JOURNAL.name, partition)
    for message in read_kept(folder, start, gapless=True):
        journaled = _journaled(message)
        if journaled.entry is None or journaled.entry.region == region:
            yield journaled


def _journaled(message: Kept) -> Journaled:
    """Admit the same messages as the worker; other messages are its dead letters."""
    at = _time(message.timestamp_ms)
    try:
        envelope, value = open_event(
            [(name, value or b"") for name, value in message.headers],  # as the worker reads them
            message.value,
            topics.JOURNAL.type,
        )
        entry: Entry = wire.decode(value, Entry)
    except SchemaError as error:
        return Journaled(message.offset, at, None, str(error))
    fault = entry_fault(envelope, entry)
    if fault is not None:
        return Journaled(message.offset, at, None, fault)
    return Journaled(message.offset, at, entry)


def _time(milliseconds: int) -> datetime:
    if not 0 <= milliseconds < _YEAR_10000_MS:
        return _EPOCH
    return _EPOCH + timedelta(milliseconds=milliseconds)
