"""One list of what is due when: a heap instead of a task a unit.

Times are seconds since the play began. An action gets the time it really runs at, which is
never before its due time, and later when the machine is busy.
"""

import heapq
from collections.abc import Callable
from itertools import count

__all__ = ["Action", "Agenda"]

Action = Callable[[float], None]


class Agenda:
    """Actions by due time; those due at the same time run in the order they were made."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Action]] = []
        self._number = count()

    def at(self, due: float, action: Action) -> None:
        """Run an action when it is ``due`` seconds since the play began."""
        heapq.heappush(self._heap, (due, next(self._number), action))

    def next_due(self) -> float | None:
        """When the next action is due; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def run_due(self, now: float) -> int:
        """Run all that is due and was due when called; return how many actions ran."""
        ran = 0
        while self._heap and self._heap[0][0] <= now:
            _, _, action = heapq.heappop(self._heap)
            action(now)
            ran += 1
        return ran

    def every(self, seconds: float, action: Action, first: float = 0.0) -> None:
        """Run an action again and again; turns that were missed are left out."""

        def turn(now: float) -> None:
            action(now)
            self.at(now + seconds, turn)

        self.at(first, turn)
