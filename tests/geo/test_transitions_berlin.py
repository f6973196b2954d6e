"""Real GPS traces through the transition engine: 75,000 fixes from Berlin, without times.

The traces carry no accuracy either. Fixes of one track are taken to be a second apart, and every
fix to be as accurate as `ACCURACY_M` says.
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Polygon

from geo.crs import haversine_m
from geo.fences.index import Fence
from geo.fences.transitions import Transition, TransitionEngine

ACCURACY_M = 15.0
WITHIN_S = 120.0


@pytest.fixture(scope="module")
def traces(shared_data: Path) -> pd.DataFrame:
    table = pd.read_csv(shared_data / "berlin_gps_traces.csv.gz")
    table["time"] = table.groupby("TrackID").cumcount().astype(float)
    table["track"] = table["TrackID"].astype(str)
    return table.sort_values(["time", "TrackID"], ignore_index=True)


@pytest.fixture(scope="module")
def fences(traces: pd.DataFrame) -> list[Fence]:
    """Make 600 zones of 40 m to 300 m around places where somebody was."""
    rng = np.random.default_rng(10)
    found = []
    for i, row in enumerate(rng.choice(len(traces), 600, replace=False)):
        at = traces.loc[row, ["Longitude", "Latitude"]].to_numpy(dtype=float)
        at = at + rng.normal(0.0, 0.001, 2)
        turn = np.linspace(0.0, 2 * math.pi, 16, endpoint=False)
        size = rng.uniform(0.0004, 0.0027) * rng.uniform(0.7, 1.0, 16)
        ring = at + np.column_stack([size * np.cos(turn) * 1.64, size * np.sin(turn)])
        found.append(Fence(f"zone-{i}", "hazard_zone", f"zone-{i}", Polygon(ring)))
    return found


def follow(
    traces: pd.DataFrame, fences: list[Fence], accuracy_m: float, size: int = 5_000
) -> list[Transition]:
    engine = TransitionEngine(fences, dwell_s=60.0)
    told = []
    for start in range(0, len(traces), size):
        part = traces.iloc[start : start + size]
        columns = (part[name].to_numpy() for name in ("track", "Longitude", "Latitude", "time"))
        told += engine.observe(*columns, np.full(len(part), accuracy_m))
    return told


def flaps(told: list[Transition], traces: pd.DataFrame, accuracy_m: float) -> int:
    """Count enter, exit, enter (or the reverse) of one fence in a short time on one spot.

    One spot: the three fixes lie no farther from each other than the receiver may err.
    """
    places = dict(
        zip(
            zip(traces["track"], traces["time"], strict=True),
            zip(traces["Longitude"], traces["Latitude"], strict=True),
            strict=True,
        )
    )
    visits: dict[tuple[str, str], list[Transition]] = {}
    for event in told:
        if event.kind in ("enter", "exit"):
            visits.setdefault((event.object_id, event.fence_id), []).append(event)
    count = 0
    for events in visits.values():
        for a, b, c in zip(events, events[1:], events[2:], strict=False):
            at = [places[e.object_id, e.time] for e in (a, b, c)]
            spread = max(haversine_m(*p, *q) for p in at for q in at)
            count += c.time - a.time <= WITHIN_S and spread <= accuracy_m
    return count


def test_no_flapping_beyond_what_accuracy_allows(traces: pd.DataFrame, fences: list[Fence]) -> None:
    bare, careful = follow(traces, fences, 0.0), follow(traces, fences, ACCURACY_M)
    assert flaps(bare, traces, ACCURACY_M) > 0
    assert flaps(careful, traces, ACCURACY_M) == 0
    counts = {
        name: {kind: sum(e.kind == kind for e in told) for kind in ("enter", "exit", "dwell")}
        for name, told in (("bare", bare), ("careful", careful))
    }
    assert 0 < counts["careful"]["enter"] < counts["bare"]["enter"]
    assert 0 < counts["careful"]["dwell"] <= counts["careful"]["enter"]
    assert follow(traces, fences, ACCURACY_M, size=len(traces)) == careful
