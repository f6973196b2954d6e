"""What a transition engine knows, as a value: to be kept anywhere, and to go on from."""

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
        Seconds since the epoch of the fixes given.
    margin_m
        Accuracy times hysteresis, metres; 0 if the fix was taken for exact.
    visits
        In the order of the fences.
    """

    id: str
    lon: float
    lat: float
    time: float
    margin_m: float = 0.0
    visits: tuple[Visit, ...] = ()


class FenceState(msgspec.Struct, frozen=True):
    """A fence's place in the order: when it ends (None: never), and whether it is gone."""

    id: str
    expires: float | None = None
    gone: bool = False


class EngineState(msgspec.Struct, frozen=True):
    """Everything but the fences' geometry, which their owner has; in order."""

    fences: tuple[FenceState, ...]
    objects: tuple[ObjectState, ...]
