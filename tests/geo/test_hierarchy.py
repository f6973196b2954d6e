import gc
import math
import threading
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import HierarchyError, MetricInUse, WeightOverflow
from geo.routing.hierarchy import CLOSED, Hierarchy, Metric, inertial_order
from geo.routing.order_cache import cached_order
from tests.patience import patience

# 0 -> 1 -> 2 -> 3, with a slower parallel arc 0 -> 1, a loop at 2, and 4 cut off
TAIL, HEAD = [0, 0, 1, 2, 2], [1, 1, 2, 3, 2]


def line(weights: list[int] | None = None) -> Metric:
    return Hierarchy(TAIL, HEAD, [0, 1, 2, 3, 4]).weighted(weights or [5, 9, 7, 2, 1])


def test_paths_and_lengths() -> None:
    metric = line()
    found = metric.path({0: 3}, {3: 4})
    assert found is not None
    assert found == (3 + 5 + 7 + 2 + 4, [0, 1, 2, 3], [0, 2, 3])
    assert metric.path({0: 0, 1: 1}, {3: 0}) == (10, [1, 2, 3], [2, 3])
    assert metric.path({2: 6}, {2: 5}) == (11, [2], [])
    assert metric.path({3: 0}, {0: 0}) is None
    assert metric.path({}, {0: 0}) is None
    assert metric.lengths_to([0, 4, 2, 0], {3: 1, 2: 0}).tolist() == [12, math.inf, 0, 12]
    assert metric.lengths_from({0: 0, 1: 1}, [3, 0, 4]).tolist() == [10, 0, math.inf]
    assert metric.lengths_to([], {3: 0}).tolist() == []
    assert metric.lengths_to([0], {}).tolist() == [math.inf]


def test_answers_are_copies_and_never_block_the_next_question() -> None:
    metric = line()
    kept = [metric.path({0: 0}, {3: 0}) for _ in range(3)]
    lengths = metric.lengths_to([0], {3: 0})
    metric.reweigh([2], [70])
    assert kept == [(14, [0, 1, 2, 3], [0, 2, 3])] * 3
    assert lengths.tolist() == [14]
    assert metric.lengths_to([0], {3: 0}).tolist() == [77]
    assert metric.path({0: 0}, {3: 0}) == (77, [0, 1, 2, 3], [0, 2, 3])


def test_ids_out_of_range_are_errors() -> None:
    metric = line()
    for ask in (
        lambda: metric.path({5: 0}, {0: 0}),
        lambda: metric.path({0: 0}, {-1: 0}),
        lambda: metric.path({0: -1}, {1: 0}),
        lambda: metric.path({0: CLOSED}, {1: 0}),
        lambda: metric.lengths_to([0, 5], {0: 0}),
        lambda: metric.lengths_to([0], {2**32: 0}),
        lambda: metric.lengths_from({0: 0}, [-1]),
        lambda: metric.lengths_from({0: 0}, [0.5]),
        lambda: metric.reweigh([5], [1]),
        lambda: metric.reweigh([-1], [1]),
        lambda: metric.reweigh([0, 1], [1]),
        lambda: Hierarchy([0], [2], [0, 1]),
        lambda: Hierarchy([0, 1], [1], [0, 1]),
        lambda: Hierarchy([0], [1], [0, 0]),
        lambda: Hierarchy([0], [1], [0, 2]),
        lambda: line([1, 2]),
        lambda: line([1.0, 2.0, 3.0, 4.0, 5.0]),
        lambda: inertial_order(2, [0], [2], [0, 0], [0, 0]),
        lambda: inertial_order(2, [0], [1], [0, math.nan], [0, 0]),
        lambda: inertial_order(2, [0], [1, 0], [0, 0], [0, 0]),
    ):
        with pytest.raises(HierarchyError):
            ask()
    assert metric.path({0: 0}, {3: 0}) == (14, [0, 1, 2, 3], [0, 2, 3])


def test_closed_arcs_are_never_summed() -> None:
    metric = line([CLOSED, CLOSED, 7, CLOSED, 1])
    assert metric.path({0: 0}, {1: 0}) is None
    assert metric.path({1: CLOSED - 8}, {2: 0}) == (CLOSED - 1, [1, 2], [2])
    assert metric.lengths_to([0, 1, 2], {3: CLOSED - 1}).tolist() == [math.inf] * 3


def test_what_does_not_fit_is_an_error_and_never_a_wrong_number() -> None:
    for weight in (-1, CLOSED + 1, 2**32, 2**32 + 5):
        with pytest.raises(WeightOverflow, match="24 days"):
            line([weight, 1, 1, 1, 1])
    metric = line([2**30, 2**30 + 1, 2**30, 2**30, 1])
    assert metric.lengths_to([0, 4], {1: 0}).tolist() == [2**30, math.inf]
    with pytest.raises(WeightOverflow):
        metric.lengths_to([0, 1], {3: 0})
    with pytest.raises(WeightOverflow):
        metric.lengths_from({0: 0}, [3])
    with pytest.raises(WeightOverflow):
        metric.path({0: 0}, {3: 0})
    with pytest.raises(WeightOverflow):
        metric.length(0, 3)
    assert metric.path({4: 0}, {3: 0}) is None
    before = metric.weights.copy()
    with pytest.raises(WeightOverflow):
        metric.reweigh([0, 1], [5, CLOSED + 1])
    assert (metric.weights == before).all()
    metric.reweigh([0, 0], [7, 5])
    assert metric.lengths_to([0], {1: 0}).tolist() == [5]


def test_a_panic_of_the_library_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = line()
    monkeypatch.setattr(metric, "_ends", lambda offsets: [(99, 0)] if 99 in offsets else [])
    monkeypatch.setattr(
        "geo.routing.hierarchy._weights", lambda values, _: np.asarray(values, np.uint32)
    )
    with pytest.raises(HierarchyError, match="failed while customizing"):
        Metric(metric.hierarchy, [1])


def test_nothing_at_all() -> None:
    assert inertial_order(0, [], [], [], []).tolist() == []
    empty = Hierarchy([], [], [0, 1]).weighted([])
    assert empty.path({0: 0}, {1: 0}) is None
    assert empty.lengths_to([0, 1], {1: 3}).tolist() == [math.inf, 3]


def test_reweighing_in_place_waits_for_no_one_but_refuses_when_others_ask() -> None:
    metric = line()
    asked, done = threading.Event(), threading.Event()

    def other() -> None:
        assert metric.path({0: 0}, {3: 0}) is not None
        asked.set()
        assert done.wait(patience(60))

    thread = threading.Thread(target=other)
    thread.start()
    assert asked.wait(patience(60))
    with pytest.raises(MetricInUse):
        metric.reweigh([0], [1])
    assert metric.lengths_to([0], {3: 0}).tolist() == [14]
    done.set()
    thread.join()
    metric.reweigh([0], [1])  # the thread has ended, and its searches with it
    assert metric.lengths_to([0], {3: 0}).tolist() == [10]


def test_searches_die_in_their_own_thread(capfd: pytest.CaptureFixture[str]) -> None:
    metrics = [line() for _ in range(4)]
    for metric in metrics:
        metric.claim()
        assert metric.path({0: 0}, {3: 0}) is not None

    def elsewhere() -> None:
        metrics.clear()  # the last reference dies here, with searches of the main thread alive
        gc.collect()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    line().claim()
    gc.collect()
    assert "unsendable" not in capfd.readouterr().err


graphs = st.integers(1, 9).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(0, 50)),
            max_size=25,
        ),
        st.permutations(range(n)),
    )
)


@settings(max_examples=200)
@given(graphs, st.data())
def test_equal_to_networkx(
    graph: tuple[int, list[tuple[int, int, int]], list[int]], data: st.DataObject
) -> None:
    count, arcs, order = graph
    tail, head, weights = ([arc[i] for arc in arcs] for i in range(3))
    metric = Hierarchy(tail, head, order).weighted(np.array(weights, dtype=np.int64))
    for _ in range(3):
        plain = nx.MultiDiGraph()
        plain.add_nodes_from(range(count))
        for u, v, weight in zip(tail, head, metric.weights.tolist(), strict=True):
            if weight != CLOSED:
                plain.add_edge(u, v, weight=weight)
        ends = st.dictionaries(st.integers(0, count - 1), st.integers(0, 20), max_size=3)
        sources, targets = data.draw(ends), data.draw(ends)
        plain.add_nodes_from(["from", "to"])
        plain.add_weighted_edges_from(("from", node, w) for node, w in sources.items())
        plain.add_weighted_edges_from((node, "to", w) for node, w in targets.items())
        some = data.draw(st.integers(0, count - 1))
        near = nx.single_source_dijkstra_path_length(plain, some)
        assert [metric.length(some, node) for node in range(count)] == [
            near.get(node, math.inf) for node in range(count)
        ]
        back = nx.single_source_dijkstra_path_length(plain.reverse(), "to")
        expected = [back.get(node, math.inf) for node in range(count)]
        assert metric.lengths_to(range(count), targets).tolist() == expected
        there = nx.single_source_dijkstra_path_length(plain, "from")
        expected = [there.get(node, math.inf) for node in range(count)]
        assert metric.lengths_from(sources, range(count)).tolist() == expected
        found = metric.path(sources, targets)
        if "from" not in back:
            assert found is None
        else:
            assert found is not None
            assert found.length == back["from"]
            driven = sum(int(metric.weights[arc]) for arc in found.arcs)
            assert sources[found.nodes[0]] + driven + targets[found.nodes[-1]] == found.length
            assert [tail[arc] for arc in found.arcs] == found.nodes[:-1]
            assert [head[arc] for arc in found.arcs] == found.nodes[1:]
        if arcs:
            changes = data.draw(
                st.dictionaries(st.integers(0, len(arcs) - 1), st.integers(0, 60) | st.just(CLOSED))
            )
            metric.reweigh(list(changes), np.array(list(changes.values()), dtype=np.int64))


def grid(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x, y = (a.ravel() for a in np.meshgrid(np.arange(side), np.arange(side)))
    right, up = np.flatnonzero(x < side - 1), np.flatnonzero(y < side - 1)
    tail = np.concatenate([right, right + 1, up, up + side])
    head = np.concatenate([right + 1, right, up + side, up])
    return tail, head, x * 1e-3, y * 1e-3


def test_queries_go_on_while_another_thread_weighs() -> None:
    tail, head, lon, lat = grid(40)
    graph = Hierarchy(tail, head, inertial_order(1600, tail, head, lon, lat))
    usual, slow = np.full(len(tail), 10), np.full(len(tail), 30)
    metric = graph.weighted(usual)
    wrong: list[float] = []
    asked = 0
    stop = threading.Event()

    def ask() -> None:
        nonlocal asked
        while not stop.is_set():
            wrong.extend(x for x in metric.lengths_to([0], {1599: 0}).tolist() if x != 780)
            asked += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        other = graph.weighted(usual)
        for turn in range(20):
            other.reweigh(np.arange(len(tail)), slow if turn % 2 == 0 else usual)
            expected = 2340 if turn % 2 == 0 else 780
            assert other.lengths_to([0], {1599: 0}).tolist() == [expected]
            other.reweigh(range(5), [11] * 5)
    finally:
        stop.set()
        thread.join()
    assert not wrong
    assert asked > 0


def test_many_changes_side_by_side_and_all_over_give_what_weighing_anew_does() -> None:
    tail, head, lon, lat = grid(60)
    graph = Hierarchy(tail, head, inertial_order(3600, tail, head, lon, lat))
    rng = np.random.default_rng(4)
    usual = rng.integers(1, 1000, len(tail))
    metric = graph.weighted(usual)
    beside = np.flatnonzero((lon[tail] < 0.012) & (lat[tail] < 0.03))
    spread = rng.choice(len(tail), len(beside), replace=False)
    assert graph.few(beside.astype(np.uint32))
    assert not graph.few(spread.astype(np.uint32))
    for arcs in (beside, spread):
        changed = rng.integers(1, 1000, len(arcs))
        changed[::5] = CLOSED
        metric.reweigh(arcs, changed)
        usual[arcs] = changed
        fresh = graph.weighted(usual)
        for source, target in rng.integers(0, 3600, (200, 2)).tolist():
            assert metric.path({source: 0}, {target: 0}) == fresh.path({source: 0}, {target: 0})


def test_an_order_is_kept_on_disk_and_a_damaged_one_made_anew(tmp_path: Path) -> None:
    tail, head, lon, lat = grid(12)
    ends = tail.astype(np.uint32), head.astype(np.uint32)
    folder = tmp_path / "cache"
    order = cached_order(folder, *ends, lon, lat)
    (file,) = folder.iterdir()
    good = file.read_bytes()
    swapped = order.copy()
    swapped[:2] = swapped[1::-1]
    np.save(file, swapped)  # another permutation: proof that the file is read
    assert (cached_order(folder, *ends, lon, lat) == swapped).all()
    for bad in (b"", b"nonsense", good[:-4], good[:-4] + b"\xff\xff\xff\xff"):
        file.write_bytes(bad)
        assert (cached_order(folder, *ends, lon, lat) == order).all()
        assert file.read_bytes() == good
    assert (cached_order(None, *ends, lon, lat) == order).all()
    cached_order(folder, *ends, lon + 1.0, lat)
    assert len(list(folder.iterdir())) == 2
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert (cached_order(blocked / "cache", *ends, lon, lat) == order).all()


def test_luxembourg_reference_queries(shared_data: Path) -> None:
    folder = shared_data / "luxembourg"

    def column(name: str, kind: str = "<u4") -> np.ndarray:
        return np.fromfile(folder / name, kind)

    first_out, head = column("first_out"), column("head")
    count = len(first_out) - 1
    tail = np.repeat(np.arange(count), np.diff(first_out))
    lon, lat = column("longitude", "<f4"), column("latitude", "<f4")
    graph = Hierarchy(tail, head, inertial_order(count, tail, head, lon, lat))
    metric = graph.weighted(column("travel_time"))
    sources, targets = column("source_node").tolist(), column("target_node").tolist()
    expected = column("query_reference_travel_time_length").tolist()
    assert len(expected) == 100_000
    for source, target, length in zip(sources, targets, expected, strict=True):
        assert min(metric.length(source, target), CLOSED) == length
    for source, target in zip(sources[:1000], targets[:1000], strict=True):
        found = metric.path({source: 0}, {target: 0})
        driven = CLOSED if found is None else sum(metric.weights[found.arcs].tolist())
        assert driven == min(metric.length(source, target), CLOSED)
