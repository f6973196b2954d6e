"""How far intake trusts what comes in."""

from typing import Literal

import msgspec

__all__ = ["FenceChange", "FenceKind", "IntakeLimits"]

FenceKind = Literal["district", "subdistrict", "beat", "hazard_zone"]
FenceChange = Literal["enter", "exit", "cross", "closed", "dwell", "inside"]


class IntakeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """IntakeLimits of the intake; whoever runs it says where they come from.

    Attributes
    ----------
    future_s, past_s
        How far a time may lie ahead of its message's arrival, and behind it.
    margin_m
        How far outside the city's bounds a place may lie.
    move_m, move_s
        A unit's position is journaled when it has moved so far, or when the last one journaled is
        so old; at most once a second.
    fence_kinds
        Kinds of the fences among which units are watched.
    fence_dwell_s
        How long a unit is in a fence before it dwells there, where the fence does not say; None
        for never.
    fence_hysteresis
        A border within so many times a fix's accuracy is too near to tell.
    fence_detect
        Kinds of the fence events that are told.
    """

    future_s: float = 300
    past_s: float = 86_400
    margin_m: float = 5_000
    move_m: float = 25
    move_s: float = 30
    fence_kinds: tuple[FenceKind, ...] = ("district", "beat", "hazard_zone")
    fence_dwell_s: float | None = 120
    fence_hysteresis: float = 1
    fence_detect: tuple[FenceChange, ...] = ("enter", "exit", "cross", "closed", "dwell")
