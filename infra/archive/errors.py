"""Errors of the archive.

::

    ArchiveError
    ├── ArchiveMissing      the archive has nothing of the topic or partition
    ├── ArchiveGap          offsets are missing between or before the archived ones
    ├── ArchiveDamaged      a file cannot be read
    ├── ArchiveOfOtherLog   the files go further than the log: they come from another log
    ├── ArchiveBusy         another archiver writes to the same folder
    └── CityMissing         neither this host nor the ledger has a city with this digest
"""

from pathlib import Path


class ArchiveError(RuntimeError):
    """Base of all errors of the archive."""


class ArchiveMissing(ArchiveError):
    """The archive has nothing of a topic or partition."""


class ArchiveGap(ArchiveError):
    """Offsets are missing.

    Attributes
    ----------
    first, last
        The missing offsets, both inclusive.
    """

    def __init__(self, folder: Path, first: int, last: int) -> None:
        self.first, self.last = first, last
        which = f"offset {first} is" if first == last else f"offsets {first} to {last} are"
        super().__init__(
            f"{which} missing in {folder}: the archiver was not running before the topic's "
            "retention ended, or files were removed. Restore them; later messages cannot be "
            "replayed without them"
        )


class ArchiveDamaged(ArchiveError):
    """A file is not a readable Parquet file of the archive."""


class ArchiveOfOtherLog(ArchiveError):
    """The log ends before the archive does: the topic was deleted and recreated."""


class ArchiveBusy(ArchiveError):
    """Another process holds the archive's lock."""


class CityMissing(ArchiveError):
    """Neither this host's folder of cities nor the ledger has a city with this digest."""
