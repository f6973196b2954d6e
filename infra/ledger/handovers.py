"""Hand-overs from one shift to the next: drawn up, signed by both, read again later."""

import hashlib
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from infra.ledger.pages import Found, Place, found_page
from infra.ledger.statements import statement
from schemas import codes, wire

MOST_OVERRIDDEN = 500
"""So many commands a hand-over lists, the latest."""


class OpenLine(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident; ``units`` are those that are assigned, ``short`` that it lacks some."""

    incident: str
    number: str
    severity: str
    category: str
    state: str
    address: str | None
    opened_at: datetime
    acknowledged_by: str | None
    short: bool
    units: int


class PromisedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that is on its way, and when it was expected there as it was sent."""

    incident: str
    number: str
    unit: str
    name: str
    state: str
    dispatched: datetime
    expected: datetime
    by: str


class ShelvedLine(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that an operator has put aside on a screen, until when and why."""

    incident: str
    number: str
    until: datetime
    reason: str


class OverriddenLine(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator decided otherwise than Jingwei: ``action`` as it was commanded."""

    at: datetime
    by: str
    incident: str
    number: str | None
    action: dict[str, Any]


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What is handed over."""

    open: tuple[OpenLine, ...]
    promised: tuple[PromisedLine, ...]
    overridden: tuple[OverriddenLine, ...]
    shelved: tuple[ShelvedLine, ...] = ()
    note: str = ""


class HandoverLine(msgspec.Struct, frozen=True, kw_only=True):
    """A hand-over of a shift that began at ``since``: who signed it, and when."""

    id: str
    since: datetime
    at: datetime
    given_by: str
    taken_by: str | None
    taken_at: datetime | None


class Handover(HandoverLine, frozen=True, kw_only=True):
    """A hand-over as it was signed; ``sha256`` is of its content, as the audit has it."""

    sha256: str
    content: Content


async def content(conn: asyncpg.Connection, since: datetime) -> Content:
    """Return what there is to hand over; of one moment if called inside ``reading``."""
    known = [OpenLine(**row) for row in await conn.fetch(statement("handovers.open"))]
    known.sort(key=lambda line: (codes.severity(line.severity).rank, line.opened_at, line.incident))
    promised = await conn.fetch(statement("handovers.promised"))
    overridden = await conn.fetch(statement("handovers.overridden"), since, MOST_OVERRIDDEN)
    return Content(
        open=tuple(known),
        promised=tuple(PromisedLine(**row) for row in promised),
        overridden=tuple(OverriddenLine(**row) for row in overridden),
    )


async def insert(
    conn: asyncpg.Connection,
    key: str,
    *,
    since: datetime,
    at: datetime,
    by: str,
    content: Content,
) -> str | None:
    """Keep a signed hand-over under an id; return its digest, None if it was kept before."""
    told = wire.encode(content)
    kept = await conn.fetchval(statement("handovers.insert"), key, since, at, by, told)
    return None if kept is None else hashlib.sha256(told).hexdigest()


async def take(conn: asyncpg.Connection, key: str, by: str) -> bool:
    """Sign a hand-over as the one who takes it; False if it is taken, or is one's own."""
    return await conn.fetchval(statement("handovers.take"), key, by) is not None


async def handover(conn: asyncpg.Connection, key: str) -> Handover | None:
    """Return a hand-over by its id."""
    row = await conn.fetchrow(statement("handovers.one"), key)
    if row is None:
        return None
    known = dict(row)
    told = known.pop("content")
    return Handover(
        **known, sha256=hashlib.sha256(told).hexdigest(), content=wire.decode(told, Content)
    )


async def page(conn: asyncpg.Connection, after: Place | None, limit: int) -> Found[HandoverLine]:
    """Return a page of hand-overs, the latest first."""
    rows = await conn.fetch(statement("handovers.page"), *(after or (None, None)), limit + 1)
    return found_page(rows, limit, lambda row: HandoverLine(**row), "at", "id")
