"""How well the next calls are covered, by where free units wait: integers, so that sums are exact.

The expected cost of a call: the nearest free unit goes, or the next one where that is busy, each
as late as it then is. Unlike the share that is reached in time (MEXCLP: Daskin 1983), it tells a
call that is a second late from one that is ten minutes late.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import inf

import numpy as np
import numpy.typing as npt

from dispatch.costs import MICRO, Costs, milliseconds
from schemas import codes
from schemas.policy import Coverage, Joint

_Column = npt.NDArray[np.int64]

_COARSE = 100
"""Costs of arrivals are kept in so many millionths: their sums stay within 64 bits."""
_SHARES = 4_096
"""Probabilities are counted in these parts."""
_CELLS = 1_000_000
"""Weights of cells are counted in these parts of all calls."""
_DAY_S = 86_400


class Cover:
    """What it costs, and how much is reached in time, with so many free units at each base.

    Parameters
    ----------
    rules, joint
        Of the policy: cells and probabilities, and what lateness costs.
    seconds
        By cell, the travel time from each base; infinite where no way leads.

    Attributes
    ----------
    severity
        The worst one: of its calls the costs are.
    """

    def __init__(self, rules: Coverage, joint: Joint, seconds: Sequence[Sequence[float]]) -> None:
        self._rules = rules
        self.severity = min(joint.targets_s, key=lambda code: codes.severity(code).rank)
        target_ms = milliseconds(joint.targets_s[self.severity])
        turnout_ms = milliseconds(joint.turnout_s)
        self._unserved = round(rules.unserved_cost * MICRO) // _COARSE
        costs = Costs(joint)

        def cost(travel_s: float) -> int:
            if travel_s == inf:
                return self._unserved
            late = costs.arrival(self.severity, turnout_ms, milliseconds(travel_s))
            return min(late // _COARSE, self._unserved)

        order = [sorted(range(len(row)), key=lambda base: (row[base], base)) for row in seconds]
        ranked = [[row[base] for base in bases] for row, bases in zip(seconds, order, strict=True)]
        self._order = np.array(order, dtype=np.int64)
        self._costs = np.array([[cost(s) for s in row] for row in ranked], dtype=np.int64)
        in_time = [
            [s < inf and turnout_ms + milliseconds(s) <= target_ms for s in row] for row in ranked
        ]
        self._in_time = np.array(in_time, dtype=np.int64)
        total = sum(Fraction(cell.calls_a_day) for cell in rules.cells)
        weights = [round(Fraction(cell.calls_a_day) / total * _CELLS) for cell in rules.cells]
        self._weights = np.array(weights, dtype=np.int64)
        self._expected = total * Fraction(rules.horizon_s) / _DAY_S

    def cost(self, counts: Sequence[int]) -> int:
        """Return what calls cost, in millionths, within the horizon, with free units at bases."""
        served, left = self._served(counts)
        by_cell = (served * self._costs).sum(axis=1) + left * self._unserved
        a_call = int((self._weights * by_cell).sum()) * _COARSE
        return int(a_call * self._expected / (_SHARES * _CELLS))

    def in_time(self, counts: Sequence[int]) -> float:
        """Return the share, 0 to 1, of calls that a free unit is expected to reach in time."""
        served, _ = self._served(counts)
        reached = int((self._weights * (served * self._in_time).sum(axis=1)).sum())
        return reached / (_SHARES * _CELLS)

    def drive(self, seconds: float) -> int:
        """Return what it costs, in millionths, to drive to a base."""
        rules = self._rules
        return int(
            Fraction(rules.drive_cost) * milliseconds(seconds) * MICRO / milliseconds(rules.drive_s)
        )

    def _served(self, counts: Sequence[int]) -> tuple[_Column, int]:
        """Return by cell and rank of a base how often it serves, and how often none does."""
        units = sum(counts)
        busy = Fraction(self._rules.busy_share)
        powers = np.array([round(busy**k * _SHARES) for k in range(units + 1)], dtype=np.int64)
        here = np.array(counts, dtype=np.int64)[self._order]
        until = np.cumsum(here, axis=1)
        return powers[until - here] - powers[until], int(powers[units])
