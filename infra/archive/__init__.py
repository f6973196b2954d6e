"""The archive's files: messages of the topics, unchanged but for what was erased.

``streams.archive`` writes them, ``replay`` reads them; only this package knows the layout.

==============  ==========================================================================
module          what it holds
==============  ==========================================================================
``layout``      `archive_root`, `partition_folder`, `segments`, `next_offset`,
                `kept_partitions`: folders and file names; `set_aside_other_log`
``segment``     `Kept` (one message, unchanged), `write_segment`, `read_kept`
``compaction``  `compact`: join small files into larger ones
``erasure``     `erase_messages`: files written anew without what was erased
``retention``   `old_files`, `delete_old_files`: files in which all messages are old
``cities``      `keep_city`, `city_folder`: copies of cities by digest
``errors``      `ArchiveError`: `ArchiveBusy`, `ArchiveDamaged`, `ArchiveGap`,
                `ArchiveMissing`, `ArchiveOfOtherLog`, `CityMissing`
==============  ==========================================================================

Layout::

    <archive>/<cluster id>-<database>/<topic>/<partition>/<first>-<last>.parquet
    <archive>/<cluster id>-<database>/<topic>/topic-id
    <archive>/<cluster id>-<database>/erased.jsonl, rewrite.lock
    <archive>/cities/<digest>/

A file's name gives the first and last offset that it covers, 20 digits each. The broker has no
messages at some offsets (transaction markers, aborted messages, compaction). The archiver reads
without a break and records this in the file's metadata, so such a gap differs from a loss, which is
always between files. Files may overlap after an interrupted compaction, or with two writers during
a rebalance: readers use every offset once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from infra.archive.cities import city_folder, keep_city
from infra.archive.errors import (
    ArchiveBusy,
    ArchiveDamaged,
    ArchiveError,
    ArchiveGap,
    ArchiveMissing,
    ArchiveOfOtherLog,
    CityMissing,
)
from infra.archive.layout import (
    Segment,
    archive_root,
    cluster_id,
    kept_partitions,
    make_folder,
    next_offset,
    partition_folder,
    segments,
    set_aside_other_log,
)

if TYPE_CHECKING:
    from infra.archive.compaction import compact
    from infra.archive.erasure import (
        ERASED,
        Erased,
        Place,
        erase_messages,
        listed,
        rewriting,
        without_text,
    )
    from infra.archive.segment import Kept, read_kept, write_segment
else:
    # These need PyArrow: 40 MB and half a second that a worker, which keeps cities only, is spared.
    _LATER = {
        "compaction": ("compact",),
        "erasure": (
            "ERASED",
            "Erased",
            "Place",
            "erase_messages",
            "listed",
            "rewriting",
            "without_text",
        ),
        "segment": ("Kept", "read_kept", "write_segment"),
    }

    def __getattr__(name: str) -> object:
        """Load a module when one of its names is asked for."""
        for module, names in _LATER.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ERASED",
    "ArchiveBusy",
    "ArchiveDamaged",
    "ArchiveError",
    "ArchiveGap",
    "ArchiveMissing",
    "ArchiveOfOtherLog",
    "CityMissing",
    "Erased",
    "Kept",
    "Place",
    "Segment",
    "archive_root",
    "city_folder",
    "cluster_id",
    "compact",
    "erase_messages",
    "keep_city",
    "kept_partitions",
    "listed",
    "make_folder",
    "next_offset",
    "partition_folder",
    "read_kept",
    "rewriting",
    "segments",
    "set_aside_other_log",
    "without_text",
    "write_segment",
]
