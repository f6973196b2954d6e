"""Travel times of arcs with closed lanes or under water, as array formulas for all routers.

If several conditions slow an arc, the slowest one counts. They do not multiply, because a vehicle
that creeps through water is not slowed again by a closed lane beside it.
"""

import numpy as np
import numpy.typing as npt

from geo.routing.profiles import Profile
from geo.streets.columns import FloatArray, IntArray

__all__ = ["lane_closure_ms", "wading_kph", "wading_ms"]

_CAR_LIMIT_MM = 300.0
_MS_PER_HOUR = 3_600.0  # of metres at 1 km/h
_WALK_KPH = 5.0


def lane_closure_ms(usual_ms: FloatArray, lanes: IntArray, closed: IntArray) -> FloatArray:
    """Return milliseconds with some of the lanes closed; inf if no lane is left.

    The speed falls to the share of open lanes, (n - closed) / n. This is our model, not a measured
    one: it assumes traffic that fills all lanes, so that time grows with lost capacity. On
    motorways incidents cost more (one closed lane of two leaves 0.35 of the capacity, one of three
    0.49: Highway Capacity Manual 2010, exhibit 10-17), but sirens need not queue there.

    Parameters
    ----------
    usual_ms
        Shape (m,).
    lanes, closed
        Lanes in the direction of each arc, shape (m,); more may be closed than exist.
    """
    left = np.maximum(lanes - closed, 0) / lanes
    slow: FloatArray = np.full(len(left), np.inf)
    np.divide(usual_ms, left, out=slow, where=left > 0.0)
    return slow


def wading_ms(length_m: FloatArray, depth_m: FloatArray, profile: Profile) -> FloatArray:
    """Return milliseconds at the speed that the water allows: 0 if dry, inf if too deep.

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
    """Return the highest speed in km/h through still water: inf if dry, 0 if too deep.

    Driving: v(w) = 0.0009 w² - 0.5529 w + 86.9448 for w millimetres, up to 300 mm (Pregnolato,
    Ford, Wilkinson and Dawson 2017, "The impact of flooding on road transport: a depth-disruption
    function", Transportation Research D 55, 67-81), for ordinary cars. For a profile with a deeper
    limit the curve is stretched to that limit, at which it only creeps; this is our choice. On
    foot: 5 km/h, reduced by 1.2 times that speed per metre, a line through the reductions of 39 %
    (men) and 45 % (women) measured at 0.35 m (Li, Song, Zhang and Bode 2026, Acta Polytechnica CTU
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
