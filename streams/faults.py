"""Whose fault an unexpected error is: the message's, perhaps, or certainly not.

`BadInput` is the message's and makes a dead letter at once. What is listed here says nothing about
the message: a city that is missing, a full disk, no memory. It ends the worker, and costs no
message. Anything else is a defect that one message may have brought to light, or any message meets;
see `streams.suspects`. A panic of a library (``pyo3_runtime.PanicException``) is a
``BaseException``: nothing here catches it, and it ends the worker, too.
"""

import errno

from atlas.errors import CityError
from geo.errors import BadMap
from infra.archive.errors import ArchiveError
from infra.ledger.errors import LedgerRefused, MigrationFailed, SchemaTooNew, SchemaTooOld
from streams.errors import LoadFailed
from streams.exits import Exit

_ENVIRONMENT: dict[type[Exception], Exit] = {
    ArchiveError: Exit.USAGE,
    CityError: Exit.USAGE,
    BadMap: Exit.USAGE,
    OSError: Exit.DEFECT,
    MemoryError: Exit.DEFECT,
    LoadFailed: Exit.DEFECT,
    LedgerRefused: Exit.DEFECT,
    MigrationFailed: Exit.DEFECT,
    SchemaTooNew: Exit.REFUSED,
    SchemaTooOld: Exit.REFUSED,
}
"""What ends the worker, and how; a derived error that is not listed has its nearest base's."""

_OF_A_VALUE = (errno.EOVERFLOW, errno.EDOM, errno.ERANGE, errno.EILSEQ)
"""Errors of the system that a value causes, such as a time that its calendar does not have."""


def ending(error: BaseException) -> Exit | None:
    """Return how the worker must end for an error; None when a message may be at fault."""
    if isinstance(error, OSError) and error.errno in _OF_A_VALUE:
        return None
    return next((_ENVIRONMENT[base] for base in type(error).__mro__ if base in _ENVIRONMENT), None)
