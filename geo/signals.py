"""Which drivers face a traffic signal: those that come to it, not those that leave it behind."""

import numpy as np
import numpy.typing as npt

__all__ = ["facing"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_JUNCTION_STREETS = 3
# Mappers place a signal at the junction or at the stop line of each approach. Lengths of inner
# areas of large junctions and of distances from stop line to junction: rules of thumb.
_INSIDE_M = 40.0
_APPROACH_M = 60.0


def facing(
    *,
    signal: BoolArray,
    street_count: IntArray,
    tail: IntArray,
    head: IntArray,
    twin: IntArray,
    length_m: FloatArray,
    stated: npt.NDArray[np.int8],
) -> BoolArray:
    """Tell for each arc whether its driver has to heed a signal at its head.

    All signals at an arc's head count, except where

    - the arc is short and began at a signal too: both belong to one junction, passed on one green;
    - the signal stands on the way itself, just behind the junction that the driver comes from and
      nearer to it than to the next: it faces the drivers of the other direction.

    Parameters
    ----------
    signal, street_count
        Of nodes, shape (n,).
    tail, head, twin, length_m
        Of arcs, shape (m,), as in `Arcs`.
    stated
        What the map says itself (``traffic_signals:direction``): 1 facing, 0 not, -1 nothing.

    Returns
    -------
    array of bool, shape (m,)
    """
    nodes = len(signal)
    junction = street_count >= _JUNCTION_STREETS
    inside = signal[tail] & (length_m <= _INSIDE_M)
    leaving = np.bincount(tail, weights=length_m, minlength=nodes)[head]
    onward = leaving - np.where(twin >= 0, length_m, 0.0)
    behind = (
        ~junction[head]
        & junction[tail]
        & (twin >= 0)
        & (length_m <= _APPROACH_M)
        & (onward > length_m)
    )
    answer: BoolArray = np.where(stated >= 0, stated == 1, ~inside & ~behind) & signal[head]
    return answer
