"""What is learnt from simulated fleets is what they drove."""

from datetime import UTC, datetime

import numpy as np
import pytest

from geo.speeds.learning import SpeedLearner
from geo.speeds.matching import Matched, Matcher, Track
from geo.streets.graph import StreetGraph
from geo.streets.turns import NO_COSTS
from tests.geo.drives import Driver
from tests.geo.maps import LAT, LON, STEP

ZONE = "Asia/Shanghai"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC).timestamp() - 8 * 3600.0  # midnight in Shanghai
HOUR = 3600.0


@pytest.fixture(scope="module")
def streets(monaco: StreetGraph) -> StreetGraph:
    return monaco


def at(day: int, hour: int, rng: np.random.Generator) -> float:
    """A moment in an hour of a week, early enough for a drive to end in it."""
    return MONDAY + day * 24 * HOUR + hour * HOUR + rng.uniform(0.0, 600.0)


@pytest.mark.parametrize("siren", [False, True])
def test_estimates_come_to_the_true_speeds(streets: StreetGraph, siren: bool) -> None:
    rng = np.random.default_rng(5)
    true = streets.arcs.speed_kph * rng.uniform(0.4, 1.4, len(streets.arcs))
    driver = Driver(streets, 4)
    matcher = Matcher(streets, against=siren)
    learner = SpeedLearner(streets, ZONE)
    routes = [driver.route() for _ in range(10)]
    factor = 0.7 if siren else 1.0
    for number in range(250):
        arcs = routes[number % len(routes)]
        turns = dict(
            zip(arcs, streets.turns.turn_ms(np.array(arcs[:-1]), np.array(arcs[1:])), strict=False)
        )
        drive = driver.drive(
            arcs,
            start=at(number % 5, 8, rng),
            kph=lambda arc, _: true[arc],
            stops=lambda arc, turns=turns: turns.get(arc, 0) / 1000.0 * factor,
            noise_m=5.0,
            factor=factor,
        )
        learner.add(drive.track, matcher.match(drive.track), siren=siren)
    learnt = learner.learn()
    samples = np.bincount(learnt.speeds.arc, learnt.speeds.samples, minlength=len(true))
    known = np.flatnonzero((samples >= 20) & (streets.arcs.length_m > 30.0))
    assert len(known) > 100
    found = learnt.speeds.kph_at(2 * 24 + 8)[known] / true[known]
    before = streets.arcs.speed_kph[known] / true[known]
    assert abs(np.median(found) - 1.0) < 0.03
    assert np.median(np.abs(found - 1.0)) < 0.08 < np.median(np.abs(before - 1.0)) / 2.0
    # What counts in the end: how long whole ways take.
    for arcs in routes:
        inner = [arc for arc in arcs if samples[arc]]
        length = streets.arcs.length_m[inner] * 3.6
        expected = (length / learnt.speeds.kph_at(8)[inner]).sum()
        assert expected == pytest.approx((length / true[inner]).sum(), rel=0.1)


def test_rush_hour_is_told_from_night(streets: StreetGraph) -> None:
    rng = np.random.default_rng(6)
    driver, matcher = Driver(streets, 4), Matcher(streets)
    learner = SpeedLearner(streets, ZONE)
    arcs = driver.route(least_m=1_500.0)
    for number in range(80):
        hour, factor = ((8, 0.5), (22, 1.2))[number % 2]
        drive = driver.drive(
            arcs,
            start=at(number % 5, hour, rng),
            kph=lambda arc, _, factor=factor: streets.arcs.speed_kph[arc] * factor,
            noise_m=4.0,
        )
        learner.add(drive.track, matcher.match(drive.track))
    learnt = learner.learn()
    inner = np.array([a for a in arcs[1:-1] if streets.arcs.length_m[a] > 40.0])
    ratio = {h: learnt.speeds.kph_at(h)[inner] / streets.arcs.speed_kph[inner] for h in (8, 22)}
    # Turns cost nothing in these drives, yet are taken off: hence a little too fast.
    assert 0.45 < np.median(ratio[8]) < 0.68
    assert 1.05 < np.median(ratio[22]) < 1.45
    assert learnt.median_change == pytest.approx(0.75, abs=0.15)
    assert set(learnt.speeds.hour.tolist()) <= {d * 24 + h for d in range(5) for h in (8, 9, 22)}


def steady(streets: StreetGraph, kph: float, start: float, turns: bool = False) -> tuple:
    """One passage over 1-2 as if matched, and its track."""
    arc = streets.arc_index("1-2-0")
    seconds = streets.arcs.length_m[arc] * 3.6 / kph
    track = Track.of([start, start + seconds], [LON, LON + STEP], [LAT, LAT])
    matched = Matched(
        fix=np.array([0, 1]),
        arc=np.array([arc, arc]),
        fraction=np.array([0.0, 1.0]),
        drive=np.array([0, 0]),
        step=np.array([0]),
        part_arc=np.array([arc]),
        part_start=np.array([0.0]),
        part_end=np.array([1.0]),
        part_against=np.array([0]),
    )
    return track, matched


@pytest.mark.parametrize("count", [1, 4, 40])
def test_few_samples_count_as_few(small: StreetGraph, count: int) -> None:
    learner = SpeedLearner(small, ZONE, prior_samples=5.0)
    for number in range(count):
        learner.add(*steady(small, 18.0, MONDAY + 8 * HOUR + 60.0 * number))
    speeds = learner.learn().speeds
    assert (speeds.hour.tolist(), speeds.samples.tolist()) == ([8], [count])
    pace = (count / 18 + 5 / 36) / (count + 5)  # (n * mean + k * prior) / (n + k)
    assert speeds.kph[0] == pytest.approx(1 / pace, rel=1e-3)
    assert 18.0 < speeds.kph[0] < 36.0


def test_other_hours_are_the_prior(small: StreetGraph) -> None:
    learner = SpeedLearner(small, ZONE, prior_samples=5.0)
    driven = ((18.0, 0, 8, 2), (9.0, 1, 8, 3), (36.0, 6, 8, 4), (12.0, 2, 20, 6))
    for kph, day, hour, count in driven:
        for _ in range(count):
            learner.add(*steady(small, kph, MONDAY + day * 24 * HOUR + hour * HOUR))
    speeds = learner.learn().speeds
    # Monday at eight: Tuesday at eight before, Wednesday evening and Sunday before that.
    rest = (4 / 36 + 6 / 12 + 5 / 36) / (10 + 5)
    tuesday = (3 / 9 + 5 * rest) / (3 + 5)
    monday = (2 / 18 + 5 * tuesday) / (2 + 5)
    assert speeds.kph[speeds.hour == 8][0] == pytest.approx(1 / monday, rel=1e-3)


def test_one_in_ten_that_stops_at_the_kerb_does_not_spoil_it(small: StreetGraph) -> None:
    learner = SpeedLearner(small, ZONE)
    for number in range(100):
        kph = 1.5 if number % 10 == 0 else 36.0
        learner.add(*steady(small, kph, MONDAY + 8 * HOUR + 30.0 * number))
    assert 25.0 < learner.learn().speeds.kph[0] < 36.0  # a plain mean would say 11


def test_siren_is_taken_off(small: StreetGraph) -> None:
    speeds = []
    for kph, siren in ((21.0, False), (30.0, True)):
        learner = SpeedLearner(small, ZONE)
        learner.add(*steady(small, kph, MONDAY + 8 * HOUR), siren=siren)
        speeds.append(learner.learn().speeds.kph[0])
    assert speeds[0] == pytest.approx(speeds[1])


def test_a_simulated_fleet_that_is_faster_than_life(small: StreetGraph) -> None:
    learner = SpeedLearner(small, ZONE, faster=10.0)
    learner.add(*steady(small, 300.0, MONDAY + 8 * HOUR))
    usual = SpeedLearner(small, ZONE)
    usual.add(*steady(small, 30.0, MONDAY + 8 * HOUR))
    assert learner.learn().speeds.kph[0] == usual.learn().speeds.kph[0]


def test_what_is_left_out_is_counted(small: StreetGraph) -> None:
    learner = SpeedLearner(small, ZONE)
    track, matched = steady(small, 300.0, MONDAY)
    learner.add(track, matched)
    track, matched = steady(small, 30.0, MONDAY)
    matched.part_against[0] = 1
    learner.add(track, matched)
    track, matched = steady(small, 30.0, MONDAY)
    matched.part_end[0] = 0.4
    learner.add(track, matched)
    learnt = learner.learn()
    assert (learnt.arcs, learnt.passages, len(learnt.speeds)) == (0, 0, 0)
    assert learnt.left_out == {
        "passages of less than half an arc": 1,
        "steps against a one-way street": 1,
        "steps too fast to be true": 1,
    }
    nothing = SpeedLearner(small, ZONE).learn()
    assert (nothing.arcs, nothing.left_out) == (0, {})
    assert np.isnan(nothing.median_change)


def test_the_same_drives_in_any_order_teach_the_same(small: StreetGraph) -> None:
    tracks = [steady(small, 20.0 + i, MONDAY + i * 1000.0) for i in range(30)]
    tables = []
    for order in (tracks, tracks[::-1]):
        learner = SpeedLearner(small, ZONE)
        for track, matched in order:
            learner.add(track, matched)
        tables.append(learner.learn().speeds)
    assert tables[0].hour.tolist() == tables[1].hour.tolist()
    np.testing.assert_allclose(tables[0].kph, tables[1].kph)


def test_turns_are_not_counted_twice(small: StreetGraph) -> None:
    track = Track.of(
        MONDAY + np.array([0.0, 20.0, 60.0]),
        [LON, LON + STEP / 2, LON + STEP],
        [LAT, LAT, LAT + STEP / 2],
    )
    speeds = []
    for rules in (small.turns.with_costs(NO_COSTS), small.turns):
        small.__dict__["turns"] = rules
        learner = SpeedLearner(small, ZONE)
        matched = Matcher(small).match(track)
        assert {small.arcs.id[i] for i in matched.part_arc.tolist()} == {"1-2-0", "2-4-0"}
        learner.add(track, matched)
        speeds.append(learner.learn().speeds.kph)
    assert (speeds[1] > speeds[0]).all()
