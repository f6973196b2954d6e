"""How a worker ends, and its exit codes, which a supervisor acts on.

====  ==================================================================
code  meaning
====  ==================================================================
0     asked to stop (SIGTERM, SIGINT)
2     a setting or a city cannot be used: mend it, a restart is no use
4     broker or database does not answer: start again later
5     refused: the ledger is newer or has no city, the topics do not fit it
70    a defect or a fault of the machine; nothing was acknowledged: start
      again, and look at the log
75    work waited and nothing moved, or a topic was made anew: start again
====  ==================================================================
"""

import logging
import os
from enum import IntEnum
from typing import NoReturn

log = logging.getLogger(__name__)


class Exit(IntEnum):
    """Exit codes of a worker; up to 5 they are those of the ``jingwei`` command."""

    STOPPED = 0
    USAGE = 2
    UNREACHABLE = 4
    REFUSED = 5
    DEFECT = 70
    STALLED = 75


def die(code: Exit, text: str, *args: object) -> NoReturn:
    """Leave the process at once, with nothing acknowledged: the supervisor starts it again."""
    log.critical(text, *args)
    logging.shutdown()
    os._exit(code)
