"""Free TCP ports on the loopback interface."""

import socket

from infra.local.errors import PortTaken

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def choose(name: str, *, asked: int | None, last: int | None) -> int:
    """Return the port for a service.

    Parameters
    ----------
    name
        Of the setting that asks for a port, for the error's text.
    asked
        The port that must be used, None for any.
    last
        The port used before, taken again when free.

    Raises
    ------
    PortTaken
        If the port asked for is in use.
    """
    if asked is not None:
        if not is_free(asked):
            raise PortTaken(
                f"port {asked} ({name}) is in use: stop the process that uses it, or unset {name} "
                "to get a free port"
            )
        return asked
    if last is not None and is_free(last):
        return last
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
