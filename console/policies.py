"""Response plans, what another policy would change, and another policy put in force."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.bodies import answers, body_of, json_body, raw, reply
from console.compute.shapes import Rehearsal
from console.entry import AsPerson
from console.journaled import Audited, journaled
from console.keys import KEY_PARAMETER, key_of
from console.problems import Problem
from console.services import Services, services_of
from infra.ledger import pages
from infra.ledger.pages import PolicyLine
from infra.ledger.pool import asking, reading
from schemas.admission import policy_fault
from schemas.ids import derive
from schemas.journal import PolicyChanged
from schemas.policy import Policy, Requirement, ResponsePlan

router = APIRouter(prefix="/api/v1", tags=["policies"])
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")


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


class PolicyGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy to be put in force.

    Attributes
    ----------
    policy
        The whole of it. Its version begins with its date, and sorts behind the one in force.
    instead_of
        Version of the policy that it was made from. Where another one is in force by now, it is
        refused.
    """

    region: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    policy: Policy
    instead_of: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


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
    region = (await _line(services, given.region)).region
    return raw(await services.compute.ask("rehearsal", region, given.policy, given.plans))


@router.post(
    "/policies",
    openapi_extra=json_body(PolicyGiven) | {"parameters": [KEY_PARAMETER]},
    responses=answers(PolicyLine, 400, 404, 409, 413, 415, 504) | answers(PolicyLine, ok=202),
)
async def put_in_force(request: Request, person: AsPerson) -> Response:
    """Let a region decide by another policy, once per key.

    It becomes an entry of the journal, which decides if two are sent at a time. 200: the region
    decides by it. 202: it was sent, and nobody has applied it yet; the body has the policy in
    force. 409 names the version that is in force by now.
    """
    services, key = services_of(request), key_of(request)
    given = await body_of(request, PolicyGiven)
    known = await _line(services, given.region)
    if known.policy == given.policy:
        return reply(known)
    _check(given, known.policy)
    named = derive(f"{person.name}\x1f{key}", "gateway-policy")
    entry = PolicyChanged(
        id=named,
        region=known.region,
        policy=given.policy,
        instead_of=given.instead_of,
        operator=person.name,
        reason=given.reason,
    )
    said = Audited(
        "policy",
        known.region,
        {
            "version": given.policy.version,
            "instead_of": given.instead_of,
            "reason": given.reason,
        },
    )

    def is_changed(line: PolicyLine) -> bool:
        return line.policy.version != given.instead_of

    found, changed = await journaled(
        services,
        person,
        key,
        given,
        entry,
        said,
        lambda: _line(services, known.region),
        is_changed,
    )
    if not changed:
        return reply(found, 202)
    if found.policy != given.policy:
        raise _was_changed(found.policy)
    return reply(found)


def _check(given: PolicyGiven, known: Policy) -> None:
    """Refuse what no region could decide by, or would not decide by for long."""
    if given.instead_of != known.version:
        raise _was_changed(known)
    fault, version = policy_fault(given.policy), given.policy.version
    if fault is not None:
        raise Problem("invalid", f"policy: {fault}")
    # By the date a worker tells that its own policy is the older one: it does not bring it back.
    if not _DATED.match(version):
        raise Problem("invalid", "policy.version begins with its date, such as 2026-11-30")
    dated = _DATED.match(known.version)
    if dated and version <= known.version:
        raise Problem("invalid", f"policy.version sorts behind the present one, {known.version}")
    latest = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    if version[:10] > max(latest, known.version[:10] if dated else ""):
        raise Problem("invalid", "policy.version has a date to come: no later software replaces it")


def _was_changed(known: Policy) -> Problem:
    return Problem(
        "policy-changed",
        f"{known.version} is in force by now: read it, and make the change again",
        present=known.version,
    )


async def _line(services: Services, region: str | None) -> PolicyLine:
    """Return the policy of a region, or of the only one."""
    async with reading(services.pool) as conn:
        lines = await pages.policies(conn)
    if region is None and len(lines) == 1:
        return lines[0]
    if region is None:
        raise Problem("invalid", "region: there are several, or none; name one")
    found = next((line for line in lines if line.region == region), None)
    if found is None:
        raise Problem("not-found", "there is no such region")
    return found
