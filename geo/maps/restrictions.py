"""Turn restrictions of OpenStreetMap: read from relations, resolved onto the arcs of a graph.

A relation names ways; a graph has arcs, which are parts of ways with a direction. The meaning of a
relation for cars follows OpenStreetMap's "Relation:restriction":

- ``no_*``: a vehicle from the from-way may not leave by the to-way. ``no_entry`` may have several
  from-ways, ``no_exit`` several to-ways.
- ``only_*``: a vehicle from the from-way must leave by the to-way; all other exits, U-turns
  included, are banned. With via-ways the whole path is mandatory, from its first node on (as in
  GraphHopper, whose discussion found no other interpretation in use).
- ``except`` exempts vehicles; if it names cars, the relation is ignored.
- ``restriction:conditional`` counts as always in force: a route is then never illegal, at worst
  longer. ``restriction:hgv`` and similar tags are for other vehicles.

A way that is not cut at the via node has two matching arcs. The angle in the relation's name
decides between them; if it cannot, the relation is left out and named in the report.
"""

from __future__ import annotations  # NetworkX's classes take a parameter in stubs only

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Final

import networkx as nx
import numpy as np
import osmium

from geo.streets.lines import Lines
from geo.streets.turns import headings

__all__ = ["Relation", "read_restrictions", "resolve"]

Edge = tuple[int, int, int]
"""u, v, key of the graph."""

_SIGNS: Final = {
    "left_turn": -90.0,
    "right_turn": 90.0,
    "straight_on": 0.0,
    "u_turn": 180.0,
    "entry": None,
    "exit": None,
}
"""The change of heading that a restriction's name implies."""
_TOLERANCE_DEGREES: Final = 60.0
_CARS: Final = ("motorcar", "motor_vehicle", "vehicle")
_MOST_VIA_ARCS: Final = 40


@dataclass(slots=True)
class Relation:
    """A restriction as written in the map, with the map's ids."""

    id: int
    kind: str
    from_ways: list[int] = field(default_factory=list)
    via_nodes: list[int] = field(default_factory=list)
    via_ways: list[int] = field(default_factory=list)
    to_ways: list[int] = field(default_factory=list)
    exempt: tuple[str, ...] = ()
    condition: str = ""


class _UnresolvedError(Exception):
    """Why a relation cannot be resolved; never leaves this module."""


def read_restrictions(path: Path, counts: Counter[str]) -> list[Relation]:
    """Read the restrictions that hold for cars, ordered by id; others are counted.

    Raises
    ------
    RuntimeError
        The file cannot be read.
    """
    found = []
    for item in osmium.FileProcessor(str(path), osmium.osm.RELATION):
        assert isinstance(item, osmium.osm.Relation)
        tags = {tag.k: tag.v for tag in item.tags}
        if tags.get("type") != "restriction":
            continue
        kind, condition = _meaning(tags)
        exempt = tuple(sorted(v.strip() for v in tags.get("except", "").split(";") if v.strip()))
        if not kind or any(vehicle in _CARS for vehicle in exempt):
            counts["turn restrictions not for cars"] += 1
            continue
        if condition:
            counts["conditional turn restrictions taken as always in force"] += 1
        relation = Relation(item.id, kind, exempt=exempt, condition=condition)
        for member in item.members:
            target = {
                ("w", "from"): relation.from_ways,
                ("w", "to"): relation.to_ways,
                ("w", "via"): relation.via_ways,
                ("n", "via"): relation.via_nodes,
            }.get((member.type, member.role))
            if target is not None:
                target.append(member.ref)
        found.append(relation)
    return sorted(found, key=lambda relation: relation.id)


def _meaning(tags: dict[str, str]) -> tuple[str, str]:
    """Return kind and condition of a restriction for cars; empty if there is none."""
    for name in ("restriction", *(f"restriction:{vehicle}" for vehicle in _CARS)):
        if tags.get(name):
            return tags[name].strip(), ""
    for name in (
        "restriction:conditional",
        *(f"restriction:{vehicle}:conditional" for vehicle in _CARS),
    ):
        kind, _, condition = tags.get(name, "").partition("@")
        if kind.strip():
            return kind.strip(), condition.strip(" ()")
    return "", ""


def resolve(
    relations: Sequence[Relation], graph: nx.MultiDiGraph[int]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Resolve relations onto the edges of a graph whose `osmid` is the id of one way.

    Returns
    -------
    restrictions, unresolved
        As `StreetGraph.from_networkx` reads them from ``graph.graph["restrictions"]`` (`id`,
        `kind`, `bans` as lists of arc ids, `exempt`, `condition`) and
        ``graph.graph["unresolved_restrictions"]`` (`id`, `kind`, `reason`).
    """
    streets = _Streets(graph)
    done: list[dict[str, Any]] = []
    unresolved: list[dict[str, str]] = []
    for relation in relations:
        name = f"relation/{relation.id}"
        try:
            bans = sorted(set(_bans(relation, streets)))
        except _UnresolvedError as reason:
            unresolved.append({"id": name, "kind": relation.kind, "reason": str(reason)})
            continue
        done.append(
            {
                "id": name,
                "kind": relation.kind,
                "bans": [[f"{u}-{v}-{key}" for u, v, key in ban] for ban in bans],
                "exempt": list(relation.exempt),
                "condition": relation.condition,
            }
        )
    return done, unresolved


class _Streets:
    """The edges of a graph by their way, and by the node they leave."""

    def __init__(self, graph: nx.MultiDiGraph[int]) -> None:
        self.graph = graph
        self.of_way: dict[int, list[Edge]] = {}
        for u, v, key, data in graph.edges(keys=True, data=True):
            self.of_way.setdefault(data["osmid"], []).append((u, v, key))
        for edges in self.of_way.values():
            edges.sort()

    def way(self, way: int) -> list[Edge]:
        """Return the edges of a way, in both directions."""
        if way not in self.of_way:
            raise _UnresolvedError(f"way {way} is not a street of the map")
        return self.of_way[way]

    def exits(self, node: int) -> list[Edge]:
        """Return the edges that leave a node."""
        return sorted(self.graph.out_edges(node, keys=True))

    def angle(self, first: Edge, last: Edge) -> float:
        """Return the change of heading from the end of one edge to the start of another."""
        data = [self.graph.edges[first], self.graph.edges[last]]
        lines = np.empty(2, dtype=object)
        lines[:] = [d["geometry"] for d in data]
        start, end = headings(Lines.of(lines))
        return float((start[1] - end[0] + 180.0) % 360.0 - 180.0)

    def goes_back(self, first: Edge, last: Edge) -> bool:
        """Whether the second edge is the way back along the first."""
        if (first[1], first[0]) != (last[0], last[1]):
            return False
        a, b = self.graph.edges[first], self.graph.edges[last]
        same: bool = a["osmid"] == b["osmid"] and a["geometry"].equals(b["geometry"])
        return same


def _bans(relation: Relation, streets: _Streets) -> Iterator[tuple[Edge, ...]]:
    """Return the sequences of edges that a relation bans; raises _UnresolvedError."""
    rule, sign = _checked(relation)
    for from_way, to_way in product(relation.from_ways, relation.to_ways):
        for path in _paths(relation, from_way, to_way, sign, streets):
            if rule == "no":
                yield path
            else:
                yield from _other_ways(path, streets)


def _checked(relation: Relation) -> tuple[str, str]:
    """Split a relation's kind into rule and sign; raises _UnresolvedError."""
    rule, _, sign = relation.kind.partition("_")
    if rule not in ("no", "only") or sign not in _SIGNS:
        raise _UnresolvedError(f"unknown restriction {relation.kind!r:.40}")
    for role, members in (("from", relation.from_ways), ("to", relation.to_ways)):
        if not members:
            raise _UnresolvedError(f"it has no {role} way")
    if rule == "only" and (len(relation.from_ways) > 1 or len(relation.to_ways) > 1):
        raise _UnresolvedError("only no_entry and no_exit may have several from or to ways")
    return rule, sign


def _other_ways(path: tuple[Edge, ...], streets: _Streets) -> Iterator[tuple[Edge, ...]]:
    """Return all ways to leave a mandatory path."""
    for i, edge in enumerate(path[:-1]):
        for other in streets.exits(edge[1]):
            if other != path[i + 1]:
                yield (*path[: i + 1], other)


def _paths(
    relation: Relation, from_way: int, to_way: int, sign: str, streets: _Streets
) -> list[tuple[Edge, ...]]:
    """Find the path from the from-way over the via members to the to-way."""
    coming, leaving = streets.way(from_way), streets.way(to_way)
    if relation.via_ways:
        found = _over_ways(relation.via_ways, coming, leaving, streets)
    elif len(relation.via_nodes) == 1:
        node = relation.via_nodes[0]
        ins = [edge for edge in coming if edge[1] == node]
        outs = [edge for edge in leaving if edge[0] == node]
        for what, way, edges in (("from", from_way, ins), ("to", to_way, outs)):
            if not edges:
                verb = "cannot be left" if what == "from" else "cannot be entered"
                raise _UnresolvedError(f"{what} way {way} {verb} at via node {node}")
        found = [(a, b) for a in ins for b in outs]
    else:
        raise _UnresolvedError("it has no via member, or several via nodes")
    if not found:
        raise _UnresolvedError(f"its via ways do not lead from way {from_way} to way {to_way}")
    if sign == "u_turn" and not relation.via_ways:
        # If the street continues beyond the node, the U-turn is banned from both sides.
        back = [path for path in found if streets.goes_back(path[0], path[1])]
        if back:
            return back
    return found if len(found) == 1 else _by_angle(found, sign, streets)


def _over_ways(
    ways: Sequence[int], coming: Sequence[Edge], leaving: Sequence[Edge], streets: _Streets
) -> list[tuple[Edge, ...]]:
    """Return all simple paths from an arriving edge over all of the ways to a leaving edge."""
    allowed: dict[int, list[tuple[Edge, int]]] = {}
    for way in ways:
        for edge in streets.way(way):
            allowed.setdefault(edge[0], []).append((edge, way))
    ends: dict[int, list[Edge]] = {}
    for edge in leaving:
        ends.setdefault(edge[0], []).append(edge)
    found: list[tuple[Edge, ...]] = []
    for start in coming:
        stack: list[tuple[tuple[Edge, ...], frozenset[int]]] = [((start,), frozenset())]
        while stack:
            path, used = stack.pop()
            node = path[-1][1]
            if used == frozenset(ways):
                found += [(*path, edge) for edge in ends.get(node, ())]
            if len(path) > _MOST_VIA_ARCS:
                continue
            seen = {edge[0] for edge in path[1:]} | {node}
            stack += [
                ((*path, edge), used | {way})
                for edge, way in allowed.get(node, ())
                if edge[1] not in seen
            ]
    return [path for path in found if not _backs(path, streets)]


def _backs(path: Sequence[Edge], streets: _Streets) -> bool:
    return any(streets.goes_back(a, b) for a, b in pairwise(path))


def _by_angle(
    found: Sequence[tuple[Edge, ...]], sign: str, streets: _Streets
) -> list[tuple[Edge, ...]]:
    """Keep the only path whose change of heading matches the sign."""
    wanted = _SIGNS[sign]
    if wanted is not None:
        off = [abs((streets.angle(p[0], p[-1]) - wanted + 180.0) % 360.0 - 180.0) for p in found]
        near = [path for path, d in zip(found, off, strict=True) if d <= _TOLERANCE_DEGREES]
        if len(near) == 1:
            return near
    raise _UnresolvedError(
        f"ambiguous: {len(found)} paths match, and the angle does not decide between them"
    )
