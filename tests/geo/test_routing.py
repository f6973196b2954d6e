import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import affinity

from geo.crs import haversine_m
from geo.errors import BadConditions, BadCoordinates, NoStreetNear, UnknownArc, Unreachable
from geo.routing.reference import OPEN, PROFILES, Conditions, NetworkxRouter, Route, walk_ms
from geo.streets.graph import StreetGraph
from geo.streets.snap import Place, Snapped, Snapper
from tests.geo.maps import LAT, LON, STEP, arc_ms, conditions_on, graphs, oracle_ms, profiles


def at(x: float, y: float) -> tuple[float, float]:
    return LON + x * STEP, LAT + y * STEP


def place_on(streets: StreetGraph, arc: int, fraction: float) -> Snapped:
    """A place on an arc and on the opposite one, as the snapper would give it."""
    narrow = math.cos(math.radians(LAT))  # fractions are of metres, not of degrees
    line = affinity.scale(streets.arc_line(arc), narrow, 1.0, origin=(0, 0))
    spot = affinity.scale(
        line.interpolate(fraction, normalized=True), 1 / narrow, 1.0, origin=(0, 0)
    )
    places = [Place(arc, fraction)]
    if streets.arcs.twin[arc] >= 0:
        places.append(Place(int(streets.arcs.twin[arc]), 1.0 - fraction))
    return Snapped(spot.x, spot.y, spot.x, spot.y, 0.0, tuple(sorted(places)))


def check(route: Route, streets: StreetGraph, closed: frozenset[str] = frozenset()) -> None:
    """What is true of every route."""
    assert route.milliseconds == sum(route.arc_ms) + route.walk_ms
    assert route.seconds == route.milliseconds / 1000
    assert not set(route.arcs) & closed
    assert len(route.arcs) == len(route.against) == len(route.arc_ms)
    assert len(route.coordinates) == len(route.times_ms) >= 2
    assert route.times_ms[0] == 0
    assert route.times_ms[-1] == sum(route.arc_ms)
    assert list(route.times_ms) == sorted(route.times_ms)
    xy = np.array(route.coordinates)
    drawn = float(haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1]).sum())
    assert route.metres == pytest.approx(drawn, rel=1e-6, abs=1e-3)
    ends = []
    for arc_id, against in zip(route.arcs, route.against, strict=True):
        i = streets.arc_index(arc_id)
        pair = (int(streets.arcs.tail[i]), int(streets.arcs.head[i]))
        ends.append(pair[::-1] if against else pair)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(ends))


def test_along_one_street(small: StreetGraph) -> None:
    router = NetworkxRouter(small, "civilian")
    route = router.route(at(0.25, 0), at(1.5, 0))
    check(route, small)
    assert route.arcs == ("1-2-0", "2-5-0")
    assert route.streets == ("南京西路",)
    assert route.metres == pytest.approx(1.25 * 190.1, abs=1)
    assert route.seconds == pytest.approx(route.metres / 10, abs=0.02)
    assert route.coordinates[0] == pytest.approx(at(0.25, 0), abs=1e-7)
    assert route.coordinates[-1] == pytest.approx(at(1.5, 0), abs=1e-7)


def test_on_the_same_arc_forwards_and_backwards(small: StreetGraph) -> None:
    router = NetworkxRouter(small, "civilian")
    forwards = router.route(at(0.2, 0), at(0.7, 0))
    backwards = router.route(at(0.7, 0), at(0.2, 0))
    assert (forwards.arcs, backwards.arcs) == (("1-2-0",), ("2-1-0",))
    assert forwards.seconds == pytest.approx(9.5, abs=0.1)
    assert backwards.milliseconds == pytest.approx(forwards.milliseconds, abs=1)


def test_backwards_on_a_one_way_street_a_civilian_goes_round(small: StreetGraph) -> None:
    west, east = at(0.4, 1), at(0.6, 1)
    civilian = NetworkxRouter(small, "civilian")
    assert civilian.route(east, west).arcs == ("4-3-0",)
    round_trip = civilian.route(west, east)
    check(round_trip, small)
    assert round_trip.arcs == ("4-3-0", "3-1-0", "1-2-0", "2-4-0", "4-3-0")
    emergency = NetworkxRouter(small, "emergency").route(west, east)
    check(emergency, small)
    assert (emergency.arcs, emergency.against) == (("4-3-0",), (True,))
    # 38 m at 10 m/s, times 0.7 with siren, times 3 against the traffic
    assert emergency.seconds == pytest.approx(3.8 * 0.7 * 3, abs=0.02)


def test_the_same_place_takes_no_time(small: StreetGraph) -> None:
    for profile in PROFILES:
        router = NetworkxRouter(small, profile)
        for place in (at(0, 0), at(0.3, 0), at(0.5, 1)):
            assert router.etas([place], place) == [0.0]
            route = router.route(place, place)
            check(route, small)
            assert route.metres == route.milliseconds == 0


def test_off_the_street_is_walked(small: StreetGraph) -> None:
    router = NetworkxRouter(small, "civilian")
    lon, lat = at(0.5, 0)
    away = (lon, lat - 0.0009)  # 100 m south: 72 s at 5 km/h
    route = router.route((lon, lat), away)
    assert route.walk_ms / 1000 == pytest.approx(72, abs=1)
    assert router.etas([(lon, lat), away], away) == [
        route.seconds,
        pytest.approx(2 * route.seconds, abs=0.01),
    ]


def test_nowhere_and_unreachable_are_never_a_number(small: StreetGraph) -> None:
    router = NetworkxRouter(small)
    far = at(0, -5)
    assert router.etas([far, at(0, 0)], at(1, 0))[0] == math.inf
    assert router.etas([at(0, 0)], far) == [math.inf]
    with pytest.raises(NoStreetNear, match="the target"):
        router.route(at(0, 0), far)
    with pytest.raises(NoStreetNear, match="the source"):
        router.route(far, at(0, 0))
    ring = Conditions.of(closed=["1-2-0", "2-1-0", "1-3-0", "3-1-0"])
    # Node 1 is cut off: its streets are closed, and the nearest open one is beyond them.
    assert router.etas([at(1, 0)], at(1.5, 0), ring)[0] < 10
    trapped = Conditions.of(closed=["2-4-0", "4-2-0", "4-3-0", "1-2-0", "2-1-0"])
    assert router.etas([at(2, 0)], at(0, 0.5), trapped) == [math.inf]
    with pytest.raises(Unreachable, match="no open route leads"):
        router.route(at(2, 0), at(0, 0.5), trapped)
    with pytest.raises(BadCoordinates):
        router.etas([(math.nan, 31.0)], at(0, 0))


def test_closures_are_seen_by_the_next_query_and_hold_for_sirens(small: StreetGraph) -> None:
    for profile in PROFILES:
        router = NetworkxRouter(small, profile)
        before = router.route(at(0, 0.5), at(1.5, 0))
        closed = Conditions.of(closed=["1-2-0"])
        after = router.etas([at(0, 0.5)], at(1.5, 0), closed)
        if profile == "civilian":
            assert after == [math.inf]  # 3 to 4 is against the one-way street
        else:
            route = router.route(at(0, 0.5), at(1.5, 0), closed)
            check(route, small, closed.closed)
            assert route.arcs == ("1-3-0", "4-3-0", "4-2-0", "2-5-0")
            assert route.against == (False, True, False, False)
            assert after == [route.seconds]
        assert router.route(at(0, 0.5), at(1.5, 0)) == before


def test_a_place_on_a_closed_street_is_served_from_the_nearest_open_one(
    small: StreetGraph,
) -> None:
    router = NetworkxRouter(small, "civilian")
    closed = Conditions.of(closed=["1-2-0", "2-1-0"])
    route = router.route(at(0, 0.5), at(0.3, 0), closed)
    check(route, small, closed.closed)
    assert route.arcs[0] == "3-1-0"
    assert route.walk_ms == pytest.approx(57 * 720, rel=0.02)
    snapped = router.snapper.snap(*at(0.3, 0))
    assert router.route(at(0, 0.5), snapped, closed) == route


def test_speed_factors(small: StreetGraph) -> None:
    router = NetworkxRouter(small, "civilian")
    usual = router.etas([at(1, 0)], at(2, 0))[0]
    slow = Conditions.of(speed_factors={"2-5-0": 0.5})
    assert router.etas([at(1, 0)], at(2, 0), slow)[0] == pytest.approx(2 * usual, abs=0.01)
    assert router.etas([at(2, 0)], at(1, 0), slow) == [usual]


def test_conditions_are_values() -> None:
    a = Conditions.of(closed=["x", "y"], speed_factors={"p": 0.5, "q": 2.0})
    b = Conditions.of(closed=["y", "x", "x"], speed_factors={"q": 2.0, "p": 0.5})
    assert a == b
    assert hash(a) == hash(b)
    assert Conditions.of() == OPEN
    for factor in (0.0, -1.0, math.nan, math.inf, 11.0):
        with pytest.raises(BadConditions, match="close the arc"):
            Conditions.of(speed_factors={"p": factor})


def test_unknown_arcs_are_refused(small: StreetGraph) -> None:
    router = NetworkxRouter(small)
    for conditions in (
        Conditions.of(closed=["9-9-9"]),
        Conditions.of(speed_factors={"9-9-9": 1.0}),
    ):
        with pytest.raises(UnknownArc, match="9-9-9"):
            router.etas([at(0, 0)], at(1, 0), conditions)
    foreign = Snapped(LON, LAT, LON, LAT, 0.0, (Place(99, 0.5),))
    with pytest.raises(UnknownArc, match="snap the point again"):
        router.etas([foreign], at(1, 0))


def test_a_cutoff_only_hides_what_is_beyond(small: StreetGraph) -> None:
    router = NetworkxRouter(small)
    sources = [at(x / 4, 0) for x in range(9)]
    every = router.etas(sources, at(0, 1))
    for cutoff in (0.0, 10.0, 30.0, every[3], 1000.0):
        assert router.etas(sources, at(0, 1), cutoff_s=cutoff) == [
            eta if eta <= cutoff else math.inf for eta in every
        ]


places = st.tuples(st.integers(0, 10**6), st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0]))


@settings(max_examples=300)
@given(graphs(vehicles=True), st.lists(places, min_size=2, max_size=6), st.data())
def test_equal_to_networkx(
    streets: StreetGraph,
    where: list[tuple[int, float]],
    data: st.DataObject,
) -> None:
    profile = data.draw(profiles())
    ids = streets.arcs.id
    conditions = data.draw(conditions_on(streets))

    def is_open(snapped: Snapped) -> bool:
        return any(
            math.isfinite(arc_ms(streets, profile, conditions, p.arc)) for p in snapped.places
        )

    ends = [place_on(streets, arc % len(ids), fraction) for arc, fraction in where]
    ends = [end for end in ends if is_open(end)]
    assume(len(ends) >= 2)
    *sources, target = ends
    router = NetworkxRouter(streets, profile)
    etas = router.etas(sources, target, conditions)
    expected = [oracle_ms(streets, profile, conditions, s, target) / 1000 for s in sources]
    assert etas == expected
    for source, eta in zip(sources, etas, strict=True):
        if math.isinf(eta):
            with pytest.raises(Unreachable):
                router.route(source, target, conditions)
        else:
            route = router.route(source, target, conditions)
            check(route, streets, conditions.closed)
            assert route.seconds == eta
            assert route.coordinates[0] == pytest.approx((source.lon, source.lat), abs=2e-6)
            assert route.coordinates[-1] == pytest.approx((target.lon, target.lat), abs=2e-6)
            if profile.against_factor is None:
                assert not any(route.against)


@pytest.mark.parametrize("name", ["shanghai", "baltimore", "monaco"])
def test_equal_to_networkx_on_real_maps(name: str, request: pytest.FixtureRequest) -> None:
    streets: StreetGraph = request.getfixturevalue(name)
    rng = np.random.default_rng(11)
    snapper = Snapper(streets)
    node = rng.integers(0, len(streets.nodes.id), 12)
    spread = rng.normal(0, 4e-4, (2, 12))
    snapped = [
        s
        for s in snapper.snap_many(
            streets.nodes.lon[node] + spread[0], streets.nodes.lat[node] + spread[1]
        )
        if s is not None
    ]
    shut = rng.choice(len(streets.arcs), 20, replace=False)
    ids = streets.arcs.id
    conditions = Conditions.of(
        closed=[ids[i] for i in shut[:10]],
        speed_factors={ids[i]: 0.25 for i in shut[10:]},
        lanes_closed={ids[i]: 1 for i in shut[8:14]},
        flood_depths={ids[i]: 0.05 * n for n, i in enumerate(shut[8:])},
    )
    for profile in PROFILES.values():
        router = NetworkxRouter(streets, profile, snapper)
        usable = router.snapper.snap_many(
            [s.lon for s in snapped],
            [s.lat for s in snapped],
            open_arcs=np.array(
                [math.isfinite(arc_ms(streets, profile, conditions, i)) for i in range(len(ids))]
            ),
        )
        *sources, target = [s for s in usable if s is not None]
        etas = router.etas([(s.lon, s.lat) for s in sources], target, conditions)
        for source, eta in zip(sources, etas, strict=True):
            driven = oracle_ms(streets, profile, conditions, source, target)
            assert eta == (driven + walk_ms(source) + walk_ms(target)) / 1000
            if math.isfinite(eta):
                route = router.route(source, target, conditions)
                check(route, streets, conditions.closed)
                assert route.seconds == eta
