"""The screen as it was: ``/api/v1/at``."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.bodies import answers, reply
from console.problems import Problem
from console.services import services_of
from infra.ledger.past import Past, past
from infra.ledger.pool import reading

router = APIRouter(prefix="/api/v1/at", tags=["city"])
_LONGEST = timedelta(hours=13)
"""Twelve, and as long as somebody may have looked at them."""


class PastQuery(paging.Query):
    """The time that is asked for."""

    t: paging.Moment = Field(description="A time of the last 12 hours.")


@router.get("", responses=answers(Past))
async def at(request: Request, query: Annotated[PastQuery, Query()]) -> Response:
    """Return what was open at a time, and where the units were, as the core had decided then."""
    if query.t < datetime.now(UTC) - _LONGEST:
        raise Problem("invalid", "t: give a time of the last 12 hours")
    moment = paging.moment(query.t, "t") or query.t
    async with reading(services_of(request).pool) as conn:
        return reply(await past(conn, moment))
