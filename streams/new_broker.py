"""What aiokafka logs of a broker that is new, and is no error."""

import logging
import time
from collections.abc import Callable

from aiokafka.errors import GroupCoordinatorNotAvailableError

_COORDINATOR_LOG = "aiokafka.consumer.group_coordinator"
_COORDINATOR_S = 30.0


def _wait_for_group() -> Callable[[logging.LogRecord], bool]:
    """Return a filter that keeps out what aiokafka says ten times a second of a new broker.

    A broker makes what keeps its groups when the first one asks: that is no error, unless it
    takes long.
    """
    begun = time.monotonic()

    def wanted(record: logging.LogRecord) -> bool:
        told = record.args if isinstance(record.args, tuple) else ()
        waits = any(isinstance(one, GroupCoordinatorNotAvailableError) for one in told)
        return not waits or time.monotonic() - begun > _COORDINATOR_S

    return wanted


def quiet_new_broker() -> None:
    """Keep that out of this process's log."""
    logging.getLogger(_COORDINATOR_LOG).addFilter(_wait_for_group())
