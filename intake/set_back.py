"""When the clock of a source was set back: told from messages that came late by how they come.

What was overtaken or held back has an old time, too. But it comes all at once, or between newer
messages, while a clock that was set back goes on at the pace at which its messages arrive.
"""

from datetime import datetime, timedelta

import msgspec

_PACE = 1.25
"""Times of a clock may go on so much faster than they arrive: the first may have come late."""


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """The first message of a row of them that are not newer than one before the row.

    ``at`` is what its source's clock said, ``heard`` when it arrived.
    """

    at: datetime
    heard: datetime

    def is_set_back(self, at: datetime, received: datetime, longest: timedelta) -> bool:
        """Tell whether a later message of the row shows that the clock was set back.

        It does when the row's times go on at the pace of their arrival, or when the row has
        lasted ``longest`` whatever its times: then there is no newer message to be had.
        """
        waited = received - self.heard
        passed = at - self.at
        return waited >= longest or timedelta(0) < passed <= _PACE * waited


def behind(row: Behind | None, at: datetime, received: datetime) -> Behind:
    """Return the row that a message goes on with, or that it begins."""
    return row or Behind(at=at, heard=received)
