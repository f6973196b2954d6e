"""Errors of the ledger.

::

    LedgerError              any other error that the database reports
    ├── LedgerUnavailable    the database cannot be reached, or has no room or time: try again
    ├── LedgerRefused        the database refuses this user or this statement
    ├── SchemaTooNew         the ledger was migrated by a newer Jingwei
    ├── SchemaTooOld         migrations are missing
    ├── MigrationFailed      a migration cannot be applied, or an applied one was edited
    ├── GuardBroken          another worker has gone further with this partition
    ├── InvariantBroken      a constraint refused the write: two writers, or a defect
    ├── Unstorable           a value that no column can store
    ├── CityChanged          a city's files changed while they were being stored
    ├── CityDamaged          the ledger's copy of a city is not the one that was stored
    ├── NotFound             nothing has this id, number or prefix
    └── Ambiguous            several rows have this prefix
"""


class LedgerError(RuntimeError):
    """Base of all errors of the ledger."""


class LedgerUnavailable(LedgerError):
    """The database cannot be reached or cannot serve now; a retry may succeed."""


class LedgerRefused(LedgerError):
    """The database refuses the user, the password, the database name or the statement."""


class SchemaTooNew(LedgerError):
    """The ledger's schema is newer than this Jingwei's."""


class SchemaTooOld(LedgerError):
    """The ledger lacks migrations that this Jingwei needs."""


class MigrationFailed(LedgerError):
    """A migration cannot be applied, or an applied one has been edited since."""


class GuardBroken(LedgerError):
    """An offset would go back: another worker owns the partition by now."""


class InvariantBroken(LedgerError):
    """A constraint or trigger refused the write; nothing of the transaction stays."""


class Unstorable(LedgerError):
    """A value cannot be stored, such as an id with a zero character."""


class CityChanged(LedgerError):
    """A city's folder changed after it was read and before it was stored."""


class CityDamaged(LedgerError):
    """The ledger's copy of a city lacks a piece, or is another city."""


class NotFound(LedgerError):
    """Nothing in the ledger has this id, number or prefix."""


class Ambiguous(LedgerError):
    """Several rows have this prefix; the text lists some."""
