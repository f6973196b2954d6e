"""When a message arrived: by the broker's clock."""

from collections.abc import Callable
from datetime import datetime

from intake.errors import BadInput, Fault
from intake.validate import to_millisecond
from streams.messages import EPOCH, LOG_APPEND_TIME, Received

Now = Callable[[], datetime | None]
"""Tells the broker's time, or that it is not known."""


def unknown() -> None:
    """Say that nobody knows the time."""


def arrival(message: Received, now: Now) -> datetime:
    """Return when a message arrived: by the broker's clock, where the broker has stamped it.

    One from before its topic took the broker's time has its producer's; it came by now at the
    latest, whatever that says.

    Raises
    ------
    BadInput
        It has no timestamp, and the broker's time is not known.
    """
    if message.timestamp_type == LOG_APPEND_TIME and message.at != EPOCH:
        return message.at
    latest = now()
    if latest is not None and (message.at == EPOCH or message.at > latest):
        return to_millisecond(latest)
    if message.at == EPOCH:
        raise BadInput(Fault.TIME, "the message has no timestamp")
    return message.at
