"""Fences that administrators change while workers run: what comes next is fenced by them.

The core takes a change from the journal and writes it into the ledger; every worker looks there,
and gives its intake a city with the changed fences. Streets and router stay as they are.
"""

import asyncio
import logging
from collections.abc import Sequence

import asyncpg

from atlas.changed_fences import with_changes
from atlas.city import CityData
from geo.errors import BadFence
from infra.ledger import fences, reading
from infra.ledger.errors import LedgerError
from schemas.records import FenceChange
from streams.handler import Handler

log = logging.getLogger(__name__)

EVERY_S = 1.0


async def with_changed_fences(pool: asyncpg.Pool, city: CityData) -> CityData:
    """Return a city of files with the changes of its fences that the ledger has.

    Raises
    ------
    BadFence
        A fence cannot be used.
    """
    async with reading(pool) as conn:
        changes = await fences.changes(conn, city.digest)
    if not changes:
        return city
    return await asyncio.to_thread(_warmed, city, changes)


def _warmed(city: CityData, changes: Sequence[FenceChange]) -> CityData:
    """Return the changed city with what the first message would wait for."""
    changed = with_changes(city, changes)
    changed.fence_index.locate_one(*changed.manifest.bounds[:2])
    changed.gazetteer.find("")
    return changed


async def watch_fences(
    pool: asyncpg.Pool,
    city: CityData,
    handlers: Sequence[Handler],
    number: int,
    every_s: float = EVERY_S,
) -> None:
    """Let handlers follow the changes of a city's fences, until cancelled.

    Parameters
    ----------
    city
        As it is in its files.
    number
        Of the last change that the handlers know.
    """
    while True:
        await asyncio.sleep(every_s)
        try:
            async with reading(pool) as conn:
                last = await fences.last_change(conn, city.digest)
            if last == number:
                continue
            number = last
            changed = await with_changed_fences(pool, city)
            for handler in handlers:
                handler.move_to(changed)
            number = changed.fences_changed
        except LedgerError as error:
            log.info("the fences cannot be read now: %s", error)
            number = -1  # looked at again
        except BadFence as error:
            log.error("the changed fences cannot be used, those before stay: %s", error)  # noqa: TRY400
        else:
            log.info("fencing by change %d of the fences", number)
