"""Errors of the room ``desk``.

::

    DeskError
    ├── InvalidCommand      the command is too large to be one; nothing was sent
    ├── JournalUnreachable  no broker took the command; nothing has happened
    └── JournalRefused      the broker will never take the command; nothing has happened

Errors of the ledger (``infra.ledger.errors``) are raised as they are.
"""


class DeskError(RuntimeError):
    """Base of all errors of this room; the text is fit for a user."""


class InvalidCommand(DeskError):
    """A text or list of the command is too long. Nothing was sent."""


class JournalUnreachable(DeskError):
    """No broker answers, so the command was not handed over: nothing has happened."""


class JournalRefused(DeskError):
    """The broker does not take the command, for its size or for want of rights."""
