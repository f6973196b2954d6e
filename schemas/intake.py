"""What intake finds besides evidence, and the ledger keeps: fixes, and who reported."""

from datetime import datetime
from typing import Any

import msgspec


class Fix(msgspec.Struct, frozen=True):
    """Where a unit was: WGS-84 degrees, metres, metres per second, degrees from north."""

    unit: str
    at: datetime
    lon: float
    lat: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None


class Reporter(msgspec.Struct, frozen=True):
    """A reporter's personal data under a pseudonymous reference."""

    ref: str
    contact: dict[str, Any]
