"""A small city with names, fences and a fleet, over the streets of the core's made world."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from shapely.geometry import box

from atlas.city import CityData, Manifest, Place
from atlas.folder import city_files, save_city
from geo.fences.index import Fence
from infra.ledger.city import FenceRow, store_city
from infra.ledger.city_files import CityName, keep, look_at
from infra.ledger.pool import connect, transaction
from schemas.records import Point
from tests.cli.scene import Scene
from tests.dispatch import dispatch_world as world

WEST, SOUTH = world.LON - world.STEP, world.LAT - world.STEP
EAST, NORTH = world.LON + 8 * world.STEP, world.LAT + 8 * world.STEP


@cache
def town(region: str, *landmarks: str) -> CityData:
    """Return the city of a region, with further landmarks of these names."""
    south_half = box(WEST, SOUTH, EAST, world.LAT + 3.5 * world.STEP)
    return CityData.of(
        Manifest(
            name="测试城",
            name_en="Testville",
            region=region,
            schematic=True,
            source="made",
            licence="CC0-1.0",
            bounds=(WEST, SOUTH, EAST, NORTH),
        ),
        world.streets(),
        fences=[
            Fence(
                "d1", "district", "静安区", box(WEST, SOUTH, EAST, NORTH), {"name_en": "Jing'an"}
            ),
            Fence("s1", "subdistrict", "南街道", south_half, {}),
            Fence("z1", "hazard_zone", "油库", box(WEST, SOUTH, WEST + 0.003, SOUTH + 0.003), {}),
        ],
        places=[
            _place("S1", "fire_station", "消防站", "Fire Station", world.place(0, 0, None)),
            _place("L1", "landmark", "静安寺", "Jing'an Temple", world.place(3, 3, None)),
            *(
                _place(f"L-{name}", "landmark", name, "", world.place(5, 5, None))
                for name in landmarks
            ),
            _place("H1", "hospital", "华山医院", "Huashan Hospital", world.place(6, 2, None)),
        ],
        sensors=[],
        units=[msgspec.structs.replace(unit, region=region) for unit in world.fleet()],
    )


async def settle_in(scene: Scene) -> CityData:
    """Store the scene's city in its ledger, and let the scene's fleet name it."""
    city = town(scene.region)
    await store(scene, city)
    fleet = scene.journal.fleet
    scene.journal.fleet = lambda: msgspec.structs.replace(fleet(), city=city.digest)
    return city


async def store(scene: Scene, city: CityData) -> None:
    """Store a city in a scene's ledger, as a worker does."""
    owner = await connect(scene.endpoints.worker_url)
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "city"
            save_city(city, path)
            files = look_at(path, city_files(path))
            name = CityName(city.digest, scene.region, "测试城", "Testville")
            async with transaction(owner) as conn:
                await keep(conn, name, path, files)
                await store_city(conn, city.digest, [_row(fence) for fence in city.fences])
    finally:
        await owner.close()


def _english(name: str) -> dict[str, str]:
    return {"name_en": name}


def _place(key: str, kind: str, name: str, name_en: str, point: Point) -> Place:
    return Place(id=key, kind=kind, name=name, name_en=name_en, point=point)


def _row(fence: Fence) -> FenceRow:
    return FenceRow(
        id=fence.id,
        kind=fence.kind,
        name=fence.name,
        wkb=fence.geometry.wkb,
        attributes=dict(fence.attributes),
    )
