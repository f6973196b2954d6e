"""The state of a transition engine as a value, to store and to continue from."""

import msgspec

__all__ = ["EngineState", "FenceState", "ObjectState", "Visit"]


class Visit(msgspec.Struct, frozen=True, array_like=True):
    """An object is in a fence, since then (seconds)."""

    fence: str
    since: float


class ObjectState(msgspec.Struct, frozen=True):
    """An object's last fix, and where it is.

    Attributes
    ----------
    lon, lat
        WGS-84 degrees.
    time
        Seconds since the epoch of the given fixes.
    margin_m
        Accuracy times hysteresis, metres; 0 if the fix counts as exact.
    visits
        Visits in the order of the fences.
    """

    id: str
    lon: float
    lat: float
    time: float
    margin_m: float = 0.0
    visits: tuple[Visit, ...] = ()


class FenceState(msgspec.Struct, frozen=True):
    """A fence in the order of fences: when it ends (None: never), and whether it was removed."""

    id: str
    expires: float | None = None
    gone: bool = False


class EngineState(msgspec.Struct, frozen=True):
    """The whole state in order, except the fences' geometry, which their owner has."""

    fences: tuple[FenceState, ...]
    objects: tuple[ObjectState, ...]
