"""Changes of a city's fences, and what the fences of the ledger say of one that is only meant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from infra.ledger.rows import plain
from infra.ledger.statements import statement
from schemas import wire
from schemas.effects import FenceWritten
from schemas.records import FenceChange, FenceShape


class FencesNow(msgspec.Struct, frozen=True):
    """A region, the digest of its city, and the number of the last change of a fence."""

    region: str
    city: str
    number: int


class FenceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a fence: by whom, when and why, and the journal entry that made it."""

    region: str
    city: str
    number: int
    fence: str
    kind: str
    name: str
    removed: bool
    operator: str
    reason: str
    at: datetime
    entry: str


class Overlap(msgspec.Struct, frozen=True):
    """A fence of the same kind that shares ground, in square metres."""

    id: str
    name: str
    m2: float
    smaller_m2: float


class Crossing(msgspec.Struct, frozen=True):
    """Whether a geometry is sound; where not, why, and where in degrees; its area where it is."""

    valid: bool
    why: str
    lon_at: float | None
    lat_at: float | None
    area_m2: float | None


def geojson(shape: FenceShape) -> str | None:
    """Return a fence's geometry as GeoJSON, None where it is removed."""
    if not shape.polygons:
        return None
    return msgspec.json.encode({"type": "MultiPolygon", "coordinates": shape.polygons}).decode()


async def write(conn: asyncpg.Connection, region: str, written: Sequence[FenceWritten]) -> None:
    """Write what the core took over, and the fences that follow; inside a transaction."""
    for effect in written:
        change = effect.change
        shape = change.shape
        await conn.execute(
            statement("fences.add"),
            region,
            change.number,
            effect.city,
            change.fence,
            plain(shape.kind),
            plain(shape.name),
            wire.encode(shape),
            geojson(shape),
            shape.attributes,
            plain(effect.operator),
            plain(effect.reason),
            effect.at,
            effect.entry,
        )
    for city in sorted({effect.city for effect in written}):
        await conn.execute(statement("city.lock"), f"fences of city {city}")
        await put_changed(conn, city)


async def put_changed(conn: asyncpg.Connection, city: str) -> None:
    """Let the table of fences have a city's changes; under the lock of its fences."""
    await conn.execute(statement("fences.forget_changed"), city)
    await conn.execute(statement("fences.put_changed"), city)


async def changes(
    conn: asyncpg.Connection, city: str, until: int | None = None
) -> list[FenceChange]:
    """Return the changes of a city's fences in order, up to one with this number."""
    return [
        FenceChange(
            number=row["number"],
            fence=row["fence_id"],
            shape=wire.decode(row["shape"], FenceShape),
        )
        for row in await conn.fetch(statement("fences.changes"), city, until)
    ]


async def last_change(conn: asyncpg.Connection, city: str) -> int:
    """Return the number of a city's last change, 0 before any."""
    found: int = await conn.fetchval(statement("fences.last"), city)
    return found


async def now(conn: asyncpg.Connection, region: str | None) -> list[FencesNow]:
    """Return the city in force and the number of the last change, of a region or of all."""
    rows = await conn.fetch(statement("fences.region"), region)
    return [FencesNow(*row) for row in rows]


async def history(conn: asyncpg.Connection, region: str, most: int) -> list[FenceLine]:
    """Return the latest changes of a region, the last one first."""
    rows = await conn.fetch(statement("fences.history"), region, most)
    return [FenceLine(**row) for row in rows]


async def one(conn: asyncpg.Connection, city: str, fence: str) -> FenceShape | None:
    """Return a fence of a city without its polygons, None where there is none."""
    row = await conn.fetchrow(statement("fences.one"), city, fence)
    if row is None:
        return None
    attributes: dict[str, Any] = row["attributes"]
    return FenceShape(kind=row["kind"], name=row["name"], attributes=attributes)


async def crossing(conn: asyncpg.Connection, geometry: str) -> Crossing:
    """Return whether a geometry (GeoJSON) is sound."""
    row = await conn.fetchrow(statement("fences.crossing"), geometry)
    return Crossing(row["valid"], row["why"], row["lon_at"], row["lat_at"], row["area_m2"])


async def outside(
    conn: asyncpg.Connection, city: str, geometry: str, fence: str
) -> tuple[float, float] | None:
    """Return how many m² lie outside the districts, and of how many; None without districts."""
    row = await conn.fetchrow(statement("fences.outside"), city, geometry, fence)
    return None if row is None else (row["m2"] or 0.0, row["whole_m2"])


async def overlaps(
    conn: asyncpg.Connection, city: str, geometry: str, fence: str, kind: str
) -> list[Overlap]:
    """Return the other fences of a kind that share ground with a geometry."""
    rows = await conn.fetch(statement("fences.overlaps"), city, geometry, fence, kind)
    return [Overlap(**row) for row in rows]


async def touched(
    conn: asyncpg.Connection, now: FencesNow, fence: str, shape: FenceShape
) -> list[tuple[str, str]]:
    """Return id and number of the open incidents that would be told to lie elsewhere."""
    rows = await conn.fetch(
        statement("fences.touched"),
        now.region,
        now.city,
        fence,
        geojson(shape),
        shape.kind,
        shape.name,
    )
    return [(row["id"], row["number"]) for row in rows]
