"""When a message is sent, and which time it says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from city.ingest.errors import BadOption, HistoricTimes, RowFault
from city.ingest.messages import Event

_FOREVER_S = 3e10
"""More than any file's years, and still an interval."""


@dataclass(frozen=True)
class Limits:
    """How far a time may lie from now; those of the intake, which refuses what lies beyond."""

    past_s: float = 86_400
    future_s: float = 300


@dataclass(frozen=True)
class Due:
    """When to send a message, and the time to put into it."""

    at: datetime
    time: datetime


class Schedule:
    """Keeps a file's intervals, divided by the speed.

    Parameters
    ----------
    speed
        How many times faster than it was; None sends at once.
    shift
        Whether the file's first time becomes now, and every other keeps its distance from it,
        divided by the speed.
    limits
        What the intake accepts.

    Raises
    ------
    BadOption
        Times are to be shifted at no particular speed, which would make them all now.
    """

    def __init__(
        self,
        speed: float | None,
        *,
        shift: bool,
        limits: Limits,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if shift and speed is None:
            raise BadOption(
                "--shift-to-now keeps the file's intervals, divided by --speed: give a number "
                "for --speed, not max"
            )
        self._speed, self._shift, self._limits, self._clock = speed, shift, limits, clock
        self._start: tuple[datetime, datetime] | None = None

    def due(self, event: Event) -> Due:
        """Return when an event is to be sent; the first one sets the beginning.

        Raises
        ------
        HistoricTimes
            The first event is older than the intake accepts, so all would be refused.
        RowFault
            A later one is, or lies in the future: sent in its time, all that follow would wait
            for it.
        """
        now = self._clock()
        first = self._start is None
        start, origin = self._start or (now, event.time)
        latest = now + timedelta(seconds=min(self._limits.future_s, _FOREVER_S))
        if event.time > latest >= origin:
            raise RowFault(
                f"the time {event.time.isoformat()} lies after now, while the file begins at "
                f"{origin.isoformat()}: it cannot have been yet; is --tz right?"
            )
        since = (event.time - origin).total_seconds() / (self._speed or 1.0)
        try:
            at = start + timedelta(seconds=since)
        except OverflowError:
            raise RowFault(f"the time {event.time.isoformat()} is out of range") from None
        if self._speed is None:
            at = now
        time = _to_milliseconds(at) if self._shift else event.time
        self._check(time, max(at, now), first=first)
        self._start = (start, origin)
        return Due(at, time)

    def _check(self, time: datetime, sent: datetime, *, first: bool) -> None:
        age_s = (sent - time).total_seconds()
        past_h = self._limits.past_s / 3600
        if age_s > self._limits.past_s:
            if first:
                raise HistoricTimes(
                    f"the file begins at {time.isoformat()}, and the intake refuses what is older "
                    f"than {past_h:g} h: --shift-to-now makes its first time now and keeps the "
                    "intervals, divided by --speed"
                )
            raise RowFault(f"the time {time.isoformat()} is more than {past_h:g} h old when sent")
        if -age_s > self._limits.future_s:
            raise RowFault(
                f"the time {time.isoformat()} lies {-age_s:.0f} s in the future: is --tz right?"
            )


def _to_milliseconds(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
