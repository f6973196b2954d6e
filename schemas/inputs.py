"""What producers outside Jingwei write to the input topics.

Nothing here is trusted. A type says what form a message must have; ranges (coordinates,
times, codes) are checked by the intake, which answers with a dead letter and its reason.
Producers name the reference system of their coordinates in ``crs``; it is converted to
WGS-84 at the edge and never travels further.
"""

from datetime import datetime

import msgspec


class Input(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all input messages: immutable, unknown fields are ignored."""


class Location(Input, frozen=True, kw_only=True):
    """A point as a producer gives it.

    Attributes
    ----------
    lon, lat
        Degrees in the reference system ``crs``.
    crs
        ``WGS-84``, ``GCJ-02`` or ``BD-09``.
    accuracy_m
        Radius in metres within which the true point lies (about 95 %), if known.
    """

    lon: float
    lat: float
    crs: str = "WGS-84"
    accuracy_m: float | None = None


class SensorReading(Input, frozen=True, kw_only=True):
    """One observation, in OGC SensorThings 1.1 terms. Key: the sensor's id.

    Attributes
    ----------
    sensor
        Id of the thing that measures.
    datastream
        Id of the series (one sensor, one observed property, one unit of measurement).
    observed_property
        A code of the table ``observed_properties``: ``smoke``, ``gas``, ``water_level`` …
    result
        The value in ``unit_of_measurement``; booleans are 0 or 1.
    phenomenon_time
        When it was so (aware; any offset).
    result_time
        When the sensor said so; the phenomenon time when absent.
    result_quality
        ``good``, ``suspect`` or ``bad``; bad ones are kept and never open an alarm.
    location
        Where, when the sensor moves or the city does not know it.
    """

    sensor: str
    datastream: str
    observed_property: str
    result: float
    unit_of_measurement: str
    phenomenon_time: datetime
    result_time: datetime | None = None
    result_quality: str = "good"
    location: Location | None = None


class Contact(Input, frozen=True, kw_only=True):
    """Who may be called back. Goes to the restricted table and nowhere else."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


class CitizenReport(Input, frozen=True, kw_only=True):
    """A service request in Open311 GeoReport v2 terms. Key: ``service_request_id``.

    Attributes
    ----------
    service_request_id
        The producer's id of this report; the same id twice from the same CloudEvents source
        is the same report.
    description
        Free text, Chinese or English.
    requested_datetime
        When the citizen reported (aware).
    service_code
        Open311 service code, when the channel has one.
    channel
        Where it came in: ``119``, ``120``, ``110``, ``12345``, ``app``, ``web`` …
    location
        Where, if the channel knows.
    address_string
        The place in words.
    contact
        Personal data; ``reporter_ref`` instead of it where the producer keeps it itself.
    """

    service_request_id: str
    description: str
    requested_datetime: datetime
    service_code: str | None = None
    channel: str = "app"
    location: Location | None = None
    address_string: str | None = None
    contact: Contact | None = None
    reporter_ref: str | None = None
    media_url: str | None = None


class UnitPosition(Input, frozen=True, kw_only=True):
    """A responder's GPS fix. Key: the unit's id.

    ``speed_mps`` in metres per second; ``heading_deg`` clockwise from north, 0 to 360.
    """

    unit: str
    location: Location
    time: datetime
    speed_mps: float | None = None
    heading_deg: float | None = None


class UnitStatus(Input, frozen=True, kw_only=True):
    """A status stamp by a responder or an operator. Key: the unit's id.

    Attributes
    ----------
    status
        A code of the table ``unit_states``.
    incident
        The incident it is about, when it is about one.
    by
        Who pressed: ``crew`` or an operator's name.
    reason
        Why, for ``out_of_service``.
    """

    unit: str
    status: str
    time: datetime
    incident: str | None = None
    by: str = "crew"
    reason: str | None = None


class StreetCondition(Input, frozen=True, kw_only=True):
    """A closure or slow-down of streets, or water on them. Key: ``condition``.

    Attributes
    ----------
    condition
        The condition's id; a later message with the same id replaces it.
    kind
        ``closure`` (nobody passes), ``lane_closure`` (some lanes are shut: slower, closed to
        vehicles when none is left), ``flood_depth`` (water: slower the deeper, closed to whom it
        is too deep), ``speed_factor`` (slower) or ``cleared``.
    segments
        Arc ids of the street graph (``"u-v-key"``).
    street
        A street's name; all its arcs are meant. Either this or ``segments``.
    speed_factor
        Share of the usual speed that remains, 0.01 to 1; for ``speed_factor``.
    lanes_closed
        Lanes shut on each segment, in its direction, 1 to 20; for ``lane_closure``.
    depth_m
        Depth of the water in metres, 0 to 10; for ``flood_depth``.
    valid_from, valid_until
        Half-open interval; without an end it holds until it is cleared.
    """

    condition: str
    kind: str
    valid_from: datetime
    valid_until: datetime | None = None
    segments: tuple[str, ...] = ()
    street: str | None = None
    speed_factor: float | None = None
    reason: str = ""
    lanes_closed: int | None = None
    depth_m: float | None = None
