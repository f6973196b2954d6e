"""A year of a large city's incidents in a ledger, made by the database itself."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from atlas.city import CityData
from dispatch import Region
from infra.ledger import effects
from infra.ledger.pool import connect, open_pool, transaction
from infra.settings import Endpoints
from schemas import codes, journal, wire
from schemas.records import Alert, Assignment, Evidence, Incident, Point, Reason, Where
from streams.bootstrap import prepare_ledger

_STEPS = dict(
    re.findall(
        r"-- name: (\w+)\n(.*?);\n",
        Path(__file__).with_name("_gateway_data.sql").read_text() + "\n",
        re.DOTALL,
    )
)
_FILLED = ("incident", "incident_entry", "evidence", "assignment", "alert", "unit_track")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_AT = '"2026-01-01T00:00:00Z"'
_SPOT = Point(lon=0.0, lat=0.0, accuracy_m=15.0)


async def fill(
    endpoints: Endpoints,
    superuser: str,
    city: CityData,
    count: int,
    report: Callable[[str], None],
) -> None:
    """Write a city and its incidents into an empty ledger; indexes are made at the end, whole.

    Parameters
    ----------
    superuser
        URL of the same database: only the superuser may leave triggers and foreign keys out.
    count
        Incidents; a thousandth of them is open. To each belong four lines of its timeline, a
        piece of evidence and an assignment, to every tenth an alert.
    """
    pool = await open_pool(endpoints.worker_url)
    try:
        await prepare_ledger(pool, city)
    finally:
        await pool.close()
    region = city.manifest.region
    await _fleet(endpoints, city)
    conn = await connect(superuser)
    try:
        await conn.execute("SET statement_timeout = 0; SET maintenance_work_mem = '512MB'")
        await conn.execute("SET session_replication_role = replica")  # no trigger, no foreign key
        indexes = await conn.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY($1) AND schemaname = "
            "'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)",
            [name for name in _FILLED if name != "unit_track"],
        )
        for row in indexes:
            await conn.execute(f"DROP INDEX {row['indexname']}")
        await _tables(conn, region, count, report)
        for row in indexes:
            await conn.execute(row["indexdef"])
        report("indexes")
        await conn.execute("VACUUM ANALYZE")
        report("vacuum")
    finally:
        await conn.close()


async def _tables(
    conn: asyncpg.Connection, region: str, count: int, report: Callable[[str], None]
) -> None:
    await conn.execute(_STEPS["places"])
    await conn.execute(_STEPS["categories"])
    kinds = [
        (n, code, f"{row.zh} {row.en}") for n, (code, row) in enumerate(codes.categories().items())
    ]
    await conn.executemany("INSERT INTO kind VALUES ($1, $2, $3)", kinds)
    await conn.execute("ANALYZE place, kind")
    await conn.execute(_inline(_STEPS["facts"], count, region, ""))
    await conn.execute("ANALYZE fact")
    report("facts")
    for name, record in _RECORDS.items():
        await conn.execute(_inline(_STEPS[name], count, region, record(region)))
        report(name)


def _inline(sql: str, *values: object) -> str:
    """Put values in; `execute` with parameters would have to know their types."""
    for number, value in enumerate(values, 1):
        text = str(value).replace("'", "''") if isinstance(value, str) else str(value)
        sql = sql.replace(f"${number}", f"'{text}'" if isinstance(value, str) else text)
    return sql


async def _fleet(endpoints: Endpoints, city: CityData) -> None:
    """Let the core take the fleet and the policy in, as a worker does."""
    region = city.manifest.region
    core = Region(region, _no_streets)
    entries = (
        journal.PolicyChanged(id="p", region=region, policy=codes.default_policy()),
        journal.FleetChanged(id="f", region=region, city=city.digest, units=city.units),
    )
    conn = await connect(endpoints.worker_url)
    try:
        async with transaction(conn) as tx:
            for offset, entry in enumerate(entries):
                tag = str(type(entry).__struct_config__.tag)
                found = core.apply(entry, _NOW)
                applied = effects.Applied(offset, entry.id, tag, _NOW, found)
                await effects.write_applied(tx, region, [applied], core.clock)
    finally:
        await conn.close()


def _no_streets(digest: str) -> object:
    raise LookupError(digest)


def _incident(region: str) -> str:
    record = Incident(
        id="%1$s",
        region=region,
        number="%2$s",
        version=7,
        category="%3$s",
        severity="%4$s",
        confidence=0.8,
        state="%5$s",
        point=_SPOT,
        where=Where(address="%8$s", district="district"),
        title="%9$s",
        opened_at=_NOW,
        updated_at=_NOW,
        noticed_at=_NOW,
        evidence=("%1$s",),
        sources=("R1",),
        closed_at=_NOW,
        disposition="resolved",
    )
    text = _at_spot(record, 6).replace(f'"closed_at":{_AT}', '"closed_at":%12$s')
    return text.replace('"disposition":"resolved"', '"disposition":%13$s').replace(_AT, '"%10$s"')


def _evidence(_region: str) -> str:
    record = Evidence(
        id="%1$s",
        source="report",
        source_id="%2$s",
        phase="opened",
        category="%3$s",
        severity="%4$s",
        confidence=0.8,
        point=_SPOT,
        where=Where(),
        observed_at=_NOW,
        received_at=_NOW,
        text="%9$s",
    )
    return _at_spot(record, 5).replace(_AT, '"%7$s"')


def _assignment(_region: str) -> str:
    record = Assignment(
        id="%1$s",
        incident="%2$s",
        unit="%3$s",
        capability="als",
        by="policy",
        eta_s=120,
        route=None,
        dispatched=_NOW,
        ended="completed",
        reasons=(),
    )
    text = wire.encode(record).decode().replace(_AT, '"%4$s"')
    return text.replace('"ended":"completed"', '"ended":%5$s')


def _alert(_region: str) -> str:
    record = Alert(
        id="%1$s",
        incident="%2$s",
        kind="unacknowledged",
        priority=2,
        raised_at=_NOW,
        said=Reason(code="said", values={"text": "%5$s"}),
    )
    return wire.encode(record).decode().replace(_AT, '"%3$s"')


def _at_spot(record: Incident | Evidence, lon: int) -> str:
    text = wire.encode(record).decode()
    return text.replace('"lon":0.0', f'"lon":%{lon}$s').replace('"lat":0.0', f'"lat":%{lon + 1}$s')


def _none(_region: str) -> str:
    return ""


_RECORDS: dict[str, Callable[[str], str]] = {
    "incidents": _incident,
    "timelines": _none,
    "evidence": _evidence,
    "assignments": _assignment,
    "alerts": _alert,
    "tracks": _none,
}
