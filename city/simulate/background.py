"""Background readings of sensors: a daily curve with noise, and some always near the threshold.

Values stay below the opening condition by a margin, whatever the noise: an alarm without an event
would be the simulator's fault.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from atlas.city import Sensor
from schemas.codes import ObservedProperty, observed_property

__all__ = ["Background", "alarm_value", "calm_value"]


class _Shape(NamedTuple):
    """Usual value (from, to), daily variation as a share, hour of the peak, noise."""

    low: float
    high: float
    swing: float
    peak_hour: float
    noise: float


_SHAPES = {
    "smoke": _Shape(0.2, 2.0, 0.3, 18.5, 0.3),
    "gas": _Shape(0.2, 3.0, 0.3, 18.5, 0.4),
    "water_level": _Shape(0.0, 0.04, 0.2, 6.0, 0.005),
    "air_quality": _Shape(25.0, 90.0, 0.3, 8.0, 4.0),
    "crowd_density": _Shape(0.3, 1.8, 0.6, 18.0, 0.15),
    "traffic": _Shape(22.0, 45.0, -0.35, 18.0, 3.0),
    "manhole": _Shape(0.2, 2.5, 0.0, 0.0, 0.2),
    "lift": _Shape(0.0, 0.0, 0.0, 0.0, 0.0),
}
_CLOSE = 0.05
"""Share of sensors with a usual value near the threshold."""
_MARGIN = 0.03


class Background:
    """The series of all sensors of a city; deterministic by seed and order of calls."""

    def __init__(self, sensors: Sequence[Sensor], seed: int) -> None:
        self.sensors = tuple(sensors)
        self._rng = np.random.default_rng([seed, 0xBAC6])
        rows = [observed_property(sensor.observed_property) for sensor in sensors]
        shapes = [_shape(row) for row in rows]
        n = len(rows)
        chance = self._rng.random(n)
        low = np.array([s.low for s in shapes])
        high = np.array([s.high for s in shapes])
        self._usual = low + chance * (high - low)
        self._swing = np.array([s.swing for s in shapes])
        self._peak = np.array([s.peak_hour for s in shapes])
        self._noise = np.array([s.noise for s in shapes])
        above = np.array([row.direction == "above" for row in rows], dtype=bool)
        opens = np.array([row.opens_at for row in rows])
        self._least = np.where(above, [row.minimum for row in rows], opens * (1.0 + 3 * _MARGIN))
        self._most = np.where(above, opens * (1.0 - _MARGIN), [row.maximum for row in rows])
        close = (self._rng.random(n) < _CLOSE) & (self._noise > 0.0)
        self._usual[close] = np.where(above, opens * 0.9, opens * 1.8)[close]
        self._swing[close] = 0.02
        self._order = self._rng.permutation(n)
        self._next = 0

    def readings(self, how_many: int, hour: float) -> list[tuple[int, float]]:
        """Return the next readings, sensor by sensor in a fixed order.

        Parameters
        ----------
        hour
            Local time of day, 0 to 24.

        Returns
        -------
        list of (int, float)
            Index of the sensor and its value.
        """
        n = len(self.sensors)
        if n == 0:
            return []
        which = self._order[(self._next + np.arange(how_many)) % n]
        self._next = (self._next + how_many) % n
        phase = np.cos((hour - self._peak[which]) * (math.pi / 12.0))
        values = self._usual[which] * (1.0 + self._swing[which] * phase)
        values += self._noise[which] * self._rng.standard_normal(how_many)
        values = np.clip(values, self._least[which], self._most[which])
        return list(zip(which.tolist(), np.round(values, 3).tolist(), strict=True))


def alarm_value(row: ObservedProperty, result: float, chance: float) -> float:
    """Return a value between the opening condition and ``result``, always beyond it."""
    return round(row.opens_at + (result - row.opens_at) * (0.6 + 0.4 * chance), 4)


def calm_value(row: ObservedProperty) -> float:
    """Return a value at which every alarm of the property ends."""
    if row.direction == "below":
        return row.closes_at + 0.5 * (row.closes_at - row.opens_at)
    return row.minimum + 0.5 * (row.closes_at - row.minimum) if row.maximum > 1.0 else row.minimum


def _shape(row: ObservedProperty) -> _Shape:
    known = _SHAPES.get(row.code)
    if known is not None:
        return known
    calm = calm_value(row)
    return _Shape(calm, calm, 0.0, 0.0, 0.02 * abs(calm))
