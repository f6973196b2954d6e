"""What can become of a command."""

import msgspec

from infra.ledger.commands import Accepted, Refused, Tried
from schemas.journal import Action

__all__ = ["Accepted", "Outcome", "Refused", "TimedOut", "Tried"]


class TimedOut(msgspec.Struct, tag_field="outcome", tag="timed_out", frozen=True, kw_only=True):
    """No answer in time. The command may still be carried out, so do not give another one.

    Ask again with `Desk.outcome`, or give the very same command again: its id makes that safe.

    Attributes
    ----------
    incident
        The incident's id.
    written
        Whether the broker has confirmed that the command stands in the journal. If it has, the
        command will be answered as soon as a worker reads it.
    waited_s
        How long the answer was waited for.
    reason
        What is known of the cause, as one sentence.
    """

    command: str
    incident: str
    operator: str
    action: Action
    written: bool
    waited_s: float
    reason: str


Outcome = Accepted | Refused | Tried | TimedOut
"""The core's answer, or none in time."""
