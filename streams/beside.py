"""One thing done beside another: the ledger writes while the core decides on."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class Beside:
    """Does one thing at a time beside its caller.

    What fails there is raised in the caller, at the next call or at the end of the block. Where
    the block itself fails, what is under way is cancelled. Nothing goes on after the block.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return self._task is None or self._task.done()

    async def begin(self, act: Coroutine[Any, Any, None]) -> None:
        """Begin something, when what was begun before has ended."""
        try:
            await self.end()
        except BaseException:  # as when it is cancelled: a coroutine never begun must be closed
            act.close()
            raise
        self._task = asyncio.create_task(act)

    async def end(self) -> None:
        """Wait until nothing is under way."""
        task, self._task = self._task, None
        if task is not None:
            await task

    async def __aenter__(self) -> Self:
        """Begin the block."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is under way, or cancel it where the block has failed."""
        if kind is None:
            await self.end()
        elif self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
