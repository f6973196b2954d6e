"""Exit codes of the ``jingwei`` command.

====  =========================================================================
code  meaning
====  =========================================================================
0     done
1     started, but failed
2     bad command line or setting
3     a required program or package is not installed on this machine
4     a service is not running or does not answer
5     refused: the request is valid, but the rules forbid it
6     a replay's effects differ from the recorded ones
7     done, but some rows of the input could not be used
8     no answer in time: the command may still be carried out
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
"""Exit code by error class, for errors whose text is one clear sentence. A derived error that is
not listed has the code of its nearest base. Each group of commands adds its own errors."""


def code_of(error: Exception) -> int:
    """Return the exit code of a listed error, or of an error derived from one."""
    return next(BY_ERROR[base] for base in type(error).__mro__ if base in BY_ERROR)
