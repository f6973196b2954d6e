"""HTTP on a socket: an end to patience with who neither asks nor reads, and to one's many."""

import asyncio
import socket
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.limits import Connections

WIRE = "wire"
"""Under this name a request's state has the connection's transport."""


class PatientProtocol(H11Protocol):
    """Uvicorn's HTTP, which waits for a request's head only for so long.

    Uvicorn itself would wait for ever, so that connections that send a byte now and then could take
    all places (Slowloris). Bodies have `guards.BodyLimit`.
    """

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401
        head_s: float,
        connections: Connections,
        **named: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*arguments, **named)
        self._head_s, self._by_address = head_s, connections
        self._address = ""
        self._due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, unless the address has too many connections."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else "unknown"
        if not self._by_address.begin(self._address):
            transport.abort()
            return
        self.app_state = self.app_state | {WIRE: transport}  # of this connection's requests
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on with what came; a part of a head does not prolong the wait."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._by_address.end(self._address)
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(self._head_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


def drop_who_does_not_read(listening: socket.socket, seconds: float) -> None:
    """Let the system end connections whose client takes nothing for so long (Linux)."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        listening.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))
