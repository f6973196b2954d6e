"""The broker's clock, as a worker knows it: by the times that the broker stamps on what it sends.

No clock of this machine decides. The distance between the broker's time and this process's
monotonic clock, which nobody sets, is learnt anew from every journal entry that the worker sends:
the broker stamped it after it was sent and before the answer came. A step of the worker's own
clock is not seen at all; one of the broker's moves this clock with the next entry sent.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from streams.messages import EPOCH, LOG_APPEND_TIME

log = logging.getLogger(__name__)

RELEARN_S = 20.0
"""While time is waited for, the broker is asked at least this often."""


class BrokerClock:
    """Tells the broker's time, or that it is not known.

    Parameters
    ----------
    monotonic
        Seconds that only grow.

    Attributes
    ----------
    stamped : datetime or None
        What the broker stamped on the last entry that was learnt from.
    wanted : bool
        Whether somebody waits for a time that is not known, or not any more.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.stamped: datetime | None = None
        self.wanted = False
        self.monotonic = monotonic
        self._ahead: float | None = None  # of the monotonic clock, in seconds since 1970
        self._learnt = 0.0
        self._told = False

    def learn(self, stamped_ms: int, timestamp_type: int, sent: float) -> None:
        """Learn from an entry that the broker has just acknowledged.

        Parameters
        ----------
        stamped_ms
            Its timestamp, in milliseconds since 1970.
        timestamp_type
            1 where it is the broker's. A broker that stamps no time of its own returns 0 and this
            machine's time at the sending: there is no better one then, and the log says so once.
        sent
            What the monotonic clock said before it was sent.
        """
        answered = self.monotonic()
        if timestamp_type != LOG_APPEND_TIME and not self._told:
            self._told = True
            log.warning(
                "this broker stamps no time of its own (message.timestamp.type is not "
                "LogAppendTime): the clocks of producers and of this worker decide, even wrong ones"
            )
        least, most = stamped_ms / 1000 - answered, stamped_ms / 1000 - sent
        # At first the least: this clock may be behind the broker's by the time an answer takes,
        # never ahead, so that what it says is due is due there. An answer that took long leaves a
        # distance that was known better as it is.
        self._ahead = least if self._ahead is None else min(max(self._ahead, least), most)
        self._learnt = answered
        self.stamped = EPOCH + timedelta(milliseconds=stamped_ms)
        self.wanted = False

    def now(self) -> datetime | None:
        """Return the broker's time; None while it is not known."""
        if self._ahead is None:
            self.wanted = True
            return None
        return EPOCH + timedelta(seconds=self.monotonic() + self._ahead)

    def recent(self) -> datetime | None:
        """Return the broker's time if it was learnt lately; else ask for it, and None.

        For what would be decided by it for good, with no entry in between that the broker stamps.
        """
        if self.age_s() > RELEARN_S:
            self.wanted = True
        return None if self.age_s() > 2 * RELEARN_S else self.now()

    def age_s(self) -> float:
        """Return for how many seconds nothing has been learnt."""
        return float("inf") if self._ahead is None else self.monotonic() - self._learnt
