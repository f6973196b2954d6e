"""What the gateway needs of the ledger to work something out, or to tell what became of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from infra.ledger.errors import NotFound
from infra.ledger.pages import Found, Place, found_page
from infra.ledger.statements import statement
from schemas import wire
from schemas.effects import Effect
from schemas.policy import Policy
from schemas.records import Assignment, Condition, Incident, Unit
from schemas.snapshot import Snapshot

_MOST = 500
"""Incidents that are looked at for a place: the latest noticed."""


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """A fence of a city in force; ``geometry`` is GeoJSON, WGS-84."""

    region: str
    id: str
    kind: str
    name: str
    attributes: dict[str, Any]
    geometry: msgspec.Raw


class PlacedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence, and what the core made of it; ``placed`` is None until it did.

    Everything but its id is None as long as the ledger does not have it.
    """

    evidence: str
    region: str | None
    placed: str | None
    score: float | None
    incident: str | None
    number: str | None


class Nearby(NamedTuple):
    """Incidents to which something may belong.

    Attributes
    ----------
    incidents
        By region, records that are not yet decoded.
    apart
        By id, those of them that an operator keeps apart.
    """

    incidents: dict[str, list[bytes]]
    apart: dict[str, list[str]]


async def near(
    conn: asyncpg.Connection,
    box: tuple[float, float, float, float],
    *,
    noticed: datetime,
    closed: datetime,
    vague_m: float,
    regions: Sequence[str],
) -> Nearby:
    """Return open incidents in a box, and those closed lately.

    Parameters
    ----------
    box
        West, south, east, north in degrees. Open ones are returned from elsewhere, too, if nobody
        knows within ``vague_m`` where they are.
    noticed, closed
        Open ones noticed since then, others closed since then.
    """
    rows = await conn.fetch(
        statement("advice.near"), *box, noticed, vague_m, closed, list(regions), _MOST
    )
    found = Nearby({}, {})
    for row in rows:
        found.incidents.setdefault(row["region"], []).append(row["record"])
    for row in await conn.fetch(statement("advice.apart"), [row["id"] for row in rows]):
        for one, other in (tuple(row), tuple(row)[::-1]):
            found.apart.setdefault(one, []).append(other)
    return found


async def conditions(conn: asyncpg.Connection) -> dict[str, list[Condition]]:
    """Return the street conditions that have not ended, by region."""
    found: dict[str, list[Condition]] = {}
    for row in await conn.fetch(statement("advice.conditions")):
        found.setdefault(row["region"], []).append(wire.decode(row["record"], Condition))
    return found


async def dispatch_view(conn: asyncpg.Connection, incident: str, region: str) -> Snapshot:
    """Return what a core needs to know to send units to an incident: its units, streets, policy."""
    row = await conn.fetchrow(statement("advice.region"), region)
    if row is None:
        raise NotFound(f"there is no region {region!r}")
    incidents = await conn.fetch(statement("advice.busy_with"), incident, region)
    units = await conn.fetch(statement("advice.units"), region)
    sent = await conn.fetch(statement("advice.sent"), incident)
    streets = await conn.fetch(statement("advice.conditions_of"), region)
    return Snapshot(
        region=region,
        clock=row["clock"],
        policy=None if row["policy"] is None else wire.decode(row["policy"], Policy),
        city=row["city"],
        incidents=tuple(wire.decode(one["record"], Incident) for one in incidents),
        units=tuple(wire.decode(one["record"], Unit) for one in units),
        assignments=tuple(wire.decode(one["record"], Assignment) for one in sent),
        conditions=tuple(wire.decode(one["record"], Condition) for one in streets),
    )


async def placed(conn: asyncpg.Connection, evidence: str) -> PlacedEvidence | None:
    """Return what became of evidence, None if it is not there yet."""
    row = await conn.fetchrow(statement("advice.placed"), evidence)
    if row is None:
        return None
    return PlacedEvidence(
        evidence=evidence,
        region=row["region"],
        placed=row["placed"],
        score=row["score"],
        incident=row["id"],
        number=row["number"],
    )


async def effects_of(conn: asyncpg.Connection, entry: str) -> tuple[Effect, ...] | None:
    """Return what followed from a journal entry, None if it is not applied yet."""
    row = await conn.fetchrow(statement("advice.effects"), entry)
    return None if row is None else wire.decode(row["effects"], tuple[Effect, ...])


async def fences(
    conn: asyncpg.Connection,
    after: Place | None,
    limit: int,
    *,
    kinds: Sequence[str] | None,
    bbox: tuple[float, float, float, float] | None,
) -> Found[Fence]:
    """Return a page of the fences of the cities in force, by region and id."""
    rows = await conn.fetch(
        statement("advice.fences"), *(after or (None, None)), kinds, bbox, limit + 1
    )
    return found_page(rows, limit, _fence, "region", "id")


def _fence(row: asyncpg.Record) -> Fence:
    return Fence(
        region=row["region"],
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        attributes=row["attributes"],
        geometry=msgspec.Raw(row["geometry"].encode()),
    )
