"""A small made city: a grid of named streets with sensors, places and a fleet."""

import networkx as nx
from shapely.geometry import box

from atlas.city import CityData, Manifest, Place, Sensor
from geo.fences.index import Fence
from geo.streets.graph import StreetGraph
from schemas.codes import observed_properties, unit_kinds
from schemas.records import Point, Unit

WEST, SOUTH = 121.44, 31.22
STEP_LON, STEP_LAT = 0.0021, 0.0018  # about 200 m each
SIZE = 26
NORTH_SOUTH = "常德 西康 陕西北 江宁 石门二 成都北 武定 康定 昌平 新会"
EAST_WEST = "南京西 北京西 新闸 凤阳 延安中 威海 巨鹿 长乐 淮安 胶州"
KINDS = (
    "residential_compound",
    "mall",
    "office_tower",
    "hotel",
    "school",
    "metro_station",
    "park",
    "landmark",
    "underpass",
    "hospital",
    "chemical_store",
)


def lonlat(column: float, row: float) -> tuple[float, float]:
    return WEST + STEP_LON * column, SOUTH + STEP_LAT * row


def toy_city() -> CityData:
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for column in range(SIZE):
        for row in range(SIZE):
            lon, lat = lonlat(column, row)
            graph.add_node(column * SIZE + row, x=lon, y=lat)
    for column in range(SIZE):
        for row in range(SIZE):
            here = column * SIZE + row
            if row + 1 < SIZE:
                _street(graph, here, here + 1, _name(NORTH_SOUTH, column))
            if column + 1 < SIZE:
                _street(graph, here, here + SIZE, _name(EAST_WEST, row))
    places = [
        _place(f"place-{i}", KINDS[i % len(KINDS)], f"{'甲乙丙丁戊己'[i % 6]}{i}号", i)
        for i in range(66)
    ]
    places.append(_place("station", "fire_station", "静安消防站", 3))
    return CityData.of(
        Manifest(
            name="小城",
            name_en="Toy",
            region="test",
            schematic=True,
            source="made for tests",
            licence="Apache-2.0",
            bounds=(*lonlat(0, 0), *lonlat(SIZE - 1, SIZE - 1)),
        ),
        StreetGraph.from_networkx(graph),
        fences=[
            Fence(
                id="district",
                kind="district",
                name="小城区",
                geometry=box(*lonlat(-1, -1), *lonlat(SIZE, SIZE)),
            )
        ],
        places=places,
        sensors=_sensors(),
        units=_units(),
    )


def _name(names: str, number: int) -> str:
    return f"{names.split()[number % 10]}{'一二三'[number // 10]}路"


def _street(graph: nx.MultiDiGraph, a: int, b: int, name: str) -> None:
    for u, v in ((a, b), (b, a)):
        graph.add_edge(u, v, name=name, highway="secondary", oneway=False)


def _place(key: str, kind: str, name: str, number: int) -> Place:
    lon, lat = lonlat((number * 7) % SIZE + 0.05, (number * 11) % SIZE + 0.1)
    return Place(
        id=key, kind=kind, name=name, name_en=f"Place {number}", point=Point(lon=lon, lat=lat)
    )


def _sensors() -> list[Sensor]:
    found = []
    for i in range(160):
        prop = sorted(observed_properties())[i % len(observed_properties())]
        lon, lat = lonlat((i * 5) % (SIZE - 1) + 0.3, (i * 3 + i // 25) % (SIZE - 1) + 0.02)
        found.append(
            Sensor(
                id=f"{prop}-{i}",
                datastream=f"{prop}-{i}/1",
                observed_property=prop,
                name=f"{prop} {i}",
                point=Point(lon=lon, lat=lat),
            )
        )
    return found


def _units() -> list[Unit]:
    lon, lat = lonlat(3, 3)
    home = Point(lon=lon, lat=lat)
    return [
        Unit(
            id=f"{kind}-{n}",
            region="test",
            kind=kind,
            name=f"{row.zh}{n}",
            department=row.department,
            capabilities=row.capabilities,
            station="station",
            home=home,
            state="available",
            position=home,
        )
        for kind, row in sorted(unit_kinds().items())
        for n in range(3)
    ]
