"""The scene's city on the map: its streets beside its fences, a closure and where a unit was."""

from datetime import UTC, datetime, timedelta

from infra.ledger.city import store_streets
from infra.ledger.pool import connect, transaction
from schemas.journal import StreetChanged
from streams.bootstrap import street_rows
from tests.cli.scene import Scene
from tests.console.town import town
from tests.dispatch import dispatch_world as world

CLOSED = "0-1-0"
"""The arc that is closed."""
FIXES = 40


async def put_on_map(scene: Scene) -> None:
    """Write what a worker writes when it starts, a closure, and a drive with a pause in it."""
    conn = await connect(scene.endpoints.worker_url)
    try:
        async with transaction(conn) as tx:
            city = town(scene.region)
            await store_streets(tx, city.digest, street_rows(city.streets))
        await conn.executemany(
            "INSERT INTO unit_track (unit_id, at, point) "
            "VALUES ($1, $2, ST_SetSRID(ST_MakePoint($3, $4), 4326))",
            [(scene.unit, at, lon, lat) for at, lon, lat in drive()],
        )
    finally:
        await conn.close()
    made = scene.journal
    await scene.apply(
        StreetChanged(
            id=made.entry_id(),
            region=scene.region,
            condition="C1",
            kind="closure",
            segments=(CLOSED,),
            speed_factor=None,
            valid_from=made.now,
            valid_until=made.now + timedelta(days=1),
            reason="burst main",
        )
    )


def bounds() -> tuple[float, float, float, float]:
    """Return west, south, east, north of the streets."""
    first, last = world.place(0, 0), world.place(world.SIZE - 1, world.SIZE - 1)
    return first.lon, first.lat, last.lon, last.lat


def drive() -> list[tuple[datetime, float, float]]:
    """Return times and places of a unit that drives along a street and stands in the middle."""
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)
    found = []
    for number in range(FIXES):
        pause = timedelta(minutes=5) if number >= FIXES // 2 else timedelta()
        at = begun + timedelta(seconds=10 * number) + pause
        found.append((at, world.LON + number * 0.0003, world.LAT + 0.0001))
    return found
