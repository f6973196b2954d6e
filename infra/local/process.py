"""Starting, recognising and stopping the services' processes.

A process is known by its id together with its start time and the machine's boot: an id
that was given to someone else meanwhile is never taken for ours, and never killed.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.local.errors import StartFailed, StopFailed

_POLL_S = 0.03
_STATE_FIELD, _START_FIELD = 0, 19  # of /proc/PID/stat behind the command's closing bracket
_USED_FIELDS = slice(11, 15)  # user and system time, its own and of children that have ended
_LONGEST = 5  # times the limit: the end even of what is never quiet and never ready
_children: dict[int, "subprocess.Popen[bytes]"] = {}
"""Those started by this very process: kept so that they can be reaped when they end."""


class Identity(msgspec.Struct, frozen=True):
    """A process that cannot be mistaken for another one.

    Attributes
    ----------
    pid
        Its id.
    ticks
        Its start, in clock ticks since boot. Unlike a date it does not move when the
        machine's clock is set.
    boot
        The boot that these ticks count from.
    """

    pid: int
    ticks: int
    boot: str


@dataclass(frozen=True)
class Launch:
    """How a service is started.

    Attributes
    ----------
    user
        System user that it runs as, None for one's own.
    end_with_parent
        The kernel stops it when the thread that started it ends, however that ends.
    stop_signal
        Asks it to stop in an orderly way.
    """

    name: str
    argv: Sequence[str]
    log: Path
    user: str | None = None
    env: Mapping[str, str] | None = None
    end_with_parent: bool = False
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass(frozen=True)
class Start:
    """What the settings and the caller ask of a start.

    Attributes
    ----------
    port
        The port that must be used, None for any.
    timeout_s
        How long the service may do nothing until it answers, see `wait_until_ready`.
    bound
        It ends with the thread that starts it.
    """

    port: int | None
    timeout_s: float
    bound: bool


def as_user(argv: Sequence[str], user: str | None) -> list[str]:
    """Return a command that runs ``argv`` as a system user."""
    if user is None:
        return list(argv)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--", *argv]


def spawn(launch: Launch) -> Identity:
    """Start a service in the background, in a session of its own, logging to its file.

    Raises
    ------
    StartFailed
        If it ended at once.
    """
    argv = as_user(launch.argv, launch.user)
    if launch.end_with_parent:
        # setpriv asks the kernel after it has changed user: changing user would undo it.
        sign = launch.stop_signal.name.removeprefix("SIG")
        argv = (
            [*argv[:1], f"--pdeathsig={sign}", *argv[1:]]
            if launch.user
            else ["setpriv", f"--pdeathsig={sign}", "--", *argv]
        )
    _rotate(launch.log)
    with launch.log.open("ab") as log:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=None if launch.env is None else dict(launch.env),
            cwd="/",
            start_new_session=True,
        )
    _children[child.pid] = child
    identity = identify(child.pid)
    if identity is None:
        raise StartFailed(launch.name, "it exited at once", launch.log, tail(launch.log))
    return identity


def identify(pid: int) -> Identity | None:
    """Return the identity of the process with this id now, None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[_STATE_FIELD] in ("Z", "X"):
        if pid in _children:
            _children.pop(pid).wait()
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Identity(pid=pid, ticks=int(fields[_START_FIELD]), boot=boot)


def alive(identity: Identity) -> bool:
    """Whether this very process is still there."""
    return identify(identity.pid) == identity


def wait_until_ready(
    launch: Launch, identity: Identity, ready: Callable[[], bool], timeout_s: float
) -> None:
    """Wait until a service answers.

    Time counts only while the service does nothing: on a busy machine a start takes longer, and is
    no less on its way.

    Parameters
    ----------
    timeout_s
        How long it may do nothing, neither computing nor logging, and how long it may take
        in all, divided by 5.

    Raises
    ------
    StartFailed
        If it ends instead, or does not answer in time; it is stopped then.
    """
    try:
        reason = _not_ready_because(identity, launch.log, ready, timeout_s)
    except BaseException:
        # Also when interrupted: a service half started is of no use to anyone.
        stop(launch.name, identity, launch.stop_signal, timeout_s=5)
        raise
    if reason is not None:
        stop(launch.name, identity, launch.stop_signal, timeout_s=5)
        raise StartFailed(launch.name, reason, launch.log, tail(launch.log))


def _not_ready_because(
    identity: Identity, log: Path, ready: Callable[[], bool], timeout_s: float
) -> str | None:
    begun = quiet_since = time.monotonic()
    done = 0
    while not ready():
        if not alive(identity):
            return "it ended"
        now = time.monotonic()
        if (doing := _done(identity, log)) != done:
            done, quiet_since = doing, now
        if now - quiet_since > timeout_s:
            return f"it did not answer and did nothing for {timeout_s:g} s"
        if now - begun > timeout_s * _LONGEST:
            return f"it did not answer within {timeout_s * _LONGEST:g} s"
        time.sleep(_POLL_S)
    return None


def _done(identity: Identity, log: Path) -> int:
    """Return a number that grows as the service computes (clock ticks) and logs (bytes)."""
    try:
        stat = Path(f"/proc/{identity.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, stat[_USED_FIELDS])) + log.stat().st_size
    except (FileNotFoundError, ProcessLookupError):
        return 0


def ask_to_stop(identity: Identity, sign: signal.Signals) -> None:
    """Send a signal, if this very process is still there."""
    if alive(identity):
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, sign)


def stop(name: str, identity: Identity, *signs: signal.Signals, timeout_s: float) -> None:
    """Ask a process to stop by one signal after the other, SIGKILL at the end.

    Raises
    ------
    StopFailed
        If even that does not end it.
    """
    for sign in (*signs, signal.SIGKILL):
        ask_to_stop(identity, sign)
        deadline = time.monotonic() + timeout_s
        while alive(identity) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if not alive(identity):
            return
    raise StopFailed(f"{name} (process {identity.pid}) cannot be stopped: kill it by hand")


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def _rotate(log: Path) -> None:
    """Keep the log of the run before, and no older ones."""
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
