"""Routes, isochrones, and who could go to an incident."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.bodies import answers, raw
from console.city import unit_seen
from console.compute.shapes import Candidates, Isochrone, RouteFound
from console.entry import AsPerson
from console.incidents import IncidentId, seen
from console.places import Crs
from console.problems import Problem
from console.services import services_of
from infra.ledger import advice
from infra.ledger.pool import asking, reading
from schemas.records import Vehicle

router = APIRouter(prefix="/api/v1", tags=["ways"])

_LONGEST_S = 3_600
Spot = Annotated[
    str,
    Field(
        max_length=60,
        pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,15})?,-?[0-9]{1,2}(\.[0-9]{1,15})?$",
        description="longitude,latitude in degrees.",
    ),
]
Size = Annotated[float | None, Field(gt=0, le=200, allow_inf_nan=False)]


class WayQuery(paging.Query):
    """From where, and how."""

    source: Spot = Field(alias="from")
    crs: Crs = Field(default="WGS-84", description="Reference system of the points.")
    profile: Literal["emergency", "civilian"] = Field(
        default="emergency", description="With or without siren."
    )


class RouteQuery(WayQuery):
    """From where to where, and with what vehicle."""

    target: Spot = Field(alias="to")
    unit: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f]+$",
        description="A unit, for the size of its vehicle where none is given.",
    )
    height_m: Size = Field(default=None, description="Of the vehicle; default: fits everywhere.")
    width_m: Size = Field(default=None, description="Of the vehicle.")
    weight_t: Size = Field(default=None, description="Of the vehicle.")
    length_m: Size = Field(default=None, description="Of the vehicle.")


class IsochroneQuery(WayQuery):
    """From where, and within which times."""

    seconds: Annotated[
        list[Annotated[float, Field(gt=0, le=_LONGEST_S, allow_inf_nan=False)]],
        Field(min_length=1, max_length=6, description="Times, each at most an hour."),
    ]


@router.get("/route", responses=answers(RouteFound, 404))
async def route(
    request: Request, person: AsPerson, query: Annotated[RouteQuery, Query()]
) -> Response:
    """Return the fastest way, with the streets as they are now; 404 if none leads there."""
    services = services_of(request)
    unit = None if query.unit is None else await unit_seen(services, person, query.unit)
    own = {} if unit is None or not unit.vehicle else msgspec.structs.asdict(unit.vehicle)
    given = query.model_dump(include=set(Vehicle.__struct_fields__))
    sizes = own | {name: value for name, value in given.items() if value is not None}
    size = {name: value for name, value in sizes.items() if value is not None}
    async with asking(services.pool) as conn:
        in_force = await advice.conditions(conn)
    ends = _spot(query.source), _spot(query.target)
    return raw(await services.compute.ask("route", *ends, query.crs, query.profile, size, in_force))


@router.get("/isochrone", responses=answers(Isochrone, 404))
async def isochrone(request: Request, query: Annotated[IsochroneQuery, Query()]) -> Response:
    """Return what is reached within some times: areas 50 m around the streets reached."""
    services = services_of(request)
    async with asking(services.pool) as conn:
        in_force = await advice.conditions(conn)
    asked = _spot(query.source), query.crs, tuple(query.seconds), query.profile
    return raw(await services.compute.ask("isochrone", *asked, in_force))


@router.get("/incidents/{incident}/candidates", responses=answers(Candidates, 404))
async def candidates(request: Request, person: AsPerson, incident: IncidentId) -> Response:
    """Return who could go to an incident, those able first and the nearest first, and why not.

    Nothing is decided or held by this: a unit may be sent elsewhere meanwhile.
    """
    services = services_of(request)
    async with reading(services.pool) as conn:
        record = (await seen(conn, person, incident)).incident
        if record.point is None:
            raise Problem("invalid", f"the place of {record.number} is not known: correct it first")
        known = await advice.dispatch_view(conn, record.id, record.region)
    return raw(await services.compute.ask("candidates", record.id, known, datetime.now(UTC)))


def _spot(text: str) -> tuple[float, float]:
    lon, lat = map(float, text.split(","))
    return lon, lat
