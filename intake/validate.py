"""Checks on what comes in, whatever its topic; each raises `BadInput`."""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Generic, NamedTuple, Protocol, TypeVar

from atlas.city import CityData
from geo.crs import to_wgs84
from geo.errors import GeoError
from intake.errors import BadInput, Fault
from intake.limits import IntakeLimits
from schemas import wire
from schemas.envelope import Envelope, open_event
from schemas.errors import EnvelopeError, PayloadError, UnsupportedSchema
from schemas.inputs import Location
from schemas.records import Point, Reason
from schemas.topics import Topic
from schemas.words import because

__all__ = [
    "MAX_ID",
    "MAX_TEXT",
    "Carried",
    "Checker",
    "Opened",
    "check_id",
    "check_text",
    "check_unit",
    "open_message",
    "to_millisecond",
    "to_utc",
]

T = TypeVar("T")

MAX_ID = 200
MAX_TEXT = 5_000
_METRES_PER_DEGREE = 111_195.0  # of latitude, mean sphere
_MAX_ACCURACY_M = 100_000.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class Carried(Protocol):
    """A message, whatever carried it."""

    @property
    def value(self) -> bytes | None:
        """The payload's bytes; None in a tombstone."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes]]:
        """CloudEvents attributes, or the media type that says that the value has them."""


class Opened(NamedTuple, Generic[T]):
    """What a message says of itself, and what it says."""

    envelope: Envelope
    payload: T

    @property
    def name(self) -> str:
        """What tells the event from all others; ids are derived from it."""
        return f"{self.envelope.source}\x1f{self.envelope.id}"


def open_message(message: Carried, topic: Topic, kind: type[T]) -> Opened[T]:
    """Return envelope and payload of a message of a topic.

    Raises
    ------
    BadInput
        It is no CloudEvent of the topic's type, or its payload has another form than ``kind``.
    """
    try:
        envelope, value = open_event(message.headers, message.value, topic.type)
        payload: T = wire.decode(value, kind)
    except UnsupportedSchema as error:
        raise BadInput(Fault.NEWER_SCHEMA, str(error)) from error
    except EnvelopeError as error:
        raise BadInput(Fault.ENVELOPE, str(error)) from error
    except PayloadError as error:
        raise BadInput(Fault.PAYLOAD, str(error)) from error
    check_id(envelope.id, "ce_id")
    check_id(envelope.source, "ce_source")
    return Opened(envelope, payload)


def check_id(text: str, field: str) -> None:
    """Refuse an id that is empty, too long or has control characters."""
    if not text or len(text) > MAX_ID:
        raise BadInput(Fault.TEXT, f"{field} has {len(text)} characters, not 1 to {MAX_ID}")
    if _CONTROL.search(text):
        raise BadInput(Fault.TEXT, f"{field} has a control character")


def check_text(text: str, field: str, longest: int = MAX_TEXT) -> str:
    """Refuse a text that is too long; return it with a blank for what cannot be stored."""
    if len(text) > longest:
        raise BadInput(Fault.TEXT, f"{field} has {len(text)} characters, more than {longest}")
    return _UNSTORABLE.sub(" ", text)


def to_utc(time: datetime, field: str) -> datetime:
    """Return a time in UTC, refused when it is naive or UTC has no such year."""
    if time.tzinfo is None:
        raise BadInput(Fault.TIME, f"{field} {time} has no offset from UTC")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise BadInput(
            Fault.TIME, f"{field} {time} is not a time between the years 1 and 9999"
        ) from error


def to_millisecond(time: datetime) -> datetime:
    """Return a time without its microseconds: those of the journal have none."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def check_unit(unit: str, known: frozenset[str]) -> None:
    """Refuse a unit that is not of the city's fleet."""
    if unit not in known:
        raise BadInput(Fault.UNKNOWN_UNIT, f"the fleet has no unit {unit[:60]!r}")


class Checker:
    """Checks against a city and the intake's limits.

    Parameters
    ----------
    city
        Whose bounds, with a margin, hold all places.
    limits
        How far from the message's arrival its times may lie.
    """

    def __init__(self, city: CityData, limits: IntakeLimits) -> None:
        west, south, east, north = city.manifest.bounds
        up = limits.margin_m / _METRES_PER_DEGREE
        aside = up / max(math.cos(math.radians((south + north) / 2)), 0.01)
        self._bounds = (west - aside, south - up, east + aside, north + up)
        self._future = timedelta(seconds=limits.future_s)
        self._past = timedelta(seconds=limits.past_s)

    def time(self, time: datetime, field: str, received: datetime, source: str) -> datetime:
        """Return a time in UTC, refused when it is naive or too far from its arrival.

        For readings and positions, of which only their times say which is the newest; ``source``
        is whose clock it was.
        """
        utc = to_utc(time, field)
        ahead_s = (utc - received).total_seconds()
        if utc - received > self._future:
            raise BadInput(
                Fault.TIME,
                f"{field} {utc} lies in the future, {ahead_s:.0f} s ahead of its arrival "
                f"{received}: the clock of {source!r} is wrong; set it right, `jingwei sources` "
                "shows its skew",
            )
        if received - utc > self._past:
            raise BadInput(
                Fault.TIME,
                f"{field} {utc} is too old, {-ahead_s:.0f} s behind its arrival {received}: the "
                f"clock of {source!r} is wrong, or this was held back too long; `jingwei sources` "
                "shows its skew",
            )
        return to_millisecond(utc)

    def time_or_arrival(
        self, time: datetime, field: str, received: datetime
    ) -> tuple[datetime, Reason | None]:
        """Return a time in UTC, or the arrival in its place and why.

        For what must not be lost for the sake of a clock: a citizen's report, a crew's stamp.
        """
        try:
            utc = to_utc(time, field)
        except BadInput as error:
            return received, because("time_unusable", error=str(error))
        if utc - received > self._future or received - utc > self._past:
            return received, because("clock_is_off", time=f"{utc:%Y-%m-%dT%H:%M:%SZ}")
        return to_millisecond(utc), None

    def point(self, location: Location) -> Point:
        """Return a place in WGS-84, refused when it is none or not in or near the city."""
        accuracy = location.accuracy_m
        if accuracy is not None and not 0.0 <= accuracy <= _MAX_ACCURACY_M:
            raise BadInput(Fault.COORDINATES, f"accuracy_m {accuracy} is not a radius in metres")
        try:
            lon, lat = to_wgs84(location.lon, location.lat, location.crs)
        except GeoError as error:
            raise BadInput(Fault.COORDINATES, str(error)) from error
        west, south, east, north = self._bounds
        if not (west <= lon <= east and south <= lat <= north):
            raise BadInput(
                Fault.OUTSIDE_CITY,
                f"{lon:.6f}, {lat:.6f} ({location.crs} converted) is outside the city",
            )
        return Point(lon=lon, lat=lat, accuracy_m=accuracy)
