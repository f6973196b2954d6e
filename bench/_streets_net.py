"""Street networks to measure on: Luxembourg where it is at hand, else one made from a seed."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapped

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Point = tuple[float, float]

_LUXEMBOURG = Path(__file__).parents[2] / "shared" / "data" / "luxembourg"
_BLOCK_DEGREES = 0.0012  # about 120 m
_ARTERY_EVERY = 8
_NEAR_DEGREES = 0.0003  # a unit stands within some 30 m of a crossing
_RIVER_EVERY = 40
_ARCS_PER_NODE = 2.71  # of the made net's lattice, by the shares below


def luxembourg() -> StreetGraph | None:
    """Return RoutingKit's Luxembourg with its travel times, or None if it is not here."""
    if not _LUXEMBOURG.is_dir():
        return None

    def column(name: str, kind: str = "<u4") -> Floats:
        return np.fromfile(_LUXEMBOURG / name, kind).astype(np.float64)

    first_out = column("first_out").astype(np.int64)
    return StreetGraph.from_arrays(
        lon=column("longitude", "<f4"),
        lat=column("latitude", "<f4"),
        tail=np.repeat(np.arange(len(first_out) - 1), np.diff(first_out)),
        head=column("head").astype(np.int64),
        speed_kph=np.full(first_out[-1], 50.0),
        length_m=column("geo_distance"),
        ms=column("travel_time").astype(np.int64),
    )


def made(arcs: int, seed: int = 1) -> StreetGraph:
    """Return a street-like net of about so many arcs.

    Crooked blocks of about 120 m. Every eighth row and column is an artery of 60 km/h that a side
    street meets in one place of two; a quarter of the other streets is missing, and 15 % of them
    are one-way. Every fortieth row and column is a river or a railway, which only arteries cross.
    """
    random = np.random.default_rng(seed)
    side = max(round((arcs / _ARCS_PER_NODE) ** 0.5), 3)
    row, column = np.divmod(np.arange(side * side), side)
    shift = random.uniform(-0.3, 0.3, (2, side * side)) * _BLOCK_DEGREES
    east, north = (np.flatnonzero(part < side - 1) for part in (column, row))
    tail, head = np.concatenate([east, north]), np.concatenate([east + 1, north + side])
    # Along a street its own row or column stays; across, the other one changes.
    own, across = (
        np.concatenate([row[east], column[north]]),
        np.concatenate([column[east], row[north]]),
    )
    artery = own % _ARTERY_EVERY == 0
    barred = across % _RIVER_EVERY == _RIVER_EVERY // 2
    meets = (across % _ARTERY_EVERY == 0) | (across % _ARTERY_EVERY == _ARTERY_EVERY - 1)
    chance = np.where(meets, 0.5, 0.75)
    kept = artery | (~barred & (random.random(tail.size) < chance))
    tail, head, artery = tail[kept], head[kept], artery[kept]
    speed = np.where(artery, 60.0, random.choice([30.0, 40.0], tail.size))
    turned = random.random(tail.size) < 0.5
    tail, head = np.where(turned, head, tail), np.where(turned, tail, head)
    both = artery | (random.random(tail.size) >= 0.15)
    used, ends = np.unique(np.concatenate([tail, head]), return_inverse=True)
    tail, head = ends[: tail.size], ends[tail.size :]
    return StreetGraph.from_arrays(
        lon=(121.0 + column * _BLOCK_DEGREES + shift[0])[used],
        lat=(31.0 + row * _BLOCK_DEGREES + shift[1])[used],
        tail=np.concatenate([tail, head[both]]),
        head=np.concatenate([head, tail[both]]),
        speed_kph=np.concatenate([speed, speed[both]]),
    )


def positions(streets: StreetGraph, count: int, seed: int) -> list[Point]:
    """Return positions beside crossings of the largest strongly connected part."""
    random = np.random.default_rng(seed)
    nodes = streets.nodes
    chosen = random.choice(np.flatnonzero(nodes.in_largest), count)
    aside = random.uniform(-_NEAR_DEGREES, _NEAR_DEGREES, (2, count))
    lon, lat = nodes.lon[chosen] + aside[0], nodes.lat[chosen] + aside[1]
    return list(zip(lon.tolist(), lat.tolist(), strict=True))


def closures(streets: StreetGraph, count: int, keep: list[Snapped], seed: int) -> Ints:
    """Return arcs to close, none of those that positions lie on."""
    used = [place.arc for snapped in keep for place in snapped.places]
    free = np.setdiff1d(np.arange(len(streets.arcs)), used)
    return np.sort(np.random.default_rng(seed).choice(free, count, replace=False))
