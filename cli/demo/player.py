"""The simulated city on a separate thread, so that drawing the view never delays its messages."""

import asyncio
import threading
from pathlib import Path

from atlas.city import CityData
from city.simulate import Options, play
from city.simulate.truth import Ended


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
        """Start to play; the future gets the totals at the end, or the error."""
        self._task = asyncio.get_running_loop().run_in_executor(None, self._run)
        return self._task

    def stop(self) -> None:
        """Ask the player to stop; it still waits for acknowledgements of sent messages."""
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
