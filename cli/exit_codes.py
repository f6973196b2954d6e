"""Exit codes of the ``jingwei`` command.

====  =========================================================================
code  meaning
====  =========================================================================
0     done
1     the work was begun and failed
2     the command line or a setting cannot be used
3     something that is needed is not installed on this machine
4     a service is not running or does not answer
5     refused: the request is understood, but the rules forbid it
6     a replay's effects are not those recorded
7     done, but some rows of the input could not be used
8     no answer in time: it may still be carried out
130   interrupted
====  =========================================================================
"""

from geo import errors as geo
from infra.ledger import errors as ledger
from infra.local import errors as local

OK = 0
FAILED = 1
USAGE = 2
MISSING = 3
UNREACHABLE = 4
REFUSED = 5
DIFFERENT = 6
PARTIAL = 7
NO_ANSWER = 8
INTERRUPTED = 130

BY_ERROR: dict[type[Exception], int] = {
    geo.GeoError: USAGE,
    local.LocalStackError: FAILED,
    local.InvalidSettings: USAGE,
    local.PortTaken: USAGE,
    local.MissingPrerequisite: MISSING,
    local.Unreachable: UNREACHABLE,
    local.StackNotRunning: UNREACHABLE,
    ledger.LedgerError: FAILED,
    ledger.LedgerUnavailable: UNREACHABLE,
    ledger.LedgerRefused: REFUSED,
    ledger.SchemaTooNew: REFUSED,
    ledger.NotFound: USAGE,
    ledger.Ambiguous: USAGE,
}
"""Errors with one clear sentence, and the code that the command ends with; a derived error
that is not listed has its nearest base's. Each group of commands adds its own."""


def code_of(error: Exception) -> int:
    """Return the exit code for one of the errors listed, or derived from one."""
    return next(BY_ERROR[base] for base in type(error).__mro__ if base in BY_ERROR)
