"""The demo's processes: each logs to a file, is restarted if it dies, and ends with the demo."""

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
"""Exit codes after which a restart does not help: settings, installation, refusal."""


class Member:
    """A ``jingwei`` command in its own process.

    It has its own session, so that Ctrl-C on the terminal reaches the demo only. The kernel
    ends it when the demo dies for any reason.

    Parameters
    ----------
    arguments
        Arguments of the ``jingwei`` command.
    env
        Environment variables in addition to those of this process.
    say
        Called with a line when the process is restarted.
    niceness
        Scheduling priority: the higher, the less processor time when processors are short.
    needed
        Whether the demo ends with it; one that is not needed stays away when it dies repeatedly.
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
        needed: bool = True,
    ) -> None:
        self.name, self.log, self._needed = name, log, needed
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
        """Restart the process whenever it dies, until `stop`.

        Raises
        ------
        MemberFailed
            It dies repeatedly, or its exit code says that a restart does not help.
        """
        while not self._asked_to_stop():
            assert self._process is not None, "watched before it was started"
            code = await self._process.wait()
            if self._asked_to_stop():
                return
            now = time.monotonic()
            self._deaths = [at for at in self._deaths if now - at < _WITHIN_S] + [now]
            if code in _USELESS or len(self._deaths) >= _GIVE_UP:
                if not self._needed:
                    self._say(f"the {self.name} exited with code {code} and stays away: {self.log}")
                    await asyncio.Event().wait()  # until the demo ends
                raise MemberFailed(
                    f"the {self.name} exited with code {code}"
                    f"{f' {len(self._deaths)} times' if len(self._deaths) > 1 else ''}; the end "
                    f"of its log {self.log}:\n{tail(self.log)}"
                )
            self._say(f"the {self.name} has died ({_cause(code)}): restarting it")
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
