"""The live stream on a real broker and ledger: complete, without repeats, and by role."""

import asyncio
import contextlib
import random
import re
import socket
import uuid
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import httpx
import pytest
import uvicorn

from bench._live_client import Listener, differences
from console import secret
from console.access import Role
from console.app import make_app
from console.entry import COOKIE
from console.limits import Connections
from console.live import hub, stream
from console.protocol import PatientProtocol
from console.services import open_services
from console.settings import GatewaySettings
from infra.settings import Endpoints
from schemas import journal
from tests.console.conftest import make_accounts
from tests.console.live_city import LiveCity, units_of
from tests.dispatch import dispatch_world as world
from tests.patience import patience
from tests.streams.rig import make_all_topics

pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.slow]


@pytest.fixture
async def city(endpoints: Endpoints) -> LiveCity:
    """Return a city in which something has happened and was published."""
    await make_all_topics(endpoints.bootstrap)
    city = LiveCity(f"r{uuid.uuid4().hex[:8]}", endpoints)
    await city.play()
    await city.publish()
    return city


@pytest.fixture
async def tokens(city: LiveCity) -> dict[Role, str]:
    return await make_accounts(city)


@contextlib.asynccontextmanager
async def gateway(
    endpoints: Endpoints, sending_bytes: int = 0, **settings: object
) -> AsyncIterator[str]:
    """Serve on this loop; yield the stream's address."""
    async with open_services(endpoints, GatewaySettings(**settings)) as services:
        config = uvicorn.Config(
            make_app(services),
            http=partial(PatientProtocol, head_s=10, connections=Connections(100)),
            port=0,
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        server, listening = uvicorn.Server(config), config.bind_socket()
        if sending_bytes:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sending_bytes)
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1/stream"
        finally:
            services.live.stop()
            server.should_exit = True
            await serving
            listening.close()


@contextlib.asynccontextmanager
async def listening(
    url: str, token: str, last_id: str | None = None, **params: object
) -> AsyncIterator[Listener]:
    """Listen, and have the snapshot or whatever comes in its place."""
    listener = Listener(url, token, last_id=last_id, **params).start()
    try:
        yield listener
    finally:
        await listener.stop()


def begun(listener: Listener) -> bool:
    return any(name == "snapshot" and data["part"] == "end" for name, data in listener.events)


async def is_equal(listener: Listener, endpoints: Endpoints) -> None:
    """Wait until what is shown is what the ledger has."""
    deadline = asyncio.get_running_loop().time() + patience(15)
    while found := await differences(listener.shown, endpoints.database_url):
        assert asyncio.get_running_loop().time() < deadline, (found[:5], listener.ends)
        await asyncio.sleep(0.05)


async def test_snapshot_and_changes_are_what_the_ledger_has(city, tokens) -> None:
    """Committed before the snapshot and published after it, or published twice: shown once."""
    await city.go_on(20)  # committed, not published
    async with (
        gateway(city.endpoints) as url,
        listening(url, tokens[Role.OPERATOR]) as listener,
    ):
        await listener.until(begun, patience(15))
        assert await differences(listener.shown, city.endpoints.database_url) == []
        await city.publish()
        for _ in range(4):
            await city.go_on(25)
            await city.publish(again=10)
        await is_equal(listener, city.endpoints)
        assert listener.shown.faults == []
        assert {"incident", "dispatch", "alert", "unit"} <= {name for name, _ in listener.events}
        reason = next(data["reason"] for name, data in listener.events if name == "snapshot")
        assert reason == "new"
        assert listener.shown.skipped == 0, "the gateway leaves out what the snapshot has"
        # And the checker would have seen it.
        listener.shown.units.popitem()
        assert "is not shown" in (await differences(listener.shown, city.endpoints.database_url))[0]


async def test_a_client_resumes_wherever_it_was_cut(city, tokens) -> None:
    """At one gateway or another, after any event: together the parts are the whole."""
    token = tokens[Role.SUPERVISOR]
    cuts = random.Random(5)
    async with (
        gateway(city.endpoints) as url,
        gateway(city.endpoints) as other,
        listening(url, token) as whole,
        listening(other, token) as elsewhere,
    ):
        cut = Listener(url, token)
        await whole.until(begun, patience(15))
        await elsewhere.until(begun, patience(15))
        reading = asyncio.create_task(cut.once())
        await cut.until(begun, patience(15))
        for turn in range(10):
            cut.cut_after = len(cut.events) + cuts.randrange(1, 15)
            while not reading.done():
                await city.go_on(4)
                await city.publish()
                await asyncio.wait([reading], timeout=0.1)
            if turn < 9:
                cut.url = (url, other)[turn % 2]
                reading = asyncio.create_task(cut.once())
        reading = asyncio.create_task(cut.once())
        await is_equal(whole, city.endpoints)
        await is_equal(cut, city.endpoints)
        reading.cancel()
        assert cut.shown.faults == []
        assert count(cut, ("snapshot",)) == count(whole, ("snapshot",)), "it never began again"
        changes = ("incident", "dispatch", "alert", "unit")
        assert [
            sorted(str(e) for e in one.events if e[0] in changes) for one in (cut, elsewhere)
        ] == [sorted(str(e) for e in whole.events if e[0] in changes)] * 2, (
            "in another order among incidents, at most"
        )


def count(listener: Listener, names: tuple[str, ...]) -> int:
    return sum(name in names for name, _ in listener.events)


async def test_a_gateway_that_begins_again_resumes_from_the_broker(city, tokens) -> None:
    """Who sees all misses nothing and gets nothing twice; who sees a part gets a snapshot."""
    async with (
        gateway(city.endpoints) as url,
        listening(url, tokens[Role.OPERATOR]) as before,
        listening(url, tokens[Role.DEPARTMENT]) as part,
    ):
        for one in (before, part):
            await one.until(begun, patience(15))
        await city.go_on(20)
        await city.publish()
        await is_equal(before, city.endpoints)
        await before.stop()
        await part.stop()
    await city.go_on(20)
    await city.publish()
    async with gateway(city.endpoints) as url:
        before.url = part.url = url
        shown = count(before, ("snapshot",))
        before.start()
        await is_equal(before, city.endpoints)
        assert before.shown.faults == []
        assert count(before, ("snapshot",)) == shown, "it went on"
        part.events.clear()
        part.start()
        await part.until(begun, patience(15))
        assert part.events[1][1]["reason"] == "restarted"
        for last, reason in (("rubbish", "unknown_place"), (None, "new")):
            async with listening(url, tokens[Role.OPERATOR], last_id=last) as listener:
                await listener.until(begun, patience(15))
                assert listener.events[1][1]["reason"] == reason
        await before.stop()
        await part.stop()


async def test_a_place_that_is_too_old_begins_with_a_snapshot(city, tokens) -> None:
    token = tokens[Role.OPERATOR]
    async with gateway(city.endpoints, stream_history_bytes=65_536) as url:
        async with listening(url, token) as listener:
            await listener.until(begun, patience(15))
        old = listener.last_id
        await city.go_on(60)
        await city.publish()
        async with listening(url, token) as now:
            await is_equal(now, city.endpoints)
        async with listening(url, token, last_id=old) as late:
            await late.until(begun, patience(15))
            assert late.events[1][1]["reason"] == "too_old"
            await is_equal(late, city.endpoints)


async def test_who_sees_what(city, tokens) -> None:
    """By role, per event, also when an incident or unit comes into view or leaves it."""
    fire, own = city.ids[0], city.unit
    lift = city.ids[2]
    async with (
        gateway(city.endpoints) as url,
        listening(url, tokens[Role.OPERATOR]) as operator,
        listening(url, tokens[Role.VIEWER]) as viewer,
        listening(url, tokens[Role.PLANNER]) as planner,
        listening(url, tokens[Role.DEPARTMENT]) as medical,
        listening(url, tokens[Role.RESPONDER]) as crew,
    ):
        everybody = (operator, viewer, planner, medical, crew)
        for one in everybody:
            await one.until(begun, patience(15))
        assert set(crew.shown.incidents) == {fire}
        assert set(crew.shown.units) == {own}
        assert {one["unit"] for one in crew.shown.assignments.values()} == {own}
        assert lift not in medical.shown.incidents
        assert {unit["department"] for unit in medical.shown.units.values()} == {"medical"}
        assert not {**planner.shown.incidents, **planner.shown.alerts}
        assert planner.shown.units.keys() == operator.shown.units.keys()
        # The lift becomes a medical matter, with its alerts and whoever is on the way.
        to_medical = journal.Classify(category="medical", severity="P1", reason="so")
        await city.apply(city.journal.command(lift, to_medical))
        await city.publish()
        await medical.until(lambda one: lift in one.shown.incidents, patience(10))
        assert medical.has("enter")
        # And no more.
        await city.apply(
            city.journal.command(lift, journal.Classify(category="power_outage", reason="so"))
        )
        # The crew is done with the fire.
        await city.apply(city.journal.stamp(own, "available"))
        await city.publish()
        await medical.until(lambda one: lift not in one.shown.incidents, patience(10))
        await crew.until(lambda one: not one.shown.incidents, patience(10))
        assert ("gone", {"kind": "incident", "id": lift}) in medical.events
        assert ("gone", {"kind": "incident", "id": fire}) in crew.events
        # Sent again, it is told of the incident whole.
        await city.apply(city.journal.evidence("fire", "P1", world.place(0, 7)))
        new = city.ids[-1]
        units = units_of(city)
        if units[own].incident != new:
            await city.apply(city.journal.command(new, journal.Assign(units=(own,), reason="near")))
        await city.publish()
        await crew.until(lambda one: new in one.shown.incidents, patience(10))
        assert {a["unit"] for a in crew.shown.assignments.values()} == {own}
        await is_equal(operator, city.endpoints)
        await is_equal(viewer, city.endpoints)
        recommended = {
            one: any(n == "dispatch" and d["change"] == "recommended" for n, d in one.events)
            for one in everybody
        }
        assert [recommended[one] for one in everybody] == [True, False, False, False, False]
        for one in (medical, crew):
            told = {d["incident_id"] for n, d in one.events if n in ("incident", "alert")}
            assert city.ids[1] not in told or one is medical
        assert not any(n in ("incident", "dispatch", "alert", "enter") for n, _ in planner.events)
        assert all(one.shown.faults == [] for one in (operator, viewer))


async def test_filters(city, tokens) -> None:
    token = tokens[Role.OPERATOR]
    corner = world.place(-0.5, -0.5), world.place(1.5, 1.5)
    bbox = ",".join(str(v) for point in corner for v in (point.lon, point.lat))
    unit = next(u.id for u in units_of(city).values() if u.position == world.place(0, 0))
    async with (
        gateway(city.endpoints) as url,
        listening(url, token, type="unit", bbox=bbox) as near,
        listening(url, token, severity="P1") as urgent,
        listening(url, token, category="lift_entrapment", type=["incident"]) as lifts,
    ):
        for one in (near, urgent, lifts):
            await one.until(begun, patience(15))
        assert unit in near.shown.units
        assert not near.shown.incidents
        assert {i["severity"] for i in urgent.shown.incidents.values()} == {"P1"}
        assert set(lifts.shown.incidents) == {city.ids[2]}
        assert not lifts.shown.units
        for spot in (world.place(5, 5), world.place(1, 1)):
            await city.apply(
                journal.UnitMoved(
                    id=city.journal.entry_id(),
                    region="",
                    unit=unit,
                    point=spot,
                    time=city.journal.wait(30),
                )
            )
        lower = journal.Classify(severity="P4", reason="so")
        await city.apply(city.journal.command(city.ids[0], lower))
        await city.publish()
        await near.until(lambda one: one.has("unit"), patience(10))
        names = [name for name, _ in near.events if name in ("gone", "unit")]
        assert names == ["gone", "unit"]
        await urgent.until(lambda one: city.ids[0] not in one.shown.incidents, patience(10))
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
            for wrong in ("bbox=1,2,3", "type=all", "severty=P1", "severity=%00"):
                assert (await client.get(f"{url}?{wrong}")).status_code == 422, wrong
            once = await client.get(f"{url}?once=true&type=unit")
            assert once.text.rstrip().rpartition("event: ")[2].startswith("snapshot")


async def test_a_heartbeat_says_how_late_it_is(city, tokens, monkeypatch) -> None:
    monkeypatch.setattr(hub, "_BEAT_S", 0.2)
    async with gateway(city.endpoints) as url, listening(url, tokens[Role.VIEWER]) as listener:
        ages = ("gateway_age", "broker_age", "database_age")

        def knows(one: Listener) -> bool:
            last = [data for name, data in one.events if name == "heartbeat"][-1:]
            return any(
                beat["event_age"] is not None and None not in map(beat.get, ages) for beat in last
            )

        await listener.until(knows, patience(15))
        beats = [data for name, data in listener.events if name == "heartbeat"]
        assert all(beats[-1][name] <= patience(3) for name in ages), beats[-1]
        assert beats[-1]["event_age"] >= 0
        assert beats[0].keys() == beats[-1].keys() == {*ages, "core_age", "event_age", "at"}
        assert listener.last_id is not None


async def test_a_stream_ends_with_the_right_to_it(city, tokens) -> None:
    """A token revoked, an account disabled or changed: over within seconds, with the reason."""
    owner = await asyncpg.connect(city.endpoints.database_url)
    try:
        async with (
            gateway(city.endpoints) as url,
            listening(url, tokens[Role.VIEWER]) as revoked,
            listening(url, tokens[Role.PLANNER]) as disabled,
            listening(url, tokens[Role.DEPARTMENT]) as moved,
            listening(url, tokens[Role.OPERATOR]) as unchanged,
        ):
            for one in (revoked, disabled, moved, unchanged):
                await one.until(begun, patience(15))
            await owner.execute("UPDATE api_token SET revoked_at = now() WHERE account = 'viewer'")
            await owner.execute("UPDATE account SET disabled_at = now() WHERE name = 'planner'")
            await owner.execute("UPDATE account SET department = 'fire' WHERE name = 'department'")
            for one in (revoked, disabled, moved):
                await one.until(lambda one: one.ends == ["signed_out"], patience(8))
            await moved.until(lambda one: one.opened > 1, patience(8))
            for one in (revoked, disabled):
                await one.until(lambda one: one.status == 401, patience(8))
            assert unchanged.ends == []
    finally:
        await owner.close()


async def test_a_stream_keeps_no_session_alive(city, tokens) -> None:
    """Neither held open nor opened again and again; and it ends with the session."""
    made = secret.make_session()
    owner = await asyncpg.connect(city.endpoints.database_url)
    try:
        await owner.execute(
            "INSERT INTO session (hash, account, seen_at) "
            "VALUES ($1, 'operator', now() - interval '20 minutes')",
            secret.digest(made),
        )
        seen = "SELECT now() - seen_at > interval '19 minutes' FROM session"
        async with (
            gateway(city.endpoints) as url,
            httpx.AsyncClient(
                cookies={COOKIE: made}, timeout=httpx.Timeout(patience(20))
            ) as client,
        ):
            assert (await client.get(f"{url}?once=true")).status_code == 200
            async with client.stream("GET", url) as answer:
                lines = answer.aiter_lines()
                async for line in lines:
                    if '"part":"end"' in line:
                        break
                assert await owner.fetchval(seen)
                await owner.execute("UPDATE session SET seen_at = now() - interval '31 minutes'")
                rest = [line async for line in lines]
            assert rest[-3:-1] == ["event: end", 'data: {"reason":"signed_out"}']
            assert (await client.get(url)).status_code == 401
    finally:
        await owner.close()


async def test_a_slow_client_is_dropped_and_comes_back(city, tokens, monkeypatch) -> None:
    """It does not read: what waits for it is bounded, it is told why, and nothing is lost to it."""
    monkeypatch.setattr(stream, "_STALLED_S", patience(60))
    token = tokens[Role.OPERATOR]
    async with gateway(city.endpoints, sending_bytes=8_192, stream_bytes=65_536) as url:
        async with listening(url, token) as listener:
            await listener.until(begun, patience(15))
        fast = Listener(url, token, last_id=listener.last_id).start()
        with await not_reading(url, token, listener.last_id) as slow:
            for _ in range(6):
                notes = [journal.AddNote(text="x" * 4_000) for _ in range(8)]
                await city.apply(*(city.journal.command(city.ids[0], note) for note in notes))
                await city.publish()
            version = city.core.snapshot().incidents
            last = next(one.version for one in version if one.id == city.ids[0])
            await fast.until(lambda one: last in versions(one), patience(20))
            text = await asyncio.to_thread(read_all, slow)
        assert text.rstrip("0\r\n").endswith('data: {"reason":"slow"}')
        assert len(text) < 600_000
        back = Listener(url, token, last_id=text.rpartition("\nid: ")[2].partition("\n")[0]).start()
        await back.until(lambda one: last in versions(one), patience(20))
        assert versions(back) == versions(fast)[-len(versions(back)) :]
        assert f'"seq":{versions(back)[0] - 1},' in text
        await back.stop()
        await fast.stop()
        assert versions(fast) == list(range(versions(fast)[0], last + 1))


async def not_reading(url: str, token: str, last_id: str | None) -> socket.socket:
    """Return a connection on which a stream was asked for, with little room."""
    host, port = url.split("/")[2].split(":")
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
    await asyncio.to_thread(slow.connect, (host, int(port)))
    request = f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    slow.sendall(f"{request}Last-Event-ID: {last_id}\r\n\r\n".encode())
    return slow


def read_all(connection: socket.socket) -> str:
    connection.settimeout(patience(20))
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
        if b"0\r\n\r\n" in part[-5:]:
            break
    # Chunked: lengths stand between the parts.
    return re.sub(r"\r\n[0-9a-f]+\r\n", "", b"".join(parts).decode(errors="replace"))


def versions(listener: Listener) -> list[int]:
    """Return the versions of the first incident as they came."""
    return [data["seq"] for name, data in listener.events if name == "incident"]


async def test_no_more_streams_than_allowed(city, tokens) -> None:
    headers = {"Authorization": f"Bearer {tokens[Role.OPERATOR]}"}
    async with (
        gateway(city.endpoints, streams_per_account=1, streams=2) as url,
        httpx.AsyncClient() as client,
    ):
        async with listening(url, tokens[Role.OPERATOR]) as own:
            await own.until(begun, patience(15))
            answer = await client.get(url, headers=headers)
            assert answer.status_code == 429
            assert answer.json()["type"] == "urn:jingwei:problem:streams"
            async with listening(url, tokens[Role.VIEWER]) as other:
                await other.until(begun, patience(15))
                planner = {"Authorization": f"Bearer {tokens[Role.PLANNER]}"}
                assert (await client.get(url, headers=planner)).status_code == 429
        again = await client.get(f"{url}?once=true", headers=headers)
        assert again.status_code == 200
