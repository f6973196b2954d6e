"""What can keep a replay from being done.

::

    ReplayError
    ├── JournalMissing   the archive has nothing of that region's journal
    ├── NothingRecorded  the ledger has applied nothing of that region
    ├── ArchiveLags      the archive has not yet what the ledger has applied
    ├── EntryFailed      the core fails at an entry at which the worker's did not
    └── BadWindow        --from and --to that cannot be read, or are the wrong way round

The archive's own errors are ``infra.archive.errors``.
"""


class ReplayError(RuntimeError):
    """Base of all errors of this room."""


class JournalMissing(ReplayError):
    """No partition of the archive's journal has an entry of the region."""


class NothingRecorded(ReplayError):
    """The ledger has no applied entry of the region."""


class ArchiveLags(ReplayError):
    """The archive ends before the ledger's last applied entry."""


class EntryFailed(ReplayError):
    """The core fails at an entry that the worker did not set aside."""


class BadWindow(ReplayError):
    """A bound is neither an offset nor a time, or the end lies before the start."""
