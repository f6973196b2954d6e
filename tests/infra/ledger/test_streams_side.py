"""Fence, outbox and what intake remembers."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from infra.ledger import (
    connect,
    errors,
    guard,
    invariants,
    ledger_errors,
    open_pool,
    outbox,
    queries,
    transaction,
)
from infra.ledger.city import FenceRow, store_city
from infra.ledger.feeds import fill_subscriptions, load_subscriptions
from infra.ledger.intake import (
    AlarmRow,
    DeadLetter,
    Source,
    forget_alarms,
    insert_dead_letters,
    insert_tracks,
    load_alarms,
    make_track_partitions,
    save_alarms,
)
from infra.ledger.outbox import Message
from infra.ledger.rows import line_ewkb
from infra.settings import Endpoints
from schemas import codes
from schemas.intake import Fix
from tests.patience import patience

pytestmark = pytest.mark.postgis

NOW = datetime.now(UTC).replace(microsecond=125_000)
PART = ("city.journal", 3)
DAY = timedelta(days=1)


async def test_fences_begin_at_zero_and_advance(worker: asyncpg.Connection) -> None:
    parts = [("b", 1), ("a", 2), ("a", 10), ("b", 1)]
    async with transaction(worker) as conn:
        assert await guard.lock_offsets(conn, "g", parts) == {
            ("a", 2): 0,
            ("a", 10): 0,
            ("b", 1): 0,
        }
        await guard.advance(conn, "g", {("b", 1): 7, ("a", 2): 0})
    async with transaction(worker) as conn:
        assert await guard.lock_offsets(conn, "g", parts) == {
            ("a", 2): 0,
            ("a", 10): 0,
            ("b", 1): 7,
        }
        assert await guard.lock_offsets(conn, "other", [("b", 1)]) == {("b", 1): 0}


async def test_a_fence_never_goes_back(worker: asyncpg.Connection) -> None:
    async with transaction(worker) as conn:
        await guard.lock_offsets(conn, "g", [PART])
        await guard.advance(conn, "g", {PART: 7})
    with pytest.raises(errors.GuardBroken, match=r"city\.journal partition 3 is past offset 6"):
        async with transaction(worker) as conn:
            await guard.advance(conn, "g", {PART: 6})
    with pytest.raises(errors.GuardBroken, match="not locked"):
        async with transaction(worker) as conn:
            await guard.advance(conn, "g", {("unknown", 0): 6})


async def test_a_zombie_waits_and_then_has_nothing_to_do(
    endpoints: Endpoints, worker: asyncpg.Connection
) -> None:
    zombie = await connect(endpoints.worker_url)
    batch = range(10)
    written = []

    async def work(conn: asyncpg.Connection, locked: asyncio.Event, go: asyncio.Event) -> None:
        async with transaction(conn) as inside:
            first = (await guard.lock_offsets(inside, "g", [PART]))[PART]
            locked.set()
            await go.wait()
            written.extend(offset for offset in batch if offset >= first)
            await guard.advance(inside, "g", {PART: 10})

    owner_locked, zombie_locked, go = asyncio.Event(), asyncio.Event(), asyncio.Event()
    owner = asyncio.create_task(work(worker, owner_locked, go))
    await owner_locked.wait()
    late = asyncio.create_task(work(zombie, zombie_locked, go))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(zombie_locked.wait(), 0.3)
    go.set()
    await asyncio.gather(owner, late)
    assert written == list(batch)
    await zombie.close()


async def test_a_batch_given_up_leaves_the_fence_where_it_was(worker: asyncpg.Connection) -> None:
    async def fail() -> None:
        async with transaction(worker) as conn:
            await guard.lock_offsets(conn, "g", [PART])
            await outbox.put(conn, "lane", [Message("t", None, None)])
            await guard.advance(conn, "g", {PART: 7})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with transaction(worker) as conn:
        assert await guard.lock_offsets(conn, "g", [PART]) == {PART: 0}
        assert await outbox.unsent(conn, "lane", 10) == []


async def test_the_outbox_keeps_order_and_bytes(worker: asyncpg.Connection) -> None:
    messages = [
        Message(f"t{n % 3}", None if n % 5 == 0 else b"\x00\xff%d" % n, bytes([n % 256]) * n,
                [("ce_id", b"\xff\x00"), ("a\x00b", b""), ("ce_id", str(n).encode())])
        for n in range(300)
    ]  # fmt: skip
    async with transaction(worker) as conn:
        ids = await outbox.put(conn, "lane", messages)
        await outbox.put(conn, "other", [Message("t", b"k", None)])
        assert await outbox.put(conn, "lane", []) == []
    assert ids == sorted(ids)
    assert len(set(ids)) == 300
    assert await outbox.unsent(worker, "lane", 1000) == list(zip(ids, messages, strict=True))
    assert await outbox.lanes_waiting(worker, 0) == ["lane", "other"]
    assert await outbox.lanes_waiting(worker, 60) == []
    await outbox.mark_sent(worker, ids[:299])
    assert await outbox.unsent(worker, "lane", 1000) == [(ids[299], messages[299])]
    await outbox.mark_sent(worker, ids)
    assert await outbox.lanes_waiting(worker, 0) == ["other"]


async def test_a_lane_does_not_wait_for_a_clock_that_was_set_back(
    worker: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    await outbox.put(worker, "lane", [outbox.Message("t", b"k", b"v", [])])
    await owner.execute("UPDATE outbox SET created_at = clock_timestamp() + interval '1 hour'")
    assert await outbox.lanes_waiting(worker, 5) == ["lane"]


async def test_alarms_come_back_as_they_were(worker: asyncpg.Connection) -> None:
    first = [AlarmRow("d1", b"\x00state", True, NOW), AlarmRow("d2", b"{}")]
    await save_alarms(worker, 4, first)
    await save_alarms(worker, 4, [AlarmRow("d2", b"next", False, NOW)])
    await save_alarms(worker, 5, [AlarmRow("d1", b"elsewhere")])
    assert await load_alarms(worker, 4) == {
        "d1": first[0],
        "d2": AlarmRow("d2", b"next", False, NOW),
    }
    assert await load_alarms(worker, 6) == {}


async def test_tracks_lie_in_partitions_by_day(worker: asyncpg.Connection) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    assert await make_track_partitions(worker) == 3
    fixes = [
        Fix("u", midnight + timedelta(days=1), 121.4, 31.2),
        Fix("u", midnight, 121.4, 31.2, 5.0, 3.0, 90.0),
        Fix("u", midnight - timedelta(microseconds=1), 121.4, 31.2),
        Fix("u", NOW + timedelta(days=30), 121.4, 31.2),
        Fix("u", datetime(1970, 1, 1, tzinfo=UTC), 121.4, 31.2),
    ]
    await insert_tracks(worker, [])
    await insert_tracks(worker, fixes)
    assert await make_track_partitions(worker) == 0
    assert await days_of_tracks(worker) == {
        f"unit_track_{midnight + timedelta(days=1):%Y%m%d}": 1,
        f"unit_track_{midnight:%Y%m%d}": 1,
        f"unit_track_{midnight - timedelta(days=1):%Y%m%d}": 1,
        "unit_track_default": 2,
    }


async def days_of_tracks(conn: asyncpg.Connection) -> dict[str, int]:
    rows = await conn.fetch(
        "SELECT tableoid::regclass::text AS partition, count(*) FROM unit_track GROUP BY 1"
    )
    return dict(rows)


async def test_two_workers_at_a_new_day_do_not_deadlock(
    worker: asyncpg.Connection, endpoints: Endpoints
) -> None:
    """Both are in a batch that has written today's fixes and comes to those of a new day."""
    other = await connect(endpoints.worker_url)
    maker = await connect(endpoints.worker_url)
    await make_track_partitions(worker)
    for back in range(2, 12):
        day = NOW - timedelta(days=back)
        begun = asyncio.Barrier(2)

        async def batch(
            conn: asyncpg.Connection, unit: str, day: datetime = day, begun: Any = begun
        ) -> None:
            async with transaction(conn) as tx:
                await insert_tracks(tx, [Fix(unit, NOW, 121.4, 31.2)])
                await begun.wait()
                await insert_tracks(tx, [Fix(unit, day, 121.4, 31.2)])

        await asyncio.gather(batch(worker, "a"), batch(other, "b"))
        made = await asyncio.gather(make_track_partitions(maker), make_track_partitions(other))
        assert sum(made) == 1
    days = await days_of_tracks(worker)
    assert list(days.values()) == [2] * 11
    assert "unit_track_default" not in days
    await other.close()
    await maker.close()


async def test_a_day_is_made_while_others_write_and_read(
    worker: asyncpg.Connection, endpoints: Endpoints
) -> None:
    """Neither a batch under way nor a long look at the tracks of a day holds midnight up."""
    assert await make_track_partitions(worker) == 3
    await worker.execute("INSERT INTO unit_track SELECT 'u', now(), ST_Point(121.4, 31.2, 4326)")
    other = await connect(endpoints.worker_url)
    async with transaction(worker) as conn:
        await insert_tracks(conn, [Fix("v", NOW, 121.4, 31.2)])
        day = (NOW - timedelta(days=9)).date()
        async with asyncio.timeout(patience(10)):
            assert await other.fetchval("SELECT make_track_partitions(ARRAY[$1::date])", day) == 1
    # Whoever holds the default partition is waited for a moment only.
    async with transaction(worker) as conn:
        await insert_tracks(conn, [Fix("v", NOW - timedelta(days=5), 121.4, 31.2)])
        with pytest.raises(errors.LedgerUnavailable):
            async with asyncio.timeout(patience(10)), transaction(other) as tx:
                await tx.execute("SELECT make_track_partitions(ARRAY[$1::date])", day - DAY)
    assert await make_track_partitions(other) == 1
    await other.close()


async def test_a_dead_letter_is_kept_once_and_found(worker: asyncpg.Connection) -> None:
    letters = [
        DeadLetter(
            source=Source("city.sensor.readings", n % 2, n),
            key=None,
            value=b"\x00\xff",
            headers=[("ce_id", b"\x00")],
            reason=f"not a \x00 reading {n % 2}",
            error="PayloadError",
            agent="readings",
            at=NOW,
        )
        for n in range(4)
    ]
    assert await insert_dead_letters(worker, letters) == {letter.source for letter in letters}
    assert await insert_dead_letters(worker, letters) == set()
    rows = await queries.list_dead_letters(worker, topic="city.sensor.readings", reason="reading 1")
    assert [row.offset for row in rows] == [3, 1]
    assert (rows[0].value, rows[0].headers) == (b"\x00\xff", [("ce_id", b"\x00")])
    await queries.mark_redriven(worker, [rows[0].id])
    assert len(await queries.list_dead_letters(worker)) == 3
    assert len(await queries.list_dead_letters(worker, redriven=True)) == 4
    assert (await queries.get_dead_letter(worker, rows[0].id)).redriven_at is not None
    assert sum((await queries.status(worker)).dead_letters.values()) == 3
    assert await queries.dead_letters_by_error(worker) == {"PayloadError": 4}
    with pytest.raises(errors.NotFound, match="no dead letter"):
        await queries.get_dead_letter(worker, 10**6)


async def test_each_department_has_a_feed(worker: asyncpg.Connection) -> None:
    assert await fill_subscriptions(worker) == len(codes.departments())
    assert await fill_subscriptions(worker) == 0
    await worker.execute(
        "UPDATE subscription SET severities = '{P1}', subdistricts = '{静安寺}'"
        " WHERE department = 'police'"
    )
    feeds = {feed.department: feed for feed in await load_subscriptions(worker)}
    assert feeds["fire"].target == "dept.fire"
    assert feeds["fire"].takes("fire", "P4", None)
    assert not feeds["traffic"].takes("fire", "P1", "静安寺")
    assert feeds["police"].takes("fire", "P1", "静安寺")
    assert not feeds["police"].takes("fire", "P1", None)
    assert not feeds["police"].takes("fire", "P2", "静安寺")


async def test_fences_of_a_city_replace_those_before(worker: asyncpg.Connection) -> None:
    line = line_ewkb(((121.4, 31.2), (121.5, 31.2)))
    rows = [FenceRow("f1", "district", "静安区", line, {"code": "310106"})]
    async with transaction(worker) as conn:
        await store_city(conn, "digest", rows)
        await store_city(conn, "digest", rows)
    found = await worker.fetchrow("SELECT *, ST_AsText(geom) AS wkt, ST_SRID(geom) FROM fence")
    assert (found["wkt"], found["st_srid"]) == ("LINESTRING(121.4 31.2,121.5 31.2)", 4326)
    assert found["attributes"] == {"code": "310106"}


async def test_a_lost_connection_is_the_ledger_unavailable(
    endpoints: Endpoints, owner: asyncpg.Connection
) -> None:
    pool = await open_pool(endpoints.worker_url, 1, 2)

    async def end_own_session() -> None:
        async with transaction(pool) as conn:
            pid = await conn.fetchval("SELECT pg_backend_pid()")
            await conn.execute("SELECT pg_terminate_backend($1)", pid)

    with pytest.raises(errors.LedgerUnavailable, match="does not answer"):
        await end_own_session()
    async with transaction(pool) as conn:
        assert await conn.fetchval("SHOW timezone") == "UTC"
    await pool.close()
    with pytest.raises(errors.LedgerUnavailable):
        async with transaction(pool):
            pass


async def test_a_client_that_lost_count_of_a_cut_connection_is_no_defect() -> None:
    with pytest.raises(errors.LedgerUnavailable, match="cannot switch"), ledger_errors():
        raise asyncpg.InternalClientError("cannot switch to state 15")


@pytest.mark.parametrize("code", ["25006", "53100", "57P03", "58030", "58P01", "XX000", "XX001"])
async def test_what_is_the_servers_fault_is_waited_for(
    worker: asyncpg.Connection, code: str
) -> None:
    with pytest.raises(errors.LedgerUnavailable, match="broken"):
        async with transaction(worker) as conn:
            await conn.execute(f"DO $$ BEGIN RAISE 'broken' USING ERRCODE = '{code}'; END $$")


async def test_a_standby_is_waited_for(worker: asyncpg.Connection) -> None:
    await worker.execute("SET default_transaction_read_only = on")
    with pytest.raises(errors.LedgerUnavailable, match="read-only"):
        async with transaction(worker) as conn:
            await outbox.put(conn, "lane", [Message("t", None, None)])


async def test_a_refused_message_is_set_aside_once_and_kept(
    worker: asyncpg.Connection, endpoints: Endpoints
) -> None:
    message = Message("t", b"k", b"v", [("ce_id", b"1")])
    async with transaction(worker) as conn:
        first, second = await outbox.put(conn, "lane", [message, message])
        for _ in range(2):
            await outbox.refuse(conn, first, "too \x00 large")
    assert [row_id for row_id, _ in await outbox.unsent(worker, "lane", 9)] == [second]
    kept = await worker.fetchrow("SELECT * FROM outbox_refused")
    assert (kept["id"], kept["lane"], kept["value"]) == (first, "lane", b"v")
    assert outbox.unpack_headers(kept["headers"]) == message.headers
    (told,) = (await invariants.violations(worker))["nothing_refused"]
    assert told.startswith("1 messages for t were refused")
    gateway = await connect(endpoints.gateway_url)
    assert await gateway.fetchval("SELECT count(id) FROM outbox_refused") == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await gateway.fetch("SELECT value FROM outbox_refused")
    await gateway.close()


async def test_calm_datastreams_are_forgotten_and_alarms_are_not(
    worker: asyncpg.Connection,
) -> None:
    await save_alarms(
        worker, 4, [AlarmRow("calm", b""), AlarmRow("loud", b"", True), AlarmRow("c", b"")]
    )
    await forget_alarms(worker, 4, ["calm", "loud"])
    assert sorted(await load_alarms(worker, 4)) == ["c", "loud"]
