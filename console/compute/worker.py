"""One process that works things out: `begin` loads the cities, `answer` answers a question.

The gateway imports this module to name its functions; what they need is imported in the process.
"""

import importlib
import logging
import os
import signal
import threading
import traceback
from collections.abc import Sequence
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any

import msgspec

from console.compute.errors import Unanswerable
from infra.ledger.city_files import InForce

log = logging.getLogger(__name__)

_cities: Any = None


def begin(named: Sequence[InForce], root: Path, url: str) -> None:
    """Load the cities; what cannot be loaded is told by each question about it.

    Parameters
    ----------
    named
        Regions with the digests of their cities.
    root, url
        ``Endpoints.archive_dir``, and the URL of the ledger.
    """
    global _cities  # noqa: PLW0603 - a process of the pool has no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the gateway, which ends this
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _cities = importlib.import_module("console.compute.cities").load(named, root, url)


def answer(question: str, arguments: tuple[Any, ...]) -> bytes:
    """Return the answer to a question as JSON; raises `Unanswerable`."""
    jobs = importlib.import_module("console.compute.jobs")
    try:
        found = jobs.JOBS[question](_cities, *arguments)
    except Unanswerable:
        raise
    except jobs.NOT_THERE as error:
        raise Unanswerable("not-found", str(error)) from None
    except jobs.INVALID as error:
        raise Unanswerable("invalid", str(error)) from None
    except Exception as error:  # noqa: BLE001 - told to who asked, as a failure
        # Without its text, which may hold what was asked.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("the question %s failed: %s\n%s", question, type(error).__name__, frames)  # noqa: TRY400
        raise Unanswerable("internal", type(error).__name__) from None
    return msgspec.json.encode(found)


def faults() -> dict[str, str]:
    """Return the regions whose city could not be loaded, with why."""
    found: dict[str, str] = _cities.faults
    return found


def _end_with_parent() -> None:
    """End this process when the gateway is gone, also if it was killed."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
