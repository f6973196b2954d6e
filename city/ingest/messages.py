"""From a row to the message that a producer of the city would send."""

import math
from dataclasses import dataclass
from datetime import datetime, tzinfo

import msgspec

from city.ingest.errors import RowFault
from city.ingest.fields import Kind, Sources
from city.ingest.places import Placer
from city.ingest.rows import Row
from city.ingest.times import parse_time
from schemas import codes, ids, wire
from schemas.errors import UnknownCode
from schemas.inputs import CitizenReport, Contact, Location, SensorReading, UnitPosition

Message = SensorReading | CitizenReport | UnitPosition


@dataclass(frozen=True)
class Event:
    """One message to be sent, with its key, its CloudEvents id and the time it is of."""

    line: int
    id: str
    key: str
    time: datetime
    message: Message


class Reader:
    """Makes events of rows.

    Parameters
    ----------
    kind
        Of what.
    sources
        Which columns the fields come from.
    place
        See ``places.placer``.
    zone
        Of times without an offset.
    run
        Part of every id: the same file under another name of a run is new events.
    """

    def __init__(
        self, kind: Kind, sources: Sources, place: Placer, zone: tzinfo | None, run: str = ""
    ) -> None:
        self._kind, self._sources = kind, sources
        self._place, self._zone, self._run = place, zone, run
        self._make = {
            "readings": self._reading,
            "reports": self._report,
            "positions": self._position,
        }[kind]

    def event(self, row: Row) -> Event:
        """Return the event in a row.

        Its id is derived from the message and the line, so the same file gives the same
        events, and a corrected one gives new ones for the rows that changed.

        Raises
        ------
        RowFault
            The row lacks something, or has a value that cannot be read.
        BadOption
            Its time has no offset from UTC and there is no zone.
        """
        if row.fault:
            raise RowFault(row.fault)
        time = parse_time(self._needed(row, "time"), self._zone)
        message, key = self._make(row, time)
        content = wire.encode(message).decode()
        name = ids.derive(content, f"ingest {self._kind} {row.line} {self._run}")
        return Event(row.line, name, key, time, message)

    def _reading(self, row: Row, time: datetime) -> tuple[Message, str]:
        sensor = self._text(row, "id")
        name = self._text(row, "observed_property")
        try:
            observed = codes.observed_property(name)
        except UnknownCode as error:
            raise RowFault(str(error)) from None
        return SensorReading(
            sensor=sensor,
            datastream=self._optional(row, "datastream") or f"{sensor}:{name}",
            observed_property=name,
            result=self._number(row, "result"),
            unit_of_measurement=self._optional(row, "unit_of_measurement")
            or observed.unit_of_measurement,
            phenomenon_time=time,
            result_quality=self._optional(row, "result_quality") or "good",
            location=self._location(row),
        ), sensor

    def _report(self, row: Row, time: datetime) -> tuple[Message, str]:
        texts = {name: self._optional(row, name) for name in ("name", "phone", "email")}
        text, location = self._text(row, "text"), self._location(row)
        name = self._optional(row, "id") or ids.derive(
            wire.encode([row.line, time, text, location]).decode(), f"ingest report {self._run}"
        )
        return CitizenReport(
            service_request_id=name,
            description=text,
            requested_datetime=time,
            service_code=self._optional(row, "service_code"),
            channel=self._optional(row, "channel") or "app",
            location=location,
            address_string=self._optional(row, "address"),
            contact=Contact(**texts) if any(texts.values()) else None,
        ), name

    def _position(self, row: Row, time: datetime) -> tuple[Message, str]:
        unit, location = self._text(row, "id"), self._location(row)
        if location is None:
            raise RowFault("lon and lat are empty")
        return UnitPosition(
            unit=unit,
            location=location,
            time=time,
            speed_mps=self._optional_number(row, "speed_mps"),
            heading_deg=self._optional_number(row, "heading_deg"),
        ), unit

    def _location(self, row: Row) -> Location | None:
        lon, lat = self._optional_number(row, "lon"), self._optional_number(row, "lat")
        if lon is None and lat is None:
            return None
        if lon is None or lat is None:
            raise RowFault("one of lon and lat is empty")
        return self._place(lon, lat, self._optional_number(row, "accuracy_m"))

    def _needed(self, row: Row, field: str) -> object:
        value = self._sources.value(row.values, field)
        if value is None:
            columns = "+".join(self._sources.columns.get(field, ()))
            raise RowFault(f"{field} is empty" + (f" (column {columns})" if columns else ""))
        return value

    def _text(self, row: Row, field: str) -> str:
        return _as_text(self._needed(row, field), field)

    def _optional(self, row: Row, field: str) -> str | None:
        value = self._sources.value(row.values, field)
        return None if value is None else _as_text(value, field)

    def _number(self, row: Row, field: str) -> float:
        return _as_number(self._needed(row, field), field)

    def _optional_number(self, row: Row, field: str) -> float | None:
        value = self._sources.value(row.values, field)
        return None if value is None else _as_number(value, field)


def shifted(message: Message, time: datetime) -> Message:
    """Return a message with another time."""
    match message:
        case SensorReading():
            return msgspec.structs.replace(message, phenomenon_time=time)
        case CitizenReport():
            return msgspec.structs.replace(message, requested_datetime=time)
        case UnitPosition():
            return msgspec.structs.replace(message, time=time)


def _as_text(value: object, field: str) -> str:
    if isinstance(value, list | dict | bool):
        raise RowFault(f"{field} is {value!r:.40}, not a text")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # spreadsheets write the number 17 of a station as 17.0
    return str(value).strip()


def _as_number(value: object, field: str) -> float:
    if isinstance(value, bool):
        return float(value)
    text = str(value).strip().casefold()
    if text in {"true", "false"}:
        return float(text == "true")
    try:
        number = float(text)
    except ValueError:
        raise RowFault(f"{field} is {value!r:.40}, not a number") from None
    if not math.isfinite(number):
        raise RowFault(f"{field} is {number}, not a number")
    return number
