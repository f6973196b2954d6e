"""Errors of places, maps and routes.

::

    GeoError
    ├── BadCoordinates   not a longitude and latitude: NaN, out of range, wrong shape
    ├── UnknownCrs       an unknown coordinate reference system
    ├── BadFence         a fence without a usable area
    ├── BadFix           a position without a usable time or accuracy
    ├── BadMap           a street map that cannot be read, or has no drivable street
    ├── UnknownArc       an arc id that is not in the street graph
    ├── BadConditions    invalid street conditions, e.g. a speed factor of -1
    ├── BadSpeeds        invalid historic speeds, e.g. an hour of the week of 200
    ├── NoStreetNear     a point farther from every open street than the given distance
    ├── Unreachable      two points without an open route between them
    └── HierarchyError   invalid ids for a compiled index, or a failure inside it
        ├── WeightOverflow   a time too long for the index: more than 24 days
        └── MetricInUse      a change of weights while another thread uses them
"""


class GeoError(Exception):
    """Base of all errors of this room; its text is one sentence fit for a user."""


class BadCoordinates(GeoError):
    """A longitude or latitude is missing, NaN or outside the globe."""


class UnknownCrs(GeoError):
    """A coordinate reference system has an unknown name."""


class BadFence(GeoError):
    """A fence has no area, or is not in degrees."""


class BadFix(GeoError):
    """A position has an invalid time or accuracy."""


class BadMap(GeoError):
    """A street map is missing, unreadable or without drivable streets."""


class UnknownArc(GeoError):
    """The street graph has no arc with this id."""


class BadConditions(GeoError):
    """A speed factor, a number of lanes or a depth of water is invalid."""


class BadSpeeds(GeoError):
    """A table of historic speeds has an invalid hour, speed or time zone."""


class NoStreetNear(GeoError):
    """No open street lies within the allowed distance of a point."""


class Unreachable(GeoError):
    """There is no open route from one place to the other."""


class HierarchyError(GeoError):
    """A compiled index got ids that do not exist, or failed inside."""


class WeightOverflow(HierarchyError):
    """The time of an arc or a route does not fit the index's 31 bits of milliseconds."""


class MetricInUse(HierarchyError):
    """Weights cannot be changed in place while another thread may use them."""
