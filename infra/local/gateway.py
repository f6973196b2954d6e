"""The local stack's gateway: ``jingwei gateway`` in the background.

It listens on the loopback interface at port 8470 while that is free. This room knows nothing of
`console`: it starts the command, and asks it whether it is ready. So do containers, by
``python -m infra.local.gateway PORT``: exit code 0 if it is.
"""

import hashlib
import http.client
import importlib.util
import signal
import ssl
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from infra.local import ports, process
from infra.local.state import Home, Running, StackState, locked, read_state, write_state
from infra.settings import Endpoints, Settings

NAME = "gateway"
INSTALL = "pip install 'jingwei[gateway]'"
_USUAL_PORT = 8470
_PACKAGES = ("argon2", "authlib", "fastapi", "prometheus_client", "uvicorn")
_ANSWERS_WITHIN_S = 2.0


def installed() -> bool:
    """Whether the packages of the extra ``gateway`` are there."""
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES)


def start(
    settings: Settings,
    endpoints: Endpoints,
    report: Callable[[str], None],
    *,
    niceness: int = 0,
    bound: bool = False,
) -> Callable[[], str]:
    """Start the gateway if it does not run; one that serves another ledger is replaced.

    Parameters
    ----------
    niceness
        The higher, the less processor time when processors are short.
    bound
        It ends when the calling thread does, however that ends (for tests).

    Returns
    -------
    callable
        Waits until it is ready, and returns its URL; raises StartFailed if it does not come.

    Raises
    ------
    PortTaken
        If the port asked for (``JINGWEI_GATEWAY_PORT``) is in use.
    StartFailed
        If it ends at once.
    """
    home, local = Home.at(settings.local.home), settings.local
    home.make()  # broker and database may both be named by the settings
    serves = _fingerprint(endpoints)
    with locked(home, lambda: report("another `jingwei` is changing the stack: waiting for it")):
        state = read_state(home) or StackState()
        running = state.gateway if state.gateway_alive() else None
        if running is not None and state.gateway_serves != serves:
            stop(state)
            running = None
        port = running.port if running else _port(settings, state)
        argv = [sys.executable, "-m", "cli.main", "gateway", "--home", str(home.path)]
        argv += ["--host", ports.LOOPBACK, "--port", str(port)]
        launch = process.Launch(
            name=NAME,
            argv=["nice", f"--adjustment={niceness}", *argv] if niceness else argv,
            log=home.logs / "gateway.log",
            end_with_parent=bound,
        )
        if running is None:
            running = Running(process.spawn(launch), port)
            state.gateway, state.gateway_serves = running, serves
            state.ports[NAME] = port
            write_state(home, state)
    tls = local.gateway_certificate is not None
    return partial(_wait, launch, running, tls, local.start_timeout_s, report)


def _wait(
    launch: process.Launch,
    running: Running,
    tls: bool,
    timeout_s: float,
    report: Callable[[str], None],
) -> str:
    begin = time.monotonic()
    process.wait_until_ready(
        launch, running.process, lambda: answers(running.port, tls=tls), timeout_s
    )
    report(f"{NAME}: {time.monotonic() - begin:.1f} s")
    return url(running.port, tls=tls)


def stop(state: StackState) -> None:
    """Stop the gateway; requests under way are answered first."""
    assert state.gateway is not None, "asked to stop a gateway never started"
    process.stop(NAME, state.gateway.process, signal.SIGTERM, timeout_s=20)
    state.gateway = state.gateway_serves = None


def answers(port: int, *, tls: bool) -> bool:
    """Whether a gateway at this port is ready, its ledger included."""
    connection: http.client.HTTPConnection
    if tls:
        context = ssl.create_default_context()
        # It is asked by the loopback address, for which no certificate is made.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            ports.LOOPBACK, port, timeout=_ANSWERS_WITHIN_S, context=context
        )
    else:
        connection = http.client.HTTPConnection(ports.LOOPBACK, port, timeout=_ANSWERS_WITHIN_S)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def url(port: int, *, tls: bool) -> str:
    """Return the address for a browser, which keeps the session's cookie for localhost only."""
    return f"{'https' if tls else 'http'}://localhost:{port}"


def _port(settings: Settings, state: StackState) -> int:
    return ports.choose(
        "JINGWEI_GATEWAY_PORT",
        asked=settings.local.gateway_port or None,
        last=state.ports.get(NAME, _USUAL_PORT),
    )


def _fingerprint(endpoints: Endpoints) -> str:
    """Return a digest of what a gateway is and connects to."""
    parts = (version("jingwei"), endpoints.bootstrap, endpoints.database_url, endpoints.gateway_url)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(not answers(int(sys.argv[1]), tls=False))
