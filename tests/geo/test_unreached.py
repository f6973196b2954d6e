import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.routing.unreached import Unreached

LIMIT = 1000


def unreached(arcs: list[tuple[int, int, int]], count: int, hub: int | None = None) -> Unreached:
    tail, head, weights = np.array(arcs, dtype=np.uint32).reshape(-1, 3).T.copy()
    return Unreached(count, tail, head, weights, limit=LIMIT, hub=hub)


@given(
    st.integers(1, 8).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.lists(
                st.tuples(
                    st.integers(0, n - 1),
                    st.integers(0, n - 1),
                    st.sampled_from([1, 40, 240, 999, LIMIT]),
                ),
                max_size=20,
            ),
            st.none() | st.integers(0, n - 1),
        )
    ),
    st.sampled_from([0, 249, 250, 999]),
)
def test_only_what_a_search_overlooks(
    graph: tuple[int, list[tuple[int, int, int]], int | None], offset: int
) -> None:
    count, arcs, hub = graph
    plain = nx.MultiDiGraph()
    plain.add_nodes_from(range(count))
    plain.add_weighted_edges_from(arc for arc in arcs if arc[2] < LIMIT)
    known = unreached(arcs, count, hub)
    for source in range(count):
        lengths = nx.single_source_dijkstra_path_length(plain, source)
        for target in range(count):
            length = lengths.get(target)
            if length is not None and length + offset < LIMIT:
                continue  # a search finds it, so nobody asks
            assert known.overlooked([source], [target], offset) == (length is not None)


@pytest.mark.parametrize("hub", [None, 0, 3, 5])
def test_several_ends(hub: int | None) -> None:
    # A ring 0, 1, 2; 3 leads into it, it leads to 4; 5 stands alone. All is too long to be found.
    arcs = [(0, 1, 900), (1, 2, 900), (2, 0, 900), (3, 0, 900), (2, 4, 900)]
    known = unreached(arcs, 6, hub)
    assert known.overlooked([5, 3], [5, 4], 0)
    assert not known.overlooked([4, 5], [0, 3], 0)
    assert not known.overlooked([0, 4, 5], [3], 0)
    assert known.overlooked([5, 0, 3], [4], 0)


def test_halves_that_are_both_long_are_told_apart() -> None:
    halves = unreached([(0, 1, 900), (1, 0, 900), (2, 3, 900), (3, 2, 900)], 4)
    for sources, targets in (([2, 3], [0]), ([2], [0, 1]), ([0], [2, 3]), ([0, 1], [3])):
        assert not halves.overlooked(sources, targets, 0)
    assert halves.overlooked([0, 2], [3], 0)
    assert halves.overlooked([2], [0, 1, 3], 0)


def test_a_hub_that_was_closed_in_is_left() -> None:
    ring = [(i, (i + 1) % 50, 10) for i in range(50)]
    known = unreached([*ring, (50, 0, 300), (0, 50, LIMIT)], 51, hub=50)
    assert not known.overlooked([0], [50], 0)
    assert known.hub != 50
    assert known.overlooked([50], [1], 700)
