"""The shapes of answers; none of this needs a map."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from schemas.records import Point, Reading, Reason


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class PlaceFound(Shape, frozen=True, kw_only=True):
    """A place that may be meant.

    Attributes
    ----------
    kind
        ``address``, ``crossing``, ``street``, ``coordinates``, or a kind of fence or place.
    point
        WGS-84; ``accuracy_m`` is the radius in metres within which it lies.
    region, district, subdistrict
        Where it lies, by name; the region by its id.
    score
        1 where the name is the one typed, less where it was begun or has slips.
    crs
        Of coordinates: the reference system in which they were taken.
    """

    name: str
    kind: str
    point: Point
    region: str
    district: str | None
    subdistrict: str | None
    score: float
    crs: str | None = None


class Near(Shape, frozen=True, kw_only=True):
    """Something near a point, ``metres`` away."""

    name: str
    kind: str
    metres: float


class PlaceNames(Shape, frozen=True, kw_only=True):
    """What a point is called.

    Attributes
    ----------
    point
        WGS-84, also where the question was asked in another reference system.
    address
        As a report from there would have it: sub-district and nearest street.
    street, place
        The nearest ones; null if none is within 300 m.
    beat, hazard_zones
        Names of fences.
    """

    point: Point
    region: str
    address: str | None
    district: str | None
    subdistrict: str | None
    beat: str | None
    hazard_zones: tuple[str, ...]
    street: Near | None
    place: Near | None


class TextReading(Shape, frozen=True, kw_only=True):
    """What triage makes of a text.

    Attributes
    ----------
    confidence
        0 to 1, how sure the category is.
    danger
        Whether it is taken for a danger to life: P1 or P2.
    words
        What was quoted from the text to decide.
    reasons
        How that was found, as codes with values.
    """

    category: str
    severity: str
    confidence: float
    danger: bool
    words: tuple[str, ...]
    reasons: tuple[Reason, ...]
    alternatives: tuple[Reading, ...]


class Duplicate(Shape, frozen=True, kw_only=True):
    """An incident to which a report may belong.

    Attributes
    ----------
    score
        0 to 1, as correlation scores it.
    would
        ``attach``: the report would become part of it; ``ask``: a new incident would open, and
        an operator be asked; ``open``: a new incident would open.
    """

    incident: str
    number: str
    title: str
    state: str
    category: str
    severity: str
    score: float
    would: Literal["attach", "ask", "open"]
    reasons: tuple[Reason, ...]


class Duplicates(Shape, frozen=True, kw_only=True):
    """Incidents to which a report of this kind may belong, the likeliest first.

    Attributes
    ----------
    would, incident
        What would become of the report, compared with all of them, and with which one.
    category, confidence
        As which the report was taken.
    """

    would: Literal["attach", "ask", "open"]
    incident: str | None
    category: str
    confidence: float
    policy: str
    items: tuple[Duplicate, ...]


class RouteStep(Shape, frozen=True, kw_only=True):
    """One instruction, and the stretch until the next one."""

    manoeuvre: str
    street: str
    metres: float
    seconds: float
    zh: str
    en: str


class RouteFound(Shape, frozen=True, kw_only=True):
    """The fastest way.

    Attributes
    ----------
    geometry
        GeoJSON LineString, WGS-84.
    walk_s
        Seconds on foot off the street at both ends, part of ``seconds``.
    conditions
        How many street conditions in force were respected.
    """

    seconds: float
    metres: float
    walk_s: float
    profile: str
    geometry: dict[str, Any]
    streets: tuple[str, ...]
    steps: tuple[RouteStep, ...]
    conditions: int


class Area(Shape, frozen=True, kw_only=True):
    """The area within so many seconds; GeoJSON Polygon or MultiPolygon, WGS-84."""

    seconds: float
    geometry: dict[str, Any]


class Isochrone(Shape, frozen=True, kw_only=True):
    """What is reached, one area per time, in the order asked."""

    profile: str
    areas: tuple[Area, ...]
    conditions: int


class UnitFor(Shape, frozen=True, kw_only=True):
    """A unit that could go, or why it cannot.

    Attributes
    ----------
    capabilities
        What it has of what the incident's plans ask for.
    seconds
        To the scene; null if it cannot get there, or is not asked because it cannot go.
    position_age_s
        How old its position is; null if it never sent one: then it stands at its station.
    """

    unit: str
    name: str
    kind: str
    state: str
    able: bool
    capabilities: tuple[str, ...]
    seconds: float | None
    position_age_s: float | None
    reasons: tuple[Reason, ...]


class Candidates(Shape, frozen=True, kw_only=True):
    """Who could go to an incident: those able first, the nearest first.

    Attributes
    ----------
    asks, lacks
        What its plans ask for, and of that what nobody was sent for yet.
    """

    incident: str
    at: datetime
    asks: tuple[Reason, ...]
    lacks: tuple[Reason, ...]
    units: tuple[UnitFor, ...]


class Rehearsal(Shape, frozen=True, kw_only=True):
    """What would be different if a policy came into force now.

    Attributes
    ----------
    at
        The journal's time up to which the region was known.
    changes
        Of open incidents, units and alerts; ``would_change_nothing`` if there are none.
    """

    region: str
    at: datetime | None
    policy: str
    instead_of: str
    changes: tuple[Reason, ...]


class StreetsDrawn(Shape, frozen=True, kw_only=True):
    """Streets under what was drawn.

    Attributes
    ----------
    segments
        Ids of arcs, both directions.
    streets
        Their names.
    metres, geometry
        Of each street once; GeoJSON MultiLineString, WGS-84.
    """

    region: str
    segments: tuple[str, ...]
    streets: tuple[str, ...]
    metres: float
    geometry: dict[str, Any]


class Tried(Shape, frozen=True, kw_only=True):
    """What intake would make of a report or a stamp; ``note`` is what it would change."""

    id: str
    region: str
    note: str | None = None
