"""Fences of the city, drawn, moved, renamed and removed while everything runs.

A change is an entry of the journal. It is first looked at: what is wrong with it, and which open
incidents would be told to lie elsewhere.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import asyncpg
import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.bodies import answers, body_of, json_body, reply
from console.entry import AsPerson
from console.journaled import Audited, journaled
from console.keys import KEY_PARAMETER, key_of
from console.problems import Problem
from console.services import Services, services_of
from infra.ledger import fences
from infra.ledger.fences import FenceLine, FencesNow
from infra.ledger.pool import asking, reading
from schemas.admission import shape_fault
from schemas.ids import derive, id_fault
from schemas.journal import FenceChanged
from schemas.records import FenceShape

router = APIRouter(prefix="/api/v1", tags=["city"])

_HISTORY = 50
_LISTED = 20
_LEAST_M2 = 1.0
_SLIVER = 0.01
"""Borders drawn by hand share a little ground with their neighbours: so much of the smaller."""
_ALONE = ("beat", "district", "subdistrict")
"""Kinds of which a place lies in one fence: of two the first one counts."""

Ring = list[tuple[float, float]]


class FenceMeant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fence as it should be.

    Attributes
    ----------
    region
        Whose; may be left out where there is only one.
    fence
        Its id: a known one is changed, another one is new.
    polygons
        GeoJSON's coordinates of a MultiPolygon: WGS-84, longitude first. None removes the fence.
    """

    region: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    fence: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    kind: Literal["district", "subdistrict", "beat", "hazard_zone"]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    polygons: Annotated[list[list[Ring]], msgspec.Meta(min_length=1, max_length=100)] | None = None


class FenceGiven(FenceMeant, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fence to be put in force.

    Attributes
    ----------
    instead_of
        Number of the last change of a fence when it was drawn. Where there was another one since,
        it is refused.
    despite
        Codes of doubts that were seen and are accepted, such as ``overlaps``.
    """

    instead_of: int
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    despite: tuple[str, ...] = ()


class FenceFault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a fence.

    Attributes
    ----------
    code
        ``crossing``, ``antimeridian``, ``shape`` and ``empty`` are refused; ``outside`` and
        ``overlaps`` are doubts that can be accepted.
    at
        Where, as longitude and latitude, if it is at one place.
    names
        Of the fences that it overlaps.
    percent
        How much of it (of the smaller one, where it overlaps).
    """

    code: Literal["crossing", "antimeridian", "shape", "empty", "outside", "overlaps"]
    text: str
    accepted_by_hand: bool = False
    at: tuple[float, float] | None = None
    names: tuple[str, ...] = ()
    percent: float | None = None


class FenceTried(msgspec.Struct, frozen=True, kw_only=True):
    """What a change of a fence would mean.

    Attributes
    ----------
    number
        Of the last change: what a change names as ``instead_of``.
    incidents
        How many open incidents lie where it makes a difference: evidence of them that comes later
        is told to lie elsewhere. ``numbers`` are those of the first ones.
    """

    number: int
    is_new: bool
    faults: tuple[FenceFault, ...]
    incidents: int
    numbers: tuple[str, ...]


class FenceChanges(msgspec.Struct, frozen=True, kw_only=True):
    """A region's last change of a fence, and the latest ones, the last one first."""

    region: str
    city: str
    number: int
    changes: tuple[FenceLine, ...]


@router.get("/fences/changes", responses=answers(list[FenceChanges]))
async def changes(request: Request) -> Response:
    """Return the latest changes of fences: by whom, when and why."""
    async with asking(services_of(request).pool) as conn:
        return reply([await _told(conn, now) for now in await fences.now(conn, None)])


@router.post(
    "/fences/dry-run",
    openapi_extra=json_body(FenceMeant),
    responses=answers(FenceTried, 404, 413, 415),
)
async def rehearse(request: Request) -> Response:
    """Return what is wrong with a fence, and the open incidents that it concerns."""
    services, given = services_of(request), await body_of(request, FenceMeant)
    async with reading(services.pool) as conn:
        now = await _now(conn, given.region)
        return reply(await _tried(conn, now, given))


@router.post(
    "/fences",
    openapi_extra=json_body(FenceGiven) | {"parameters": [KEY_PARAMETER]},
    responses=answers(FenceChanges, 400, 404, 409, 413, 415, 504) | answers(FenceChanges, ok=202),
)
async def put_in_force(request: Request, person: AsPerson) -> Response:
    """Draw, move, rename or remove a fence, once per key; what comes next is fenced by it.

    It becomes an entry of the journal, which decides if two are sent at a time. 200: the ledger has
    it. 202: it was sent, and nobody has applied it yet. 409 names the change that was first.
    """
    services, key = services_of(request), key_of(request)
    given = await body_of(request, FenceGiven)
    named = derive(f"{person.name}\x1f{key}", "gateway-fence")
    async with reading(services.pool) as conn:
        now = await _now(conn, given.region)
        known = await _told(conn, now)
        if _has(known, named):  # the same request again
            return reply(known)
        if now.number != given.instead_of:
            raise _was_changed(now.number)
        shape = await _shape(conn, now, given)
        _check(await _tried(conn, now, given), given)
    entry = FenceChanged(
        id=named,
        region=now.region,
        city=now.city,
        fence=given.fence,
        shape=shape,
        instead_of=given.instead_of,
        operator=person.name,
        reason=given.reason,
    )
    said = Audited(
        "fence",
        f"{now.region}/{given.fence}",
        {
            "kind": given.kind,
            "name": given.name,
            "removed": given.polygons is None,
            "instead_of": given.instead_of,
            "reason": given.reason,
        },
    )

    def is_changed(told: FenceChanges) -> bool:
        return told.number != given.instead_of

    found, changed = await journaled(
        services,
        person,
        key,
        given,
        entry,
        said,
        lambda: _later(services, now.region),
        is_changed,
    )
    if not changed:
        return reply(found, 202)
    if not _has(found, named):
        raise _was_changed(found.number)
    return reply(found)


async def _now(conn: asyncpg.Connection, region: str | None) -> FencesNow:
    """Return what holds in a region, or in the only one."""
    found = await fences.now(conn, region)
    if region is None and len(found) != 1:
        raise Problem("invalid", "region: there are several, or none; name one")
    if not found:
        raise Problem("not-found", "there is no such region, or it has no city yet")
    return found[0]


async def _told(conn: asyncpg.Connection, now: FencesNow) -> FenceChanges:
    lines = await fences.history(conn, now.region, _HISTORY)
    return FenceChanges(region=now.region, city=now.city, number=now.number, changes=tuple(lines))


async def _later(services: Services, region: str) -> FenceChanges:
    async with reading(services.pool) as conn:
        return await _told(conn, await _now(conn, region))


def _has(told: FenceChanges, entry: str) -> bool:
    return any(line.entry == entry for line in told.changes)


async def _shape(conn: asyncpg.Connection, now: FencesNow, given: FenceMeant) -> FenceShape:
    """Return the fence that is meant, with the attributes that it has; raises `Problem`."""
    known = await fences.one(conn, now.city, given.fence)
    if given.polygons is None and known is None:
        raise Problem("not-found", "there is no such fence to be removed")
    fault = id_fault(given.fence)
    if fault is not None:
        raise Problem("invalid", f"fence {fault}")
    return FenceShape(
        kind=given.kind,
        name=given.name.strip(),
        polygons=tuple(tuple(tuple(r) for r in rings) for rings in given.polygons or ()),
        attributes={} if known is None else known.attributes,
    )


async def _tried(conn: asyncpg.Connection, now: FencesNow, given: FenceMeant) -> FenceTried:
    shape = await _shape(conn, now, given)
    known = await fences.one(conn, now.city, given.fence)
    faults = await _faults(conn, now, given.fence, shape)
    touched: list[tuple[str, str]] = []
    if not any(not fault.accepted_by_hand for fault in faults):
        touched = await fences.touched(conn, now, given.fence, shape)
    return FenceTried(
        number=now.number,
        is_new=known is None,
        faults=tuple(faults),
        incidents=len(touched),
        numbers=tuple(number for _, number in touched[:_LISTED]),
    )


async def _faults(
    conn: asyncpg.Connection, now: FencesNow, fence: str, shape: FenceShape
) -> list[FenceFault]:
    """Return what is wrong with a fence; where it cannot be drawn at all, only that."""
    fault = shape_fault(shape)
    if fault is not None:
        across = "180th meridian" in fault
        return [FenceFault(code="antimeridian" if across else "shape", text=fault)]
    geometry = fences.geojson(shape)
    if geometry is None:
        return []
    sound = await fences.crossing(conn, geometry)
    if not sound.valid:
        at = None
        if sound.lon_at is not None and sound.lat_at is not None:
            at = (sound.lon_at, sound.lat_at)
        where = "" if at is None else f" at {at[0]:.6f}, {at[1]:.6f}"
        text = f"the border crosses or touches itself{where} ({sound.why}): move a point"
        return [FenceFault(code="crossing", text=text, at=at)]
    if (sound.area_m2 or 0.0) < _LEAST_M2:
        return [FenceFault(code="empty", text="the fence has no area: draw three points or more")]
    return [fault async for fault in _doubts(conn, now, fence, shape, geometry)]


async def _doubts(
    conn: asyncpg.Connection, now: FencesNow, fence: str, shape: FenceShape, geometry: str
) -> AsyncIterator[FenceFault]:
    if shape.kind != "district":
        found = await fences.outside(conn, now.city, geometry, fence)
        if found is not None and found[0] > _SLIVER * found[1]:
            percent = round(100 * found[0] / found[1], 1)
            yield FenceFault(
                code="outside",
                text=f"{percent:g} % of the fence lie outside the district",
                accepted_by_hand=True,
                percent=percent,
            )
    if shape.kind not in _ALONE:
        return
    shared = await fences.overlaps(conn, now.city, geometry, fence, shape.kind)
    over = [one for one in shared if one.m2 > _SLIVER * one.smaller_m2]
    if over:
        percent = round(max(100 * one.m2 / one.smaller_m2 for one in over), 1)
        names = ", ".join(one.name for one in over[:_LISTED])
        yield FenceFault(
            code="overlaps",
            text=f"the fence overlaps others of its kind: {names} (up to {percent:g} %)",
            accepted_by_hand=True,
            names=tuple(one.name for one in over[:_LISTED]),
            percent=percent,
        )


def _check(tried: FenceTried, given: FenceGiven) -> None:
    for fault in tried.faults:
        if not fault.accepted_by_hand:
            raise Problem("invalid", f"polygons: {fault.text}", fault=fault.code)
        if fault.code not in given.despite:
            raise Problem(
                "invalid",
                f"polygons: {fault.text}. If it is meant, name {fault.code!r} in despite",
                fault=fault.code,
            )


def _was_changed(number: int) -> Problem:
    return Problem(
        "fences-changed",
        f"change {number} of a fence is in force by now: read the fences, and make yours again",
        present=number,
    )
