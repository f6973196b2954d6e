"""What can be wrong with a place, a map or a way.

::

    GeoError
    ├── BadCoordinates   not a longitude and latitude: NaN, out of range, wrong shape
    ├── UnknownCrs       a coordinate reference system that is not spoken here
    ├── BadFence         a fence without a usable area
    ├── BadFix           a position without a usable time or accuracy
    ├── BadMap           a street map that cannot be read, or has no drivable street
    ├── UnknownArc       an arc id that is not in the street graph
    ├── BadConditions    street conditions that make no sense, e.g. a speed factor of -1
    ├── BadSpeeds        historic speeds that make no sense, e.g. an hour of the week of 200
    ├── NoStreetNear     a point farther from every open street than the given distance
    ├── Unreachable      two points between which no open way leads
    ├── HierarchyError   a compiled index asked for what it does not hold, or failing
    │   ├── WeightOverflow   a time that does not fit the index: longer than 24 days
    │   └── MetricInUse      weights changed while another thread asks for ways under them
    └── CityError        a city's folder that is missing, incomplete, of a newer format, or whose
                         parts do not fit together
"""


class GeoError(Exception):
    """Base of all errors of this room; its text is one sentence fit for a user."""


class BadCoordinates(GeoError):
    """A longitude or latitude is missing, NaN or outside the globe."""


class UnknownCrs(GeoError):
    """A coordinate reference system has a name that is not known."""


class BadFence(GeoError):
    """A fence has no area, or one that is not in degrees."""


class BadFix(GeoError):
    """A position has a time or an accuracy that cannot be used."""


class BadMap(GeoError):
    """A street map is missing, unreadable or without drivable streets."""


class UnknownArc(GeoError):
    """An arc id names no arc of this street graph."""


class BadConditions(GeoError):
    """A speed factor, a number of lanes or a depth of water makes no sense."""


class BadSpeeds(GeoError):
    """A table of historic speeds has an hour, speed or time zone that cannot be used."""


class NoStreetNear(GeoError):
    """No open street lies within the allowed distance of a point."""


class Unreachable(GeoError):
    """No open way leads from one place to the other."""


class HierarchyError(GeoError):
    """A compiled index is given ids that do not exist, or fails inside."""


class WeightOverflow(HierarchyError):
    """A time, of one arc or of a whole way, does not fit the index's 31 bits of milliseconds."""


class MetricInUse(HierarchyError):
    """Weights cannot be changed in place while another thread may ask for ways under them."""


class CityError(GeoError):
    """A city's folder cannot be used or written; the text names the file and what to do."""
