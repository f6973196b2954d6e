"""What can be wrong with an archive.

::

    ArchiveError
    ├── ArchiveMissing      nothing is kept of that topic or partition
    ├── ArchiveGap          offsets are missing between, or before, those kept
    ├── ArchiveDamaged      a file cannot be read
    ├── ArchiveOfOtherLog   the files go further than the log: it is not the log they came from
    ├── ArchiveBusy         another archiver writes to the same folder
    └── CityMissing         neither this host nor the ledger has a city with that content hash
"""

from pathlib import Path


class ArchiveError(RuntimeError):
    """Base of all errors of the archive."""


class ArchiveMissing(ArchiveError):
    """Nothing is kept of a topic or partition."""


class ArchiveGap(ArchiveError):
    """Offsets are missing.

    Attributes
    ----------
    first, last
        The missing offsets, both included.
    """

    def __init__(self, folder: Path, first: int, last: int) -> None:
        self.first, self.last = first, last
        which = f"offset {first} is" if first == last else f"offsets {first} to {last} are"
        super().__init__(
            f"{which} missing in {folder}: the archive was not running before the topic's "
            "retention ended, or files were removed. Restore them; what comes after cannot be "
            "replayed without them"
        )


class ArchiveDamaged(ArchiveError):
    """A file is no readable Parquet file of the archive."""


class ArchiveOfOtherLog(ArchiveError):
    """The log ends before the archive does: the topic was deleted and made anew."""


class ArchiveBusy(ArchiveError):
    """Another process holds the archive's lock."""


class CityMissing(ArchiveError):
    """Neither the folder of cities on this host nor the ledger has one with that content hash."""
