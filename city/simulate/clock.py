"""The play's clock: seconds since it began, and the wall clock for recorded times."""

from datetime import datetime, timedelta

import msgspec

__all__ = ["Clock", "to_millisecond"]


class Clock(msgspec.Struct, frozen=True):
    """Turns seconds since ``start`` (aware) into aware times in milliseconds."""

    start: datetime

    def wall(self, now: float) -> datetime:
        """Return the wall clock's time at ``now`` seconds."""
        return to_millisecond(self.start + timedelta(seconds=now))


def to_millisecond(time: datetime) -> datetime:
    """Return a time truncated to milliseconds."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
