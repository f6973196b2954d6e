"""How the system is: ``/api/v1/status``; and messages that could not be used, to be sent again."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.bodies import answers, reply
from console.entry import AsPerson
from console.paging import Page, page, place
from console.problems import Problem
from console.services import services_of
from infra.feed import Feed, FeedError, Part
from infra.ledger import administration, standing
from infra.ledger.administration import Backlog, Connected, LetterLine
from infra.ledger.pool import reading, transaction
from schemas import topics

router = APIRouter(prefix="/api/v1", tags=["administration"])
_READ = [
    (topic.name, number)
    for topic in (*topics.INPUTS, topics.JOURNAL)
    for number in range(topic.partitions)
]
_BROKER_S = 4.0
LetterId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class TopicLag(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a topic that no worker has read; markers of transactions count, too."""

    topic: str
    messages: int


class SystemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the system is, as this gateway sees it.

    Attributes
    ----------
    lag
        By topic that workers read; null if the broker does not answer.
    parts
        Who is connected to the ledger: workers, gateways and others by their names.
    """

    at: datetime
    lag: tuple[TopicLag, ...] | None
    backlog: Backlog
    parts: tuple[Connected, ...]


class LettersQuery(paging.ListQuery):
    """Filters of the list of dead letters."""

    topic: paging.Word | None = Field(default=None, description="Of this topic.")
    error: paging.Word | None = Field(default=None, description="With this error.")
    redriven: bool | None = Field(default=False, description="Whether it was sent again.")


@router.get("/status", responses=answers(SystemStatus))
async def status(request: Request) -> Response:
    """Return lag, outbox, dead letters, and who is connected."""
    services = services_of(request)
    ends = await _ends(services.bootstrap)
    async with reading(services.pool) as conn:
        reached = await standing.reached(conn)
        backlog = await administration.backlog(conn)
        parts = await administration.connected(conn)
    lag = None if ends is None else _lag(ends, reached)
    return reply(SystemStatus(at=datetime.now(UTC), lag=lag, backlog=backlog, parts=tuple(parts)))


async def _ends(bootstrap: str) -> Mapping[Part, int] | None:
    """Return where the topics that workers read end now; None if the broker does not say."""
    feed = Feed(bootstrap)
    try:
        async with asyncio.timeout(_BROKER_S):
            _, ends = await feed.open(_READ, 0.0)
    except (FeedError, TimeoutError):
        return None
    finally:
        await feed.close()
    return dict(zip(_READ, ends, strict=True))


def _lag(ends: Mapping[Part, int], reached: Mapping[Part, int]) -> tuple[TopicLag, ...]:
    lag = dict.fromkeys((topic for topic, _ in _READ), 0)
    for part, end in ends.items():
        lag[part[0]] += max(0, end - reached.get(part, 0))
    return tuple(TopicLag(topic=topic, messages=count) for topic, count in lag.items())


@router.get("/dead-letters", responses=answers(Page[LetterLine]))
async def letters(request: Request, query: Annotated[LettersQuery, Query()]) -> Response:
    """List messages that could not be used, the latest first, with the reason; never their bytes.

    What came may hold personal data: `jingwei dlq show` on a host of the system has it.
    """
    before = place(query.after, int)
    async with reading(services_of(request).pool) as conn:
        found = await administration.letters(
            conn,
            None if before is None else before[0],
            query.limit,
            topic=query.topic,
            error=query.error,
            redriven=query.redriven,
        )
    return reply(page(found))


@router.post(
    "/dead-letters/{letter}/redrive",
    responses=answers(None, 404) | {204: {"description": "It is on its way"}},
    status_code=204,
)
async def redrive(request: Request, person: AsPerson, letter: LetterId) -> Response:
    """Send a dead letter to its topic again, unchanged, once; a worker sends it in a moment."""
    async with transaction(services_of(request).pool) as conn:
        there = await administration.redrive(conn, person.name, letter)
    if not there:
        raise Problem("not-found", "there is no such dead letter")
    return Response(status_code=204)
