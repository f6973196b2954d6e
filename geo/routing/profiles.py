"""Profiles: how each kind of vehicle drives, for the routers' weights."""

import math
from dataclasses import dataclass, replace

import numpy as np

from geo.errors import BadConditions
from geo.routing.arc_speeds import ArcSpeeds
from geo.streets.columns import Arcs, BoolArray, FloatArray

__all__ = ["PROFILES", "WALK_MS_PER_M", "Profile", "forbidden", "usual_ms"]

WALK_MS_PER_M = 720.0  # 5 km/h


@dataclass(frozen=True, slots=True)
class Profile:
    """How a kind of vehicle drives.

    `time_factor` multiplies the usual time; `against_factor` multiplies it again against a one-way
    street (None: forbidden); `emergency_access` opens arcs for emergency vehicles only.
    `turn_factor` multiplies the costs of turns; `ban_penalty_ms` is the extra cost of a banned turn
    (None: forbidden). `on_foot` computes the time from the length, at 5 km/h, whatever the traffic.
    `wading_limit_m` is the depth of water that stops it; for its speed in shallower water see
    `geo.routing.slowdowns`.

    `height_m`, `width_m`, `weight_t` and `length_m` are the vehicle's; it does not use arcs that
    allow less (None: it fits everywhere). `PROFILES` have none: use `Profile.sized`.
    """

    name: str
    time_factor: float = 1.0
    against_factor: float | None = None
    emergency_access: bool = False
    turn_factor: float = 1.0
    ban_penalty_ms: int | None = None
    on_foot: bool = False
    wading_limit_m: float = 0.3
    height_m: float | None = None
    width_m: float | None = None
    weight_t: float | None = None
    length_m: float | None = None

    def sized(
        self,
        *,
        height_m: float | None = None,
        width_m: float | None = None,
        weight_t: float | None = None,
        length_m: float | None = None,
    ) -> "Profile":
        """Return the same profile for a vehicle of these dimensions.

        Raises
        ------
        BadConditions
            A dimension is not above 0.
        """
        for name, value in (
            ("height_m", height_m),
            ("width_m", width_m),
            ("weight_t", weight_t),
            ("length_m", length_m),
        ):
            if value is not None and not 0.0 < value < math.inf:
                raise BadConditions(f"a vehicle's {name} is {value}: give a number above 0")
        return replace(
            self, height_m=height_m, width_m=width_m, weight_t=weight_t, length_m=length_m
        )


# Depths of water: ordinary cars 0.3 m (Pregnolato et al. 2017). In the Australian Disaster
# Resilience Guideline 7-3 (2017), still water to 0.5 m (class H2) is "unsafe for small vehicles",
# deeper (H3) "unsafe for vehicles, children and the elderly". So 0.5 m on foot, and for emergency
# vehicles, which are large: one cautious figure for all of them. A fire engine may go deeper, if
# its maker allows it; no general limit was found.
PROFILES = {
    "civilian": Profile("civilian"),
    # Siren: the usual time times 0.7 (JEMSS), for streets and turns. One-way streets and turns are
    # open against their sign where safe (PRC Road Traffic Safety Law, art. 53), but slow: three
    # times the time along the street, ten seconds more at a turn.
    "emergency": Profile(
        "emergency",
        0.7,
        3.0,
        emergency_access=True,
        turn_factor=0.7,
        ban_penalty_ms=10_000,
        wading_limit_m=0.5,
    ),
    "foot": Profile(
        "foot",
        1.0,
        1.0,
        emergency_access=True,
        turn_factor=0.0,
        ban_penalty_ms=0,
        on_foot=True,
        wading_limit_m=0.5,
    ),
}


def forbidden(arcs: Arcs, profile: Profile, hour: int | None = None) -> BoolArray:
    """Return the arcs that a profile may not use at an hour of the week, shape (arcs,).

    They are for crews only, or too low, narrow, weak or winding for the vehicle. Without an hour,
    arcs that are for crews only at some hours are so at all.
    """
    closed = np.zeros(len(arcs), dtype=np.bool_)
    if not profile.emergency_access:
        closed |= arcs.emergency_only
        if arcs.by_hour is not None:
            closed[arcs.by_hour.closed_at(hour)] = True
    for size, largest in arcs.limits.items():
        own: float | None = getattr(profile, size)
        if own is not None and not profile.on_foot:
            closed |= largest < own
    return closed


def usual_ms(
    arcs: Arcs, profile: Profile, speeds: ArcSpeeds | None = None, hour: int | None = None
) -> FloatArray:
    """Return milliseconds for each arc in its direction, unrounded, as if all arcs were open.

    With an `hour` of the week, use the `speeds` of that hour, if there are any, but none above a
    limit that holds in it. A ferry takes the time of
    its timetable, whoever is on it.
    """
    if profile.on_foot:
        base = arcs.length_m * WALK_MS_PER_M
    elif speeds is None or hour is None:
        base = arcs.ms.astype(np.float64)
    else:
        base = speeds.ms_at(arcs, hour)
    if arcs.by_hour is not None and not profile.on_foot:
        slowed, kph = arcs.by_hour.slowed_at(hour)
        limit = np.rint(arcs.length_m[slowed] * 3600.0 / kph)
        base[slowed] = np.maximum(base[slowed], limit)
    usual: FloatArray = base * profile.time_factor
    if arcs.carried.any():
        usual[arcs.carried] = arcs.ms[arcs.carried]
    return usual
