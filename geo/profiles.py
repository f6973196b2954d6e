"""How each kind of vehicle drives: the profiles that routers weigh streets by."""

from dataclasses import dataclass

import numpy as np

from geo.arc_speeds import ArcSpeeds
from geo.columns import Arcs, FloatArray

__all__ = ["PROFILES", "WALK_MS_PER_M", "Profile", "usual_ms"]

WALK_MS_PER_M = 720.0  # 5 km/h


@dataclass(frozen=True, slots=True)
class Profile:
    """How a kind of vehicle drives.

    `time_factor` multiplies the usual time; `against_factor` multiplies it again against a one-way
    street, None where that is forbidden; `emergency_access` opens arcs for emergency vehicles only.
    `turn_factor` multiplies what turns cost; `ban_penalty_ms` is what a banned turn costs more,
    None where that is forbidden. `on_foot` takes the time from the length, at 5 km/h, whatever the
    traffic. `wading_limit_m` is the depth of water that turns it back; how fast it is in less, see
    `geo.slowdowns`.
    """

    name: str
    time_factor: float = 1.0
    against_factor: float | None = None
    emergency_access: bool = False
    turn_factor: float = 1.0
    ban_penalty_ms: int | None = None
    on_foot: bool = False
    wading_limit_m: float = 0.3


# Depths of water: ordinary cars 0.3 m (Pregnolato et al. 2017). In the Australian Disaster
# Resilience Guideline 7-3 (2017), still water to 0.5 m (class H2) is "unsafe for small vehicles",
# deeper (H3) "unsafe for vehicles, children and the elderly". So 0.5 m on foot, and for emergency
# vehicles, which are large: one careful figure for all of them. A fire engine may wade deeper, as
# its maker allows; no general limit was found.
PROFILES = {
    "civilian": Profile("civilian"),
    # Siren: the usual time times 0.7 (JEMSS), at turns as between them. One-way streets and turns
    # are open against their sign where safe (PRC Road Traffic Safety Law, art. 53), which is slow:
    # three times the time along the street, ten seconds more at a turn.
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


def usual_ms(
    arcs: Arcs, profile: Profile, speeds: ArcSpeeds | None = None, hour: int | None = None
) -> FloatArray:
    """Milliseconds for each arc in its direction, not yet rounded, as if all were open to it.

    With `speeds` and an `hour` of the week, as fast as the streets are driven then.
    """
    if profile.on_foot:
        base = arcs.length_m * WALK_MS_PER_M
    elif speeds is None or hour is None:
        base = arcs.ms.astype(np.float64)
    else:
        base = speeds.ms_at(arcs, hour)
    return base * profile.time_factor
