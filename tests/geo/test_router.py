import contextlib
import dataclasses
import itertools
import math
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from geo.errors import BadCoordinates, BadMap, NoStreetNear, UnknownArc, Unreachable, WeightOverflow
from geo.routing.compiled import CompiledRouter
from geo.routing.profiles import PROFILES
from geo.routing.reference import OPEN, Conditions, NetworkxRouter, Route, Router, walk_ms
from geo.routing.street_index import StreetIndex
from geo.streets.graph import StreetGraph
from geo.streets.snap import Place, Snapped
from geo.streets.turns import OSRM_CAR, TurnCosts
from tests.geo.maps import conditions_on, graphs, profiles
from tests.geo.rules import rules_of
from tests.geo.test_routing import at, check, place_on
from tests.geo.turn_oracle import TurnOracle

places = st.tuples(st.integers(0, 10**6), st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0]))
few_ms = st.integers(0, 60_000)
turn_costs = st.builds(
    TurnCosts,
    st.just("drawn"),
    st.just("2026-01-01"),
    straight_ms=few_ms,
    near_ms=few_ms,
    far_ms=few_ms,
    u_turn_ms=few_ms,
    dead_end_ms=few_ms,
    signal_ms=few_ms,
    left_hand=st.booleans(),
)


def walks(streets: StreetGraph, rng: np.random.Generator, count: int, longest: int) -> list:
    """Random sequences of arcs that follow one another, to be banned."""
    arcs = streets.arcs
    leaving = [np.flatnonzero(arcs.tail == node) for node in range(len(streets.nodes.id))]
    found = set()
    for _ in range(count):
        way = [int(rng.integers(len(arcs)))]
        for _ in range(int(rng.integers(1, longest))):
            ahead = leaving[arcs.head[way[-1]]]
            if len(ahead):
                way.append(int(rng.choice(ahead)))
        if len(way) > 1:
            found.add(tuple(way))
    return sorted(found)


def breaks(route: Route, streets: StreetGraph, ban: Sequence[int]) -> bool:
    """Whether a route drives a banned sequence."""
    lanes = list(zip(map(streets.arc_index, route.arcs), route.against, strict=True))
    wanted = [(arc, False) for arc in ban]
    return any(lanes[i : i + len(ban)] == wanted for i in range(len(lanes)))


def conditions_of(streets: StreetGraph, rng: np.random.Generator, count: int) -> Conditions:
    ids = streets.arcs.id
    shut = rng.choice(len(ids), min(2 * count, len(ids)), replace=False)
    narrow, wet = rng.integers(0, len(ids), (2, 2 * count))
    return Conditions.of(
        closed=[ids[i] for i in shut[:count]],
        speed_factors={ids[i]: float(rng.uniform(0.1, 3.0)) for i in shut[count:]},
        lanes_closed={ids[i]: 1 + n % 2 for n, i in enumerate([*narrow, *shut[count:][:2]])},
        flood_depths={ids[i]: float(rng.uniform(0.0, 0.6)) for i in [*wet, *narrow[:2]]},
    )


def is_router(router: Router) -> Router:
    return router


@settings(max_examples=150)
@given(graphs(vehicles=True), st.lists(places, min_size=2, max_size=6), st.data())
def test_without_turn_rules_equal_to_the_networkx_router(
    streets: StreetGraph,
    where: list[tuple[int, float]],
    data: st.DataObject,
) -> None:
    profile = data.draw(profiles())
    ids = streets.arcs.id
    drawn = data.draw(conditions_on(streets))
    ends = [place_on(streets, arc % len(ids), fraction) for arc, fraction in where]
    *sources, target = ends
    plain = NetworkxRouter(streets, profile)
    index = StreetIndex.of(streets, rules_of(streets))
    router = is_router(CompiledRouter(streets, profile, plain.snapper, index=index))
    for conditions in (
        OPEN,
        drawn,
        data.draw(conditions_on(streets)),
        dataclasses.replace(drawn, flood_depths=()),
        OPEN,
    ):
        assert router.etas(sources, target, conditions) == plain.etas(sources, target, conditions)
        for source in sources:
            try:
                expected = plain.route(source, target, conditions)
            except (Unreachable, NoStreetNear) as error:
                with pytest.raises(type(error)) as raised:
                    router.route(source, target, conditions)
                assert str(raised.value) == str(error)  # noqa: PT017 - it is what to expect
                continue
            route = router.route(source, target, conditions)
            check(route, streets, conditions.closed)
            assert route.milliseconds == expected.milliseconds
            if route.arcs == expected.arcs and route.against == expected.against:
                # At a crossing one begins on either street, a last bit of a fraction apart.
                assert route.metres == pytest.approx(expected.metres, rel=1e-12, abs=1e-9)
                xy = np.array(expected.coordinates)
                np.testing.assert_allclose(route.coordinates, xy, rtol=0.0, atol=1e-12)
                same = dataclasses.replace(
                    route, metres=expected.metres, coordinates=expected.coordinates
                )
                assert same == expected


@settings(max_examples=200)
@given(graphs(vehicles=True), turn_costs, st.data())
def test_equal_to_the_oracle_on_small_maps(
    streets: StreetGraph, costs: TurnCosts, data: st.DataObject
) -> None:
    """From each arc, heading one way only, so that turning round and bans matter."""
    profile = data.draw(profiles().filter(lambda profile: not profile.on_foot))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    longest = 4 if len(streets.arcs) <= 8 else 3  # the oracle grows with this power of the arcs
    banned = walks(streets, rng, data.draw(st.integers(0, 30)), data.draw(st.integers(2, longest)))
    exempt = [ban for ban in banned if rng.random() < 0.3]
    rules = rules_of(streets, banned, exempt, costs)
    conditions = conditions_of(streets, rng, data.draw(st.integers(0, len(streets.arcs) // 4)))
    oracle = TurnOracle(streets, rules, profile, conditions)
    fractions = data.draw(st.lists(places, min_size=1, max_size=4))
    ends = [
        dataclasses.replace(place_on(streets, arc, fraction), places=(Place(arc, fraction),))
        for arc in range(len(streets.arcs))
        for fraction in [fractions[arc % len(fractions)][1]]
    ]
    ends += [place_on(streets, arc % len(streets.arcs), fraction) for arc, fraction in fractions]
    ends = [end for end in ends if oracle._spots(end)]
    assume(len(ends) >= 2)
    router = CompiledRouter(streets, profile, index=StreetIndex.of(streets, rules))
    router.etas(ends, ends[0])  # so that conditions re-weigh
    for target in ends[-1], ends[0]:
        expected = oracle.times(ends, target)
        assert router.etas(ends, target, conditions) == [ms / 1000 for ms in expected]
        for source, ms in list(zip(ends, expected, strict=True))[:8]:
            if math.isinf(ms):
                with pytest.raises(Unreachable):
                    router.route(source, target, conditions)
                continue
            route = router.route(source, target, conditions)
            check(route, streets, conditions.closed)
            assert route.milliseconds == ms
            if profile.ban_penalty_ms is None:
                assert not any(breaks(route, streets, ban) for ban in banned)
                assert not any(route.against)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "longest", "profile"),
    [
        ("shanghai", 3, "civilian"),
        ("shanghai", 3, "emergency"),
        ("shanghai", 3, "foot"),
        ("monaco", 3, "civilian"),
        ("monaco", 2, "emergency"),
        ("baltimore", 2, "civilian"),
        ("baltimore", 2, "emergency"),
    ],
)
def test_equal_to_the_oracle_on_real_maps(
    name: str, longest: int, profile: str, request: pytest.FixtureRequest
) -> None:
    """10,080 queries: 7 cases, 2 conditions, 6 targets, 120 sources."""
    streets: StreetGraph = request.getfixturevalue(name)
    rng = np.random.default_rng(len(name) * 7 + len(profile))
    more = walks(streets, rng, 60, longest)
    banned = {*streets.turns.banned, *more}
    rules = rules_of(streets, banned, more[::3], OSRM_CAR)
    router = CompiledRouter(streets, profile, index=StreetIndex.of(streets, rules))
    for conditions in (conditions_of(streets, rng, 15), conditions_of(streets, rng, 15)):
        oracle = TurnOracle(streets, rules, PROFILES[profile], conditions)
        node = rng.integers(0, len(streets.nodes.id), 400)
        spread = rng.normal(0, 3e-4, (2, 400))
        found = router.snapper.snap_many(
            streets.nodes.lon[node] + spread[0], streets.nodes.lat[node] + spread[1]
        )
        usable = [s for s in found if s is not None and oracle._spots(s)][:126]
        assert len(usable) == 126
        sources, targets = usable[:120], usable[120:]
        matrix = router.matrix(sources, targets, conditions)
        for column, target in enumerate(targets):
            driven = oracle.times(sources, target)
            walked = [walk_ms(s) + walk_ms(target) for s in sources]
            expected = [(ms + w) / 1000 for ms, w in zip(driven, walked, strict=True)]
            assert matrix[:, column].tolist() == expected
            for source, seconds in zip(sources[:3], expected, strict=False):
                if math.isfinite(seconds):
                    route = router.route(source, target, conditions)
                    check(route, streets, conditions.closed)
                    assert route.seconds == seconds
                    if profile == "civilian":
                        assert not any(breaks(route, streets, ban) for ban in banned)


def test_monacos_restrictions_hold_for_civilians_and_open_for_sirens(monaco: StreetGraph) -> None:
    index = StreetIndex.of(monaco)
    civilian = CompiledRouter(monaco, "civilian", index=index)
    emergency = CompiledRouter(monaco, "emergency", civilian.snapper, index=index)
    assert len(monaco.turns.restrictions) > 20
    taken = 0
    for restriction in monaco.turns.restrictions:
        for ban in restriction.bans:
            only = [
                dataclasses.replace(place_on(monaco, arc, fraction), places=(Place(arc, fraction),))
                for arc, fraction in ((ban[0], 0.9), (ban[-1], 0.1))
            ]
            if not monaco.arcs.emergency_only[[ban[0], ban[-1]]].any():
                with contextlib.suppress(Unreachable):
                    assert not breaks(civilian.route(*only), monaco, ban)
            route = emergency.route(*only)
            taken += breaks(route, monaco, ban)
    assert taken > 10


def test_a_ban_over_a_way_binds_only_who_came_that_way(small: StreetGraph) -> None:
    #   3 <-- 4
    #   |     |
    #   1 --- 2 --- 5       banned: 1-2, 2-4, 4-3
    ban = tuple(map(small.arc_index, ("1-2-0", "2-4-0", "4-3-0")))
    router = CompiledRouter(small, "civilian", index=StreetIndex.of(small, rules_of(small, [ban])))
    assert router.route(at(1.5, 0), at(0.5, 1)).arcs == ("5-2-0", "2-4-0", "4-3-0")
    assert router.route(at(1, 0.5), at(0.5, 1)).arcs == ("2-4-0", "4-3-0")
    # From the west it is quicker to turn round at 4 than to go by 5.
    assert router.route(at(0.5, 0), at(0.5, 1)).arcs in (
        ("1-2-0", "2-5-0", "5-2-0", "2-4-0", "4-3-0"),
        ("1-2-0", "2-4-0", "4-2-0", "2-4-0", "4-3-0"),
    )
    emergency = CompiledRouter(small, index=StreetIndex.of(small, rules_of(small, [ban])))
    free = CompiledRouter(small, index=StreetIndex.of(small, rules_of(small, exempt=[ban])))
    usual = free.route(at(0.9, 0), at(0.9, 1))
    assert breaks(usual, small, ban)
    extra = emergency.route(at(0.9, 0), at(0.9, 1)).milliseconds - usual.milliseconds
    assert 0 < extra <= 10_000


def test_turns_and_signals_cost_time(small: StreetGraph) -> None:
    costs = TurnCosts("test", "2026-01-01", near_ms=1000, far_ms=3000, signal_ms=500)
    router = CompiledRouter(
        small, "civilian", index=StreetIndex.of(small, rules_of(small, costs=costs))
    )
    plain = NetworkxRouter(small, "civilian")
    for source, target, extra in (
        (at(0.5, 0), at(1.5, 0), 500),  # straight on at the signal of 2
        (at(0.5, 0), at(1, 0.5), 3500),  # left there
        (at(1.5, 0), at(1, 0.5), 1500),  # right there
        (at(0.2, 0), at(0.7, 0), 0),
    ):
        route = router.route(source, target)
        check(route, small)
        assert route.milliseconds - plain.route(source, target).milliseconds == extra
        assert router.etas([source], target) == [route.seconds]
    sirens = CompiledRouter(small, index=StreetIndex.of(small, rules_of(small, costs=costs)))
    slower = sirens.route(at(0.5, 0), at(1, 0.5)).milliseconds
    assert slower - NetworkxRouter(small).route(at(0.5, 0), at(1, 0.5)).milliseconds == 2450


def test_rules_that_do_not_fit_the_map_are_refused(small: StreetGraph) -> None:
    for ban in ((0,), (0, 99), (-1, 0), tuple(map(small.arc_index, ("1-2-0", "1-3-0")))):
        with pytest.raises(BadMap, match="banned turn"):
            StreetIndex.of(small, rules_of(small, [ban]))


def test_matrix_nearest_and_cutoff(small: StreetGraph) -> None:
    router = CompiledRouter(small)
    sources = [at(x / 4, 0) for x in range(9)]
    targets = [at(0, 1), at(0, -5), at(1, 0.5), small_snapped(small)]
    matrix = router.matrix(sources, targets)
    assert matrix.shape == (9, 4)
    for column, target in enumerate(targets):
        assert router.etas(sources, target) == matrix[:, column].tolist()
    assert np.isinf(matrix[:, 1]).all()
    assert router.matrix([], targets).shape == (0, 4)
    assert router.matrix(sources, []).shape == (9, 0)
    every = matrix[:, 0].tolist()
    ranked = sorted(range(9), key=lambda i: (every[i], i))
    assert router.nearest(at(0, 1), sources, 3) == [(i, every[i]) for i in ranked[:3]]
    assert len(router.nearest(at(0, 1), [*sources, at(0, -5)], 99)) == 9
    assert router.nearest(at(0, -5), sources, 3) == []
    assert router.nearest(at(0, 1), sources, 0) == []
    for cutoff in (0.0, every[3], 20.0, 1000.0):
        assert router.etas(sources, at(0, 1), cutoff_s=cutoff) == [
            eta if eta <= cutoff else math.inf for eta in every
        ]


@settings(max_examples=50)
@given(
    graphs(vehicles=True), st.lists(places, min_size=3, max_size=12), st.integers(1, 3), st.data()
)
def test_a_wide_matrix_is_that_of_its_columns(
    streets: StreetGraph,
    where: list[tuple[int, float]],
    rows: int,
    data: st.DataObject,
) -> None:
    """Whether the sweep is over sources or over targets makes no difference."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    profile = data.draw(st.sampled_from(sorted(PROFILES)))
    rules = rules_of(streets, walks(streets, rng, 6, 3), (), data.draw(turn_costs))
    router = CompiledRouter(streets, profile, index=StreetIndex.of(streets, rules))
    conditions = conditions_of(streets, rng, data.draw(st.integers(0, len(streets.arcs) // 4)))
    ends = [place_on(streets, arc % len(streets.arcs), fraction) for arc, fraction in where]
    sources, targets = [*ends[:rows], at(0, -5)], [*ends[rows:], at(0, -5)] * 9
    wide = router.matrix(sources, targets, conditions)
    for column, target in enumerate(targets):
        assert wide[:, column].tolist() == router.etas(sources, target, conditions)


def small_snapped(streets: StreetGraph) -> Snapped:
    return place_on(streets, streets.arc_index("2-5-0"), 0.25)


def test_bad_questions(small: StreetGraph) -> None:
    router = CompiledRouter(small)
    with pytest.raises(BadCoordinates):
        router.etas([(math.nan, 31.0)], at(0, 0))
    for conditions in (
        Conditions.of(closed=["9-9-9"]),
        Conditions.of(speed_factors={"9-9-9": 1.0}),
    ):
        with pytest.raises(UnknownArc, match="9-9-9"):
            router.etas([at(0, 0)], at(1, 0), conditions)
    foreign = dataclasses.replace(small_snapped(small), places=(Place(99, 0.5),))
    with pytest.raises(UnknownArc, match="snap the point again"):
        router.etas([foreign], at(1, 0))
    before = router.etas([at(0, 0)], at(2, 0))
    slow = dataclasses.replace(
        small.arcs, ms=np.where(small.arcs.ms > 0, 80_000_000, small.arcs.ms)
    )
    crawling = StreetGraph(small.nodes, slow, small.report, small.attributes, small._make_graph)
    with pytest.raises(WeightOverflow, match="24 days"):
        CompiledRouter(crawling).etas(
            [at(0, 0)], at(2, 0), Conditions.of(speed_factors={"1-2-0": 0.01})
        )
    assert router.etas([at(0, 0)], at(2, 0)) == before


def test_a_position_remembered_follows_the_closures(small: StreetGraph) -> None:
    plain = NetworkxRouter(small)
    router = CompiledRouter(small, index=StreetIndex.of(small, rules_of(small)))
    sources = [at(0.3, 0), at(1.0, 0.2), at(0.5, 1)]
    ids = small.arcs.id
    for shut in itertools.chain(
        itertools.combinations(ids, 2), [()], itertools.combinations(ids, 1)
    ):
        conditions = Conditions.of(closed=shut)
        assert router.etas(sources, at(0, 0.5), conditions) == plain.etas(
            sources, at(0, 0.5), conditions
        )


def test_threads_ask_under_different_conditions(shanghai: StreetGraph) -> None:
    index = StreetIndex.of(shanghai)
    router = CompiledRouter(shanghai, index=index)
    ids = shanghai.arcs.id
    node = np.random.default_rng(2).integers(0, len(shanghai.nodes.id), 21)
    *sources, target = zip(
        shanghai.nodes.lon[node].tolist(), shanghai.nodes.lat[node].tolist(), strict=True
    )
    weathers = [OPEN, *(Conditions.of(closed=ids[i : i + 30]) for i in range(0, 150, 30))]
    expected = [
        CompiledRouter(shanghai, index=index).etas(sources, target, weather) for weather in weathers
    ]
    wrong: list[int] = []

    def ask(first: int) -> None:
        for turn in range(60):
            i = (first * 2 + turn // (first + 1)) % len(weathers)
            if router.etas(sources, target, weathers[i]) != expected[i]:
                wrong.append(i)

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_compiled_from_the_cache(shanghai: StreetGraph, tmp_path: Path) -> None:
    first = CompiledRouter(shanghai, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    again = CompiledRouter(shanghai, cache=tmp_path)
    lonlat = list(zip(shanghai.nodes.lon.tolist(), shanghai.nodes.lat.tolist(), strict=True))
    for source, target in ((3, 80), (50, 7), (200, 120)):
        try:
            route = first.route(lonlat[source], lonlat[target])
        except Unreachable:
            continue
        assert again.route(lonlat[source], lonlat[target]) == route


def test_overlapping_bans_are_told_apart(small: StreetGraph) -> None:
    # After 1-2, 2-5, 5-2 both of the long bans are under way.
    bans = [
        tuple(map(small.arc_index, names.split()))
        for names in ("1-2-0 2-4-0", "1-2-0 2-5-0 5-2-0 2-4-0", "2-5-0 5-2-0 2-1-0")
    ]
    rules = rules_of(small, bans)
    index = StreetIndex.of(small, rules)
    for profile in PROFILES.values():
        router = CompiledRouter(small, profile, index=index)
        oracle = TurnOracle(small, rules, profile, OPEN)
        ends = [
            dataclasses.replace(place_on(small, arc, 0.4), places=(Place(arc, 0.4),))
            for arc in range(len(small.arcs))
        ]
        for target in ends:
            assert router.etas(ends, target) == [ms / 1000 for ms in oracle.times(ends, target)]
