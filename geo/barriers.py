"""Barriers on streets: who gets through a gate or a bollard.

A barrier is a node of a way. Where one closes a street, the last metre before it becomes an arc of
its own, so that the street stays usable up to it from both sides: the arc is for emergency
vehicles only if its crew can open the barrier, and is left out if nobody can.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from geo.crs import haversine_m

__all__ = ["OPENING_S", "barrier_of", "insert_gate"]

OPENING_S: Final = 20.0
"""Seconds to open a barrier and pass. A planning assumption: no source was found for it."""

_GATE_M = 1.0
_CREW_OPENS: Final = frozenset(
    (
        *("gate", "lift_gate", "swing_gate", "sliding_gate", "sliding_beam", "wicket_gate"),
        *("bump_gate", "hampshire_gate", "bollard", "rising_bollard", "chain", "rope", "bar"),
        *("barrier_board", "bus_trap", "sump_buster"),
    )
)
_SOLID: Final = frozenset(
    (
        *("block", "jersey_barrier", "fence", "wall", "city_wall", "retaining_wall", "hedge"),
        *("ditch", "guard_rail", "handrail", "log", "debris", "planter", "cycle_barrier"),
        *("motorcycle_barrier", "kissing_gate", "stile", "turnstile", "full-height_turnstile"),
        *("horse_stile",),
    )
)
_OPEN_TO_ALL: Final = frozenset(
    ("yes", "permissive", "designated", "public", "destination", "customers", "delivery")
)


def barrier_of(tags: Mapping[str, str]) -> tuple[str, bool] | None:
    """Read the tags of a node.

    Returns
    -------
    (kind, openable) or None
        Whether an emergency crew can open it; None if there is no barrier, or one that everybody
        passes: a toll booth, a kerb, an unknown kind, a gate whose `access` says so.
    """
    kind = tags.get("barrier", "")
    access = tags.get("motor_vehicle") or tags.get("vehicle") or tags.get("access") or ""
    if kind not in _CREW_OPENS | _SOLID or access in _OPEN_TO_ALL:
        return None
    emergency = tags.get("emergency", "")
    if emergency == "no":
        return kind, False
    if emergency in ("yes", "designated", "official"):
        return kind, True
    return kind, kind in _CREW_OPENS and tags.get("bollard") != "fixed"


def insert_gate(
    refs: list[int],
    barrier: int,
    places: dict[int, tuple[float, float]],
    counts: Counter[str],
) -> int | None:
    """Insert a node a metre beside a barrier into a way's nodes, before it where there is room.

    Returns
    -------
    int or None
        Id of the new node, which is in `places` now: the barrier's, negative. None if a node
        that is needed is not in the file.
    """
    at = refs.index(barrier)
    other = refs[at - 1] if at > 0 else refs[1]
    if barrier not in places or other not in places:
        return None
    (x, y), (x2, y2) = places[barrier], places[other]
    length = haversine_m(x, y, x2, y2)
    share = min(_GATE_M / length, 0.5) if length > 0.0 else 0.5
    new = -barrier
    if new in places:
        counts["barriers that could not be placed"] += 1
        return None
    places[new] = (x + (x2 - x) * share, y + (y2 - y) * share)
    refs.insert(at if at > 0 else 1, new)
    return new
