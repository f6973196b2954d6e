"""Read a street graph from a table of lines: GeoPackage, GeoParquet, or a GeoDataFrame.

Each line is a street, cut where the data cuts it: lines that end within 1e-7 degrees (a
centimetre) of each other meet. Columns are named as in OSMnx; all except the geometry are optional:
`highway`, `name`, `maxspeed`, `speed_kph`, `oneway`, `access`, `osmid`…; `length` is computed. If
there are columns `u` and `v` (and `key`, as OSMnx writes them), they name the nodes, and every line
is one direction. Without them a line is a two-way street unless `oneway` says otherwise (``yes``:
along the line, ``-1``: against it).
"""

from __future__ import annotations  # NetworkX's classes take a parameter in stubs only

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import networkx as nx
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyogrio
import pyproj
import shapely

from geo.errors import BadMap
from geo.streets.graph import StreetGraph

__all__ = ["read_frame", "streets_of_frame"]

_MEET_DEGREES: Final = 1e-7
_LINE, _MULTI_LINE = 1, 5  # of shapely.get_type_id
_YES: Final = ("yes", "true", "1", "t")
_AGAINST: Final = ("-1", "reverse")
_EDGES = "edges"  # the layer that OSMnx writes streets to


def read_frame(path: Path | str, *, driving_side: str | None = None) -> StreetGraph:
    """Read ``.gpkg`` or ``.parquet``; of several layers, read the one called edges.

    A table does not state the side of the street: traffic keeps right unless `driving_side` is
    ``left``.

    Raises
    ------
    BadMap
        The file is missing or unreadable, has no reference system or a wrong one, or has no
        drivable street.
    """
    path = Path(path)
    if not path.is_file():
        raise BadMap(f"no map file {path}: check the path")
    try:
        if path.suffix.casefold() == ".gpkg":
            frame = gpd.read_file(path, layer=_layer(path))
        else:
            frame = gpd.read_parquet(path)
    except (OSError, ValueError, KeyError, pa.ArrowException, pyogrio.errors.DataSourceError) as e:
        text = " ".join(str(e).split())
        raise BadMap(f"{path} cannot be read as a table of lines ({text:.200})") from e
    try:
        return streets_of_frame(frame, driving_side=driving_side)
    except BadMap as error:
        raise BadMap(f"{path}: {error}") from error


def _layer(path: Path) -> str:
    layers: list[str] = [str(name) for name, _ in pyogrio.list_layers(path)]
    if _EDGES in layers:
        return _EDGES
    if len(layers) == 1:
        return layers[0]
    raise BadMap(
        f"{path} has the layers {', '.join(layers)[:120]}: name the street layer {_EDGES!r}"
    )


def streets_of_frame(frame: gpd.GeoDataFrame, *, driving_side: str | None = None) -> StreetGraph:
    """Make a street graph from a table of lines in any reference system, which it must name.

    Raises
    ------
    BadMap
    """
    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
        raise BadMap("the table has no geometry: give a table of lines")
    counts: Counter[str] = Counter()
    frame = _in_degrees(frame)
    geometry = np.asarray(frame.geometry.array, dtype=object)
    lines, row = _lines(geometry, counts)
    columns = {
        str(name): frame[name].tolist()
        for name in frame.columns
        if name not in (frame.active_geometry_name, "geometry")
    }
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs="epsg:4326")
    if driving_side is not None:
        graph.graph["driving_side"] = driving_side
    if "u" in columns and "v" in columns:
        _add_edges(graph, lines, row, columns)
    else:
        _add_streets(graph, lines, row, columns)
    return StreetGraph.from_networkx(graph, counts)


def _in_degrees(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Convert to WGS-84; refuse a table without a reference system, or with a wrong one."""
    if frame.crs is None:
        raise BadMap(
            "the table has no reference system: find out which one it is, and set it with "
            "GeoPandas' set_crs"
        )
    try:
        converted = frame if frame.crs.equals("EPSG:4326") else frame.to_crs("EPSG:4326")
    except pyproj.exceptions.ProjError as error:
        raise BadMap(
            f"the table's reference system {frame.crs.name} cannot be converted to WGS-84 ({error})"
        ) from error
    xy = shapely.get_coordinates(np.asarray(converted.geometry.array, dtype=object))
    finite = xy[np.isfinite(xy).all(axis=1)]
    if len(finite) and not (np.abs(finite) <= (180.0, 90.0)).all():
        raise BadMap(
            f"the table's reference system is {frame.crs.name}, but it has coordinates such as "
            f"{finite[np.abs(finite).max(axis=1).argmax()].round(3).tolist()}: set the right "
            "reference system"
        )
    return converted


def _lines(
    geometry: npt.NDArray[np.object_], counts: Counter[str]
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.int64]]:
    """Return usable lines, and the table row of each."""
    parts, row = shapely.get_parts(geometry, return_index=True)
    kind = shapely.get_type_id(geometry)
    usable = shapely.get_type_id(parts) == _LINE
    unfit = int((~np.isin(kind, (_LINE, _MULTI_LINE))).sum())
    if unfit:
        counts["rows without a line left out"] += unfit
    xy, of = shapely.get_coordinates(parts, return_index=True)
    bad = np.zeros(len(parts), dtype=np.bool_)
    bad[of[~np.isfinite(xy).all(axis=1)]] = True
    if (bad & usable).any():
        counts["lines with NaN coordinates left out"] += int((bad & usable).sum())
    usable &= ~bad & (shapely.get_num_coordinates(parts) > 1)
    lines = np.asarray(shapely.force_2d(parts[usable]), dtype=object)
    return lines, row[usable].astype(np.int64)


def _add_streets(
    graph: nx.MultiDiGraph[int],
    lines: npt.NDArray[np.object_],
    row: npt.NDArray[np.int64],
    columns: Mapping[str, list[Any]],
) -> None:
    """Add each line in its permitted directions, between nodes found by position."""
    ends = np.concatenate(
        [
            shapely.get_coordinates(shapely.get_point(lines, 0)),
            shapely.get_coordinates(shapely.get_point(lines, -1)),
        ]
    )
    node = _meeting(ends)
    _add_nodes(graph, node, ends)
    tails, heads = node[: len(lines)].tolist(), node[len(lines) :].tolist()
    for line, i, u, v in zip(lines, row.tolist(), tails, heads, strict=True):
        data = _present(columns, i)
        said = str(data.get("oneway", "no")).casefold()
        one_way = said in (*_YES, *_AGAINST)
        data |= {"oneway": one_way}
        if said not in _AGAINST:
            graph.add_edge(u, v, **data | {"reversed": False, "geometry": line})
        if said in _AGAINST or not one_way:
            graph.add_edge(v, u, **data | {"reversed": True, "geometry": line.reverse()})


def _add_edges(
    graph: nx.MultiDiGraph[int],
    lines: npt.NDArray[np.object_],
    row: npt.NDArray[np.int64],
    columns: Mapping[str, list[Any]],
) -> None:
    """Add each line as one direction between the nodes named in its row."""
    for line, i in zip(lines, row.tolist(), strict=True):
        data = _present(columns, i)
        try:
            u, v = int(data.pop("u")), int(data.pop("v"))
        except (KeyError, TypeError, ValueError) as error:
            raise BadMap(
                f"row {i} has no integer u or v: fill both columns or drop both"
            ) from error
        data.pop("key", None)
        for node, (x, y) in ((u, line.coords[0]), (v, line.coords[-1])):
            if node not in graph:
                graph.add_node(node, x=x, y=y)
        graph.add_edge(u, v, **data | {"geometry": line})


def _meeting(ends: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Number points; points within 1e-7 degrees of each other get the same number."""
    points = shapely.points(ends)
    a, b = shapely.STRtree(points).query(points, predicate="dwithin", distance=_MEET_DEGREES)
    first = np.arange(len(ends))
    # Each point takes the lowest number near it until nothing changes, so chains get one number.
    while True:
        lower = first.copy()
        np.minimum.at(lower, a, first[b])
        if (lower == first).all():
            return np.unique(first, return_inverse=True)[1].astype(np.int64)
        first = lower


def _add_nodes(
    graph: nx.MultiDiGraph[int], node: npt.NDArray[np.int64], ends: npt.NDArray[np.float64]
) -> None:
    numbers, where = np.unique(node, return_index=True)
    for number, (x, y) in zip(numbers.tolist(), ends[where].tolist(), strict=True):
        graph.add_node(number, x=x, y=y)


def _present(columns: Mapping[str, list[Any]], i: int) -> dict[str, Any]:
    """Return the attributes of a row."""
    found = {}
    for name, values in columns.items():
        value = values[i]
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if value is None or (isinstance(value, float) and math.isnan(value)) or value == "":
            continue
        found[name] = value
    return found
