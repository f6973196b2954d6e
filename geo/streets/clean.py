"""Clean a street map: from any NetworkX graph to sorted, complete edges.

Everything that is repaired or left out is counted, by a short sentence.
"""

from __future__ import annotations  # NetworkX's classes take a parameter in stubs only

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
import numpy.typing as npt
import shapely

from geo.crs import Crs, FloatArray, parse_crs
from geo.errors import BadMap, UnknownCrs
from geo.streets.lines import Lines
from geo.streets.maxspeed import default_kph, parse_maxspeed
from geo.streets.notes import Notes

__all__ = ["LONGEST_S", "Cleaned", "as_text", "check_kind", "clean", "clean_restrictions"]

BoolArray = npt.NDArray[np.bool_]

# A limit on one arc's time keeps every sum of milliseconds far below 2**53, exact in a float.
LONGEST_S = 86_400.0
_LINE_TYPE = 1  # of shapely.get_type_id

Edge = tuple[int, int, int, dict[str, Any]]


class Cleaned(NamedTuple):
    """Nodes in order of their id, edges in order of u, v, key, and the edges' shapes.

    `nodes` have finite `x` and `y` and an edge; `edges` have `length`, `speed_kph`,
    `travel_time`, `oneway`, `reversed`. `replaced` has the ids of duplicates that were left out,
    and of the edges kept for them.
    """

    nodes: list[tuple[int, dict[str, Any]]]
    edges: list[Edge]
    lines: npt.NDArray[np.object_]
    shapes: Lines
    replaced: dict[str, str]


def check_kind(graph: nx.MultiDiGraph[int]) -> None:
    """Check that this is a street graph in WGS-84 with integer node ids; raises BadMap."""
    if not (isinstance(graph, nx.Graph) and graph.is_directed() and graph.is_multigraph()):
        raise BadMap(
            f"a street graph must be a NetworkX MultiDiGraph, not a {type(graph).__name__}: "
            "convert it, with one edge per direction for two-way streets"
        )
    crs = graph.graph.get("crs", "epsg:4326")
    try:
        good = parse_crs(str(crs)) is Crs.WGS84
    except UnknownCrs:
        good = False
    if not good:
        raise BadMap(f"the map is in {str(crs)[:60]}: convert it to WGS-84 (EPSG:4326) first")
    for node in graph:
        if not isinstance(node, int):
            raise BadMap(f"node id {node!r:.40} is not an integer: relabel the nodes")


def clean(graph: nx.MultiDiGraph[int], counts: Notes) -> Cleaned:
    """Clean a graph that `check_kind` accepts, without changing it; add to `counts`."""
    nodes = _good_nodes(graph, counts)
    edges: list[Edge] = sorted(
        (
            (u, v, int(key), dict(data))
            for u, neighbours in graph.adjacency()
            if u in nodes
            for v, parallel in neighbours.items()
            if v in nodes
            for key, data in parallel.items()
        ),
        key=lambda edge: edge[:3],
    )
    if not edges:
        return Cleaned([], [], np.empty(0, dtype=object), Lines.of(np.empty(0, dtype=object)), {})
    lines = _lines(edges, nodes, counts)
    shapes = Lines.of(lines)
    kept = _fill(edges, shapes.lengths_m(), counts)
    kept, replaced = _without_duplicates(edges, shapes, kept, counts)
    if not kept.all():
        chosen = np.flatnonzero(kept)
        edges = [edges[i] for i in chosen.tolist()]
        lines, shapes = lines[chosen], shapes.take(chosen)
    used = {end for u, v, _, _ in edges for end in (u, v)}
    return Cleaned([(n, nodes[n]) for n in sorted(used)], edges, lines, shapes, replaced)


def _good_nodes(graph: nx.MultiDiGraph[int], counts: Notes) -> dict[int, dict[str, Any]]:
    nodes = {}
    for node, data in graph.nodes(data=True):
        x, y = _number(data.get("x")), _number(data.get("y"))
        if x is None or y is None or abs(x) > 180.0 or abs(y) > 90.0:  # noqa: PLR2004
            what = "nodes without a usable position left out, with their streets"
            counts.note(what, f"node/{node}")
        else:
            nodes[node] = data | {"x": x, "y": y}
    return nodes


def _lines(
    edges: Sequence[Edge], nodes: dict[int, dict[str, Any]], counts: Notes
) -> npt.NDArray[np.object_]:
    """Return the shapes of edges from u to v; straight lines for edges without a usable shape."""
    ends = np.array(
        [
            (nodes[u]["x"], nodes[u]["y"], nodes[v]["x"], nodes[v]["y"], u == v)
            for u, v, _, _ in edges
        ]
    )
    lines = np.empty(len(edges), dtype=object)
    lines[:] = [data.get("geometry") for _, _, _, data in edges]
    given = np.array([line is not None for line in lines])
    usable = _are_lines(lines)
    counts["shapes that are not lines replaced by a straight line"] += int((given & ~usable).sum())
    shapes = Lines.of(lines[usable])
    if len(shapes):
        finite = np.logical_and.reduceat(np.isfinite(shapes.xy).all(axis=1), shapes.first[:-1])
        counts["shapes with NaN coordinates replaced by a straight line"] += int((~finite).sum())
        where = np.flatnonzero(usable)
        usable[where[~finite]] = False
        head, tail = shapes.xy[shapes.first[:-1]], shapes.xy[shapes.first[1:] - 1]
        a, b = ends[where, 0:2], np.abs(tail - ends[where, 0:2]).sum(axis=1)
        turned = finite & (b < np.abs(head - a).sum(axis=1)) & (ends[where, 4] == 0.0)
        counts["shapes drawn against their arc turned round"] += int(turned.sum())
        lines[where[turned]] = shapely.reverse(lines[where[turned]])
    if not usable.all():
        lines[~usable] = shapely.linestrings(ends[~usable, :4].reshape(-1, 2, 2))
    return lines


def _are_lines(things: npt.NDArray[np.object_]) -> BoolArray:
    usable: BoolArray = np.asarray(shapely.is_geometry(things))
    usable[usable] = shapely.get_type_id(things[usable]) == _LINE_TYPE
    usable[usable] = ~shapely.is_empty(things[usable])
    return usable


def _fill(edges: Sequence[Edge], drawn_m: FloatArray, counts: Notes) -> BoolArray:
    """Fill in lengths, speeds, times and directions; return which edges are usable."""
    kept = np.ones(len(edges), dtype=np.bool_)
    pairs = {(u, v) for u, v, _, _ in edges}
    for i, ((u, v, key, data), drawn) in enumerate(zip(edges, drawn_m.tolist(), strict=True)):
        length = _number(data.get("length"))
        if length is None or length <= 0.0:
            length = drawn
        if length <= 0.0:
            if u == v:
                counts.note("loops without length left out", f"{u}-{v}-{key}")
                kept[i] = False
                continue
            counts.note("arcs without length kept as 1 ms", f"{u}-{v}-{key}")
        data["length"] = length
        _fill_time(data, f"{u}-{v}-{key}", counts)
        data["oneway"] = _flag(data.get("oneway", (v, u) not in pairs))
        data["reversed"] = _flag(data.get("reversed", False))
    return kept


def _fill_time(data: dict[str, Any], arc: str, counts: Notes) -> None:
    speed = _number(data.get("speed_kph"))
    if speed is None or speed <= 0.0:
        tag = data.get("maxspeed")
        speed = _tagged_kph(tag) if isinstance(tag, str) else parse_maxspeed(tag)
        if speed is None:
            speed = default_kph(data.get("highway"))
            why = "no maxspeed" if tag is None else "unreadable maxspeed"
            counts.note(f"arcs with the speed of their class ({why})", arc)
    seconds = _number(data.get("travel_time"))
    if seconds is None or seconds <= 0.0:
        seconds = data["length"] / speed * 3.6
    if seconds > LONGEST_S:
        counts.note("arcs slower than a day cut to a day", arc)
        seconds = LONGEST_S
    data["speed_kph"], data["travel_time"] = speed, seconds


_tagged_kph = lru_cache(maxsize=1024)(parse_maxspeed)


def _without_duplicates(
    edges: Sequence[Edge], shapes: Lines, kept: BoolArray, counts: Notes
) -> tuple[BoolArray, dict[str, str]]:
    """Leave out edges that equal an earlier one in ends, shape and time: they are duplicates."""
    seen: dict[tuple[int, int, float, bytes], int] = {}
    replaced: dict[str, str] = {}
    # Only edges with the same ends as another one can be duplicates.
    parallel = [False] * len(edges)
    for i in range(1, len(edges)):
        if edges[i][:2] == edges[i - 1][:2]:
            parallel[i - 1] = parallel[i] = True
    for i in np.flatnonzero(kept & np.array(parallel, dtype=np.bool_)).tolist():
        u, v, key, data = edges[i]
        # A loop that retraces itself is one street in two directions, not a duplicate.
        if u == v:
            continue
        shape = shapes.xy[shapes.first[i] : shapes.first[i + 1]].tobytes()
        before = seen.setdefault((u, v, data["travel_time"], shape), i)
        if before != i:
            kept[i] = False
            replaced[f"{u}-{v}-{key}"] = f"{u}-{v}-{edges[before][2]}"
            counts.note("duplicate arcs left out", f"{u}-{v}-{key}")
    return kept, replaced


def clean_restrictions(
    given: Any,  # noqa: ANN401 - whatever stands in a graph
    cleaned: Cleaned,
    counts: Notes,
) -> list[dict[str, Any]]:
    """Keep the bans of a graph's restrictions whose arcs exist and follow one another.

    Raises
    ------
    BadMap
        The graph's attribute `restrictions` does not have the form of `geo.maps.restrictions`.
    """
    ends = {f"{u}-{v}-{key}": (u, v) for u, v, key, _ in cleaned.edges}
    kept = []
    for restriction in given if isinstance(given, list | tuple) else [given]:
        try:
            bans = [[cleaned.replaced.get(arc, arc) for arc in ban] for ban in restriction["bans"]]
            fields = {
                "id": str(restriction["id"]),
                "kind": str(restriction["kind"]),
                "exempt": [str(vehicle) for vehicle in restriction.get("exempt", ())],
                "condition": str(restriction.get("condition", "")),
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise BadMap(
                "the map's restrictions are not a list of id, kind and bans: "
                f"{type(error).__name__} {error}"
            ) from error
        good = [ban for ban in bans if _leads_on(ban, ends)]
        if len(good) < len(bans):
            counts["invalid banned turns left out"] += len(bans) - len(good)
        unique = [list(ban) for ban in dict.fromkeys(map(tuple, good))]
        kept.append(fields | {"bans": unique})
    return kept


def _leads_on(ban: Sequence[str], ends: dict[str, tuple[int, int]]) -> bool:
    if len(ban) < 2 or any(arc not in ends for arc in ban):  # noqa: PLR2004
        return False
    return all(ends[a][1] == ends[b][0] for a, b in itertools.pairwise(ban))


def _number(value: object) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # anything may stand in a graph
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _flag(value: object) -> bool:
    if isinstance(value, list | tuple | set):
        return any(_flag(v) for v in value)
    return value in (True, 1, "True", "true", "yes", "1", "-1")


def as_text(counts: Notes) -> str:
    """Return the counts in brackets, to append to a sentence."""
    found = [f"{n} {what}" for what, n in sorted(counts.items()) if n]
    return f" ({'; '.join(found)})" if found else ""
