"""A call taken by telephone: its reading while it is typed, likely duplicates, its report."""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeVar

import asyncpg
import msgspec
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from console import paging
from console.access import Person
from console.bodies import answers, body_of, json_body, raw, reply
from console.compute.errors import Unanswerable
from console.compute.shapes import Duplicates, TextReading
from console.entry import AsPerson
from console.keys import KEY_PARAMETER, claimed, key_of
from console.problems import Problem
from console.services import Services, services_of
from infra.ledger import advice, audit, pages
from infra.ledger.advice import Nearby, PlacedEvidence
from infra.ledger.pool import asking, reading, transaction
from schemas import topics
from schemas.envelope import Envelope
from schemas.ids import derive, evidence_of_report
from schemas.inputs import CitizenReport, Contact, Location
from schemas.policy import Policy

T = TypeVar("T")
router = APIRouter(prefix="/api/v1", tags=["calls"])

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=5_000)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
EvidenceId = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
_METRES_PER_DEGREE = 111_000.0
_SHIFT_M = {"WGS-84": 0.0, "GCJ-02": 1_000.0, "BD-09": 2_000.0}
"""No reference system lies farther from WGS-84: a box grows by it."""
_CLOSED = timedelta(hours=1)
"""So long a closed incident is told of."""
_LOOKS_S = (0.02, 0.03, 0.05, 0.1, 0.1, 0.2)
"""Between looks for what became of a report; the last one is kept to."""
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_TRY_S = 2.0
"""So long a report is kept back to find out whether intake takes it; then it goes out untried."""
_WINDOWS = 2.0
_NOWHERE = 0.7
"""As correlation has it: so many windows and radii, and a place as vague as none."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of bodies: a misspelt field is an error."""


class Spot(_Body, frozen=True, kw_only=True):
    """A point as it is known; ``accuracy_m`` is the radius in metres within which it lies."""

    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    crs: Literal["WGS-84", "GCJ-02", "BD-09"] = "WGS-84"
    accuracy_m: Annotated[float, msgspec.Meta(ge=0, le=100_000)] | None = None


class Words(_Body, frozen=True, kw_only=True):
    """What has been typed so far; ``call_type`` is the service's own code."""

    text: Annotated[str, msgspec.Meta(max_length=5_000)]
    call_type: Short | None = None
    channel: Short = "phone"


class Supposed(_Body, frozen=True, kw_only=True):
    """A report as it might come: without a category triage reads the text."""

    point: Spot
    category: Short | None = None
    text: Text | None = None
    at: datetime | None = None


class Caller(_Body, frozen=True, kw_only=True):
    """Who called; kept in the restricted table and nowhere else."""

    name: Short | None = None
    phone: Short | None = None
    email: Short | None = None

    def __repr__(self) -> str:
        """Return nothing of the person."""
        return "Caller()"


class Call(_Body, frozen=True, kw_only=True):
    """A call as an operator took it down.

    Attributes
    ----------
    channel, call_type
        Where it came in (``110``, ``119``, ``120`` …), and the service's own code.
    at
        When it was taken; default now.
    """

    text: Text
    point: Spot | None = None
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None = None
    channel: Short = "phone"
    call_type: Short | None = None
    caller: Caller | None = None
    at: datetime | None = None


@router.post("/reading", openapi_extra=json_body(Words), responses=answers(TextReading, 413, 415))
async def read(request: Request) -> Response:
    """Return what triage makes of a text while it is typed; nothing is kept."""
    given = await body_of(request, Words)
    compute = services_of(request).compute
    return raw(await compute.ask("reading", given.text, given.call_type, given.channel))


@router.post(
    "/duplicates", openapi_extra=json_body(Supposed), responses=answers(Duplicates, 413, 415)
)
async def duplicates(request: Request) -> Response:
    """Return the incidents to which a report of this place and kind may belong, and why.

    Scored by the core's correlation with the policy in force: what it would do with such a report.
    """
    services, given = services_of(request), await body_of(request, Supposed)
    at = moment_of(given.at)
    async with reading(services.pool) as conn:
        policies = {line.region: line.policy for line in await pages.policies(conn)}
        known = await _near(conn, given.point, at, policies)
    asked = _location(given.point), given.category, given.text, at
    return raw(await services.compute.ask("duplicates", *asked, *known, policies))


@router.post(
    "/reports",
    openapi_extra=json_body(Call) | {"parameters": [KEY_PARAMETER]},
    responses=answers(PlacedEvidence, 400, 409, 413, 415, 504, ok=201)
    | answers(PlacedEvidence, ok=202),
    status_code=201,
)
async def report(request: Request, person: AsPerson) -> Response:
    """Take a call: a report like any other, through Kafka and intake, once per key.

    201 says which incident it became. 202: it was sent, and nothing has come of it yet; ask at
    `Location`, or send the same request again.
    """
    services, key = services_of(request), key_of(request)
    given = await body_of(request, Call)
    made, envelope = _report(person, key, given)
    evidence = evidence_of_report(envelope.source, made.service_request_id)
    await _try(services, envelope, made)
    digest = hashlib.sha256(msgspec.json.encode(("report", given))).digest()
    async with claimed(services, person, key, digest, evidence):
        found = await _placed(services, evidence)
        if found is None:
            async with transaction(services.pool) as conn:
                await audit.write(conn, person.name, "take_call", evidence)
            written = await services.desk.send(
                topics.REPORTS, made.service_request_id, made, envelope, services.settings.answer_s
            )
            found = await until(
                lambda: _placed(services, evidence), _is_placed, services.settings.answer_s
            )
            if found is None and not written:
                raise Problem(
                    "no-answer",
                    "the broker has not confirmed the report: send the same request again",
                    {"Location": f"/api/v1/reports/{evidence}"},
                )
    link = {"Location": f"/api/v1/reports/{evidence}"}
    if found is not None and _is_placed(found):
        return reply(found, 201, link)
    nothing = PlacedEvidence(
        evidence=evidence, region=None, placed=None, score=None, incident=None, number=None
    )
    return reply(found or nothing, 202, link)


@router.get("/reports/{evidence}", responses=answers(PlacedEvidence, 404))
async def placed(request: Request, evidence: EvidenceId) -> Response:
    """Return what became of a report by the id of its evidence."""
    found = await _placed(services_of(request), evidence)
    if found is None:
        raise Problem("not-found", "no such report has arrived: wait, or check its id")
    return reply(found)


async def until(
    look: Callable[[], Awaitable[T | None]], is_done: Callable[[T], bool], most_s: float
) -> T | None:
    """Look again and again until something is done; return the last that was seen."""
    loop, looks, found = asyncio.get_running_loop(), 0, None
    deadline = loop.time() + most_s
    while True:
        found = await look()
        pause = _LOOKS_S[min(looks, len(_LOOKS_S) - 1)]
        if (found is not None and is_done(found)) or loop.time() + pause > deadline:
            return found
        looks += 1
        await asyncio.sleep(pause)


def _report(person: Person, key: str, given: Call) -> tuple[CitizenReport, Envelope]:
    """Return a report and its envelope; their ids are those of the account and the key."""
    at = moment_of(given.at)
    named = derive(f"{person.name}\x1f{key}", "gateway-report")
    envelope = Envelope(
        id=named,
        source=f"/jingwei/gateway/{person.name}",
        type=topics.REPORTS.type,
        time=at,
        subject=named,
    )
    made = CitizenReport(
        service_request_id=named,
        description=given.text,
        requested_datetime=at,
        service_code=given.call_type,
        channel=given.channel,
        location=None if given.point is None else _location(given.point),
        address_string=given.address,
        contact=None
        if given.caller is None
        else Contact(name=given.caller.name, phone=given.caller.phone, email=given.caller.email),
    )
    return made, envelope


async def _try(services: Services, envelope: Envelope, made: CitizenReport) -> None:
    """Refuse what intake would refuse; where that cannot be tried the report goes out anyway."""
    try:
        await services.compute.ask("report", envelope, made, datetime.now(UTC), within_s=_TRY_S)
    except Unanswerable as error:
        if error.kind == "invalid":
            raise


async def _placed(services: Services, evidence: str) -> PlacedEvidence | None:
    async with asking(services.pool) as conn:
        return await advice.placed(conn, evidence)


def _is_placed(found: PlacedEvidence) -> bool:
    return found.placed is not None


async def _near(
    conn: asyncpg.Connection, point: Spot, at: datetime, policies: Mapping[str, Policy]
) -> Nearby:
    """Return incidents that correlation may score, by the policies' widest rules."""
    rules = [rule for policy in policies.values() for rule in policy.correlation.values()]
    places = [policy.places for policy in policies.values()]
    radius_m = max((rule.radius_m for rule in rules), default=0.0)
    benefit_m = max((place.most_benefit_m for place in places), default=0.0)
    vague_m = min((_NOWHERE * place.nowhere_m for place in places), default=0.0)
    window = timedelta(seconds=_WINDOWS * max((rule.window_s for rule in rules), default=0.0))
    up = (_WINDOWS * radius_m + benefit_m + _SHIFT_M[point.crs]) / _METRES_PER_DEGREE
    aside = up / max(math.cos(math.radians(point.lat)), 0.01)
    box = (point.lon - aside, point.lat - up, point.lon + aside, point.lat + up)
    return await advice.near(
        conn,
        box,
        noticed=max(at - window, _EARLIEST),
        closed=max(at - _CLOSED, _EARLIEST),
        vague_m=vague_m,
        regions=list(policies),
    )


def _location(point: Spot) -> Location:
    return Location(lon=point.lon, lat=point.lat, crs=point.crs, accuracy_m=point.accuracy_m)


def moment_of(given: datetime | None) -> datetime:
    """Return a time in UTC, now if none is given."""
    if given is None:
        return datetime.now(UTC)
    if given.tzinfo is None:
        raise Problem("invalid", "at: give an offset, as in 2026-11-30T08:00:00Z")
    paging.moment(given, "at")
    return given.astimezone(UTC)
