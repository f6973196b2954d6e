"""The audit: ``/api/v1/audit``."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.bodies import answers, reply
from console.entry import AsPerson
from console.paging import Page, page, place
from console.services import services_of
from infra.ledger import audit
from infra.ledger.audit import AuditLine
from infra.ledger.pool import transaction

router = APIRouter(prefix="/api/v1", tags=["audit"])


class AuditQuery(paging.ListQuery):
    """Filters of the audit."""

    actor: paging.Word | None = Field(default=None, description="Only of this account.")
    action: paging.Word | None = Field(default=None, description="Such as reveal, or refused.")
    subject: paging.Word | None = Field(default=None, description="What it was done to.")
    since: paging.Moment | None = Field(default=None, description="Done then or later.")


@router.get("/audit", responses=answers(Page[AuditLine]))
async def audit_lines(
    request: Request, person: AsPerson, query: Annotated[AuditQuery, Query()]
) -> Response:
    """List who did what, the latest first. Reading the audit is a row of it, too."""
    before, since = place(query.after, int), paging.moment(query.since, "since")
    filters = {"actor": query.actor, "action": query.action, "subject": query.subject}
    asked = {name: value for name, value in filters.items() if value is not None}
    async with transaction(services_of(request).pool) as conn:
        found = await audit.page(
            conn, None if before is None else before[0], query.limit, **filters, since=since
        )
        await audit.write(conn, person.name, "read_audit", "audit", **asked, since=since)
    return reply(page(found))
