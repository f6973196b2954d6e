"""Fences drawn through the gateway: looked at, put in force once, seen by maps and searches."""

import asyncio
import time
import uuid
from typing import Any

import httpx
import pytest

from console.access import Role
from infra.ledger import fences
from infra.ledger.pool import connect, reading
from tests.cli.scene import Scene
from tests.console.town import EAST, SOUTH, WEST
from tests.console.visitors import Visitors
from tests.dispatch import dispatch_world as world
from tests.patience import patience

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]
PATH = "/api/v1/fences"


def square(west: float, south: float, east: float, north: float) -> list[Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return [[ring]]


def around(column: float, row: float, steps: float = 0.5) -> list[Any]:
    """Return a square around a place of the streets."""
    spot = world.place(column, row)
    reach = steps * world.STEP
    return square(spot.lon - reach, spot.lat - reach, spot.lon + reach, spot.lat + reach)


def zone(polygons: list[Any] | None, name: str = "化工区", **more: Any) -> dict[str, Any]:
    return {"fence": "z9", "kind": "hazard_zone", "name": name, "polygons": polygons} | more


async def tried(client: httpx.AsyncClient, fence: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(f"{PATH}/dry-run", json=fence)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def put(
    client: httpx.AsyncClient, fence: dict[str, Any], instead_of: int, key: str = ""
) -> httpx.Response:
    body = fence | {"instead_of": instead_of, "reason": "a new store"}
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    return await client.post(PATH, json=body, headers=headers, timeout=60)


async def number(client: httpx.AsyncClient) -> int:
    return (await client.get(f"{PATH}/changes")).json()[0]["number"]


async def shown(client: httpx.AsyncClient) -> dict[str, str]:
    return {one["id"]: one["name"] for one in (await client.get(PATH)).json()["items"]}


async def test_a_fence_is_drawn_renamed_and_removed_once_and_audited(
    answered: Scene, visitors: Visitors
) -> None:
    root, key = visitors.of(Role.ADMINISTRATOR), uuid.uuid4().hex
    known = await number(root)
    first = await put(root, zone(around(2, 2)), known, key)
    assert (first.status_code, first.json()["number"]) == (200, known + 1), first.text
    again = await put(root, zone(around(2, 2)), known, key)
    assert (again.status_code, again.json()["number"]) == (200, known + 1), again.text
    assert (await shown(root))["z9"] == "化工区"
    renamed = await put(root, zone(around(2, 2), "旧化工区"), known + 1)
    assert renamed.status_code == 200, renamed.text
    assert (await shown(root))["z9"] == "旧化工区"
    gone = await put(root, zone(None, "旧化工区"), known + 2)
    assert gone.status_code == 200, gone.text
    assert "z9" not in await shown(root)
    latest = gone.json()["changes"][0]
    assert (latest["operator"], latest["removed"]) == ("administrator", True)
    assert latest["reason"] == "a new store"
    lines = (await root.get("/api/v1/audit", params={"action": "fence"})).json()["items"]
    mine = [one for one in lines if one["subject"] == f"{answered.region}/z9"]
    assert [one["detail"]["removed"] for one in mine[:3]] == [True, False, False]
    assert (await put(root, zone(None), known + 3)).status_code == 404


async def test_of_two_changes_at_a_time_one_is_refused_with_the_present_one(
    answered: Scene, visitors: Visitors
) -> None:
    root, known = visitors.of(Role.ADMINISTRATOR), await number(visitors.of(Role.ADMINISTRATOR))
    one, other = zone(around(2, 2), "one"), zone(around(4, 4), "other")
    answers = await asyncio.gather(put(root, one, known), put(root, other, known))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    won = "one" if answers[0].status_code == 200 else "other"
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["type"][-15:], refused["present"]) == (":fences-changed", known + 1)
    assert (await shown(root))["z9"] == won
    late = await put(root, zone(around(3, 3)), known)
    assert (late.status_code, late.json()["present"]) == (409, known + 1)


async def test_what_is_wrong_is_said_before_and_refused(
    answered: Scene, visitors: Visitors
) -> None:
    root = visitors.of(Role.ADMINISTRATOR)
    at = world.place(1, 1)
    bow_tie = [
        [
            [at.lon, at.lat],
            [at.lon + 0.01, at.lat + 0.01],
            [at.lon + 0.01, at.lat],
            [at.lon, at.lat + 0.01],
            [at.lon, at.lat],
        ]
    ]
    across = square(179.0, 31.0, -179.0, 31.1)
    outside = square(WEST - 1.0, SOUTH, WEST - 0.9, SOUTH + 0.1)
    known = await number(root)
    for polygons, code in (
        ([bow_tie], "crossing"),
        (across, "antimeridian"),
        (square(at.lon, at.lat, at.lon, at.lat), "crossing"),
        (outside, "outside"),
        ([[[[at.lon, at.lat], [at.lon, at.lat]]]], "shape"),
    ):
        (fault,) = (await tried(root, zone(polygons)))["faults"]
        assert fault["code"] == code, fault
        refused = await put(root, zone(polygons), known)
        assert (refused.status_code, refused.json()["fault"]) == (422, code), refused.text
    (crossing,) = (await tried(root, zone([bow_tie])))["faults"]
    assert crossing["at"] == pytest.approx([at.lon + 0.005, at.lat + 0.005])
    overlapping = zone(around(2, 2), "北街道", kind="subdistrict", fence="s9")
    (fault,) = (await tried(root, overlapping))["faults"]
    assert (fault["code"], fault["names"]) == ("overlaps", ["南街道"])
    assert (await put(root, overlapping, known)).status_code == 422
    accepted = await put(root, overlapping | {"despite": ["overlaps"]}, known)
    assert accepted.status_code == 200, accepted.text
    neighbour = zone(square(WEST, world.LAT + 3.5 * world.STEP, EAST, world.LAT + 5 * world.STEP))
    assert (await tried(root, neighbour | {"kind": "subdistrict", "fence": "s8"}))["faults"] == []
    for bad in ({"kind": "moat"}, {"fence": "z\n9"}, {"surprise": 1}, {"name": ""}):
        assert (await put(root, zone(around(2, 2)) | bad, known + 1)).status_code == 422, bad
    assert await number(root) == known + 1


async def test_open_incidents_that_lie_elsewhere_then_are_counted(
    answered: Scene, visitors: Visitors
) -> None:
    root = visitors.of(Role.ADMINISTRATOR)
    fresh = zone(around(6, 6), fence="z8")
    found = await tried(root, fresh)
    assert (found["is_new"], found["faults"]) == (True, [])
    assert found["incidents"] == 1, "the crash at 6, 6"
    assert found["numbers"][0] in answered.numbers
    assert (await tried(root, zone(around(7.4, 7.4, 0.2), fence="z8")))["incidents"] == 0
    known = await number(root)
    assert (await put(root, fresh, known)).status_code == 200
    assert (await tried(root, fresh))["incidents"] == 0, "as it is"
    assert (await tried(root, zone(around(6, 6, 0.6), fence="z8")))["incidents"] == 0
    assert (await tried(root, zone(None, fence="z8")))["incidents"] == 1
    assert (await tried(root, zone(around(6, 6), "another name", fence="z8")))["incidents"] == 1


async def test_tiles_and_searches_follow(answered: Scene, visitors: Visitors) -> None:
    root = visitors.of(Role.ADMINISTRATOR)
    items = "/api/v1/ogc/collections/fences/items"
    known = await number(root)
    assert (
        await put(root, zone(around(1, 5), fence="z7", name="新仓库"), known)
    ).status_code == 200
    names = {one["properties"]["name"] for one in (await root.get(items)).json()["features"]}
    assert "新仓库" in names
    spot = world.place(1, 5)
    where = f"/api/v1/places/reverse?lon={spot.lon}&lat={spot.lat}"
    deadline = time.monotonic() + patience(30.0)
    while "新仓库" not in (await root.get(where)).text:
        assert time.monotonic() < deadline, "searches do not follow"
        await asyncio.sleep(0.05)


async def test_a_restarted_core_and_a_restarted_worker_have_the_changes(
    answered: Scene, visitors: Visitors
) -> None:
    root = visitors.of(Role.ADMINISTRATOR)
    for name in ("one", "two"):
        assert (await put(root, zone(around(2, 6), name), await number(root))).status_code == 200
    known = await number(root)
    conn = await connect(answered.endpoints.gateway_url)
    try:
        async with reading(conn) as read:
            city = answered.core.snapshot().city
            kept = await fences.changes(read, city)
            assert [change.number for change in kept] == list(range(1, known + 1))
            assert await fences.last_change(read, city) == known
            assert (await fences.changes(read, city, known - 1))[-1].number == known - 1
    finally:
        await conn.close()
    assert answered.core.snapshot().fences == known


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMINISTRATOR}))
async def test_nobody_else_draws(role: Role, answered: Scene, visitors: Visitors) -> None:
    client = visitors.of(role)
    assert (await put(client, zone(around(2, 2)), 0)).status_code == 403
    assert (await client.post(f"{PATH}/dry-run", json=zone(around(2, 2)))).status_code == 403
