"""Another policy put in force through the gateway: one of two that were made at a time holds."""

import asyncio
import copy
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from console.access import Role
from tests.cli.scene import Scene
from tests.console.visitors import Visitors

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]
PATH = "/api/v1/policies"


async def in_force(client: httpx.AsyncClient) -> dict[str, Any]:
    return (await client.get(PATH)).json()[0]["policy"]


def changed(policy: dict[str, Any], count: int, seconds: int = 0) -> dict[str, Any]:
    """Return a policy that sends so many vehicles of each kind to a gas leak."""
    made = copy.deepcopy(policy)
    at = f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%f}"
    made["version"] = at if at > policy["version"] else f"{policy['version']}-{at}"
    for plan in made["plans"]:
        if plan["category"] == "gas_leak":
            plan["requirements"] = [one | {"count": count} for one in plan["requirements"]]
    return made


async def put(
    client: httpx.AsyncClient, policy: dict[str, Any], instead_of: str, key: str = "", **more: Any
) -> httpx.Response:
    body = {"policy": policy, "instead_of": instead_of, "reason": "two leaks in a week"} | more
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    return await client.post(PATH, json=body, headers=headers, timeout=60)


async def test_a_policy_is_put_in_force_once_and_audited(
    answered: Scene, visitors: Visitors
) -> None:
    boss, key = visitors.of(Role.SUPERVISOR), uuid.uuid4().hex
    known = await in_force(boss)
    wanted = changed(known, 3)
    first = await put(boss, wanted, known["version"], key)
    assert (first.status_code, first.json()["policy"]) == (200, wanted), first.text
    assert (await put(boss, wanted, known["version"], key)).status_code == 200
    plans = (await boss.get("/api/v1/plans?category=gas_leak")).json()
    assert {one["count"] for plan in plans for one in plan["requirements"]} == {3}
    lines = (await boss.get("/api/v1/audit", params={"action": "policy"})).json()["items"]
    (line,) = [one for one in lines if one["detail"]["version"] == wanted["version"]]
    assert (line["actor"], line["subject"]) == ("supervisor", answered.region)
    assert line["detail"]["instead_of"] == known["version"]
    assert line["detail"]["reason"] == "two leaks in a week"


async def test_of_two_changes_at_a_time_one_is_refused_with_the_present_version(
    answered: Scene, visitors: Visitors
) -> None:
    boss, root = visitors.of(Role.SUPERVISOR), visitors.of(Role.ADMINISTRATOR)
    known = await in_force(boss)
    one, other = changed(known, 4), changed(known, 5, seconds=1)
    answers = await asyncio.gather(
        put(boss, one, known["version"]), put(root, other, known["version"])
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    won = one if answers[0].status_code == 200 else other
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["type"].endswith(":policy-changed")
    assert refused["present"] == won["version"]
    assert await in_force(boss) == won
    late = await put(boss, changed(won, 6), known["version"])
    assert (late.status_code, late.json()["present"]) == (409, won["version"])


async def test_what_no_region_could_decide_by_is_refused(
    answered: Scene, visitors: Visitors
) -> None:
    boss = visitors.of(Role.SUPERVISOR)
    known = await in_force(boss)
    good = changed(known, 2)
    to_come = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}"
    for bad in (
        {"version": "better"},
        {"version": "2001-01-01"},
        {"version": to_come},
        {"max_eta_s": -1},
        {"surprise": 1},
        {"plans": [{"category": "fire", "severity": "P9", "requirements": []}]},
    ):
        answer = await put(boss, good | bad, known["version"])
        assert answer.status_code == 422, (bad, answer.text)
    assert (await put(boss, good, known["version"], reason="")).status_code == 422
    assert (await put(boss, good, known["version"], region="310101")).status_code == 404
    assert (await boss.post(PATH, json={})).status_code == 400
    assert await in_force(boss) == known
