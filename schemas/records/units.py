"""Units, recommendations of them, and their assignments."""

from datetime import datetime
from typing import Annotated

import msgspec

from schemas.kinds import AssignmentEnd, Diversion, UnitState
from schemas.records.base import Point, Record
from schemas.records.said import (
    AnyReason,
    AnyShortage,
    Reason,
    is_prose,
    read_prose,
    reason_of,
    shortage_of,
)

Dimension = Annotated[float, msgspec.Meta(gt=0)]


class Vehicle(Record, frozen=True, kw_only=True, omit_defaults=True):
    """How large a vehicle is; a dimension that is not known fits everywhere.

    Attributes
    ----------
    height_m, width_m, length_m
        Metres.
    weight_t
        Actual weight in tonnes.
    """

    height_m: Dimension | None = None
    width_m: Dimension | None = None
    weight_t: Dimension | None = None
    length_m: Dimension | None = None


class Standby(Record, frozen=True, kw_only=True):
    """Where a unit that has become free is to wait for its next call, and why there.

    ``station`` is the name of a station or base, ``point`` where it is.
    """

    station: str
    point: Point
    reasons: tuple[Reason, ...]


class UnitFields(Record, frozen=True, kw_only=True):
    """What a `Unit` and the form that is published of it (`outputs.Unit`) share.

    Attributes
    ----------
    kind
        A code of ``unit_kinds``: ``fire_engine``, ``ambulance`` …
    capabilities
        What response plans ask for.
    station
        Where it belongs.
    state
        A code of ``unit_states``; its availability class is in that table.
    position_at, status_at
        When they were so, by the sender's word.
    assignment, incident
        The active one, if any.
    standby
        Where it is to wait; not written where that is its station, so that older records stay the
        same, byte for byte.
    """

    id: str
    region: str
    kind: str
    name: str
    department: str
    capabilities: tuple[str, ...]
    station: str
    home: Point
    state: UnitState
    position: Point
    position_at: datetime | None = None
    heading_deg: float | None = None
    status_at: datetime | None = None
    assignment: str | None = None
    incident: str | None = None
    standby: Standby | msgspec.UnsetType = msgspec.UNSET


class Unit(UnitFields, frozen=True, kw_only=True):
    """A responder vehicle or patrol.

    Attributes
    ----------
    reason
        Why it is out of service.
    vehicle
        Its dimensions, by which some streets are too low, narrow or weak for it. Not written where
        the fleet says nothing, so that older records stay the same, byte for byte.
    """

    reason: AnyReason | None = None
    vehicle: Vehicle | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Read the reason from prose, where the record has that."""
        if self.reason is not None:
            read_prose(self, "reason")


class Route(Record, frozen=True, kw_only=True):
    """A way through the streets.

    ``seconds`` of travel, ``metres`` of length, ``coordinates`` (lon, lat) WGS-84 degrees,
    ``arcs`` ids of the street graph's arcs, ``streets`` their names without repeats.
    """

    seconds: float
    metres: float
    coordinates: tuple[tuple[float, float], ...]
    arcs: tuple[str, ...]
    streets: tuple[str, ...]


class Candidate(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One unit that was looked at, and what spoke for or against it.

    Attributes
    ----------
    seconds
        To the scene; None when it cannot get there or was not asked.
    reason
        Where prose of before 0.3.0 is read from; None otherwise.
    """

    unit: str
    capability: str
    seconds: float | None
    chosen: bool
    reasons: tuple[Reason, ...] = ()
    reason: str | None = None

    def __post_init__(self) -> None:
        """Read the reasons from prose, where the record has that."""
        if self.reason is not None:
            msgspec.structs.force_setattr(self, "reasons", (reason_of(self.reason),))
            msgspec.structs.force_setattr(self, "reason", None)


class Recommendation(Record, frozen=True, kw_only=True):
    """Who should go, who else could, what is short, and under which policy."""

    policy: str
    requirements: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    short: tuple[AnyShortage, ...]
    reasons: tuple[AnyReason, ...]

    def __post_init__(self) -> None:
        """Read what is short, and the reasons, from prose, where the record has that."""
        if is_prose(self.short) or is_prose(self.reasons):
            msgspec.structs.force_setattr(self, "short", tuple(map(shortage_of, self.short)))
            msgspec.structs.force_setattr(self, "reasons", tuple(map(reason_of, self.reasons)))


class AssignmentFields(Record, frozen=True, kw_only=True):
    """What an `Assignment` and the form that is published of it (`outputs.Assignment`) share.

    Attributes
    ----------
    by
        ``policy`` or the operator's name.
    eta_s
        Seconds to the scene as computed at assignment.
    route
        The way it was sent; recomputed when a closure falls on it.
    ended
        ``completed`` or ``cancelled``; None while active.
    origin
        The incident that the unit was first sent to, where it went on to another one with a merge,
        or back; None where that is ``incident``.
    diversion
        Why the core cancelled it: ``diverted`` where its unit was sent to another incident on its
        way, ``relieved`` where a nearer one takes its place. Not written otherwise, so that
        other records stay the same, byte for byte.
    """

    id: str
    incident: str
    unit: str
    capability: str
    by: str
    eta_s: float
    route: Route | None
    dispatched: datetime
    acknowledged: datetime | None = None
    en_route: datetime | None = None
    on_scene: datetime | None = None
    to_facility: datetime | None = None
    at_facility: datetime | None = None
    clear: datetime | None = None
    ended: AssignmentEnd | None = None
    origin: str | None = None
    diversion: Diversion | msgspec.UnsetType = msgspec.UNSET


class Assignment(AssignmentFields, frozen=True, kw_only=True):
    """One unit sent to one incident. Stamps are written once and never changed."""

    reasons: tuple[AnyReason, ...]

    def __post_init__(self) -> None:
        """Read the reasons from prose, where the record has that."""
        read_prose(self, "reasons")
