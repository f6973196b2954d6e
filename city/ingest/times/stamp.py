"""What a text may mean: a local time with what the text says of its offset from UTC."""

from datetime import datetime, tzinfo
from typing import Final, NamedTuple

PLAIN: Final = "plain"
"""The form of a text that has one meaning only."""
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2100
"""Other years are no years of the Christian era, or errors: 2564 is a Buddhist year."""
ROC_YEAR: Final = 1911
"""To be added to a year of the Republic of China."""


class Stamp(NamedTuple):
    """A local time, and its offset: known, the abbreviation of a zone, or None if not told."""

    local: datetime
    offset: tzinfo | str | None = None


Meanings = dict[str, Stamp]
