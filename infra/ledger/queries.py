"""What the command line reads."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg
import msgspec

from infra.ledger.errors import Ambiguous, NotFound
from infra.ledger.outbox import Headers, unpack_headers
from infra.ledger.statements import statement
from schemas import wire
from schemas.effects import Linked
from schemas.policy import Policy
from schemas.records import (
    Alert,
    Assignment,
    Evidence,
    Incident,
    Recommendation,
    TimelineEntry,
    Unit,
)


class IncidentFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents to list; None asks nothing."""

    states: Sequence[str] | None = None
    open: bool | None = None
    severities: Sequence[str] | None = None
    categories: Sequence[str] | None = None
    since: datetime | None = None
    limit: int = 50


class IncidentLine(msgspec.Struct, frozen=True):
    """An incident, and the units on it now."""

    incident: Incident
    units: tuple[str, ...]


class EvidenceLine(msgspec.Struct, frozen=True):
    """A piece of evidence, where it was placed and why."""

    evidence: Evidence
    placed: str | None
    score: float | None
    reasons: tuple[str, ...]


class RecommendationLine(msgspec.Struct, frozen=True):
    """What was recommended, and when."""

    at: datetime
    recommendation: Recommendation


class IncidentWhole(msgspec.Struct, frozen=True):
    """All that the ledger has of an incident."""

    incident: Incident
    timeline: tuple[TimelineEntry, ...]
    assignments: tuple[Assignment, ...]
    evidence: tuple[EvidenceLine, ...]
    alerts: tuple[Alert, ...]
    recommendations: tuple[RecommendationLine, ...]
    links: tuple[Linked, ...]


class RegionLine(msgspec.Struct, frozen=True):
    """How far a region's core is."""

    region: str
    clock: datetime | None
    applied_offset: int
    policy_version: str | None
    city: str | None


class Status(msgspec.Struct, frozen=True):
    """Counts of what is in the ledger and what waits.

    ``consumed`` has messages dealt with by ``group/topic``; ``dead_letters`` those not
    redriven, by error and reason; ``counts`` the rest by name.
    """

    regions: tuple[RegionLine, ...]
    incidents: dict[str, int]
    units: dict[str, int]
    consumed: dict[str, int]
    outbox: dict[str, int]
    dead_letters: dict[str, int]
    counts: dict[str, int]


class Refusal(msgspec.Struct, frozen=True):
    """A unit's stamp that was not applied, when by the journal's clock, and why."""

    unit: str
    status: str
    at: datetime
    by: str
    reason: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command: ``accepted``, ``refused`` or ``tried``, and why.

    ``changes`` says in sentences what one that was only tried would change.
    """

    command: str
    incident: str
    operator: str
    outcome: str
    reason: str
    version: int | None
    at: datetime
    changes: tuple[str, ...] = ()


class DeadLetterRow(msgspec.Struct, frozen=True):
    """A dead letter as it is kept; fields as in ``intake.DeadLetter``."""

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
    """Return incidents, the latest opened first."""
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
        Its id, its number, the running count that ends the number, or a beginning of id or
        number that no other incident has.

    Raises
    ------
    NotFound, Ambiguous
        If there is none, or more than one.
    """
    rows = await conn.fetch(statement("queries.find"), key) if key else []
    if not rows:
        raise NotFound(f"no incident is {key!r}: `jingwei incidents list` shows ids and numbers")
    if len(rows) > 1 and key not in (rows[0]["id"], rows[0]["number"]):
        some = ", ".join(row["number"] for row in rows[:5])
        raise Ambiguous(f"{key!r} could be {some}{' …' if len(rows) > 5 else ''}: give more of it")  # noqa: PLR2004
    return str(rows[0]["id"])


async def find_evidence(conn: asyncpg.Connection, incident: str, key: str) -> str:
    """Return the id of evidence of an incident.

    Parameters
    ----------
    key
        Its id or a beginning of it, or the id of its report or datastream.

    Raises
    ------
    NotFound, Ambiguous
        If the incident has none such, or more than one.
    """
    rows = await conn.fetch(statement("queries.find_evidence"), incident, key) if key else []
    if not rows:
        raise NotFound(f"the incident has no evidence {key!r}: `jingwei incidents show` lists it")
    if len(rows) > 1 and key != rows[0]["id"]:
        some = ", ".join(row["id"] for row in rows[:5])
        raise Ambiguous(f"{key!r} could be {some}: give more of the id")
    return str(rows[0]["id"])


EVIDENCE_PAGE = 500
"""So many pieces of evidence are read at once."""


async def show_incident(conn: asyncpg.Connection, incident: str, *, page: int = 0) -> IncidentWhole:
    """Return what the ledger has of the incident with this id; raises `NotFound`.

    Of its evidence, that of the incidents merged into it included, one page of `EVIDENCE_PAGE`,
    in the order in which it came; ``incident.evidence_count`` says how much there is.
    """
    record = await conn.fetchval(statement("queries.incident"), incident)
    if record is None:
        raise NotFound(f"no incident has the id {incident!r}")

    async def rows(name: str, *more: int) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await conn.fetch(
            statement(f"queries.{name}"), incident, *more
        )
        return found

    return IncidentWhole(
        incident=wire.decode(record, Incident),
        timeline=tuple(msgspec.convert(dict(row), TimelineEntry) for row in await rows("timeline")),
        assignments=tuple(
            wire.decode(row["record"], Assignment) for row in await rows("assignments")
        ),
        evidence=tuple(
            EvidenceLine(
                evidence=wire.decode(row["record"], Evidence),
                placed=row["placed"],
                score=row["score"],
                reasons=tuple(row["reasons"] or ()),
            )
            for row in await rows("evidence", EVIDENCE_PAGE, page * EVIDENCE_PAGE)
        ),
        alerts=tuple(wire.decode(row["record"], Alert) for row in await rows("alerts")),
        recommendations=tuple(
            RecommendationLine(row["at"], wire.decode(row["record"], Recommendation))
            for row in await rows("recommendations")
        ),
        links=tuple(Linked(**dict(row)) for row in await rows("links")),
    )


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
    return [Refusal(**dict(row)) for row in rows]


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


async def command_outcome(conn: asyncpg.Connection, command: str) -> Outcome | None:
    """Return what became of a command, None while the core has not answered."""
    row = await conn.fetchrow(statement("queries.command"), command)
    return None if row is None else msgspec.convert(dict(row), Outcome)


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


def _dead_letter(row: asyncpg.Record) -> DeadLetterRow:
    return DeadLetterRow(**(dict(row) | {"headers": unpack_headers(row["headers"])}))
