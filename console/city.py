"""Units, alerts, street conditions, policies, sources and dead letters."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.access import Person
from console.bodies import answers, reply
from console.entry import AsPerson
from console.paging import Page, page, place
from console.problems import Problem
from console.services import Services, services_of
from infra.ledger import pages
from infra.ledger.pages import ConditionLine, DeadLetters, PolicyLine
from infra.ledger.pool import asking
from infra.ledger.sources import Source, list_sources
from schemas.records import Alert, Unit

router = APIRouter(prefix="/api/v1", tags=["city"])
UnitId = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
_DAYS = 7


class UnitQuery(paging.ListQuery):
    """Filters of the list of units."""

    kind: paging.Codes = Field(default=[], description="Codes of kinds, such as ambulance.")
    state: paging.Codes = Field(default=[], description="Codes of states, such as available.")


class AlertQuery(paging.ListQuery):
    """Filters of the list of alerts."""

    active: bool | None = Field(default=True, description="Whether it still calls for action.")
    kind: paging.Codes = Field(default=[], description="Codes of kinds, such as unacknowledged.")
    since: paging.Moment | None = Field(default=None, description="Raised then or later.")


class ConditionQuery(paging.ListQuery):
    """Filters of the list of street conditions."""

    active: bool | None = Field(default=True, description="Whether it has not ended.")


class LetterQuery(paging.Query):
    """From when on dead letters are counted."""

    since: paging.Moment | None = Field(default=None, description="Default: seven days ago.")


@router.get("/units", responses=answers(Page[Unit]))
async def units(
    request: Request, person: AsPerson, query: Annotated[UnitQuery, Query()]
) -> Response:
    """List units by id: a department its own, a responder the one it crews."""
    scope, after = person.scope(), place(query.after, str)
    async with asking(services_of(request).pool) as conn:
        found = await pages.units(
            conn,
            after,
            query.limit,
            kinds=query.kind or None,
            states=query.state or None,
            unit=scope.unit,
            department=scope.department,
        )
    return reply(page(found))


@router.get("/units/{unit}", responses=answers(Unit, 404))
async def unit(request: Request, person: AsPerson, unit: UnitId) -> Response:
    """Return one unit by its id."""
    return reply(await unit_seen(services_of(request), person, unit))


async def unit_seen(services: Services, person: Person, unit: str) -> Unit:
    """Return a unit that this person may see; raises `Problem` as if it were not there."""
    scope = person.scope()
    async with asking(services.pool) as conn:
        found = await pages.units(conn, None, 1, unit=unit, department=scope.department)
    if not found.items or scope.unit not in (None, unit):
        raise Problem("not-found", "there is no such unit, or you may not see it")
    return found.items[0]


@router.get("/alerts", responses=answers(Page[Alert]))
async def alerts(
    request: Request, person: AsPerson, query: Annotated[AlertQuery, Query()]
) -> Response:
    """List alerts, the latest raised first; by default those that still call for action."""
    scope, after = person.scope(), place(query.after, datetime, str)
    async with asking(services_of(request).pool) as conn:
        found = await pages.alerts(
            conn,
            after,
            query.limit,
            active=query.active,
            kinds=query.kind or None,
            since=paging.moment(query.since, "since"),
            within=scope.categories,
            unit=scope.unit,
        )
    return reply(page(found))


@router.get("/conditions", responses=answers(Page[ConditionLine]))
async def conditions(request: Request, query: Annotated[ConditionQuery, Query()]) -> Response:
    """List street conditions by region and id; by default those that have not ended."""
    after = place(query.after, str, str)
    async with asking(services_of(request).pool) as conn:
        return reply(page(await pages.conditions(conn, after, query.limit, active=query.active)))


@router.get("/policies", responses=answers(list[PolicyLine]))
async def policies(request: Request) -> Response:
    """Return the policy in force in each region."""
    async with asking(services_of(request).pool) as conn:
        return reply(await pages.policies(conn))


@router.get("/sources", responses=answers(Page[Source]))
async def sources(request: Request, query: Annotated[paging.ListQuery, Query()]) -> Response:
    """List producers by name and topic, with the skew of their clocks."""
    after = place(query.after, str, str)
    async with asking(services_of(request).pool) as conn:
        known = await list_sources(conn)
    rest = [one for one in known if after is None or (one.source, one.topic) > after]
    items = tuple(rest[: query.limit])
    last = (items[-1].source, items[-1].topic) if len(rest) > query.limit else None
    return reply(page(pages.Found(items, last)))


@router.get("/dead-letters/summary", responses=answers(list[DeadLetters]))
async def dead_letters(request: Request, query: Annotated[LetterQuery, Query()]) -> Response:
    """Count messages that could not be used, by topic and error, most first; never their bytes."""
    since = paging.moment(query.since, "since") or datetime.now(UTC) - timedelta(days=_DAYS)
    async with asking(services_of(request).pool) as conn:
        return reply(await pages.dead_letters(conn, since))
