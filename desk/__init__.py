"""How people act on a region: a command is given, and its outcome awaited.

A command is an entry of the region's journal like any other. The core carries it out or refuses
it, in the journal's order, and the ledger has the answer::

    async with open_desk(endpoints, operator="li") as desk:
        command = await desk.command("0007", journal.Close(disposition="resolved"))
        match await desk.give(command, timeout_s=10):
            case Accepted(version=version): ...
            case Refused(reason=reason): ...
            case TimedOut() as late: ...   # it may still be carried out: ask again by its id

===========  ==========================================================================
module       what it holds
===========  ==========================================================================
``desk``     `open_desk`, `Desk.give`, `Desk.command`, `Desk.write`, `Desk.send`, `Desk.outcome`,
             `Desk.history`
``outcome``  `Outcome`: `Accepted`, `Refused`, `Tried`, `TimedOut`
``names``    from what people type to the ids that a command carries
``writer``   messages to the broker over one kept connection
``answers``  one query for all commands that wait for an answer
``errors``   `DeskError` and its tree
===========  ==========================================================================
"""

from desk.desk import Desk, command_for, open_desk
from desk.errors import DeskError, InvalidCommand, JournalRefused, JournalUnreachable
from desk.outcome import Accepted, Outcome, Refused, TimedOut, Tried

__all__ = [
    "Accepted",
    "Desk",
    "DeskError",
    "InvalidCommand",
    "JournalRefused",
    "JournalUnreachable",
    "Outcome",
    "Refused",
    "TimedOut",
    "Tried",
    "command_for",
    "open_desk",
]
