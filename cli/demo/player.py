"""The simulated city on a thread of its own: drawing the view never delays what it sends."""

import asyncio
import threading
from pathlib import Path

from city.simulate import Options, play
from city.simulate.truth import Ended
from geo.city import CityData


class Player:
    """Plays a city until the options' time is over or `stop`."""

    def __init__(self, city: CityData, bootstrap: str, options: Options, truth: Path) -> None:
        self._parts = (city, bootstrap, options)
        self._truth = truth
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._asked = threading.Event()
        self._task: asyncio.Future[Ended] | None = None

    def start(self) -> asyncio.Future[Ended]:
        """Start to play; the future has the totals when it is over, or the error."""
        self._task = asyncio.get_running_loop().run_in_executor(None, self._run)
        return self._task

    def stop(self) -> None:
        """Ask it to end; what was sent is still acknowledged."""
        self._asked.set()
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    def _run(self) -> Ended:
        return asyncio.run(self._play())

    async def _play(self) -> Ended:
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if self._asked.is_set():
            self._stop.set()
        return await play(*self._parts, truth=self._truth, stop=self._stop)
