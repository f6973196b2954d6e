"""Pages of lists, for the gateway: each goes on behind the last row of the page before.

Rows that come meanwhile are neither repeated nor do they push others out of sight: what stands
still of a list is seen once. ``after`` is the place of a page's last row as `Found.last` gave it,
None for the first page.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import asyncpg
import msgspec

from infra.ledger.commands import Answer, answer_of
from infra.ledger.errors import NotFound
from infra.ledger.queries import EvidenceLine, IncidentLine, RecommendationLine
from infra.ledger.rows import reasons_of
from infra.ledger.statements import statement
from schemas import wire
from schemas.policy import Policy
from schemas.records import (
    Alert,
    Condition,
    Evidence,
    Incident,
    Recommendation,
    TimelineEntry,
    Unit,
)

_LATEST = 2_000
"""So many incidents are looked through for words before their index is asked."""
_NUMBER = re.compile(r".{1,64}-((?:19|20)\d{6})(?:-|$)")
"""The beginning of an incident's number: region and day."""

T = TypeVar("T")
Place = tuple[Any, ...]
"""Where a row stands in its list: a time and an id, say."""


class Found(msgspec.Struct, Generic[T], frozen=True):
    """A page; ``last`` is the place of its last row, None if no row is behind it."""

    items: tuple[T, ...]
    last: Place | None


class IncidentsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Filter of incidents; None means any.

    Attributes
    ----------
    bbox
        West, south, east, north in WGS-84 degrees.
    words
        Part of number, title or address, in any case; two characters at least.
    within
        Categories that whoever asks may see at all.
    unit
        Only incidents to which this unit is assigned now.
    """

    states: Sequence[str] | None = None
    open: bool | None = None
    severities: Sequence[str] | None = None
    categories: Sequence[str] | None = None
    since: datetime | None = None
    bbox: tuple[float, float, float, float] | None = None
    words: str | None = None
    within: Sequence[str] | None = None
    unit: str | None = None


class ConditionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A street condition of a region."""

    region: str
    condition: Condition
    ended_at: datetime | None


class PolicyLine(msgspec.Struct, frozen=True, kw_only=True):
    """The policy by which a region decides, and the journal's time there."""

    region: str
    clock: datetime | None
    policy: Policy


class DeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages of a topic could not be used for one kind of error."""

    topic: str
    error: str
    letters: int
    redriven: int
    first: datetime
    last: datetime


async def incidents(
    conn: asyncpg.Connection, wanted: IncidentsWanted, after: Place | None, limit: int
) -> Found[IncidentLine]:
    """Return a page of incidents, the latest opened first."""
    if wanted.words is None:
        rows = await _incidents(conn, wanted, after, limit)
    elif (day := _day(wanted.words)) is not None:
        # A number has the day of its opening, in some time zone.
        since = max(filter(None, (wanted.since, day - timedelta(hours=14))))
        around = msgspec.structs.replace(wanted, since=since, words=None)
        until = day + timedelta(hours=36)
        rows = await _incidents(conn, around, after, limit, until=until, number=wanted.words)
    else:
        rows = await _search(conn, wanted, after, limit)
    return found_page(rows, limit, _incident, "opened_at", "id")


async def _search(
    conn: asyncpg.Connection, wanted: IncidentsWanted, after: Place | None, limit: int
) -> list[asyncpg.Record]:
    """Look through the latest first, then ask the index of words.

    The index is slow with words that are common, and those stand among the latest. It finds all
    that match, whenever they were, so a nearer horizon would save it nothing.
    """
    horizon = await conn.fetchval(
        statement("pages.incident_horizon"), *(after or (None, None)), _LATEST
    )
    if horizon is not None and (wanted.since is None or horizon > wanted.since):
        near = msgspec.structs.replace(wanted, since=horizon)
        rows = await _incidents(conn, near, after, limit)
        if len(rows) > limit:
            return rows
    return await _incidents(conn, wanted, after, limit, pairs=wanted.words)


async def _incidents(
    conn: asyncpg.Connection,
    wanted: IncidentsWanted,
    after: Place | None,
    limit: int,
    *,
    pairs: str | None = None,
    until: datetime | None = None,
    number: str | None = None,
) -> list[asyncpg.Record]:
    """Return rows of a page and one more.

    Parameters
    ----------
    pairs
        Words to look up in their index.
    number
        The beginning of the number.
    """
    rows: list[asyncpg.Record] = await conn.fetch(
        statement("pages.incidents"),
        *(after or (None, None)),
        wanted.states,
        wanted.open,
        wanted.severities,
        wanted.categories,
        wanted.since,
        wanted.bbox,
        wanted.words,
        wanted.within,
        wanted.unit,
        limit + 1,
        pairs,
        until,
        number,
    )
    return rows


def _day(words: str) -> datetime | None:
    """Return the day of a number that the words begin, REGION-YYYYMMDD; None if they do not."""
    found = _NUMBER.match(words)
    with contextlib.suppress(ValueError):
        return None if found is None else datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC)
    return None


async def incident(
    conn: asyncpg.Connection, key: str, within: Sequence[str] | None, unit: str | None
) -> IncidentLine:
    """Return one incident by its id; raises `NotFound`, too, if it is not within what is seen."""
    row = await conn.fetchrow(statement("pages.incident"), key, within, unit)
    if row is None:
        raise NotFound("there is no such incident, or you may not see it")
    return _incident(row)


async def timeline(
    conn: asyncpg.Connection, key: str, after: Place | None, limit: int
) -> Found[TimelineEntry]:
    """Return a page of an incident's timeline, the first line first."""
    rows = await conn.fetch(statement("pages.timeline"), key, *(after or (0,)), limit + 1)
    return found_page(rows, limit, lambda row: msgspec.convert(dict(row), TimelineEntry), "seq")


async def evidence(
    conn: asyncpg.Connection, key: str, after: Place | None, limit: int
) -> Found[EvidenceLine]:
    """Return a page of an incident's evidence, in the order in which it was placed."""
    rows = await conn.fetch(statement("pages.evidence"), key, *(after or (None, None)), limit + 1)
    return found_page(rows, limit, _evidence, "place", "id")


async def recommendation(conn: asyncpg.Connection, key: str) -> RecommendationLine | None:
    """Return an incident's latest recommendation, None if there was none."""
    row = await conn.fetchrow(statement("pages.recommendation"), key)
    if row is None:
        return None
    return RecommendationLine(row["at"], wire.decode(row["record"], Recommendation))


async def units(
    conn: asyncpg.Connection,
    after: Place | None,
    limit: int,
    *,
    kinds: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
    unit: str | None = None,
    department: str | None = None,
) -> Found[Unit]:
    """Return a page of units by id."""
    rows = await conn.fetch(
        statement("pages.units"), *(after or (None,)), kinds, states, unit, department, limit + 1
    )
    return found_page(rows, limit, lambda row: _record(row, Unit), "id")


async def alerts(
    conn: asyncpg.Connection,
    after: Place | None,
    limit: int,
    *,
    active: bool | None = None,
    kinds: Sequence[str] | None = None,
    since: datetime | None = None,
    within: Sequence[str] | None = None,
    unit: str | None = None,
) -> Found[Alert]:
    """Return a page of alerts, the latest raised first; ``within`` and ``unit`` as of incidents."""
    rows = await conn.fetch(
        statement("pages.alerts"),
        *(after or (None, None)),
        active,
        kinds,
        since,
        within,
        unit,
        limit + 1,
    )
    return found_page(rows, limit, lambda row: _record(row, Alert), "raised_at", "id")


async def conditions(
    conn: asyncpg.Connection, after: Place | None, limit: int, *, active: bool | None = None
) -> Found[ConditionLine]:
    """Return a page of street conditions by region and id."""
    rows = await conn.fetch(
        statement("pages.conditions"), *(after or (None, None)), active, limit + 1
    )
    return found_page(rows, limit, _condition, "region", "id")


async def condition(conn: asyncpg.Connection, condition: str) -> ConditionLine | None:
    """Return a street condition by its id."""
    row = await conn.fetchrow(statement("pages.condition"), condition)
    return None if row is None else _condition(row)


async def commands(
    conn: asyncpg.Connection,
    after: Place | None,
    limit: int,
    *,
    operator: str | None = None,
    incident: str | None = None,
) -> Found[Answer]:
    """Return a page of answered commands, the latest first."""
    rows = await conn.fetch(
        statement("pages.commands"), *(after or (None, None)), operator, incident, limit + 1
    )
    return found_page(rows, limit, answer_of, "at", "command")


async def policies(conn: asyncpg.Connection) -> list[PolicyLine]:
    """Return the policy in force in each region."""
    return [
        PolicyLine(
            region=row["region"], clock=row["clock"], policy=wire.decode(row["policy"], Policy)
        )
        for row in await conn.fetch(statement("pages.policies"))
    ]


async def dead_letters(conn: asyncpg.Connection, since: datetime) -> list[DeadLetters]:
    """Return how many dead letters there are since then, by topic and error, most first."""
    rows = await conn.fetch(statement("pages.dead_letters"), since)
    return [DeadLetters(**row) for row in rows]


def found_page(
    rows: Sequence[asyncpg.Record], limit: int, make: Callable[[asyncpg.Record], T], *place: str
) -> Found[T]:
    """Make a page of rows, of which one more was asked for to see whether there are more."""
    shown = rows[:limit]
    last = tuple(shown[-1][name] for name in place) if len(rows) > limit else None
    return Found(tuple(make(row) for row in shown), last)


def _record(row: asyncpg.Record, kind: type[T]) -> T:
    found: T = wire.decode(row["record"], kind)
    return found


def _incident(row: asyncpg.Record) -> IncidentLine:
    return IncidentLine(wire.decode(row["record"], Incident), tuple(row["units"]))


def _evidence(row: asyncpg.Record) -> EvidenceLine:
    return EvidenceLine(
        evidence=wire.decode(row["record"], Evidence),
        placed=row["placed"],
        score=row["score"],
        reasons=tuple(row["reasons"] or ()),
        because=reasons_of(row["reasons_data"], row["reasons"]),
    )


def _condition(row: asyncpg.Record) -> ConditionLine:
    return ConditionLine(
        region=row["region"],
        condition=wire.decode(row["record"], Condition),
        ended_at=row["ended_at"],
    )
