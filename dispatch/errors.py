"""Errors of the room ``dispatch``.

::

    DispatchError
    ├── Refused          a command or stamp that the state does not allow; its reason says why
    ├── WrongMove        an assigner sends what it may not
    ├── WrongRegion      an entry or snapshot of another region reached this core
    └── InvariantBroken  what an entry has done cannot be: a defect of the core

The core answers bad entries with effects and does not raise on them: `Refused` travels
inside it only.
"""

from schemas.records import Reason
from schemas.words import render


class DispatchError(Exception):
    """Base of all errors of this room."""


class Refused(DispatchError):
    """What was asked for is not possible now; ``reason`` says why to an operator."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason

    def __str__(self) -> str:
        """Return the reason in English."""
        return render(self.reason)


class WrongMove(DispatchError):
    """An assigner broke its contract: a programming error in it."""


class WrongRegion(DispatchError):
    """The caller mixed up regions: a programming error outside the core."""


class InvariantBroken(DispatchError):
    """What an entry has done cannot be; the text names the entry and what is wrong.

    The core has no use any more: it is restored from what was written before the entry.
    """
