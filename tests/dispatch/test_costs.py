"""What lateness costs: integers, rising with every second, in the order of severities."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.costs import MICRO, Costs, lateness
from schemas.policy import Joint

COSTS = Costs(Joint())
SEVERITIES = ("P1", "P2", "P3", "P4")
HOUR = 3_600_000

times = st.integers(0, 4 * HOUR)
severities = st.sampled_from(SEVERITIES)


@given(st.integers(-HOUR, HOUR), st.integers(1_000, 600_000))
def test_lateness_is_the_logistic_function(over: int, slope: int) -> None:
    x = max(-8.0, min(8.0, over / slope))
    assert lateness(over, slope) == pytest.approx(MICRO / (1 + exp(-x)), abs=20)


def test_lateness_is_a_half_at_the_target_and_is_bounded():
    assert lateness(0, 60_000) == MICRO // 2
    assert lateness(-HOUR * 99, 60_000) == 335
    assert lateness(HOUR * 99, 60_000) == 999_665
    assert lateness(60_000, 60_000) == 731_059


@given(severities, times, times, st.integers(1, HOUR))
def test_later_costs_more(severity: str, waited: int, travel: int, more: int) -> None:
    early, late = (COSTS.arrival(severity, waited, t) for t in (travel, travel + more))
    assert early <= late
    if more >= 1_000:
        assert early < late, "a second counts, also when it is too late already"


@given(severities, times, st.integers(0, HOUR))
def test_somebody_late_is_better_than_nobody(severity: str, waited: int, travel: int) -> None:
    arrival = COSTS.arrival(severity, waited, travel) + COSTS.switch + COSTS.stale
    alone, emptied = (COSTS.queued(severity, waited, emptied=e) for e in (False, True))
    assert arrival < alone < emptied


@given(severities, times, times)
def test_a_weight_grows_to_the_next_worse_one_and_no_further(
    severity: str, waited: int, more: int
) -> None:
    weights = Joint().weights
    worse = SEVERITIES[max(0, SEVERITIES.index(severity) - 1)]
    known, later = COSTS.weight(severity, waited), COSTS.weight(severity, waited + more)
    assert weights[severity] * MICRO <= known <= later <= weights[worse] * MICRO
    target = round(Joint().targets_s[severity] * 1_000)
    assert COSTS.weight(severity, target) == weights[severity] * MICRO
    assert COSTS.weight(severity, 3 * target) == weights[worse] * MICRO


def test_a_cost_worked_out_by_hand():
    """A P2 at once, there in 8 min: half late, and one target of time."""
    assert COSTS.arrival("P2", 0, 480_000) == 500_000 * (500_000 + 100_000) // MICRO
    assert COSTS.queued("P2", 0, emptied=False) == 25 * MICRO
    assert COSTS.queued("P2", 240_000, emptied=True) == 30_240_000


def test_a_new_p1_is_served_before_a_p2_that_has_waited_for_hours():
    new = COSTS.queued("P1", 0, emptied=False)
    assert COSTS.queued("P2", 8 * HOUR, emptied=False) < new
    assert COSTS.queued("P2", 9 * HOUR, emptied=False) > new, "nothing waits for ever"


@pytest.mark.parametrize("weight", [1.0, 1_000.0], ids=["usual", "beyond 64 bits"])
@given(
    severities, times, st.lists(times, min_size=30, max_size=40), st.sampled_from([10.0, 90_000.0])
)
def test_many_cost_what_each_costs_alone(
    weight: float, severity: str, waited: int, travels: list[int], slope_s: float
) -> None:
    rules = Joint(
        weights=dict.fromkeys(SEVERITIES, weight), response_weight=weight, slope_s=slope_s
    )
    costs = Costs(rules)
    alone = [costs.arrival(severity, waited, travel) for travel in travels]
    assert costs.arrivals(severity, waited, travels) == alone
    assert all(type(cost) is int for cost in costs.arrivals(severity, waited, travels))
