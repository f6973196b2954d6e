"""When to send a message, and which time to put into it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from city.ingest.errors import BadOption, HistoricTimes, RowFault
from city.ingest.messages import Event

_FOREVER_S = 3e10
"""Longer than any file, but still a valid interval."""


@dataclass(frozen=True)
class Limits:
    """How far a time may be from now; intake refuses readings and positions beyond its limits."""

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
        Times faster than the file's times; None sends at once.
    shift
        Whether to move the file's first time to now; other times keep their distance from it,
        divided by the speed.
    limits
        Limits of intake.

    Raises
    ------
    BadOption
        Times are to be shifted without a speed, which would make them all now.
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
        """Return when to send an event; the first event sets the beginning.

        Raises
        ------
        HistoricTimes
            The first event is older than intake accepts, so all would be refused.
        RowFault
            A later event is too old, or in the future: all events behind it would wait for it.
        """
        now = self._clock()
        first = self._start is None
        start, origin = self._start or (now, event.time)
        latest = now + timedelta(seconds=min(self._limits.future_s, _FOREVER_S))
        if event.time > latest >= origin:
            raise RowFault(
                f"the time {event.time.isoformat()} is in the future, but the file begins at "
                f"{origin.isoformat()}: is --tz right?"
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
                    f"the file begins at {time.isoformat()}, but intake refuses events older "
                    f"than {past_h:g} h: use --shift-to-now, which moves the first time to now and "
                    "keeps the intervals, divided by --speed"
                )
            raise RowFault(f"the time {time.isoformat()} is more than {past_h:g} h old when sent")
        if -age_s > self._limits.future_s:
            raise RowFault(
                f"the time {time.isoformat()} is {-age_s:.0f} s in the future: is --tz right?"
            )


def _to_milliseconds(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
