import math
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.routing.shortest import Network

arc = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 50) | st.just(math.inf))


@given(
    st.lists(arc, max_size=30),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 20)), min_size=1, max_size=4),
    st.just(math.inf) | st.integers(0, 80).map(float),
)
def test_equal_to_networkx(
    arcs: list[tuple[int, int, float]], goals: list[tuple[int, int]], limit: float
) -> None:
    tail, head, ms = (np.array(column) for column in zip(*arcs, strict=True)) if arcs else ([],) * 3
    network = Network(7, np.array(tail, dtype=np.int64), np.array(head, dtype=np.int64))
    weighted = network.weighted(np.array(ms, dtype=np.float64))
    nodes, offsets = zip(*goals, strict=True)
    times = weighted.times_to(nodes, offsets, limit)

    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(7))
    graph.add_weighted_edges_from((v, u, w) for u, v, w in arcs if math.isfinite(w))
    graph.add_weighted_edges_from(("goal", node, offset) for node, offset in goals)
    exact = nx.single_source_dijkstra_path_length(graph, "goal")
    for node in range(7):
        expected = exact.get(node, math.inf)
        if expected <= limit:
            assert times[node] == expected
        else:
            assert times[node] == math.inf
        if math.isfinite(times[node]):
            path, goal = weighted.follow(node, times, nodes, offsets)
            ends = [node, *(int(network.head[a]) for a in path)]
            assert [int(network.tail[a]) for a in path] == ends[:-1]
            assert ends[-1] == nodes[goal]
            assert sum(weighted.ms[a] for a in path) + offsets[goal] == times[node]


def test_no_goal_is_reached_from_nowhere() -> None:
    weighted = Network(2, np.array([0]), np.array([1])).weighted(np.array([5.0]))
    assert weighted.times_to([], []).tolist() == [math.inf, math.inf]


@pytest.mark.parametrize("ms", [[-1.0], [math.nan], [1.0, 2.0]])
def test_times_are_checked(ms: list[float]) -> None:
    with pytest.raises(ValueError, match="at least 0 ms"):
        Network(2, np.array([0]), np.array([1])).weighted(np.array(ms))


def test_luxembourgs_reference_queries(shared_data: Path) -> None:
    """The first 1,000, exactly; a search limited to the reference would find anything shorter."""
    folder = shared_data / "luxembourg"

    def read(name: str) -> np.ndarray:
        return np.fromfile(folder / name, dtype="<u4").astype(np.int64)

    first_out = read("first_out")
    tail = np.repeat(np.arange(len(first_out) - 1), np.diff(first_out))
    network = Network(len(first_out) - 1, tail, read("head"))
    weighted = network.weighted(read("travel_time").astype(np.float64))
    unreachable = 2**31 - 1
    queries = (read("source_node"), read("target_node"), read("query_reference_travel_time_length"))
    for source, target, reference in zip(*(q[:1000].tolist() for q in queries), strict=True):
        expected = math.inf if reference == unreachable else float(reference)
        assert weighted.times_to([target], [0.0], expected)[source] == expected
