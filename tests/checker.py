"""Is nothing lost and nothing doubled? Told from the outside.

Reads Kafka's log with plain aiokafka and the ledger with plain SQL, and shares no code with
what wrote them. Returns sentences, one a violation; none means all is well.
"""

import json
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

Part = tuple[str, int]

INPUTS = (
    "city.sensor.readings",
    "city.citizen.reports",
    "city.unit.positions",
    "city.unit.status",
    "city.street.conditions",
)
OUTPUTS = ("city.incidents", "city.dispatches", "city.alerts", "city.fence.events")
AT_ONCE = {"smoke": (12.0, 6.0), "gas": (20.0, 10.0)}
"""Properties whose alarms open without delay: at or above the first, closed at the second."""
_LOOKS = 3


async def check(bootstrap: str, database: str, group: str, since: dict[Part, int]) -> list[str]:
    """Compare what went in since some offsets with what is in the ledger.

    The worker must be at rest, but for timers that fall due while this looks: what is wrong is
    wrong at a second and third look too. ``since`` has the offsets by (topic, partition) at which
    the group began.
    """
    for _ in range(_LOOKS):
        found = await _look(bootstrap, database, group, since)
        if not found:
            break
    return found


async def _look(bootstrap: str, database: str, group: str, since: dict[Part, int]) -> list[str]:
    logs = {
        topic: await _read(bootstrap, topic, since) for topic in (*INPUTS, "city.journal", *OUTPUTS)
    }
    conn = await asyncpg.connect(database)
    try:
        dead = {
            (row["topic"], row["partition"], row["record_offset"])
            for row in await conn.fetch("SELECT topic, partition, record_offset FROM dead_letter")
        }
        return [
            *await _guards(conn, group, logs),
            *await _reports(conn, logs["city.citizen.reports"], dead),
            *await _alarms(conn, logs["city.sensor.readings"], dead),
            *await _tracks(conn, logs["city.unit.positions"], dead),
            *await _visits(conn, logs["city.unit.positions"], logs["city.fence.events"], dead),
            *_stamps(logs["city.unit.status"], logs["city.journal"], dead),
            *await _journal(conn, logs["city.journal"], dead),
            *await _timelines(conn, logs["city.incidents"]),
            *await _feeds(conn, bootstrap),
            *await _units(conn),
        ]
    finally:
        await conn.close()


async def _guards(conn: asyncpg.Connection, group: str, logs: dict[str, list[Any]]) -> list[str]:
    reached = {
        (row["topic"], row["partition"]): row["next_offset"]
        for row in await conn.fetch("SELECT * FROM consumed WHERE consumer_group = $1", group)
    }
    last: dict[Part, int] = {}
    for topic in (*INPUTS, "city.journal"):
        for record in logs[topic]:
            last[topic, record.partition] = record.offset
    found = [
        f"{topic}/{partition} ends at {offset}, its guard is {reached.get((topic, partition))}"
        for (topic, partition), offset in last.items()
        if reached.get((topic, partition)) != offset + 1
    ]
    owed = await conn.fetchval("SELECT count(*) FROM outbox")
    return [*found, *([f"{owed} messages are still in the outbox"] if owed else [])]


async def _reports(conn: asyncpg.Connection, log: list[Any], dead: set[Any]) -> list[str]:
    wanted = {
        json.loads(record.value)["service_request_id"]
        for record in log
        if (record.topic, record.partition, record.offset) not in dead
    }
    kept = [
        row["source_id"]
        for row in await conn.fetch("SELECT source_id FROM evidence WHERE source = 'report'")
    ]
    return _compare("report", sorted(wanted), sorted(kept))


async def _alarms(conn: asyncpg.Connection, log: list[Any], dead: set[Any]) -> list[str]:
    """Tell again, from the readings alone, which alarms opened and cleared."""
    wanted: list[str] = []
    seen: dict[str, datetime] = {}
    active: set[str] = set()
    for record in log:
        if (record.topic, record.partition, record.offset) in dead:
            continue
        reading = json.loads(record.value)
        prop, stream, result = (
            reading["observed_property"],
            reading["datastream"],
            reading["result"],
        )
        if prop not in AT_ONCE:
            continue
        at = datetime.fromisoformat(reading["phenomenon_time"])
        if stream in seen and at <= seen[stream]:
            continue
        seen[stream] = at
        opens, closes = AT_ONCE[prop]
        if stream not in active and result >= opens:
            active.add(stream)
            wanted.append(f"{stream} opened {at.timestamp():.3f}")
        elif stream in active and result <= closes:
            active.discard(stream)
            wanted.append(f"{stream} cleared {at.timestamp():.3f}")
    kept = [
        f"{row['source_id']} {row['phase']} {row['observed_at'].timestamp():.3f}"
        for row in await conn.fetch(
            "SELECT source_id, phase, observed_at FROM evidence WHERE source = 'sensor' "
            "AND phase <> 'silent' AND category = ANY($1)",
            ["fire", "gas_leak"],
        )
    ]
    return _compare("alarm", sorted(wanted), sorted(kept))


async def _tracks(conn: asyncpg.Connection, log: list[Any], dead: set[Any]) -> list[str]:
    fixes = (
        json.loads(record.value)
        for record in log
        if (record.topic, record.partition, record.offset) not in dead
    )
    wanted = {
        f"{fix['unit']} {datetime.fromisoformat(fix['time']).timestamp():.3f}" for fix in fixes
    }
    kept = [
        f"{row['unit_id']} {row['at'].timestamp():.3f}"
        for row in await conn.fetch("SELECT unit_id, at FROM unit_track")
    ]
    return _compare("fix", sorted(wanted), sorted(kept))


async def _visits(
    conn: asyncpg.Connection, log: list[Any], published: list[Any], dead: set[Any]
) -> list[str]:
    """Tell again, by PostGIS, who entered, left and crossed which fence; fixes are exact here."""
    ways: list[tuple[str, float, tuple[float, float] | None, tuple[float, float]]] = []
    last: dict[tuple[int, str], tuple[float, tuple[float, float]]] = {}
    mine = set()
    for record in log:
        if (record.topic, record.partition, record.offset) in dead:
            continue
        mine.add(dict(record.headers)["ce_id"])
        fix = json.loads(record.value)
        at = datetime.fromisoformat(fix["time"]).timestamp()
        place = fix["location"]["lon"], fix["location"]["lat"]
        before = last.get((record.partition, fix["unit"]))
        if before is None or at > before[0]:
            ways.append((fix["unit"], at, before[1] if before else None, place))
            last[record.partition, fix["unit"]] = at, place
    covered = [await _fences_of(conn, [way[end] or way[3] for way in ways]) for end in (2, 3)]
    met = await _fences_of(conn, [way[2] or way[3] for way in ways], [way[3] for way in ways])
    wanted = []
    for number, (unit, at, start, _) in enumerate(ways):
        was = covered[0][number] if start else set()
        now = covered[1][number]
        for detect, fences in (
            ("enter", now - was),
            ("exit", was - now),
            ("cross", met[number] - was - now),
        ):
            wanted += [f"{unit} {detect} {fence} {at:.3f}" for fence in fences]
    events = {}
    for record in published:
        headers = dict(record.headers)
        if headers.get("ce_causationid") in mine:
            events[headers["ce_id"]] = json.loads(record.value)
    kept = [
        f"{e['unit']} {e['detect']} {e['fence']} {datetime.fromisoformat(e['at']).timestamp():.3f}"
        for e in events.values()
        if e["detect"] in {"enter", "exit", "cross"}
    ]
    return _compare("fence event", sorted(wanted), sorted(kept))


async def _fences_of(
    conn: asyncpg.Connection,
    points: list[tuple[float, float]],
    others: list[tuple[float, float]] | None = None,
) -> list[set[str]]:
    """Return the watched fences that meet each point, or the line from it to another."""
    to = points if others is None else others
    rows = await conn.fetch(
        "SELECT way.n, fence.id FROM unnest($1::float8[], $2::float8[], $3::float8[], "
        "$4::float8[]) WITH ORDINALITY AS way (a, b, c, d, n) JOIN fence ON "
        "fence.kind <> 'subdistrict' AND ST_Intersects(fence.geom, CASE WHEN a = c AND b = d "
        "THEN ST_SetSRID(ST_MakePoint(a, b), 4326) ELSE ST_SetSRID(ST_MakeLine("
        "ST_MakePoint(a, b), ST_MakePoint(c, d)), 4326) END)",
        [p[0] for p in points],
        [p[1] for p in points],
        [p[0] for p in to],
        [p[1] for p in to],
    )
    found: list[set[str]] = [set() for _ in points]
    for row in rows:
        found[row["n"] - 1].add(row["id"])
    return found


def _stamps(log: list[Any], journal: list[Any], dead: set[Any]) -> list[str]:
    def name(stamp: dict[str, Any]) -> str:
        at = datetime.fromisoformat(stamp["time"]).timestamp()
        return f"{stamp['unit']} {stamp['status']} {at:.3f}"

    events = {
        (dict(record.headers)["ce_source"], dict(record.headers)["ce_id"]): record.value
        for record in log
        if (record.topic, record.partition, record.offset) not in dead
    }
    entries = {
        entry["id"]: entry for entry in _entries(journal, dead) if entry["entry"] == "unit_stamped"
    }
    return _compare(
        "stamp",
        sorted(name(json.loads(value)) for value in events.values()),
        sorted(name(entry) for entry in entries.values()),
    )


async def _journal(conn: asyncpg.Connection, log: list[Any], dead: set[Any]) -> list[str]:
    """Each entry is applied at its first place, and nowhere has an effect again."""
    first: dict[str, int] = {}
    for record in log:
        if (record.topic, record.partition, record.offset) not in dead:
            first.setdefault(json.loads(record.value)["id"], record.offset)
    rows = await conn.fetch("SELECT entry_id, journal_offset, effects FROM applied")
    acted: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if json.loads(row["effects"]):
            acted[row["entry_id"]].append(row["journal_offset"])
    found = [
        f"entry {entry} acted at {offsets}, it stands first at {first.get(entry)}"
        for entry, offsets in acted.items()
        if offsets != [first.get(entry)]
    ]
    recorded = {row["entry_id"] for row in rows}
    found += [f"entry {entry} was never applied" for entry in first if entry not in recorded]
    evidence = {
        entry["evidence"]["id"] for entry in _entries(log, dead) if entry["entry"] == "evidence"
    }
    kept = {row["id"]: row["placed"] for row in await conn.fetch("SELECT id, placed FROM evidence")}
    found += [f"evidence {item} is not in the journal" for item in kept if item not in evidence]
    found += [f"evidence {item} is not in the ledger" for item in evidence if item not in kept]
    return found + [f"evidence {item} was placed nowhere" for item, at in kept.items() if not at]


async def _timelines(conn: asyncpg.Connection, log: list[Any]) -> list[str]:
    published: dict[str, set[int]] = defaultdict(set)
    for record in log:
        change = json.loads(record.value)
        published[change["incident_id"]].add(change["seq"])
    kept: dict[str, list[int]] = defaultdict(list)
    for row in await conn.fetch("SELECT incident_id, seq FROM incident_entry ORDER BY seq"):
        kept[row["incident_id"]].append(row["seq"])
    found = []
    for incident, seqs in kept.items():
        if seqs != list(range(1, len(seqs) + 1)):
            found.append(f"incident {incident} has the entries {seqs}")
        if published.get(incident) != set(seqs):
            found.append(
                f"incident {incident} has {len(seqs)} entries, published were "
                f"{sorted(published.get(incident, ()))}"
            )
    return found


async def _feeds(conn: asyncpg.Connection, bootstrap: str) -> list[str]:
    rows = await conn.fetch("SELECT incident_id, max(seq) AS last FROM incident_entry GROUP BY 1")
    last = {row["incident_id"]: row["last"] for row in rows}
    targets = await conn.fetch("SELECT DISTINCT target FROM subscription WHERE channel = 'kafka'")
    found = []
    for row in targets:
        told: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        for record in await _read(bootstrap, row["target"], {}):
            change = json.loads(record.value)
            if change["incident_id"] in last:  # others are of other ledgers on this broker
                told[change["incident_id"]].setdefault(dict(record.headers)["ce_id"], change)
        for incident, changes in told.items():
            found += [
                f"{row['target']}, incident {incident}: {fault}"
                for fault in feed_faults(list(changes.values()), last[incident])
            ]
    return found


def feed_faults(changes: list[dict[str, Any]], last: int) -> list[str]:
    """Say what is wrong with what a department got of an incident whose last line is ``last``."""
    found = []
    if changes[0].get("standing") != "snapshot":
        found.append(f"begins at {changes[0]['seq']} without a snapshot")
    seqs = [change["seq"] for change in changes]
    if seqs != list(range(seqs[0], last + 1)):
        found.append(f"got {seqs} of {last} lines")
    found += [
        f"line {change['seq']} came with version {change['incident']['version']}"
        for change in changes
        if change["incident"]["version"] != change["seq"] or change["entry"]["seq"] != change["seq"]
    ]
    return found


async def _units(conn: asyncpg.Connection) -> list[str]:
    rows = await conn.fetch(
        "SELECT unit_id, count(*) FROM assignment WHERE ended IS NULL "
        "GROUP BY unit_id HAVING count(*) > 1"
    )
    return [f"unit {row['unit_id']} has {row['count']} active assignments" for row in rows]


def _entries(log: list[Any], dead: set[Any]) -> list[dict[str, Any]]:
    return [
        json.loads(record.value)
        for record in log
        if (record.topic, record.partition, record.offset) not in dead
    ]


def _compare(what: str, wanted: list[str], kept: list[str]) -> list[str]:
    lost = [f"{what} {item} is lost" for item in wanted if item not in set(kept)]
    doubled = [f"{what} {a} is there twice" for a, b in pairwise(kept) if a == b]
    made_up = [f"{what} {item} was never sent" for item in kept if item not in set(wanted)]
    return lost + doubled + made_up


async def _read(bootstrap: str, topic: str, since: dict[Part, int]) -> list[Any]:
    """Return a topic's records from some offsets on, each partition's in order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    found: list[Any] = []
    try:
        parts = [TopicPartition(t, p) for t, p in since if t == topic]
        if not parts:
            await consumer._client.add_topic(topic)
            parts = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
        ends = await consumer.end_offsets(parts)
        begins = await consumer.beginning_offsets(parts)
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, since.get((topic, part.partition), begins[part]))
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
    finally:
        await consumer.stop()
    return sorted(found, key=lambda record: (record.partition, record.offset))
