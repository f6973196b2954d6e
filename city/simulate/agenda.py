"""A list of actions by due time: a heap instead of one task per unit.

Times are seconds since the play began. An action gets the time at which it really runs, which is
never before its due time, and later if the machine is busy.
"""

import heapq
from collections.abc import Callable
from itertools import count

__all__ = ["Action", "Agenda"]

Action = Callable[[float], None]


class Agenda:
    """Actions by due time; actions due at the same time run in the order of creation."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Action]] = []
        self._number = count()

    def at(self, due: float, action: Action) -> None:
        """Run an action ``due`` seconds after the play began."""
        heapq.heappush(self._heap, (due, next(self._number), action))

    def next_due(self) -> float | None:
        """When the next action is due; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def run_due(self, now: float) -> int:
        """Run all actions that are due at the time of the call; return how many ran."""
        ran = 0
        while self._heap and self._heap[0][0] <= now:
            _, _, action = heapq.heappop(self._heap)
            action(now)
            ran += 1
        return ran

    def every(self, seconds: float, action: Action, first: float = 0.0) -> None:
        """Run an action repeatedly; missed turns are skipped."""

        def turn(now: float) -> None:
            action(now)
            self.at(now + seconds, turn)

        self.at(first, turn)
