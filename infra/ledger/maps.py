"""Layers of the map, for the gateway: as vector tiles, and as GeoJSON features in pages.

A layer is ``incidents``, ``units``, ``tracks`` (where units were), ``conditions`` (of streets),
``fences`` or ``streets``; the last two are those of the cities in force. All in WGS-84.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import msgspec

from infra.ledger.pages import Found, Place
from infra.ledger.statements import statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROS = re.compile(r"\d{1,16}")

MOST_IN_TILE: Final = 10_000
"""Incidents of a tile; if there are more, it has those opened last."""

Tile = tuple[int, int, int]
"""Zoom, column, row of the WebMercatorQuad."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a layer; None means any. A layer looks only at what it has.

    Attributes
    ----------
    boxes
        West, south, east, north in degrees, once or twice.
    since, until
        When an incident was opened, a unit had its position, a condition was in force.
    within
        Categories of incidents that whoever asks may see at all.
    unit
        The only unit that is seen, and of incidents those to which it is assigned now.
    department
        Units of this department only.
    """

    boxes: Sequence[float] | None = None
    since: datetime | None = None
    until: datetime | None = None
    id: str | None = None
    open: bool | None = None
    severities: Sequence[str] | None = None
    categories: Sequence[str] | None = None
    kinds: Sequence[str] | None = None
    states: Sequence[str] | None = None
    within: Sequence[str] | None = None
    unit: str | None = None
    department: str | None = None


async def cities_in_force(conn: asyncpg.Connection) -> tuple[str, ...]:
    """Return the digests of the cities that the regions' cores use, in order."""
    return tuple(await conn.fetchval(statement("maps.cities")) or ())


async def fences_changed(conn: asyncpg.Connection) -> int:
    """Return how often a fence was changed, in all regions."""
    found: int = await conn.fetchval(statement("maps.fences_changed"))
    return found


async def bounds(
    conn: asyncpg.Connection, cities: Sequence[str]
) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of the cities' fences, None if they have none."""
    row = await conn.fetchrow(statement("maps.bounds"), cities)
    return None if row is None else tuple(row)


async def tile(
    conn: asyncpg.Connection, layer: str, at: Tile, wanted: Filter, cities: Sequence[str]
) -> bytes:
    """Return a Mapbox vector tile of one layer; empty if nothing is there.

    Parameters
    ----------
    wanted
        Of tracks ``since`` is needed.
    """
    given: tuple[Any, ...]
    match layer:
        case "incidents":
            given = (
                wanted.within,
                wanted.unit,
                wanted.open,
                wanted.severities,
                wanted.categories,
                wanted.since,
                MOST_IN_TILE,
            )
        case "units":
            given = wanted.unit, wanted.department
        case "tracks":
            given = wanted.unit, wanted.department, wanted.since
        case "conditions":
            given = ()
        case _:
            given = (cities,)
    found: bytes = await conn.fetchval(statement(f"maps.{layer}_tile"), *at, *given)
    return found


async def features(
    conn: asyncpg.Connection, layer: str, wanted: Filter, after: Place | None, limit: int
) -> Found[bytes]:
    """Return a page of a layer's features, each a GeoJSON object as JSON."""
    given: tuple[Any, ...]
    here: tuple[Any, ...] = (*(after or (None,) * len(PLACES[layer])), wanted.boxes)
    match layer:
        case "incidents":
            given = (
                *(wanted.since, wanted.until, wanted.id, wanted.within, wanted.unit),
                *(wanted.open, wanted.severities, wanted.categories, wanted.states),
            )
        case "units":
            given = (
                *(wanted.since, wanted.until, wanted.id, wanted.unit, wanted.department),
                *(wanted.kinds, wanted.states),
            )
        case "tracks":
            one = _one_fix(wanted)
            given = one.since, one.until, one.id, one.unit, one.department
        case "conditions":
            given = wanted.since, wanted.until, wanted.id, wanted.kinds
        case "fences":
            given = wanted.id, wanted.kinds
        case _:
            given = (wanted.id,)
    rows = await conn.fetch(statement(f"maps.{layer}"), *here, *given, limit + 1)
    shown = rows[:limit]
    last = tuple(shown[-1])[: len(PLACES[layer])] if len(rows) > limit else None
    return Found(tuple(_feature(row) for row in shown), last)


PLACES: Final[dict[str, tuple[type, ...]]] = {
    "incidents": (datetime, str),
    "units": (str,),
    "tracks": (str, datetime),
    "conditions": (str, str),
    "fences": (str, str),
    "streets": (str, str),
}
"""The parts of a feature's place in its layer."""


_NOWHERE = '{"type": "Feature", "geometry": {"type": null}'


def _feature(row: asyncpg.Record) -> bytes:
    """Give PostGIS's feature its id, and the null of RFC 7946 for no place: version 3.3 cannot."""
    feature: str = row["feature"]
    if feature.startswith(_NOWHERE):
        feature = feature.replace('{"type": null}', "null", 1)
    return b'{"id":' + msgspec.json.encode(row["id"]) + b"," + feature[1:].encode()


def _one_fix(wanted: Filter) -> Filter:
    """Read unit and time of a fix from its id, ``UNIT@MICROSECONDS``."""
    if wanted.id is None:
        return wanted
    unit, _, micros = wanted.id.rpartition("@")
    at = _EPOCH + timedelta(microseconds=int(micros)) if _MICROS.fullmatch(micros) else _EPOCH
    return msgspec.structs.replace(wanted, id=unit, since=at, until=at)
