"""The fields of readings, reports and positions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from schemas.topics import POSITIONS, READINGS, REPORTS, Topic

Kind = Literal["readings", "reports", "positions"]

TOPICS: dict[Kind, Topic] = {"readings": READINGS, "reports": REPORTS, "positions": POSITIONS}


_MIDNIGHT = datetime(1970, 1, 1)  # noqa: DTZ001 - of any day


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes
    ----------
    same
        Other names of the field, for columns and for ``--map``.
    likely
        Names of columns that are taken for it if no column has one of its own names; ``a+b`` are
        two columns.
    instead
        A column that is used for rows whose own column is empty.
    number
        Whether its values are numbers.
    """

    name: str
    needed: bool = False
    same: tuple[str, ...] = ()
    likely: tuple[str, ...] = ()
    instead: str | None = None
    number: bool = False


_TIME = Field(
    "time",
    needed=True,
    same=("phenomenon_time", "requested_datetime"),
    likely=(
        *("date+time", "call_date+call_time", "incident_date+incident_time", "date_occ+time_occ"),
        *("datum+uhrzeit", "日期+时间", "日期+時間", "发生日期+发生时间", "發生日期+發生時間"),
        *("timestamp", "datetime", "date_time", "alarm_time", "alarm_date", "call_time"),
        *("call_datetime", "call_date_time", "call_received", "received_dttm", "time_received"),
        *("received", "received_at", "reported", "reported_at", "date_reported", "incident_time"),
        *("incident_date", "incident_datetime", "event_time", "open_time", "opened", "created"),
        *("created_at", "created_date", "created_datetime", "occurred", "occurred_at", "date"),
        *(
            "时间",
            "時間",
            "报警时间",
            "報案時間",
            "接警时间",
            "受理时间",
            "发生时间",
            "發生時間",
            "案发时间",
        ),
        *(
            "zeitpunkt",
            "alarmzeit",
            "alarmierung",
            "einsatzbeginn",
            "datum",
            "zeit",
            "fecha",
            "alerte",
        ),
    ),
)
_LON = Field(
    "lon",
    same=("longitude", "geometry.lon", "location.lon", "location.longitude"),
    likely=(
        *("lng", "long", "x", "point_x", "x_coord", "x_coordinate", "xcoord", "coord_x", "easting"),
        *("location.lng", "xgcswgs84", "laengengrad", "längengrad", "经度", "經度", "东经"),
    ),
    number=True,
)
_LAT = Field(
    "lat",
    same=("latitude", "geometry.lat", "location.lat", "location.latitude"),
    likely=(
        *("y", "point_y", "y_coord", "y_coordinate", "ycoord", "coord_y", "northing"),
        *("ygcswgs84", "breitengrad", "纬度", "緯度", "北纬"),
    ),
    number=True,
)
_POINT = Field(
    "point",
    likely=(
        *("location", "point", "geolocation", "the_geom", "geom", "wkt", "shape", "location_1"),
        *("georeference", "case_location", "location.coordinates", "point.coordinates"),
    ),
)
_ACCURACY = Field("accuracy_m", same=("location.accuracy_m",), likely=("accuracy",), number=True)
_STAMPS = (
    Field("received", likely=("received_dttm", "call_received", "接警时间")),
    Field("entered", likely=("entry_dttm", "call_entered")),
    Field(
        "dispatched",
        likely=(
            "dispatch_dttm",
            "dispatch_time",
            "dispatched_time",
            "unit_dispatched",
            "派警时间",
            "出动时间",
        ),
    ),
    Field("enroute", likely=("response_dttm", "enroute_time", "en_route", "turnout_time")),
    Field(
        "on_scene",
        likely=(
            "on_scene_dttm",
            "on_scene_time",
            "arrived_time",
            "arrival_time",
            "arrived",
            "到场时间",
        ),
    ),
    Field("transport", likely=("transport_dttm",)),
    Field("hospital", likely=("hospital_dttm",)),
    Field("available", likely=("available_dttm", "clear_time", "cleared", "unit_clear")),
)
STAMPS: Final = tuple(field.name for field in _STAMPS)
"""Stamps of a response in their order. They are not sent; their intervals are checked."""

FIELDS: dict[Kind, tuple[Field, ...]] = {
    "readings": (
        Field(
            "id",
            needed=True,
            same=("sensor",),
            likely=("sensor_id", "device", "device_id", "station"),
        ),
        _TIME,
        Field(
            "result",
            needed=True,
            likely=("value", "reading", "measurement", "数值", "數值", "messwert"),
            number=True,
        ),
        Field("observed_property", needed=True, likely=("property", "parameter", "type")),
        Field("unit_of_measurement", likely=("uom", "单位", "單位")),
        Field("datastream"),
        Field("result_quality", likely=("quality", "flag")),
        _LON,
        _LAT,
        _POINT,
        _ACCURACY,
    ),
    "reports": (
        Field(
            "id",
            same=("service_request_id",),
            likely=(
                *(
                    "rowid",
                    "call_no",
                    "call_number",
                    "incident_number",
                    "incident_no",
                    "incident_id",
                ),
                *(
                    "event_number",
                    "case_id",
                    "case_number",
                    "request_id",
                    "编号",
                    "編號",
                    "案件编号",
                ),
                *("案件編號", "警情编号", "einsatznummer", "no", "nr"),
            ),
        ),
        _TIME,
        Field(
            "text",
            needed=True,
            same=("description",),
            likely=(
                *(
                    "title",
                    "call_type",
                    "call_type_description",
                    "incident_type",
                    "nature",
                    "problem",
                ),
                *(
                    "initial_call_type",
                    "final_call_type",
                    "crime_type",
                    "offense",
                    "summary",
                    "content",
                ),
                *(
                    "内容",
                    "內容",
                    "报警内容",
                    "警情内容",
                    "警情描述",
                    "简要警情",
                    "事件描述",
                    "描述",
                    "案情",
                ),
                *(
                    "meldung",
                    "beschreibung",
                    "stichwort",
                    "einsatzstichwort",
                    "beschreibung",
                    "quoi",
                    "service_name",
                ),
            ),
            instead="service_name",
        ),
        Field(
            "service_code",
            likely=(
                *("call_type_code", "incident_type_code", "type_code", "nature_code", "mpds_code"),
                *("call_type", "incident_type", "initial_call_type", "final_call_type"),
                *("警情类别", "警情类型", "案件类别", "案件類別"),
            ),
        ),
        Field("channel"),
        Field(
            "address",
            same=("address_string",),
            likely=("addr", "street_address", "地址", "地點", "地点"),
        ),
        Field("name", same=("contact.name",), likely=("caller", "caller_name", "报警人")),
        Field(
            "phone",
            same=("contact.phone",),
            likely=("tel", "telephone", "电话", "電話", "联系电话"),
        ),
        Field("email", same=("contact.email",)),
        _LON,
        _LAT,
        _POINT,
        _ACCURACY,
        Field("unit", likely=("unit_id", "apparatus")),
        *_STAMPS,
    ),
    "positions": (
        Field(
            "id",
            needed=True,
            same=("unit",),
            likely=("unit_id", "vehicle", "vehicle_id", "plate", "车牌", "车牌号", "車牌"),
        ),
        _TIME,
        Field("lon", same=_LON.same, likely=_LON.likely, number=True),
        Field("lat", same=_LAT.same, likely=_LAT.likely, number=True),
        _POINT,
        _ACCURACY,
        Field("speed_mps", number=True),
        Field("heading_deg", likely=("heading", "bearing", "course", "方向"), number=True),
    ),
}


@dataclass(frozen=True)
class Sources:
    """The columns of each field; two or more are joined with a space.

    Attributes
    ----------
    instead
        Columns that are used if a field's own ones are empty.
    guessed
        Fields whose columns have other names, which were not named by the user.
    """

    columns: Mapping[str, tuple[str, ...]]
    defaults: Mapping[str, str]
    instead: Mapping[str, str]
    guessed: frozenset[str] = frozenset()

    def value(self, values: Mapping[str, object], field: str) -> object | None:
        """Return a row's value of a field, or None."""
        found = joined([values.get(column) for column in self.columns.get(field, ())])
        if _is_empty(found) and field in self.instead:
            found = values.get(self.instead[field])
        return self.defaults.get(field) if _is_empty(found) else found


def folded(name: str) -> str:
    """Return a column's name without case and kind of spacing."""
    return re.sub(r"[\s_\-./]+", "_", name.casefold()).strip("_")


def joined(parts: list[object]) -> object | None:
    """Return the value of several columns: their texts with spaces, a date and a time as a time."""
    parts = [part.strip() if isinstance(part, str) else part for part in parts]
    parts = [part for part in parts if not _is_empty(part)]
    if len(parts) <= 1:
        return parts[0] if parts else None
    return " ".join(_part(part) for part in parts)


def _part(value: object) -> str:
    """Return a part of a joined value: workbooks keep a date as midnight, a clock as a duration."""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, timedelta):
        return (_MIDNIGHT + value).time().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
