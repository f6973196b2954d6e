"""Calls taken and stamps pressed at the gateway: through Kafka, a real intake and a real core."""

import asyncio
import dataclasses
import os
import re
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import asyncpg
import httpx
import pytest

from console.access import Role
from console.app import make_app
from console.services import Services, open_services
from console.settings import GatewaySettings
from infra.ledger.pool import connect
from tests import nursery
from tests.cli.conftest import point_at
from tests.cli.scene import Scene
from tests.console.intake import taking_in
from tests.console.visitors import Visitors
from tests.dispatch import dispatch_world as world
from tests.patience import patience

T = TypeVar("T")
pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgis,
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module")
def worked(scene: Scene) -> Iterator[Scene]:
    """Return the scene, with intake and core at work."""
    with taking_in(scene):
        yield scene


@pytest.fixture
def visitors(gateway: tuple[Services, Visitors]) -> Visitors:
    return gateway[1]


@pytest.fixture
def operator(visitors: Visitors) -> httpx.AsyncClient:
    return visitors.of(Role.OPERATOR)


def call(text: str, column: float = 4, row: float = 6, **more) -> dict:
    here = world.place(column, row)
    return {"text": text, "point": {"lon": here.lon, "lat": here.lat, "accuracy_m": 10}} | more


async def post(client: httpx.AsyncClient, path: str, body: dict, key: str | None = None):
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return await client.post(f"/api/v1/{path}", json=body, headers=headers, timeout=60)


async def evidence(scene: Scene, text: str) -> list[asyncpg.Record]:
    owner = await connect(scene.endpoints.database_url)
    try:
        return await owner.fetch(
            "SELECT id, reporter_ref, incident_id FROM evidence WHERE text = $1", text
        )
    finally:
        await owner.close()


async def test_a_call_becomes_an_incident(worked: Scene, operator: httpx.AsyncClient) -> None:
    body = call("煤气泄漏，味道很大", caller={"name": "张三", "phone": "13800138000"})
    answer = await post(operator, "reports", body)
    said = answer.json()
    assert (answer.status_code, said["placed"]) == (201, "opened"), answer.text
    incident = (await operator.get(f"/api/v1/incidents/{said['incident']}")).json()["incident"]
    assert (incident["category"], incident["number"]) == ("gas_leak", said["number"])
    assert (await operator.get(answer.headers["Location"])).json() == said
    (row,) = await evidence(worked, "煤气泄漏，味道很大")
    assert (row["id"], row["reporter_ref"] is not None) == (said["evidence"], True)
    owner = await connect(worked.endpoints.database_url)
    took = await owner.fetch("SELECT actor, action FROM audit WHERE subject = $1", row["id"])
    await owner.close()
    assert [tuple(line) for line in took] == [("operator", "take_call")]
    again = await post(operator, "reports", call("这里煤气泄漏", 4.1, 6))
    assert again.json()["incident"] == said["incident"]
    assert again.json()["placed"] == "attached"


async def test_the_same_click_twice_is_one_report(
    worked: Scene, operator: httpx.AsyncClient, visitors: Visitors
) -> None:
    key, body = str(uuid.uuid4()), call("电梯困人 once", 1, 6)
    both = await asyncio.gather(*(post(operator, "reports", body, key) for _ in range(4)))
    assert set(Counter(answer.status_code for answer in both)) <= {201, 409}
    again = await post(operator, "reports", body, key)
    assert again.status_code == 201
    assert len(await evidence(worked, "电梯困人 once")) == 1
    other = await post(operator, "reports", call("电梯困人 other", 1, 6), key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:jingwei:problem:key-reused")
    assert await evidence(worked, "电梯困人 other") == []


async def test_a_gateway_process_that_is_killed_leaves_one_report(
    worked: Scene,
    operator: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """SIGKILL as soon as the report has arrived; another gateway has the answer."""
    point_at(worked.endpoints, monkeypatch)
    monkeypatch.setenv("JINGWEI_DATABASE_GATEWAY_URL", worked.endpoints.gateway_url)
    key, body = str(uuid.uuid4()), call("树倒了 SIGKILL", 3, 7)
    with nursery.ending():
        said = tmp_path / "said"
        arguments = ["gateway", "--port", "0"]
        process = nursery.start(
            nursery.COMMAND, arguments, tmp_path / "log", os.environ, errors=said
        )
        url = await soon(lambda: asyncio.to_thread(_address, said))
        async with httpx.AsyncClient(base_url=url, headers=operator.headers) as client:
            asking = asyncio.create_task(post(client, "reports", body, key))
            await soon(lambda: evidence(worked, "树倒了 SIGKILL"))
            process.kill()
            await asyncio.gather(asking, return_exceptions=True)
    owner = await connect(worked.endpoints.database_url)
    await owner.execute("UPDATE command_key SET claimed_at = claimed_at - interval '10 minutes'")
    await owner.close()
    answer = await post(operator, "reports", body, key)
    assert (answer.status_code, answer.json()["placed"]) == (201, "opened"), answer.text
    assert len(await evidence(worked, "树倒了 SIGKILL")) == 1


def _address(said: Path) -> str | None:
    found = re.search(r"http://127\.0\.0\.1:\d+", said.read_text() if said.exists() else "")
    return None if found is None else found[0]


async def soon(look: Callable[[], Awaitable[T]]) -> T:
    """Return what a look finds, as soon as it finds something."""
    deadline = time.monotonic() + patience(30)
    while not (found := await look()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return found


async def test_a_gateway_that_dies_leaves_one_report(worked: Scene, tokens) -> None:
    """Each attempt is cut off after the report was sent; the last one has the answer."""
    key, body = str(uuid.uuid4()), call("树倒了 killed", 2, 6)
    for cut_s in (0.02, 0.1):
        async with open_services(worked.endpoints, GatewaySettings()) as services:
            visitors = Visitors(make_app(services), tokens)
            asking = asyncio.create_task(post(visitors.of(Role.OPERATOR), "reports", body, key))
            await asyncio.wait({asking}, timeout=cut_s)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await visitors.close()
    owner = await connect(worked.endpoints.database_url)
    await owner.execute("UPDATE command_key SET released_at = clock_timestamp()")
    await owner.close()
    async with open_services(worked.endpoints, GatewaySettings(answer_s=60)) as services:
        visitors = Visitors(make_app(services), tokens)
        answer = await post(visitors.of(Role.OPERATOR), "reports", body, key)
        await visitors.close()
    assert answer.status_code == 201
    assert len(await evidence(worked, "树倒了 killed")) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "x" * 5_001}, "text"),
        ({"text": "x", "point": {"lon": 1, "lat": 1}}, "outside the city"),
        ({"text": "x", "point": {"lon": 1, "lat": 91}}, "lat"),
        ({"text": "x", "point": {"lon": 121.44, "lat": 31.23, "crs": "MARS"}}, "crs"),
        ({"text": "x", "operator": "wang"}, "operator"),
        ({"text": "x", "at": "2026-01-01T00:00:00"}, "offset"),
        ({"text": "x", "caller": {"phone": "1" * 201}}, "phone"),
    ],
)
async def test_a_call_that_intake_would_refuse_is_not_sent(
    scene: Scene, operator: httpx.AsyncClient, body: dict, said: str
) -> None:
    answer = await post(operator, "reports", body)
    assert answer.status_code == 422, answer.text
    assert said in answer.json()["detail"]


async def test_hostile_words_stay_words(worked: Scene, operator: httpx.AsyncClient) -> None:
    text = "'; DROP TABLE incident; -- <script>\r\nX-Evil: 1 着火了"
    answer = await post(operator, "reports", call(text, 7, 7, address=text, channel=text))
    assert answer.status_code in (201, 422), answer.text
    assert "X-Evil" not in answer.headers
    missing = await operator.post("/api/v1/reports", json=call("x"))
    assert (missing.status_code, missing.json()["type"]) == (400, "urn:jingwei:problem:no-key")


async def test_nobody_answers_and_no_broker(scene: Scene, tokens) -> None:
    nowhere = dataclasses.replace(scene.endpoints, bootstrap="127.0.0.1:1")
    async with open_services(nowhere, GatewaySettings(answer_s=1)) as services:
        lonely = Visitors(make_app(services), tokens)
        for path, body in (
            ("reports", call("x")),
            (f"units/{scene.unit}/stamps", {"status": "en_route"}),
        ):
            answer = await post(lonely.of(Role.OPERATOR), path, body)
            assert (answer.status_code, "nothing has happened" in answer.text) == (503, True)
        await lonely.close()


async def test_a_crew_stamps_its_own_unit_with_its_own_time(
    worked: Scene, visitors: Visitors, operator: httpx.AsyncClient
) -> None:
    crew, path = visitors.of(Role.RESPONDER), f"units/{worked.unit}/stamps"
    before = (await crew.get(f"/api/v1/units/{worked.unit}")).json()
    assert before["state"] == "on_scene"
    pressed = (datetime.now(UTC) - timedelta(seconds=20)).replace(microsecond=0)
    answer = await post(crew, path, {"status": "transporting", "at": pressed.isoformat()})
    said = answer.json()
    assert (answer.status_code, said["taken"], said["note"]) == (200, True, None), answer.text
    assert said["unit"]["state"] == "transporting"
    sent = (await operator.get(f"/api/v1/incidents/{worked.ids[0]}/assignments")).json()
    own = next(one for one in sent if one["unit"] == worked.unit)
    assert datetime.fromisoformat(own["to_facility"]) == pressed
    assert (await crew.get(answer.headers["Location"])).json()["taken"]
    # What contradicts the unit's state is refused with what is so, and kept.
    wrong = await post(crew, path, {"status": "en_route", "at": datetime.now(UTC).isoformat()})
    told = wrong.json()
    if wrong.status_code == 409:
        assert told["type"] == "urn:jingwei:problem:refused"
        assert told["unit"]["state"] == "transporting"
    impossible = await post(crew, path, {"status": "acknowledged", "incident": worked.ids[1]})
    assert impossible.status_code == 409, impossible.text
    assert impossible.json()["unit"]["state"] == "transporting"
    owner = await connect(worked.endpoints.database_url)
    kept = await owner.fetch("SELECT status FROM stamp_refused WHERE unit_id = $1", worked.unit)
    await owner.close()
    assert "acknowledged" in {row["status"] for row in kept}


async def test_the_same_stamp_twice_is_once(
    worked: Scene, visitors: Visitors, operator: httpx.AsyncClient
) -> None:
    units = (await operator.get("/api/v1/units?state=available")).json()["items"]
    unit, key = units[-1]["id"], str(uuid.uuid4())
    body = {"status": "out_of_service", "reason": "flat tyre"}
    both = await asyncio.gather(
        *(post(operator, f"units/{unit}/stamps", body, key) for _ in range(2))
    )
    assert set(Counter(answer.status_code for answer in both)) <= {200, 409}
    again = await post(operator, f"units/{unit}/stamps", body, key)
    assert (again.status_code, again.json()["unit"]["state"]) == (200, "out_of_service")
    assert again.json()["unit"]["reason"]["values"]["text"] == "flat tyre"
    other = await post(operator, f"units/{unit}/stamps", body | {"status": "available"}, key)
    assert other.json()["type"] == "urn:jingwei:problem:key-reused"
    crew = visitors.of(Role.RESPONDER)
    foreign = await post(crew, f"units/{unit}/stamps", {"status": "available"})
    unknown = await post(crew, "units/nothing/stamps", {"status": "available"})
    assert (foreign.status_code, foreign.json()) == (404, unknown.json())
    for wrong in ({"status": "flying"}, {"status": "available", "unit": "U01"}, {}):
        assert (await post(operator, f"units/{unit}/stamps", wrong)).status_code == 422


async def test_a_time_that_cannot_be_is_replaced_and_said(
    worked: Scene, operator: httpx.AsyncClient
) -> None:
    units = (await operator.get("/api/v1/units?state=available")).json()["items"]
    body = {"status": "available", "at": "2001-01-01T00:00:00Z"}
    answer = await post(operator, f"units/{units[0]['id']}/stamps", body)
    assert "arrival taken" in (answer.json().get("note") or ""), answer.text


async def test_a_street_is_closed_once_and_opened_again(
    worked: Scene, operator: httpx.AsyncClient, visitors: Visitors
) -> None:
    here, there = world.place(2.1, 3), world.place(2.9, 3)
    drawn = [[here.lon, here.lat], [there.lon, there.lat]]
    under = await operator.post("/api/v1/streets", json={"kind": "line", "points": drawn})
    assert under.status_code == 200, under.text
    segments, key = under.json()["segments"], str(uuid.uuid4())
    assert set(segments) == {"19-27-0", "27-19-0"}
    body = {"kind": "closure", "segments": segments, "reason": "burst main"}
    both = await asyncio.gather(*(post(operator, "conditions", body, key) for _ in range(2)))
    assert set(Counter(answer.status_code for answer in both)) <= {201, 409}
    answer = await post(operator, "conditions", body, key)
    assert answer.status_code == 201, answer.text
    condition, path = answer.json()["condition"], answer.headers["Location"]
    listed = (await visitors.of(Role.RESPONDER).get("/api/v1/conditions")).json()["items"]
    assert [one["condition"] for one in listed if one["condition"]["reason"] == "burst main"] == [
        condition
    ]
    other = await post(operator, "conditions", body | {"reason": "other"}, key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:jingwei:problem:key-reused")
    assert (await operator.delete(path)).status_code == 400
    ended = await operator.delete(path, headers={"Idempotency-Key": str(uuid.uuid4())}, timeout=60)
    assert (ended.status_code, ended.json()["ended_at"] is not None) == (200, True)
    assert (await operator.get(path)).json() == ended.json()
    owner = await connect(worked.endpoints.database_url)
    told = await owner.fetch("SELECT detail FROM audit WHERE action = 'street_condition'")
    await owner.close()
    assert [row["detail"]["kind"] for row in told] == ["closure", "cleared"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "closure"}, "segments"),
        ({"kind": "closure", "segments": ["19-27-0"], "street": "横3路"}, "segments"),
        ({"kind": "closure", "segments": ["1-2-3"]}, "1-2-3"),
        ({"kind": "closure", "street": "不存在路"}, "不存在路"),
        ({"kind": "flood_depth", "street": "横3路"}, "depth_m"),
        ({"kind": "cleared", "street": "横3路"}, "kind"),
        ({"kind": "closure", "street": "横3路", "valid_until": "2020-01-01T00:00:00Z"}, "until"),
    ],
)
async def test_a_condition_that_intake_would_refuse_is_not_sent(
    scene: Scene, operator: httpx.AsyncClient, body: dict, said: str
) -> None:
    answer = await post(operator, "conditions", body)
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text
