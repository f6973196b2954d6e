"""Incidents and what belongs to them, as whoever asks may see them."""

from datetime import datetime
from typing import Annotated

import asyncpg
import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.access import Person
from console.bodies import answers, reply
from console.entry import AsPerson
from console.paging import AnswerPage, Page, page, place
from console.problems import Problem
from console.services import services_of
from infra.ledger import pages
from infra.ledger.pages import IncidentsWanted
from infra.ledger.pool import asking, reading
from infra.ledger.queries import EvidenceLine, IncidentLine, RecommendationLine, assignments_of
from schemas import codes
from schemas.records import Assignment, TimelineEntry

ListQuery = Annotated[paging.ListQuery, Query()]
router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])
IncidentId = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class IncidentQuery(paging.ListQuery):
    """Filters of the list of incidents; several values of one filter mean any of them."""

    state: paging.Codes = Field(default=[], description="Codes of states, such as en_route.")
    open: bool | None = Field(default=None, description="Whether somebody may still have to act.")
    severity: paging.Codes = Field(default=[], description="P1 to P4.")
    category: paging.Codes = Field(default=[], description="Codes of categories, such as fire.")
    since: paging.Moment | None = Field(default=None, description="Opened then or later.")
    bbox: str | None = Field(
        default=None,
        max_length=200,
        description="west,south,east,north in WGS-84 degrees.",
    )
    q: str | None = Field(
        default=None,
        min_length=2,
        max_length=100,
        description="Part of number, title or address.",
    )


@router.get("", responses=answers(Page[IncidentLine]))
async def incidents(
    request: Request, person: AsPerson, query: Annotated[IncidentQuery, Query()]
) -> Response:
    """List incidents, the latest opened first."""
    scope = person.scope()
    opened = query.open
    if opened is None and query.state and set(query.state) <= _open_states():
        opened = True  # says the same, and names the index of the open ones
    wanted = IncidentsWanted(
        states=query.state or None,
        open=opened,
        severities=query.severity or None,
        categories=query.category or None,
        since=paging.moment(query.since, "since"),
        bbox=bbox_of(query.bbox),
        words=_words(query.q),
        within=scope.categories,
        unit=scope.unit,
    )
    after = place(query.after, datetime, str)
    async with asking(services_of(request).pool) as conn:
        return reply(page(await pages.incidents(conn, wanted, after, query.limit)))


@router.get("/{incident}", responses=answers(IncidentLine, 404))
async def incident(request: Request, person: AsPerson, incident: IncidentId) -> Response:
    """Return one incident by its id. Its ETag is the version, for If-Match of a command."""
    async with asking(services_of(request).pool) as conn:
        found = await seen(conn, person, incident)
    return reply(found, headers={"ETag": f'"{found.incident.version}"'})


@router.get("/{incident}/timeline", responses=answers(Page[TimelineEntry], 404))
async def timeline(
    request: Request,
    person: AsPerson,
    incident: IncidentId,
    query: ListQuery,
) -> Response:
    """List the lines of an incident's timeline, the first one first."""
    after = place(query.after, int)
    async with reading(services_of(request).pool) as conn:
        await seen(conn, person, incident)
        return reply(page(await pages.timeline(conn, incident, after, query.limit)))


@router.get("/{incident}/evidence", responses=answers(Page[EvidenceLine], 404))
async def evidence(
    request: Request,
    person: AsPerson,
    incident: IncidentId,
    query: ListQuery,
) -> Response:
    """List the evidence of an incident and of those merged into it, in the order of arrival.

    The pseudonym of a reporter is shown to operators, supervisors and administrators only.
    """
    after = place(query.after, int, str)
    async with reading(services_of(request).pool) as conn:
        await seen(conn, person, incident)
        found = await pages.evidence(conn, incident, after, query.limit)
    if not person.scope().reporters:
        items = tuple(
            msgspec.structs.replace(
                line, evidence=msgspec.structs.replace(line.evidence, reporter=None)
            )
            for line in found.items
        )
        found = pages.Found(items, found.last)
    return reply(page(found))


@router.get("/{incident}/assignments", responses=answers(list[Assignment], 404))
async def assignments(request: Request, person: AsPerson, incident: IncidentId) -> Response:
    """List the units that were sent to an incident, a responder's own unit only."""
    async with reading(services_of(request).pool) as conn:
        await seen(conn, person, incident)
        found = await assignments_of(conn, incident)
    own = person.scope().unit
    return reply([one for one in found if own is None or one.unit == own])


@router.get("/{incident}/recommendation", responses=answers(RecommendationLine, 404))
async def recommendation(request: Request, person: AsPerson, incident: IncidentId) -> Response:
    """Return the latest recommendation: who should go, who else could, and why."""
    async with reading(services_of(request).pool) as conn:
        await seen(conn, person, incident)
        found = await pages.recommendation(conn, incident)
    if found is None:
        raise Problem("not-found", "nobody was recommended yet")
    return reply(found)


@router.get("/{incident}/commands", responses=answers(AnswerPage, 404))
async def commands(
    request: Request,
    person: AsPerson,
    incident: IncidentId,
    query: ListQuery,
) -> Response:
    """List what was asked for an incident and answered, the latest first."""
    after = place(query.after, datetime, str)
    async with reading(services_of(request).pool) as conn:
        await seen(conn, person, incident)
        return reply(page(await pages.commands(conn, after, query.limit, incident=incident)))


async def seen(conn: asyncpg.Connection, person: Person, incident: str) -> IncidentLine:
    """Return an incident that this person may see; raises `NotFound` as if it were not there."""
    scope = person.scope()
    return await pages.incident(conn, incident, scope.categories, scope.unit)


def _open_states() -> set[str]:
    return {code for code, row in codes.incident_states().items() if row.open}


def _words(text: str | None) -> str | None:
    if text is not None and "\x00" in text:
        raise Problem("invalid", "q: no text has a zero character")
    return text


def bbox_of(text: str | None) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north as a query gives them; raises `Problem`."""
    if text is None:
        return None
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError:
        raise Problem("invalid", "bbox: give west,south,east,north in degrees") from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):  # noqa: PLR2004 - degrees
        raise Problem("invalid", "bbox: west < east within ±180, south < north within ±90")
    return west, south, east, north
