"""All that was open at an earlier time, out of what the core decided then.

The ledger has every effect of every journal entry (``applied``), with whole records. So nothing is
worked out anew: an incident is as the entry left it that wrote the last line of its timeline, a
unit as the last entry left it that changed it.
"""

from collections.abc import Iterable
from datetime import datetime

import asyncpg
import msgspec

from infra.ledger.statements import statement
from schemas import codes, wire
from schemas.effects import Effect, IncidentWritten, UnitWritten
from schemas.records import Alert, Assignment, Incident, Unit

_BLOCK = 2_000
_MOST_ENTRIES = 20_000
"""So many entries are looked through for units; one that none of them changed is not known."""
_STAMPS = ("acknowledged", "en_route", "on_scene", "to_facility", "at_facility", "clear")


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """Open incidents, active assignments and alerts, and units, as they were.

    Attributes
    ----------
    unknown
        Ids of units of which it cannot be said cheaply where they were.
    """

    at: datetime
    incidents: tuple[Incident, ...]
    assignments: tuple[Assignment, ...]
    alerts: tuple[Alert, ...]
    units: tuple[Unit, ...]
    unknown: tuple[str, ...]


async def past(conn: asyncpg.Connection, at: datetime) -> Past:
    """Return how it was; call it inside ``reading``, so that it is of one ledger."""
    incidents = await _incidents(conn, at)
    ids = [one.id for one in incidents]
    raised = await conn.fetch(statement("past.alerts"), at, ids)
    units, unknown = await _units(conn, at)
    named = [unit.assignment for unit in units if unit.assignment is not None]
    sent = await conn.fetch(statement("past.assignments"), at, named, unknown, ids)
    return Past(
        at=at,
        incidents=tuple(incidents),
        assignments=tuple(_then(wire.decode(row["record"], Assignment), at) for row in sent),
        alerts=tuple(
            msgspec.structs.replace(
                wire.decode(row["record"], Alert), ended_at=None, ended=msgspec.UNSET
            )
            for row in raised
        ),
        units=tuple(units),
        unknown=tuple(unknown),
    )


async def _incidents(conn: asyncpg.Connection, at: datetime) -> list[Incident]:
    rows = await conn.fetch(statement("past.incidents"), at)
    found = [wire.decode(row["record"], Incident) for row in rows if row["record"] is not None]
    versions = {row["id"]: row["seq"] for row in rows if row["record"] is None}
    causes = {row["cause"] for row in rows if row["record"] is None}
    for row in await conn.fetch(statement("past.effects"), list(causes)):
        for effect in _decoded(row["effects"]):
            match effect:
                case IncidentWritten(incident=one) if versions.get(one.id) == one.version:
                    found.append(one)
                    del versions[one.id]
    states = codes.incident_states()
    return sorted((one for one in found if states[one.state].open), key=lambda one: one.id)


def _then(assignment: Assignment, at: datetime) -> Assignment:
    """Return an assignment without the stamps that came later."""
    later = {
        name: None
        for name in _STAMPS
        if (stamp := getattr(assignment, name)) is not None and stamp > at
    }
    return msgspec.structs.replace(assignment, ended=None, **later)


async def _units(conn: asyncpg.Connection, at: datetime) -> tuple[list[Unit], list[str]]:
    """Return the units as they were, and the ids of those of which that is not known."""
    rows = await conn.fetch(statement("standing.units"))
    known: list[Unit] = [wire.decode(row["record"], Unit) for row in rows]
    now = {unit.id: unit for unit in known}
    found: dict[str, Unit] = {}
    for row in await conn.fetch(statement("past.regions")):
        region = row["region"]
        own = {unit.id for unit in now.values() if unit.region == region}
        offset = await _last_before(conn, region, row["first"], row["last"], at)
        left = _MOST_ENTRIES
        while offset is not None and left > 0 and not own <= found.keys():
            block = await conn.fetch(statement("past.units_before"), region, offset, _BLOCK)
            for entry in block:
                if entry["effects"] is not None:
                    for unit in _written(_decoded(entry["effects"])):
                        found.setdefault(unit.id, unit)
            offset = block[-1]["journal_offset"] - 1 if len(block) == _BLOCK else None
            left -= len(block)
    for unit in now.values():
        if unit.id not in found and _is_unchanged(unit, at):
            found[unit.id] = unit
    units = [found[key] for key in sorted(found) if key in now]
    return units, sorted(now.keys() - found.keys())


async def _last_before(
    conn: asyncpg.Connection, region: str, first: int, last: int, at: datetime
) -> int | None:
    """Return the offset of the last entry at or before a time; None if there is none.

    By halves: offsets and times rise together, and no index by time is needed for it.
    """
    found = None
    while first <= last:
        middle = (first + last) // 2
        row = await conn.fetchrow(statement("past.from_offset"), region, middle)
        if row is None or row["at"] > at:
            last = middle - 1
        else:
            found, first = row["journal_offset"], row["journal_offset"] + 1
    return found


def _is_unchanged(unit: Unit, at: datetime) -> bool:
    times = [time for time in (unit.position_at, unit.status_at) if time is not None]
    return unit.assignment is None and bool(times) and max(times) <= at


def _decoded(effects: bytes) -> tuple[Effect, ...]:
    found: tuple[Effect, ...] = wire.decode(effects, tuple[Effect, ...])
    return found


def _written(effects: Iterable[Effect]) -> Iterable[Unit]:
    """Yield the units that an entry has left, each as it was after it."""
    last = {effect.unit.id: effect.unit for effect in effects if isinstance(effect, UnitWritten)}
    return last.values()
