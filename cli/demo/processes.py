"""The demo's processes: each logs to a file, is started again when it dies, and ends with it."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.demo.errors import MemberFailed
from infra.local.process import tail

_GIVE_UP = 5
_WITHIN_S = 60.0
_PAUSE_S = 0.5
_USELESS = (2, 3, 5)
"""Exit codes after which starting again is no use: settings, installation, refusal."""


class Member:
    """A ``jingwei`` command in a process of its own.

    It has its own session, so that Ctrl-C on the terminal reaches the demo only, and the
    kernel ends it when the demo dies, however that dies.

    Parameters
    ----------
    arguments
        Of the ``jingwei`` command.
    env
        Variables beside those of this process.
    say
        Gets a line when it is started again.
    niceness
        How far it stands back when processors are short.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path,
        env: dict[str, str],
        say: Callable[[str], None],
        *,
        niceness: int = 0,
    ) -> None:
        self.name, self.log = name, log
        self.restarts = 0
        self._argv = ["setpriv", "--pdeathsig=TERM", "--", "nice", f"--adjustment={niceness}"]
        self._argv += [sys.executable, "-m", "cli.main", *arguments]
        self._env, self._say = env, say
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._deaths: list[float] = []

    @property
    def pid(self) -> int | None:
        """The process's id, None before the first start."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self._env,
                start_new_session=True,
            )

    async def watch(self) -> None:
        """Start the process again whenever it dies, until `stop`.

        Raises
        ------
        MemberFailed
            It dies again and again, or says itself that another start is no use.
        """
        while not self._asked_to_stop():
            assert self._process is not None, "watched before it was started"
            code = await self._process.wait()
            if self._asked_to_stop():
                return
            now = time.monotonic()
            self._deaths = [at for at in self._deaths if now - at < _WITHIN_S] + [now]
            if code in _USELESS or len(self._deaths) >= _GIVE_UP:
                raise MemberFailed(
                    f"the {self.name} ended with code {code}"
                    f"{f' {len(self._deaths)} times' if len(self._deaths) > 1 else ''}; the end "
                    f"of its log {self.log}:\n{tail(self.log)}"
                )
            self._say(f"the {self.name} has died ({_cause(code)}): starting it again")
            self.restarts += 1
            await asyncio.sleep(_PAUSE_S)
            await self.start()

    def _asked_to_stop(self) -> bool:
        return self._stopping

    async def stop(self, timeout_s: float = 15.0) -> None:
        """Ask the process to end, and kill it if it does not."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(sign)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), timeout_s)
                return


def _cause(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
