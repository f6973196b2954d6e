"""Places: what an address means, what a point is called, the city's fences."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.bodies import answers, raw, reply
from console.compute.shapes import PlaceFound, PlaceNames
from console.incidents import bbox_of
from console.paging import Page, page, place
from console.services import services_of
from infra.ledger import advice
from infra.ledger.advice import Fence
from infra.ledger.pool import asking

router = APIRouter(prefix="/api/v1", tags=["places"])

Crs = Literal["WGS-84", "GCJ-02", "BD-09"]
Lon = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="Degrees east.")]
Lat = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="Degrees north.")]


class PlaceQuery(paging.Query):
    """What was typed into the box for an address."""

    q: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f]*$",
        description="Street, crossing, landmark, district, or coordinates in any usual form.",
    )
    crs: Crs | None = Field(
        default=None,
        description="Reference system of coordinates. Default: as `q` says (`GCJ-02`, `高德`), "
        "else each that it may be.",
    )
    limit: int = Field(default=10, ge=1, le=20, description="Places at most.")


class PointQuery(paging.Query):
    """A point."""

    lon: Lon
    lat: Lat
    crs: Crs = Field(default="WGS-84", description="Reference system of the point.")


class FenceQuery(paging.ListQuery):
    """Filters of the list of fences."""

    kind: paging.Codes = Field(default=[], description="Such as district, beat, hazard_zone.")
    bbox: str | None = Field(
        default=None, max_length=200, description="west,south,east,north in WGS-84 degrees."
    )


@router.get("/places", responses=answers(list[PlaceFound]))
async def places(request: Request, query: Annotated[PlaceQuery, Query()]) -> Response:
    """Find places by name or coordinates, the likeliest first, with their uncertainty."""
    compute = services_of(request).compute
    return raw(await compute.ask("places", query.q, query.crs, query.limit))


@router.get("/places/reverse", responses=answers(PlaceNames))
async def names(request: Request, query: Annotated[PointQuery, Query()]) -> Response:
    """Return what a point is called: address, fences, the nearest street and place."""
    compute = services_of(request).compute
    return raw(await compute.ask("names", query.lon, query.lat, query.crs))


@router.get("/fences", responses=answers(Page[Fence]))
async def fences(request: Request, query: Annotated[FenceQuery, Query()]) -> Response:
    """List the fences of the cities in force by region and id."""
    after, bbox = place(query.after, str, str), bbox_of(query.bbox)
    async with asking(services_of(request).pool) as conn:
        found = await advice.fences(conn, after, query.limit, kinds=query.kind or None, bbox=bbox)
    return reply(page(found))
