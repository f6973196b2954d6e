"""Errors that prevent a replay.

::

    ReplayError
    ├── JournalMissing   the archive has no journal of the region
    ├── NothingRecorded  the ledger has no applied entry of the region
    ├── ArchiveLags      the archive is behind the ledger
    ├── EntryFailed      the core fails on an entry on which the worker's did not
    └── BadWindow        --from or --to cannot be parsed, or --to is before --from

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
    """The core fails on an entry that the worker did not set aside."""


class BadWindow(ReplayError):
    """A bound is neither an offset nor a time, or the end is before the start."""
