"""A city in closed loop: the same again, everybody served or told of, no unit twice."""

from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.make import make_city
from geo.errors import NoStreetNear
from schemas import codes, wire
from schemas.effects import AssignmentWritten, EvidencePlaced, UnitWritten
from schemas.journal import EvidenceNoted, StreetChanged
from sim import Closure, Run, Scenario, Scene, run, scene_of
from sim.times import TimesOnly

NOBODY_GOES = ("merged", "closed", "cancelled", "handed_over")


@cache
def scene() -> Scene:
    return scene_of(make_city(1))


def effects(outcome) -> bytes:
    return b"\n".join(wire.encode(effect) for one in outcome.journal for effect in one.effects)


@pytest.mark.parametrize("demand", ["plain", "full"])
def test_the_same_scenario_gives_the_same_effects(demand):
    scenario = Scenario(scene=scene(), hours=0.5, per_hour=40, demand=demand, keep=True)

    assert effects(run(scenario)) == effects(run(scenario))


def test_another_seed_gives_another_run():
    one = Scenario(scene=scene(), hours=0.5, seed=1, keep=True)
    other = Scenario(scene=scene(), hours=0.5, seed=2, keep=True)

    assert effects(run(one)) != effects(run(other))


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(1, 10_000),
    per_hour=st.sampled_from((5.0, 60.0, 400.0)),
    share=st.sampled_from((1.0, 0.1)),
)
def test_no_unit_is_sent_twice_and_every_event_is_served_or_told_of(seed, per_hour, share):
    units = scene().city.units
    units = units[:: round(1 / share)]
    scenario = Scenario(
        scene=scene(), seed=seed, hours=0.25, per_hour=per_hour, units=units, afterwards_s=1_800.0
    )
    playing = Run(scenario)
    busy: dict[str, str] = {}
    placed: dict[str, str | None] = {}
    for _, _, written in playing:
        for effect in written:
            match effect:
                case AssignmentWritten(assignment=assignment) if assignment.ended is None:
                    assert busy.setdefault(assignment.unit, assignment.id) == assignment.id
                case AssignmentWritten(assignment=assignment):
                    busy.pop(assignment.unit)
                case EvidencePlaced():
                    placed[effect.evidence] = effect.incident
                case UnitWritten(unit=unit):
                    assert (unit.assignment is None) == (unit.id not in busy)

    outcome = playing.outcome()

    noted = {item.evidence.id for item in outcome.noted}
    assert noted == placed.keys()
    assert outcome.score.missed == 0
    for served in outcome.incidents:
        over = served.incident.state in NOBODY_GOES
        assert over or served.dispatched_s is not None or served.told, served


def test_crews_arrive_in_about_the_time_that_was_promised():
    outcome = run(Scenario(scene=scene(), hours=1, per_hour=20))

    arrived = [a for a in outcome.assignments.values() if a.on_scene and a.en_route]
    assert len(arrived) > 20
    for assignment in arrived:
        drove = (assignment.on_scene - assignment.en_route).total_seconds()
        assert 0.8 * assignment.eta_s - 1 <= drove <= 1.3 * assignment.eta_s + 1
    assert outcome.busy_s.keys() == {a.unit for a in outcome.assignments.values()}
    times = sorted(one.on_scene_s for one in outcome.incidents if one.on_scene_s is not None)
    assert outcome.response.count == len(times) > 10
    assert outcome.response.mean_s == pytest.approx(sum(times) / len(times))
    assert outcome.response.longest_s == times[-1]


def test_ways_that_are_not_drawn_take_as_long():
    router = scene().router
    undrawn = TimesOnly(router)
    places = [(unit.home.lon, unit.home.lat) for unit in scene().city.units[::20]]
    for target in places:
        undrawn.etas(places[:5], target, cutoff_s=120.0)
        for source in places:
            way = undrawn.route(source, target)
            assert way.seconds == router.route(source, target).seconds
            assert way.arcs == ()
    with pytest.raises(NoStreetNear):
        undrawn.route(places[0], (0.0, 0.0))


def test_fewer_units_let_people_wait_longer():
    many = run(Scenario(scene=scene(), hours=2, per_hour=60))
    few = run(Scenario(scene=scene(), hours=2, per_hour=60, units=scene().city.units[::20]))

    assert waits(few) > 1.5 * waits(many)


def waits(outcome) -> float:
    """Mean seconds until somebody is on the scene; who was not reached waited an hour."""
    found = [3_600.0 if s.on_scene_s is None else s.on_scene_s for s in outcome.incidents]
    return sum(found) / len(found)


def test_another_policy_sends_others():
    policy = codes.default_policy()
    nobody = msgspec.structs.replace(policy, version="by hand", auto_assign=())

    outcome = run(Scenario(scene=scene(), hours=0.5, policy=nobody))

    sent = outcome.assignments.values()
    assert sent
    assert all(assignment.by == "operator-1" for assignment in sent)


def test_a_street_is_closed_for_its_time():
    arcs = tuple(scene().city.streets.arcs.id[:3])
    closure = Closure("C1", arcs, 60.0, 600.0)

    outcome = run(Scenario(scene=scene(), hours=0.5, closures=(closure,), keep=True))

    entries = [one for one in outcome.journal if isinstance(one.entry, StreetChanged)]
    assert [one.entry.segments for one in entries] == [arcs]
    ended = [
        one.at
        for one in outcome.journal
        for effect in one.effects
        if type(effect).__name__ == "ConditionEnded"
    ]
    assert [(at - entries[0].at).total_seconds() for at in ended] == [540.0]


def test_a_full_play_finds_every_event_once():
    outcome = run(
        Scenario(
            scene=scene(),
            seed=1,
            hours=300 / 3_600,
            per_hour=1_200,
            afterwards_s=90.0,
            demand="full",
            speed=10.0,
        )
    )

    assert (outcome.score.events, outcome.score.found_once) == (98, 98)
    assert outcome.score.false_alarms == 7


def test_a_run_can_be_looked_at_while_it_is_played():
    playing = Run(Scenario(scene=scene(), hours=1, per_hour=30))
    for applied in playing:
        if isinstance(applied.entry, EvidenceNoted):
            break

    assert len(playing.outcome().noted) == 1
    assert playing.core.snapshot().incidents


def test_positions_are_told_only_where_they_change():
    told, streamed = (
        run(Scenario(scene=scene(), hours=0.25, per_hour=20, fixes=fixes, keep=True))
        for fixes in (False, True)
    )

    assert 10 * moves(told) < moves(streamed)


def moves(outcome) -> int:
    return sum(type(one.entry).__name__ == "UnitMoved" for one in outcome.journal)
