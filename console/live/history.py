"""The latest steps, bounded in number and bytes: what a client that comes back gets again."""

from collections import deque
from collections.abc import Iterator

from console.live.model import Step
from console.live.place import Offsets

_MOST_STEPS = 50_000


class History:
    """Steps in the order in which this gateway read them, each with its partition and offset.

    Parameters
    ----------
    starts
        From which offsets on it is complete, by partition.
    most_bytes
        Of the messages that it keeps.
    """

    def __init__(self, starts: Offsets, most_bytes: int) -> None:
        self._starts = list(starts)
        self._most_bytes, self._bytes = most_bytes, 0
        self._steps: deque[tuple[int, int, Step]] = deque()
        self._past = [0] * len(starts)

    def put(self, part: int, offset: int, step: Step) -> None:
        """Keep a step; forget the oldest ones."""
        self._steps.append((part, offset, step))
        self._bytes += len(step.data)
        if step.past:
            self._past[part] = offset + 1
        while self._bytes > self._most_bytes or len(self._steps) > _MOST_STEPS:
            old, at, gone = self._steps.popleft()
            self._bytes -= len(gone.data)
            self._starts[old] = at + 1

    def reaches(self, place: Offsets) -> bool:
        """Whether it holds all steps from a place on."""
        return all(at >= start for at, start in zip(place, self._starts, strict=True))

    def is_past(self, place: Offsets) -> bool:
        """Whether a step from there on is of before this gateway began."""
        return any(at < past for at, past in zip(place, self._past, strict=True))

    def since(self, place: Offsets) -> Iterator[tuple[int, int, Step]]:
        """Yield the steps from a place on."""
        for part, offset, step in self._steps:
            if offset >= place[part]:
                yield part, offset, step
