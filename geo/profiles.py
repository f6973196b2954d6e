"""How each kind of vehicle drives: the profiles that routers weigh streets by."""

from dataclasses import dataclass

import numpy as np

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
    traffic.
    """

    name: str
    time_factor: float = 1.0
    against_factor: float | None = None
    emergency_access: bool = False
    turn_factor: float = 1.0
    ban_penalty_ms: int | None = None
    on_foot: bool = False


PROFILES = {
    "civilian": Profile("civilian"),
    # Siren: the usual time times 0.7 (JEMSS), at turns as between them. One-way streets and turns
    # are open against their sign where safe (PRC Road Traffic Safety Law, art. 53), which is slow:
    # three times the time along the street, ten seconds more at a turn.
    "emergency": Profile(
        "emergency", 0.7, 3.0, emergency_access=True, turn_factor=0.7, ban_penalty_ms=10_000
    ),
    "foot": Profile(
        "foot", 1.0, 1.0, emergency_access=True, turn_factor=0.0, ban_penalty_ms=0, on_foot=True
    ),
}


def usual_ms(arcs: Arcs, profile: Profile) -> FloatArray:
    """Milliseconds for each arc in its direction, not yet rounded, as if all were open to it."""
    base = arcs.length_m * WALK_MS_PER_M if profile.on_foot else arcs.ms.astype(np.float64)
    return base * profile.time_factor
