"""Time in which a thread wanted to work and got no CPU, by the kernel's word.

Linux counts for each thread how long it was ready to run and did not
(``/proc/self/task/TID/schedstat``, second number, nanoseconds). Where nobody counts, only what a
stopped process has missed is known: whoever looks every second then looks late.
"""

from collections import deque
from pathlib import Path

_LATE = 2.0
"""A look that comes so many times later than it should was held up itself: by a stop or by other
processes, and for how much of the time nobody can tell, so that none of it is held against the
thread."""


class Starved:
    """What a thread has missed lately.

    Parameters
    ----------
    thread
        Its native id.
    memory_s
        How long what it has missed is remembered, at least.
    """

    def __init__(self, thread: int, memory_s: float) -> None:
        self._file = Path(f"/proc/self/task/{thread}/schedstat")
        self._memory_s = memory_s
        self._lost: deque[tuple[float, float]] = deque()
        self._delay = self._run_delay()
        self._last: float | None = None

    def look(self, now: float, every_s: float) -> None:
        """Note what was missed since the last look, which was to be so many seconds ago."""
        delay, last = self._run_delay(), self._last
        missed = delay - self._delay
        self._delay, self._last = delay, now
        if last is not None:
            gap = now - last
            missed = gap if gap > _LATE * every_s else min(missed, gap)
        if missed > 0:
            self._lost.append((now, missed))
        while self._lost and now - self._lost[0][0] > _LATE * self._memory_s + self._missed():
            self._lost.popleft()

    def since(self, moment: float) -> float:
        """Return how many seconds were missed since a moment."""
        return sum(missed for at, missed in self._lost if at > moment)

    def _missed(self) -> float:
        return sum(missed for _, missed in self._lost)

    def _run_delay(self) -> float:
        try:
            return int(self._file.read_text().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0
