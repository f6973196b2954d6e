"""Workers that a fault was built into; each function is a program."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from cli.main import main
from streams.consumer import GuardedThread
from streams.intake_reports import ReportsIntake
from streams.messages import Received

DEAD_POLL_WHILE = "DEAD_POLL_WHILE"
"""Variable that names a file: while it is there, no poll returns."""
STOPPED = "STOPPED"
"""Variable that names a file: it is made by the worker that is stopped."""
STAND_STILL = b"stand still"


def never_returns() -> None:
    """Run a worker whose intake of reports never gets done with a message."""

    def handle(_self: ReportsIntake, _message: Received) -> None:
        time.sleep(1_000_000)

    ReportsIntake.handle = handle
    main()


def stands_still() -> None:
    """Run a worker that is stopped inside a transaction by a report of these words, the first."""
    flag = Path(os.environ[STOPPED])
    handle = ReportsIntake.handle

    def stopped(self: ReportsIntake, message: Received) -> None:
        if STAND_STILL in (message.value or b""):
            with contextlib.suppress(FileExistsError):
                flag.touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGSTOP)
        handle(self, message)

    ReportsIntake.handle = stopped
    main()


def dead_poll() -> None:
    """Run a worker whose polls stop returning."""
    flag = Path(os.environ[DEAD_POLL_WHILE])
    fetch = GuardedThread._fetch_records

    async def dead(self: GuardedThread, *args: Any, **kwargs: Any) -> Any:
        while os.path.exists(flag):  # noqa: ASYNC110, ASYNC240, PTH110 - another process makes it
            await asyncio.sleep(0.1)
        return await fetch(self, *args, **kwargs)

    GuardedThread._fetch_records = dead
    main()
