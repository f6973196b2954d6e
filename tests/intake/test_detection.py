"""Detection: opening, closing, minimum duration, silence, and readings out of order."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.detection import ACTIVE, NORMAL, PENDING, Alarm, AlarmChange, Detector
from schemas import codes, wire

START = datetime(2026, 11, 24, tzinfo=UTC)
SMOKE = Detector(codes.observed_property("smoke"))  # opens 12, closes 6, at once, silent 120 s
WATER = Detector(codes.observed_property("water_level"))  # opens 0.27, closes 0.15, 10 s, 600 s
TRAFFIC = Detector(codes.observed_property("traffic"))  # below: opens 3, closes 10, 20 s, 600 s


def run(
    detector: Detector, readings: list[tuple[float, float]], quality: str = "good"
) -> tuple[Alarm | None, list[AlarmChange]]:
    """Feed (seconds, result) pairs that arrive when they are so."""
    alarm: Alarm | None = None
    happened: list[AlarmChange] = []
    for seconds, result in readings:
        at = START + timedelta(seconds=seconds)
        alarm, transitions = detector.observe(alarm, at, at, result, quality)
        happened += transitions
    return alarm, happened


def kinds(transitions: list[AlarmChange]) -> list[str]:
    return [transition.kind for transition in transitions]


def test_at_the_opening_condition_without_a_minimum_it_opens_at_once():
    alarm, happened = run(SMOKE, [(0, 1), (1, 12)])
    assert kinds(happened) == ["opened"]
    assert alarm is not None
    assert alarm.phase == ACTIVE


def test_a_first_reading_can_open():
    assert kinds(run(SMOKE, [(0, 50)])[1]) == ["opened"]


def test_between_closing_and_opening_it_stays_as_it_was():
    assert kinds(run(SMOKE, [(0, 12), (1, 6.1), (2, 11.9), (3, 12)])[1]) == ["opened"]
    assert kinds(run(SMOKE, [(0, 11.9), (1, 6.1)])[1]) == []


def test_at_the_closing_condition_it_clears():
    alarm, happened = run(SMOKE, [(0, 12), (1, 6)])
    assert kinds(happened) == ["opened", "cleared"]
    assert alarm is not None
    assert (alarm.phase, alarm.since) == (NORMAL, None)


def test_it_must_hold_for_the_minimum_duration():
    alarm, happened = run(WATER, [(0, 0.3), (9.999, 0.3)])
    assert happened == []
    assert alarm is not None
    assert alarm.phase == PENDING
    alarm, happened = run(WATER, [(0, 0.3), (10, 0.3)])
    assert kinds(happened) == ["opened"]
    assert happened[0].since == START


def test_a_dip_begins_the_minimum_duration_anew():
    assert run(WATER, [(0, 0.3), (6, 0.26), (12, 0.3), (18, 0.3)])[1] == []
    assert kinds(run(WATER, [(0, 0.3), (6, 0.26), (12, 0.3), (22, 0.3)])[1]) == ["opened"]


def test_direction_below_opens_at_low_results():
    assert kinds(run(TRAFFIC, [(0, 2), (20, 3), (40, 9.9), (60, 10)])[1]) == ["opened", "cleared"]


def test_bad_quality_neither_opens_nor_closes_but_is_heard():
    assert run(SMOKE, [(0, 90), (1, 90)], quality="bad")[1] == []
    alarm, _ = run(SMOKE, [(0, 90)])
    late = START + timedelta(seconds=119)
    alarm, happened = SMOKE.observe(alarm, late, late, 0, "bad")
    assert happened == ()
    assert alarm.phase == ACTIVE
    assert SMOKE.silent(alarm, late + timedelta(seconds=119)) == (alarm, ())


def test_readings_out_of_order_change_nothing_but_are_heard():
    alarm, _ = run(SMOKE, [(10, 1)])
    assert alarm is not None
    for seconds in (10, 9, -100):
        at, heard = START + timedelta(seconds=seconds), START + timedelta(seconds=11)
        same, happened = SMOKE.observe(alarm, at, heard, 99, "good")
        assert happened == ()
        assert same.heard == heard
        assert msgspec.structs.replace(same, heard=alarm.heard, behind=None) == alarm


def test_what_was_held_back_is_no_clock_that_was_set_back():
    """A gateway that was offline for an hour sends the newest reading, then all the others."""
    alarm, _ = run(SMOKE, [(3600, 1)])
    received = START + timedelta(seconds=3600)
    for seconds in range(0, 3600, 10):
        received += timedelta(milliseconds=20)
        at = START + timedelta(seconds=seconds)
        alarm, happened = SMOKE.observe(alarm, at, received, 50, "good")
        assert happened == ()
    assert alarm.seen == START + timedelta(seconds=3600)


def test_a_second_copy_that_is_always_late_is_no_clock_that_was_set_back():
    alarm: Alarm | None = None
    for seconds in range(0, 600, 10):
        received = START + timedelta(seconds=seconds)
        alarm, _ = SMOKE.observe(alarm, received, received, 1, "good")
        late = received - timedelta(seconds=60)
        alarm, happened = SMOKE.observe(alarm, late, received + timedelta(seconds=1), 50, "good")
        assert happened == ()
        assert alarm.seen == received


@pytest.mark.parametrize("back_s", [2, 60, 3600, 80_000])
def test_a_clock_that_was_set_back_hides_no_alarm_and_no_sensor(back_s: float):
    alarm: Alarm | None = None
    happened: list[AlarmChange] = []
    for number in range(20):
        received = START + timedelta(seconds=10 * number)
        at = received - timedelta(seconds=back_s if number >= 10 else 0)
        result = 50 if number >= 12 else 1
        alarm, new = SMOKE.observe(alarm, at, received, result, "good")
        happened += new
        assert SMOKE.silent(alarm, received)[1] == ()
    assert kinds(happened) == ["opened"]


def test_an_alarm_goes_on_when_the_clock_is_set_back_and_ends_in_time():
    alarm, opened = run(SMOKE, [(0, 50), (10, 50)])
    happened = [*opened]
    for seconds in range(20, 300, 10):
        received = START + timedelta(seconds=seconds)
        result = 1 if seconds >= 250 else 50
        at = received - timedelta(hours=1)
        alarm, new = SMOKE.observe(alarm, at, received, result, "good")
        happened += new
        # As soon as it was heard three times the timer would have ended it by the old rule.
        assert SMOKE.silent(alarm, received + timedelta(seconds=100))[1] == ()
    assert kinds(happened) == ["opened", "cleared"]


def test_a_clock_that_runs_backwards_is_believed_now_and_then():
    alarm: Alarm | None = None
    happened: list[AlarmChange] = []
    for number in range(40):
        received = START + timedelta(seconds=10 * number)
        at = START - timedelta(seconds=number)
        alarm, new = SMOKE.observe(alarm, at, received, 50 if number > 5 else 1, "good")
        happened += new
        assert SMOKE.silent(alarm, received)[1] == ()
    assert kinds(happened) == ["opened"]


def test_an_interrupted_minimum_duration_begins_anew_by_the_clock_that_was_set_back():
    alarm, _ = run(WATER, [(0, 0.3), (5, 0.3)])
    assert alarm.phase == PENDING
    happened: list[AlarmChange] = []
    for seconds in range(6, 30):
        received = START + timedelta(seconds=seconds)
        at = received - timedelta(hours=1)
        alarm, new = WATER.observe(alarm, at, received, 0.3, "good")
        happened += new
    assert kinds(happened) == ["opened"]
    assert timedelta(seconds=10) <= happened[0].at - happened[0].since <= timedelta(seconds=12)


def test_silence_ends_an_active_alarm_once():
    alarm, _ = run(SMOKE, [(0, 50)])
    assert alarm is not None
    alarm = msgspec.structs.replace(alarm, evidence="e1")
    assert SMOKE.silent(alarm, START + timedelta(seconds=119.9)) == (alarm, ())
    quiet, happened = SMOKE.silent(alarm, START + timedelta(seconds=500))
    assert [(t.kind, t.at, t.evidence) for t in happened] == [
        ("silent", START + timedelta(seconds=120), "e1")
    ]
    assert SMOKE.silent(quiet, START + timedelta(seconds=900)) == (quiet, ())


def test_a_pending_one_falls_back_in_silence_without_a_word():
    alarm, _ = run(WATER, [(0, 0.3)])
    assert alarm is not None
    quiet, happened = WATER.silent(alarm, START + timedelta(seconds=600))
    assert happened == ()
    assert quiet.phase == NORMAL


def test_a_gap_longer_than_the_timeout_is_silence_even_if_nobody_looked():
    assert kinds(run(SMOKE, [(0, 50), (200, 50)])[1]) == ["opened", "silent", "opened"]
    assert run(WATER, [(0, 0.3), (700, 0.3)])[1] == []


def test_a_sensor_that_reports_late_is_not_silent():
    alarm: Alarm | None = None
    happened: list[AlarmChange] = []
    for seconds in range(0, 400, 50):
        received = START + timedelta(seconds=seconds)
        alarm, new = SMOKE.observe(alarm, received - timedelta(hours=1), received, 50, "good")
        happened += new
        assert SMOKE.silent(alarm, received)[1] == ()
    assert kinds(happened) == ["opened"]


def test_its_state_survives_the_wire():
    alarm, _ = run(WATER, [(0, 0.3)])
    assert wire.decode(wire.encode(alarm), Alarm) == alarm


properties = st.sampled_from(sorted(codes.observed_properties())).map(
    lambda code: Detector(codes.observed_property(code))
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Detector, list[tuple[str, float, float, str]]]:
    detector = draw(properties)
    prop = detector.prop
    near = st.sampled_from(
        [prop.opens_at, prop.closes_at, prop.minimum, prop.maximum, prop.opens_at * 0.99]
    )
    steps = st.tuples(
        st.sampled_from(["reading", "reading", "reading", "timer"]),
        st.sampled_from([-5.0, 0.0, 0.5, 5.0, 11.0, 61.0, prop.silence_timeout_s]),
        near | st.floats(prop.minimum, prop.maximum),
        st.sampled_from(["good", "good", "suspect", "bad"]),
    )
    return detector, draw(st.lists(steps, max_size=60))


@given(histories())
def test_opens_and_ends_alternate_and_the_conditions_hold(history):
    detector, steps = history
    alarm: Alarm | None = None
    now = at = START
    open_ = False
    for kind, seconds, result, quality in steps:
        at += timedelta(seconds=seconds)
        now = max(now, at)
        before = alarm
        if kind == "reading":
            alarm, happened = detector.observe(alarm, at, now, result, quality)
            if alarm.behind is not None:
                assert at <= before.seen == alarm.seen
                assert all(transition.kind == "silent" for transition in happened)
            assert alarm.heard == (now if before is None else max(now, before.heard))
        elif alarm is not None:
            alarm, happened = detector.silent(alarm, now)
            assert all(transition.kind == "silent" for transition in happened)
        else:
            happened = ()
        for transition in happened:
            assert (transition.kind == "opened") is not open_
            open_ = transition.kind == "opened"
            if open_:
                held = (transition.at - transition.since).total_seconds()
                assert held >= detector.prop.minimum_duration_s
                assert detector.opens(result)
                assert quality != "bad"
            elif transition.kind == "cleared":
                assert detector.closes(result)
                assert quality != "bad"
        if alarm is not None:
            assert (alarm.phase == ACTIVE) is open_
            assert (alarm.since is None) is (alarm.phase == NORMAL)


@settings(deadline=None)
@given(
    properties,
    st.integers(2, 8),
    st.lists(st.sampled_from([-86_000.0, -3600.0, -300.0, -30.0, 0.0, 300.0]), max_size=6),
)
def test_a_sensor_that_is_heard_is_never_silent_and_its_alarm_is_seen(detector, often, skews):
    """Its clock steps in the limits, either way; it alarms all the time, some times a timeout."""
    prop = detector.prop
    every_s = prop.silence_timeout_s / often
    alarm: Alarm | None = None
    happened: list[AlarmChange] = []
    received = START
    for skew in [0.0, *skews]:
        for _ in range(3 + int(prop.minimum_duration_s // every_s)):
            received += timedelta(seconds=every_s)
            at = received + timedelta(seconds=skew)
            alarm, new = detector.observe(alarm, at, received, prop.opens_at, "good")
            happened += new
            assert detector.silent(alarm, received)[1] == ()
    assert kinds(happened) == ["opened"]
    assert alarm.seen == at, "it goes by the clock as it is now"


@given(histories())
def test_the_same_readings_give_the_same_history(history):
    detector, steps = history

    def once() -> list[AlarmChange]:
        alarm: Alarm | None = None
        happened: list[AlarmChange] = []
        at = START
        for _, seconds, result, quality in steps:
            at += timedelta(seconds=seconds)
            alarm, new = detector.observe(alarm, at, at, result, quality)
            happened += new
        return happened

    assert once() == once()


@pytest.mark.parametrize("code", sorted(codes.observed_properties()))
def test_every_property_closes_on_the_safe_side_of_opening(code):
    prop = codes.observed_property(code)
    detector = Detector(prop)
    assert not detector.closes(prop.opens_at)
    assert not detector.opens(prop.closes_at)
    assert prop.minimum <= min(prop.opens_at, prop.closes_at)
    assert max(prop.opens_at, prop.closes_at) <= prop.maximum
