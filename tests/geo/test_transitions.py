import math

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box

from geo.errors import BadCoordinates, BadFence, BadFix
from geo.fences.index import Fence
from geo.fences.transitions import KINDS, STATE_CHANGES, Transition, TransitionEngine, Transitions
from tests.geo.slow_transitions import SlowEngine

METRE = 1 / 111_195.0  # degrees of latitude


def fence(name: str, geometry: shapely.Geometry) -> Fence:
    return Fence(name, "hazard_zone", name, geometry)


ZONE = fence("zone", box(121.40, 31.20, 121.41, 31.21))
INSIDE, OUTSIDE, BEYOND = (121.405, 31.205), (121.39, 31.205), (121.42, 31.205)
BORDER = (121.40, 31.205)


def kinds(events: Transitions) -> list[str]:
    return [event.kind for event in events]


def watch(engine: TransitionEngine, *fixes: tuple, name: str = "E1") -> list[tuple[str, float]]:
    """Give one object's fixes ((lon, lat), time[, accuracy]) one by one; return (kind, time)."""
    told = []
    for place, time, *accuracy in fixes:
        events = engine.observe([name], [place[0]], [place[1]], [time], accuracy or None)
        told += [(event.kind, event.time) for event in events]
    return told


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, INSIDE, ["enter", "inside"]),
        (None, OUTSIDE, ["outside"]),
        (OUTSIDE, INSIDE, ["enter", "inside"]),
        (INSIDE, INSIDE, ["inside"]),
        (INSIDE, OUTSIDE, ["exit", "outside"]),
        (OUTSIDE, BEYOND, ["cross", "outside"]),
        (OUTSIDE, OUTSIDE, ["outside"]),
        (OUTSIDE, (121.39, 31.3), ["outside"]),
        ((121.39, 31.20), (121.40, 31.19), ["outside"]),
        ((121.39, 31.20), (121.41, 31.20 - 0.0), ["enter", "inside"]),
        (OUTSIDE, BORDER, ["enter", "inside"]),
        (INSIDE, BORDER, ["inside"]),
        ((121.38, 31.21), (121.42, 31.21), ["cross", "outside"]),  # along an edge
    ],
)
def test_tile38s_table(before: tuple | None, now: tuple, expected: list[str]) -> None:
    """The same as Tile38 sends for `DETECT` with all of its kinds."""
    engine = TransitionEngine([ZONE], detect=KINDS)
    if before is not None:
        watch(engine, (before, 0.0))
    assert [kind for kind, _ in watch(engine, (now, 1.0))] == expected


@pytest.mark.parametrize("detect", [("enter",), ("inside",), ("exit", "cross"), ("outside",), ()])
def test_only_what_is_asked_for_is_told(detect: tuple[str, ...]) -> None:
    fixes = [(OUTSIDE, 0.0), (BEYOND, 1.0), (INSIDE, 2.0), (INSIDE, 3.0), (OUTSIDE, 4.0)]
    everything = watch(TransitionEngine([ZONE], detect=KINDS), *fixes)
    asked = watch(TransitionEngine([ZONE], detect=detect), *fixes)
    assert asked == [event for event in everything if event[0] in detect]


def test_dwell_is_told_once_a_visit() -> None:
    engine = TransitionEngine([ZONE], dwell_s=10.0)
    fixes = [(INSIDE, 0.0), (INSIDE, 9.0), (INSIDE, 10.0), (INSIDE, 11.0), (OUTSIDE, 12.0)]
    assert watch(engine, *fixes) == [("enter", 0.0), ("dwell", 10.0), ("exit", 12.0)]
    assert watch(engine, (INSIDE, 20.0), (INSIDE, 29.0)) == [("enter", 20.0)]
    assert watch(engine, (INSIDE, 35.0)) == [("dwell", 35.0)]


def test_a_fix_that_straddles_the_border_changes_nothing() -> None:
    engine = TransitionEngine([ZONE], dwell_s=5.0)
    out_5m, in_5m = (121.405, 31.21 + 5 * METRE), (121.405, 31.21 - 5 * METRE)
    assert watch(engine, (in_5m, 0.0, 15.0), (out_5m, 1.0, 15.0)) == []
    assert watch(engine, (in_5m, 2.0, 4.0)) == [("enter", 2.0)]
    flapping = [((out_5m, in_5m)[i % 2], 3.0 + i, 15.0) for i in range(20)]
    assert watch(engine, *flapping) == [("dwell", 7.0)]
    assert watch(engine, (out_5m, 30.0, 4.0)) == [("exit", 30.0)]


def test_hysteresis_is_a_factor() -> None:
    out_5m = (121.405, 31.21 + 5 * METRE)
    for factor, expected in ((0.0, ["enter", "exit"]), (1.0, ["enter"]), (0.4, ["enter", "exit"])):
        engine = TransitionEngine([ZONE], hysteresis=factor)
        told = watch(engine, (INSIDE, 0.0, 10.0), (out_5m, 1.0, 10.0))
        assert [kind for kind, _ in told] == expected


def test_an_unknown_accuracy_is_taken_for_exact() -> None:
    engine = TransitionEngine([ZONE])
    assert watch(engine, (BORDER, 0.0, math.nan)) == [("enter", 0.0)]


def test_neither_end_of_a_cross_may_straddle() -> None:
    near = (121.405, 31.21 + 5 * METRE)
    far = (121.405, 31.19)
    assert watch(TransitionEngine([ZONE]), (near, 0.0, 3.0), (far, 1.0, 3.0)) == [("cross", 1.0)]
    assert watch(TransitionEngine([ZONE]), (near, 0.0, 15.0), (far, 1.0, 3.0)) == []
    assert watch(TransitionEngine([ZONE]), (far, 0.0, 3.0), (near, 1.0, 15.0)) == []


def test_fixes_that_are_not_newer_are_ignored() -> None:
    engine = TransitionEngine([ZONE])
    events = engine.observe(
        ["a", "a", "a", "b", "a"],
        *np.array([INSIDE, OUTSIDE, OUTSIDE, INSIDE, OUTSIDE]).T,
        [5.0, 4.0, 5.0, 0.0, 6.0],
    )
    assert list(events) == [
        Transition("a", "zone", "enter", 5.0),
        Transition("b", "zone", "enter", 0.0),
        Transition("a", "zone", "exit", 6.0),
    ]
    assert (events.ignored, events.fix.tolist()) == (2, [0, 3, 4])
    again = engine.observe(["a"], [INSIDE[0]], [INSIDE[1]], [6.0])
    assert (len(again), again.ignored) == (0, 1)


def test_fences_are_put_changed_and_removed_while_objects_move() -> None:
    engine = TransitionEngine([])
    assert watch(engine, (INSIDE, 0.0)) == []
    assert list(engine.put(ZONE, at=5.0)) == [Transition("E1", "zone", "enter", 5.0)]
    assert list(engine.put(ZONE, at=6.0)) == []
    moved = fence("zone", box(121.50, 31.20, 121.51, 31.21))
    assert list(engine.put(moved, at=7.0)) == [Transition("E1", "zone", "exit", 7.0)]
    assert watch(engine, ((121.505, 31.205), 8.0)) == [("enter", 8.0)]
    assert engine.inside("E1") == ("zone",)
    assert list(engine.remove("zone", at=9.0)) == [Transition("E1", "zone", "closed", 9.0)]
    assert engine.inside("E1") == engine.inside("nobody") == engine.fences == ()
    assert watch(engine, (INSIDE, 10.0)) == []
    with pytest.raises(BadFence, match="no fence 'zone'"):
        engine.remove("zone", at=11.0)


def test_a_changed_fence_keeps_the_beginning_of_visits_that_go_on() -> None:
    engine = TransitionEngine([ZONE], dwell_s=10.0)
    watch(engine, (INSIDE, 0.0))
    assert list(engine.put(fence("zone", box(121.39, 31.2, 121.42, 31.21)), at=5.0)) == []
    assert watch(engine, (INSIDE, 10.0)) == [("dwell", 10.0)]


def test_an_edit_before_the_last_fix_is_told_at_that_fix() -> None:
    engine = TransitionEngine([], dwell_s=5.0)
    watch(engine, (INSIDE, 100.0))
    assert list(engine.put(ZONE, at=50.0)) == [Transition("E1", "zone", "enter", 100.0)]
    assert watch(engine, (INSIDE, 104.0), (INSIDE, 105.0)) == [("dwell", 105.0)]


def test_an_expiring_fence_closes_its_visits() -> None:
    engine = TransitionEngine([])
    engine.put(ZONE, at=0.0, expires=10.0)
    for name in ("a", "b", "c"):
        watch(engine, (INSIDE, 1.0), name=name)
    watch(engine, (OUTSIDE, 2.0), name="c")
    assert list(engine.expire(9.0)) == []
    assert watch(engine, (INSIDE, 10.0), name="a") == [("closed", 10.0)]
    assert watch(engine, (INSIDE, 11.0), name="a") == []
    assert watch(engine, (INSIDE, 9.5), name="b") == []
    assert list(engine.expire(12.0)) == [Transition("b", "zone", "closed", 10.0)]
    assert list(engine.expire(12.0)) == []


def test_a_fence_put_anew_after_its_expiry_begins_anew() -> None:
    engine = TransitionEngine([])
    engine.put(ZONE, at=0.0, expires=10.0)
    watch(engine, (INSIDE, 1.0))
    told = [(event.kind, event.time) for event in engine.put(ZONE, at=20.0)]
    assert told == [("closed", 10.0), ("enter", 20.0)]


def test_an_object_can_be_in_many_fences_at_once() -> None:
    nested = [fence(str(i), box(121.40, 31.20, 121.405 + i / 1000, 31.21)) for i in range(9)]
    engine = TransitionEngine(nested)
    assert len(watch(engine, (INSIDE, 0.0))) == 9
    assert engine.inside("E1") == tuple("012345678")
    engine.put(fence("9", ZONE.geometry), at=1.0)
    assert engine.inside("E1") == tuple("0123456789")
    assert watch(engine, (OUTSIDE, 2.0)) == [("exit", 2.0)] * 10


def test_many_objects_keep_their_state() -> None:
    engine = TransitionEngine([ZONE])
    names = [f"U{i}" for i in range(1000)]
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(121.39, 121.42, 1000), rng.uniform(31.19, 31.22, 1000)
    inside = shapely.covers(ZONE.geometry, shapely.points(lon, lat))
    events = engine.observe(names, lon, lat, np.zeros(1000))
    assert [e.object_id for e in events] == [names[i] for i in np.flatnonzero(inside)]
    events = engine.observe(names[::-1], lon, lat, np.ones(1000))  # everyone elsewhere
    assert kinds(events).count("enter") == np.sum(inside & ~inside[::-1])
    assert kinds(events).count("exit") == np.sum(~inside & inside[::-1])


@pytest.mark.parametrize(
    ("times", "accuracies", "error"),
    [
        ([math.nan], None, "time of fix 0"),
        ([0.0, 1.0], None, "2 times"),
        ([0.0], [-1.0], "accuracy of fix 0"),
        ([0.0], [math.inf], "accuracy of fix 0"),
        ([0.0], [1.0, 1.0], "2 accuracies"),
    ],
)
def test_fixes_are_checked(times: list[float], accuracies: list[float] | None, error: str) -> None:
    engine = TransitionEngine([ZONE])
    with pytest.raises(BadFix, match=error):
        engine.observe(["E1"], [INSIDE[0]], [INSIDE[1]], times, accuracies)
    assert watch(engine, (INSIDE, 0.0)) == [("enter", 0.0)]


def test_parameters_are_checked() -> None:
    engine = TransitionEngine([ZONE])
    with pytest.raises(BadCoordinates):
        engine.observe(["E1"], [math.nan], [31.0], [0.0])
    with pytest.raises(BadFix, match="2 object ids"):
        engine.observe(["E1", "E2"], [121.0], [31.0], [0.0])
    with pytest.raises(BadFence, match="expires"):
        engine.put(fence("late", ZONE.geometry), at=5.0, expires=5.0)
    with pytest.raises(BadFence, match="without area"):
        engine.put(fence("point", shapely.Point(121, 31)), at=5.0)
    with pytest.raises(BadFence, match="is not unique"):
        TransitionEngine([ZONE, ZONE])
    assert [f.id for f in engine.fences] == ["zone"]
    for wrong in ({"dwell_s": 0.0}, {"hysteresis": -1.0}, {"detect": ["near"]}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            TransitionEngine([ZONE], **wrong)


def test_nothing_in_gives_nothing_out() -> None:
    for engine in (TransitionEngine(), TransitionEngine([ZONE], detect=KINDS, dwell_s=1.0)):
        assert len(engine.observe([], [], [], [], [])) == 0


# Everything at once, against the slow and obvious way. Coordinates lie on a coarse grid, so that
# fixes fall on edges and corners all the time; accuracies are as large as the fences.
step = st.integers(0, 8)
corner = st.tuples(step, step).map(lambda c: (121.0 + c[0] * 0.001, 31.0 + c[1] * 0.001))
ring = st.lists(corner, min_size=3, max_size=6, unique=True)
place = st.tuples(st.integers(-4, 20), st.integers(-4, 20)).map(
    lambda c: (121.0 + c[0] * 0.0005, 31.0 + c[1] * 0.0005)
)
accuracy = st.sampled_from([0.0, 0.0, 20.0, 70.0, 150.0, 2000.0])
fixes = st.tuples(st.sampled_from("abc"), place, st.integers(0, 3), accuracy)
edits = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("xyz"), ring, st.integers(1, 30)),
    st.tuples(st.just("remove"), st.sampled_from("xyz")),
    st.tuples(st.just("expire")),
)
steps = st.lists(st.one_of(st.lists(fixes, min_size=1, max_size=8), edits), max_size=12)


def usable(points: list[tuple[float, float]]) -> bool:
    return any(part.area > 0 for part in shapely.get_parts(shapely.make_valid(Polygon(points))))


def play(engine, script, cuts) -> list[tuple[str, list[Transition]]]:
    """Play a script; time goes on by each fix's step, sometimes backwards for one object."""
    told: list[tuple[str, list[Transition]]] = []
    now, living = 0, {"x"}
    for number, action in enumerate(script):
        if isinstance(action, list):
            now += 4
            rows = [(name, *at, float(now + late), near) for name, at, late, near in action]
            told.append(("fixes", observe(engine, rows, cuts[number % len(cuts)])))
        elif action[0] == "put" and usable(action[2]):
            new = fence(action[1], Polygon(action[2]))
            told.append(("put", list(engine.put(new, float(now), float(now + action[3])))))
            living.add(action[1])
        elif action[0] == "remove" and action[1] in {f.id for f in living_of(engine)}:
            told.append(("remove", list(engine.remove(action[1], float(now)))))
        elif action[0] == "expire":
            told.append(("expire", list(engine.expire(float(now)))))
    return told


def living_of(engine) -> list[Fence]:
    return list(engine.fences.values() if isinstance(engine, SlowEngine) else engine.fences)


def observe(engine, rows, size: int) -> list[Transition]:
    told = []
    if isinstance(engine, SlowEngine):
        for row in rows:
            told += engine.observe_one(*row) or []
        return told
    for start in range(0, len(rows), size):
        columns = zip(*rows[start : start + size], strict=True)
        told += list(engine.observe(*(list(column) for column in columns)))
    return told


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    ring.filter(usable),
    steps,
    st.fixed_dictionaries(
        {
            "dwell_s": st.sampled_from([None, 3.0, 10.0]),
            "hysteresis": st.sampled_from([0.0, 1.0]),
            "detect": st.sampled_from([KINDS, STATE_CHANGES, ("enter", "cross", "inside")]),
        }
    ),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
)
def test_equal_to_the_slow_and_obvious_way(points, script, options, cuts):
    first = fence("x", Polygon(points))
    expected = play(SlowEngine([first], **options), script, [1])
    assert play(TransitionEngine([first], **options), script, cuts) == expected
    assert play(TransitionEngine([first], **options), script, [1000]) == expected


def crowd(rng: np.random.Generator, units: int, rounds: int) -> list[tuple]:
    """Units that drift, jump now and then, and report with mixed accuracies and some delays."""
    at = rng.uniform((121.40, 31.20), (121.46, 31.26), (units, 2))
    rows = []
    for turn in range(rounds):
        stride = np.where(rng.random((units, 1)) < 0.05, 0.02, 0.0002)
        at = at + rng.normal(0.0, 1.0, (units, 2)) * stride * (rng.random((units, 1)) < 0.8)
        late = rng.random(units) < 0.05
        times = 10.0 * turn - np.where(late, 25.0, 0.0) + rng.random(units)
        accuracies = rng.choice([0.0, 5.0, 15.0, 80.0, math.nan], units)
        rows += [(f"U{i}", *at[i], times[i], accuracies[i]) for i in rng.permutation(units)]
    return rows


def blobs(rng: np.random.Generator, count: int, radius: float) -> list[Fence]:
    fences = []
    for i in range(count):
        turn = np.linspace(0, 2 * math.pi, 40, endpoint=False)
        size = radius * (1 + 0.3 * rng.random(40))
        centre = rng.uniform((121.40, 31.20), (121.46, 31.26))
        ring_ = Polygon(centre + np.column_stack([size * np.cos(turn), size * np.sin(turn)]))
        hole = box(*(centre - radius / 4), *(centre + radius / 4))
        second = box(*(centre + radius * 2), *(centre + radius * 2.5))
        fences.append(fence(str(i), MultiPolygon([ring_ - hole, second])))
    return fences


@pytest.mark.parametrize(("count", "radius"), [(8, 0.01), (150, 0.0006)])
def test_a_crowd_is_followed_as_the_slow_way_does(count: int, radius: float) -> None:
    rng = np.random.default_rng(count)
    fences, rows = blobs(rng, count, radius), crowd(rng, 25, 16)
    slow = SlowEngine(fences, dwell_s=10.0, detect=STATE_CHANGES)
    exact = [(*row[:4], 0.0 if math.isnan(row[4]) else row[4]) for row in rows]
    expected = observe(slow, exact, 1)
    assert {event.kind for event in expected} >= {"enter", "exit", "cross", "dwell"}
    for size in (1, 7, 100, len(rows)):
        assert observe(TransitionEngine(fences, dwell_s=10.0), rows, size) == expected


@pytest.mark.parametrize("detect", [STATE_CHANGES, KINDS])
def test_batches_and_edits_do_not_change_what_is_told(detect: tuple[str, ...]) -> None:
    rng = np.random.default_rng(11)
    fences, rows = blobs(rng, 60, 0.003), crowd(rng, 100, 9)

    def history(size: int) -> list[Transition]:
        engine = TransitionEngine(fences[:40], dwell_s=30.0, detect=detect)
        told = []
        for i, start in enumerate(range(0, len(rows), 150)):
            told += observe(engine, rows[start : start + 150], size)
            at = 10.0 * i
            told += engine.put(fences[40 + i], at, at + 35.0)
            told += engine.put(fence(str(i), fences[i + 8].geometry), at)
            told += engine.remove(str(20 + i), at)
            told += engine.expire(at)
        return told

    expected = history(150)
    assert {event.kind for event in expected} == set(detect)
    for size in (1, 13, 64):
        assert history(size) == expected


def test_the_grid_is_made_anew_when_fences_outgrow_it() -> None:
    rng = np.random.default_rng(4)
    fences, rows = blobs(rng, 130, 0.002), crowd(rng, 60, 3)
    grown = TransitionEngine([])
    told = observe(grown, rows[:60], 60)
    for one in fences:
        told += grown.put(one, at=5.0)
    told += observe(grown, rows[60:], 60)
    whole = TransitionEngine(fences)
    assert observe(whole, rows[:60], 60) is not None
    assert observe(whole, rows[60:], 60) == [e for e in told if e.time > 5.0]
