"""How long arcs take with lanes closed or under water, as array formulas that routers share.

What holds together on one arc, of all that slows it, is the slowest: conditions do not multiply,
since whoever creeps through water is not held up again by the lane that is closed beside it.
"""

import numpy as np
import numpy.typing as npt

from geo.columns import FloatArray, IntArray
from geo.profiles import Profile

__all__ = ["lane_closure_ms", "wading_kph", "wading_ms"]

_CAR_LIMIT_MM = 300.0
_MS_PER_HOUR = 3_600.0  # of metres at 1 km/h
_WALK_KPH = 5.0


def lane_closure_ms(usual_ms: FloatArray, lanes: IntArray, closed: IntArray) -> FloatArray:
    """Milliseconds with some of the lanes closed; inf where none is left.

    The speed falls to the share of lanes that is left, n - closed of n. This is our model, not a
    measured one: it takes a street for as full as its lanes, so that time grows as capacity is
    lost. On motorways incidents cost more (one of two lanes closed leaves 0.35 of the capacity,
    one of three 0.49: Highway Capacity Manual 2010, exhibit 10-17), but queues there do not form
    for sirens.

    Parameters
    ----------
    usual_ms
        Shape (m,).
    lanes, closed
        In the direction of each arc, shape (m,); closed may be more than there are.
    """
    left = np.maximum(lanes - closed, 0) / lanes
    slow: FloatArray = np.full(len(left), np.inf)
    np.divide(usual_ms, left, out=slow, where=left > 0.0)
    return slow


def wading_ms(length_m: FloatArray, depth_m: FloatArray, profile: Profile) -> FloatArray:
    """Milliseconds at the speed that water of a depth allows: 0 where it is dry, inf if too deep.

    Parameters
    ----------
    length_m, depth_m
        Shape (m,).
    profile
        Who wades.
    """
    kph = wading_kph(depth_m, profile)
    slow: FloatArray = np.full(len(kph), np.inf)
    np.divide(length_m * _MS_PER_HOUR, kph, out=slow, where=kph > 0.0)
    return slow


def wading_kph(depth_m: FloatArray, profile: Profile) -> FloatArray:
    """Highest speed in km/h through still water: inf where it is dry, 0 where it is too deep.

    Driving: v(w) = 0.0009 w² - 0.5529 w + 86.9448 for w millimetres, to 300 mm (Pregnolato, Ford,
    Wilkinson and Dawson 2017, "The impact of flooding on road transport: a depth-disruption
    function", Transportation Research D 55, 67-81), which is of ordinary cars. For a profile that
    wades deeper the curve is stretched to its limit, so that it creeps where it has to turn back:
    that is ours. On foot: 5 km/h less 1.2 of it a metre, a line through the fall of 39 % (men) and
    45 % (women) measured in 0.35 m (Li, Song, Zhang and Bode 2026, Acta Polytechnica CTU
    Proceedings 57).

    Parameters
    ----------
    depth_m
        Shape (m,), not negative.
    profile
        Who wades: `wading_limit_m` and `on_foot`.
    """
    if profile.on_foot:
        kph = _WALK_KPH * (1.0 - 1.2 * depth_m)
    else:
        w = depth_m * 1000.0 * (_CAR_LIMIT_MM / (profile.wading_limit_m * 1000.0))
        kph = 0.0009 * w * w - 0.5529 * w + 86.9448
    kph = np.where(depth_m >= profile.wading_limit_m, 0.0, kph)
    found: npt.NDArray[np.float64] = np.where(depth_m <= 0.0, np.inf, kph)
    return found
