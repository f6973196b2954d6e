"""Others that answer in which fences points lie, and who entered, left or crossed them.

Each gets the same columns as we do. Answers are lazy where they can be, so that turning arrays or
rows into Python objects is not part of anybody's time.
"""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import asyncpg
import geopandas
import h3
import numpy as np
import pandas as pd
import shapely

from bench._fences_data import Floats
from geo.fences.index import Fence

Pairs = Iterable[tuple[int, int]]
"""(point, fence)"""
Events = Iterable[tuple[str, int, str]]
"""(unit, fence, kind), the kind being enter, exit or cross."""


class Peer(Protocol):
    """Somebody else's way with fences."""

    name: str
    locates: bool
    observes: bool

    def locate(self, lon: Floats, lat: Floats) -> Pairs:
        """Return all (point, fence) in which the fence covers the point."""

    def observe(self, ids: Sequence[str], lon: Floats, lat: Floats) -> Events:
        """Move units, each once, and return what that means."""


class GeoPandas:
    """`sjoin` of points and fences; transitions by joining where units were and are."""

    name = "geopandas"
    locates = observes = True

    def __init__(self, fences: Sequence[Fence]) -> None:
        geometry = [fence.geometry for fence in fences]
        self._fences = geopandas.GeoDataFrame(geometry=geometry, crs="EPSG:4326")
        self._at = pd.DataFrame({"lon": [], "lat": []})

    def locate(self, lon: Floats, lat: Floats) -> Pairs:
        """Join points with fences."""
        return self._joined(geopandas.points_from_xy(lon, lat))

    def observe(self, ids: Sequence[str], lon: Floats, lat: Floats) -> Events:
        """Join the units' ways with fences, then compare."""
        before = self._at.reindex(ids)
        known = before["lon"].notna().to_numpy()
        from_lon = np.where(known, before["lon"], lon)
        from_lat = np.where(known, before["lat"], lat)
        ends = np.stack([np.column_stack([from_lon, from_lat]), np.column_stack([lon, lat])], 1)
        was = set(self._joined(shapely.points(from_lon, from_lat)))
        was = {pair for pair in was if known[pair[0]]}
        now = set(self._joined(shapely.points(lon, lat)))
        way = set(self._joined(shapely.linestrings(ends[known]), np.flatnonzero(known)))
        new = pd.DataFrame({"lon": lon, "lat": lat}, index=ids)
        self._at.loc[new.index[known]] = new[known]
        if not known.all():
            self._at = pd.concat([self._at, new[~known]])
        kinds = (("enter", now - was), ("exit", was - now), ("cross", way - was - now))
        return {(ids[i], slot, kind) for kind, pairs in kinds for i, slot in pairs}

    def _joined(self, geometry: object, index: object = None) -> Pairs:
        frame = geopandas.GeoDataFrame(geometry=geometry, index=index, crs="EPSG:4326")
        joined = frame.sjoin(self._fences, predicate="intersects")  # of a point: covers
        return zip(joined.index.to_numpy(), joined["index_right"].to_numpy(), strict=True)


class H3:
    """Fences by the H3 cells that they touch, then an exact test; keeps no state.

    `overlap` cells are those whose flat outline meets the fence, while a point's cell is decided
    on the globe, so a ring of neighbours is taken too: without it points close to a fence's border
    would be lost.
    """

    name = "h3"
    locates, observes = True, False

    def __init__(self, fences: Sequence[Fence], resolution: int) -> None:
        self._resolution = resolution
        self._polygons = np.array([fence.geometry for fence in fences], dtype=object)
        shapely.prepare(self._polygons)
        self._candidates: dict[str, list[int]] = {}
        for slot, polygon in enumerate(self._polygons):
            shape = h3.geo_to_h3shape(polygon)
            touched = set(h3.h3shape_to_cells_experimental(shape, resolution, contain="overlap"))
            for cell in touched.union(*(h3.grid_disk(cell, 1) for cell in touched)):
                self._candidates.setdefault(cell, []).append(slot)

    def locate(self, lon: Floats, lat: Floats) -> Pairs:
        """Look up each point's cell, then test its candidates."""
        points: list[int] = []
        slots: list[int] = []
        for i, (x, y) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True)):
            near = self._candidates.get(h3.latlng_to_cell(y, x, self._resolution))
            if near:
                points.extend([i] * len(near))
                slots.extend(near)
        if not points:
            return ()
        point, slot = np.array(points), np.array(slots)
        hit = shapely.intersects_xy(self._polygons[slot], lon[point], lat[point])
        return zip(point[hit], slot[hit], strict=True)

    def observe(self, ids: Sequence[str], lon: Floats, lat: Floats) -> Events:
        """H3 has no transitions."""
        raise NotImplementedError


class PostGIS:
    """A join by `ST_Covers` on a GiST index; transitions in one statement a batch."""

    name = "postgis"
    locates = observes = True

    def __init__(self, fences: Sequence[Fence], url: str, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._connection = runner.run(self._begin(url, fences))
        self._points = runner.run(self._connection.prepare(_sql("points")))
        self._transitions = runner.run(self._connection.prepare(_sql("transitions")))

    def close(self) -> None:
        """Close the connection, and with it the temporary tables."""
        self._runner.run(self._connection.close())

    def locate(self, lon: Floats, lat: Floats) -> Pairs:
        """Ask which fences cover which points."""
        rows = self._runner.run(self._points.fetch(lon.tolist(), lat.tolist()))
        return map(tuple, rows)

    def observe(self, ids: Sequence[str], lon: Floats, lat: Floats) -> Events:
        """Move the units, each once, and ask what that means."""
        rows = self._runner.run(self._transitions.fetch(list(ids), lon.tolist(), lat.tolist()))
        return map(tuple, rows)

    @staticmethod
    async def _begin(url: str, fences: Sequence[Fence]) -> asyncpg.Connection:
        connection = await asyncpg.connect(url)
        await connection.execute(_sql("tables"))
        await connection.executemany(
            "INSERT INTO bench_fence VALUES ($1, ST_GeomFromWKB($2, 4326))",
            [(slot, shapely.to_wkb(fence.geometry)) for slot, fence in enumerate(fences)],
        )
        await connection.execute("CREATE INDEX ON bench_fence USING gist (geom)")
        await connection.execute("ANALYZE bench_fence")
        return connection


def _sql(name: str) -> str:
    return (Path(__file__).parent / f"_fences_{name}.sql").read_text(encoding="utf-8")
