"""What one run of a city left in the ledger: rows to score, to count and to check."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import asyncpg

from infra.ledger.statements import statement

Part = tuple[str, int]
"""Topic and partition."""


class EvidenceFact(NamedTuple):
    """A piece of evidence and the incident it stands in."""

    source: str
    source_id: str
    incident_id: str | None
    placed: str
    observed_at: datetime
    received_at: datetime


class IncidentFact(NamedTuple):
    """An incident; ``dispatched_at`` is that of its first assignment."""

    id: str
    category: str
    state: str
    opened_at: datetime
    merged_into: str | None
    dispatched_at: datetime | None
    severity: str


class Opening(NamedTuple):
    """How an incident began.

    Attributes
    ----------
    received_at
        Kafka's timestamp of the message that opened it.
    at_once
        The policy assigned a unit in the same journal entry that opened it.
    recorded_at
        When the ledger wrote its first assignment.
    """

    incident: str
    received_at: datetime
    at_once: bool
    recorded_at: datetime | None
    assignments: int


async def evidence(conn: asyncpg.Connection, region: str, since: datetime) -> list[EvidenceFact]:
    """Return a region's evidence that came in from ``since`` on."""
    return [
        EvidenceFact(*row) for row in await conn.fetch(statement("run.evidence"), region, since)
    ]


async def incidents(conn: asyncpg.Connection, region: str, since: datetime) -> list[IncidentFact]:
    """Return a region's incidents opened from ``since`` on."""
    rows = await conn.fetch(statement("run.incidents"), region, since)
    return [IncidentFact(*row) for row in rows]


async def openings(conn: asyncpg.Connection, region: str, since: datetime) -> list[Opening]:
    """Return how a region's incidents opened from ``since`` on began."""
    return [Opening(*row) for row in await conn.fetch(statement("run.openings"), region, since)]


async def consumed(conn: asyncpg.Connection, group: str) -> dict[Part, int]:
    """Return the next offset of each partition that a group has read of."""
    rows = await conn.fetch(statement("run.consumed"), group)
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def stored_reports(conn: asyncpg.Connection, topic: str) -> set[tuple[str, int, int]]:
    """Return topic, partition and offset of the messages that are evidence or dead letters."""
    return {tuple(row) for row in await conn.fetch(statement("run.stored_reports"), topic)}


async def known_reports(conn: asyncpg.Connection, region: str) -> set[str]:
    """Return the ids of the reports that are evidence."""
    rows = await conn.fetch(statement("run.known_reports"), region)
    return {row["source_id"] for row in rows}


async def waiting(conn: asyncpg.Connection) -> int:
    """Return how many messages the outbox has not sent yet."""
    return int(await conn.fetchval(statement("run.waiting")))


async def present(conn: asyncpg.Connection, region: str, since: datetime) -> int:
    """Return how many units have stamped available from ``since`` on and are free."""
    return int(await conn.fetchval(statement("run.present"), region, since))


async def dead_letters(conn: asyncpg.Connection, first: Mapping[Part, int]) -> dict[str, int]:
    """Return how many dead letters lie at or beyond these offsets, by class of error."""
    topics, partitions = [part[0] for part in first], [part[1] for part in first]
    rows = await conn.fetch(statement("run.dead_letters"), topics, partitions, list(first.values()))
    return {row["error"]: row["letters"] for row in rows}
