"""An event loop without a machine: its time jumps, its order is drawn, its workers can die.

Whatever runs belongs to somebody: a worker, or, with none, the world outside (servers, faults).
A worker that was killed runs nothing any more, not even ``finally``; one that is stopped runs
what it missed when it goes on, as after SIGSTOP and SIGCONT.
"""

import asyncio
import heapq
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any

OWNER: ContextVar["Owner | None"] = ContextVar("OWNER", default=None)


class Owner:
    """Somebody whose tasks die or stop together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.stopped = False
        self.held: list[asyncio.Handle] = []


class Loop(asyncio.AbstractEventLoop):
    """Runs callbacks in virtual time.

    Parameters
    ----------
    chance
        Draws which of the callbacks that are ready goes next, where ``shuffles``.
    """

    def __init__(self, chance: Random, *, shuffles: bool) -> None:
        self.now = 0.0
        self.tasks: list[asyncio.Task[Any]] = []
        self.errors: list[str] = []
        self._chance = chance
        self._shuffles = shuffles
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0
        self._outside = Context()

    # What asyncio asks of a loop.

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: Any) -> None:
        pass

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self.tasks.append(task)  # what a dead worker left must not be closed by the collector
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    # What the simulation asks of it.

    def outside(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        """Call something that belongs to no worker, such as a server."""
        self.call_at(self.now + delay, callback, *args, context=self._outside.copy())

    def start(self, owner: Owner | None, coro: Any, name: str) -> asyncio.Task[Any]:
        """Start a task that belongs to somebody."""
        context = copy_context()
        context.run(OWNER.set, owner)
        task: asyncio.Task[Any] = self.create_task(coro, name=name, context=context)
        return task

    def resume(self, owner: Owner) -> None:
        """Let a stopped worker go on, with all that it missed."""
        owner.stopped = False
        held, owner.held = owner.held, []
        self._ready += held

    def run(self, until: Callable[[], bool], limit: float) -> bool:
        """Run until something is true, looked at between callbacks; False where time is up."""
        asyncio._set_running_loop(self)  # type: ignore[attr-defined]
        try:
            while self.now < limit:
                if until():
                    return True
                self._step()
            return until()
        finally:
            asyncio._set_running_loop(None)  # type: ignore[attr-defined]

    def _step(self) -> None:
        """Run all that is ready, or go to the next moment at which something is."""
        timers, ready = self._timers, self._ready
        if not ready and timers:
            self.now = max(self.now, timers[0][0])
        while timers and timers[0][0] <= self.now:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(64):
            if not ready:
                return
            count = len(ready)
            drawn = self._shuffles and count > 1
            handle = ready.pop(int(self._chance.random() * count) if drawn else 0)
            if handle._cancelled:  # type: ignore[attr-defined]
                continue
            owner = handle._context.get(OWNER)  # type: ignore[attr-defined]
            if owner is not None and (owner.dead or owner.stopped):
                if not owner.dead:
                    owner.held.append(handle)
                continue
            handle._run()
