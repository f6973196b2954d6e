"""Barriers on streets: gates and bollards, and who can pass them.

A barrier is a node of a way. If it closes a street, the last metre before it becomes a separate
arc, so that the street stays usable up to the barrier from both sides. The arc is open to emergency
vehicles only, if their crew can open the barrier; otherwise it is left out.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from geo.crs import haversine_m
from geo.maps.access import emergency_of, opens

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
_FIXED: Final = frozenset(("fixed", "irremovable"))
_SOLID: Final = frozenset(
    (
        *("block", "jersey_barrier", "fence", "wall", "city_wall", "retaining_wall", "hedge"),
        *("ditch", "guard_rail", "handrail", "log", "debris", "planter", "cycle_barrier"),
        *("motorcycle_barrier", "kissing_gate", "stile", "turnstile", "full-height_turnstile"),
        *("horse_stile",),
    )
)
_AUDIBLE: Final = frozenset(("audible", "audio"))


def barrier_of(tags: Mapping[str, str]) -> tuple[str, bool] | None:
    """Read the tags of a node.

    Its access tags decide in the order of `geo.maps.access`; of a node without a barrier, too.

    Returns
    -------
    (kind, openable) or None
        Whether an emergency crew can open it; None if there is no barrier, or everybody can pass:
        a toll booth, a kerb, an unknown kind, a gate with open `access`, a fence of sounds.
    """
    kind = tags.get("barrier", "")
    said = opens(tags)
    if said == "open" or (kind == "fence" and tags.get("sensory") in _AUDIBLE):
        return None
    if kind not in _CREW_OPENS | _SOLID:
        # A height restrictor, an entrance or no barrier at all, where a sign keeps cars out.
        return ("sign", emergency_of(tags) is not False) if said == "closed" else None
    crews = emergency_of(tags)
    if crews is not None:
        return kind, crews
    return kind, kind in _CREW_OPENS and tags.get("bollard") not in _FIXED


def insert_gate(
    refs: list[int],
    barrier: int,
    places: dict[int, tuple[float, float]],
    counts: Counter[str],
) -> int | None:
    """Insert a node one metre beside a barrier into a way's nodes, before it if there is room.

    Returns
    -------
    int or None
        Id of the new node, now in `places`: the barrier's id, negative. None if a required node
        is not in the file.
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
