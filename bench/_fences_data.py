"""Fences and positions for the fence benchmark: made from a seed, the same everywhere."""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from geo.fences.index import Fence

Floats = npt.NDArray[np.float64]

SEED = 310106
WEST, SOUTH, EAST, NORTH = 121.25, 31.05, 121.65, 31.41  # 38 km by 40 km around Jing'an
SIDE = 4  # 4 x 4 districts
EDGE_VERTICES = 235  # each side of a district; 15,040 in all
SMALL = 5_000
UNITS = 100_000
PACE_MPS, INTERVAL_S = 12.0, 10.0  # a fix every 10 s from units that move at up to 12 m/s


def districts() -> list[Fence]:
    """Make 16 districts that share their crooked borders and leave no gap."""
    rng = np.random.default_rng(SEED)
    step = np.array([(EAST - WEST) / SIDE, (NORTH - SOUTH) / SIDE])
    corner = np.stack(np.meshgrid(np.arange(SIDE + 1), np.arange(SIDE + 1), indexing="ij"), -1)
    corners = np.array([WEST, SOUTH]) + (corner + rng.uniform(-0.15, 0.15, corner.shape)) * step
    along = np.array(
        [[_crooked(rng, *pair) for pair in itertools.pairwise(row)] for row in corners]
    )
    across = np.array(
        [
            [_crooked(rng, *pair) for pair in itertools.pairwise(row)]
            for row in corners.swapaxes(0, 1)
        ]
    )
    fences = []
    for i in range(SIDE):
        for j in range(SIDE):
            south, east = across[j][i], along[i + 1][j]
            north, west = across[j + 1][i][::-1], along[i][j][::-1]
            ring = np.concatenate([side[:-1] for side in (south, east, north, west)])
            name = f"district-{i}-{j}"
            fences.append(Fence(name, "district", name, shapely.polygons(ring)))
    return fences


def small_fences(count: int = SMALL) -> list[Fence]:
    """Make hazard zones of 50 m to 110 m radius, 12 corners each, some of them overlapping."""
    rng = np.random.default_rng(SEED + 1)
    fences = []
    for i in range(count):
        turn = (np.arange(12) + rng.uniform(0.0, 0.8, 12)) * (2 * np.pi / 12)
        radius = rng.uniform(0.0005, 0.001, 12)
        ring = np.column_stack([radius * np.cos(turn) * 1.17, radius * np.sin(turn)])
        centre = rng.uniform((WEST, SOUTH), (EAST, NORTH))
        fences.append(
            Fence(f"zone-{i}", "hazard_zone", f"zone-{i}", shapely.polygons(centre + ring))
        )
    return fences


def points(count: int) -> tuple[Floats, Floats]:
    """Return longitudes and latitudes all over the area."""
    rng = np.random.default_rng(SEED + 2)
    return rng.uniform(WEST, EAST, count), rng.uniform(SOUTH, NORTH, count)


@dataclass(frozen=True)
class Fixes:
    """Positions in the order in which they arrive: every unit in turn, round after round."""

    ids: list[str]
    lon: Floats
    lat: Floats
    time: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, start: int, stop: int) -> tuple[list[str], Floats, Floats, Floats]:
        """Return the columns of some of them."""
        cut = slice(start, stop)
        return self.ids[cut], self.lon[cut], self.lat[cut], self.time[cut]


def walk(units: int, rounds: int) -> Fixes:
    """Let units walk: half of them drive with slow turns, half stand."""
    rng = np.random.default_rng(SEED + 3)
    lon, lat = rng.uniform(WEST, EAST, units), rng.uniform(SOUTH, NORTH, units)
    heading = rng.uniform(0.0, 2 * np.pi, units)
    pace = np.where(rng.random(units) < 0.5, rng.uniform(0.0, PACE_MPS, units), 0.0)
    stride = pace * INTERVAL_S / 111_195.0
    names = [f"unit-{i}" for i in range(units)]
    columns: list[tuple[Floats, Floats, Floats]] = []
    ids: list[str] = []
    for turn in range(rounds):
        order = rng.permutation(units)
        columns.append((lon[order], lat[order], np.full(units, INTERVAL_S * turn)))
        ids.extend(names[i] for i in order)
        heading = heading + rng.normal(0.0, 0.3, units)
        lon = lon + stride * np.cos(heading) * 1.17
        lat = lat + stride * np.sin(heading)
    return Fixes(ids, *(np.concatenate(column) for column in zip(*columns, strict=True)))


def _crooked(rng: np.random.Generator, start: Floats, end: Floats) -> Floats:
    """Draw a line from start to end that wanders as rivers and railways do."""
    t = np.linspace(0.0, 1.0, EDGE_VERTICES + 1)
    waves = np.arange(1, 60)
    height = rng.normal(0.0, 0.05, waves.size) / waves**1.3
    offset = np.sin(np.pi * np.outer(t, waves)) @ height
    across = np.array([start[1] - end[1], end[0] - start[0]])
    line = start + np.outer(t, end - start) + np.outer(offset, across)
    line[0], line[-1] = start, end
    return line
