"""The city's fences as rows, for maps, joins and planners; the core has its own."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from infra.ledger.statements import statement


class FenceRow(msgspec.Struct, frozen=True):
    """A fence: its polygon as WKB in WGS-84 degrees, longitude first."""

    id: str
    kind: str
    name: str
    wkb: bytes
    attributes: dict[str, Any] = {}


async def store_city(conn: asyncpg.Connection, digest: str, fences: Sequence[FenceRow]) -> None:
    """Write the fences of the city with this content hash, in place of any it had.

    Inside a transaction. Of two workers that start together, one waits for the other: else the
    later one would not see, and so not forget, the rows that it then writes again.
    """
    await conn.execute(statement("city.lock"), f"fences of city {digest}")
    await conn.execute(statement("city.forget"), digest)
    await conn.executemany(
        statement("city.fence"),
        [(digest, f.id, f.kind, f.name, f.attributes, f.wkb) for f in fences],
    )
