"""What a worker does before it reads: fences, streets, feeds, the journal's first entries."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import numpy as np
import shapely

from atlas.city import CityData
from atlas.demand import coverage
from geo.streets.graph import StreetGraph
from infra.ledger import city as ledger_city
from infra.ledger import feeds, outbox, reading, snapshot, transaction
from infra.ledger.city import FenceRow, StreetRow
from schemas import codes
from schemas.ids import derive
from schemas.journal import Entry, FleetChanged, PolicyChanged
from schemas.policy import Policy
from streams.messages import to_journal
from streams.producer import Producer

log = logging.getLogger(__name__)

SOURCE = "jingwei/worker"


async def prepare_ledger(pool: asyncpg.Pool, city: CityData) -> None:
    """Write the city's fences and streets, and a feed for each department that has none."""
    rows = [
        FenceRow(
            id=fence.id,
            kind=fence.kind,
            name=fence.name,
            wkb=shapely.to_wkb(fence.geometry),
            attributes=dict(fence.attributes),
        )
        for fence in city.fence_index.fences
    ]
    async with transaction(pool) as conn:
        await ledger_city.store_city(conn, city.digest, rows)
        await feeds.fill_subscriptions(conn)
    async with transaction(pool) as conn:
        await ledger_city.store_streets(conn, city.digest, street_rows(city.streets))


def street_rows(streets: StreetGraph) -> Iterator[StreetRow]:
    """Yield the streets' arcs as the ledger has them."""
    arcs = streets.arcs
    drawn = (arcs.twin < 0) | (np.arange(len(arcs)) < arcs.twin)
    for number, arc in enumerate(arcs.id):
        yield StreetRow(
            id=arc,
            name=next(iter(arcs.names[number]), ""),
            kph=float(arcs.speed_kph[number]),
            lanes=int(arcs.lanes[number]),
            oneway=bool(arcs.oneway[number]),
            emergency_only=bool(arcs.emergency_only[number]),
            ferry=bool(arcs.carried[number]),
            length_m=float(arcs.length_m[number]),
            drawn=bool(drawn[number]),
            wkb=shapely.to_wkb(arcs.line[number]),
        )


async def announce(pool: asyncpg.Pool, producer: Producer, city: CityData) -> list[Entry]:
    """Journal the fleet and the policy where the ledger has another city or an older policy.

    The entries' ids are derived from where the journal stands, so that workers that start
    together, or one that starts twice, journal the same entries, which count once.
    """
    async with reading(pool) as conn:
        known = await snapshot.load_snapshot(conn, city.manifest.region)
        offset = await snapshot.applied_offset(conn, city.manifest.region)
    entries = _first_entries(
        city,
        None if known is None else known.city,
        None if known is None else known.policy,
        offset,
    )
    if entries:
        messages: list[outbox.Message] = [to_journal(entry, source=SOURCE) for entry in entries]
        await producer.send_all(messages[:1])
        await producer.send_all(messages[1:])
        log.info("journaled %s", ", ".join(type(entry).__name__ for entry in entries))
    return entries


def _first_entries(
    city: CityData, known_city: str | None, known_policy: Policy | None, offset: int
) -> list[Entry]:
    region = city.manifest.region
    entries: list[Entry] = []
    # A policy's offset is constant, so that a day of incident numbers has 24 hours: it is the
    # zone's standard one, read at a fixed date that gives every worker the same.
    zone = ZoneInfo(city.manifest.timezone)
    at = datetime(2026, 1, 1, tzinfo=zone)
    standard = (at.utcoffset() or timedelta()) - (at.dst() or timedelta())
    policy = msgspec.structs.replace(
        codes.default_policy(),
        utc_offset_minutes=standard // timedelta(minutes=1),
        coverage=coverage(city.demand),
    )
    # Versions begin with their date; a policy that an operator brought in since then stays.
    # The default one is journaled again for a city that was given another time zone, or calls.
    if (
        known_policy is None
        or known_policy.version < policy.version
        or (
            known_policy.version == policy.version
            and (known_policy.utc_offset_minutes, known_policy.coverage)
            != (policy.utc_offset_minutes, policy.coverage)
        )
    ):
        entry_id = derive(region, f"policy/{policy.version}/{offset}")
        entries.append(PolicyChanged(id=entry_id, region=region, policy=policy))
    elif known_policy.version == policy.version and known_policy != policy:
        log.warning(
            "the region keeps its policy %s, which differs from this software's policy of the same "
            "version: give schemas/codes/policy.json a later version",
            known_policy.version,
        )
    if known_city != city.digest:
        entry_id = derive(region, f"fleet/{city.digest}/{offset}")
        entries.append(FleetChanged(id=entry_id, region=region, city=city.digest, units=city.units))
    return entries
