"""Tracks of units and their assignments, from which street speeds are learnt."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from infra.ledger.statements import statement
from schemas.intake import Fix


class TrackedUnit(msgspec.Struct, frozen=True):
    """A unit with positions: their number, and the times of the first and the last."""

    unit: str
    fixes: int
    first: datetime
    last: datetime


class Duty(msgspec.Struct, frozen=True):
    """The stamps of an assignment that matter for a unit's drives; None if not stamped yet."""

    dispatched: datetime
    on_scene: datetime | None
    to_facility: datetime | None
    clear: datetime | None


async def tracked_units(
    conn: asyncpg.Connection,
    units: Sequence[str],
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[TrackedUnit]:
    """Return the units that have positions from ``since`` until before ``until``."""
    rows = await conn.fetch(statement("tracks.units"), list(units), since, until)
    return [TrackedUnit(**row) for row in rows]


async def unit_fixes(
    conn: asyncpg.Connection, unit: str, since: datetime, until: datetime
) -> list[Fix]:
    """Return a unit's positions from ``since`` until before ``until``, in order of time."""
    rows = await conn.fetch(statement("tracks.fixes"), unit, since, until)
    return [Fix(unit, **row) for row in rows]


async def next_fix(
    conn: asyncpg.Connection, unit: str, since: datetime, until: datetime
) -> datetime | None:
    """Return the time of a unit's first position from ``since`` until before ``until``."""
    at: datetime | None = await conn.fetchval(statement("tracks.next"), unit, since, until)
    return at


async def unit_duties(
    conn: asyncpg.Connection, unit: str, since: datetime, until: datetime
) -> list[Duty]:
    """Return a unit's assignments in a period, in order of dispatch."""
    rows = await conn.fetch(statement("tracks.duties"), unit, since, until)
    return [Duty(**row) for row in rows]
