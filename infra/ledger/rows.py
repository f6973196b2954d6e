"""Records as rows: the arguments of the statements that write them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import shapely

from schemas import codes, wire, words
from schemas.records import (
    Alert,
    Assignment,
    Condition,
    Evidence,
    Incident,
    Merger,
    Opinion,
    Point,
    Reason,
    Unit,
)

Row = tuple[Any, ...]

_SRID = 4326
_SHORTEST_LINE = 2


def plain(text: str) -> str:
    """Return ``text`` as a text column can hold it; the record beside it keeps it as it is."""
    return text.replace("\x00", "\ufffd")


def plain_or_none(text: str | None) -> str | None:
    """Return what `plain` does, None for None."""
    return None if text is None else plain(text)


def plains(texts: tuple[str, ...]) -> list[str]:
    """Return what `plain` does for each."""
    return [plain(text) for text in texts]


def array(texts: Iterable[str]) -> str:
    r"""Return texts as PostgreSQL writes an array; ``unnest`` would flatten arrays of arrays.

    >>> print(array(["smoke", 'it says "gas"']))
    {"smoke","it says \"gas\""}
    """
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


def columns(rows: Sequence[Row]) -> Iterator[Row]:
    """Return rows as columns: what a statement over ``unnest`` takes, all of a table at once."""
    return zip(*rows, strict=True)


def reasons_of(data: list[Any] | None, prose: Iterable[str] | None = ()) -> tuple[Reason, ...]:
    """Return reasons from a jsonb column, or from the prose where the column has none."""
    if data is None:
        return words.each_said(prose or ())
    return msgspec.convert(data, tuple[Reason, ...])


def line_ewkb(coordinates: tuple[tuple[float, float], ...]) -> bytes | None:
    """Return a line as EWKB in EPSG:4326, None if it has fewer than two points."""
    if len(coordinates) < _SHORTEST_LINE:
        return None
    line = shapely.set_srid(shapely.linestrings(coordinates), _SRID)
    ewkb: bytes = shapely.to_wkb(line, include_srid=True, byte_order=1)
    return ewkb


def _lon_lat_accuracy(point: Point | None) -> Row:
    return (None, None, None) if point is None else (point.lon, point.lat, point.accuracy_m)


def is_open(state: str) -> bool:
    """Return whether somebody may still have to act in this state; an unknown one is open."""
    row = codes.incident_states().get(state)
    return row is None or row.open


def incident_row(incident: Incident) -> Row:
    """Return the arguments of ``effects.incident``."""
    where = incident.where
    return (
        incident.id,
        incident.region,
        incident.number,
        incident.version,
        incident.category,
        incident.severity,
        incident.confidence,
        incident.state,
        is_open(incident.state),
        plain(incident.title),
        *_lon_lat_accuracy(incident.point),
        where.district,
        where.subdistrict,
        where.beat,
        array(where.hazard_zones),
        plain_or_none(where.address),
        incident.opened_at,
        incident.updated_at,
        incident.noticed_at,
        incident.acknowledged_at,
        plain_or_none(incident.acknowledged_by),
        incident.resourced_at,
        incident.reopened_at,
        incident.closed_at,
        incident.disposition,
        incident.possible_duplicate_of,
        incident.merged_into,
        incident.short,
        array(incident.evidence),
        incident.evidence_count,
        wire.encode(incident),
    )


def opinion_row(
    region: str, opinion: Opinion, did: tuple[str, ...], at: datetime, offset: int
) -> Row:
    """Return the row of ``opinion``, taken at a time and journal offset."""
    return (
        opinion.evidence,
        region,
        at,
        offset,
        opinion.category,
        opinion.severity,
        opinion.confidence,
        opinion.danger,
        opinion.harmless,
        opinion.model,
        opinion.digest,
        array(did),
        wire.encode(opinion),
    )


def merger_row(region: str, merger: Merger) -> Row:
    """Return the arguments of ``effects.merge``."""
    return (
        merger.id,
        region,
        merger.incident,
        merger.into,
        merger.at,
        plain(merger.by),
        merger.undone_at,
        wire.encode(merger),
    )


def unit_row(unit: Unit) -> Row:
    """Return the arguments of ``effects.unit``."""
    return (
        unit.id,
        unit.region,
        unit.kind,
        plain(unit.name),
        unit.department,
        array(unit.capabilities),
        plain(unit.station),
        unit.home.lon,
        unit.home.lat,
        unit.state,
        unit.position.lon,
        unit.position.lat,
        unit.position_at,
        unit.heading_deg,
        unit.status_at,
        unit.assignment,
        unit.incident,
        None if unit.reason is None else plain(words.render(unit.reason)),
        wire.encode(unit),
    )


def assignment_row(region: str, assignment: Assignment) -> Row:
    """Return the arguments of ``effects.assignment``."""
    route = assignment.route
    return (
        assignment.id,
        region,
        assignment.incident,
        assignment.unit,
        assignment.capability,
        plain(assignment.by),
        assignment.eta_s,
        array(plains(words.each(assignment.reasons))),
        None if route is None else line_ewkb(route.coordinates),
        None if route is None else route.metres,
        None if route is None else route.seconds,
        None if route is None else array(plains(route.streets)),
        assignment.dispatched,
        assignment.acknowledged,
        assignment.en_route,
        assignment.on_scene,
        assignment.to_facility,
        assignment.at_facility,
        assignment.clear,
        assignment.ended,
        wire.encode(assignment),
    )


def alert_row(region: str, alert: Alert) -> Row:
    """Return the arguments of ``effects.alert``."""
    return (
        alert.id,
        region,
        alert.incident,
        alert.kind,
        alert.priority,
        plain(words.render(alert.said)),
        alert.raised_at,
        alert.ended_at,
        plain(words.render(alert.ended)) if alert.ended else None,
        wire.encode(alert),
    )


def condition_row(region: str, condition: Condition) -> Row:
    """Return the arguments of ``effects.condition``, without when it ended."""
    return (
        region,
        condition.id,
        condition.kind,
        array(condition.segments),
        condition.speed_factor,
        condition.lanes_closed,
        condition.depth_m,
        condition.valid_from,
        condition.valid_until,
        plain(condition.reason),
        wire.encode(condition),
    )


def evidence_row(region: str, evidence: Evidence) -> Row:
    """Return the arguments of ``intake.evidence``, without topic, partition and offset."""
    where = evidence.where
    return (
        evidence.id,
        region,
        evidence.source,
        plain(evidence.source_id),
        evidence.phase,
        evidence.category,
        evidence.severity,
        evidence.confidence,
        *_lon_lat_accuracy(evidence.point),
        where.district,
        where.subdistrict,
        where.beat,
        array(where.hazard_zones),
        plain_or_none(where.address),
        evidence.observed_at,
        evidence.received_at,
        plain(evidence.text),
        array(plains(words.each(evidence.reasons))),
        plain_or_none(evidence.reporter),
        wire.encode(evidence),
    )
