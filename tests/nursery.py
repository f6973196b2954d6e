"""Processes of ours that start at once: forked by one that has imported everything already.

A worker takes three seconds of a core to import what it needs, and the tests start a hundred. The
forked one is a process like any other: it has its own memory, settings, log and exit code, and is
stopped, killed or reaped on its own. All end with the process that asked for them, and before with
the fixture that started them (`ending`), whatever fails.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.patience import patience

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "cli.main:main"
_PRELOADED = (
    *("cli.main", "cli.worker", "streams.worker", "streams.archive", "city.make"),
    "pandas",  # PyArrow takes it, where it is installed, as soon as it writes
    # What the command line takes for single commands, as `cli.main.application` does.
    *("cli.services", "cli.replay", "cli.fences", "cli.incidents"),
    "console.server",
)
_POLL_S = 0.02
_LARGEST = 1 << 20


class Child:
    """A process of the nursery, with the methods of `subprocess.Popen` that the tests use."""

    def __init__(self, nursery: "_Nursery", pid: int) -> None:
        self._nursery, self.pid = nursery, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, minus the signal that ended it, or None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"reap": self.pid})
        return self.returncode

    def wait(self, timeout: float = 30) -> int:
        """Wait until it ends, at most so many seconds on a usual machine."""
        deadline = time.monotonic() + patience(timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(_POLL_S)
        return code

    def send_signal(self, sign: int) -> None:
        """Send a signal if it is still there."""
        if self.poll() is None:
            os.kill(self.pid, sign)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.send_signal(signal.SIGKILL)


def start(
    target: str,
    arguments: Sequence[str],
    log: Path | None,
    env: Mapping[str, str],
    errors: Path | None = None,
) -> Child:
    """Start ``module:function`` with these arguments in ``sys.argv``, in a process of its own.

    Parameters
    ----------
    log
        Takes what it writes, at its end; None for where this process writes.
    errors
        Takes what it writes to stderr; None for ``log``.
    """
    request = {
        "target": target,
        "arguments": [str(argument) for argument in arguments],
        "log": None if log is None else str(log),
        "errors": None if errors is None else str(errors),
        "env": dict(env),
    }
    return _Nursery.of_this_process().start(request)


def run(
    arguments: Sequence[str], env: Mapping[str, str], timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, at most so many seconds on a usual machine."""
    with tempfile.TemporaryDirectory(prefix="jingwei-test-") as folder, ending():
        out, err = Path(folder) / "out", Path(folder) / "err"
        code = start(COMMAND, arguments, out, env, err).wait(timeout)
        return subprocess.CompletedProcess(list(arguments), code, out.read_text(), err.read_text())


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """End what is started within, and runs at the end."""
    nursery = _Nursery.of_this_process()
    before = list(nursery.children)
    try:
        yield
    finally:
        for child in [child for child in nursery.children if child not in before]:
            child.kill()
            child.wait()
            nursery.children.remove(child)


def prepare() -> None:
    """Let the nursery import what the first process will need, while others come up."""
    _Nursery.of_this_process()


def close() -> None:
    """End the nursery, and all that still runs in it."""
    _Nursery.end()


class _Nursery:
    """The asking side."""

    _one: "_Nursery | None" = None
    _making = threading.Lock()

    @classmethod
    def of_this_process(cls) -> "_Nursery":
        with cls._making:
            if cls._one is None:
                cls._one = cls()
            return cls._one

    @classmethod
    def end(cls) -> None:
        with cls._making:
            one, cls._one = cls._one, None
        if one is not None:
            one.close()

    def __init__(self, preloaded: Sequence[str] = _PRELOADED) -> None:
        self.children: list[Child] = []
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.nursery", str(theirs.fileno()), *preloaded],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
            )

    def start(self, request: object) -> Child:
        pid = self.ask(request)
        assert pid is not None
        child = Child(self, pid)
        self.children.append(child)
        return child

    def close(self) -> None:
        """Let it kill its children, and end."""
        self._socket.close()
        try:
            self._server.wait(patience(30))
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def ask(self, request: object) -> int | None:
        """Return the answer, a number or nothing."""
        with self._lock:
            self._socket.send(json.dumps(request).encode())
            answer = self._socket.recv(_LARGEST)
        assert answer, "the nursery has ended"
        number: int | None = json.loads(answer)
        return number


def _serve(asked: socket.socket, preloaded: Sequence[str]) -> None:
    """Fork and reap as asked, until the asking process has ended."""
    for name in preloaded:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    children: set[int] = set()
    codes: dict[int, int] = {}
    try:
        while request := asked.recv(_LARGEST):
            wanted = json.loads(request)
            if "reap" in wanted:
                pid = wanted["reap"]
                if pid in children:
                    ended, status = os.waitpid(pid, os.WNOHANG)
                    if ended:
                        children.remove(pid)
                        codes[pid] = os.waitstatus_to_exitcode(status)
                answer = codes.get(pid)
            else:
                answer = os.fork()
                if answer == 0:
                    asked.close()
                    _become(wanted)
                children.add(answer)
                codes.pop(answer, None)
            asked.send(json.dumps(answer).encode())
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _become(wanted: dict[str, object]) -> None:
    """Run what is wanted in this new process; never returns."""
    code = 1
    try:
        os.environ.clear()
        os.environ.update(wanted["env"])  # type: ignore[call-overload]
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        if wanted["log"] is not None:
            log = os.open(str(wanted["log"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.dup2(log, 1)
            os.dup2(log, 2)
        if wanted["errors"] is not None:
            errors = os.open(str(wanted["errors"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.dup2(errors, 2)
        module, _, function = str(wanted["target"]).partition(":")
        program = "jingwei" if wanted["target"] == COMMAND else module
        sys.argv = [program, *wanted["arguments"]]  # type: ignore[misc]
        sys.modules["__main__"].__package__ = None  # its help names the installed script then
        getattr(importlib.import_module(module), function)()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does at the end of a program
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    # A Ctrl-C at the terminal is for the tests; this process ends when they do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as _asked:
        _serve(_asked, sys.argv[2:])
