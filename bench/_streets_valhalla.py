"""Valhalla from its Python wheel, on the same net written as OpenStreetMap data.

It is an inexact peer. It has costs of its own (turns, classes of roads), whole km/h, and for a
matrix it looks at few side streets far from both ends, so that some pairs find no way. Its answers
are compared roughly and the agreement is told. It snaps positions itself, as we do. Streets are
closed as its users close them: each question names the places to keep away from, and both
directions of a street are closed there.
"""

import copy
import importlib
import importlib.util
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import osmium
import pyproj
from osmium.osm.mutable import Node, Way

from bench._streets_harness import timed
from bench._streets_net import Floats, Ints, Point
from geo.streets.graph import StreetGraph

_SLOWEST_KPH, _FASTEST_KPH = 10, 140
"""Valhalla does not heed signs for less, nor drives a car faster."""
_CLASSES = (
    (100, "motorway"),
    (80, "primary"),
    (60, "secondary"),
    (40, "tertiary"),
    (0, "residential"),
)
"""Least km/h of a class; without classes Valhalla's hierarchy of roads is of no use."""
_MANY = 10**6
_CACHE_BYTES = 2**29
_BUILD_S = 300.0


@dataclass(frozen=True)
class Answer:
    """Seconds, and the milliseconds that the question took, how many of them JSON in Python."""

    ms: float
    json_ms: float
    seconds: Floats


class Valhalla:
    """An `Actor` in this process, asked in JSON; it knows no other way."""

    name = "valhalla"

    def __init__(self, module: ModuleType, config: Path, middles: Floats, build_s: float) -> None:
        self.build_s = build_s
        self._actor = module.Actor(str(config))
        self._middles = middles  # of each arc: longitude, latitude

    def times(
        self, sources: Sequence[Point], targets: Sequence[Point], closed: Ints | None = None
    ) -> Answer:
        """Return seconds by source and target, NaN where it finds no way."""
        question = {"sources": _places(sources), "targets": _places(targets), "verbose": False}
        if closed is not None:
            question["exclude_locations"] = _places(self._middles[closed].tolist())
        asked_ms, text = timed(lambda: _asked(question))
        answered_ms, answer = timed(lambda: self._answer(self._actor.matrix, text))
        read_ms, found = timed(lambda: json.loads(answer) if answer else None)
        seconds = (
            np.array(found["sources_to_targets"]["durations"], dtype=np.float64)
            if found
            else np.full((len(sources), len(targets)), np.nan)
        )
        json_ms = asked_ms + read_ms
        return Answer(answered_ms + json_ms, json_ms, seconds)

    def route(self, start: Point, goal: Point) -> Answer:
        """Return the seconds of a route with geometry."""
        question = {"locations": _places([start, goal]), "directions_type": "none"}
        ms, answer = timed(lambda: self._answer(self._actor.route, _asked(question)))
        read_ms, found = timed(lambda: json.loads(answer) if answer else None)
        seconds = found["trip"]["summary"]["time"] if found else np.nan
        return Answer(ms + read_ms, read_ms, np.array(seconds, dtype=np.float64))

    def located_ms(self, points: Sequence[Point]) -> float:
        """Return the milliseconds to read, snap and write positions, without any search."""
        question = {"locations": _places(points), "verbose": False}
        return timed(lambda: json.loads(self._actor.locate(_asked(question))))[0]

    @staticmethod
    def _answer(action: Callable[[str], str], text: str) -> str | None:
        try:
            return action(text)
        except RuntimeError:  # says that no street or no way is there, which counts as unanswered
            return None


def agreeing(
    theirs: Sequence[Floats], ours: Sequence[Floats | Sequence[float] | float]
) -> dict[str, float]:
    """Return how far answers are ours, of those questions that have an answer."""
    their, our = (np.concatenate([np.ravel(part) for part in parts]) for parts in (theirs, ours))
    their, our = their[np.isfinite(our)], our[np.isfinite(our)]
    ratio = (their / our)[np.isfinite(their)]
    return {
        "answered": round(float(np.isfinite(their).mean()), 3),
        "median_ratio": round(float(np.median(ratio)), 3),
        "within_10_percent": round(float((np.abs(ratio - 1.0) <= 0.1).mean()), 3),
    }


@contextmanager
def valhalla(streets: StreetGraph) -> Iterator[Valhalla | str]:
    """Build its tiles and give the engine, or say why there is none."""
    with tempfile.TemporaryDirectory(prefix="jingwei-bench-") as folder:
        made = _made(streets, Path(folder))
        yield made if not isinstance(made, str) else f"Valhalla was not measured: {made}"


def _made(streets: StreetGraph, folder: Path) -> Valhalla | str:
    if importlib.util.find_spec("valhalla") is None:
        return "its wheel is not installed: `make bench NAME=streets` does, on Linux x86-64"
    try:
        module = importlib.import_module("valhalla")
    except ImportError as error:
        return f"its wheel cannot be loaded: {error}"
    program = Path(str(module.__file__)).parent / "bin" / "valhalla_build_tiles"
    if not program.is_file():
        return "this wheel cannot build tiles, it lacks the program valhalla_build_tiles"
    tiles, source, config = (folder / name for name in ("tiles", "net.osm.pbf", "valhalla.json"))
    tiles.mkdir()
    settings = importlib.import_module("valhalla.config").get_config("", str(tiles))
    config.write_text(json.dumps(_fitting(settings)))
    _written(streets, source)
    command = [str(part) for part in (program, "-c", config, source)]
    try:
        build_ms, done = timed(
            # It leaves a file of its own where it stands.
            lambda: subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=_BUILD_S, cwd=folder
            )
        )
    except subprocess.TimeoutExpired:
        return f"valhalla_build_tiles took more than {_BUILD_S:g} s"
    if done.returncode:
        last = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        return f"valhalla_build_tiles ended with {done.returncode}: {last}"
    return Valhalla(module, config, _middles(streets), round(build_ms / 1000.0, 1))


def _fitting(default: dict[str, Any]) -> dict[str, Any]:
    """Return its settings without logs, and with limits that fit what is asked here."""
    config = copy.deepcopy(default)
    for part in config.values():
        if isinstance(part, dict) and "logging" in part:
            part["logging"]["type"] = ""
    mjolnir, limits = config["mjolnir"], config["service_limits"]
    mjolnir |= {"admin": "", "timezone": "", "max_cache_size": _CACHE_BYTES}
    mjolnir |= {"id_table_size": _MANY, "concurrency": 2}
    limits["auto"] |= {"max_locations": _MANY, "max_matrix_location_pairs": _MANY}
    limits["max_exclude_locations"] = _MANY
    return config


def _written(streets: StreetGraph, target: Path) -> None:
    """Write a way for each arc, or for both directions of a street that are equally quick.

    A sign gives each the speed at which the straight line takes the arc's time.
    """
    arcs, nodes = streets.arcs, streets.nodes
    lon, lat = nodes.lon, nodes.lat
    ends = lon[arcs.tail], lat[arcs.tail], lon[arcs.head], lat[arcs.head]
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(*ends)
    kph = np.rint(metres * 3600.0 / arcs.ms).clip(_SLOWEST_KPH, _FASTEST_KPH).astype(np.int64)
    twin = arcs.twin
    both = (twin >= 0) & (twin[twin] == np.arange(len(arcs))) & (kph[twin] == kph)
    written = (arcs.tail != arcs.head) & ~(both & (twin < np.arange(len(arcs))))
    with osmium.SimpleWriter(target) as writer:
        for i, place in enumerate(zip(lon.tolist(), lat.tolist(), strict=True)):
            writer.add_node(Node(id=i + 1, version=1, location=place))
        for i in np.flatnonzero(written).tolist():
            speed = int(kph[i])
            tags = {
                "highway": next(name for least, name in _CLASSES if speed >= least),
                "oneway": "no" if both[i] else "yes",
                "maxspeed": str(speed),
            }
            ends_of = [int(arcs.tail[i]) + 1, int(arcs.head[i]) + 1]
            writer.add_way(Way(id=i + 1, version=1, nodes=ends_of, tags=tags))


def _middles(streets: StreetGraph) -> Floats:
    arcs, nodes = streets.arcs, streets.nodes
    return np.column_stack(
        [(axis[arcs.tail] + axis[arcs.head]) / 2.0 for axis in (nodes.lon, nodes.lat)]
    )


def _places(points: Sequence[Point]) -> list[dict[str, float]]:
    return [{"lon": lon, "lat": lat} for lon, lat in points]


def _asked(question: dict[str, Any]) -> str:
    return json.dumps({"costing": "auto"} | question)
