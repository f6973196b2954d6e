"""The city's fences and streets as rows, for maps, joins and planners; the core has its own."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import asyncpg
import msgspec

from infra.ledger import fences as changed
from infra.ledger.statements import statement

_AT_ONCE = 5_000


class FenceRow(msgspec.Struct, frozen=True):
    """A fence: its polygon as WKB in WGS-84 degrees, longitude first."""

    id: str
    kind: str
    name: str
    wkb: bytes
    attributes: dict[str, Any] = {}


class StreetRow(msgspec.Struct, frozen=True):
    """A directed arc of the streets; its line is WKB in WGS-84 degrees, longitude first.

    Attributes
    ----------
    id
        As conditions name it.
    drawn
        True for one of the two arcs of a street.
    """

    id: str
    name: str
    kph: float
    lanes: int
    oneway: bool
    emergency_only: bool
    ferry: bool
    length_m: float
    drawn: bool
    wkb: bytes


async def store_city(conn: asyncpg.Connection, digest: str, fences: Sequence[FenceRow]) -> None:
    """Write the fences of the city with this digest, replacing older ones; inside a transaction.

    They are those of its files; what administrators changed since then stays changed.
    Of two workers that start together, one waits for the other: otherwise the later one would not
    see, and so not delete, the rows that it then writes again.
    """
    await conn.execute(statement("city.lock"), f"fences of city {digest}")
    await conn.execute(statement("city.forget"), digest)
    await conn.executemany(
        statement("city.fence"),
        [(digest, f.id, f.kind, f.name, f.attributes, f.wkb) for f in fences],
    )
    await changed.put_changed(conn, digest)


async def store_streets(conn: asyncpg.Connection, digest: str, streets: Iterable[StreetRow]) -> int:
    """Write the streets of the city with this digest, if it has none; inside a transaction.

    A digest's streets never change, so the rows of the first worker are those of all.

    Returns
    -------
    int
        How many rows were written.
    """
    await conn.execute(statement("city.lock"), f"streets of city {digest}")
    if await conn.fetchval(statement("city.has_streets"), digest):
        return 0
    rows, written = iter(streets), 0
    while part := list(islice(rows, _AT_ONCE)):
        columns = zip(*map(msgspec.structs.astuple, part), strict=True)
        await conn.execute(statement("city.streets"), digest, *map(list, columns))
        written += len(part)
    return written
