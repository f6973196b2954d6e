"""Local times in UTC, also in the hours when clocks are changed (PEP 495)."""

from datetime import UTC, datetime, tzinfo
from typing import Literal

from city.ingest.errors import BadOption, RowFault
from city.ingest.times.stamp import Stamp

Repeated = Literal["first", "second"]
"""Which one of two equal local times is meant, in the hour that is repeated in autumn."""


def to_utc(stamp: Stamp, zone: tzinfo | None, repeated: Repeated | None, text: str) -> datetime:
    """Return a stamp in UTC.

    Parameters
    ----------
    zone
        Of stamps without an offset, or with an abbreviation such as CET.
    repeated
        None refuses a local time that happens twice, unless an abbreviation tells which it is.
    text
        For error messages.

    Raises
    ------
    RowFault
        The local time happens twice or never in the zone, or the abbreviation is not the zone's.
    BadOption
        The stamp has no offset, and there is no zone.
    """
    local, offset = stamp
    try:
        if isinstance(offset, tzinfo):
            return local.replace(tzinfo=offset).astimezone(UTC)
        if zone is None:
            raise BadOption(
                f"the time {text!r} has no offset from UTC: give the file's zone, such as "
                "--tz Asia/Shanghai"
            )
        first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            _check_abbreviation(offset, {first.tzname()}, zone, text)
            return first.astimezone(UTC)
        if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
            raise RowFault(
                f"the time {text!r} does not exist in {zone}: clocks were put forward over it; "
                "is --tz right?"
            )
        if offset is not None:
            _check_abbreviation(offset, {first.tzname(), second.tzname()}, zone, text)
            return (first if offset == first.tzname() else second).astimezone(UTC)
        if repeated is None:
            raise RowFault(
                f"the time {text!r} happens twice in {zone}, because clocks were put back "
                f"({first.isoformat()} and {second.isoformat()}): give --repeated-hour first or "
                "second"
            )
        return (first if repeated == "first" else second).astimezone(UTC)
    except OverflowError:
        raise RowFault(f"the time {text!r} is out of range") from None


def _check_abbreviation(
    offset: str | None, names: set[str | None], zone: tzinfo, text: str
) -> None:
    if offset is not None and offset not in names:
        raise RowFault(
            f"the time {text!r} names the zone {offset}, which {zone} is not at that time: give "
            "the right --tz, or write offsets such as +08:00"
        )
