"""Response plans, and what another policy would change."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.bodies import answers, body_of, json_body, raw, reply
from console.compute.shapes import Rehearsal
from console.problems import Problem
from console.services import services_of
from infra.ledger import pages
from infra.ledger.pool import asking
from schemas.policy import Policy, Requirement, ResponsePlan

router = APIRouter(prefix="/api/v1", tags=["policies"])


class PlanLine(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a region's policy sends to a category at a severity; ``*`` is any."""

    region: str
    policy: str
    category: str
    severity: str
    requirements: tuple[Requirement, ...]


class PlanQuery(paging.Query):
    """Filters of the list of plans."""

    category: paging.Codes = Field(default=[], description="Codes of categories, such as fire.")


class PolicySupposed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy to be tried: the whole, or plans in place of those of the policy in force.

    Attributes
    ----------
    region
        Whose; may be left out where there is only one.
    """

    region: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    policy: Policy | None = None
    plans: Annotated[tuple[ResponsePlan, ...], msgspec.Meta(max_length=500)] | None = None


@router.get("/plans", responses=answers(list[PlanLine]))
async def plans(request: Request, query: Annotated[PlanQuery, Query()]) -> Response:
    """List the response plans of the policies in force; the first that fits holds."""
    async with asking(services_of(request).pool) as conn:
        lines = await pages.policies(conn)
    wanted = set(query.category)
    return reply(
        [
            PlanLine(
                region=line.region,
                policy=line.policy.version,
                category=plan.category,
                severity=plan.severity,
                requirements=plan.requirements,
            )
            for line in lines
            for plan in line.policy.plans
            if not wanted or plan.category in wanted
        ]
    )


@router.post(
    "/policies/dry-run",
    openapi_extra=json_body(PolicySupposed),
    responses=answers(Rehearsal, 404, 413, 415),
)
async def rehearse(request: Request) -> Response:
    """Return what would be different for open incidents if a policy came into force now.

    Two cores go on from what the ledger has, one with the policy; nothing is changed.
    """
    services, given = services_of(request), await body_of(request, PolicySupposed)
    if (given.policy is None) == (given.plans is None):
        raise Problem("invalid", "give either policy or plans")
    async with asking(services.pool) as conn:
        regions = [line.region for line in await pages.policies(conn)]
    region = given.region or (regions[0] if len(regions) == 1 else None)
    if region is None:
        raise Problem("invalid", "region: there are several, or none; name one")
    if region not in regions:
        raise Problem("not-found", "there is no such region")
    return raw(await services.compute.ask("rehearsal", region, given.policy, given.plans))
