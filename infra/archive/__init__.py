"""The archive's files: what stood on the topics, kept as it came.

Written by ``streams.archive``, read by ``replay``; both know the layout from here only.

=======================  ====================================================================
name                     what it does
=======================  ====================================================================
``archive_root``         the folder of one broker and ledger under the archive's folder
``Kept``                 one message as it came
``write_segment``        messages of one partition to a new file, on disk when it returns
``segments``             the files of a partition, by first offset
``next_offset``          the offset after the last one kept, from the files' names
``kept_partitions``      the partitions of a topic that the archive has
``read_kept``            the messages of a partition in order, each once
``set_aside_other_log``  move aside what was kept of a topic before it was made anew
``compact``              join small files into larger ones
``keep_city``            a copy of a city's folder, by content hash
``city_folder``          where that copy is
=======================  ====================================================================

Layout::

    <archive>/<cluster id>-<database>/<topic>/<partition>/<first>-<last>.parquet
    <archive>/<cluster id>-<database>/<topic>/topic-id
    <archive>/cities/<digest>/

A file's name gives the first and last offset that it covers, 20 digits each. The broker has no
messages at some offsets (transactions' markers, aborted messages, compaction); the archiver reads
without a break and says so in the file's metadata, so such a gap is known from a loss, which
always lies between files. Files may overlap, after a compaction that was cut short or two
writers at a rebalance: readers take every offset once.
"""

from infra.archive.cities import city_folder, keep_city
from infra.archive.compaction import compact
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
from infra.archive.segment import Kept, read_kept, write_segment

__all__ = [
    "ArchiveBusy",
    "ArchiveDamaged",
    "ArchiveError",
    "ArchiveGap",
    "ArchiveMissing",
    "ArchiveOfOtherLog",
    "CityMissing",
    "Kept",
    "Segment",
    "archive_root",
    "city_folder",
    "cluster_id",
    "compact",
    "keep_city",
    "kept_partitions",
    "make_folder",
    "next_offset",
    "partition_folder",
    "read_kept",
    "segments",
    "set_aside_other_log",
    "write_segment",
]
