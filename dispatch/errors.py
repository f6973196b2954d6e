"""Errors of the room ``dispatch``.

::

    DispatchError
    ├── Refused       a command or stamp that the state does not allow; its text says why
    └── WrongRegion   an entry or snapshot of another region reached this core

The core answers bad entries with effects and does not raise on them: `Refused` travels
inside it only.
"""


class DispatchError(Exception):
    """Base of all errors of this room."""


class Refused(DispatchError):
    """What was asked for is not possible now; one sentence fit for an operator."""


class WrongRegion(DispatchError):
    """The caller mixed up regions: a programming error outside the core."""
