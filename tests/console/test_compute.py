"""Places, readings, duplicates and ways, worked out in a process that holds the city."""

import asyncio
import os
import signal
import sys
import time
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import msgspec
import pytest

from console.access import Role
from console.services import Services
from dispatch import Region
from infra.ledger.pool import connect
from schemas import journal
from schemas.effects import EvidencePlaced
from tests.cli.scene import Scene
from tests.console.test_reads import HOSTILE
from tests.console.town import store, town
from tests.console.visitors import Visitors
from tests.dispatch import dispatch_world as world
from tests.patience import patience

pytestmark = [pytest.mark.postgis, pytest.mark.asyncio(loop_scope="module")]

LON, LAT, STEP = world.LON, world.LAT, world.STEP


@pytest.fixture
def operator(gateway: tuple[Services, Visitors]) -> httpx.AsyncClient:
    return gateway[1].of(Role.OPERATOR)


async def get(client: httpx.AsyncClient, path: str):
    answer = await client.get(f"/api/v1/{path}", timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def found(client: httpx.AsyncClient, text: str, more: str = "") -> list[dict]:
    return await get(client, f"places?q={quote(text)}{more}")


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("横3路", "横3路", "street"),
        ("横3", "横3路", "street"),
        ("静安寺", "静安寺", "landmark"),
        ("jingan temple", "静安寺", "landmark"),
        ("Jing'an Tempel", "静安寺", "landmark"),
        ("huashan hosp", "华山医院", "hospital"),
        ("华山一院", "华山医院", "hospital"),
        ("横3路与纵2路路口", "横3路 × 纵2路", "crossing"),
        ("横3路/纵2路", "横3路 × 纵2路", "crossing"),
        ("静安区", "静安区", "district"),
    ],
)
async def test_a_place_is_found_by_what_people_call_it(
    operator: httpx.AsyncClient, text: str, name: str, kind: str
) -> None:
    first = (await found(operator, text))[0]
    assert (first["name"], first["kind"]) == (name, kind)
    assert first["district"] == "静安区"
    assert first["point"]["accuracy_m"] > 0


async def test_the_same_name_is_before_what_only_begins_with_it(operator) -> None:
    scores = [place["score"] for place in await found(operator, "静安")]
    assert scores == sorted(scores, reverse=True)
    assert (await found(operator, "静安寺"))[0]["score"] == 1.0
    assert await found(operator, "没有这样的地方") == []


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("121.446, 31.236", "&crs=WGS-84"),
        ("31.236N 121.446E wgs84", ""),
        ("北纬31度14分9.6秒 东经121度26分45.6秒 gps", ""),
    ],
)
async def test_coordinates_are_a_place(operator, text: str, more: str) -> None:
    (place,) = await found(operator, text, more)
    assert (place["kind"], place["crs"]) == ("coordinates", "WGS-84")
    assert place["point"]["lon"] == pytest.approx(121.446, abs=1e-6)
    assert place["point"]["lat"] == pytest.approx(31.236, abs=1e-6)


async def test_coordinates_of_an_unknown_system_are_each_that_they_may_be(operator) -> None:
    """GCJ-02 lies half a kilometre off: which it was is for a person to say."""
    places = await found(operator, "121.446,31.236")
    assert [place["crs"] for place in places] == ["WGS-84", "GCJ-02", "BD-09"]
    points = {(place["point"]["lon"], place["point"]["lat"]) for place in places}
    assert len(points) == 3
    (amap,) = await found(operator, "高德 121.446,31.236")
    assert amap["point"] == places[1]["point"]


async def test_few_digits_are_uncertain(operator) -> None:
    (place,) = await found(operator, "121.45,31.24 wgs84")
    assert place["point"]["accuracy_m"] == pytest.approx(557, abs=1)


async def test_a_point_has_names(operator) -> None:
    here = world.place(3, 3)
    said = await get(operator, f"places/reverse?lon={here.lon}&lat={here.lat}")
    assert (said["district"], said["subdistrict"]) == ("静安区", "南街道")
    assert said["place"] == {"name": "静安寺", "kind": "landmark", "metres": 0.0}
    assert said["street"]["name"] in ("横3路", "纵3路")
    assert "南街道" in said["address"]
    nowhere = await operator.get("/api/v1/places/reverse?lon=0&lat=0")
    assert nowhere.status_code == 422


async def test_a_text_is_read_as_triage_reads_it(operator) -> None:
    text = "三楼着火了，有人被困，电话13800138000"
    said = (await operator.post("/api/v1/reading", json={"text": text})).json()
    assert (said["category"], said["danger"]) == ("fire", True)
    assert set(said["words"]) & {"着火", "着火了", "被困"}
    assert all(word in text for word in said["words"])
    assert "13800138000" not in str(said)
    nothing = (await operator.post("/api/v1/reading", json={"text": ""})).json()
    assert (nothing["category"], nothing["words"]) == ("other", [])


async def supposed(client, column: float, row: float, **more) -> dict:
    here = world.place(column, row)
    body = {"point": {"lon": here.lon, "lat": here.lat, "accuracy_m": 10}} | more
    answer = await client.post("/api/v1/duplicates", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_report_of_the_same_event_would_join_it(operator, scene: Scene) -> None:
    same = await supposed(operator, 2, 2, category="fire")
    assert (same["would"], same["incident"]) == ("attach", scene.ids[0])
    first = same["items"][0]
    assert (first["incident"], first["would"]) == (scene.ids[0], "attach")
    assert {reason["code"] for reason in first["reasons"]} >= {"metres_apart", "seconds_since"}
    read = await supposed(operator, 2, 2, text="着火了 好大的烟")
    assert (read["category"], read["incident"]) == ("fire", scene.ids[0])
    far = await supposed(operator, 6, 1, category="fire")
    assert (far["would"], far["incident"]) == ("open", None)


async def test_duplicates_are_what_the_core_decides(operator, scene: Scene) -> None:
    """The core itself, given such evidence, places it as was foretold."""
    for category, column in (("fire", 2.0), ("fire", 2.6), ("explosion", 2.0), ("gas_leak", 2.2)):
        said = await supposed(operator, column, 2, category=category)
        place = world.place(column, 2)
        entry = scene.journal.evidence(category, "P2", place, confidence=1.0)
        core = Region.restore(scene.core.snapshot(), world.routers)
        effects = core.apply(msgspec.structs.replace(entry, region=scene.region), datetime.now(UTC))
        (placed,) = [effect for effect in effects if isinstance(effect, EvidencePlaced)]
        foretold = {"attach": "attached", "ask": "asked", "open": "opened"}[said["would"]]
        assert placed.placed == foretold, (category, column, said)


async def test_beside_events_that_are_kept_apart_an_operator_is_asked(
    operator, scene: Scene
) -> None:
    """As the core does: a report that fits both is joined to neither."""
    made, place = scene.journal, world.place(7, 7)
    told = [made.evidence("flood", "P2", place, confidence=1.0) for _ in range(2)]
    await scene.apply(*told)
    flood = scene.ids[-1]
    assert (await supposed(operator, 7, 7, category="flood"))["would"] == "attach"
    await scene.apply(
        made.command(flood, journal.Split(evidence=(told[1].evidence.id,), reason="so"))
    )
    both = {flood, scene.ids[-1]}
    assert len(both) == 2
    said = await supposed(operator, 7, 7, category="flood")
    assert (said["would"], said["incident"] in both) == ("ask", True)
    (asked,) = [one for one in said["items"] if one["incident"] == said["incident"]]
    assert asked["would"] == "ask"
    assert "kept_apart_from" in {reason["code"] for reason in asked["reasons"]}


async def test_a_way_has_a_line_times_and_steps(operator) -> None:
    path = f"from={LON},{LAT}&to={LON + 5 * STEP},{LAT + 2 * STEP}"
    quick = await get(operator, f"route?{path}")
    slow = await get(operator, f"route?{path}&profile=civilian")
    assert quick["seconds"] < slow["seconds"]
    assert quick["geometry"]["type"] == "LineString"
    assert quick["geometry"]["coordinates"][0] == pytest.approx([LON, LAT], abs=1e-5)
    assert quick["metres"] == pytest.approx(7 * 200, rel=0.2)
    assert (quick["steps"][0]["manoeuvre"], quick["steps"][-1]["manoeuvre"]) == ("depart", "arrive")
    own = await get(operator, f"route?{path}&unit=U00&height_m=3.2")
    assert own["seconds"] == quick["seconds"]
    assert (await operator.get(f"/api/v1/route?{path}&unit=nothing")).status_code == 404
    outside = await operator.get("/api/v1/route?from=0,0&to=1,1")
    assert outside.status_code == 422
    nowhere = await operator.get(f"/api/v1/route?from={LON},{LAT}&to={LON + 0.09},{LAT}")
    assert nowhere.status_code == 404


async def test_an_isochrone_grows(operator) -> None:
    areas = (await get(operator, f"isochrone?from={LON},{LAT}&seconds=60&seconds=120"))["areas"]
    assert [area["seconds"] for area in areas] == [60, 120]
    assert areas[0]["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert len(str(areas[0]["geometry"])) < len(str(areas[1]["geometry"]))


async def test_who_could_go_and_why_not(operator, scene: Scene) -> None:
    said = await get(operator, f"incidents/{scene.ids[0]}/candidates")
    units = {one["unit"]: one for one in said["units"]}
    busy = units[scene.unit]
    assert not busy["able"]
    assert busy["reasons"][0]["code"] in ("unit_busy", "unit_not_free")
    able = [one for one in said["units"] if one["able"]]
    assert able == said["units"][: len(able)]
    assert [one["seconds"] for one in able] == sorted(one["seconds"] for one in able)
    assert all(one["capabilities"] for one in able)
    assert said["asks"]


async def test_fences_and_plans(operator) -> None:
    fences = (await get(operator, "fences"))["items"]
    assert [fence["id"] for fence in fences] == ["d1", "s1", "z1"]
    assert fences[0]["geometry"]["type"] == "Polygon"
    (zone,) = (await get(operator, "fences?kind=hazard_zone"))["items"]
    assert zone["name"] == "油库"
    far = (await get(operator, "fences?bbox=0,0,1,1"))["items"]
    assert far == []
    plans = await get(operator, "plans?category=fire")
    assert {plan["category"] for plan in plans} == {"fire"}
    assert plans[0]["requirements"]


async def test_another_policy_is_tried_on_what_is_open(
    gateway: tuple[Services, Visitors], scene: Scene
) -> None:
    boss = gateway[1].of(Role.SUPERVISOR)
    path = "/api/v1/policies/dry-run"
    many = {"capability": "utility_repair", "count": 1}
    plan = {"category": "fire", "severity": "*", "requirements": [many]}
    plans = [plan, plan | {"severity": "P1"}]
    answer = await boss.post(path, json={"plans": plans}, timeout=60)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["region"] == scene.region
    assert any("would" in change["code"] for change in said["changes"])
    assert said["changes"] != [{"code": "would_change_nothing", "values": {}}]
    policy = (await get(boss, "policies"))[0]["policy"]
    same = (await boss.post(path, json={"policy": policy}, timeout=60)).json()
    assert [change["code"] for change in same["changes"]] == ["would_change_nothing"]
    for wrong in ({}, {"policy": policy, "plans": []}, {"plans": [plan | {"severity": "P9"}]}):
        assert (await boss.post(path, json=wrong, timeout=60)).status_code == 422, wrong
    other = await boss.post(path, json={"region": "310101", "policy": policy})
    assert other.status_code == 404


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_values_break_nothing(operator, scene: Scene, text: str) -> None:
    quoted = quote(text, safe="")
    for path in (
        f"places?q={quoted}",
        f"places?q=a&crs={quoted}",
        f"places/reverse?lon={quoted}&lat=1",
        f"route?from={quoted}&to=1,1",
        f"route?from=1,1&to=1,1&profile={quoted}",
        f"isochrone?from=1,1&seconds={quoted}",
        f"fences?kind={quoted}",
        f"fences?bbox={quoted}",
        f"fences?after={quoted}",
        f"plans?category={quoted}",
        f"reports/{quoted}",
        f"incidents/{quoted}/candidates",
        f"units/{scene.unit}/stamps/{quoted}",
    ):
        answer = await operator.get(f"/api/v1/{path}")
        assert answer.status_code in (200, 404, 422), (path, answer.text)
        assert "X-Evil" not in answer.headers
    point = {"lon": LON, "lat": LAT}
    for path, body in (
        ("reading", {"text": text}),
        ("reading", {"text": "a", "call_type": text, "channel": text}),
        ("duplicates", {"point": point, "category": text}),
        ("duplicates", {"point": point, "text": text}),
        ("duplicates", {"point": point | {"crs": text}}),
        ("duplicates", {"point": point, "at": text}),
    ):
        answer = await operator.post(f"/api/v1/{path}", json=body)
        assert answer.status_code in (200, 422), (path, body, answer.text)


async def test_a_killed_process_is_replaced_and_nobody_waits_for_it(
    gateway: tuple[Services, Visitors], operator
) -> None:
    services, visitors = gateway
    await found(operator, "静安寺")
    (process,) = services.compute._crew.executor._processes
    os.kill(process, signal.SIGKILL)
    gone = await operator.get("/api/v1/places?q=a", timeout=60)
    assert gone.status_code in (200, 503)
    asking = asyncio.create_task(operator.get("/api/v1/places?q=a", timeout=60))
    assert (await visitors.nobody().get("/health")).status_code == 200
    assert not asking.done()  # health does not wait until the city is loaded
    assert (await asking).status_code == 200


async def test_another_city_comes_into_force_while_the_old_one_answers(
    gateway: tuple[Services, Visitors],
    operator,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("console.compute.pool._LOOK_S", 0.05)
    assert await found(operator, "新地标") == []
    owner = await connect(scene.endpoints.database_url)
    try:
        later = town(scene.region, "新地标")
        await store(scene, later)
        await owner.execute("UPDATE region SET city = $1", later.digest)
        deadline = time.monotonic() + patience(30)
        while not (now := await found(operator, "新地标")):
            assert await found(operator, "静安寺")
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert now[0]["name"] == "新地标"
    finally:
        await owner.close()


async def test_the_gateway_s_own_process_holds_no_map() -> None:
    code = "import sys, console.app; print({'networkx', 'dispatch', 'atlas'} & set(sys.modules))"
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await done.communicate()
    assert said.strip() == b"set()"
