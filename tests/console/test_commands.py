"""Commands through the gateway: a real broker, a real ledger, a core that answers."""

import asyncio
import dataclasses
import uuid
from collections import Counter

import asyncpg
import httpx
import pytest

from console.access import Role
from console.app import make_app
from console.services import open_services
from console.settings import GatewaySettings
from infra.ledger.errors import LedgerUnavailable
from infra.ledger.pool import connect
from tests.cli.scene import Scene, make_journal
from tests.console.visitors import Visitors
from tests.patience import pace

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]


@pytest.fixture
def operator(visitors: Visitors) -> httpx.AsyncClient:
    return visitors.of(Role.OPERATOR)


def note(text: str) -> dict:
    return {"action": {"action": "note", "text": text}}


async def give(
    client: httpx.AsyncClient, incident: str, body: dict, key: str | None = None, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return await client.post(
        f"/api/v1/incidents/{incident}/commands",
        json=body,
        headers={"Idempotency-Key": key or str(uuid.uuid4())} | named,
        timeout=60,
    )


async def notes(client: httpx.AsyncClient, incident: str) -> Counter:
    answer = await client.get(f"/api/v1/incidents/{incident}/timeline?limit=200")
    lines = [line for line in answer.json()["items"] if line["kind"] == "note"]
    return Counter(line["text"]["values"]["text"] for line in lines)


async def test_a_command_is_carried_out_by_whom_the_token_names(
    answered: Scene, operator: httpx.AsyncClient
) -> None:
    answer = await give(operator, answered.ids[1], {"action": {"action": "acknowledge"}})
    said = answer.json()
    assert (answer.status_code, said["outcome"], said["operator"]) == (200, "accepted", "operator")
    assert answer.headers["ETag"] == f'"{said["version"]}"'
    assert (await operator.get(answer.headers["Location"])).json() == said
    history = await operator.get(f"/api/v1/incidents/{answered.ids[1]}/commands")
    assert said in history.json()["items"]
    assert {one["incident"] for one in history.json()["items"]} == {answered.ids[1]}
    listed = (await operator.get("/api/v1/commands?operator=operator")).json()["items"]
    assert said in listed
    assert (await operator.get("/api/v1/commands?operator=li")).json()["items"] == []


async def test_the_same_key_is_carried_out_once(
    answered: Scene, operator: httpx.AsyncClient, visitors: Visitors
) -> None:
    key, incident = str(uuid.uuid4()), answered.ids[0]
    together = await asyncio.gather(
        *(give(operator, incident, note("once"), key) for _ in range(8))
    )
    kinds = Counter(answer.status_code for answer in together)
    assert set(kinds) <= {200, 409}
    assert kinds[200] >= 1
    in_flight = [answer.json() for answer in together if answer.status_code == 409]
    assert {said["type"] for said in in_flight} <= {"urn:jingwei:problem:in-flight"}
    again = await give(operator, incident, note("once"), key)
    first = next(answer for answer in together if answer.status_code == 200)
    assert again.json() == first.json()
    other = await give(operator, incident, note("other"), key)
    elsewhere = await give(operator, answered.ids[1], note("once"), key)
    at_version = await give(operator, incident, note("once"), key, If_Match='"1"')
    for reused in (other, elsewhere, at_version):
        assert (reused.status_code, reused.json()["type"]) == (
            422,
            "urn:jingwei:problem:key-reused",
        )
    # Another account's key of the same name is another key.
    own = await give(visitors.of(Role.SUPERVISOR), incident, note("own"), key)
    assert own.status_code == 200
    assert {t: n for t, n in (await notes(operator, incident)).items() if t in ("once", "own")} == {
        "once": 1,
        "own": 1,
    }


async def test_a_refusal_has_the_reason_and_the_present_state(
    answered: Scene, operator: httpx.AsyncClient
) -> None:
    close = {"action": {"action": "close", "disposition": "resolved"}}
    answer = await give(operator, answered.ids[0], close)
    said = answer.json()
    assert (answer.status_code, said["type"]) == (409, "urn:jingwei:problem:refused")
    assert "still has units" in said["detail"]
    assert said["answer"]["outcome"] == "refused"
    assert said["answer"]["said"]["code"]
    assert said["incident"]["incident"]["id"] == answered.ids[0]
    assert answered.unit in said["incident"]["units"]


async def test_two_decisions_at_one_version_one_holds(
    answered: Scene, operator: httpx.AsyncClient, visitors: Visitors
) -> None:
    incident = answered.ids[2]
    tag = (await operator.get(f"/api/v1/incidents/{incident}")).headers["ETag"]
    both = await asyncio.gather(
        give(operator, incident, note("a"), If_Match=tag),
        give(visitors.of(Role.SUPERVISOR), incident, note("b"), If_Match=tag),
    )
    assert sorted(answer.status_code for answer in both) == [200, 412]
    refused = next(answer.json() for answer in both if answer.status_code == 412)
    assert refused["incident"]["incident"]["version"] == int(tag.strip('"')) + 1
    without = await asyncio.gather(
        give(operator, incident, note("c")), give(operator, incident, note("d"))
    )
    assert [answer.status_code for answer in without] == [200, 200]


async def test_two_operators_change_different_fields_and_both_hold(
    answered: Scene, operator: httpx.AsyncClient, visitors: Visitors
) -> None:
    incident, other = answered.ids[2], visitors.of(Role.SUPERVISOR)
    there = {"lon": 121.4501, "lat": 31.2322}
    both = await asyncio.gather(
        give(operator, incident, {"action": {"action": "classify", "severity": "P2"}}),
        give(other, incident, {"action": {"action": "classify", "point": there}}),
        give(operator, incident, note("caller waits outside")),
    )
    assert [answer.status_code for answer in both] == [200, 200, 200]
    assert len({answer.json()["version"] for answer in both}) == 3
    now = (await operator.get(f"/api/v1/incidents/{incident}")).json()["incident"]
    assert now["severity"] == "P2"
    assert {name: now["point"][name] for name in there} == there
    assert set(now["certain"]) >= {"severity", "place"}
    assert (await notes(operator, incident))["caller waits outside"] == 1


async def test_of_two_decisions_that_exclude_each_other_one_holds(
    answered: Scene, operator: httpx.AsyncClient, visitors: Visitors
) -> None:
    """One free unit for two incidents at once: the other operator learns where it went."""
    units = (await operator.get("/api/v1/units?state=available")).json()["items"]
    send = {"action": {"action": "assign", "units": [units[0]["id"]]}}
    both = await asyncio.gather(
        give(operator, answered.ids[1], send),
        give(visitors.of(Role.SUPERVISOR), answered.ids[2], send),
    )
    assert sorted(answer.status_code for answer in both) == [200, 409]
    won = next(answer.json() for answer in both if answer.status_code == 200)
    lost = next(answer.json() for answer in both if answer.status_code == 409)
    assert lost["answer"]["said"]["code"] == "unit_busy"
    assert lost["answer"]["said"]["values"]["number"] == won["number"]
    assert lost["incident"]["incident"]["id"] == lost["answer"]["incident"]
    assert units[0]["id"] not in lost["incident"]["units"]
    unit = (await operator.get(f"/api/v1/units/{units[0]['id']}")).json()
    assert unit["incident"] == won["incident"]


async def test_two_operators_acknowledge_and_one_has(
    answered: Scene, operator: httpx.AsyncClient, visitors: Visitors
) -> None:
    incident, order = answered.ids[2], {"action": {"action": "acknowledge"}}
    both = await asyncio.gather(
        give(operator, incident, order), give(visitors.of(Role.SUPERVISOR), incident, order)
    )
    assert sorted(answer.status_code for answer in both) == [200, 409]
    won = next(answer.json() for answer in both if answer.status_code == 200)
    lost = next(answer.json() for answer in both if answer.status_code == 409)
    assert lost["incident"]["incident"]["acknowledged_by"] == won["operator"]
    assert won["operator"] in lost["detail"]


async def test_a_dry_run_changes_nothing(answered: Scene, operator: httpx.AsyncClient) -> None:
    merge = {"action": {"action": "merge", "into": answered.ids[0]}, "dry_run": True}
    answer = await give(operator, answered.ids[1], merge)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "tried")
    assert answer.json()["changes"]
    incident = (await operator.get(f"/api/v1/incidents/{answered.ids[1]}")).json()["incident"]
    assert incident["merged_into"] is None


async def test_units_and_incidents_that_are_not_there_are_refused(
    answered: Scene, operator: httpx.AsyncClient
) -> None:
    for action in (
        {"action": "assign", "units": ["nothing"]},
        {"action": "merge", "into": "nothing"},
        {"action": "split", "evidence": ["nothing"], "reason": "x"},
        {"action": "set_state", "state": "nothing"},
        {"action": "classify", "category": "'; DROP TABLE incident; --"},
    ):
        answer = await give(operator, answered.ids[0], {"action": action})
        assert answer.status_code == 409, (action, answer.text)
        assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "action"),
        ({"action": {"action": "explode"}}, "explode"),
        ({"action": {"action": "close"}}, "disposition"),
        ({"action": {"action": "note", "text": 1}}, "text"),
        ({"action": {"action": "hold", "resaon": "x", "reason": "y"}}, "resaon"),
        (note("x") | {"operator": "wang"}, "operator"),
        (note("x") | {"region": "310106"}, "region"),
        (note("x") | {"id": "mine"}, "id"),
        (note("x" * 5_001), "5001 characters"),
        ({"action": {"action": "assign", "units": ["u"] * 101}}, "101 items"),
    ],
)
async def test_a_body_that_is_no_command_is_never_given(
    scene: Scene, operator: httpx.AsyncClient, body: dict, said: str
) -> None:
    answer = await give(operator, scene.ids[0], body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


async def test_headers_of_a_command(scene: Scene, operator: httpx.AsyncClient) -> None:
    path = f"/api/v1/incidents/{scene.ids[0]}/commands"
    missing = await operator.post(path, json=note("x"))
    assert (missing.status_code, missing.json()["type"]) == (400, "urn:jingwei:problem:no-key")
    for key in ("", " ", "x" * 201, "a b", "钥匙".encode()):
        headers = {"Idempotency-Key": key}
        assert (await operator.post(path, json=note("x"), headers=headers)).status_code == 400
    for tag in ("7", "*", '"a"', 'W/"7"', '"7","8"'):
        assert (await give(operator, scene.ids[0], note("x"), If_Match=tag)).status_code == 422
    assert (await give(operator, "nothing", note("x"))).status_code == 404


async def test_no_answer_in_time_says_what_is_known(
    scene: Scene, visitors: Visitors, tokens: dict[Role, str]
) -> None:
    """Nobody answers; later somebody does, and the same request has the answer."""
    await make_journal(scene.endpoints.bootstrap)
    key, body = str(uuid.uuid4()), note("late")
    async with open_services(scene.endpoints, GatewaySettings(answer_s=pace(1))) as services:
        hasty = Visitors(make_app(services), tokens)
        operator = hasty.of(Role.OPERATOR)
        answer = await give(operator, scene.ids[0], body, key)
        assert (answer.status_code, answer.json()["outcome"]) == (202, "timed_out")
        assert answer.json()["written"]
        assert (await operator.get(answer.headers["Location"])).status_code == 404
        other = await give(operator, scene.ids[0], note("another"), key)
        assert other.status_code == 422
        await hasty.close()


async def test_without_a_broker_nothing_has_happened(scene: Scene, tokens: dict[Role, str]) -> None:
    nowhere = dataclasses.replace(scene.endpoints, bootstrap="127.0.0.1:1")
    async with open_services(nowhere, GatewaySettings(answer_s=1)) as services:
        lonely = Visitors(make_app(services), tokens)
        operator = lonely.of(Role.OPERATOR)
        answer = await give(operator, scene.ids[0], note("x"))
        assert (answer.status_code, answer.json()["type"]) == (
            503,
            "urn:jingwei:problem:unavailable",
        )
        assert "nothing has happened" in answer.json()["detail"]
        assert (await operator.get("/api/v1/incidents")).status_code == 200
        await lonely.close()


async def test_a_claim_of_a_gateway_that_is_gone_is_taken_over(
    answered: Scene, operator: httpx.AsyncClient
) -> None:
    key, incident = str(uuid.uuid4()), answered.ids[0]
    assert (await give(operator, incident, note("gone"), key)).status_code == 200
    owner = await connect(answered.endpoints.database_url)
    try:
        await owner.execute("UPDATE command_key SET released_at = NULL WHERE key = $1", key)
        assert (await give(operator, incident, note("gone"), key)).status_code == 409
        await _age(owner, key)
        assert (await give(operator, incident, note("gone"), key)).status_code == 200
    finally:
        await owner.close()
    assert (await notes(operator, incident))["gone"] == 1


async def test_an_outcome_is_told_although_the_ledger_fails_after_it(
    answered: Scene, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 says that nothing has happened: it must not be said of a command that was answered."""

    async def gone(*_: object) -> None:
        raise LedgerUnavailable("gone")

    monkeypatch.setattr("console.keys.command_keys.release", gone)
    answer = await give(operator, answered.ids[0], note("told"))
    assert (answer.status_code, answer.json()["outcome"]) == (200, "accepted")


async def _age(owner: asyncpg.Connection, key: str) -> None:
    await owner.execute(
        "UPDATE command_key SET claimed_at = claimed_at - interval '2 minutes' WHERE key = $1", key
    )
