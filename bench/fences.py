"""Fences at speed: in which fences points lie, and who enters, leaves and crosses them.

Two sets of fences over 38 km by 40 km, made from a seed: 16 districts of crooked borders (about
15,000 vertices) that share them without gaps, and 5,000 small hazard zones. Points are spread over
the whole area. Transitions are counted in positions taken, with the state of 100,000 units, half
of which drive at up to 12 m/s and half of which stand, each telling its position every 10 s; our
engine also looks for dwelling. Every figure is the best of a few runs, for calls of 1 to 10,000
positions; the figure without a number is the best of these.

The peers do the same work in the same run, and their answers are compared with ours.
"""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench import _fences_data as data
from bench._fences_peers import H3, GeoPandas, Peer, PostGIS
from bench._fences_tile38 import Tile38, server
from bench.report import Report
from geo.fences.index import Fence, FenceIndex
from geo.fences.transitions import TransitionEngine
from infra.local import stack
from infra.settings import load_settings

BATCHES = (1, 10, 100, 1_000, 10_000)
_ACCURACY_M = 10.0
_DWELL_S = 60.0
_H3_RESOLUTION = {"districts": 8, "small": 10}
_CHECKED = 20_000  # positions whose answers are compared


@dataclass
class _Budget:
    """How much to measure."""

    seconds: float  # a run
    runs: int
    units: int
    rounds: int


@dataclass
class _Work:
    """What to measure on."""

    fences: Sequence[Fence]
    fixes: data.Fixes
    budget: _Budget


@dataclass
class _Speeds:
    """Positions per second of one participant, by fences and by positions a call."""

    points: dict[str, dict[str, int]] = field(default_factory=dict)
    transitions: dict[str, dict[str, int]] = field(default_factory=dict)

    def ratio(self, other: "_Speeds") -> float:
        """Return our best over another's best, where that looks worst for us."""
        pairs = [
            (ours[name], theirs[name])
            for ours, theirs in (
                (self.points, other.points),
                (self.transitions, other.transitions),
            )
            for name in theirs
        ]
        return round(min(max(a.values()) / max(b.values()) for a, b in pairs), 2)


def run(*, quick: bool) -> Report:
    """Measure; ``quick`` takes fewer units and shorter runs."""
    budget = _Budget(0.1, 1, 20_000, 5) if quick else _Budget(0.6, 3, data.UNITS, 8)
    sets = {"districts": data.districts(), "small": data.small_fences()}
    fixes = data.walk(budget.units, budget.rounds)
    ours, careful = _Speeds(), _Speeds()
    peers: dict[str, _Speeds] = {}
    with _services() as (runner, url, tile38):
        for name, fences in sets.items():
            work = _Work(fences, fixes, budget)
            _measure_ours(name, work, ours, careful)
            for peer in _peers(name, fences, url, runner, tile38):
                speeds = peers.setdefault(peer.name, _Speeds())
                _measure_peer(name, peer, work, speeds)
    figures: dict[str, float] = {}
    for label, speeds in (("", ours), ("_accuracy_10m", careful)):
        for kind, by_set in (("points", speeds.points), ("transitions", speeds.transitions)):
            for name, by_batch in by_set.items():
                figures[f"{kind}_per_s_{name}{label}"] = max(by_batch.values())
                figures |= {f"{kind}_per_s_{name}{label}_{n}": v for n, v in by_batch.items()}
    return Report(
        figures=figures,
        peers={
            name: {"points_per_s": speeds.points, "transitions_per_s": speeds.transitions}
            for name, speeds in peers.items()
        },
        ratios={name: ours.ratio(speeds) for name, speeds in peers.items()},
        notes=_notes(sets, peers, budget),
    )


def _measure_ours(name: str, work: _Work, ours: _Speeds, careful: _Speeds) -> None:
    fences, fixes = work.fences, work.fixes
    index = FenceIndex(fences)
    index.locate(*data.points(100))  # the grid is made with the first question
    ours.points[name] = _points_per_s(index.locate, work.budget)
    engine = TransitionEngine(fences, dwell_s=_DWELL_S)
    ours.transitions[name] = _transitions_per_s(
        lambda start, stop: engine.observe(*fixes.part(start, stop)), work
    )
    patient = TransitionEngine(fences, dwell_s=_DWELL_S)
    near = np.full(len(fixes), _ACCURACY_M)
    careful.transitions[name] = _transitions_per_s(
        lambda start, stop: patient.observe(*fixes.part(start, stop), near[start:stop]), work
    )


def _measure_peer(name: str, peer: Peer, work: _Work, speeds: _Speeds) -> None:
    if peer.locates:
        lon, lat = data.points(_CHECKED)
        located = zip(*FenceIndex(work.fences).locate(lon, lat), strict=True)
        _same(f"{peer.name} on {name}: points", peer.locate(lon, lat), located)
        speeds.points[name] = _points_per_s(peer.locate, work.budget)
    if peer.observes:
        _check_transitions(name, peer, work)
        speeds.transitions[name] = _transitions_per_s(
            lambda start, stop: peer.observe(*work.fixes.part(start, stop)[:3]), work, told=True
        )


def _check_transitions(name: str, peer: Peer, work: _Work) -> None:
    """Give the peer all units' first positions and some of the second ones, and compare."""
    engine = TransitionEngine(work.fences, detect=("enter", "exit", "cross"))
    slots = {fence.id: slot for slot, fence in enumerate(work.fences)}
    first, some = work.budget.units, work.budget.units + _CHECKED // 2
    for start, stop in (*_batches(0, first), (first, some)):
        told = engine.observe(*work.fixes.part(start, stop))
        expected = ((event.object_id, slots[event.fence_id], event.kind) for event in told)
        events = peer.observe(*work.fixes.part(start, stop)[:3])
        _same(f"{peer.name} on {name}: transitions", events, expected)


def _points_per_s(
    locate: Callable[[data.Floats, data.Floats], Any], budget: _Budget
) -> dict[str, int]:
    lon, lat = data.points(500_000)
    return {
        str(n): _best(lambda i, j: locate(lon[i:j], lat[i:j]), (0, lon.size), n, budget)
        for n in BATCHES
    }


def _transitions_per_s(
    observe: Callable[[int, int], Any], work: _Work, *, told: bool = False
) -> dict[str, int]:
    """Measure from the third round on; the first two tell where units are, unless told already."""
    if not told:
        for start, stop in _batches(0, 2 * work.budget.units):
            observe(start, stop)
    parts = np.linspace(2 * work.budget.units, len(work.fixes), len(BATCHES) + 1).astype(int)
    return {
        str(n): _best(observe, part, n, work.budget)
        for n, part in zip(BATCHES, itertools.pairwise(parts), strict=True)
    }


def _batches(begin: int, end: int) -> list[tuple[int, int]]:
    return [(start, min(start + BATCHES[-1], end)) for start in range(begin, end, BATCHES[-1])]


def _best(
    call: Callable[[int, int], Any], part: tuple[int, int], size: int, budget: _Budget
) -> int:
    """Return positions per second of the best run; positions are used once, as they come."""
    best, (at, end) = 0.0, map(int, part)
    for left in range(budget.runs, 0, -1):
        stop = min(at + max((end - at) // left, size), end)
        first, started = at, time.perf_counter()
        elapsed = 0.0
        while at + size <= stop and elapsed < budget.seconds:
            call(at, at + size)
            at += size
            elapsed = time.perf_counter() - started
        if at > first:
            best = max(best, (at - first) / elapsed)
    return round(best)


def _same(what: str, theirs: Iterable[object], ours: Iterable[object]) -> None:
    answer, expected = set(theirs), set(ours)
    if answer != expected:
        raise AssertionError(f"{what}: {len(answer ^ expected)} answers differ from ours")


def _peers(
    name: str, fences: Sequence[Fence], url: str, runner: asyncio.Runner, tile38: int | None
) -> Iterator[Peer]:
    yield GeoPandas(fences)
    yield H3(fences, _H3_RESOLUTION[name])
    postgis = PostGIS(fences, url, runner)
    yield postgis
    postgis.close()
    if tile38 is not None:
        yield Tile38(fences, tile38)


@contextmanager
def _services() -> Iterator[tuple[asyncio.Runner, str, int | None]]:
    with tempfile.TemporaryDirectory(prefix="jingwei-bench-") as folder, server() as tile38:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        settings = load_settings(Path(folder) / "home")
        try:
            endpoints = stack.up(settings, lambda _: None, bound=True)
            with asyncio.Runner() as runner:
                yield runner, endpoints.database_url, tile38
        finally:
            stack.down(settings, lambda _: None, wipe=True)


def _notes(sets: dict[str, list[Fence]], peers: dict[str, _Speeds], budget: _Budget) -> list[str]:
    corners = {
        name: sum(len(fence.geometry.exterior.coords) - 1 for fence in fences)
        for name, fences in sets.items()
    }
    small, checked = len(sets["small"]), budget.units + _CHECKED // 2
    notes = [
        f"16 districts of {corners['districts']} vertices, {small} zones of {corners['small']}",
        f"{budget.units} units, half of them driving; {_DWELL_S:.0f} s are a dwelling",
        f"every peer gave our answers for {_CHECKED} points and {checked} positions",
        "ratios: our best batch size over theirs, on the workload where that is least",
        f"accuracy_10m: every fix with an accuracy of {_ACCURACY_M:.0f} m, so with hysteresis",
        "h3 keeps no state, so it has no transitions; a ring of neighbours makes it exact",
    ]
    if Tile38.name not in peers:
        notes.append("no tile38-server on the path: Tile38 was not measured")
    return notes
