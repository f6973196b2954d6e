"""An engine cut off anywhere, kept as bytes and restored goes on as if nothing had been."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from geo.errors import BadFence, BadFix
from geo.fences.index import Fence
from geo.fences.state import EngineState, ObjectState, Visit
from geo.fences.transitions import KINDS, STATE_CHANGES, Transition, TransitionEngine
from schemas import wire
from tests.geo.slow_transitions import SlowEngine
from tests.geo.test_transitions import (
    INSIDE,
    METRE,
    OUTSIDE,
    ZONE,
    fence,
    observe,
    play,
    ring,
    steps,
    usable,
    watch,
)


class Restarted:
    """An engine that is taken apart and put together after every so many calls."""

    def __init__(self, fences, cuts, **options):
        self._engine, self._options, self._cuts = TransitionEngine(fences, **options), options, cuts
        self._calls = 0

    @property
    def fences(self):
        return self._engine.fences

    def __getattr__(self, name):
        self._calls += 1
        if self._calls % 7 in self._cuts:
            kept = wire.encode(self._engine.snapshot())
            self._engine = TransitionEngine.restore(
                wire.decode(kept, EngineState), reversed(self._engine.fences), **self._options
            )
        return getattr(self._engine, name)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    st.sets(st.integers(0, 6), min_size=1),
)
def test_restored_anywhere_it_tells_the_same(points, script, options, cuts):
    first = fence("x", Polygon(points))
    expected = play(SlowEngine([first], **options), script, [1])
    assert play(Restarted([first], cuts, **options), script, [3]) == expected


def test_a_snapshot_is_the_same_after_restoring() -> None:
    engine = TransitionEngine([ZONE], dwell_s=5.0)
    engine.put(fence("late", ZONE.geometry), at=0.0, expires=50.0)
    watch(engine, (INSIDE, 0.0, 12.0), (OUTSIDE, 1.0), (INSIDE, 2.0))
    engine.remove("zone", at=3.0)
    state = engine.snapshot()
    assert TransitionEngine.restore(state, engine.fences, dwell_s=5.0).snapshot() == state
    assert [o.visits for o in state.objects] == [(Visit("late", 2.0),)]


def test_a_fence_of_the_snapshot_must_be_given_as_it_was() -> None:
    engine = TransitionEngine([ZONE])
    watch(engine, (INSIDE, 0.0))
    with pytest.raises(BadFence, match="'zone' that is missing here"):
        TransitionEngine.restore(engine.snapshot(), [])
    with pytest.raises(BadFence, match="'zone' has changed"):
        TransitionEngine.restore(engine.snapshot(), [fence("zone", box(0, 0, 1, 1))])


def test_among_other_fences_visits_are_closed_or_begin() -> None:
    old = TransitionEngine([ZONE, fence("gone", ZONE.geometry)])
    watch(old, (INSIDE, 7.0))
    watch(old, (OUTSIDE, 8.0), name="E2")
    new = TransitionEngine(
        [fence("new", ZONE.geometry), fence("zone", box(121.3, 31.2, 121.4, 31.3))]
    )
    assert list(new.resume(old.objects())) == [
        Transition("E1", "new", "enter", 7.0),
        Transition("E1", "zone", "exit", 7.0),
        Transition("E1", "gone", "closed", 7.0),
        Transition("E2", "zone", "enter", 8.0),
    ]
    assert watch(new, (INSIDE, 7.0), (OUTSIDE, 9.0)) == [("exit", 9.0), ("enter", 9.0)]


def test_a_fix_that_cannot_tell_keeps_its_visit_among_other_fences() -> None:
    old = TransitionEngine([ZONE])
    out_5m = (121.405, 31.21 + 5 * METRE)
    watch(old, (INSIDE, 0.0, 3.0), (out_5m, 1.0, 15.0))
    assert list(TransitionEngine([ZONE]).resume(old.objects())) == []


def test_a_fence_that_ends_earlier_now_closes_at_its_end() -> None:
    old = TransitionEngine([ZONE])
    watch(old, (INSIDE, 7.0))
    new = TransitionEngine([ZONE], expires={"zone": 5.0})
    assert list(new.resume(old.objects())) == [Transition("E1", "zone", "closed", 5.0)]


def test_a_dwelling_that_is_due_is_told_after_a_restart() -> None:
    old = TransitionEngine([ZONE], dwell_s=10.0)
    watch(old, (INSIDE, 0.0), (INSIDE, 9.0))
    new = TransitionEngine.restore(old.snapshot(), [ZONE], dwell_s=10.0)
    assert watch(new, (INSIDE, 10.0), (INSIDE, 11.0)) == [("dwell", 10.0)]
    again = TransitionEngine.restore(new.snapshot(), [ZONE], dwell_s=10.0)
    assert watch(again, (INSIDE, 12.0)) == []


def test_what_was_kept_is_checked() -> None:
    good = ObjectState("E1", *INSIDE, 0.0)
    for bad in (
        [good, good],
        [ObjectState("E1", *INSIDE, math.nan)],
        [ObjectState("E1", *INSIDE, 0.0, -1.0)],
    ):
        with pytest.raises(BadFix):
            TransitionEngine([ZONE]).resume(bad)
    engine = TransitionEngine([ZONE])
    engine.resume([good])
    with pytest.raises(ValueError, match="already"):
        engine.resume([good])


def test_forks_share_fences_until_one_is_edited() -> None:
    engine = TransitionEngine([ZONE])
    forks = [engine.fork(), engine.fork()]
    assert forks[0]._set.cells is engine._set.cells
    forks[0].remove("zone", at=0.0)
    forks[1].put(fence("more", ZONE.geometry), at=0.0)
    told = [
        [event.fence_id for event in e.observe(["a"], [INSIDE[0]], [INSIDE[1]], [1.0])]
        for e in (engine, *forks)
    ]
    assert told == [["zone"], [], ["zone", "more"]]
    assert [engine.inside("b"), [f.id for f in engine.fences]] == [(), ["zone"]]


def test_a_fence_has_its_own_dwelling() -> None:
    quick = Fence("quick", "hazard_zone", "quick", ZONE.geometry, {"dwell_s": 3})
    engine = TransitionEngine([quick, ZONE], dwell_s=10.0)
    rows = [("a", *INSIDE, float(t), 0.0) for t in range(12)]
    told = [(e.fence_id, e.kind, e.time) for e in observe(engine, rows, 4)]
    assert told[2:] == [("quick", "dwell", 3.0), ("zone", "dwell", 10.0)]
    engine.put(Fence("zone", "hazard_zone", "z", ZONE.geometry, {"dwell_s": 15}), at=11.0)
    assert [e.kind for e in observe(engine, [("a", *INSIDE, 20.0, 0.0)], 1)] == ["dwell"]
    assert (
        len(
            TransitionEngine([quick], detect=["enter"]).observe(
                *zip(*[r[:4] for r in rows], strict=True)
            )
        )
        == 1
    )
    for wrong in (0, -1, "long", True, math.inf):
        with pytest.raises(BadFence, match="dwell_s"):
            TransitionEngine(
                [Fence("f", "beat", "f", ZONE.geometry, {"dwell_s": wrong})], dwell_s=1.0
            )
