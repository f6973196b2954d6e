"""The tables' row types and how they are read from the JSON files beside this module."""

from datetime import date
from functools import cache
from importlib.resources import files
from typing import TypeVar

import msgspec

from schemas.errors import UnknownCode
from schemas.policy import Policy


class Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of any table: the code, its names, and from when to when (exclusive) it holds."""

    code: str
    zh: str
    en: str
    valid_from: date
    valid_until: date | None = None


class Category(Code, frozen=True, kw_only=True):
    """What kind of event it is.

    ``gbt35561`` is its class by GB/T 35561-2017; ``departments`` get it on their feeds, the
    first one leads; ``default_severity`` holds where nothing says more. ``broader`` (SKOS) is the
    category under which those stand it who have no name of their own for it: labels from outside
    and older tables.
    """

    gbt35561: str
    cap_category: str
    open311_service_code: str
    departments: tuple[str, ...]
    default_severity: str
    broader: str | None = None


class Severity(Code, frozen=True, kw_only=True):
    """How bad it is; ``rank`` 1 is the worst, and 0, before all, of what nobody has read.

    ``gbt35561_grade`` is empty where there is none.
    """

    rank: int
    gbt35561_grade: str
    cap_urgency: str
    cap_severity: str
    cap_certainty: str


class Department(Code, frozen=True, kw_only=True):
    """Who subscribes to ``dept.<code>``."""


class IncidentState(Code, frozen=True, kw_only=True):
    """A state of an incident; ``open`` while somebody may still have to act."""

    open: bool


class UnitState(Code, frozen=True, kw_only=True):
    """A state of a unit and the availability class it maps to."""

    availability: str


class UnitKind(Code, frozen=True, kw_only=True):
    """A kind of vehicle or patrol, whose it is and what it can do."""

    department: str
    capabilities: tuple[str, ...]


class ObservedProperty(Code, frozen=True, kw_only=True):
    """What a sensor measures and when that is an alarm.

    An alarm opens when the result has been at or beyond ``opens_at`` (in ``direction``) for
    ``minimum_duration_s``, closes when it is back at or behind ``closes_at``, and ends as
    silent after ``silence_timeout_s`` without a reading. Results outside ``minimum`` to
    ``maximum`` are not physical and go to the dead letters.
    """

    unit_of_measurement: str
    category: str
    severity: str
    confidence: float
    direction: str
    opens_at: float
    closes_at: float
    minimum_duration_s: float
    silence_timeout_s: float
    minimum: float
    maximum: float


class AlertKind(Code, frozen=True, kw_only=True):
    """What an alert asks of an operator; ``priority`` 1 is act now."""

    priority: int


Row = TypeVar("Row", bound=Code)


@cache
def _rows(name: str, kind: type[Row]) -> tuple[Row, ...]:
    data = files("schemas.codes").joinpath(f"{name}.json").read_bytes()
    rows: list[Row] = msgspec.json.decode(data, type=list[kind])  # type: ignore[valid-type]
    return tuple(rows)


@cache
def _valid(name: str, kind: type[Row], on: date | None) -> dict[str, Row]:
    latest: dict[str, Row] = {}
    for row in sorted(_rows(name, kind), key=lambda row: row.valid_from):
        if on is not None and row.valid_from > on:
            continue
        latest[row.code] = row
    return {
        code: row
        for code, row in latest.items()
        if row.valid_until is None or (on is not None and on < row.valid_until)
    }


def _find(name: str, kind: type[Row], code: str, on: date | None) -> Row:
    found: Row | None = _valid(name, kind, on).get(code)
    if found is None:
        known = ", ".join(sorted(_valid(name, kind, on)))
        when = "" if on is None else f" on {on}"
        raise UnknownCode(f"{code!r} is not in the table {name}{when}; it has: {known}")
    return found


def categories(on: date | None = None) -> dict[str, Category]:
    """Return the categories valid on a day (the newest without one), by code."""
    return _valid("categories", Category, on)


def category(code: str, on: date | None = None) -> Category:
    """Return one category; raises `UnknownCode`."""
    return _find("categories", Category, code, on)


def severities(on: date | None = None) -> dict[str, Severity]:
    """Return the severities by code: what nobody has read, then the worst first."""
    rows = _valid("severities", Severity, on)
    return dict(sorted(rows.items(), key=lambda item: item[1].rank))


def severity(code: str, on: date | None = None) -> Severity:
    """Return one severity; raises `UnknownCode`."""
    return _find("severities", Severity, code, on)


def departments(on: date | None = None) -> dict[str, Department]:
    """Return the departments by code."""
    return _valid("departments", Department, on)


def incident_states(on: date | None = None) -> dict[str, IncidentState]:
    """Return the states of incidents by code."""
    return _valid("incident_states", IncidentState, on)


def incident_state(code: str, on: date | None = None) -> IncidentState:
    """Return one state of incidents; raises `UnknownCode`."""
    return _find("incident_states", IncidentState, code, on)


def unit_states(on: date | None = None) -> dict[str, UnitState]:
    """Return the states of units by code."""
    return _valid("unit_states", UnitState, on)


def unit_state(code: str, on: date | None = None) -> UnitState:
    """Return one state of units; raises `UnknownCode`."""
    return _find("unit_states", UnitState, code, on)


def unit_kinds(on: date | None = None) -> dict[str, UnitKind]:
    """Return the kinds of units by code."""
    return _valid("unit_kinds", UnitKind, on)


def unit_kind(code: str, on: date | None = None) -> UnitKind:
    """Return one kind of unit; raises `UnknownCode`."""
    return _find("unit_kinds", UnitKind, code, on)


def observed_properties(on: date | None = None) -> dict[str, ObservedProperty]:
    """Return what sensors measure, by code."""
    return _valid("observed_properties", ObservedProperty, on)


def observed_property(code: str, on: date | None = None) -> ObservedProperty:
    """Return one observed property; raises `UnknownCode`."""
    return _find("observed_properties", ObservedProperty, code, on)


def alert_kinds(on: date | None = None) -> dict[str, AlertKind]:
    """Return the kinds of alerts, by code."""
    return _valid("alert_kinds", AlertKind, on)


def alert_kind(code: str, on: date | None = None) -> AlertKind:
    """Return one kind of alert; raises `UnknownCode`."""
    return _find("alert_kinds", AlertKind, code, on)


def dispositions(on: date | None = None) -> dict[str, Code]:
    """Return the dispositions an incident can be closed with, by code."""
    return _valid("dispositions", Code, on)


def capabilities(on: date | None = None) -> dict[str, Code]:
    """Return what units can do, by code."""
    return _valid("capabilities", Code, on)


def reasons(on: date | None = None) -> dict[str, Code]:
    """Return the words of reasons by code: templates that name the values in braces."""
    return _valid("reasons", Code, on)


def timeline_kinds(on: date | None = None) -> dict[str, Code]:
    """Return the kinds of timeline entries by code."""
    return _valid("timeline_kinds", Code, on)


@cache
def default_policy() -> Policy:
    """Return the policy a region starts with."""
    data = files("schemas.codes").joinpath("policy.json").read_bytes()
    return msgspec.json.decode(data, type=Policy)
