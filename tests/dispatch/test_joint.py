"""Joint assignment of slots: exact, in any order, never worse than greedy by its own cost."""

from datetime import UTC, datetime
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.joint import Slot, solve

AT = datetime(2026, 11, 30, tzinfo=UTC)
UNITS = [f"U{number}" for number in range(7)]


@st.composite
def slots(draw) -> list[Slot]:
    """Up to five slots; the units U0, U1 … hold the first of them."""
    count = draw(st.integers(0, 5))
    held = draw(st.integers(0, count))
    cost = st.integers(0, 50)
    made = []
    for number in range(count):
        present = UNITS[number] if number < held else None
        costs = draw(st.dictionaries(st.sampled_from(UNITS), cost, max_size=7))
        if present is not None:
            costs[present] = draw(cost)
        key = (draw(st.integers(1, 4)), AT, f"I{number}", "als", 0)
        made.append(Slot(key, present, costs, draw(st.integers(51, 90))))
    return made


def greedy(made: list[Slot]) -> int:
    """The cost of giving each open slot the best free unit, the worst first."""
    taken = {slot.present for slot in made if slot.present is not None}
    cost = 0
    for slot in sorted(made, key=lambda slot: slot.key):
        if slot.present is not None:
            cost += slot.costs[slot.present]
            continue
        free = [(c, unit) for unit, c in slot.costs.items() if unit not in taken]
        best, unit = min(free, default=(slot.queued, None))
        cost += best
        taken.add(unit)
    return cost


def best(made: list[Slot]) -> int:
    """The least cost of all assignments."""
    least = sum(slot.queued for slot in made)
    for units in product(*([None, *slot.costs] for slot in made)):
        sent = [unit for unit in units if unit is not None]
        if len(sent) == len(set(sent)):
            pairs = zip(made, units, strict=True)
            cost = sum(slot.queued if unit is None else slot.costs[unit] for slot, unit in pairs)
            least = min(least, cost)
    return least


@settings(max_examples=300, deadline=None)
@given(slots())
def test_it_is_the_cheapest_of_all(made):
    found = solve(made, 0)
    assert found.cost == best(made)
    units = [unit for unit in found.units.values() if unit is not None]
    assert len(units) == len(set(units))
    assert found.units.keys() == {slot.key for slot in made}


@settings(max_examples=300, deadline=None)
@given(slots(), st.integers(0, 60), st.integers(0, 99))
def test_it_is_never_worse_than_greedy_and_the_same_in_any_order(made, least_gain, seed):
    found = solve(made, least_gain)
    assert found.cost <= greedy(made)
    shuffled = [
        slot._replace(costs=dict(sorted(slot.costs.items(), reverse=True))) for slot in made
    ]
    Random(seed).shuffle(shuffled)
    assert solve(shuffled, least_gain) == found


@settings(max_examples=200, deadline=None)
@given(slots(), st.integers(1, 60))
def test_nobody_is_re_assigned_for_less_than_the_least_gain(made, least_gain):
    found = solve(made, least_gain)
    moved = [s for s in made if s.present is not None and found.units[s.key] != s.present]
    assert not moved or found.cost + least_gain <= greedy(made)
