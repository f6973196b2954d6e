from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, MultiLineString, Point

from geo.errors import BadMap
from geo.maps.frame import streets_of_frame
from geo.maps.load import load_streets
from geo.streets.graph import StreetGraph
from tests.geo.maps import LAT, LON, STEP


def at(x: float, y: float) -> tuple[float, float]:
    return LON + x * STEP, LAT + y * STEP


def frame(crs: str | None = "EPSG:4326") -> gpd.GeoDataFrame:
    """A bent street, a one-way street, one against its line, and one that ends 1 cm beside."""
    lines = [
        LineString([at(0, 0), at(0.5, 0.2), at(1, 0)]),
        LineString([at(1, 0), at(1, 1)]),
        LineString([at(0, 1), at(1, 1)]),
        LineString([(at(0, 1)[0] + 6e-8, at(0, 1)[1]), at(0, 0)]),
    ]
    columns = {
        "name": ["A", None, "C", ""],
        "highway": ["primary", "residential", "service", "tertiary"],
        "maxspeed": ["50", None, "30", None],
        "oneway": [None, "yes", "-1", "no"],
        "osmid": [1, 2, 3, 4],
    }
    return gpd.GeoDataFrame(columns, geometry=lines, crs=crs)


def check(streets: StreetGraph) -> None:
    report = streets.report
    assert (report.nodes, report.arcs, report.components) == (4, 6, 1)
    arcs = streets.arcs
    assert arcs.oneway.tolist().count(True) == 2
    assert sorted(arcs.name) == ["", "", "", "A", "A", "C"]
    assert arcs.speed_kph[arcs.name.index("A")] == 50
    against = arcs.name.index("C")
    assert streets.nodes.lon[arcs.tail[against]] > streets.nodes.lon[arcs.head[against]]
    assert sorted(np.diff(arcs.line.first).tolist()) == [2, 2, 2, 2, 3, 3]


@pytest.mark.parametrize("suffix", ["gpkg", "parquet"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32651"])
def test_files_in_any_reference_system(tmp_path: Path, suffix: str, crs: str) -> None:
    path = tmp_path / f"map.{suffix}"
    table = frame().to_crs(crs)
    table.to_file(path) if suffix == "gpkg" else table.to_parquet(path)
    streets = load_streets(path)
    check(streets)
    np.testing.assert_allclose(streets.nodes.lon.min(), LON, atol=1e-8)


def test_as_osmnx_writes_it(tmp_path: Path, small: StreetGraph) -> None:
    rows = [
        data | {"u": u, "v": v, "key": key}
        for u, v, key, data in small.graph.edges(keys=True, data=True)
    ]
    edges = gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")
    nodes = gpd.GeoDataFrame(geometry=[Point(LON, LAT)], crs="EPSG:4326")
    nodes.to_file(tmp_path / "map.gpkg", layer="nodes")
    edges.to_file(tmp_path / "map.gpkg", layer="edges")
    again = load_streets(tmp_path / "map.gpkg")
    assert again.arcs.id == small.arcs.id
    np.testing.assert_array_equal(again.arcs.ms, small.arcs.ms)
    np.testing.assert_array_equal(again.arcs.twin, small.arcs.twin)
    assert again.arcs.name == small.arcs.name


def test_the_reference_system_must_be_told_and_true() -> None:
    with pytest.raises(BadMap, match="has no reference system"):
        streets_of_frame(frame(crs=None))
    metres = frame().to_crs("EPSG:32651").set_crs("EPSG:4326", allow_override=True)
    with pytest.raises(BadMap, match="set the right reference system"):
        streets_of_frame(metres)


def test_bad_rows_are_counted() -> None:
    table = frame()
    with np.errstate(invalid="ignore"):
        broken = LineString([at(0, 0), (np.nan, LAT)])
    extra = gpd.GeoDataFrame(
        {"name": ["P", "N", "M", "E"]},
        geometry=[
            Point(at(0, 0)),
            broken,
            MultiLineString([[at(1, 0), at(2, 0)], [at(2, 0), at(2, 1)]]),
            None,
        ],
        crs=table.crs,
    )
    streets = streets_of_frame(pd.concat([table, extra], ignore_index=True))
    warnings = streets.report.warnings
    assert warnings["rows without a line left out"] == 2
    assert warnings["lines with NaN coordinates left out"] == 1
    assert streets.report.arcs == 6 + 4
    with pytest.raises(BadMap, match="no drivable street"):
        streets_of_frame(extra.iloc[:2])


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("absent.gpkg", None, "no map file"),
        ("absent.parquet", None, "no map file"),
        ("a.gpkg", b"garbage", "cannot be read as a table"),
        ("b.parquet", b"garbage", "cannot be read as a table"),
        ("c.parquet", b"", "cannot be read as a table"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes | None, text: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadMap, match=text) as caught:
        load_streets(path)
    assert "\n" not in str(caught.value)


def test_tables_without_lines_or_nodes_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"name": ["A"]}).to_parquet(tmp_path / "plain.parquet")
    with pytest.raises(BadMap, match="cannot be read as a table of lines"):
        load_streets(tmp_path / "plain.parquet")
    with pytest.raises(BadMap, match="has no geometry"):
        streets_of_frame(pd.DataFrame({"name": ["A"]}))
    table = frame()
    table["u"], table["v"] = [1, 2, None, 4], 3
    with pytest.raises(BadMap, match="row 2 has no integer u or v"):
        streets_of_frame(table)
    for layer in ("one", "two"):
        frame().to_file(tmp_path / "two.gpkg", layer=layer)
    with pytest.raises(BadMap, match="has the layers one, two: name the street layer 'edges'"):
        load_streets(tmp_path / "two.gpkg")
