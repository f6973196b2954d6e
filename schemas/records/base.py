"""What every record is, and the small ones that many carry: points, places, readings."""

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all records: immutable, every field written out.

    The garbage collector leaves them out: a record can only name what was there before it, so none
    is part of a circle, and a region's 10,000 incidents need not be looked through again and again.
    """


class Point(Record, frozen=True, kw_only=True):
    """A WGS-84 point in degrees; ``accuracy_m`` is a radius in metres, if known."""

    lon: float
    lat: float
    accuracy_m: float | None = None


class Where(Record, frozen=True, kw_only=True):
    """What geofencing says of a point: fence ids, and the place in words."""

    district: str | None = None
    subdistrict: str | None = None
    beat: str | None = None
    hazard_zones: tuple[str, ...] = ()
    address: str | None = None


class Reading(Record, frozen=True, kw_only=True):
    """One way to understand what was said: a category, and 0 to 1 how sure that is."""

    category: str
    confidence: float
