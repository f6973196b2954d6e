"""Crews that answer calls: the same again, everybody reached, nothing but decisions differs."""

from collections.abc import Sequence
from functools import cache
from typing import Literal

import msgspec
import pytest

from bench._dispatch_city import DemoCity
from bench._dispatch_peers import GreedyDiversion
from dispatch.assignment import Assigner
from schemas import codes
from schemas.policy import Joint, Policy
from sim.calls import Call, Outcome, Shift, answer

HOURS = 1.5


pytestmark = pytest.mark.slow


@cache
def town() -> DemoCity:
    return DemoCity()


@cache
def calls() -> Sequence[Call]:
    return town().calls(7, HOURS / 24.0, load=3.0)


def policy(assigner: Literal["fewest_seconds", "joint"]) -> Policy:
    return msgspec.structs.replace(
        codes.default_policy(),
        assigner=assigner,
        joint=Joint(lock_s=10.0),
        stale_position_s=1e9,
        closed_memory_s=3_600.0,
    )


def played(
    name: Literal["fewest_seconds", "joint"] = "fewest_seconds",
    assigner: Assigner | None = None,
    noise: float = 0.0,
    some: Sequence[Call] | None = None,
) -> Outcome:
    shift = Shift(
        router=town().router,
        units=town().units,
        policy=policy(name),
        assigner=assigner,
        delay_s=5.0,
        turnout_s=60.0,
        noise=noise,
    )
    return answer(shift, calls() if some is None else some)


def test_the_same_shift_gives_the_same_answers():
    one, other = (played("joint", noise=0.2).answered for _ in range(2))
    assert one == other
    assert len(one) == len(calls()) > 50


@pytest.mark.parametrize("name", ["fewest_seconds", "joint"])
def test_everybody_is_reached_in_the_end(name):
    outcome = played(name)
    assert [one.call for one in outcome.answered] == list(calls())
    assert all(one.arrival_s is not None and one.arrival_s > 5.0 for one in outcome.answered)
    assert max(one.diverted for one in outcome.answered) <= 2
    assert (sum(one.diverted for one in outcome.answered) > 0) is (name == "joint")
    assert outcome.driven_s > 0.0
    assert len(outcome.decisions_s) >= 2 * len(calls())


def test_greedy_diversion_takes_units_of_milder_incidents_for_p1_alone():
    outcome = played(assigner=GreedyDiversion())
    lost = [one for one in outcome.answered if one.diverted]
    assert lost
    assert all(one.call.severity != "P1" for one in lost)


def test_what_is_drawn_for_a_call_hangs_on_no_other_call():
    """One call alone, and again when another one came long before it: the same noise."""
    last = calls()[-1]._replace(at_s=90_000.0)
    alone = played(noise=0.3, some=[last]).answered[-1]
    after = played(noise=0.3, some=[calls()[0], last]).answered[-1]
    assert alone.arrival_s == pytest.approx(after.arrival_s, abs=1.0)
    assert alone.arrival_s != pytest.approx(played(some=[last]).answered[-1].arrival_s, abs=1e-6)
