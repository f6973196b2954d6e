"""Progress of a long command, on stderr: a bar on a terminal, elsewhere a line every 5 s."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_EVERY_S = 5.0


class Bar:
    """One task's progress.

    Parameters
    ----------
    label
        Name of the task.
    total
        In the unit that `to` counts; None if unknown.
    """

    def __init__(self, label: str, total: float | None) -> None:
        self._label, self._total = label, total
        self._console = Console(stderr=True)
        self._rich: Progress | None = None
        self._said = time.monotonic()
        self._drawn = 0.0
        if self._console.is_terminal:
            self._rich = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self._console,
                transient=False,
            )
            self._task = self._rich.add_task(label, total=total, note="")

    def __enter__(self) -> Self:
        if self._rich is not None:
            self._rich.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rich is not None:
            self._rich.stop()

    def to(self, done: float, note: str = "") -> None:
        """Show the progress; cheap enough to call for every row."""
        now = time.monotonic()
        if self._rich is not None:
            if now - self._drawn >= 0.1 or done == self._total:  # noqa: PLR2004 - ten a second
                self._drawn = now
                self._rich.update(self._task, completed=done, note=note)
        elif now - self._said >= _EVERY_S:
            self._said = now
            share = f" {100 * done / self._total:.0f} %" if self._total else ""
            print(f"{self._label}:{share} {note}".rstrip(), file=sys.stderr)  # noqa: T201

    def note(self, text: str) -> None:
        """Show a note while there is no progress."""
        if self._rich is not None:
            self._rich.update(self._task, note=text)
