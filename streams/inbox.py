"""What has come and waits: read ahead, so that what is urgent is seen before its turn."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """A stream's events, taken from it as they come and given out in their order.

    Parameters
    ----------
    events
        The stream.
    size
        How much room an event takes.
    most
        So much room there is; beyond it the stream waits.
    look
        Awaited with each event as it comes.
    """

    def __init__(
        self,
        events: AsyncIterable[T],
        *,
        size: Callable[[T], int],
        most: int,
        look: Callable[[T], Awaitable[None]],
    ) -> None:
        self._events = events
        self._size = size
        self._most = most
        self._look = look
        self._waiting: deque[T] = deque()
        self._held = 0
        self._came, self._went = asyncio.Event(), asyncio.Event()

    def is_empty(self) -> bool:
        """Whether nothing has come that was not given out."""
        return not self._waiting

    async def given(self) -> AsyncIterator[T]:
        """Yield the events; what the stream raises is raised when all before it were given."""
        reading = asyncio.create_task(self._read())
        try:
            while True:
                while self._waiting:
                    event = self._waiting.popleft()
                    self._held -= self._size(event)
                    self._went.set()
                    yield event
                if reading.done():
                    reading.result()
                    return
                self._came.clear()
                came = asyncio.create_task(self._came.wait())
                try:
                    await asyncio.wait((reading, came), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    came.cancel()
        finally:
            reading.cancel()
            await asyncio.wait((reading,))

    async def _read(self) -> None:
        async for event in self._events:
            self._waiting.append(event)
            self._held += self._size(event)
            self._came.set()
            await self._look(event)
            while self._held > self._most:
                self._went.clear()
                await self._went.wait()
