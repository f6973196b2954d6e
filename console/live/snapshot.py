"""The snapshot that a stream begins with, encoded once for all who see the same."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from console.live.client import frame
from console.live.model import Model
from console.live.visibility import View


class Snapshots:
    """Snapshots of the model as it is, until it changes.

    Parameters
    ----------
    word
        Returns the place of the model.
    """

    def __init__(self, model: Model, word: Callable[[], bytes]) -> None:
        self._model, self._word = model, word
        self._made: dict[View, tuple[list[bytes], dict[str, int]]] = {}

    def forget(self) -> None:
        """Forget what was made: the model has changed."""
        self._made.clear()

    def of(self, view: View, reason: str) -> list[bytes]:
        """Return the frames of a snapshot; only its end has an id, so a part of one counts not."""
        made = self._made.get(view)
        if made is None:
            made = self._made[view] = self._make(view)
        items, counts = made
        begin = {"part": "begin", "reason": reason, "at": datetime.now(UTC)}
        end = {"part": "end", "counts": counts, "journal": self._model.applied}
        return [
            frame("snapshot", msgspec.json.encode(begin)),
            *items,
            frame("snapshot", msgspec.json.encode(end), self._word()),
        ]

    def _make(self, view: View) -> tuple[list[bytes], dict[str, int]]:
        counts: dict[str, int] = {}
        frames = []
        for kind, bodies in view.snapshot(self._model):
            counts[kind] = counts.get(kind, 0) + len(bodies)
            data = b'{"part":"items","kind":"%s","items":[%s]}' % (kind.encode(), b",".join(bodies))
            frames.append(frame("snapshot", data))
        return frames, counts
