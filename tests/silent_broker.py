"""A broker that says which requests it knows, and answers no other, as one that hangs does."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

_API_VERSIONS = 18
_KNOWN = ((3, 0, 5), (_API_VERSIONS, 0, 0))
"""Keys of requests with their first and last version: metadata, and which there are."""


@contextlib.asynccontextmanager
async def silent_broker() -> AsyncIterator[str]:
    """Listen, answer nothing but the first question; yields ``host:port``."""
    lines: set[asyncio.StreamWriter] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                request = await reader.readexactly(size)
                key, version, number = struct.unpack(">hhi", request[:8])
                if key == _API_VERSIONS:
                    writer.write(_versions(version, number))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield "{}:{}".format(*server.sockets[0].getsockname())
    finally:
        for writer in lines:
            writer.close()
        server.close()
        await server.wait_closed()


def _versions(version: int, number: int) -> bytes:
    answer = struct.pack(">ihi", number, 0, len(_KNOWN))
    answer += b"".join(struct.pack(">hhh", *known) for known in _KNOWN)
    if version > 0:
        answer += struct.pack(">i", 0)
    return struct.pack(">i", len(answer)) + answer
