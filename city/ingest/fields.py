"""What a reading, report or position needs, and which column each of it comes from."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from city.ingest.errors import BadMapping, BadOption
from schemas.topics import POSITIONS, READINGS, REPORTS, Topic

Kind = Literal["readings", "reports", "positions"]

TOPICS: dict[Kind, Topic] = {"readings": READINGS, "reports": REPORTS, "positions": POSITIONS}


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes
    ----------
    same
        Column names that are taken for it without being told.
    likely
        Column names that are suggested for it, and never taken unasked.
    """

    name: str
    needed: bool = False
    same: tuple[str, ...] = ()
    likely: tuple[str, ...] = ()


_TIME = Field(
    "time",
    needed=True,
    same=("phenomenon_time", "requested_datetime"),
    likely=("timestamp", "datetime", "date", "alarm_time", "created", "received", "时间"),
)
_LON = Field("lon", same=("longitude", "geometry.lon", "location.lon"), likely=("lng", "x", "经度"))
_LAT = Field("lat", same=("latitude", "geometry.lat", "location.lat"), likely=("y", "纬度"))
_ACCURACY = Field("accuracy_m", same=("location.accuracy_m",), likely=("accuracy", "hdop"))

FIELDS: dict[Kind, tuple[Field, ...]] = {
    "readings": (
        Field("id", needed=True, same=("sensor",), likely=("sensor_id", "device", "station")),
        _TIME,
        Field("result", needed=True, likely=("value", "reading", "measurement", "数值")),
        Field("observed_property", needed=True, likely=("property", "parameter", "type")),
        Field("unit_of_measurement", likely=("unit", "uom", "单位")),
        Field("datastream"),
        Field("result_quality", likely=("quality", "flag")),
        _LON,
        _LAT,
        _ACCURACY,
    ),
    "reports": (
        Field(
            "id",
            same=("service_request_id",),
            likely=("call_no", "incident_number", "case_id", "request_id", "编号"),
        ),
        _TIME,
        Field(
            "text",
            needed=True,
            same=("description",),
            likely=("title", "call_type", "incident_type", "summary", "content", "内容"),
        ),
        Field("service_code", likely=("code", "category")),
        Field("channel", likely=("source", "origin")),
        Field("address", same=("address_string",), likely=("addr", "location", "street", "地址")),
        Field("name", same=("contact.name",), likely=("caller",)),
        Field("phone", same=("contact.phone",), likely=("tel", "telephone", "电话")),
        Field("email", same=("contact.email",)),
        _LON,
        _LAT,
        _ACCURACY,
    ),
    "positions": (
        Field("id", needed=True, same=("unit",), likely=("unit_id", "vehicle", "plate", "车牌")),
        _TIME,
        Field("lon", needed=True, same=_LON.same, likely=_LON.likely),
        Field("lat", needed=True, same=_LAT.same, likely=_LAT.likely),
        _ACCURACY,
        Field("speed_mps", likely=("speed", "velocity")),
        Field("heading_deg", likely=("heading", "bearing", "course")),
    ),
}


@dataclass(frozen=True)
class Sources:
    """Which columns each field comes from; two or more are joined with a blank."""

    columns: dict[str, tuple[str, ...]]
    defaults: dict[str, str]

    def value(self, values: Mapping[str, object], field: str) -> object | None:
        """Return a row's value of a field, None where it has none."""
        parts = [values.get(column) for column in self.columns.get(field, ())]
        if len(parts) == 1 and not isinstance(parts[0], str):
            found = parts[0]
        else:
            found = " ".join(str(part).strip() for part in parts if part is not None)
        return self.defaults.get(field) if found is None or found == "" else found


def parse_pairs(texts: Iterable[str], option: str, kind: Kind) -> dict[str, str]:
    """Return ``field=something`` options as a dict; several may stand in one, with commas.

    Raises
    ------
    BadOption
        A part has no ``=``, or names no field of this kind.
    """
    known = {name for field in FIELDS[kind] for name in (field.name, *field.same)}
    pairs: dict[str, str] = {}
    for text in texts:
        for part in _parts(text, known):
            name, found, value = part.partition("=")
            if not found or not value:
                raise BadOption(f"{option} {part!r}: write field=column")
            if name not in known:
                fields = ", ".join(field.name for field in FIELDS[kind])
                raise BadOption(f"{option} {part!r}: {kind} have no field {name!r}, but {fields}")
            pairs[_canonical(name, kind)] = value
    return pairs


def make_mapping(
    kind: Kind, columns: Iterable[str], told: Mapping[str, str], defaults: Mapping[str, str]
) -> Sources:
    """Decide which columns the fields come from.

    Parameters
    ----------
    columns
        Those of the file.
    told
        ``--map``: field to column, or to columns joined by ``+``.
    defaults
        ``--default``: what a field is where the row has nothing.

    Raises
    ------
    BadMapping
        A column that was told is not there, or a field that is needed comes from nowhere.
    """
    there = list(columns)
    found: dict[str, tuple[str, ...]] = {}
    for field in FIELDS[kind]:
        if field.name in told:
            found[field.name] = _told_columns(field.name, told[field.name], there)
            continue
        same = {name.casefold() for name in (field.name, *field.same)}
        column = next((name for name in there if name.casefold() in same), None)
        if column is not None:
            found[field.name] = (column,)
    missing = [
        field
        for field in FIELDS[kind]
        if field.needed and field.name not in found and field.name not in defaults
    ]
    if missing:
        raise BadMapping(_explanation(kind, missing, there))
    if ("lon" in found) != ("lat" in found):
        there_is, lacks = ("lon", "lat") if "lon" in found else ("lat", "lon")
        raise BadMapping(f"there is a column for {there_is} and none for {lacks}: --map {lacks}=…")
    return Sources(found, dict(defaults))


def _told_columns(field: str, told: str, there: list[str]) -> tuple[str, ...]:
    names = (told,) if told in there else tuple(told.split("+"))
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise BadMapping(
                f"--map {field}={told}: there is no column {name!r}{hint}; there are "
                f"{', '.join(there)}"
            )
    return names


def _explanation(kind: Kind, missing: list[Field], there: list[str]) -> str:
    guesses = {field.name: _guess(field, there) for field in missing}
    likely = ",".join(f"{name}={guess or '…'}" for name, guess in guesses.items())
    names = ", ".join(field.name for field in missing)
    return (
        f"{kind} need {names}, and no column has that name; there are {', '.join(there)}. "
        f"Say which it is, such as --map {likely}, or give --default {missing[0].name}=… for all"
    )


def _guess(field: Field, there: list[str]) -> str | None:
    hints = (field.name, *field.same, *field.likely)
    for hint in hints:
        for column in there:
            if hint in column.casefold().replace(" ", "_"):
                return column
    by_folded = {column.casefold(): column for column in there}
    near = difflib.get_close_matches(field.name, by_folded, n=1)
    return by_folded[near[0]] if near else None


def _canonical(name: str, kind: Kind) -> str:
    return next(field.name for field in FIELDS[kind] if name in (field.name, *field.same))


def _parts(text: str, known: set[str]) -> list[str]:
    """Split at those commas that a field's name and ``=`` follow: columns may have commas."""
    parts: list[str] = []
    for piece in text.split(","):
        if parts and piece.partition("=")[0] not in known and "=" not in piece:
            parts[-1] += f",{piece}"
        else:
            parts.append(piece)
    return parts
