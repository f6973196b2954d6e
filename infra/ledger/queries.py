"""Queries of the command line."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from infra.ledger.errors import Ambiguous, NotFound
from infra.ledger.outbox import Headers, unpack_headers
from infra.ledger.rows import reasons_of
from infra.ledger.statements import statement
from schemas import wire
from schemas.effects import Linked
from schemas.policy import Policy
from schemas.records import (
    Alert,
    Assignment,
    Evidence,
    Incident,
    Opinion,
    Reason,
    Recommendation,
    TimelineEntry,
    Unit,
)


class IncidentFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Filter of a list of incidents; None means any."""

    states: Sequence[str] | None = None
    open: bool | None = None
    severities: Sequence[str] | None = None
    categories: Sequence[str] | None = None
    since: datetime | None = None
    limit: int = 50


class IncidentLine(msgspec.Struct, frozen=True):
    """An incident and its present units."""

    incident: Incident
    units: tuple[str, ...]


class EvidenceLine(msgspec.Struct, frozen=True):
    """A piece of evidence, where it was placed, and why.

    ``reasons`` say in English what ``because`` has as data. ``opinion`` is the second reader's.
    """

    evidence: Evidence
    placed: str | None
    score: float | None
    reasons: tuple[str, ...]
    because: tuple[Reason, ...]
    opinion: Opinion | None = None


class RecommendationLine(msgspec.Struct, frozen=True):
    """A recommendation and its time."""

    at: datetime
    recommendation: Recommendation


class IncidentWhole(msgspec.Struct, frozen=True):
    """Everything that the ledger has about an incident.

    Attributes
    ----------
    numbers
        The numbers of the other incidents that it names, by their ids.
    unit_names
        The names of the units that it names, by their ids.
    """

    incident: Incident
    timeline: tuple[TimelineEntry, ...]
    assignments: tuple[Assignment, ...]
    evidence: tuple[EvidenceLine, ...]
    alerts: tuple[Alert, ...]
    recommendations: tuple[RecommendationLine, ...]
    links: tuple[Linked, ...]
    numbers: dict[str, str]
    unit_names: dict[str, str]


class RegionLine(msgspec.Struct, frozen=True):
    """Progress of a region's core."""

    region: str
    clock: datetime | None
    applied_offset: int
    policy_version: str | None
    city: str | None


class Status(msgspec.Struct, frozen=True):
    """Counts of rows in the ledger and of waiting work.

    ``consumed`` has processed messages by ``group/topic``; ``dead_letters`` those not redriven, by
    error and reason; ``counts`` all others by name.
    """

    regions: tuple[RegionLine, ...]
    incidents: dict[str, int]
    units: dict[str, int]
    consumed: dict[str, int]
    outbox: dict[str, int]
    dead_letters: dict[str, int]
    counts: dict[str, int]


class Refusal(msgspec.Struct, frozen=True):
    """A refused stamp of a unit, its time by the journal's clock, and the reason.

    ``reason`` says in English what ``said`` has as data.
    """

    unit: str
    status: str
    at: datetime
    by: str
    reason: str
    said: Reason


class DeadLetterRow(msgspec.Struct, frozen=True):
    """A stored dead letter; fields as in ``intake.DeadLetter``."""

    id: int
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    reason: str
    error: str
    agent: str
    at: datetime
    redriven_at: datetime | None


async def list_incidents(
    conn: asyncpg.Connection, wanted: IncidentFilter | None = None
) -> list[IncidentLine]:
    """Return incidents: open ones that nobody has read, then the latest opened first."""
    wanted = wanted or IncidentFilter()
    rows = await conn.fetch(
        statement("queries.incidents"),
        _list(wanted.states),
        wanted.open,
        _list(wanted.severities),
        _list(wanted.categories),
        wanted.since,
        wanted.limit,
    )
    return [IncidentLine(wire.decode(row["record"], Incident), tuple(row["units"])) for row in rows]


async def find_incident(conn: asyncpg.Connection, key: str) -> str:
    """Return the id of an incident.

    Parameters
    ----------
    key
        Its id, its number, the running count at the end of the number, or a unique prefix of id
        or number.

    Raises
    ------
    NotFound, Ambiguous
        There is none, or more than one.
    """
    rows = await conn.fetch(statement("queries.find"), key) if key else []
    if not rows:
        raise NotFound(f"there is no incident {key!r}: `jingwei incidents list` shows all numbers")
    if len(rows) > 1 and key not in (rows[0]["id"], rows[0]["number"]):
        some = ", ".join(row["number"] for row in rows[:5])
        raise Ambiguous(f"{key!r} could be {some}{' …' if len(rows) > 5 else ''}: give more of it")  # noqa: PLR2004
    return str(rows[0]["id"])


async def get_incident(conn: asyncpg.Connection, incident: str) -> Incident:
    """Return the record of the incident with this id; raises `NotFound`."""
    record = await conn.fetchval(statement("queries.incident"), incident)
    if record is None:
        raise NotFound(f"no incident has the id {incident!r}")
    found: Incident = wire.decode(record, Incident)
    return found


async def find_unit(conn: asyncpg.Connection, region: str, key: str) -> str:
    """Return the id of a unit of a region.

    Parameters
    ----------
    key
        Its id, its id without the region before it, or its name. Never a part of one: a slip
        must not send another unit.

    Raises
    ------
    NotFound, Ambiguous
        If there is none, or several have that name.
    """
    rows = await conn.fetch(statement("queries.find_unit"), region, key) if key else []
    if not rows:
        raise NotFound(f"no unit of {region} is {key!r}: `jingwei units list` shows ids and names")
    if len(rows) > 1 and key != rows[0]["id"]:
        some = ", ".join(row["id"] for row in rows[:5])
        raise Ambiguous(f"{key!r} is the name of {some}: give the id")
    return str(rows[0]["id"])


async def find_evidence(conn: asyncpg.Connection, incident: str, key: str) -> str:
    """Return the id of evidence of an incident.

    Parameters
    ----------
    key
        Its id or a prefix of it, or the id of its report or datastream.

    Raises
    ------
    NotFound, Ambiguous
        The incident has no such evidence, or more than one.
    """
    rows = await conn.fetch(statement("queries.find_evidence"), incident, key) if key else []
    if not rows:
        raise NotFound(f"the incident has no evidence {key!r}: `jingwei incidents show` lists it")
    if len(rows) > 1 and key != rows[0]["id"]:
        some = ", ".join(row["id"] for row in rows[:5])
        raise Ambiguous(f"{key!r} could be {some}: give more of the id")
    return str(rows[0]["id"])


EVIDENCE_PAGE = 500
"""This many pieces of evidence are read at once."""


async def show_incident(conn: asyncpg.Connection, incident: str, *, page: int = 0) -> IncidentWhole:
    """Return everything about the incident with this id; raises `NotFound`.

    Evidence, including that of incidents merged into it, comes as one page of `EVIDENCE_PAGE`, in
    order of arrival; ``incident.evidence_count`` is the total.
    """
    record = await get_incident(conn, incident)

    async def rows(name: str, *more: int) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await conn.fetch(
            statement(f"queries.{name}"), incident, *more
        )
        return found

    assignments = await assignments_of(conn, incident)
    recommendations = [
        RecommendationLine(row["at"], wire.decode(row["record"], Recommendation))
        for row in await rows("recommendations")
    ]
    links = [Linked(**dict(row)) for row in await rows("links")]
    others = {record.possible_duplicate_of, record.merged_into}
    others.update(one for link in links for one in (link.incident, link.other))
    units = {assignment.unit for assignment in assignments}
    units.update(c.unit for line in recommendations for c in line.recommendation.candidates)
    return IncidentWhole(
        incident=record,
        timeline=tuple(msgspec.convert(dict(row), TimelineEntry) for row in await rows("timeline")),
        assignments=tuple(assignments),
        evidence=tuple(
            EvidenceLine(
                evidence=wire.decode(row["record"], Evidence),
                placed=row["placed"],
                score=row["score"],
                reasons=tuple(row["reasons"] or ()),
                because=reasons_of(row["reasons_data"], row["reasons"]),
                opinion=row["opinion"] and wire.decode(row["opinion"], Opinion),
            )
            for row in await rows("evidence", EVIDENCE_PAGE, page * EVIDENCE_PAGE)
        ),
        alerts=tuple(wire.decode(row["record"], Alert) for row in await rows("alerts")),
        recommendations=tuple(recommendations),
        links=tuple(links),
        numbers=await incident_numbers(conn, others),
        unit_names=await _pairs(conn, "unit_names", units),
    )


async def assignments_of(conn: asyncpg.Connection, incident: str) -> list[Assignment]:
    """Return the assignments to the incident with this id, in order of their dispatch."""
    rows = await conn.fetch(statement("queries.assignments"), incident)
    return [wire.decode(row["record"], Assignment) for row in rows]


async def incident_numbers(
    conn: asyncpg.Connection, incidents: Iterable[str | None]
) -> dict[str, str]:
    """Return the numbers of incidents by their ids; None is passed over."""
    return await _pairs(conn, "numbers", incidents)


async def list_units(conn: asyncpg.Connection) -> list[Unit]:
    """Return all units in order of their ids."""
    return [
        wire.decode(row["record"], Unit) for row in await conn.fetch(statement("queries.units"))
    ]


async def list_refusals(
    conn: asyncpg.Connection, unit: str | None = None, limit: int = 100
) -> list[Refusal]:
    """Return stamps that were refused, of one unit or of all, the latest refused first."""
    rows = await conn.fetch(statement("queries.refusals"), unit, limit)
    return [_refusal(dict(row)) for row in rows]


def _refusal(row: dict[str, Any]) -> Refusal:
    data = row.pop("reason_data")
    (why,) = reasons_of(None if data is None else [data], [row["reason"]])
    return Refusal(**row, said=why)


async def utc_offsets(conn: asyncpg.Connection) -> list[int]:
    """Return the offsets from UTC, in minutes, that the regions' policies name."""
    rows = await conn.fetch(statement("queries.policies"))
    return sorted({wire.decode(row["policy"], Policy).utc_offset_minutes for row in rows})


async def status(conn: asyncpg.Connection) -> Status:
    """Return counts of what is in the ledger and what waits."""
    consumed = await conn.fetch(statement("queries.consumed"))
    counts = await conn.fetchrow(statement("queries.counts"))
    return Status(
        regions=tuple(
            RegionLine(**dict(row)) for row in await conn.fetch(statement("queries.regions"))
        ),
        incidents=await _count(conn, "incidents_by_state"),
        units=await _count(conn, "units_by_state"),
        consumed={f"{row['consumer_group']}/{row['topic']}": row["messages"] for row in consumed},
        outbox=await _count(conn, "outbox_by_lane"),
        dead_letters=await _count(conn, "dead_letters_by_reason", None),
        counts=dict(counts),
    )


async def dead_letters_by_error(
    conn: asyncpg.Connection, since: datetime | None = None
) -> dict[str, int]:
    """Return how many dead letters there are by class of error, redriven ones included."""
    return await _count(conn, "dead_letters_by_error", since)


async def list_dead_letters(
    conn: asyncpg.Connection,
    topic: str | None = None,
    reason: str | None = None,
    limit: int = 100,
    *,
    redriven: bool = False,
) -> list[DeadLetterRow]:
    """Return dead letters, the latest first.

    ``reason`` is any part of the error's class or sentence; ``redriven`` includes those that
    have been sent again.
    """
    rows = await conn.fetch(statement("queries.dead_letters"), topic, reason, redriven, limit)
    return [_dead_letter(row) for row in rows]


async def get_dead_letter(conn: asyncpg.Connection, letter: int) -> DeadLetterRow:
    """Return a dead letter by its id; raises `NotFound`."""
    row = await conn.fetchrow(statement("queries.dead_letter"), letter)
    if row is None:
        raise NotFound(f"no dead letter has the id {letter}: `jingwei dlq list` shows them")
    return _dead_letter(row)


async def mark_redriven(conn: asyncpg.Connection, letters: Iterable[int]) -> None:
    """Note that these dead letters have been sent again."""
    await conn.execute(statement("queries.mark_redriven"), list(letters))


async def report_to_assignment_ms(
    conn: asyncpg.Connection, since: datetime | None = None
) -> list[float]:
    """Return how long incidents waited for their first unit, in milliseconds, sorted.

    From the arrival of the evidence that opened an incident on its input topic to the moment
    the ledger had its first assignment, for incidents whose first assignment was the policy's.
    """
    rows = await conn.fetch(statement("queries.report_to_assignment"), since)
    return [row["ms"] for row in rows]


async def summary(conn: asyncpg.Connection, since: datetime | None = None) -> dict[str, int]:
    """Return counts of ``evidence``, ``incidents``, ``dispatched`` incidents, ``assignments``.

    ``since`` counts what the ledger recorded from then on.
    """
    return dict(await conn.fetchrow(statement("queries.summary"), since))


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


async def _count(conn: asyncpg.Connection, name: str, *arguments: object) -> dict[str, int]:
    return {row[0]: row[1] for row in await conn.fetch(statement(f"queries.{name}"), *arguments)}


async def _pairs(conn: asyncpg.Connection, name: str, ids: Iterable[str | None]) -> dict[str, str]:
    """Return what people call the rows with these ids."""
    wanted = sorted({one for one in ids if one is not None})
    rows = await conn.fetch(statement(f"queries.{name}"), wanted) if wanted else []
    return {row[0]: row[1] for row in rows}


def _dead_letter(row: asyncpg.Record) -> DeadLetterRow:
    return DeadLetterRow(**(dict(row) | {"headers": unpack_headers(row["headers"])}))
