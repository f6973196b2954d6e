"""The end of a shift: what is handed over, signed by who goes and by who comes: ``/handovers``."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.bodies import answers, body_of, json_body, reply
from console.entry import AsPerson
from console.keys import KEY_PARAMETER, key_of
from console.paging import Page, page, place
from console.problems import Problem
from console.services import services_of
from infra.ledger import audit, handovers
from infra.ledger.handovers import Content, Handover, HandoverLine, ShelvedLine
from infra.ledger.pool import reading, transaction
from schemas.ids import derive

router = APIRouter(prefix="/api/v1/handovers", tags=["handovers"])
HandoverId = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
_SHIFT = timedelta(hours=12)
_LONGEST = timedelta(days=7)
_Words = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]


class ShiftQuery(paging.Query):
    """The shift whose end it is."""

    since: paging.Moment | None = Field(
        default=None, description="When it began; default 12 hours ago, at most 7 days ago."
    )


class Shelved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An incident that is put aside on the screen of who hands over; no other place knows of it."""

    incident: _Words
    number: _Words
    until: datetime
    reason: Annotated[str, msgspec.Meta(max_length=1_000, pattern=r"^[^\x00]*$")]


class HandoverGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signature of who hands over, with what the ledger does not know."""

    since: datetime
    note: Annotated[str, msgspec.Meta(max_length=2_000, pattern=r"^[^\x00]*$")] = ""
    shelved: Annotated[tuple[Shelved, ...], msgspec.Meta(max_length=200)] = ()


@router.get("", responses=answers(Page[HandoverLine]))
async def listed(request: Request, query: Annotated[paging.ListQuery, Query()]) -> Response:
    """List hand-overs without their content, the latest first."""
    after = place(query.after, datetime, str)
    async with reading(services_of(request).pool) as conn:
        return reply(page(await handovers.page(conn, after, query.limit)))


@router.get("/draft", responses=answers(Content))
async def draft(request: Request, query: Annotated[ShiftQuery, Query()]) -> Response:
    """Return what a hand-over would have now: what is open, promised, and was overridden."""
    since = _since(query.since or datetime.now(UTC) - _SHIFT)
    async with reading(services_of(request).pool) as conn:
        return reply(await handovers.content(conn, since))


@router.get("/{handover}", responses=answers(Handover, 404))
async def handover(request: Request, handover: HandoverId) -> Response:
    """Return a hand-over as it was signed."""
    async with reading(services_of(request).pool) as conn:
        found = await handovers.handover(conn, handover)
    return reply(_known(found))


@router.post(
    "",
    openapi_extra=json_body(HandoverGiven) | {"parameters": [KEY_PARAMETER]},
    responses=answers(Handover, 400, 413, 415, ok=201),
    status_code=201,
)
async def hand_over(request: Request, person: AsPerson) -> Response:
    """Sign as the one who goes: what is there now is kept as it is, once per key."""
    key, given = key_of(request), await body_of(request, HandoverGiven)
    shelved = tuple(
        ShelvedLine(
            incident=one.incident,
            number=one.number,
            until=_aware(one.until, "until"),
            reason=one.reason,
        )
        for one in given.shelved
    )
    since, pool = _since(_aware(given.since, "since")), services_of(request).pool
    async with reading(pool) as conn:
        found = await handovers.content(conn, since)
    signed = msgspec.structs.replace(found, note=given.note, shelved=shelved)
    name, at = derive(f"{person.name}\x1f{key}", "handover"), datetime.now(UTC)
    async with transaction(pool) as conn:
        digest = await handovers.insert(
            conn, name, since=since, at=at, by=person.name, content=signed
        )
        if digest is not None:
            await audit.write(conn, person.name, "hand_over", name, sha256=digest)
    async with reading(pool) as conn:
        kept = await handovers.handover(conn, name)
    return reply(_known(kept), 201, {"Location": f"/api/v1/handovers/{name}"})


@router.post("/{handover}/taken", responses=answers(Handover, 404, 409))
async def take_over(request: Request, person: AsPerson, handover: HandoverId) -> Response:
    """Sign as the one who comes; somebody else than who handed over, and once."""
    pool = services_of(request).pool
    async with transaction(pool) as conn:
        signed = await handovers.take(conn, handover, person.name)
        kept = _known(await handovers.handover(conn, handover))
        if signed:
            await audit.write(conn, person.name, "take_over", handover, sha256=kept.sha256)
    if kept.given_by == person.name:
        raise Problem("refused", "you have handed it over: somebody else takes it")
    if kept.taken_by != person.name:
        raise Problem("refused", f"{kept.taken_by} has taken it over")
    return reply(kept)


def _known(found: Handover | None) -> Handover:
    if found is None:
        raise Problem("not-found", "there is no such hand-over")
    return found


def _since(since: datetime) -> datetime:
    if since < datetime.now(UTC) - _LONGEST:
        raise Problem("invalid", "since: a shift began in the last 7 days")
    return since


def _aware(value: datetime, name: str) -> datetime:
    """Return a time of the body that the ledger can hold; raises `Problem` for another one."""
    if value.tzinfo is None:
        raise Problem("invalid", f"{name}: give a time with its offset")
    paging.moment(value, name)
    return value
