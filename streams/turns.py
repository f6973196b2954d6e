"""Whose turn it is: reports, stamps and commands first, readings and positions after.

What is bulk waits while others are at work, but for a moment only: under any load it gets its
share, so an alarm is late and never lost behind a flood of reports.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from streams.handler import Handler

MOST_S = 0.25
"""A batch of bulk waits for others so long at the most."""


class Turns:
    """The turns of one worker's processors."""

    def __init__(self) -> None:
        self._at_work = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @asynccontextmanager
    async def of(self, handler: Handler) -> AsyncIterator[None]:
        """Work on a handler's messages, when it is its turn."""
        if handler.bulk:
            await self._give_way()
            yield
            return
        self._at_work += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._quiet.set()

    async def _give_way(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(MOST_S):
                await self._quiet.wait()
