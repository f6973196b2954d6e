"""Vector tiles of the map's layers, as whoever asks may see them."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.access import LAYERS, Person
from console.bodies import answers, reply
from console.entry import AsPerson
from console.problems import Problem
from console.services import services_of
from infra.ledger import maps
from infra.ledger.maps import Filter, Tile
from infra.ledger.pool import asking

router = APIRouter(prefix="/api/v1/tiles", tags=["maps"])

DEEPEST = 22
_MEDIA = "application/vnd.mapbox-vector-tile"
_LASTING = frozenset({"streets", "fences"})
"""Layers that change with the city only."""
_FIELDS: dict[str, dict[str, str]] = {
    "incidents": {
        "id": "String",
        "number": "String",
        "title": "String",
        "category": "String",
        "severity": "String",
        "state": "String",
        "open": "Boolean",
        "opened_at": "Number: milliseconds since 1970",
    },
    "units": {
        "id": "String",
        "name": "String",
        "kind": "String",
        "department": "String",
        "state": "String",
        "incident": "String",
        "heading": "Number: degrees",
        "position_at": "Number: milliseconds since 1970",
    },
    "tracks": {
        "unit": "String",
        "since": "Number: milliseconds since 1970",
        "until": "Number: milliseconds since 1970",
    },
    "conditions": {
        "id": "String",
        "kind": "String",
        "reason": "String",
        "speed_factor": "Number",
        "lanes_closed": "Number",
        "depth_m": "Number",
        "valid_from": "Number: milliseconds since 1970",
        "valid_until": "Number: milliseconds since 1970",
    },
    "fences": {"id": "String", "kind": "String", "name": "String"},
    "streets": {
        "id": "String",
        "name": "String",
        "kph": "Number",
        "lanes": "Number",
        "oneway": "Boolean",
        "emergency_only": "Boolean",
        "ferry": "Boolean",
    },
}
_FILTERS = {"incidents": {"open", "severity", "category", "since"}, "tracks": {"since"}}
_TRACK = timedelta(hours=1)
_LONGEST_TRACK = timedelta(hours=24)

Layer = Annotated[str, Path(pattern=r"^[a-z]+$", max_length=20, description="incidents, units …")]
Zoom = Annotated[int, Path(ge=0, le=DEEPEST)]
Number = Annotated[int, Path(ge=0, lt=1 << DEEPEST)]


async def _at(z: Zoom, x: Number, y: Number) -> Tile:
    if max(x, y) >= 1 << z:
        raise Problem("not-found", f"zoom {z} has columns and rows from 0 to {(1 << z) - 1}")
    return z, x, y


class TileQuery(paging.Query):
    """Filters of a tile; those of incidents are as in the list of incidents."""

    open: Literal["true", "false", "any"] = Field(
        default="true", description="Incidents that are open, closed, or either."
    )
    severity: paging.Codes = Field(default=[], description="Incidents: P1 to P4.")
    category: paging.Codes = Field(default=[], description="Incidents: codes of categories.")
    since: paging.Moment | None = Field(
        default=None,
        description="Incidents opened then or later; tracks from then on: an hour ago unless "
        "given, 24 hours at most.",
    )


class VectorLayer(msgspec.Struct, frozen=True):
    """What TileJSON says of a layer."""

    id: str
    fields: dict[str, str]


class TileJson(msgspec.Struct, frozen=True, omit_defaults=True):
    """TileJSON 3.0.0."""

    tilejson: str
    name: str
    tiles: tuple[str, ...]
    vector_layers: tuple[VectorLayer, ...]
    minzoom: int
    maxzoom: int
    bounds: tuple[float, float, float, float] | None = None


@router.get("", responses=answers(list[str]))
async def layers(person: AsPerson) -> Response:
    """List the layers that whoever asks sees."""
    return reply([name for name, roles in LAYERS.items() if person.role in roles])


@router.get("/{layer}.json", responses=answers(TileJson, 404))
async def tile_json(request: Request, person: AsPerson, layer: Layer) -> Response:
    """Describe a layer's tiles by TileJSON 3.0.0."""
    seen(person, layer)
    bounds = None
    if layer in _LASTING:
        async with asking(services_of(request).pool) as conn:
            bounds = await maps.bounds(conn, await maps.cities_in_force(conn))
    found = TileJson(
        tilejson="3.0.0",
        name=layer,
        tiles=(f"{request.base_url}api/v1/tiles/{layer}/{{z}}/{{x}}/{{y}}.mvt",),
        vector_layers=(VectorLayer(layer, _FIELDS[layer]),),
        minzoom=0,
        maxzoom=DEEPEST,
        bounds=bounds,
    )
    return reply(found)


def _tile_answers() -> dict[int | str, dict[str, Any]]:
    described = answers(None, 404)
    content = {_MEDIA: {"schema": {"type": "string", "format": "binary"}}}
    described[200] = {"description": "A tile", "content": content}
    described[204] = {"description": "Nothing is in the tile"}
    described[304] = {"description": "It is as If-None-Match says"}
    return described


@router.get("/{layer}/{z}/{x}/{y}.mvt", responses=_tile_answers())
async def tile(
    request: Request,
    person: AsPerson,
    layer: Layer,
    at: Annotated[Tile, Depends(_at)],
    query: Annotated[TileQuery, Query()],
) -> Response:
    """Return a Mapbox vector tile of the WebMercatorQuad, one layer of the same name.

    Incidents are the open ones unless `open` says otherwise; a tile with more than 10,000 has
    those opened last, and a layer `left_out`. Tracks are lines of the last hour.
    """
    seen(person, layer)
    found = await _tile(request, layer, at, _wanted(person, layer, query))
    age = "max-age=300" if layer == "streets" else "no-cache"
    # Of the content, so that it holds on every gateway, whoever asks.
    tag = f'"{hashlib.blake2b(found, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": f"private, {age}", "Vary": "Authorization, Cookie"}
    if _has(request.headers.get("If-None-Match", ""), tag):
        return Response(status_code=304, headers=headers)
    if not found:
        return Response(status_code=204, headers=headers)
    return Response(found, headers=headers, media_type=_MEDIA)


def seen(person: Person, layer: str) -> None:
    """Raise `Problem` unless there is this layer and this person sees it."""
    if person.role not in LAYERS.get(layer, frozenset()):
        raise Problem("not-found", "there is no such layer, or you may not see it")


async def _tile(request: Request, layer: str, at: Tile, wanted: Filter) -> bytes:
    services = services_of(request)
    async with asking(services.pool) as conn:
        if layer not in _LASTING:
            return await maps.tile(conn, layer, at, wanted, ())
        cities = await maps.cities_in_force(conn)
        changes = await maps.fences_changed(conn) if layer == "fences" else 0
        key = (layer, at, cities, changes)
        found = services.tiles.get(key)
        if found is None:
            found = await maps.tile(conn, layer, at, wanted, cities)
            services.tiles.put(key, found)
        return found


def _wanted(person: Person, layer: str, query: TileQuery) -> Filter:
    other = query.model_fields_set - _FILTERS.get(layer, set())
    if other:
        raise Problem("invalid", f"query.{min(other)}: tiles of {layer} have no such filter")
    since, scope = paging.moment(query.since, "since"), person.scope()
    if layer == "tracks":
        now = datetime.now(UTC)
        since = since or now - _TRACK
        if since < now - _LONGEST_TRACK:
            raise Problem("invalid", "since: tiles have tracks of the last 24 hours at most")
    return Filter(
        since=since,
        open=None if query.open == "any" else query.open == "true",
        severities=query.severity or None,
        categories=query.category or None,
        within=scope.categories,
        unit=scope.unit,
        department=scope.department,
    )


def _has(if_none_match: str, tag: str) -> bool:
    """Return whether the header names the tag, by weak comparison (RFC 9110, 13.1.2)."""
    named = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return tag in named or "*" in named
