"""Auckland's ambulances as JEMSS.jl sets them (fb92cef): streets, 16 units, hospitals, demand.

The data are not part of this repository: ``JINGWEI_AUCKLAND`` names their folder. Roads: ODbL;
the rest: Apache-2.0.
"""

import csv
import gzip
import os
import struct
import zipfile
from pathlib import Path
from random import Random

import networkx as nx
import numpy as np
from scipy.spatial import cKDTree

from geo.crs import haversine_m
from geo.routing.compiled import CompiledRouter
from geo.routing.reference import Router
from geo.streets.graph import StreetGraph
from schemas import codes
from schemas.policy import Base, Coverage, DemandCell
from schemas.records import Point, Unit
from sim.calls import Call, Place

FOLDER = "JINGWEI_AUCKLAND"
DELAY_S = 50.0
"""From a call until it is dispatched."""
SLOWER = {"P3": 1 / 0.7}
"""JEMSS's travel mode 2: without siren. Its other mode takes 0.70 of the time on each road."""
PER_DAY = 280.0
_SHARES = (("P1", 0.57), ("P2", 0.245), ("P3", 0.185))
_MEAN_WORK_S = 720.0
_TRANSPORTED = 0.8
_FILES = ("nodes.csv.gz", "arcs.csv.gz", "stations.csv", "hospitals.csv")
_DEPLOYMENT = "auckland_ambulances_1.csv"
_RASTER = "auckland-urban-pop-densit-40m"
_DAY_S = 86_400.0
_LATITUDE = -36.85
_CELL = 0.01
"""Degrees: some 0.9 by 1.1 km."""


def missing() -> str | None:
    """Return what is missing, in one sentence; None if nothing is."""
    name = os.environ.get(FOLDER)
    if not name:
        return f"{FOLDER} does not name the folder with JEMSS's Auckland model: left out"
    lacks = [f for f in (*_FILES, _DEPLOYMENT, f"{_RASTER}.zip") if not (Path(name) / f).exists()]
    return f"{FOLDER} has no {', '.join(lacks)}: left out" if lacks else None


class Auckland:
    """The model: ``router``, ``units``, and calls by seed."""

    def __init__(self) -> None:
        folder = Path(os.environ[FOLDER])
        streets = _streets(folder)
        self.router: Router = CompiledRouter(streets, "emergency")
        self._nodes = cKDTree(_flat(streets.nodes.lon, streets.nodes.lat))
        self._places = list(
            zip(streets.nodes.lon.tolist(), streets.nodes.lat.tolist(), strict=True)
        )
        self.units = _units(folder)
        self._hospitals = [(float(r["x"]), float(r["y"])) for r in _rows(folder / "hospitals.csv")]
        self._bases = tuple(
            Base(station=r["NAME"], lon=float(r["x"]), lat=float(r["y"]))
            for r in _rows(folder / "stations.csv")
        )
        self._cells, self._ends, self._pixel = _demand(folder / f"{_RASTER}.zip")

    def calls(self, seed: int, days: float, load: float = 1.0) -> list[Call]:
        """Return the calls of some days, by seed: a Poisson process without an hourly pattern."""
        calls: list[Call] = []
        rng, at_s = Random(f"{seed}/calls"), 0.0
        while True:
            at_s += rng.expovariate(load * PER_DAY / _DAY_S)
            if at_s > days * _DAY_S:
                return calls
            calls.append(self._call(f"{seed}-{len(calls)}", at_s))

    def coverage(self, load: float = 1.0) -> Coverage:
        """Return where P1 calls come from, in cells of a hundredth of a degree, and the stations.

        Cells stand where their people live on average.
        """
        people = np.diff(self._ends, prepend=0.0)
        sums: dict[tuple[int, int], np.ndarray] = {}
        for place, count in zip(self._cells, people.tolist(), strict=True):
            lon, lat = self._on_road(*place)
            cell = sums.setdefault((round(lon / _CELL), round(lat / _CELL)), np.zeros(3))
            cell += count, count * lon, count * lat
        calls = load * PER_DAY * dict(_SHARES)["P1"] / float(self._ends[-1])
        cells = [
            DemandCell(lon=lons / count, lat=lats / count, calls_a_day=count * calls)
            for count, lons, lats in (sums[key].tolist() for key in sorted(sums))
        ]
        return Coverage(cells=tuple(cells), bases=self._bases)

    def _call(self, name: str, at_s: float) -> Call:
        rng = Random(name)
        cell = int(np.searchsorted(self._ends, rng.random() * self._ends[-1], side="right"))
        lon, lat = self._cells[cell]
        lon += (rng.random() - 0.5) * self._pixel[0]
        lat += (rng.random() - 0.5) * self._pixel[1]
        drawn, severity = rng.random(), _SHARES[-1][0]
        for code, share in _SHARES:
            if drawn < share:
                severity = code
                break
            drawn -= share
        work = rng.expovariate(1 / _MEAN_WORK_S), rng.expovariate(1 / _MEAN_WORK_S)
        hospital = self._nearest(lon, lat) if rng.random() < _TRANSPORTED else None
        place = self._on_road(lon, lat)
        return Call(name, at_s, *place, "medical", severity, work[0], hospital, work[1])

    def _on_road(self, lon: float, lat: float) -> Place:
        """Return the nearest node: some cells are farther from the model's roads than 300 m."""
        _, node = self._nodes.query(_flat(np.array([lon]), np.array([lat]))[0])
        return self._places[int(node)]

    def _nearest(self, lon: float, lat: float) -> Place:
        return min(self._hospitals, key=lambda place: float(haversine_m(lon, lat, *place)))


def _flat(lons: np.ndarray, lats: np.ndarray) -> np.ndarray:
    """Return metres in a plane, near enough for the nearest node, shape (points, 2)."""
    north = 111_320.0
    return np.column_stack([lons * north * np.cos(np.radians(_LATITUDE)), lats * north])


def _streets(folder: Path) -> StreetGraph:
    """Return the roads: JEMSS's times without siren (``mode_2``), from which ours follow."""
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs="epsg:4326")
    for row in _rows(folder / "nodes.csv.gz"):
        graph.add_node(int(float(row["index"])), x=float(row["x"]), y=float(row["y"]))
    for row in _rows(folder / "arcs.csv.gz", "arcs"):
        ends = int(float(row["fromNode"])), int(float(row["toNode"]))
        metres, seconds = float(row["distance"]) * 1_000.0, float(row["mode_2"]) * _DAY_S
        graph.add_edge(
            *ends, length=metres, travel_time=seconds, highway="residential", oneway=True
        )
    return StreetGraph.from_networkx(graph)


def _units(folder: Path) -> tuple[Unit, ...]:
    stations = {int(r["index"]): r for r in _rows(folder / "stations.csv")}
    about = codes.unit_kind("ambulance")
    units = []
    for row in _rows(folder / _DEPLOYMENT):
        station = stations[int(row["stationIndex"])]
        home = Point(lon=float(station["x"]), lat=float(station["y"]))
        number = int(row["index"])
        units.append(
            Unit(
                id=f"A{number:02d}",
                region="auckland",
                kind="ambulance",
                name=f"A{number:02d}",
                department=about.department,
                capabilities=about.capabilities,
                station=station["NAME"],
                home=home,
                state="available",
                position=home,
            )
        )
    return tuple(units)


def _rows(path: Path, table: str | None = None) -> list[dict[str, str]]:
    """Return the rows of a table of a JEMSS file: its name, its header, its rows, an empty line."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    lines = list(csv.reader(text.splitlines()))
    begin = next(i for i, line in enumerate(lines) if line and line[0] == (table or line[0]))
    header = lines[begin + 1]
    rows = []
    for line in lines[begin + 2 :]:
        if not line or not line[0]:
            break
        rows.append(dict(zip(header, line, strict=False)))
    return rows


def _demand(path: Path) -> tuple[list[Place], np.ndarray, Place]:
    """Return the raster's cells with people, their running sums, and a cell's size in degrees.

    An uncompressed GeoTIFF of 64-bit floats in WGS-84: no library is needed for that.
    """
    with zipfile.ZipFile(path) as archive:
        data = archive.read(f"{_RASTER}.tif")
    begin = struct.unpack_from("<I", data, 4)[0]
    tags = {}
    for number in range(struct.unpack_from("<H", data, begin)[0]):
        tag, _, count, value = struct.unpack_from("<HHII", data, begin + 2 + 12 * number)
        tags[tag] = count, value
    width, height = tags[256][1], tags[257][1]
    offsets = struct.unpack_from(f"<{tags[273][0]}I", data, tags[273][1])
    rows = [np.frombuffer(data, "<f8", width, offset) for offset in offsets]
    people = np.nan_to_num(np.vstack(rows))
    across, down = struct.unpack_from("<2d", data, tags[33550][1])
    west, north = struct.unpack_from("<6d", data, tags[33922][1])[3:5]
    assert people.shape == (height, width)
    ys, xs = np.nonzero(people > 0.0)
    cells = [
        (west + (x + 0.5) * across, north - (y + 0.5) * down)
        for y, x in zip(ys.tolist(), xs.tolist(), strict=True)
    ]
    return cells, np.cumsum(people[ys, xs]), (across, down)
