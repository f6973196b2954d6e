"""Signs of life of one topic's processor, written by the event loop and read by the watchdog."""

import time


class Pulse:
    """What a processor is at.

    Attributes
    ----------
    beat : float
        ``time.monotonic()`` of the last sign of life: a message handled, an answer of the ledger,
        or a try while waiting.
    busy : bool
        Whether it was given messages and is not done with them.
    handling : float or None
        ``time.monotonic()`` when the handler was given the message that it has now.
    """

    def __init__(self) -> None:
        self.beat = time.monotonic()
        self.busy = False
        self.handling: float | None = None

    def strike(self) -> None:
        """Give a sign of life."""
        self.beat = time.monotonic()
