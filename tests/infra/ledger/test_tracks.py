"""Reading units' tracks and duties back, for those who learn from them."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from infra.ledger import transaction
from infra.ledger.intake import insert_tracks
from infra.ledger.tracks import TrackedUnit, tracked_units, unit_duties, unit_fixes
from schemas.intake import Fix

pytestmark = pytest.mark.postgis

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)


async def test_fixes_by_unit_and_time(worker: asyncpg.Connection) -> None:
    fixes = [
        Fix("u1", NOW + n * MINUTE, 121.45 + n * 1e-3, 31.25, *((5.0, 9.5, 90.0) if n else ()))
        for n in range(4)
    ]
    async with transaction(worker) as conn:
        await insert_tracks(conn, [*reversed(fixes), Fix("u2", NOW, 121.4, 31.2)])
    assert await tracked_units(worker, ["u2", "u1", "u3"]) == [
        TrackedUnit("u1", 4, NOW, NOW + 3 * MINUTE),
        TrackedUnit("u2", 1, NOW, NOW),
    ]
    assert await tracked_units(worker, ["u1"], NOW + MINUTE, NOW + 2 * MINUTE) == [
        TrackedUnit("u1", 1, NOW + MINUTE, NOW + MINUTE)
    ]
    assert await tracked_units(worker, ["u2"], NOW + MINUTE) == []
    assert await unit_fixes(worker, "u1", NOW, NOW + 3 * MINUTE) == fixes[:3]
    assert await unit_duties(worker, "u1", NOW, NOW + MINUTE) == []
