"""Street engine: how long 200 units need to an incident, and what closures, routes and size cost.

All engines answer on the same net in the same run, and every answer is compared with ours. The net
has no turn rules, since the peers know none, and is driven as civilians do. It is Luxembourg
(RoutingKit's data, 175,000 arcs) where that is at hand, else one made from a seed; growth is
always measured on made nets, with turn costs and as emergency vehicles drive, a process each.

Ours includes snapping of what was not asked before: for `etas_200x1_ms` the incident is new and
the units are known; for `etas_200x1_known_positions_ms` the incident was asked for before, and for
`etas_200x1_new_positions_ms` all of them are new. Peers that know only nodes are given snapped
positions for nothing.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import _streets_net as net
from bench._streets_harness import (
    Ends,
    closing,
    etas,
    middle,
    route,
    same,
    timed,
    times_from,
    weights,
)
from bench._streets_peers import Networkx, Peer, Rustworkx, Scipy
from bench._streets_pgrouting import PgRouting, pgrouting
from bench._streets_valhalla import Valhalla, agreeing, valhalla
from bench.report import Report
from geo.errors import Unreachable
from geo.routing.compiled import CompiledRouter
from geo.routing.conditions import Conditions
from geo.routing.reference import NetworkxRouter
from geo.routing.street_index import StreetIndex
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapped, Snapper
from geo.streets.turns import NO_COSTS

_UNITS = 200
_MATRIX = (100, 500)
_CLOSURES = (10, 1_000)
_GROWTH = (10_000, 100_000, 1_000_000)
_GROWTH_S = 400.0
"""A size that takes longer, alone in its process, is given up."""
_SLOW_QUERIES = 5
"""Of Valhalla, which takes seconds for each."""
_MADE_ARCS = 175_000
_TURNS = "etas_200x1_ms"


@dataclass
class _Work:
    """What is asked, and our answers."""

    streets: StreetGraph
    router: CompiledRouter
    units: list[net.Point]
    incidents: list[net.Point]
    closed: dict[int, list[net.Ints]] = field(default_factory=dict)
    etas: list[list[float]] = field(default_factory=list)
    routes: list[float | None] = field(default_factory=list)
    """Seconds from each unit to the incident of its number; None where there is no way."""
    matrix: Any = None
    after: dict[int, list[list[float]]] = field(default_factory=dict)

    def snapped(self, points: list[net.Point]) -> list[Snapped]:
        """Snap positions near streets."""
        lons, lats = zip(*points, strict=True)
        found = self.router.snapper.snap_many(lons, lats)
        assert all(found), "positions are made beside streets"
        return [one for one in found if one is not None]


def run(*, quick: bool) -> Report:
    """Measure; ``quick`` asks less and leaves the million arcs out."""
    streets = net.luxembourg()
    place = "Luxembourg" if streets is not None else f"a net made of about {_MADE_ARCS} arcs"
    streets = streets or net.made(_MADE_ARCS)
    work, loaded_s = _prepared(streets, queries=5 if quick else 20)
    figures = _ours(work, rounds=20 if quick else 100) | {"load_cached_s": loaded_s}
    peers: dict[str, dict[str, Any]] = {"networkx_router": _networkx_router(work)}
    missing: list[str] = []
    peers |= dict(_node_engines(work, missing, rows=2 if quick else 10))
    with valhalla(streets) as engine:
        if isinstance(engine, str):
            missing.append(engine)
        else:
            peers[engine.name] = _valhalla(work, engine, matrix=not quick)
    for size in _GROWTH[:2] if quick else _GROWTH:
        found = _grown(size)
        if isinstance(found, str):
            missing.append(found)
        else:
            figures |= {_named(what, size): value for what, value in found.items()}
    return Report(
        figures=figures,
        peers=peers,
        ratios={
            name: round(measured[_TURNS] / figures[_TURNS], 1) for name, measured in peers.items()
        },
        notes=[
            (
                f"main comparison: {place}, {len(streets.nodes.id)} crossings and "
                f"{len(streets.arcs)} arcs, no turn costs, civilian profile; medians"
            ),
            "growth: made nets with turn costs, emergency profile (arcs_1e… are the real counts)",
            (
                "every peer but valhalla gave our answers; theirs are without snapping, but for "
                "networkx_router and valhalla"
            ),
            (
                "valhalla: an inexact peer with costs of its own, on the net as OSM ways; its "
                "agreement is told; closures by exclude_locations in each question; its matrix is "
                "measured whole, but not by --quick"
            ),
            "matrix_100x500_ms of peers: some of the rows measured, for 100 reckoned",
            "load_cached_s: index and router from the streets in memory and the order on disk",
            *missing,
            *(["quick: without the million arcs"] if quick else []),
        ],
    )


def _prepared(streets: StreetGraph, queries: int) -> tuple[_Work, float]:
    rules = streets.turns.with_costs(NO_COSTS)
    with tempfile.TemporaryDirectory() as folder:
        StreetIndex.of(streets, rules, Path(folder))
        started = time.perf_counter()
        index = StreetIndex.of(streets, rules, Path(folder))
        router = CompiledRouter(streets, "civilian", Snapper(streets), index=index)
        loaded_s = time.perf_counter() - started
    units, incidents = (
        net.positions(streets, _UNITS, seed=1),
        net.positions(streets, queries, seed=2),
    )
    work = _Work(streets, router, units, incidents)
    kept = work.snapped([*units, *incidents])
    work.closed = {
        count: [net.closures(streets, count, kept, seed=count + i) for i in range(queries)]
        for count in _CLOSURES
    }
    return work, round(loaded_s, 3)


def _ours(work: _Work, rounds: int) -> dict[str, float]:
    router, units, incident = work.router, work.units, work.incidents[0]
    router.etas(units, incident)
    asked = net.positions(work.streets, rounds, seed=3)
    known = [timed(lambda p=point: router.etas(units, p))[0] for point in asked]
    again = [timed(lambda p=point: router.etas(units, p))[0] for point in asked]
    fleets = [net.positions(work.streets, _UNITS + 1, seed=100 + i) for i in range(rounds)]
    new = [timed(lambda f=fleet: router.etas(f[1:], f[0]))[0] for fleet in fleets]
    tried = (_routed(router, pair) for pair in _pairs(net.positions(work.streets, 2 * rounds, 4)))
    routes = [ms for ms, seconds in tried if seconds is not None]
    tables = []
    rows, columns = _MATRIX
    for seed in range(3):
        sources = net.positions(work.streets, rows, seed=10 + seed)
        targets = net.positions(work.streets, columns, seed=20 + seed)
        tables.append(timed(lambda s=sources, t=targets: router.matrix(s, t))[0])
    figures = {
        "etas_200x1_ms": middle(known),
        "etas_200x1_known_positions_ms": middle(again),
        "etas_200x1_new_positions_ms": middle(new),
        "route_ms": middle(routes),
        "matrix_100x500_ms": middle(tables),
    }
    for count, sets in work.closed.items():
        taken, work.after[count] = [], []
        for arcs in sets:
            ids = [work.streets.arcs.id[i] for i in arcs.tolist()]
            ms, answer = timed(
                lambda ids=ids: router.etas(units, incident, Conditions.of(closed=ids))
            )
            taken.append(ms)
            work.after[count].append(answer)
        figures[f"closure_{count}_ms"] = middle(taken)
    work.etas = [router.etas(units, point) for point in work.incidents]
    work.routes = [_routed(router, pair)[1] for pair in _pairs_asked(work)]
    work.matrix = router.matrix(units[:rows], net.positions(work.streets, columns, seed=20))
    return figures


def _networkx_router(work: _Work) -> dict[str, float]:
    """Measure our own router over NetworkX and SciPy, which snaps and knows conditions too."""
    router = NetworkxRouter(work.streets, "civilian", work.router.snapper)
    router.etas(work.units, work.incidents[0])
    measured = {}
    taken = []
    for point, expected in zip(work.incidents[1:], work.etas[1:], strict=True):
        ms, answer = timed(lambda p=point: router.etas(work.units, p))
        same("networkx_router", answer, expected)
        taken.append(ms)
    measured[_TURNS] = middle(taken)
    tried = [
        (_routed(router, pair), expected)
        for pair, expected in zip(_pairs_asked(work), work.routes, strict=True)
    ]
    assert all(found[1] == expected for found, expected in tried), "routes differ from ours"
    measured["route_ms"] = middle([ms for (ms, seconds), _ in tried if seconds is not None])
    for count, sets in work.closed.items():
        taken = []
        for arcs, expected in zip(sets, work.after[count], strict=True):
            ids = [work.streets.arcs.id[i] for i in arcs.tolist()]
            ms, answer = timed(
                lambda ids=ids: router.etas(
                    work.units, work.incidents[0], Conditions.of(closed=ids)
                )
            )
            same("networkx_router after a closure", answer, expected)
            taken.append(ms)
        measured[f"closure_{count}_ms"] = middle(taken)
    return measured


def _node_engines(
    work: _Work, missing: list[str], rows: int
) -> Iterator[tuple[str, dict[str, float]]]:
    arcs, count = work.streets.arcs, len(work.streets.nodes.id)
    ms = weights(work.streets)
    for kind in (Networkx, Rustworkx, Scipy):

        def turned(kind: Callable[..., Peer] = kind) -> Peer:
            return kind(count, arcs.head, arcs.tail, ms)

        def straight(kind: Callable[..., Peer] = kind) -> Peer:
            return kind(count, arcs.tail, arcs.head, ms)

        yield kind.name, _node_engine(work, turned, straight, rows)
    with pgrouting() as database:
        if isinstance(database, str):
            missing.append(database)
            return

        def loaded(tail: net.Ints, head: net.Ints) -> PgRouting:
            database.load(tail, head, ms)
            return database

        yield (
            database.name,
            _node_engine(
                work,
                lambda: loaded(arcs.head, arcs.tail),
                lambda: loaded(arcs.tail, arcs.head),
                rows,
            ),
        )


def _node_engine(
    work: _Work, turned: Callable[[], Peer], straight: Callable[[], Peer], rows: int
) -> dict[str, float]:
    streets = work.streets
    units = Ends.sources(streets, work.snapped(work.units))
    goals = [Ends.targets(streets, work.snapped([point])) for point in work.incidents]
    usual = weights(streets)
    measured: dict[str, float] = {}
    peer = turned()
    taken = []
    for goal, expected in zip(goals, work.etas, strict=True):
        ms, answer = timed(lambda g=goal: etas(peer, streets, units, g))
        same(peer.name, answer, expected)
        taken.append(ms)
    measured[_TURNS] = middle(taken)
    for count, sets in work.closed.items():
        taken = []
        for arcs, expected in zip(sets, work.after[count], strict=True):
            ms, _ = timed(lambda a=arcs: peer.reweigh(a, closing(a)))
            more, answer = timed(lambda: etas(peer, streets, units, goals[0]))
            same(f"{peer.name} after a closure", answer, expected)
            peer.reweigh(arcs, usual[arcs])
            taken.append(ms + more)
        measured[f"closure_{count}_ms"] = middle(taken)
    peer = straight()
    taken = []
    starts = [Ends.sources(streets, [one]) for one in units.snapped[: max(rows, len(goals))]]
    for start, goal, expected in zip(starts, goals, work.routes, strict=False):
        if expected is None:
            continue
        ms, (seconds, _) = timed(lambda s=start, g=goal: route(peer, streets, s, g))
        same(f"{peer.name} on a route", [seconds], [expected])
        taken.append(ms)
    measured["route_ms"] = middle(taken)
    columns = net.positions(streets, _MATRIX[1], seed=20)
    targets = Ends.targets(streets, work.snapped(columns))
    taken = []
    for start, expected in zip(starts[:rows], work.matrix, strict=False):
        ms, answer = timed(lambda s=start: times_from(peer, streets, s, targets))
        same(f"{peer.name} on the matrix", answer, expected)
        taken.append(ms)
    measured["matrix_100x500_ms"] = round(middle(taken) * _MATRIX[0], 1)
    return measured


def _valhalla(work: _Work, engine: Valhalla, *, matrix: bool) -> dict[str, Any]:
    """Measure Valhalla, and how far its answers are ours."""
    asked = work.incidents[:_SLOW_QUERIES]
    engine.times(work.units, asked[:1])  # brings its tiles into memory
    answers = [engine.times(work.units, [point]) for point in asked]
    measured: dict[str, Any] = {
        _TURNS: middle([one.ms for one in answers]),
        "of_which_json_in_python_ms": middle([one.json_ms for one in answers]),
        "of_which_snapping_and_json_ms": middle(
            [engine.located_ms([*work.units, point]) for point in asked]
        ),
        "build_s": engine.build_s,
    }
    agreement = {_TURNS: agreeing([one.seconds for one in answers], work.etas[: len(asked)])}
    routes = [
        (engine.route(*pair), expected)
        for pair, expected in zip(_pairs_asked(work), work.routes, strict=True)
        if expected is not None
    ]
    measured["route_ms"] = middle([one.ms for one, _ in routes])
    agreement["route_ms"] = agreeing([one.seconds for one, _ in routes], [s for _, s in routes])
    for count, sets in work.closed.items():
        answers = [
            engine.times(work.units, work.incidents[:1], arcs) for arcs in sets[:_SLOW_QUERIES]
        ]
        name = f"closure_{count}_ms"
        measured[name] = middle([one.ms for one in answers])
        agreement[name] = agreeing(
            [one.seconds for one in answers], work.after[count][:_SLOW_QUERIES]
        )
    if matrix:
        rows, columns = _MATRIX
        targets = net.positions(work.streets, columns, seed=20)
        answer = engine.times(work.units[:rows], targets)
        measured["matrix_100x500_ms"] = round(answer.ms, 1)
        agreement["matrix_100x500_ms"] = agreeing([answer.seconds], work.matrix)
    return measured | {"agreement": agreement}


def _grown(size: int) -> dict[str, float] | str:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench._streets_growth", str(size)],
            check=True,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            timeout=_GROWTH_S,
        )
    except subprocess.TimeoutExpired:
        return f"growth: {size} arcs were given up after {_GROWTH_S:.0f} s"
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _routed(
    router: CompiledRouter | NetworkxRouter, pair: tuple[net.Point, net.Point]
) -> tuple[float, float | None]:
    """Return the milliseconds that a route with geometry takes, and its seconds if there is one."""

    def asked() -> tuple[float, object]:
        found = router.route(*pair)
        return found.seconds, found.line

    try:
        ms, (seconds, _) = timed(asked)
    except Unreachable:  # beside a street of the largest part there may be one of another
        return 0.0, None
    return ms, seconds


def _pairs_asked(work: _Work) -> list[tuple[net.Point, net.Point]]:
    return list(zip(work.units, work.incidents, strict=False))


def _pairs(points: list[net.Point]) -> list[tuple[net.Point, net.Point]]:
    return list(zip(points[::2], points[1::2], strict=True))


def _named(what: str, size: int) -> str:
    """Name a figure with its unit at the end: ``build_s`` at a million is ``build_1e6_s``."""
    power = f"1e{len(str(size)) - 1}"
    kind, _, unit = what.rpartition("_")
    return f"{kind}_{power}_{unit}" if kind else f"{what}_{power}"
