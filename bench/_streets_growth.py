"""``python -m bench._streets_growth ARCS``: one size in a process of its own, as JSON.

Memory is that of the whole process: Python, the libraries, the net, its index and one metric (the
second is made when conditions first change); the peak is reached while the net is made or its index
is built.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench._streets_harness import middle, timed
from bench._streets_net import made, positions
from geo.routing.compiled import CompiledRouter
from geo.routing.street_index import StreetIndex
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapper
from infra import memory

_UNITS = 200
_QUERIES = 20


def measure(arcs: int) -> dict[str, float]:
    """Build, ask, and load again."""
    streets = made(arcs)
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        figures = _built_and_asked(streets, cache)
        started = time.perf_counter()
        index = StreetIndex.of(streets, cache=cache)
        CompiledRouter(streets, "emergency", Snapper(streets), index=index)
        load_s = time.perf_counter() - started
    return {"arcs": len(streets.arcs), "load_cached_s": round(load_s, 3)} | figures


def _built_and_asked(streets: StreetGraph, cache: Path) -> dict[str, float]:
    started = time.perf_counter()
    router = CompiledRouter(streets, "emergency", cache=cache)
    build_s = time.perf_counter() - started
    memory.settle()  # as the worker does when its city is ready
    ready = _resident_mib()
    units, incidents = positions(streets, _UNITS, 1), positions(streets, _QUERIES, 2)
    router.etas(units, incidents[0])
    etas = [timed(lambda p=p: router.etas(units, p))[0] for p in incidents[1:]]
    pairs = zip(units, incidents, strict=False)
    routes = [timed(lambda p=pair: router.route(*p).line)[0] for pair in pairs]
    return {
        "build_s": round(build_s, 2),
        "rss_mib": round(max(ready, _resident_mib())),
        "rss_peak_mib": round(_peak_mib()),
        "etas_200x1_ms": middle(etas),
        "route_ms": middle(routes),
    }


def _resident_mib() -> float:
    return psutil.Process().memory_info().rss / 2**20


def _peak_mib() -> float:
    """Return the most memory so far; `getrusage` would count that of the process before exec."""
    status = Path("/proc/self/status")
    if not status.exists():
        return _resident_mib()
    line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024.0


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
