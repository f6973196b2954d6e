"""The map's layers by OGC API - Features - Part 1: Core 1.0.1 (OGC 17-069r4).

Of its conformance classes there are Core and GeoJSON: there is no HTML, and the API's definition is
OpenAPI 3.1, where the standard's class has 3.0. Errors in parameters are 400, as it wants.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field, TypeAdapter, ValidationError

from console import paging, tiles
from console.access import LAYERS, Person
from console.bodies import answers, reply
from console.entry import AsPerson
from console.paging import place
from console.problems import Problem
from console.services import services_of
from infra.ledger import maps
from infra.ledger.maps import PLACES, Filter
from infra.ledger.pool import asking

PREFIX = "/api/v1/ogc"
router = APIRouter(prefix=PREFIX, tags=["features"])

_SPEC = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_GEOJSON = "application/geo+json"
_JSON = "application/json"
_OPENAPI = "application/vnd.oai.openapi+json;version=3.1"
_MOST = 10_000

_ABOUT = {
    "incidents": ("Incidents", "The latest opened first; `datetime` is when they were opened."),
    "units": ("Units", "Where they are; `datetime` is when they were there."),
    "tracks": ("Tracks of units", "Positions by unit and time."),
    "conditions": ("Street conditions", "Closures and the like; `datetime` is when in force."),
    "fences": ("Fences", "Districts, beats, hazard zones of the cities in force."),
    "streets": ("Streets", "Streets of the cities in force, one line for both directions."),
}
_FILTERS = {
    "incidents": {"open", "severity", "category", "state"},
    "units": {"kind", "state"},
    "conditions": {"kind"},
    "fences": {"kind"},
}
_EVERY = {"limit", "after", "bbox", "datetime"}

Collection = Annotated[str, Path(pattern=r"^[a-z]+$", max_length=20)]
FeatureId = Annotated[str, Path(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f]+$")]


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """A link, as in RFC 8288."""

    href: str
    rel: str
    type: str
    title: str | None = None


class Landing(msgspec.Struct, frozen=True):
    """The landing page."""

    title: str
    description: str
    links: tuple[Link, ...]


class Conformance(msgspec.Struct, frozen=True, rename="camel"):
    """The classes of the standard that are implemented."""

    conforms_to: tuple[str, ...]


class Spatial(msgspec.Struct, frozen=True):
    """Where a collection is."""

    bbox: tuple[tuple[float, float, float, float], ...]
    crs: str = _CRS84


class Extent(msgspec.Struct, frozen=True):
    """Where a collection is."""

    spatial: Spatial


class CollectionAbout(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What is said of a collection."""

    id: str
    title: str
    description: str
    links: tuple[Link, ...]
    item_type: str = msgspec.field(default_factory=lambda: "feature")
    crs: tuple[str, ...] = msgspec.field(default_factory=lambda: (_CRS84,))
    extent: Extent | None = None


class Collections(msgspec.Struct, frozen=True):
    """All collections that whoever asks sees."""

    links: tuple[Link, ...]
    collections: tuple[CollectionAbout, ...]


class Feature(msgspec.Struct, frozen=True):
    """A GeoJSON feature (RFC 7946)."""

    type: str
    id: str
    geometry: dict[str, Any] | None
    properties: dict[str, Any]


class FeatureCollection(msgspec.Struct, frozen=True, rename="camel"):
    """A page of GeoJSON features (RFC 7946)."""

    type: str
    features: tuple[Feature, ...]
    links: tuple[Link, ...]
    number_returned: int


class ItemsQuery(paging.Query):
    """Parameters of a page of features; which filters there are depends on the collection."""

    limit: int = Field(
        default=1_000, ge=1, description="Features of a page; more than 10,000 means 10,000."
    )
    after: str | None = Field(
        default=None, max_length=1_000, description="From the link `next`: not for you to make."
    )
    bbox: str | None = Field(
        default=None,
        max_length=200,
        description="west,south,east,north in degrees (with heights six numbers); west > east "
        "crosses the 180th meridian.",
    )
    datetime: str | None = Field(
        default=None,
        max_length=100,
        description="A time of RFC 3339, or an interval of two, of which one may be `..`.",
    )
    open: bool | None = Field(default=None, description="Incidents.")
    severity: paging.Codes = Field(default=[], description="Incidents.")
    category: paging.Codes = Field(default=[], description="Incidents.")
    state: paging.Codes = Field(default=[], description="Incidents, units.")
    kind: paging.Codes = Field(default=[], description="Units, conditions, fences.")


@router.get("", responses=answers(Landing))
async def landing(request: Request) -> Response:
    """Return the landing page."""
    base = str(request.base_url)
    links = (
        Link(_url(request), "self", _JSON, "This document"),
        Link(f"{base}api/v1/openapi.json", "service-desc", _OPENAPI, "The API's definition"),
        Link(f"{base}api/v1/docs", "service-doc", "text/html", "The API's documentation"),
        Link(_url(request, "/conformance"), "conformance", _JSON, "Conformance classes"),
        Link(_url(request, "/collections"), "data", _JSON, "Collections"),
    )
    return reply(Landing("Jingwei", "Incidents, units, streets and fences of a city.", links))


@router.get("/conformance", responses=answers(Conformance))
async def conformance() -> Response:
    """Return the conformance classes of OGC API - Features."""
    return reply(Conformance((f"{_SPEC}/core", f"{_SPEC}/geojson")))


@router.get("/collections", responses=answers(Collections))
async def collections(request: Request, person: AsPerson) -> Response:
    """List the collections that whoever asks sees."""
    extent = await _extent(request)
    found = tuple(
        _about(request, name, extent) for name, roles in LAYERS.items() if person.role in roles
    )
    return reply(Collections((Link(_url(request, "/collections"), "self", _JSON),), found))


@router.get("/collections/{collection}", responses=answers(CollectionAbout, 400, 404))
async def collection(request: Request, person: AsPerson, collection: Collection) -> Response:
    """Describe a collection."""
    tiles.seen(person, collection)
    return reply(_about(request, collection, await _extent(request)))


def _geojson(kind: Any, *errors: int) -> dict[int | str, dict[str, Any]]:  # noqa: ANN401
    described = answers(kind, *errors)
    content = described[200]["content"]
    described[200]["content"] = {_GEOJSON: content[_JSON]}
    return described


@router.get("/collections/{collection}/items", responses=_geojson(FeatureCollection, 400, 404))
async def items(
    request: Request,
    person: AsPerson,
    collection: Collection,
    query: Annotated[ItemsQuery, Query()],
) -> Response:
    """Return a page of features; the link `next` leads to the page behind it.

    What comes between two pages moves nothing: no feature comes twice, none is skipped.
    """
    tiles.seen(person, collection)
    other = query.model_fields_set - _EVERY - _FILTERS.get(collection, set())
    if other:
        raise Problem("invalid", f"query.{min(other)}: {collection} have no such parameter")
    since, until = _interval(query.datetime)
    wanted = msgspec.structs.replace(
        _scope(person),
        boxes=_boxes(query.bbox),
        since=since,
        until=until,
        open=query.open,
        severities=query.severity or None,
        categories=query.category or None,
        states=query.state or None,
        kinds=query.kind or None,
    )
    after = place(query.after, *PLACES[collection])
    async with asking(services_of(request).pool) as conn:
        found = await maps.features(conn, collection, wanted, after, min(query.limit, _MOST))
    path = f"/collections/{collection}"
    links = [
        Link(str(request.url), "self", _GEOJSON),
        Link(_url(request, path), "collection", _JSON),
    ]
    cursor = paging.page(found).next
    if cursor is not None:
        given = [pair for pair in request.query_params.multi_items() if pair[0] != "after"]
        behind = urlencode([*given, ("after", cursor)])
        links.append(Link(f"{_url(request, path)}/items?{behind}", "next", _GEOJSON))
    page = FeatureCollection(
        "FeatureCollection",
        tuple(map(msgspec.Raw, found.items)),  # type: ignore[arg-type] # made by PostGIS
        tuple(links),
        len(found.items),
    )
    return Response(msgspec.json.encode(page), media_type=_GEOJSON)


@router.get("/collections/{collection}/items/{feature}", responses=_geojson(Feature, 400, 404))
async def item(
    request: Request, person: AsPerson, collection: Collection, feature: FeatureId
) -> Response:
    """Return one feature by its id."""
    tiles.seen(person, collection)
    wanted = msgspec.structs.replace(_scope(person), id=feature)
    async with asking(services_of(request).pool) as conn:
        found = await maps.features(conn, collection, wanted, None, 1)
    if not found.items:
        raise Problem("not-found", "there is no such feature, or you may not see it")
    path = f"/collections/{collection}"
    links = [
        Link(str(request.url), "self", _GEOJSON),
        Link(_url(request, path), "collection", _JSON),
    ]
    body = found.items[0][:-1] + b',"links":' + msgspec.json.encode(links) + b"}"
    return Response(body, media_type=_GEOJSON)


def _url(request: Request, path: str = "") -> str:
    return f"{str(request.base_url).rstrip('/')}{PREFIX}{path}"


def _about(request: Request, name: str, extent: Extent | None) -> CollectionAbout:
    title, description = _ABOUT[name]
    path = f"/collections/{name}"
    links = (
        Link(_url(request, path), "self", _JSON),
        Link(_url(request, f"{path}/items"), "items", _GEOJSON, title),
    )
    # What moves may be beyond the city.
    still = extent if name in ("fences", "streets") else None
    return CollectionAbout(name, title, description, links, extent=still)


async def _extent(request: Request) -> Extent | None:
    async with asking(services_of(request).pool) as conn:
        bounds = await maps.bounds(conn, await maps.cities_in_force(conn))
    return None if bounds is None else Extent(Spatial((bounds,)))


def _scope(person: Person) -> Filter:
    scope = person.scope()
    return Filter(within=scope.categories, unit=scope.unit, department=scope.department)


def _boxes(text: str | None) -> Sequence[float] | None:
    """Return a box, or the two on either side of the 180th meridian."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
        if len(numbers) == 6:  # noqa: PLR2004 - with heights, which nothing here has
            numbers = [*numbers[0:2], *numbers[3:5]]
        west, south, east, north = numbers
    except ValueError:
        raise Problem("invalid", "bbox: give west,south,east,north in degrees") from None
    if not (abs(west) <= 180 and abs(east) <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004
        raise Problem("invalid", "bbox: longitudes within ±180, south ≤ north within ±90")
    if west <= east:
        return west, south, east, north
    return west, south, 180.0, north, -180.0, south, east, north


_MOMENT: TypeAdapter[datetime] = TypeAdapter(paging.Moment)


def _interval(text: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the ends of a time or an interval; None is open."""
    if text is None:
        return None, None
    first, slash, second = text.partition("/")
    if not slash:
        at = _moment(first)
        return at, at
    since, until = (None if end in ("", "..") else _moment(end) for end in (first, second))
    if since is not None and until is not None and since > until:
        raise Problem("invalid", "datetime: the interval ends before it begins")
    return since, until


def _moment(text: str) -> datetime:
    try:
        found = _MOMENT.validate_python(text)
        paging.moment(found, "datetime")
    except (ValidationError, Problem):
        raise Problem(
            "invalid",
            "datetime: give a time as in 2026-11-30T08:00:00Z, or an interval of two with /, of "
            "which one may be ..; in a URL, + is written %2B",
        ) from None
    return found
