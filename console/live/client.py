"""One client of the stream: what waits for it, bounded, and how its stream ends.

To a client that keeps up, what is told is written at once, without waking a task: so a gateway
tells thousands in the time in which it would wake hundreds.
"""

import asyncio
import math
from collections import deque

from console.access import Person
from console.live.place import Offsets
from console.live.visibility import View

_WRITE = 65_536


class Credential:
    """What a client came in with: the digest of its session's or token's secret."""

    __slots__ = ("digest", "is_token")

    def __init__(self, digest: bytes, *, is_token: bool) -> None:
        self.digest, self.is_token = digest, is_token


class Client:
    """Takes what is told to one client until the client has read it.

    Parameters
    ----------
    limit
        Bytes that may wait; a client that leaves more unread is dropped.
    once
        The stream ends behind the snapshot.

    Attributes
    ----------
    own
        Its snapshot is of this gateway's model.
    place
        Where it stands, as long as that is not where the gateway stands.
    until
        When its session or token ends at the latest, on the monotonic clock.
    """

    def __init__(
        self, person: Person, credential: Credential, view: View, limit: int, *, once: bool = False
    ) -> None:
        self.person, self.credential, self.view, self.once = person, credential, view, once
        self.own = False
        self.place: Offsets | None = None
        self.since = 0.0
        self.until = math.inf
        self._limit = limit
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._over = False
        self._wake = asyncio.Event()
        self._wire: asyncio.WriteTransport | None = None
        self._sending = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more is told to it."""
        return self._over

    def attach(self, wire: asyncio.WriteTransport) -> None:
        """From now on write chunks of the answer (RFC 9112, 7.1) to its connection at once."""
        self._wire = wire

    def put(self, data: bytes, *, free: bool = False) -> None:
        """Tell something; ``free`` raises the limit by its size, for what is asked for."""
        if self._over:
            return
        wire = self._wire
        if wire is not None and not (self._waiting or self._sending):
            if wire.is_closing():
                return
            if wire.get_write_buffer_size() < _WRITE:
                wire.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
                return
        self._waiting.append(data)
        self._size += len(data)
        if free:
            self._limit += len(data)
        if self._size > self._limit:
            self.end("slow")
        else:
            self._wake.set()

    def end(self, reason: str | None) -> None:
        """Tell nothing more; a client that is too slow loses what waits, and gets it again."""
        if self._over:
            return
        if reason == "slow":
            self._waiting.clear()
        if reason is not None:
            self._waiting.append(end_frame(reason))
        self._over = True
        self._wake.set()

    async def take(self) -> bytes | None:
        """Return what waits, some 64 KiB at a time; None at the end.

        Until the next call it is being sent, and nothing overtakes it.
        """
        self._sending = False
        while not self._waiting:
            if self._over:
                return None
            self._wake.clear()
            await self._wake.wait()
        parts, size = [], 0
        while self._waiting and size < _WRITE:
            parts.append(self._waiting.popleft())
            size += len(parts[-1])
        self._size -= size
        self._sending = True
        return parts[0] if len(parts) == 1 else b"".join(parts)


def frame(event: str, data: bytes, word: bytes | None = None) -> bytes:
    """Return an event as Server-Sent Events have it; ``word`` is its id."""
    name = event.encode()
    if word is None:
        return b"event: %s\ndata: %s\n\n" % (name, data)
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (word, name, data)


def end_frame(reason: str) -> bytes:
    """Return the last event of a stream."""
    return frame("end", b'{"reason":"%s"}' % reason.encode())
