"""What the gateway shows of the ledger: filters, pages, search, and hostile values."""

from urllib.parse import quote

import httpx
import pytest

from console.access import Role
from infra.ledger.pool import connect
from tests.cli.scene import Scene
from tests.console.visitors import Visitors

pytestmark = pytest.mark.postgis

HOSTILE = (
    "'",
    "'; DROP TABLE incident; --",
    "%",
    "\\",
    "<script>",
    "\r\nX-Evil: 1",
    "\x00",
    "../..",
)


@pytest.fixture
def operator(visitors: Visitors) -> httpx.AsyncClient:
    return visitors.of(Role.OPERATOR)


async def items(client: httpx.AsyncClient, path: str) -> list:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def ids(client: httpx.AsyncClient, query: str) -> list[str]:
    return [line["incident"]["id"] for line in await items(client, f"incidents?{query}")]


async def test_incidents_are_filtered(operator: httpx.AsyncClient, scene: Scene) -> None:
    fire, crash, lift = scene.ids
    assert await ids(operator, "") == [lift, crash, fire]
    assert await ids(operator, "severity=P1") == [fire]
    assert await ids(operator, "severity=P1&severity=P3") == [lift, crash, fire]
    assert await ids(operator, "category=traffic_crash") == [crash]
    assert await ids(operator, "category=fire&severity=P3") == []
    assert await ids(operator, "state=on_scene") == [fire]
    assert await ids(operator, "open=false") == []
    lines = await items(operator, "incidents")
    opened = quote(lines[1]["incident"]["opened_at"])
    assert await ids(operator, f"since={opened}") == [lift, crash]
    point = lines[0]["incident"]["point"]
    lon, lat = point["lon"], point["lat"]
    box = f"{lon - 1e-4},{lat - 1e-4},{lon + 1e-4},{lat + 1e-4}"
    assert await ids(operator, f"bbox={box}") == [lift]
    assert scene.unit in lines[2]["units"]


async def test_incidents_are_found_by_words(operator: httpx.AsyncClient, scene: Scene) -> None:
    fire = (await items(operator, "incidents?category=fire"))[0]["incident"]
    assert await ids(operator, f"q={fire['number']}") == [fire["id"]]
    assert fire["id"] in await ids(operator, f"q={quote(fire['title'][:5].upper())}")
    assert await ids(operator, "q=zz") == []
    assert (await operator.get("/api/v1/incidents?q=z")).status_code == 422


async def test_words_are_found_behind_the_latest(
    operator: httpx.AsyncClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few are looked through first, pages have what the whole list has, in its order."""
    words = quote((await items(operator, "incidents"))[0]["incident"]["title"][-4:])
    whole = await ids(operator, f"q={words}")
    assert len(whole) == 3
    for latest in (1, 2, 100):
        monkeypatch.setattr("infra.ledger.pages._LATEST", latest)
        assert await ids(operator, f"q={words}") == whole
        first = (await operator.get(f"/api/v1/incidents?q={words}&limit=1")).json()
        assert await ids(operator, f"q={words}&after={first['next']}") == whole[1:]
        assert await ids(operator, f"q={words}&severity=P1") == scene.ids[:1]


async def test_numbers_are_found_by_their_beginning(
    operator: httpx.AsyncClient, scene: Scene
) -> None:
    fire, crash, lift = scene.ids
    number = scene.numbers[1]
    day = number.rpartition("-")[0]
    assert await ids(operator, f"q={number}") == [crash]
    assert await ids(operator, f"q={number.upper()}") == [crash]
    assert await ids(operator, f"q={day}") == [lift, crash, fire]
    assert await ids(operator, f"q={day}&severity=P1") == [fire]
    assert await ids(operator, f"q={scene.region}-20010101") == []
    assert await ids(operator, f"q={scene.region}-20019999") == []


async def test_chinese_words_of_two_characters_are_found_by_the_index(scene: Scene) -> None:
    owner = await connect(scene.endpoints.database_url)
    pairs = await owner.fetchval("SELECT search_pairs('南京西路 A1')")
    assert {"南京", "京西", "西路", "a1"} <= set(pairs)
    await owner.close()


async def test_pages_are_stable_while_incidents_come(
    operator: httpx.AsyncClient, scene: Scene
) -> None:
    """What comes between two pages, or changes, moves nothing and is not repeated."""
    seen, after = [], ""
    for _ in scene.ids:
        answer = (await operator.get(f"/api/v1/incidents?limit=1{after}")).json()
        seen += [line["incident"]["id"] for line in answer["items"]]
        after = f"&after={answer['next']}"
    assert answer["next"] is None
    assert seen == scene.ids[::-1]
    for path in (f"incidents/{scene.ids[0]}/timeline", "units", "alerts"):
        whole = await items(operator, f"{path}?limit=200")
        one_by_one, cursor = [], ""
        while cursor is not None:
            query = f"&after={cursor}" if cursor else ""
            page = (await operator.get(f"/api/v1/{path}?limit=1{query}")).json()
            one_by_one += page["items"]
            cursor = page["next"]
        assert one_by_one == whole
        assert len(whole) > 1


async def test_one_incident_in_full(operator: httpx.AsyncClient, scene: Scene) -> None:
    path = f"/api/v1/incidents/{scene.ids[0]}"
    answer = await operator.get(path)
    incident = answer.json()["incident"]
    assert answer.headers["ETag"] == f'"{incident["version"]}"'
    lines = await items(operator, f"incidents/{scene.ids[0]}/timeline")
    assert [line["seq"] for line in lines] == list(range(1, incident["version"] + 1))
    evidence = await items(operator, f"incidents/{scene.ids[0]}/evidence")
    assert [line["evidence"]["id"] for line in evidence] == incident["evidence"]
    assert evidence[0]["placed"] == "opened"
    sent = (await operator.get(f"{path}/assignments")).json()
    assert scene.unit in {one["unit"] for one in sent}
    recommended = (await operator.get(f"{path}/recommendation")).json()["recommendation"]
    assert scene.unit in {one["unit"] for one in recommended["candidates"] if one["chosen"]}


async def test_the_rest_of_the_city(visitors: Visitors, scene: Scene) -> None:
    keeper = visitors.of(Role.SUPERVISOR)
    unit = (await keeper.get(f"/api/v1/units/{scene.unit}")).json()
    assert unit["state"] == "on_scene"
    assert [u["id"] for u in await items(keeper, "units?state=on_scene")] == [scene.unit]
    (policy,) = (await keeper.get("/api/v1/policies")).json()
    assert policy["region"] == scene.region
    assert policy["policy"]["version"]
    assert await items(keeper, "conditions") == []
    assert await items(keeper, "sources") == []
    alerts = await items(keeper, "alerts")
    assert {alert["kind"] for alert in alerts} & {"new_incident", "possible_duplicate"}
    assert await items(keeper, f"alerts?kind={alerts[0]['kind']}&active=true")


async def test_dead_letters_are_counted_without_their_bytes(
    visitors: Visitors, scene: Scene
) -> None:
    owner = await connect(scene.endpoints.database_url)
    await owner.executemany(
        "INSERT INTO dead_letter (topic, partition, record_offset, value, headers, reason, error,"
        " agent, at) VALUES ('t', 0, $1, 'secret', '', 'name: 张三', 'PayloadError', 'a', now())",
        [(0,), (1,)],
    )
    await owner.close()
    answer = await visitors.of(Role.SUPERVISOR).get("/api/v1/dead-letters/summary")
    (row,) = answer.json()
    assert (row["topic"], row["error"], row["letters"], row["redriven"]) == (
        "t",
        "PayloadError",
        2,
        0,
    )
    assert "张三" not in answer.text


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_values_find_nothing_and_break_nothing(
    operator: httpx.AsyncClient, scene: Scene, text: str
) -> None:
    quoted = quote(text, safe="")
    for path in (
        f"incidents?q=zz{quoted}",
        f"incidents?state={quoted}",
        f"incidents?category={quoted}",
        f"incidents?since={quoted}",
        f"incidents?bbox={quoted}",
        f"incidents?after={quoted}",
        f"incidents?{quoted}=1",
        f"incidents/{quoted}",
        f"incidents/{quoted}/timeline",
        f"units/{quoted}",
        f"units?kind={quoted}",
        f"commands/{quoted}",
        f"commands?operator={quoted}",
    ):
        answer = await operator.get(f"/api/v1/{path}")
        assert answer.status_code in (200, 404, 422), (path, answer.text)
        assert "X-Evil" not in answer.headers
        if answer.status_code == 200:
            assert answer.json()["items"] == []
    assert await ids(operator, "") == scene.ids[::-1]


@pytest.mark.parametrize(
    "query",
    [
        "bbox=1,2,3",
        "bbox=3,2,1,4",
        "bbox=-181,0,0,1",
        "bbox=nan,0,1,1",
        "bbox=0,0,1,inf",
        "since=2026-01-01",
        "since=1767225600",
        "since=2026-01-01T00:00:00",
        "since=0001-01-01T00:00:00Z",
        "limit=0",
        "limit=201",
        "after=W10=",
        "after=WzEsMl0=",
        "severty=P1",
        "q=%00%00",
    ],
)
async def test_a_parameter_that_cannot_be_used_is_named(
    operator: httpx.AsyncClient, query: str
) -> None:
    answer = await operator.get(f"/api/v1/incidents?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json()["detail"]
