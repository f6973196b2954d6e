"""Fence events: live, across restarts and city changes, told again, and by an oracle."""

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from atlas.city import CityData
from atlas.folder import save_city
from geo.errors import BadFence
from infra.archive import archive_root, cluster_id
from infra.ledger import connect, transaction, watch
from infra.ledger.city import FenceRow, store_city
from infra.settings import Endpoints
from intake.fence_watch import FenceTerms, FenceWatch
from replay.fence_replay import await_archive, tell_again, watched
from schemas import topics, wire
from schemas.inputs import Location, UnitPosition
from schemas.intake import Fix
from schemas.outputs import FenceEvent
from streams.fencing import Fencing
from streams.limits import IntakeSettings
from tests import nursery
from tests.city.toy import lonlat
from tests.geo.slow_transitions import SlowEngine
from tests.patience import pace
from tests.replay.archiver import start_archiver
from tests.streams.fenced import beats, fenced, zone
from tests.streams.rig import Rig, Sent, WorkerProcess, message, now

UNITS = ("ambulance-0", "ambulance-1", "police_car-0", "police_car-1")


class Walk:
    """Units that drive about, with odd accuracies, repeats, late fixes and rubbish."""

    def __init__(self, name: str, seed: int = 5) -> None:
        self._name, self._random, self._count = name, random.Random(seed), 0
        self._at = {unit: [13.0, 13.0] for unit in UNITS}

    def some(self, rounds: int, since_s: float, step_s: float = 0.02) -> list[Sent]:
        sent: list[Sent] = []
        for number in range(rounds):
            for unit in UNITS:
                place = self._at[unit]
                for axis in (0, 1):
                    stride = 4.0 if self._random.random() < 0.05 else 0.4
                    there = place[axis] + self._random.uniform(-stride, stride)
                    place[axis] = min(max(there, 1.0), 25.0)
                late = -1.5 if self._random.random() < 0.05 else 0.0
                sent.append(self.fix(unit, *place, since_s + number * step_s + late))
                if self._random.random() < 0.1:
                    sent.append(self._random.choice(sent))
                if self._random.random() < 0.05:
                    sent.append(self.fix("no-such-unit", *place, since_s))
        return sent

    def fix(self, unit: str, column: float, row: float, at_s: float) -> Sent:
        lon, lat = lonlat(column, row)
        self._count += 1
        accuracy_m = self._random.choice([None, 0.0, 8.0, 60.0])
        payload = UnitPosition(
            unit=unit, location=Location(lon=lon, lat=lat, accuracy_m=accuracy_m), time=now(at_s)
        )
        return message(topics.POSITIONS, payload, key=unit, event_id=f"{self._name}-{self._count}")


def published(rig: Rig, name: str) -> dict[str, FenceEvent]:
    """Return the events that this rig's positions or city changes brought about, by id."""
    found = {}
    for record in rig.messages(topics.FENCE_EVENTS.name):
        event = wire.decode(record.value, FenceEvent)
        headers = {header: value.decode() for header, value in record.headers}
        assert (headers["ce_id"], record.key) == (event.id, event.unit.encode())
        # The broker is shared, but no other test changes its city.
        if headers.get("ce_causationid", f"{name}-").startswith(f"{name}-"):
            found[event.id] = event
    return found


def log_of(rig: Rig, name: str) -> list:
    """Return this rig's positions, each partition's in order; others send rubbish there."""
    mine = f"{name}-".encode()
    return [
        record
        for record in rig.messages(topics.POSITIONS.name)
        if (dict(record.headers).get("ce_id") or b"").startswith(mine)
    ]


def told_again(
    rig: Rig, root: Path, cities: dict[str, CityData], instead: FenceTerms | None = None
) -> list[FenceEvent]:
    async def ask():
        conn = await connect(rig.endpoints.gateway_url, "test")
        try:
            parts, names = await watched(conn, rig.group)
            await await_archive(root, parts)
            return parts, names
        finally:
            await conn.close()

    parts, names = asyncio.run(ask())
    watches: dict[FenceTerms, FenceWatch] = {}

    def watch_of(terms: FenceTerms) -> FenceWatch:
        return watches.setdefault(terms, FenceWatch(cities[terms.city], terms))

    return list(tell_again(root, parts, watch_of, names, instead))


def by_command(rig: Rig, home: Path, *options: str) -> list[FenceEvent]:
    """Run `jingwei fences track` on the archive, as a role that may read and no more."""
    environment = rig.worker._environment | {
        "JINGWEI_DATABASE_GATEWAY_URL": rig.endpoints.gateway_url,
        "JINGWEI_WORKER_GROUP": rig.group,
    }
    command = ["fences", "track", "--json", "--home", str(home)]
    done = nursery.run([*command, *options], environment)
    assert done.returncode == 0, done.stderr
    return [wire.decode(line.encode(), FenceEvent) for line in done.stdout.splitlines()]


def by_oracle(rig: Rig, city: CityData, name: str, dwell_s: float) -> set[tuple]:
    """Tell from the log, fix by fix and fence by fence, what happened."""
    fences = [f for f in city.fences if f.kind in ("district", "beat", "hazard_zone")]
    engine = SlowEngine(fences, dwell_s=dwell_s, detect=("enter", "exit", "cross", "dwell"))
    units = {unit.id for unit in city.units}
    found = set()
    for record in log_of(rig, name):
        fix = json.loads(record.value)
        if fix["unit"] not in units:
            continue
        at = wire.decode(record.value, UnitPosition).time.timestamp()
        there = fix["location"]
        events = engine.observe_one(
            fix["unit"], there["lon"], there["lat"], at, there.get("accuracy_m") or 0.0
        )
        for event in events or ():
            found.add((event.object_id, event.fence_id, event.kind, round(event.time, 3)))
    return found


@pytest.mark.kafka
@pytest.mark.postgis
@pytest.mark.apache_kafka
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_live_events_survive_kills_and_city_changes_and_are_told_again(
    rig: Rig, city: CityData, tmp_path: Path
) -> None:
    name, bootstrap = rig.group, rig.endpoints.bootstrap
    cluster = asyncio.run(cluster_id(bootstrap))
    root = archive_root(tmp_path / "archive", cluster, rig.endpoints.database_url)
    folder = tmp_path / "changed"
    settings = {"JINGWEI_INTAKE_FENCE_DWELL_S": "0.3", "JINGWEI_INTAKE_FENCE_END_WAIT_S": "0.5"}
    rig.worker._environment |= settings
    after = WorkerProcess(rig.endpoints, folder, tmp_path, rig.group, settings=settings)
    walk = Walk(name)
    archive = start_archiver(bootstrap, root, f"{name}-archive", [topics.POSITIONS.name])
    try:
        for since_s in (-20.0, -10.0):
            rig.worker.start()
            rig.worker.wait_ready()
            rig.send(walk.some(40, since_s))
            rig.await_rows("SELECT 1 FROM unit_fences", count=len(UNITS))
            rig.worker.kill()
        rig.worker.start()
        rig.worker.wait_ready()
        rig.settle()
        assert rig.worker.stop() == 0
        live = published(rig, name)
        told = told_again(rig, root, {city.digest: city})
        assert {event.id: event for event in told} == live
        assert len(told) == len(live) > 100
        assert {event.detect for event in told} == {"enter", "exit", "cross", "dwell"}
        assert {(e.unit, e.fence, e.detect, round(e.at.timestamp(), 3)) for e in told} == by_oracle(
            rig, city, name, 0.3
        )

        # Another city: fences gone are closed, new ones entered, without a new fix.
        before = len(rig.rows("SELECT 1 FROM fence_terms"))
        end = now(pace(12))
        ending = zone("ending", 13, 13, 5_000, valid_until=end.isoformat())
        other = [*beats(3), zone("a", 7, 7), zone("new", 13, 13, 400), ending]
        save_city(fenced(city, other), folder)
        after.start()
        after.wait_ready()
        rig.worker = after
        rig.await_rows("SELECT 1 FROM fence_terms", count=before + topics.POSITIONS.partitions)
        rig.settle()
        edits = {k: e for k, e in published(rig, name).items() if k not in live}
        assert {e.detect for e in edits.values()} >= {"enter", "closed"}
        assert all(
            (e.fence_kind, e.fence_name[:3]) == ("beat", "责任区")
            for e in edits.values()
            if e.detect == "closed" and e.fence.startswith("beat")
        )
        assert any(e.fence == "zone-ending" for e in edits.values())
        rig.send(walk.some(30, -3.0))
        rig.settle()
        # The fence that ends does so by itself.
        rig.await_rows(
            "SELECT 1 FROM unit_fences WHERE NOT 'zone-ending' = ANY (fences)", count=len(UNITS)
        )
        assert now() > end
        rig.settle()
        assert after.stop() == 0
        live = published(rig, name)
        closed = [e for e in live.values() if (e.fence, e.detect) == ("zone-ending", "closed")]
        assert {(e.unit, e.at) for e in closed} == {(unit, end) for unit in UNITS}
        told = by_command(rig, tmp_path)
        assert {event.id: event for event in told} == live
        assert len(told) == len(live)
        late = [event for event in told if event.at >= end]
        assert late == by_command(rig, tmp_path, "--from", end.isoformat())
        # With one city from the beginning, its fences are never edited and need no end.
        instead = FenceTerms(city=city.digest, kinds=("beat",), detect=("enter", "closed"))
        alone = told_again(rig, root, {city.digest: city}, instead)
        assert {(e.fence_kind, e.detect) for e in alone} == {("beat", "enter")}
    finally:
        after.kill()
        archive.send_signal(signal.SIGTERM)
        archive.wait(20)


@pytest.fixture
async def ledger(endpoints: Endpoints) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(endpoints.worker_url)
    yield conn
    await conn.close()


def fix(column: float, row: float, second: float, unit: str = "u") -> Fix:
    lon, lat = lonlat(column, row)
    return Fix(unit, NOON + timedelta(seconds=second), lon, lat)


NOON = now().replace(microsecond=0)
LIMITS = IntakeSettings(fence_end_wait_s=0)


async def take(
    conn: asyncpg.Connection, fencing: Fencing, offset: int, *fixes: Fix
) -> list[tuple[str, str]]:
    """Handle a batch in a transaction; return what was told, by fence and kind."""
    async with transaction(conn):
        told = await fencing.write(conn, 0, offset, [(fix, "cause") for fix in fixes])
    assert {m.topic for m in told} <= {topics.FENCE_EVENTS.name}
    events = [wire.decode(m.value or b"", FenceEvent) for m in told]
    return [(event.fence, event.detect) for event in events]


async def begun(conn: asyncpg.Connection, city: CityData, limits: IntakeSettings = LIMITS):
    fencing = Fencing(city, limits)
    await fencing.load(conn, 0)
    return fencing


@pytest.mark.postgis
async def test_what_is_not_committed_is_told_again(ledger, city) -> None:
    fencing = await begun(ledger, city)
    assert ("zone-a", "enter") in await take(ledger, fencing, 0, fix(5, 5, 0))
    lost = ledger.transaction()
    await lost.start()
    assert await fencing.write(ledger, 0, 1, [(fix(8, 8, 1), "cause")])
    await lost.rollback()
    fencing.forget(0)
    await fencing.load(ledger, 0)
    again = await take(ledger, fencing, 1, fix(8, 8, 1))
    assert ("zone-a", "exit") in again
    assert await take(ledger, await begun(ledger, city), 1, fix(8, 8, 1)) == []
    assert len(await watch.terms_history(ledger, 0)) == 1


@pytest.mark.postgis
async def test_another_city_is_told_of_once(ledger, city) -> None:
    await take(ledger, await begun(ledger, city), 7, fix(13, 13, 0))
    other = fenced(city, [zone("c", 13, 13)])
    fencing = await begun(ledger, other)
    assert fencing.is_due(0, NOON)
    async with transaction(ledger):
        fencing.end_fences(0, NOON)
        told = await fencing.write(ledger, 0, 9, [])
    events = [wire.decode(m.value or b"", FenceEvent) for m in told]
    kinds = {(e.fence, e.fence_kind, e.fence_name, e.detect) for e in events}
    assert ("zone-c", "hazard_zone", "危险区c", "enter") in kinds
    assert {e.detect for e in events} == {"enter", "closed"}
    assert not fencing.is_due(0, NOON)
    assert not (await begun(ledger, other)).is_due(0, NOON)
    history = await watch.terms_history(ledger, 0)
    assert [(t.number, t.from_offset, t.city) for t in history] == [
        (1, 7, city.digest),
        (2, 9, other.digest),
    ]


@pytest.mark.postgis
async def test_a_fence_that_has_ended_stays_so_after_a_restart(ledger, city) -> None:
    end = NOON + timedelta(seconds=10)
    short = fenced(city, [zone("short", 5, 5, valid_until=end.isoformat())])
    fencing = await begun(ledger, short)
    assert ("zone-short", "enter") in await take(ledger, fencing, 0, fix(5, 5, 0))
    assert not fencing.is_due(0, NOON + timedelta(seconds=9))
    assert fencing.is_due(0, end)
    async with transaction(ledger):
        fencing.end_fences(0, end)
        (told,) = await fencing.write(ledger, 0, 1, [])
    event = wire.decode(told.value or b"", FenceEvent)
    assert (event.fence, event.detect, event.at) == ("zone-short", "closed", end)
    for again in (fencing, await begun(ledger, short)):
        assert not again.is_due(0, end + timedelta(days=1))
    # A late fix from before the end finds the fence ended, now and in a replay.
    assert await take(ledger, await begun(ledger, short), 1, fix(5, 5, 5)) == []


@pytest.mark.postgis
async def test_other_settings_are_other_terms(ledger, city) -> None:
    await take(ledger, await begun(ledger, city), 0, fix(5, 5, 0))
    told = IntakeSettings(fence_kinds=("hazard_zone",), fence_detect=("enter", "exit", "inside"))
    fencing = await begun(ledger, city, told)
    assert await take(ledger, fencing, 1, fix(5, 5, 1)) == [("zone-a", "inside")]
    back = await begun(ledger, city)
    assert ("district", "enter") in await take(ledger, back, 2)


@pytest.mark.postgis
async def test_visits_that_other_settings_end_have_names(ledger, city) -> None:
    await take(ledger, await begun(ledger, city), 0, fix(5, 5, 0))
    rows = [FenceRow(f.id, f.kind, f.name, f.geometry.wkb) for f in city.fences]
    async with transaction(ledger) as conn:
        await store_city(conn, city.digest, rows)
    fencing = await begun(ledger, city, IntakeSettings(fence_kinds=("district",)))
    async with transaction(ledger):
        told = await fencing.write(ledger, 0, 1, [])
    events = [wire.decode(m.value or b"", FenceEvent) for m in told]
    ended = {(e.fence, e.fence_kind, e.fence_name) for e in events if e.detect == "closed"}
    assert ("zone-a", "hazard_zone", "危险区a") in ended


@pytest.mark.parametrize(
    "attributes", [{"valid_until": "tomorrow"}, {"valid_until": "2026-11-24T08:00"}, {"dwell_s": 0}]
)
def test_a_fence_with_odd_attributes_is_refused(city, attributes) -> None:
    odd = fenced(city, [zone("odd", 5, 5, **attributes)])
    with pytest.raises(BadFence, match="zone-odd"):
        Fencing(odd, LIMITS)
