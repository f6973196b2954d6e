"""Errors of the ledger.

::

    LedgerError              by itself: anything else that the database reports
    ├── LedgerUnavailable    the database cannot be reached, or has no room or time: try again
    ├── LedgerRefused        the database refuses this user or this statement
    ├── SchemaTooNew         the ledger was migrated by a newer Jingwei
    ├── SchemaTooOld         migrations are missing
    ├── MigrationFailed      a migration cannot be applied, or an applied one was edited
    ├── FenceBroken          another worker has gone further with this partition
    ├── InvariantBroken      a constraint refused the write: two writers, or a defect
    ├── Unstorable           a value that no column can hold
    ├── CityChanged          a city's files were written to while they were being kept
    ├── CityDamaged          the ledger's copy of a city is not the one that was kept
    ├── NotFound             nothing has that id, number or prefix
    └── Ambiguous            several have that prefix
"""


class LedgerError(RuntimeError):
    """Base of all errors of the ledger."""


class LedgerUnavailable(LedgerError):
    """The database cannot be reached or cannot serve now; the same again may succeed."""


class LedgerRefused(LedgerError):
    """The database refuses the user, the password, the database name or the statement."""


class SchemaTooNew(LedgerError):
    """The ledger's schema is newer than this Jingwei knows."""


class SchemaTooOld(LedgerError):
    """The ledger lacks migrations that this Jingwei needs."""


class MigrationFailed(LedgerError):
    """A migration cannot be applied, or one that was applied has been edited since."""


class FenceBroken(LedgerError):
    """An offset would go back: another worker owns the partition by now."""


class InvariantBroken(LedgerError):
    """A constraint or trigger refused the write; nothing of the transaction stays."""


class Unstorable(LedgerError):
    """A value cannot be stored, such as a text with a zero character in an id."""


class CityChanged(LedgerError):
    """A city's folder was written to between the reading of it and the keeping of it."""


class CityDamaged(LedgerError):
    """The ledger's copy of a city has lost a piece, or reads as another city."""


class NotFound(LedgerError):
    """Nothing in the ledger has that id, number or prefix."""


class Ambiguous(LedgerError):
    """Several rows have that prefix; the text lists some."""
