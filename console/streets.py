"""Streets that are closed, narrowed, flooded or slow: drawn or named, put in force, and ended."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from console.access import Person
from console.bodies import answers, body_of, json_body, raw, reply
from console.calls import moment_of, until
from console.compute.errors import Unanswerable
from console.compute.shapes import StreetsDrawn
from console.entry import AsPerson
from console.keys import KEY_PARAMETER, claimed, key_of
from console.problems import Problem
from console.services import Services, services_of
from infra.ledger import audit, pages
from infra.ledger.pages import ConditionLine
from infra.ledger.pool import reading, transaction
from schemas import topics
from schemas.envelope import Envelope
from schemas.ids import derive
from schemas.inputs import StreetCondition

router = APIRouter(prefix="/api/v1", tags=["streets"])
ConditionId = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
_MOST_SEGMENTS = 2_000
_TRY_S = 2.0
"""So long a condition is kept back to find out whether intake takes it."""

Lon = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Lat = Annotated[float, msgspec.Meta(ge=-90, le=90)]


class Drawn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line over streets, or the border of an area: longitudes and latitudes in WGS-84."""

    kind: Literal["line", "area"]
    points: Annotated[tuple[tuple[Lon, Lat], ...], msgspec.Meta(min_length=2, max_length=500)]


class ConditionGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds on some streets.

    Attributes
    ----------
    segments, street
        Ids of arcs, as `StreetsDrawn` names them, or a street's name: one of the two.
    speed_factor, lanes_closed, depth_m
        The figure of the kind that needs it: share of the usual speed, lanes, metres of water.
    valid_from, valid_until
        Default: from now on, until it is cleared.
    """

    kind: Literal["closure", "lane_closure", "flood_depth", "speed_factor"]
    segments: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=100)], ...],
        msgspec.Meta(max_length=_MOST_SEGMENTS),
    ] = ()
    street: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    speed_factor: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    lanes_closed: Annotated[int, msgspec.Meta(ge=1, le=20)] | None = None
    depth_m: Annotated[float, msgspec.Meta(ge=0, le=10)] | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    reason: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


@router.post("/streets", openapi_extra=json_body(Drawn), responses=answers(StreetsDrawn, 413, 415))
async def streets_under(request: Request) -> Response:
    """Return the streets under a drawn line or in a drawn area; nothing is changed by it."""
    services, given = services_of(request), await body_of(request, Drawn)
    if given.kind == "area" and len(given.points) < 3:  # noqa: PLR2004 - a triangle
        raise Problem("invalid", "points: an area has three or more")
    return raw(await services.compute.ask("streets", given.points, given.kind))


@router.post(
    "/conditions",
    openapi_extra=json_body(ConditionGiven) | {"parameters": [KEY_PARAMETER]},
    responses=answers(ConditionLine, 400, 409, 413, 415, 504, ok=201)
    | answers(ConditionLine | None, ok=202),
    status_code=201,
)
async def put_in_force(request: Request, person: AsPerson) -> Response:
    """Close streets, or narrow, flood or slow them, once per key.

    201 is in the ledger, and decides. 202: it was sent, and nobody has applied it yet; look at
    `Location`, or send the same request again.
    """
    key, given = key_of(request), await body_of(request, ConditionGiven)
    if bool(given.segments) == (given.street is not None):
        raise Problem("invalid", "give either segments or street")
    condition = StreetCondition(
        condition=derive(f"{person.name}\x1f{key}", "gateway-condition"),
        kind=given.kind,
        segments=given.segments,
        street=given.street,
        speed_factor=given.speed_factor,
        lanes_closed=given.lanes_closed,
        depth_m=given.depth_m,
        valid_from=moment_of(given.valid_from),
        valid_until=None if given.valid_until is None else moment_of(given.valid_until),
        reason=given.reason,
    )
    digest = hashlib.sha256(msgspec.json.encode(("condition", given))).digest()
    found = await _send(services_of(request), person, key, digest, condition, lambda _: True)
    link = {"Location": f"/api/v1/conditions/{condition.condition}"}
    return reply(found, 202 if found is None else 201, link)


@router.get("/conditions/{condition}", responses=answers(ConditionLine, 404))
async def condition(request: Request, condition: ConditionId) -> Response:
    """Return one street condition by its id, also when it has ended."""
    return reply(await _known(services_of(request), condition))


@router.delete(
    "/conditions/{condition}",
    openapi_extra={"parameters": [KEY_PARAMETER]},
    responses=answers(ConditionLine, 400, 404, 409, 504) | answers(ConditionLine, ok=202),
)
async def clear(request: Request, person: AsPerson, condition: ConditionId) -> Response:
    """End a street condition, once per key; 202 as when one is put in force."""
    services, key = services_of(request), key_of(request)
    known = await _known(services, condition)
    if known.ended_at is not None:
        return reply(known)
    cleared = StreetCondition(
        condition=condition, kind="cleared", valid_from=datetime.now(UTC), reason="cleared"
    )
    digest = hashlib.sha256(msgspec.json.encode(("clear", condition))).digest()
    found = await _send(
        services, person, key, digest, cleared, lambda line: line.ended_at is not None
    )
    over = found is not None and found.ended_at is not None
    return reply(found, 200 if over else 202, {"Location": f"/api/v1/conditions/{condition}"})


async def _send(  # noqa: PLR0917 - what, by whom, until when
    services: Services,
    person: Person,
    key: str,
    digest: bytes,
    condition: StreetCondition,
    is_done: Callable[[ConditionLine], bool],
) -> ConditionLine | None:
    """Send a condition like any producer's, and return it as it is in the ledger then."""
    named = derive(f"{person.name}\x1f{key}", "gateway-street")
    envelope = Envelope(
        id=named,
        source=f"/jingwei/gateway/{person.name}",
        type=topics.STREETS.type,
        time=datetime.now(UTC),
        subject=condition.condition,
    )
    await _try(services, envelope, condition)
    most_s = services.settings.answer_s
    async with claimed(services, person, key, digest, named):
        found = await _line(services, condition.condition)
        if found is not None and is_done(found):
            return found
        async with transaction(services.pool) as conn:
            await audit.write(
                conn, person.name, "street_condition", condition.condition, kind=condition.kind
            )
        written = await services.desk.send(
            topics.STREETS, condition.condition, condition, envelope, most_s
        )
        found = await until(lambda: _line(services, condition.condition), is_done, most_s)
    if not written and (found is None or not is_done(found)):
        raise Problem(
            "no-answer",
            "the broker has not confirmed the condition: send the same request again",
            {"Location": f"/api/v1/conditions/{condition.condition}"},
        )
    return found


async def _try(services: Services, envelope: Envelope, condition: StreetCondition) -> None:
    """Refuse what intake would refuse; where that cannot be tried the condition goes out anyway."""
    try:
        await services.compute.ask("condition", envelope, condition, within_s=_TRY_S)
    except Unanswerable as error:
        if error.kind == "invalid":
            raise


async def _known(services: Services, condition: str) -> ConditionLine:
    found = await _line(services, condition)
    if found is None:
        raise Problem("not-found", "no such street condition is known: wait, or check its id")
    return found


async def _line(services: Services, condition: str) -> ConditionLine | None:
    async with reading(services.pool) as conn:
        return await pages.condition(conn, condition)
