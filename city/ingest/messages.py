"""From a row to the message that a city's producer would send."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from city.ingest.errors import RowFault
from city.ingest.fields import Kind, Sources
from city.ingest.numbers import Decimals
from city.ingest.places import Placer, parse_point
from city.ingest.rows import Row
from city.ingest.times.column import TimeReader, as_text
from schemas import codes, ids, wire
from schemas.errors import UnknownCode
from schemas.inputs import CitizenReport, Contact, Location, SensorReading, UnitPosition

Message = SensorReading | CitizenReport | UnitPosition


@dataclass(frozen=True)
class Event:
    """One message to send, with its key, its CloudEvents id and its time."""

    row: Row
    id: str
    key: str
    time: datetime
    message: Message


class Reader:
    """Makes events from rows.

    Parameters
    ----------
    kind
        Kind of the rows.
    sources
        Columns of the fields.
    place
        See ``places.placer``.
    times
        Reads the column of the time.
    decimals
        Reads numbers.
    run
        Part of every id: with another run name, the same file gives new events.
    """

    def __init__(
        self,
        kind: Kind,
        sources: Sources,
        place: Placer,
        times: TimeReader,
        decimals: Decimals,
        *,
        run: str = "",
    ) -> None:
        self._kind, self._sources = kind, sources
        self._place, self._times, self._decimals, self._run = place, times, decimals, run
        self._make = {
            "readings": self._reading,
            "reports": self._report,
            "positions": self._position,
        }[kind]

    def event(self, row: Row) -> Event:
        """Return the event of a row.

        Its id is derived from the message and the line, so the same file gives the same
        events, and a corrected file gives new events only for changed rows.

        Raises
        ------
        RowFault
            The row lacks a field, or has a value that cannot be parsed.
        BadOption
            Its time has no offset from UTC, and no zone is given.
        """
        if row.fault:
            raise RowFault(row.fault)
        value = self._needed(row, "time")
        try:
            time = self._times.read(value)
        except RowFault as fault:
            raise RowFault(f"time{self._column('time')}: {fault}") from None
        message, key = self._make(row, time)
        content = wire.encode(message).decode()
        where = f"{row.line}.{row.element}" if row.element else f"{row.line}"
        name = ids.derive(content, f"ingest {self._kind} {where} {self._run}")
        return Event(row, name, key, time, message)

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
            wire.encode([row.line, time, text, location]).decode(),
            f"ingest report {row.element or ''}{self._run}",
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
            raise RowFault(f"lon and lat are empty{self._column('lon')}{self._column('lat')}")
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
            point = self._sources.value(row.values, "point")
            if point is None:
                return None
            found = parse_point(point)
            if found is None:
                raise RowFault(
                    f"point{self._column('point')} is {point!r:.60}, not a point such as "
                    "POINT (121.45 31.23) or (31.23, 121.45), latitude first"
                )
            lon, lat = found
        if lon is None or lat is None:
            empty = "lon" if lon is None else "lat"
            raise RowFault(f"one of lon and lat is empty: {empty}{self._column(empty)}")
        try:
            return self._place(lon, lat, self._optional_number(row, "accuracy_m"))
        except RowFault as fault:
            raise RowFault(f"{fault}{self._column('lon')}{self._column('lat')}") from None

    def _needed(self, row: Row, field: str) -> object:
        value = self._sources.value(row.values, field)
        if value is None:
            raise RowFault(f"{field} is empty{self._column(field)}")
        return value

    def _column(self, field: str) -> str:
        """Return the columns of a field for an error, if they have another name."""
        columns = " + ".join(self._sources.columns.get(field, ()))
        return f" (column {columns})" if columns not in {"", field} else ""

    def _text(self, row: Row, field: str) -> str:
        return self._as_text(self._needed(row, field), field)

    def _optional(self, row: Row, field: str) -> str | None:
        value = self._sources.value(row.values, field)
        return None if value is None else self._as_text(value, field)

    def _number(self, row: Row, field: str) -> float:
        return self._decimals.number(self._needed(row, field), f"{field}{self._column(field)}")

    def _optional_number(self, row: Row, field: str) -> float | None:
        value = self._sources.value(row.values, field)
        if value is None:
            return None
        return self._decimals.number(value, f"{field}{self._column(field)}")

    def _as_text(self, value: object, field: str) -> str:
        if isinstance(value, list | dict | bool | bytes):
            raise RowFault(f"{field}{self._column(field)} is {value!r:.40}, not a text")
        return as_text(value)  # spreadsheets write a station's number 17 as 17.0


def shifted(message: Message, time: datetime) -> Message:
    """Return a message with another time."""
    match message:
        case SensorReading():
            return msgspec.structs.replace(message, phenomenon_time=time)
        case CitizenReport():
            return msgspec.structs.replace(message, requested_datetime=time)
        case UnitPosition():
            return msgspec.structs.replace(message, time=time)
