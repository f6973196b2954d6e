"""What it costs that a unit comes late, or that nobody comes: integers, so that sums are exact.

The unit is a millionth of the cost of one P1 that is certainly late (`MICRO`); times are whole
milliseconds. How the terms are weighed is policy (`schemas.policy.Joint`).
"""

from collections.abc import Iterable
from decimal import Decimal, localcontext

import numpy as np
import numpy.typing as npt

from schemas import codes
from schemas.policy import Joint

MICRO = 1_000_000
"""Costs are counted in millionths."""
_STEPS = 1_024
_PER_SLOPE = 64
"""Steps of the table within one slope of the logistic function: it reaches 8 slopes each way."""


def _table() -> tuple[int, ...]:
    """Return ``MICRO / (1 + exp(-x))`` for x from -8 to 8, each half rounded up.

    Decimal, whose ``exp`` is correctly rounded: a float's last digit is each machine's own.
    """
    with localcontext() as context:
        context.prec = 28
        steps = (Decimal(step) / _PER_SLOPE - 8 for step in range(_STEPS + 1))
        return tuple(int(MICRO / (1 + (-x).exp()) + Decimal("0.5")) for x in steps)


_TABLE = _table()
_COLUMN = np.array(_TABLE, dtype=np.int64)
_MANY = 24
"""From so many units on their costs are worked out as columns."""
_EXACT = 2**61
"""Columns hold 64 bits: numbers that could come near that are Python's own."""


def lateness(over_ms: int, slope_ms: int) -> int:
    """Return the cost of arriving ``over_ms`` after the target; negative before it.

    The logistic function of ``over_ms / slope_ms``, straight between the steps of its table: 0.5
    at the target, 0.73 one slope after it. A sharp limit would make a call that is late already
    worth nothing, and a second at the limit worth everything.
    """
    step, rest = divmod(over_ms * _PER_SLOPE + _STEPS // 2 * slope_ms, slope_ms)
    if step < 0:
        return _TABLE[0]
    if step >= _STEPS:
        return _TABLE[_STEPS]
    low, high = _TABLE[step], _TABLE[step + 1]
    return low + (high - low) * rest // slope_ms


class Costs:
    """Costs by the terms of a policy.

    Attributes
    ----------
    switch
        That the unit under way is exchanged for another one.
    stale
        That a unit's position is not to be relied on.
    least_gain
        Re-assignments are made from this fall of the total cost on.
    """

    def __init__(self, rules: Joint) -> None:
        self.switch = _micro(rules.switch_cost)
        self.stale = _micro(rules.stale_cost)
        self.least_gain = _micro(rules.least_gain)
        self._slope_ms = milliseconds(rules.slope_s)
        self._response = _micro(rules.response_weight)
        self._excess = _micro(rules.excess_weight)
        self._queue = _micro(rules.queue_cost)
        self._queue_ms = milliseconds(rules.queue_wait_s)
        self._emptied = _micro(rules.emptied_factor)
        self._grown = _micro(rules.grown_at)
        self._targets = {code: milliseconds(s) for code, s in rules.targets_s.items()}
        self._weights = {code: _micro(weight) for code, weight in rules.weights.items()}
        self._worse = _worse(rules)

    def arrival(self, severity: str, waited_ms: int, travel_ms: int) -> int:
        """Return the cost of a unit that needs ``travel_ms`` to what has waited ``waited_ms``."""
        (cost,) = self.arrivals(severity, waited_ms, (travel_ms,))
        return cost

    def arrivals(self, severity: str, waited_ms: int, travels_ms: Iterable[int]) -> list[int]:
        """Return the cost of each of several units.

        ``w × (F((e + t - T) / s) + a (e + t) / T + b max(0, e + t - T) / T)`` with the weight w,
        the target T, the waiting e and the travel t.
        """
        travels = list(travels_ms)
        target, weight = self._targets[severity], self.weight(severity, waited_ms)
        longest = waited_ms + max(travels, default=0)
        peak = (self._response + self._excess) * longest
        exact = max(peak, weight * (2 * MICRO + peak // target), _PER_SLOPE * longest) < _EXACT
        if len(travels) < _MANY or not exact:
            return [self._late(target, weight, waited_ms + travel) for travel in travels]
        return self._all_late(target, weight, waited_ms + np.array(travels, dtype=np.int64))

    def _late(self, target: int, weight: int, total: int) -> int:
        over = total - target
        terms = lateness(over, self._slope_ms)
        terms += (self._response * total + self._excess * max(0, over)) // target
        return _times(weight, terms)

    def _all_late(self, target: int, weight: int, total: npt.NDArray[np.int64]) -> list[int]:
        """Return what `_late` does, of many at once."""
        slope, over = self._slope_ms, total - target
        step, rest = np.divmod(over * _PER_SLOPE + _STEPS // 2 * slope, slope)
        before = np.minimum(np.maximum(step, 0), _STEPS - 1)
        low, high = _COLUMN[before], _COLUMN[before + 1]
        terms = low + (high - low) * rest // slope
        terms[step < 0] = _TABLE[0]
        terms[step >= _STEPS] = _TABLE[_STEPS]
        terms += (self._response * total + self._excess * np.maximum(over, 0)) // target
        costs: list[int] = ((weight * terms + MICRO // 2) // MICRO).tolist()
        return costs

    def queued(self, severity: str, waited_ms: int, *, emptied: bool) -> int:
        """Return the cost of sending nobody; ``emptied`` where a unit is on its way now.

        ``w × (queue + e / wait)``: so much that no lateness outweighs it, and more with time. The
        weight is the severity's own, or a P2 that has waited would go before a P1 that is new.
        """
        terms = self._queue + MICRO * waited_ms // self._queue_ms
        cost = _times(self._weights[severity], terms)
        return _times(cost, self._emptied) if emptied else cost

    def weight(self, severity: str, waited_ms: int) -> int:
        """Return what a severity weighs after so long.

        From its target on it grows, straight, to the weight of the next worse one, so that nothing
        starves behind what is a little worse.
        """
        own, worse = self._weights[severity], self._weights[self._worse[severity]]
        target = self._targets[severity]
        grown_ms = _times(target, self._grown)
        if waited_ms <= target or worse <= own:
            return own
        share = min(waited_ms, grown_ms) - target
        return own + (worse - own) * share // (grown_ms - target)


def milliseconds(seconds: float) -> int:
    """Return seconds in whole milliseconds."""
    return round(seconds * 1_000)


def _worse(rules: Joint) -> dict[str, str]:
    """Return the next worse severity of each; the worst one is its own."""
    ranked = sorted(rules.weights, key=lambda code: codes.severity(code).rank)
    return dict(zip(ranked, [ranked[0], *ranked], strict=False))


def _micro(value: float) -> int:
    return round(value * MICRO)


def _times(one: int, other: int) -> int:
    """Return a product of two numbers of which one is in millionths, each half rounded up."""
    return (one * other + MICRO // 2) // MICRO
