"""OGC API - Features, as GDAL, GeoPandas and the standard have it."""

import json
import subprocess
import sys
import time
from urllib.parse import quote

import httpx
import pytest
from shapely.geometry import box, shape

from console.access import LAYERS, Role
from infra.ledger.pool import connect
from tests.cli.scene import Scene
from tests.console.on_map import FIXES, bounds
from tests.console.test_schema import serving
from tests.console.visitors import Visitors
from tests.dispatch import dispatch_world as world
from tests.patience import patience

pytestmark = pytest.mark.postgis

OGC = "/api/v1/ogc"
CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"
WEST, SOUTH, EAST, NORTH = bounds()


@pytest.fixture
def operator(visitors: Visitors, mapped: Scene) -> httpx.AsyncClient:
    return visitors.of(Role.OPERATOR)


async def page(client: httpx.AsyncClient, path: str) -> dict:
    answer = await client.get(path if path.startswith("http") else f"{OGC}/collections/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/geo+json"
    return answer.json()


async def ids(client: httpx.AsyncClient, path: str) -> list[str]:
    return [one["id"] for one in (await page(client, path))["features"]]


def link(document: dict, rel: str) -> str | None:
    return next((one["href"] for one in document["links"] if one["rel"] == rel), None)


async def test_a_client_finds_its_way_from_the_landing_page(operator: httpx.AsyncClient) -> None:
    landing = (await operator.get(OGC)).json()
    assert {one["rel"] for one in landing["links"]} >= {
        *("self", "service-desc", "service-doc", "conformance", "data")
    }
    assert (await operator.get(link(landing, "service-desc"))).json()["openapi"].startswith("3.1")
    said = (await operator.get(link(landing, "conformance"))).json()["conformsTo"]
    assert said == [CORE, CORE.replace("core", "geojson")]
    collections = (await operator.get(link(landing, "data"))).json()["collections"]
    assert {one["id"] for one in collections} == set(LAYERS)
    for about in collections:
        assert (await operator.get(link(about, "self"))).json() == about
        found = await page(operator, link(about, "items"))
        assert found["type"] == "FeatureCollection"
        assert found["numberReturned"] == len(found["features"]) > 0
        one = found["features"][0]
        single = await page(operator, f"{about['id']}/items/{quote(one['id'])}")
        assert {name: single[name] for name in one} == one
        assert link(single, "collection").endswith(f"/collections/{about['id']}")


async def test_pages_are_whole_and_nothing_comes_twice(operator: httpx.AsyncClient) -> None:
    sizes = {
        "incidents": 3,
        "units": len(world.fleet()),
        "tracks": FIXES,
        "conditions": 1,
        "fences": 3,
        "streets": len(world.streets().arcs) // 2,
    }
    for collection, size in sizes.items():
        whole = await ids(operator, f"{collection}/items?limit=10000")
        assert len(set(whole)) == len(whole) == size
        limit = max(1, size // 3)
        url, seen = f"{collection}/items?limit={limit}", []
        while url is not None:
            found = await page(operator, url)
            assert len(found["features"]) <= limit
            seen += [one["id"] for one in found["features"]]
            url = link(found, "next")
        assert seen == whole


async def test_a_page_behind_keeps_the_filters(operator: httpx.AsyncClient) -> None:
    found = await page(operator, "units/items?limit=1&kind=ambulance&kind=police_car")
    kinds = []
    while url := link(found, "next"):
        found = await page(operator, url)
        kinds += [one["properties"]["kind"] for one in found["features"]]
    assert sorted(kinds) == ["ambulance"] * 2 + ["police_car"] * 3


async def test_boxes(operator: httpx.AsyncClient, mapped: Scene) -> None:
    everything = await page(operator, "incidents/items")
    points = {one["id"]: shape(one["geometry"]) for one in everything["features"]}
    assert len(points) == 3
    for point in points.values():
        east, north = point.x + 1e-6, point.y + 1e-6  # as near as GPS tells, and nearer
        edges = (point.x, point.y, east, north), (point.x + 1e-7, point.y, east, north)
        for edge in edges:
            text = ",".join(f"{x:.7f}" for x in edge)
            expected = {name for name, one in points.items() if box(*edge).intersects(one)}
            assert set(await ids(operator, f"incidents/items?bbox={text}")) == expected
    heights = f"{WEST},{SOUTH},0,{EAST},{NORTH},100"
    assert len(await ids(operator, f"incidents/items?bbox={heights}")) == 3
    # West of east: across the 180th meridian, so everything but the strip between them.
    assert await ids(operator, f"incidents/items?bbox={EAST},{SOUTH},{WEST - 0.1},{NORTH}") == []
    assert len(await ids(operator, f"incidents/items?bbox={WEST},{SOUTH},-170,{NORTH}")) == 3
    # A street's own box may touch where the street does not.
    assert len(await ids(operator, f"streets/items?bbox={WEST},{SOUTH},{WEST},{SOUTH}")) == 2
    assert await ids(operator, f"fences/items?bbox={EAST},{NORTH},{EAST},{NORTH}") == [
        f"{mapped.region}.d1"
    ]


async def test_times(operator: httpx.AsyncClient) -> None:
    listed = (await page(operator, "incidents/items"))["features"]
    times = [one["properties"]["opened_at"].replace("+00:00", "Z") for one in listed]
    names = [one["id"] for one in listed]
    assert times == sorted(times, reverse=True)
    for text, expected in (
        (times[1], names[1:2]),
        (f"{times[1]}/..", names[:2]),
        (f"{times[1]}/", names[:2]),
        (f"../{times[1]}", names[1:]),
        (f"/{times[1]}", names[1:]),
        (f"{times[2]}/{times[1]}", names[1:]),
        ("../..", names),
        (quote("2000-01-01T00:00:00+08:00") + "/2000-01-02T00:00:00Z", []),
    ):
        assert await ids(operator, f"incidents/items?datetime={text}") == expected, text
    assert len(await ids(operator, "conditions/items?datetime=2999-01-01T00:00:00Z/..")) == 0
    assert len(await ids(operator, f"conditions/items?datetime={times[0]}/..")) == 1
    # What has no time is there at any time.
    assert len(await ids(operator, "fences/items?datetime=2999-01-01T00:00:00Z")) == 3
    drive = (await page(operator, "tracks/items"))["features"]
    at = quote(drive[5]["properties"]["at"])
    assert await ids(operator, f"tracks/items?datetime={at}") == [drive[5]["id"]]


async def test_the_largest_page_is_taken_for_a_larger_one(operator: httpx.AsyncClient) -> None:
    assert len(await ids(operator, "units/items?limit=100000")) == len(world.fleet())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("incidents/items?limit=0", 400),
        ("incidents/items?limit=-1", 400),
        ("incidents/items?limit=many", 400),
        ("incidents/items?bbox=1,2,3", 400),
        ("incidents/items?bbox=1,2,3,4,5", 400),
        ("incidents/items?bbox=a,b,c,d", 400),
        ("incidents/items?bbox=nan,0,1,1", 400),
        ("incidents/items?bbox=0,10,1,5", 400),
        ("incidents/items?bbox=0,0,181,1", 400),
        ("incidents/items?bbox=0,0,1,91", 400),
        ("incidents/items?datetime=yesterday", 400),
        ("incidents/items?datetime=2026-11-30", 400),
        ("incidents/items?datetime=2026-11-30T00:00:00", 400),
        ("incidents/items?datetime=2026-11-30T00:00:00Z/2026-11-29T00:00:00Z", 400),
        ("incidents/items?datetime=2026-11-30T00:00:00Z/../..", 400),
        ("incidents/items?datetime=0001-01-01T00:00:00Z", 400),
        ("incidents/items?severty=P1", 400),
        ("incidents/items?severity=%27", 400),
        ("streets/items?severity=P1", 400),
        ("incidents/items?after=nothing", 400),
        ("incidents/items?crs=http://www.opengis.net/def/crs/EPSG/0/3857", 400),
        ("nothing", 404),
        ("nothing/items", 404),
        ("incidents/items/nothing", 404),
        ("tracks/items/U00@999999999999999999999", 404),
        ("tracks/items/U00", 404),
        ("streets/items/0-1-0", 404),
    ],
)
async def test_bad_input_is_a_problem(operator: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await operator.get(f"{OGC}/collections/{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_who_sees_which_collection(visitors: Visitors, mapped: Scene) -> None:
    for role in Role:
        client = visitors.of(role)
        listed = (await client.get(f"{OGC}/collections")).json()["collections"]
        visible = {one["id"] for one in listed}
        assert visible == {name for name, roles in LAYERS.items() if role in roles}
        for name in LAYERS:
            for path in (name, f"{name}/items", f"{name}/items/nothing"):
                answer = await client.get(f"{OGC}/collections/{path}")
                if name not in visible:
                    assert answer.status_code == 404, (role, path)
                elif "nothing" not in path:
                    assert answer.status_code == 200, (role, path)


async def test_features_are_only_what_a_role_sees(visitors: Visitors, mapped: Scene) -> None:
    fire, _, lift = mapped.ids
    own = visitors.of(Role.RESPONDER)
    assert await ids(own, "incidents/items") == [fire]
    assert await ids(own, "units/items") == [mapped.unit]
    assert len(await ids(own, "tracks/items")) == FIXES
    other = "U00" if mapped.unit != "U00" else "U01"
    for path in (f"incidents/items/{lift}", f"units/items/{other}"):
        assert (await own.get(f"{OGC}/collections/{path}")).status_code == 404
    medical = visitors.of(Role.DEPARTMENT)
    seen = await ids(medical, "incidents/items")
    assert fire in seen
    assert lift not in seen
    assert (await medical.get(f"{OGC}/collections/incidents/items/{lift}")).status_code == 404
    units = (await page(medical, "units/items"))["features"]
    assert {one["properties"]["department"] for one in units} == {"medical"}


CLIENT = """
import json, sys
import geopandas, httpx, pyogrio

ogc, token, *near = sys.argv[1:]
pyogrio.set_gdal_config_options({"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": token})
streets = geopandas.read_file(f"OAPIF:{ogc}", layer="streets", PAGE_SIZE=10)
here = geopandas.read_file(f"OAPIF:{ogc}", layer="streets", bbox=tuple(map(float, near)))
page = httpx.get(f"{ogc}/collections/incidents/items?severity=P1",
                 headers={"Authorization": f"Bearer {token}"}).json()
urgent = geopandas.GeoDataFrame.from_features(page, crs="OGC:CRS84")
layers = [name for name, _ in pyogrio.list_layers(f"OAPIF:{ogc}")]
print(json.dumps([layers, len(streets), list(streets.total_bounds), len(here),
                  list(urgent["category"]), streets.crs.is_geographic]))
"""
"""As in docs/gateway.md. GDAL keeps Python from running while it waits, and so the server too, if
it is in the same process."""


def test_geopandas_reads_a_collection(mapped: Scene, tokens: dict[Role, str]) -> None:
    """GDAL's driver follows `next`: a page has ten streets."""
    near = (WEST, SOUTH, WEST + 0.001, SOUTH + 0.001)
    with serving(mapped.endpoints) as (url, _):
        _until_it_answers(url)
        read = subprocess.run(
            [sys.executable, "-c", CLIENT, f"{url}{OGC}", tokens[Role.OPERATOR], *map(str, near)],
            capture_output=True,
            text=True,
            check=False,
            timeout=patience(60),
        )
    assert read.returncode == 0, read.stderr
    layers, streets, corners, here, urgent, geographic = json.loads(read.stdout)
    assert set(layers) == set(LAYERS)
    assert streets == len(world.streets().arcs) // 2
    assert corners == pytest.approx(bounds())
    assert (here, urgent, geographic) == (2, ["fire"], True)


def _until_it_answers(url: str) -> None:
    deadline = time.monotonic() + patience(20)
    while True:
        try:
            assert httpx.get(f"{url}/health").json()["ok"]
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


async def test_what_is_nowhere_has_no_geometry(operator: httpx.AsyncClient, mapped: Scene) -> None:
    """A closure of streets that the city no longer has: null, as RFC 7946 wants."""
    reason = '"geometry": {"type": null}'
    owner = await connect(mapped.endpoints.database_url)
    try:
        await owner.execute(
            "INSERT INTO street_condition (region, id, kind, segments, valid_from, reason, record) "
            "VALUES ($1, 'C-gone', 'closure', '{gone}', now(), $2, '')",
            mapped.region,
            reason,
        )
        gone = await page(operator, f"conditions/items/{mapped.region}.C-gone")
    finally:
        await owner.execute("DELETE FROM street_condition WHERE id = 'C-gone'")
        await owner.close()
    assert (gone["geometry"], gone["properties"]["reason"]) == (None, reason)


async def test_a_feature_is_valid_geojson(operator: httpx.AsyncClient) -> None:
    for name in LAYERS:
        for one in (await page(operator, f"{name}/items"))["features"]:
            assert one["type"] == "Feature"
            assert not shape(one["geometry"]).is_empty
            assert json.loads(json.dumps(one["properties"])) == one["properties"]
            assert "geom" not in one["properties"]
