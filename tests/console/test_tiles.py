"""Vector tiles: what is in which one, for whom, and what is kept."""

import math
import socket
from pathlib import Path

import httpx
import pyogrio
import pytest

from console.access import LAYERS, Role
from console.server import _listen
from console.settings import GatewaySettings
from console.tile_cache import TileCache
from infra.ledger.city import store_streets
from infra.ledger.pool import connect, transaction
from streams.bootstrap import street_rows
from tests.cli.scene import Scene
from tests.console.on_map import CLOSED, FIXES, bounds
from tests.console.town import EAST, NORTH, SOUTH, WEST, town
from tests.console.visitors import Visitors
from tests.dispatch import dispatch_world as world

pytestmark = [
    pytest.mark.postgis,
    pytest.mark.filterwarnings("ignore:Non closed ring:RuntimeWarning"),
]

HALF = math.pi * 6_378_137
"""Half a side of the world in EPSG:3857, metres."""
BUFFER = 256 / 4096
SEEN = {
    "incidents": set(Role) - {Role.PLANNER},
    "units": set(Role),
    "tracks": set(Role) - {Role.VIEWER},
    "conditions": set(Role),
    "fences": set(Role),
    "streets": set(Role),
}
"""Written out a second time, so that no row of the table changes by a slip."""


def tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int, int]:
    x, y = mercator(lon, lat)
    side = 2 * HALF / 2**zoom
    return zoom, int((x + HALF) / side), int((HALF - y) / side)


def mercator(lon: float, lat: float) -> tuple[float, float]:
    y = math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))
    return math.radians(lon) * 6_378_137, y * 6_378_137


def around(zoom: int) -> list[tuple[int, int, int]]:
    """Return the tiles of the city and those beside them."""
    west, south, east, north = bounds()
    _, left, top = tile_of(west, north, zoom)
    _, right, bottom = tile_of(east, south, zoom)
    return [
        (zoom, x, y)
        for x in range(max(0, left - 1), min(1 << zoom, right + 2))
        for y in range(max(0, top - 1), min(1 << zoom, bottom + 2))
    ]


class Map:
    """Tiles as GDAL reads them."""

    def __init__(self, client: httpx.AsyncClient, folder: Path) -> None:
        self._client, self._file = client, folder / "tile.mvt"

    async def get(self, layer: str, at: tuple[int, int, int], query: str = "") -> list[dict]:
        z, x, y = at
        answer = await self._client.get(f"/api/v1/tiles/{layer}/{z}/{x}/{y}.mvt{query}")
        if answer.status_code == 204:
            assert answer.content == b""
            return []
        assert answer.status_code == 200, answer.text
        self._file.write_bytes(answer.content)
        layers = [name for name, _ in pyogrio.list_layers(self._file)]
        assert layers == [layer]
        frame = pyogrio.read_dataframe(f"MVT:{self._file}", layer=layer, X=x, Y=y, Z=z, CLIP="NO")
        assert frame.crs.to_epsg() == 3857
        return frame.to_dict("records")


@pytest.fixture
def tiles(visitors: Visitors, mapped: Scene, tmp_path: Path) -> Map:
    return Map(visitors.of(Role.OPERATOR), tmp_path)


CITY_TILE = tile_of(world.LON + 0.007, world.LAT + 0.007, 12)


@pytest.mark.parametrize("zoom", [0, 11, 14, 16, 17])
async def test_an_incident_is_in_the_tiles_that_it_is_in_or_near(
    tiles: Map, visitors: Visitors, zoom: int
) -> None:
    listed = (await visitors.of(Role.OPERATOR).get("/api/v1/incidents")).json()["items"]
    points = {
        line["incident"]["id"]: mercator(
            line["incident"]["point"]["lon"], line["incident"]["point"]["lat"]
        )
        for line in listed
    }
    assert len(points) == 3
    side = 2 * HALF / 2**zoom
    margin = BUFFER * side
    met = set()
    for at in around(zoom):
        found = {one["id"]: one for one in await tiles.get("incidents", at)}
        left, top = at[1] * side - HALF, HALF - at[2] * side
        for name, (x, y) in points.items():
            inside = (
                left - margin <= x <= left + side + margin
                and top - side - margin <= y <= top + margin
            )
            assert (name in found) == inside, (name, at)
            if inside:
                met.add(name)
                where = found[name]["geometry"]
                assert math.hypot(where.x - x, where.y - y) < side / 4096
    assert met == set(points)


async def test_tiles_say_what_styles_need(tiles: Map, mapped: Scene) -> None:
    fire, *_ = (one for one in await tiles.get("incidents", CITY_TILE) if one["category"] == "fire")
    assert (fire["severity"], fire["state"], fire["open"]) == ("P1", "on_scene", True)
    assert abs(fire["opened_at"] / 1000 - mapped.journal.now.timestamp()) < 3600
    units = {one["id"]: one for one in await tiles.get("units", CITY_TILE)}
    assert len(units) == len(world.fleet())
    assert units[mapped.unit]["incident"] == mapped.ids[0]
    fences = {one["id"]: one["kind"] for one in await tiles.get("fences", CITY_TILE)}
    assert fences == {"d1": "district", "s1": "subdistrict", "z1": "hazard_zone"}
    closures = await tiles.get("conditions", CITY_TILE)
    assert [(one["id"], one["kind"], one["reason"]) for one in closures] == [
        (f"{mapped.region}.C1", "closure", "burst main")
    ]
    first, second = (mercator(*there) for there in ends(CLOSED))
    line = closures[0]["geometry"]
    for x, y in (first, second):
        assert min(math.hypot(x - a, y - b) for a, b in vertices(line)) < 5


def ends(arc: str) -> list[tuple[float, float]]:
    tail, head, _ = map(int, arc.split("-"))
    places = (world.place(*divmod(node, world.SIZE)) for node in (tail, head))
    return [(one.lon, one.lat) for one in places]


def vertices(line) -> list[tuple[float, float]]:
    return [xy for part in getattr(line, "geoms", [line]) for xy in part.coords]


async def test_a_street_is_drawn_once_and_far_away_not_at_all(tiles: Map) -> None:
    names: set[str] = set()
    for at in around(14):
        names |= {one["id"] for one in await tiles.get("streets", at)}
    assert len(names) == len(world.streets().arcs) / 2
    assert await tiles.get("streets", tile_of(world.LON, world.LAT, 9)) == []


async def test_a_track_ends_where_the_unit_stood(tiles: Map, mapped: Scene) -> None:
    lines = await tiles.get("tracks", CITY_TILE)
    assert [one["unit"] for one in lines] == [mapped.unit] * 2
    assert lines[1]["since"] - lines[0]["until"] == 310_000
    assert sum(len(vertices(one["geometry"])) for one in lines) <= FIXES
    assert await tiles.get("tracks", CITY_TILE, "?since=2999-01-01T00:00:00Z") == []


async def test_filters_are_those_of_the_list(tiles: Map, mapped: Scene) -> None:
    async def ids(query: str) -> set[str]:
        return {one["id"] for one in await tiles.get("incidents", CITY_TILE, query)}

    fire, crash, lift = mapped.ids
    assert await ids("?severity=P1") == {fire}
    assert await ids("?category=fire&category=traffic_crash") == {fire, crash}
    assert await ids("?open=false") == set()
    assert await ids("?open=any") == {fire, crash, lift}
    assert await ids("?since=2999-01-01T00:00:00Z") == set()


async def test_a_tile_that_is_too_full_says_so(
    visitors: Visitors, mapped: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("infra.ledger.maps.MOST_IN_TILE", 2)
    z, x, y = CITY_TILE
    path = f"/api/v1/tiles/incidents/{z}/{x}/{y}.mvt"
    file = tmp_path / "tile.mvt"
    file.write_bytes((await visitors.of(Role.OPERATOR).get(path)).content)
    assert {name for name, _ in pyogrio.list_layers(file)} == {"incidents", "left_out"}
    said = pyogrio.read_dataframe(f"MVT:{file}", layer="left_out", X=x, Y=y, Z=z)
    assert said["shown"].tolist() == [2]


async def test_who_sees_which_layer(visitors: Visitors, mapped: Scene) -> None:
    z, x, y = CITY_TILE
    assert set(LAYERS) == set(SEEN)
    for role in Role:
        client = visitors.of(role)
        visible = [layer for layer, roles in SEEN.items() if role in roles]
        assert (await client.get("/api/v1/tiles")).json() == visible
        for layer in SEEN:
            for path in (f"{layer}/{z}/{x}/{y}.mvt", f"{layer}.json"):
                answer = await client.get(f"/api/v1/tiles/{path}")
                assert (answer.status_code == 404) == (layer not in visible), (role, path)
                assert answer.is_success == (layer in visible), (role, path)
    assert (
        await visitors.nobody().get(f"/api/v1/tiles/streets/{z}/{x}/{y}.mvt")
    ).status_code == 401


async def test_a_tile_has_only_what_a_role_sees(
    visitors: Visitors, mapped: Scene, tmp_path: Path
) -> None:
    own = Map(visitors.of(Role.RESPONDER), tmp_path)
    assert [one["id"] for one in await own.get("incidents", CITY_TILE)] == [mapped.ids[0]]
    assert [one["id"] for one in await own.get("units", CITY_TILE)] == [mapped.unit]
    assert {one["unit"] for one in await own.get("tracks", CITY_TILE)} == {mapped.unit}
    medical = Map(visitors.of(Role.DEPARTMENT), tmp_path)
    seen = {one["id"] for one in await medical.get("incidents", CITY_TILE)}
    assert mapped.ids[0] in seen
    assert mapped.ids[2] not in seen
    assert {one["department"] for one in await medical.get("units", CITY_TILE)} == {"medical"}


async def test_an_etag_saves_the_tile(visitors: Visitors, mapped: Scene) -> None:
    client = visitors.of(Role.OPERATOR)
    z, x, y = CITY_TILE
    for layer, cached in (("incidents", "private, no-cache"), ("fences", "private, no-cache")):
        path = f"/api/v1/tiles/{layer}/{z}/{x}/{y}.mvt"
        first = await client.get(path)
        assert first.headers["Cache-Control"] == cached
        tag = first.headers["ETag"]
        for named in (tag, f'"other", W/{tag}', "*"):
            again = await client.get(path, headers={"If-None-Match": named})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == tag
        other = await client.get(path, headers={"If-None-Match": '"other"'})
        assert other.content == first.content
    narrow = await visitors.of(Role.RESPONDER).get(f"/api/v1/tiles/units/{z}/{x}/{y}.mvt")
    wide = await client.get(f"/api/v1/tiles/units/{z}/{x}/{y}.mvt")
    assert narrow.headers["ETag"] != wide.headers["ETag"]


async def test_a_city_that_comes_into_force_is_drawn(tiles: Map, mapped: Scene) -> None:
    """What was kept of the old city is not shown for the new one."""
    assert await tiles.get("fences", CITY_TILE)
    city = town(mapped.region).digest
    owner = await connect(mapped.endpoints.database_url)
    try:
        await owner.execute("UPDATE region SET city = 'other' WHERE city = $1", city)
        assert await tiles.get("fences", CITY_TILE) == []
        await owner.execute("UPDATE region SET city = $1 WHERE city = 'other'", city)
    finally:
        await owner.close()
    assert await tiles.get("fences", CITY_TILE)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("incidents/99/0/0.mvt", 422),
        ("incidents/-1/0/0.mvt", 422),
        ("incidents/3/8/0.mvt", 404),
        ("incidents/3/0/8.mvt", 404),
        ("incidents/3/x/0.mvt", 422),
        ("incidents/0/99999999999999999999/0.mvt", 422),
        ("incidents/0/0/0.png", 404),
        ("nothing/0/0/0.mvt", 404),
        ("nothing.json", 404),
        ("incidents/0/0/0.mvt?open=perhaps", 422),
        ("incidents/0/0/0.mvt?severty=P1", 422),
        ("streets/0/0/0.mvt?severity=P1", 422),
        ("tracks/0/0/0.mvt?since=2026-01-01T00:00:00Z", 422),
        ("incidents/0/0/0.mvt?since=1", 422),
    ],
)
async def test_bad_input_is_a_problem(
    visitors: Visitors, mapped: Scene, path: str, status: int
) -> None:
    answer = await visitors.of(Role.OPERATOR).get(f"/api/v1/tiles/{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_tile_json_describes_a_layer(visitors: Visitors, mapped: Scene) -> None:
    client = visitors.of(Role.VIEWER)
    said = (await client.get("/api/v1/tiles/streets.json")).json()
    assert said["tilejson"] == "3.0.0"
    assert said["bounds"] == pytest.approx((WEST, SOUTH, EAST, NORTH))
    url = said["tiles"][0].format(z=CITY_TILE[0], x=CITY_TILE[1], y=CITY_TILE[2])
    assert (await client.get(url)).status_code in (200, 204)
    assert "bounds" not in (await client.get("/api/v1/tiles/incidents.json")).json()


async def test_fields_are_those_that_tile_json_names(tiles: Map, visitors: Visitors) -> None:
    for layer in SEEN:
        said = (await visitors.of(Role.OPERATOR).get(f"/api/v1/tiles/{layer}.json")).json()
        fields = set(said["vector_layers"][0]["fields"])
        at = tile_of(world.LON, world.LAT, 15)
        found = await tiles.get(layer, at if layer == "streets" else CITY_TILE)
        assert found
        assert {name for one in found for name in one} - {"geometry", "mvt_id"} <= fields


async def test_streets_are_stored_once(mapped: Scene) -> None:
    city = town(mapped.region).digest
    conn = await connect(mapped.endpoints.worker_url)
    try:
        async with transaction(conn) as tx:
            assert await store_streets(tx, city, street_rows(world.streets())) == 0
            new = await store_streets(tx, "new", street_rows(world.streets()))
        assert new == len(world.streets().arcs)
    finally:
        await conn.close()


def test_the_cache_gives_up_what_was_not_used_for_longest() -> None:
    cache = TileCache(2_000)
    for key in "abc":
        cache.put(key, b"x" * 300)
    assert cache.get("a") is not None
    cache.put("d", b"x" * 300)
    assert [cache.get(key) is not None for key in "abcd"] == [True, False, True, True]
    cache.put("e", b"x" * 5_000)
    assert cache.get("e") is None
    nothing = TileCache(0)
    nothing.put("a", b"")
    assert nothing.get("a") is None


def test_no_answer_waits_for_an_acknowledgement() -> None:
    with _listen(GatewaySettings(port=0)) as listening:
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
