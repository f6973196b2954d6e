"""Read and write a street graph as GraphML, in OSMnx's own format.

All values are text: a geometry is WKT, a list is its Python text; the types are restored here by
attribute name, as in OSMnx. Turn restrictions, and the repairs made when the map was first read,
are graph attributes as JSON, which OSMnx keeps but does not interpret.
"""

from __future__ import annotations  # NetworkX's classes take a parameter in stubs only

import ast
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast
from xml.etree.ElementTree import ParseError

import networkx as nx
import shapely

from geo.errors import BadMap
from geo.streets.graph import StreetGraph

__all__ = ["read_graphml", "write_graphml"]


def _truth(text: str) -> bool:
    return text in ("True", "true", "1")


_NODE_TYPES: Mapping[str, Callable[[str], Any]] = {
    "x": float,
    "y": float,
    "osmid": int,
    "street_count": int,
}
_EDGE_TYPES: Mapping[str, Callable[[str], Any]] = {
    "osmid": int,
    "length": float,
    "speed_kph": float,
    "travel_time": float,
    "oneway": _truth,
    "reversed": _truth,
    "signal": _truth,
    "geometry": shapely.from_wkt,
}

_GRAPH_JSON = (
    *("restrictions", "unresolved_restrictions"),
    *("warnings", "warning_examples", "survey"),
)
_GRAPH_TEXT = ("driving_side", "driving_side_by")


def read_graphml(path: Path | str, *, driving_side: str | None = None) -> StreetGraph:
    """Read a street graph written by OSMnx or `write_graphml`.

    `driving_side` (``left`` or ``right``) takes the place of the file's own.

    Unreadable values count as missing, and the report counts them.

    Raises
    ------
    BadMap
        The file is missing, not GraphML, in another reference system, or without streets.
    """
    path = Path(path)
    if not path.is_file():
        raise BadMap(f"no map file {path}: check the path")
    try:
        graph = nx.read_graphml(path, node_type=int, edge_key_type=int, force_multigraph=True)
    except (ParseError, nx.NetworkXError, ValueError, KeyError) as error:
        raise BadMap(
            f"{path} cannot be read as GraphML ({error}): write it with OSMnx's save_graphml"
        ) from error
    for name in _GRAPH_JSON:
        if name in graph.graph:
            try:
                graph.graph[name] = json.loads(graph.graph[name])
            except (TypeError, ValueError) as error:
                raise BadMap(
                    f"{path}: the graph's attribute {name} is not JSON ({error}): write the map "
                    "again, or remove the attribute"
                ) from error
    if driving_side is not None:
        graph.graph |= {"driving_side": driving_side, "driving_side_by": "given"}
    counts: Counter[str] = Counter()
    for _, data in graph.nodes(data=True):
        _restore(data, _NODE_TYPES, counts)
    for _, _, data in graph.edges(data=True):
        _restore(data, _EDGE_TYPES, counts)
    try:
        return StreetGraph.from_networkx(cast("nx.MultiDiGraph[int]", graph), counts)
    except BadMap as error:
        raise BadMap(f"{path}: {error}") from error


def write_graphml(streets: StreetGraph, path: Path | str) -> None:
    """Write a street graph so that OSMnx and `read_graphml` can read it."""
    attributes = streets.attributes
    texts = {name: json.dumps(attributes[name]) for name in _GRAPH_JSON if attributes.get(name)}
    texts |= {name: str(attributes[name]) for name in _GRAPH_TEXT if name in attributes}
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs="epsg:4326")
    graph.graph |= texts
    graph.add_nodes_from((node, _texts(data)) for node, data in streets.graph.nodes(data=True))
    for u, v, key, data in streets.graph.edges(keys=True, data=True):
        graph.add_edge(u, v, key, **_texts(data))
    nx.write_graphml(graph, Path(path), encoding="utf-8")


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    # WKT with 17 digits restores every coordinate to the last bit.
    return {
        str(name): shapely.to_wkt(value, rounding_precision=-1)
        if isinstance(value, shapely.Geometry)
        else str(value)
        for name, value in data.items()
        if value is not None
    }


def _restore(
    data: dict[str, Any], types: Mapping[str, Callable[[str], Any]], counts: Counter[str]
) -> None:
    for name, value in list(data.items()):
        if not isinstance(value, str):
            continue
        try:
            if value.startswith("[") and value.endswith("]"):
                data[name] = ast.literal_eval(value)
            elif name in types:
                data[name] = types[name](value)
        except (ValueError, SyntaxError, shapely.errors.ShapelyError):
            del data[name]
            counts[f"unreadable values of {name} taken as missing"] += 1
